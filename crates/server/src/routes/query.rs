use std::time::Instant;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use pacioli_engine::{Answer, EngineError, Scope};
use pacioli_language::{
    Analysed, Choice, Context, Interpretation, Translation, Translator, Understood,
};
use pacioli_model::{Ask, ConversationId, QueryId, QuestionRecord, TimeGrain};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    cells::{CellOut, ColumnOut, shape},
    no_store::NoStore,
    results::Format,
};
use crate::{
    access::Seen,
    app::App,
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, Json, Line},
};

/// Questions of a conversation among which the last one that was understood is looked for.
const LOOKS_BACK: u32 = 5;

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
    /// What produced the reading.
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
    fn new(given: Interpretation, version: Option<Uuid>, words: Vec<WordOut>) -> Self {
        let date_range = given.date_range.map(|range| DateRangeOut {
            column: range.column.to_string(),
            from: range.from,
            to: range.to,
            words: range.words,
        });
        Self {
            table: given.table.to_string(),
            table_version: version,
            metrics: given.measures,
            groups: given.groups,
            filters: given.filters,
            date_range,
            grain: given.grain,
            currency: given.currency,
            as_of: given.as_of,
            notes: given.notes,
            words,
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
/// By `Accept` the rows of an answer alone, as `text/csv`, `application/vnd.apache.arrow.stream` or
/// `application/vnd.apache.parquet`; a question back and a refusal are JSON always.
#[utoipa::path(
    post, path = "/query", tag = "questions", operation_id = "ask", request_body = Question,
    responses((status = 200, description = "An answer, a question back, or a refusal", body = QueryOut)),
)]
pub async fn ask(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    format: Format,
    Json(question): Json<Question>,
) -> ApiResult<Response> {
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let started = Instant::now();
    let today = question.today.unwrap_or_else(|| app.today(&caller.account.company));
    let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
    let (words, context) = (question.question.to_string(), Context { today, table: None });
    let translator = Translator::new(&seen.visible);
    let translation = match last_ask(&caller, question.conversation_id).await? {
        Some(last) => translator.translate_after(&words, &context, &last),
        None => translator.translate(&words, &context),
    };
    let translation = chosen(translation, question.choice)?;
    let translated = millis(started);
    let mut out = QueryOut::empty(
        question.query_id.unwrap_or_else(|| app.random.uuid()),
        question.conversation_id.unwrap_or_else(|| app.random.uuid()),
    );
    let (mut asked, mut file) = (None, None);
    match translation {
        Translation::Understood(understood) => {
            asked = Some(understood.ask.clone());
            let answered = out.answered(&app, &caller, seen, *understood, format);
            file = Box::pin(answered).await?;
        }
        Translation::Analyse(_) => {
            out.answer =
                "Why, what comes next and what is unusual cannot be answered yet.".to_owned();
        }
        Translation::Clarify { question, choices } => {
            out.status = "needs_clarification";
            out.answer = question;
            out.choices = choices.into_iter().enumerate().map(ChoiceOut::new).collect();
        }
        Translation::Refuse { not_understood, reason } => {
            out.answer = reason;
            out.not_understood = not_understood;
        }
    }
    let total = millis(started);
    out.timing_ms = Timing { translate: translated, run: total - translated, total };
    app.metrics.query(out.status, started.elapsed());
    caller.data.remember_question(&record(&app, &caller, words, asked, &out)).await?;
    Ok(file.unwrap_or_else(|| NoStore(out).into_response()))
}

/// What the person asked last in this conversation, of what was understood.
async fn last_ask(
    caller: &Caller<AskQuestions>,
    conversation: Option<Uuid>,
) -> ApiResult<Option<Ask>> {
    let Some(conversation) = conversation.map(ConversationId) else { return Ok(None) };
    let before = caller.data.questions_of(caller.user(), Some(conversation), LOOKS_BACK).await?;
    Ok(before.into_iter().find_map(|question| question.ask))
}

/// The reading that the person has chosen, where there were several.
fn chosen(translation: Translation, choice: Option<usize>) -> ApiResult<Translation> {
    match (translation, choice) {
        (Translation::Clarify { choices, .. }, Some(choice)) => {
            let count = choices.len();
            let reading = choices.into_iter().nth(choice).ok_or_else(|| {
                let text = format!("This question has {count} readings: 0 to {}.", count - 1);
                ApiError::invalid(&["body", "choice"], "out_of_range", text)
            })?;
            let Choice { ask, analysis, interpretation, .. } = reading;
            let (spans, confidence) = (Vec::new(), 1.0);
            if let Some(analysis) = analysis {
                let analysed = Analysed { analysis, spans, interpretation, confidence };
                return Ok(Translation::Analyse(Box::new(analysed)));
            }
            let understood = Understood { ask, spans, interpretation, confidence };
            Ok(Translation::Understood(Box::new(understood)))
        }
        (translation, _) => Ok(translation),
    }
}

pub(super) fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

impl QueryOut {
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

    async fn answered(
        &mut self,
        app: &App,
        caller: &Caller<AskQuestions>,
        seen: Seen,
        understood: Understood,
        format: Format,
    ) -> ApiResult<Option<Response>> {
        let Understood { ask, spans, mut interpretation, confidence } = understood;
        let (seen, answer) = run(app, caller, seen, &ask, QueryId(self.query_id)).await?;
        let Answer { table, sql, notes } = answer;
        interpretation.notes.extend(notes);
        let file = format.file(&table, self.query_id)?;
        let context = pacioli_report::Context {
            currency: interpretation.currency.as_deref(),
            period: interpretation.date_range.as_ref().map(|range| range.words.as_str()),
            filters: &interpretation.filters,
        };
        self.status = "answered";
        self.answer = pacioli_report::narrate(&ask, &seen.visible, &context, &table);
        self.chart = pacioli_report::chart(&ask, &table);
        self.row_count = table.rows.len();
        self.truncated = table.truncated;
        (self.columns, self.rows) = shape(table);
        self.sql = Some(sql);
        self.confidence = confidence;
        let words =
            spans.into_iter().map(|span| WordOut { text: span.text, meaning: span.meaning });
        let version = seen.visible.table(&ask.table).map(|entry| entry.version.0);
        self.interpretation =
            Some(InterpretationOut::new(interpretation, version, words.collect()));
        Ok(file)
    }
}

/// Runs an Ask; where a load has replaced a table since the catalog was read, once more on the new
/// version.
async fn run(
    app: &App,
    caller: &Caller<AskQuestions>,
    seen: Seen,
    ask: &Ask,
    id: QueryId,
) -> ApiResult<(Seen, Answer)> {
    let company = caller.company();
    let scope = Scope { company, catalog: &seen.whole, access: &seen.access };
    match app.engine.named(company, id, app.engine.run(&scope, ask)).await {
        Ok(answer) => Ok((seen, answer)),
        Err(EngineError::Missing) => {
            let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
            let scope = Scope { company, catalog: &seen.whole, access: &seen.access };
            let answer = app.engine.named(company, id, app.engine.run(&scope, ask)).await?;
            Ok((seen, answer))
        }
        Err(error) => Err(error.into()),
    }
}

fn record(
    app: &App,
    caller: &Caller<AskQuestions>,
    question: String,
    ask: Option<Ask>,
    out: &QueryOut,
) -> QuestionRecord {
    QuestionRecord {
        id: QueryId(out.query_id),
        company_id: caller.company(),
        user_id: caller.user(),
        conversation_id: ConversationId(out.conversation_id),
        asked_at: app.clock.now(),
        question,
        status: out.status.to_owned(),
        ask,
        row_count: (out.status == "answered").then_some(out.row_count as u64),
    }
}
