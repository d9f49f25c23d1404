use chrono::NaiveDate;
use pacioli_model::{
    Finding, Kpi, Missing, Point, Report, ReportId, SavedAnswer, TableUsed, Timestamp, Window,
    notation,
};
use pacioli_report::{Language, chart::vega_lite, document::Section, retold, write};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{
    cells::{CellOut, ColumnOut, shape},
    jobs::JobOut,
};

/// A report that is being made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportStarted {
    #[serde(flatten)]
    pub job: JobOut,
    /// Where its files are, once the job has succeeded.
    pub files: Vec<FileOut>,
}

/// A file of a report.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileOut {
    /// `pdf`, `xlsx`, `csv`, `html` or `zip`.
    #[schema(example = "pdf")]
    format: String,
    /// Its path.
    #[schema(example = "/reports/7a1b7c1e-5a0e-4f5e-9c5c-0f5f6d6f7a8b.pdf")]
    href: String,
}

impl FileOut {
    /// The files of these endings.
    pub fn of<'a>(id: &ReportId, endings: impl Iterator<Item = &'a str>) -> Vec<Self> {
        let file = |format: &str| Self {
            format: format.to_owned(),
            href: format!("/reports/{id}.{format}"),
        };
        endings.map(file).collect()
    }
}

/// A report, in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportSummary {
    /// Names the report.
    id: Uuid,
    /// What it is about.
    #[schema(example = "overview")]
    kind: &'static str,
    /// When it was made: what it says is as of then.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// The days it is about.
    period: WindowOut,
    /// How many findings it has.
    findings: usize,
    /// `en` or `de`.
    language: String,
}

/// A run of days.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowOut {
    /// First day.
    #[schema(value_type = String, format = "date")]
    from: NaiveDate,
    /// The day after the last.
    #[schema(value_type = String, format = "date")]
    to: NaiveDate,
    /// All of it lies in the past and is covered by the data.
    complete: bool,
}

impl From<Window> for WindowOut {
    fn from(it: Window) -> Self {
        Self { from: it.from, to: it.to, complete: it.complete }
    }
}

impl From<&Report> for ReportSummary {
    fn from(it: &Report) -> Self {
        Self {
            id: it.id.0,
            kind: it.content.kind.as_str(),
            created_at: it.created_at,
            period: it.content.period.into(),
            findings: it.content.findings.len(),
            language: it.language.clone(),
        }
    }
}

/// A report: figures, the findings that matter, and everything needed to check them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportOut {
    #[serde(flatten)]
    summary: ReportHead,
    /// The days that it compares with.
    comparison: Option<WindowOut>,
    /// ISO 4217 code of the amounts, where it is known and one.
    currency: Option<String>,
    /// The day that it was written as of.
    #[schema(value_type = String, format = "date")]
    today: NaiveDate,
    /// The last day that the data has.
    #[schema(value_type = Option<String>, format = "date")]
    data_until: Option<NaiveDate>,
    /// Which rows count, in words.
    filters: Vec<String>,
    /// The figures at its head.
    headline: Vec<KpiOut>,
    /// The most important first, at most ten.
    findings: Vec<FindingOut>,
    /// Answers of saved questions, in a custom report.
    answers: Vec<AnswerOut>,
    /// How the figures are computed.
    #[schema(value_type = Vec<Object>)]
    definitions: Vec<Value>,
    /// The tables behind it, with their versions.
    tables: Vec<TableUsedOut>,
    /// The queries behind it; findings and figures name them by their place, from 0.
    queries: Vec<QueryUsedOut>,
    /// What could not be looked at, and the tables and columns that are not there.
    missing: Vec<MissingOut>,
    /// Tests that were made; the findings are what remained after the control of false discoveries.
    tests_made: usize,
    /// The files that were asked for with it. It comes in the other forms too, by the endings of their names.
    files: Vec<FileOut>,
}

/// What a report is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportHead {
    /// Names the report.
    id: Uuid,
    /// What it is about.
    #[schema(example = "overview")]
    kind: &'static str,
    /// The company.
    company_name: String,
    /// When it was made: what it says is as of then.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// The days it is about.
    period: WindowOut,
    /// Of its words: `en` or `de`.
    language: String,
}

/// A figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct KpiOut {
    /// Its name.
    name: String,
    /// For people.
    label: String,
    /// What it is in: `currency EUR`, `percent`, `days`; empty for a plain number.
    unit: String,
    /// `higher`, `lower` or `neither`: which way is good.
    #[schema(value_type = String)]
    better: Value,
    /// In the period.
    value: Option<f64>,
    /// In the months before.
    previous: Option<f64>,
    /// A year before.
    year_before: Option<f64>,
    /// By month.
    series: Vec<PointOut>,
    /// Places in `queries`.
    queries: Vec<usize>,
}

/// One month of a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct PointOut {
    /// Its first day.
    #[schema(value_type = String, format = "date")]
    at: NaiveDate,
    /// Its value.
    value: Option<f64>,
    /// It is not over.
    partial: bool,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingOut {
    /// The same for the same kind of fact about the same subject in every report.
    #[schema(example = "change_point:revenue:region:South")]
    id: String,
    /// The finding in a few words, in the report's language.
    #[schema(example = "Revenue fell by 12.7%")]
    title: String,
    /// The finding in sentences.
    sentences: Vec<String>,
    /// What to do about it.
    advice: Option<String>,
    /// How sure it is, and what to keep in mind.
    notes: Vec<String>,
    /// Its picture: a Vega-Lite v5 specification.
    #[schema(value_type = Option<Object>)]
    chart: Option<Value>,
    /// What it is about: metric, table, dimension, member, window.
    #[schema(value_type = Object)]
    subject: Value,
    /// What was found: `kind` says what, and which members there are.
    #[schema(value_type = Object)]
    fact: Value,
    /// The test behind it: name, statistic, p_value after the control, n.
    #[schema(value_type = Option<Object>)]
    test: Option<Value>,
    /// Impact, significance, novelty and actionability, 0 to 1, whose product ranks it.
    #[schema(value_type = Object)]
    score: Value,
    /// What to keep in mind.
    #[schema(value_type = Vec<String>)]
    caveats: Value,
    /// The rows behind it.
    evidence: RowsOut,
    /// Places in `queries`.
    queries: Vec<usize>,
}

/// Rows under named columns.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowsOut {
    /// Name and type of each column.
    columns: Vec<ColumnOut>,
    /// Each as long as `columns`.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Vec<CellOut>>,
    /// More rows exist than are sent.
    truncated: bool,
}

/// A saved question and its answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerOut {
    /// The question.
    question: String,
    /// The answer as a sentence.
    answer: String,
    /// Its picture: a Vega-Lite v5 specification.
    #[schema(value_type = Option<Object>)]
    chart: Option<Value>,
    /// Its rows.
    rows: RowsOut,
    /// Place in `queries`.
    query: usize,
}

/// A table behind a report.
#[derive(Debug, Serialize, ToSchema)]
pub struct TableUsedOut {
    /// Its name.
    name: String,
    /// For people.
    label: String,
    /// Which load of it.
    version: Uuid,
    /// When that was.
    #[schema(value_type = String, format = "date-time")]
    loaded_at: Timestamp,
    /// Rows.
    rows: u64,
}

/// A query behind a report.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryUsedOut {
    /// What was computed.
    sql: String,
    /// Rows that it gave.
    rows: usize,
    /// Runs it again: `POST` there, without a body.
    #[schema(example = "/reports/7a1b7c1e-5a0e-4f5e-9c5c-0f5f6d6f7a8b/run?query=0")]
    href: String,
}

/// What could not be looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct MissingOut {
    /// A figure's label, a saved question, or what there is none of: `sales`, `stock`, `people`, `rows`,
    /// `questions`…; `more_questions` where more are saved than a report answers, `muted` where readers have
    /// muted what would have been told.
    what: String,
    /// Tables and columns that are not there, where they are known; saved questions that are left out.
    names: Vec<String>,
    /// Why a saved question has no answer.
    reason: Option<String>,
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn rows(table: pacioli_model::Table) -> RowsOut {
    let truncated = table.truncated;
    let (columns, rows) = shape(table);
    RowsOut { columns, rows, truncated }
}

impl ReportOut {
    /// The report with its words in a language; in that which it was asked for in where none is named.
    pub fn new(it: Report, language: Option<Language>) -> Self {
        let own = || Language::parse(&it.language).unwrap_or_default();
        let language = language.unwrap_or_else(own);
        let mut sections = write(&it, language).sections;
        let of_answers = sections.split_off(it.content.findings.len());
        let files = FileOut::of(&it.id, it.formats.iter().map(String::as_str));
        let (id, content) = (it.id, it.content);
        Self {
            files,
            summary: ReportHead {
                id: it.id.0,
                kind: content.kind.as_str(),
                company_name: it.company_name,
                created_at: it.created_at,
                period: content.period.into(),
                language: language.code().to_owned(),
            },
            comparison: content.comparison.map(WindowOut::from),
            currency: content.currency,
            today: content.today,
            data_until: content.data_until,
            filters: content.filters,
            headline: content.headline.into_iter().map(KpiOut::from).collect(),
            findings: content
                .findings
                .into_iter()
                .zip(sections)
                .map(|(finding, section)| FindingOut::new(finding, section, language))
                .collect(),
            answers: content
                .answers
                .into_iter()
                .zip(&of_answers)
                .map(|(answer, section)| AnswerOut::new(answer, section, language))
                .collect(),
            definitions: content.definitions.iter().map(json).collect(),
            tables: content.tables.into_iter().map(TableUsedOut::from).collect(),
            queries: content
                .queries
                .into_iter()
                .enumerate()
                .map(|(place, it)| QueryUsedOut {
                    sql: it.sql,
                    rows: it.rows,
                    href: format!("/reports/{id}/run?query={place}"),
                })
                .collect(),
            missing: content.missing.into_iter().map(|it| MissingOut::new(it, language)).collect(),
            tests_made: content.tests_made,
        }
    }

    /// With at most so many rows of each finding and answer.
    #[must_use]
    pub fn with_rows(mut self, most: usize) -> Self {
        let of_findings = self.findings.iter_mut().map(|it| &mut it.evidence);
        for rows in of_findings.chain(self.answers.iter_mut().map(|it| &mut it.rows)) {
            rows.truncated |= rows.rows.len() > most;
            rows.rows.truncate(most);
        }
        self
    }
}

impl From<Kpi> for KpiOut {
    fn from(it: Kpi) -> Self {
        let point = |it: Point| PointOut { at: it.at, value: it.value, partial: it.partial };
        Self {
            unit: notation::write_unit(&it.metric.unit),
            better: json(&it.metric.better),
            name: it.metric.name,
            label: it.metric.label,
            value: it.value,
            previous: it.previous,
            year_before: it.year_before,
            series: it.series.into_iter().map(point).collect(),
            queries: it.queries,
        }
    }
}

fn drawn(section: &Section, language: Language) -> Option<Value> {
    section.chart.as_ref().map(|chart| vega_lite(chart, language))
}

impl FindingOut {
    fn new(it: Finding, said: Section, language: Language) -> Self {
        Self {
            chart: drawn(&said, language),
            title: said.heading,
            sentences: said.sentences,
            advice: said.advice,
            notes: said.test.into_iter().chain(said.caveats).collect(),
            subject: json(&it.subject),
            fact: json(&it.fact),
            test: it.test.as_ref().map(json),
            score: json(&it.score),
            caveats: json(&it.caveats),
            evidence: rows(it.evidence.table),
            queries: it.evidence.queries,
            id: it.id,
        }
    }
}

impl AnswerOut {
    fn new(it: SavedAnswer, said: &Section, language: Language) -> Self {
        Self {
            question: it.question,
            answer: said.sentences.join(" "),
            chart: drawn(said, language),
            rows: rows(it.table),
            query: it.query,
        }
    }
}

impl From<TableUsed> for TableUsedOut {
    fn from(it: TableUsed) -> Self {
        Self {
            name: it.table.to_string(),
            label: it.label,
            version: it.version.0,
            loaded_at: it.loaded_at,
            rows: it.rows,
        }
    }
}

impl MissingOut {
    fn new(it: Missing, language: Language) -> Self {
        let reason = it.reason.map(|reason| retold(&reason, language));
        Self { what: it.what, names: it.names, reason }
    }
}
