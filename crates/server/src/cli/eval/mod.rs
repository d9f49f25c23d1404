//! Scoring the translator: questions over databases whose answers are known. What the question file
//! says besides the question itself is read by nobody before it was answered.

mod score;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use pacioli_language::{Context, Translation, Translator};
use pacioli_model::{Cell, Table};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CommandResult, block_on, books::Books};
use crate::clock::Clock;
use score::{Expected, matches};

/// Rows of an answer: more than any known answer has.
const ROWS: u64 = 200_000;

/// Score the translator on questions whose answers are known
#[derive(Args)]
pub struct Eval {
    /// Where the SQLite databases are: DIR/NAME.sqlite or DIR/NAME/NAME.sqlite
    #[arg(long, value_name = "DIR")]
    databases: PathBuf,
    /// The questions, one JSON object a line: id, db_id, question
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
}

/// All that is read of a question.
#[derive(Deserialize)]
struct Question {
    id: Value,
    db_id: String,
    #[serde(rename = "question")]
    words: String,
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
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Timing {
    translate: f64,
    run: f64,
}

impl Eval {
    pub fn run(self) -> CommandResult {
        block_on(self.score())?
    }

    async fn score(self) -> CommandResult {
        let Kind::Rules = self.translator;
        let questions: Vec<Question> = lines(&self.questions)?;
        let today = self.today.unwrap_or_else(|| Clock::System.now().utc().date_naive());
        let mut outcomes = Vec::with_capacity(questions.len());
        for (name, of_database) in by_database(&questions) {
            let books = Books::open(&[database(&self.databases, name)?], ROWS).await?;
            let translator = Translator::new(&books.catalog);
            for (place, question) in of_database {
                outcomes.push((place, answer(&books, &translator, question, today).await));
            }
        }
        outcomes.sort_by_key(|(place, _)| *place);
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        if let Some(path) = &self.out {
            let mut out = BufWriter::new(File::create(path)?);
            for outcome in &outcomes {
                writeln!(out, "{}", serde_json::to_string(outcome)?)?;
            }
            out.flush()?;
        }
        let expected = self.expected.or_else(|| beside(&self.questions));
        let expected = expected.as_deref().map(lines::<Expected>).transpose()?;
        report(&outcomes, expected.as_deref())
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

fn database(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let file = format!("{name}.sqlite");
    let places = [folder.join(&file), folder.join(name).join(&file)];
    let found = places.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| format!("{} is not there", places[0].display()))
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Box<dyn std::error::Error>> {
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

async fn answer(
    books: &Books,
    translator: &Translator<'_>,
    question: &Question,
    today: NaiveDate,
) -> Outcome {
    let started = Instant::now();
    let context = Context { today, table: None };
    let translation = translator.translate(&question.words, &context);
    let mut outcome = Outcome {
        id: question.id.clone(),
        status: "not_answerable",
        columns: Vec::new(),
        rows: Vec::new(),
        sql: None,
        reason: None,
        source: "rules",
        confidence: 0.0,
        timing_ms: Timing { translate: millis(started), run: 0.0 },
    };
    match translation {
        Translation::Refuse { not_understood, reason } => {
            outcome.reason = Some(format!("{reason} [{}]", not_understood.join("; ")));
        }
        Translation::Clarify { question, choices } => {
            outcome.status = "needs_clarification";
            let choices: Vec<_> = choices.into_iter().map(|choice| choice.label).collect();
            outcome.reason = Some(format!("{question} {}", choices.join(" | ")));
        }
        Translation::Analyse(analysed) => {
            outcome.reason = Some(format!("{:?}", analysed.analysis.kind));
        }
        Translation::Understood(understood) => {
            outcome.confidence = understood.confidence;
            let started = Instant::now();
            match books.run(&understood.ask).await {
                Ok(answer) => outcome.answered(answer.table, answer.sql),
                Err(error) => {
                    outcome.status = "error";
                    outcome.reason = Some(error.to_string());
                }
            }
            outcome.timing_ms.run = millis(started);
        }
    }
    outcome
}

fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

impl Outcome {
    fn answered(&mut self, table: Table, sql: String) {
        self.status = "answered";
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

fn report(outcomes: &[Outcome], expected: Option<&[Expected]>) -> CommandResult {
    let mut out = io::stdout().lock();
    let count = |status| outcomes.iter().filter(|one| one.status == status).count();
    let answered = count("answered");
    writeln!(out, "questions        {}", outcomes.len())?;
    writeln!(out, "answered         {}", share(answered, outcomes.len()))?;
    writeln!(out, "asked back       {}", share(count("needs_clarification"), outcomes.len()))?;
    writeln!(out, "refused          {}", share(count("not_answerable"), outcomes.len()))?;
    writeln!(out, "failed           {}", share(count("error"), outcomes.len()))?;
    if let Some(expected) = expected {
        let known: HashMap<String, &Expected> =
            expected.iter().map(|one| (one.id.to_string(), one)).collect();
        let judged = |outcome: &&Outcome| {
            known.get(&outcome.id.to_string()).is_some_and(|expected| !expected.truncated)
        };
        let judged: Vec<&Outcome> = outcomes.iter().filter(judged).collect();
        let answered = judged.iter().filter(|one| one.status == "answered").count();
        let right = |outcome: &&&Outcome| {
            outcome.status == "answered" && matches(known[&outcome.id.to_string()], &outcome.rows)
        };
        let right = judged.iter().filter(right).count();
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
