use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use pacioli_language::{Choice, Interpretation, Span};
use pacioli_model::{
    Ask, ConversationId, QueryId, QuestionRecord, SavedQuestion, TableVersion, TimeGrain,
};
use pacioli_report::{Language, retold};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    cells::{CellOut, ColumnOut, shape},
    job_events,
    no_store::NoStore,
    query_events,
    reports::LanguageName,
    results::Format,
};
use crate::{
    app::App,
    asking::{Answered, Asked, Asker, Outcome},
    error::ApiResult,
    extract::{AskQuestions, Caller, Json, Line},
};

/// A question in plain English.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the member is called so")]
pub struct Question {
    /// In your own words.
    #[schema(value_type = String, min_length = 1, max_length = 1000, example = "revenue by month")]
    question: Line<1000>,
    /// Which reading is meant, where this question was asked back before: `choice` of one of its
    /// `choices`.
    #[serde(default)]
    choice: Option<usize>,
    /// The conversation this goes on with; a new one where it is absent.
    #[serde(default)]
    conversation_id: Option<Uuid>,
    /// Names the query, so that it can be cancelled while it runs; chosen by the server where it is
    /// absent.
    #[serde(default)]
    query_id: Option<Uuid>,
    /// The language of the answer, `en` or `de`; questions are asked in English. What is asked back and refused
    /// comes in English too, where it is about the question's own words.
    #[serde(default)]
    language: Option<LanguageName>,
    /// The day that "this month" is counted from; today in the company's time zone where it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date", example = "2025-06-17")]
    today: Option<NaiveDate>,
}

/// The answer, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryOut {
    /// `answered`, `needs_clarification` or `not_answerable`.
    #[schema(example = "answered")]
    status: &'static str,
    /// The answer as a sentence; what to ask back; or why there is none.
    answer: String,
    /// Name and type of each column.
    columns: Vec<ColumnOut>,
    /// Each as long as `columns`.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Vec<CellOut>>,
    /// How many rows.
    row_count: usize,
    /// More rows exist than are sent.
    truncated: bool,
    /// A Vega-Lite v5 specification, where a picture says more than the rows.
    #[schema(value_type = Option<Object>)]
    chart: Option<serde_json::Value>,
    /// What was computed, as SQL.
    sql: Option<String>,
    /// How the question was understood.
    interpretation: Option<InterpretationOut>,
    /// The readings to choose from, when clarification is needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<ChoiceOut>,
    /// The words that were not understood, when there is no answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_understood: Vec<String>,
    /// How sure the reading is, 0 to 1.
    confidence: f64,
    /// What produced the reading: `verified`, `rules` or `model`.
    #[schema(example = "rules")]
    source: &'static str,
    /// Where the time went.
    timing_ms: Timing,
    /// Names this question and its answer.
    query_id: Uuid,
    /// Names the conversation it belongs to.
    conversation_id: Uuid,
}

/// Milliseconds.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Timing {
    /// Understanding the question.
    pub(super) translate: f64,
    /// Running the query.
    pub(super) run: f64,
    /// All of it.
    pub(super) total: f64,
}

/// How a question was understood, for people to check.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterpretationOut {
    /// The table that was asked.
    table: String,
    /// Which version of it.
    table_version: Option<Uuid>,
    /// What was computed.
    metrics: Vec<String>,
    /// What rows were grouped by.
    groups: Vec<String>,
    /// Which rows count.
    filters: Vec<String>,
    /// Which days count.
    date_range: Option<DateRangeOut>,
    /// `day`, `week`, `month`, `quarter` or `year`.
    #[schema(value_type = Option<String>)]
    grain: Option<TimeGrain>,
    /// ISO 4217 code of the amounts, where it is known and one.
    currency: Option<String>,
    /// The day that relative dates were counted from.
    #[schema(value_type = Option<String>, format = "date")]
    as_of: Option<NaiveDate>,
    /// Choices made on your behalf, and what the answer leaves out.
    notes: Vec<String>,
    /// Which words were taken as what.
    words: Vec<WordOut>,
}

/// A run of days.
#[derive(Debug, Serialize, ToSchema)]
pub struct DateRangeOut {
    /// The column that was compared.
    column: String,
    /// First day.
    #[schema(value_type = Option<String>, format = "date")]
    from: Option<NaiveDate>,
    /// The day after the last.
    #[schema(value_type = Option<String>, format = "date")]
    to: Option<NaiveDate>,
    /// In words.
    words: String,
}

/// Some words of the question and what they were taken as.
#[derive(Debug, Serialize, ToSchema)]
pub struct WordOut {
    /// As typed.
    text: String,
    /// What they were taken as.
    meaning: String,
}

/// One reading of an ambiguous question.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChoiceOut {
    /// Send it with the same question to choose this reading.
    choice: usize,
    /// What tells it from the others.
    label: String,
    /// The reading in plain words.
    question: String,
    /// How it would be understood.
    interpretation: InterpretationOut,
}

impl InterpretationOut {
    fn new(given: Interpretation, version: Option<TableVersion>, spans: Vec<Span>) -> Self {
        let words =
            spans.into_iter().map(|span| WordOut { text: span.text, meaning: span.meaning });
        let date_range = given.date_range.map(|range| DateRangeOut {
            column: range.column.to_string(),
            from: range.from,
            to: range.to,
            words: range.words,
        });
        Self {
            table: given.table.to_string(),
            table_version: version.map(|version| version.0),
            metrics: given.measures,
            groups: given.groups,
            filters: given.filters,
            date_range,
            grain: given.grain,
            currency: given.currency,
            as_of: given.as_of,
            notes: given.notes,
            words: words.collect(),
        }
    }
}

impl ChoiceOut {
    fn new((choice, reading): (usize, Choice)) -> Self {
        let interpretation = InterpretationOut::new(reading.interpretation, None, Vec::new());
        Self { choice, label: reading.label, question: reading.question, interpretation }
    }
}

/// Ask a question
///
/// Answers in figures, a sentence, a chart and the SQL behind them; asks back where the question can
/// be read in several ways; refuses, naming the words it did not understand, where it cannot be sure.
/// A question whose answer somebody of the company has verified is answered by that.
/// By `Accept` the rows of an answer alone, as `text/csv`, `application/vnd.apache.arrow.stream` or
/// `application/vnd.apache.parquet`, or a workbook of rows, picture and SQL, as
/// `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`; a question back and a refusal are
/// JSON always. With `text/event-stream` as events: `stage` with `stage` (`understanding`, `running`) and
/// `query_id`, then one `answer` with the same JSON, or one `error` with a problem.
#[utoipa::path(
    post, path = "/query", tag = "questions", operation_id = "ask", request_body = Question,
    responses((status = 200, description = "An answer, a question back, or a refusal", content(
        (QueryOut = "application/json"), (String = "text/event-stream"),
    ))),
)]
pub async fn ask(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    (format, headers): (Format, HeaderMap),
    Json(question): Json<Question>,
) -> ApiResult<Response> {
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let asked = Asked {
        words: question.question.into_inner(),
        choice: question.choice,
        conversation: question.conversation_id.map(ConversationId),
        today: question.today.unwrap_or_else(|| app.today(&caller.account.company)),
        id: QueryId(question.query_id.unwrap_or_else(|| app.random.uuid())),
    };
    if job_events::are_wanted(&headers) {
        let request_id = caller.request.request_id.to_string();
        return Ok(query_events::of(request_id, asked.id, |stages| async move {
            let asker = Asker::of(&app, &caller).in_language(question.language);
            answer(&Asker { stages: Some(&stages), ..asker }, asked, Format::Json).await
        }));
    }
    answer(&Asker::of(&app, &caller).in_language(question.language), asked, format).await
}

/// Asks, remembers that it was asked, and sends what became of it.
pub(super) async fn answer(asker: &Asker<'_>, asked: Asked, format: Format) -> ApiResult<Response> {
    let started = Instant::now();
    let (outcome, translated) = Box::pin(asker.answer(&asked)).await?;
    settled(asker, asked, outcome, (started, translated), format).await
}

/// As [`answer`], of a question that is understood already.
pub(super) async fn answer_ask(
    asker: &Asker<'_>,
    asked: Asked,
    ask: Ask,
    format: Format,
) -> ApiResult<Response> {
    let started = Instant::now();
    let outcome = Outcome::Answered(Box::new(asker.run_ask(ask, asked.id).await?));
    settled(asker, asked, outcome, (started, Duration::ZERO), format).await
}

/// As [`answer`], of a saved question.
pub(super) async fn answer_saved(
    asker: &Asker<'_>,
    saved: &SavedQuestion,
    today: NaiveDate,
    format: Format,
) -> ApiResult<Response> {
    let started = Instant::now();
    let id = QueryId(asker.app.random.uuid());
    let words = saved.question.clone();
    let asked = Asked { words, choice: None, conversation: None, today, id };
    let outcome = Box::pin(asker.answer_saved(saved, today, id)).await?;
    settled(asker, asked, outcome, (started, Duration::ZERO), format).await
}

async fn settled(
    asker: &Asker<'_>,
    asked: Asked,
    outcome: Outcome,
    timing: (Instant, Duration),
    format: Format,
) -> ApiResult<Response> {
    let (file, ask) = match &outcome {
        Outcome::Answered(it) => {
            let told = pacioli_report::Answer {
                question: &asked.words,
                told: it.told(asker.language),
                ask: it.ask.as_ref(),
                table: &it.table,
                columns: &it.columns,
                finding: it.finding.as_deref(),
                sql: &it.sql,
                notes: &it.told(asker.language).notes,
                company: &asker.company.company_name,
                asked_at: asker.app.clock.now(),
                language: asker.language,
            };
            (format.file(&told, asked.id.0).await?, it.ask.clone())
        }
        _ => (None, None),
    };
    let conversation = asked.conversation.map_or_else(|| asker.app.random.uuid(), |it| it.0);
    let out = QueryOut::new(outcome, asker.language, (asked.id.0, conversation), timing);
    let metrics = &asker.app.metrics;
    metrics.query(out.status, timing.0.elapsed());
    metrics.stage("translate", out.timing_ms.translate);
    if out.status == "answered" {
        metrics.stage("run", out.timing_ms.run);
        metrics.answered(out.source);
    }
    asker.data.remember_question(&record(asker, asked, ask, &out)).await?;
    Ok(file.unwrap_or_else(|| NoStore(out).into_response()))
}

pub(super) fn millis(since: Instant) -> f64 {
    in_millis(since.elapsed())
}

fn in_millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

impl QueryOut {
    /// What became of a question, in words of a language; `timing` is when it was begun and how long it took to
    /// understand.
    pub(super) fn new(
        outcome: Outcome,
        language: Language,
        (query_id, conversation_id): (Uuid, Uuid),
        timing: (Instant, Duration),
    ) -> Self {
        let mut out = Self::empty(query_id, conversation_id);
        match outcome {
            Outcome::Answered(answered) => out.answered(*answered, language),
            Outcome::Clarify { question, choices } => {
                out.status = "needs_clarification";
                out.answer = retold(&question, language);
                out.choices = choices.into_iter().enumerate().map(ChoiceOut::new).collect();
            }
            Outcome::Refused { not_understood, reason } => {
                out.answer = retold(&reason, language);
                out.not_understood = not_understood;
            }
        }
        let (total, translate) = (millis(timing.0), in_millis(timing.1));
        out.timing_ms = Timing { translate, run: total - translate, total };
        out
    }

    /// `answered`, `needs_clarification` or `not_answerable`.
    pub(super) fn status(&self) -> &'static str {
        self.status
    }

    fn empty(query_id: Uuid, conversation_id: Uuid) -> Self {
        Self {
            status: "not_answerable",
            answer: String::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            row_count: 0,
            truncated: false,
            chart: None,
            sql: None,
            interpretation: None,
            choices: Vec::new(),
            not_understood: Vec::new(),
            confidence: 0.0,
            source: "rules",
            timing_ms: Timing::default(),
            query_id,
            conversation_id,
        }
    }

    fn answered(&mut self, mut answered: Answered, language: Language) {
        self.status = "answered";
        let told = answered.told(language).clone();
        self.answer = told.sentence;
        if let Some(interpretation) = &mut answered.interpretation {
            interpretation.notes = told.notes;
        }
        self.chart = answered.chart;
        self.row_count = answered.table.rows.len();
        self.truncated = answered.table.truncated;
        (self.columns, self.rows) = shape(answered.table);
        self.sql = Some(answered.sql);
        self.confidence = answered.confidence;
        self.source = answered.source.as_str();
        let (version, spans) = (answered.version, answered.spans);
        self.interpretation =
            answered.interpretation.map(|it| InterpretationOut::new(it, version, spans));
    }
}

fn record(asker: &Asker<'_>, asked: Asked, ask: Option<Ask>, out: &QueryOut) -> QuestionRecord {
    let is_answered = out.status == "answered";
    QuestionRecord {
        id: asked.id,
        company_id: asker.company.id,
        user_id: asker.user.id,
        conversation_id: ConversationId(out.conversation_id),
        asked_at: asker.app.clock.now(),
        today: Some(asked.today),
        question: asked.words,
        status: out.status.to_owned(),
        ask,
        sql: out.sql.clone(),
        source: is_answered.then(|| out.source.to_owned()),
        row_count: is_answered.then_some(out.row_count as u64),
    }
}
