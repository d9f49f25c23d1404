use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::NaiveDate;
use pacioli_model::{
    Ask, ConversationId, Feedback, QueryId, QuestionRecord, Timestamp, UserId, Verdict,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    connections::ListPage, keeping, no_store::NoStore, paging, query, reports::InLanguage,
    results::Format, shapes::Listing,
};
use crate::{
    app::App,
    asking::{Asked, Asker},
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, Json, Line, Path, Query, VerifyAnswers},
};

/// A question that was asked before.
#[derive(Debug, Serialize, ToSchema)]
pub struct PastQuestion {
    /// Names the question and its answer.
    query_id: Uuid,
    /// Names the conversation it belongs to.
    conversation_id: Uuid,
    /// When it was asked.
    #[schema(value_type = String, format = "date-time")]
    asked_at: Timestamp,
    /// The day that relative dates were counted from.
    #[schema(value_type = Option<String>, format = "date")]
    today: Option<NaiveDate>,
    /// In the person's words.
    question: String,
    /// `answered`, `needs_clarification` or `not_answerable`.
    #[schema(example = "answered")]
    status: String,
    /// What produced the reading: `verified`, `rules` or `model`.
    source: Option<String>,
    /// What was computed, as SQL.
    sql: Option<String>,
    /// Rows in the answer.
    row_count: Option<u64>,
}

impl From<QuestionRecord> for PastQuestion {
    fn from(record: QuestionRecord) -> Self {
        Self {
            query_id: record.id.0,
            conversation_id: record.conversation_id.0,
            asked_at: record.asked_at,
            today: record.today,
            question: record.question,
            status: record.status,
            source: record.source,
            sql: record.sql,
            row_count: record.row_count,
        }
    }
}

/// Which questions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQueries {
    /// At most so many, 1 to 100.
    #[serde(default = "paging::default_limit")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u32,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those of this conversation.
    #[param(value_type = Option<Uuid>)]
    conversation_id: Option<ConversationId>,
}

/// List one's own questions
#[utoipa::path(
    get, path = "/queries", tag = "questions", operation_id = "list_queries", params(ListQueries),
    responses((status = 200, description = "What the caller asked, the newest first", body = Listing<PastQuestion>)),
)]
pub async fn list_queries(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Query(list): Query<ListQueries>,
) -> ApiResult<NoStore<Listing<PastQuestion>>> {
    let conversation = list.conversation_id;
    let scope = format!("queries/{}/{conversation:?}", caller.user());
    let page = ListPage { limit: list.limit, cursor: list.cursor }.request(&app, &scope)?;
    let page = caller.data.questions_of(caller.user(), conversation, &page).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, PastQuestion::from)))
}

/// The caller's own question; other people's are not there for them.
async fn own(caller: &Caller<AskQuestions>, id: QueryId) -> ApiResult<QuestionRecord> {
    let record = caller.data.question(id).await?;
    record.filter(|record| record.user_id == caller.user()).ok_or_else(ApiError::not_found)
}

/// Read one of one's own questions
#[utoipa::path(
    get, path = "/queries/{id}", tag = "questions", operation_id = "get_query",
    params(("id" = Uuid, Path, description = "The question")),
    responses((status = 200, description = "The question, and how it was answered", body = PastQuestion)),
)]
pub async fn get_query(
    caller: Caller<AskQuestions>,
    Path(id): Path<QueryId>,
) -> ApiResult<NoStore<PastQuestion>> {
    Ok(NoStore(own(&caller, id).await?.into()))
}

/// Run a question again
///
/// As it was understood then, of the same days, over the tables as they are now; a question that was not
/// understood is asked anew. The answer is a new one, in the same conversation.
#[utoipa::path(
    post, path = "/queries/{id}/run", tag = "questions", operation_id = "rerun_query",
    params(("id" = Uuid, Path, description = "The question"), InLanguage),
    responses((status = 200, description = "An answer, a question back, or a refusal", body = query::QueryOut)),
)]
pub async fn rerun_query(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    format: Format,
    Path(id): Path<QueryId>,
    Query(InLanguage { language }): Query<InLanguage>,
) -> ApiResult<Response> {
    let record = own(&caller, id).await?;
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let today = record.today.unwrap_or_else(|| app.today(&caller.account.company));
    let asked = Asked {
        words: record.question,
        choice: None,
        conversation: Some(record.conversation_id),
        today,
        id: QueryId(app.random.uuid()),
    };
    let asker = Asker::of(&app, &caller).in_language(language);
    match record.ask {
        Some(ask) => query::answer_ask(&asker, asked, ask, format).await,
        None => query::answer(&asker, asked, format).await,
    }
}

/// What the asker thinks of an answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFeedback {
    /// `right` or `wrong`.
    #[schema(value_type = String, example = "wrong")]
    verdict: Verdict,
    /// What is wrong with it, or what was meant.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000)]
    comment: Option<Line<2000>>,
}

/// What somebody thinks of an answer, and the answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedbackOut {
    /// The question. `POST /verified` takes it, to say what is right.
    query_id: Uuid,
    /// `right` or `wrong`.
    #[schema(value_type = String)]
    verdict: Verdict,
    /// In the person's words.
    comment: Option<String>,
    /// Who says so.
    given_by: Uuid,
    /// When they said it last.
    #[schema(value_type = String, format = "date-time")]
    given_at: Timestamp,
    /// What was asked.
    question: String,
    /// `answered`, `needs_clarification` or `not_answerable`.
    status: String,
    /// What produced the reading: `verified`, `rules` or `model`.
    source: Option<String>,
    /// What it was understood as.
    #[schema(value_type = Option<Object>)]
    ask: Option<Ask>,
    /// What was computed, as SQL.
    sql: Option<String>,
}

impl From<Feedback> for FeedbackOut {
    fn from(feedback: Feedback) -> Self {
        let UserId(given_by) = feedback.created_by;
        Self {
            query_id: feedback.id.0,
            verdict: feedback.verdict,
            comment: feedback.comment,
            given_by,
            given_at: feedback.created_at,
            question: feedback.question,
            status: feedback.status,
            source: feedback.source,
            ask: feedback.ask,
            sql: feedback.sql,
        }
    }
}

/// Say whether an answer is right
///
/// Of one's own questions. Saying it again replaces what was said before. The company's superusers see it.
#[utoipa::path(
    post, path = "/queries/{id}/feedback", tag = "questions", operation_id = "give_feedback",
    params(("id" = Uuid, Path, description = "The question")), request_body = NewFeedback,
    responses((status = 200, description = "What is remembered", body = FeedbackOut)),
)]
pub async fn give_feedback(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<QueryId>,
    Json(new): Json<NewFeedback>,
) -> ApiResult<Response> {
    let record = own(&caller, id).await?;
    let feedback = Feedback {
        id,
        company_id: caller.company(),
        created_by: caller.user(),
        created_at: app.clock.now(),
        verdict: new.verdict,
        comment: new.comment.map(Line::into_inner),
        question: record.question,
        status: record.status,
        ask: record.ask,
        sql: record.sql,
        source: record.source,
    };
    match caller.data.kept::<Feedback>(&id).await? {
        Some(before) => caller.data.replace_kept(&before, &feedback, None).await?,
        None => caller.data.keep(&feedback, None).await?,
    }
    app.metrics.feedback(new.verdict.as_str());
    Ok(NoStore(FeedbackOut::from(feedback)).into_response())
}

/// List feedback
///
/// What people said of answers, the newest first, with how each question was understood.
#[utoipa::path(
    get, path = "/feedback", tag = "questions", operation_id = "list_feedback", params(ListPage),
    responses((status = 200, description = "Feedback of the company's people", body = Listing<FeedbackOut>)),
)]
pub async fn list_feedback(
    State(app): State<App>,
    caller: Caller<VerifyAnswers>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<FeedbackOut>>> {
    keeping::list::<Feedback, _, _>(&app, &caller, "feedback", &list).await
}
