//! Scoring the translator: questions over databases whose answers are known. What the question file
//! says besides the question itself is read by nobody before it was answered.

mod graded;
mod score;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use pacioli_engine::EngineError;
use pacioli_language::{Context, Translator};
use pacioli_model::{AnalysisKind, Cell};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CommandResult, Settings, block_on, books::Books};
use crate::{
    answering::{Answered, Asked, Outcome as Became, Translators},
    asking::Source,
    clock::Clock,
    models::{Models, Shared},
};
use score::Expected;

/// Rows of an answer: more than any known answer has.
const ROWS: u64 = 200_000;

/// Score the translator on questions whose answers are known
#[derive(Args)]
pub struct Eval {
    /// Where the databases are: DIR/NAME.sqlite, DIR/NAME/NAME.sqlite, or the files in DIR/NAME; what
    /// their tables mean may stand in DIR/NAME.toml. Given several times, the first that has it counts
    #[arg(long, value_name = "DIR", required = true)]
    databases: Vec<PathBuf>,
    /// The questions, one JSON object a line: id, db_id, question; and `after`, the id of the question
    /// that it goes on from
    #[arg(long, value_name = "FILE")]
    questions: PathBuf,
    /// What translates
    #[arg(long, value_enum, default_value_t = Kind::Rules)]
    translator: Kind,
    /// Write one JSON object for each question here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The rows that are right, one JSON object a line: id, rows, ordered [default: the questions'
    /// file with _expected in its name, where it exists]
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// The day that "this month" is counted from [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<NaiveDate>,
}

/// What translates questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Rules alone.
    Rules,
    /// The model of the file that `language.model` names, alone.
    Model,
    /// The model of the server that `language.llm_base_url` names, alone.
    Llm,
    /// Rules, and the models that are configured where rules do not do.
    Cascade,
}

impl Kind {
    /// Who translates, and the models that are asked.
    fn translators(self, models: &Models) -> Result<(Translators, Vec<Shared>), String> {
        let one = |model: &Option<Shared>, key: &str| {
            let model = model.clone().ok_or_else(|| format!("{key} is not set"))?;
            Ok::<_, String>((Translators::Model, vec![model]))
        };
        match self {
            Self::Rules => Ok((Translators::Rules, Vec::new())),
            Self::Model => one(&models.local, "language.model"),
            Self::Llm => one(&models.server, "language.llm_base_url"),
            Self::Cascade => Ok((Translators::Cascade, models.all())),
        }
    }
}

/// All that is read of a question.
#[derive(Deserialize)]
struct Question {
    id: Value,
    db_id: String,
    #[serde(rename = "question")]
    words: String,
    /// The question before it in the same conversation.
    #[serde(default)]
    after: Option<Value>,
}

/// What became of it.
#[derive(Debug, Serialize)]
struct Outcome {
    id: Value,
    status: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    source: &'static str,
    confidence: f64,
    timing_ms: Timing,
    /// Whether that is what should become of it, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<bool>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Timing {
    translate: f64,
    run: f64,
}

impl Eval {
    pub fn run(self, settings: &Settings) -> CommandResult {
        block_on(self.score(settings))?
    }

    async fn score(self, settings: &Settings) -> CommandResult {
        let models = Models::configured(&settings.load()?.language)?;
        let (translators, models) = self.translator.translators(&models)?;
        let questions: Vec<Question> = lines(&self.questions)?;
        let today = self.today.unwrap_or_else(|| Clock::System.now().utc().date_naive());
        let mut outcomes = Vec::with_capacity(questions.len());
        for (name, of_database) in by_database(&questions) {
            let books = open(&self.databases, name).await?;
            let translator = Translator::new(&books.catalog);
            let mut asked = HashMap::new();
            for (place, question) in of_database {
                let context = Context { today, table: None };
                let last = question.after.as_ref().and_then(|id| asked.get(&id.to_string()));
                let asking =
                    Asked { words: &question.words, context: &context, last, choice: None };
                let started = Instant::now();
                let answering = books.answering(&models, translators);
                let became = answering.answer(&translator, &asking).await;
                let took = started.elapsed();
                if let Ok((Became::Answered(answered), _)) = &became
                    && let Some(ask) = &answered.ask
                {
                    asked.insert(question.id.to_string(), ask.clone());
                }
                let outcome = Outcome::of(question.id.clone(), became, took);
                outcomes.push((place, outcome));
            }
        }
        outcomes.sort_by_key(|(place, _)| *place);
        let mut outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        let expected = self.expected.or_else(|| beside(&self.questions));
        let expected = expected.as_deref().map(lines::<Expected>).transpose()?.unwrap_or_default();
        let expected: HashMap<String, Expected> =
            expected.into_iter().map(|one| (one.id.to_string(), one)).collect();
        for outcome in &mut outcomes {
            let known = expected
                .get(&outcome.id.to_string())
                .filter(|known| !known.truncated && known.error.is_none());
            outcome.right = known.map(|known| outcome.is_right(known));
        }
        if let Some(path) = &self.out {
            let mut out = BufWriter::new(File::create(path)?);
            for outcome in &outcomes {
                writeln!(out, "{}", serde_json::to_string(outcome)?)?;
            }
            out.flush()?;
        }
        report(&outcomes, &expected)
    }
}

/// Questions of one database together, so that each is loaded once, with their places in the file.
fn by_database(questions: &[Question]) -> Vec<(&str, Vec<(usize, &Question)>)> {
    let mut groups: Vec<(&str, Vec<(usize, &Question)>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, question) in questions.iter().enumerate() {
        let group = *places.entry(&question.db_id).or_insert_with(|| {
            groups.push((&question.db_id, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push((place, question));
    }
    groups
}

/// Loads a database with what its tables mean.
pub(super) async fn open(
    folders: &[PathBuf],
    name: &str,
) -> Result<Books, Box<dyn std::error::Error>> {
    let has = |folder: &&PathBuf| {
        folder.join(format!("{name}.sqlite")).is_file() || folder.join(name).is_dir()
    };
    let folder = folders.iter().find(has).ok_or_else(|| format!("There is no database {name}"))?;
    let mut books = Books::open(&files(folder, name)?, ROWS).await?;
    books.recognise();
    let semantics = folder.join(format!("{name}.toml"));
    if semantics.is_file() {
        books.declare(&fs::read_to_string(semantics)?)?;
    }
    Ok(books)
}

fn files(folder: &Path, name: &str) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let (file, inside) = (format!("{name}.sqlite"), folder.join(name));
    let places = [folder.join(&file), inside.join(&file)];
    if let Some(found) = places.iter().find(|path| path.is_file()) {
        return Ok(vec![found.clone()]);
    }
    let mut paths: Vec<PathBuf> = fs::read_dir(inside)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

pub(super) fn lines<T: DeserializeOwned>(
    path: &Path,
) -> Result<Vec<T>, Box<dyn std::error::Error>> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut items = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line?;
        if !line.trim().is_empty() {
            let at = |error| format!("{}, line {}: {error}", path.display(), number + 1);
            items.push(serde_json::from_str(&line).map_err(at)?);
        }
    }
    Ok(items)
}

/// `dev_expected.jsonl` for `dev.jsonl`.
fn beside(questions: &Path) -> Option<PathBuf> {
    let stem = questions.file_stem()?.to_str()?;
    let path = questions.with_file_name(format!("{stem}_expected.jsonl"));
    path.is_file().then_some(path)
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

impl Outcome {
    fn of(id: Value, became: Result<(Became, Duration), EngineError>, took: Duration) -> Self {
        let mut outcome = Self {
            id,
            status: "not_answerable",
            columns: Vec::new(),
            rows: Vec::new(),
            sql: None,
            reason: None,
            source: Source::Rules.as_str(),
            confidence: 0.0,
            timing_ms: Timing::default(),
            right: None,
        };
        let became = match became {
            Ok((became, translated)) => {
                let run = took.saturating_sub(translated);
                outcome.timing_ms = Timing { translate: millis(translated), run: millis(run) };
                became
            }
            Err(error) => {
                outcome.status = "error";
                outcome.reason = Some(error.to_string());
                return outcome;
            }
        };
        match became {
            Became::Answered(answered) => outcome.answered(*answered),
            Became::Analyse(analysed) => {
                outcome.status = match analysed.analysis.kind {
                    AnalysisKind::Why { .. } => "why",
                    AnalysisKind::Forecast => "forecast",
                    AnalysisKind::Unusual => "unusual",
                };
            }
            Became::Clarify { question, choices, .. } => {
                outcome.status = "needs_clarification";
                let choices: Vec<_> = choices.into_iter().map(|choice| choice.label).collect();
                outcome.reason = Some(format!("{question} {}", choices.join(" | ")));
            }
            Became::Refused { not_understood, reason } => {
                outcome.reason = Some(format!("{reason} [{}]", not_understood.join("; ")));
            }
        }
        outcome
    }

    /// Whether this is what should have become of the question.
    fn is_right(&self, expected: &Expected) -> bool {
        let wanted = |what: &str| {
            expected.expect.iter().any(|one| one == what)
                || expected.expect.is_empty() && what == "answer"
        };
        match self.status {
            "answered" => wanted("answer") && expected.is_met_by(&self.rows),
            "needs_clarification" => wanted("ask"),
            "not_answerable" => wanted("refuse"),
            analysis => wanted(analysis),
        }
    }

    fn answered(&mut self, answered: Answered) {
        let (table, sql) = (answered.answer.table, answered.answer.sql);
        self.status = "answered";
        self.source = answered.source.as_str();
        self.confidence = answered.understood.confidence;
        self.columns = table.columns.iter().map(|column| column.name.to_string()).collect();
        let row = |row: Vec<Cell>| row.into_iter().map(cell).collect();
        self.rows = table.rows.into_iter().map(row).collect();
        self.sql = Some(sql);
    }
}

/// A cell as JSON, moments and truth as SQLite writes them, which keeps no types for them.
fn cell(cell: Cell) -> Value {
    match cell {
        Cell::Boolean(value) => Value::from(u8::from(value)),
        Cell::Timestamp(value) => {
            Value::from(value.naive_utc().format("%Y-%m-%d %H:%M:%S%.f").to_string())
        }
        Cell::Null => Value::Null,
        Cell::Integer(value) => Value::from(value),
        Cell::Decimal(value) => Value::from(value.to_f64()),
        Cell::Float(value) => Value::from(value),
        Cell::Text(value) => Value::from(value),
        Cell::Date(value) => Value::from(value.to_string()),
    }
}

fn report(outcomes: &[Outcome], expected: &HashMap<String, Expected>) -> CommandResult {
    let mut out = io::stdout().lock();
    let count = |status| outcomes.iter().filter(|one| one.status == status).count();
    writeln!(out, "questions        {}", outcomes.len())?;
    writeln!(out, "answered         {}", share(count("answered"), outcomes.len()))?;
    writeln!(out, "asked back       {}", share(count("needs_clarification"), outcomes.len()))?;
    writeln!(out, "refused          {}", share(count("not_answerable"), outcomes.len()))?;
    writeln!(out, "failed           {}", share(count("error"), outcomes.len()))?;
    if expected.values().any(|one| one.grade.is_some()) {
        graded::report(&mut out, outcomes, expected)?;
    } else if !expected.is_empty() {
        let judged: Vec<&Outcome> = outcomes.iter().filter(|one| one.right.is_some()).collect();
        let answered = judged.iter().filter(|one| one.status == "answered").count();
        let right = judged.iter().filter(|one| one.right == Some(true)).count();
        writeln!(out, "execution accuracy        {}", share(right, judged.len()))?;
        writeln!(out, "precision when answered   {}", share(right, answered))?;
    }
    let mut times: Vec<f64> = outcomes.iter().map(|one| one.timing_ms.translate).collect();
    times.sort_by(f64::total_cmp);
    for (name, hundredths) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let place = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
        let value = times.get(place).copied().unwrap_or_default();
        writeln!(out, "translation {name}  {value:.2} ms")?;
    }
    Ok(())
}

fn share(part: usize, whole: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share, shown in per cent")]
    let percent = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{part} of {whole} ({percent:.1} %)")
}
