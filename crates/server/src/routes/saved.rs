use axum::{extract::State, http::StatusCode, response::Response};
use chrono::NaiveDate;
use pacioli_language::verified::Verified;
use pacioli_model::{
    Ask, AuditAction, Permission, QueryId, QuestionRecord, SavedQuestion, SavedQuestionId,
    Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    connections::ListPage,
    keeping::{self, Answer, found},
    no_store::NoStore,
    query,
    reports::InLanguage,
    results::Format,
    shapes::Listing,
};
use crate::{
    app::App,
    asking::{Asked, Asker, Outcome, reader},
    error::{ApiError, ApiResult, Code},
    extract::{
        AskQuestions, Caller, Json, Line, Patch, Path, Query, Submission, Turn, given, present,
    },
};

/// The most questions that one company saves.
const MOST: u64 = 1000;

/// A question to come back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQuestion {
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Line<200>,
    /// More about it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    description: Option<Line<1000>>,
    /// The question in words; that of `query_id` where it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    question: Option<Line<1000>>,
    /// One of the caller's own questions, with the reading that it was given.
    #[serde(default)]
    query_id: Option<Uuid>,
    /// Which of several readings of `question` is meant.
    #[serde(default)]
    choice: Option<usize>,
}

/// A saved question.
#[derive(Debug, Serialize, ToSchema)]
pub struct SavedQuestionOut {
    /// Names it.
    id: Uuid,
    /// What people call it.
    name: String,
    /// More about it.
    description: Option<String>,
    /// The question in words, read anew each time: "this month" moves on.
    question: String,
    /// It was saved with a reading of its own, which its words alone do not have.
    is_pinned: bool,
    /// Who saved it.
    created_by: Uuid,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<SavedQuestion> for SavedQuestionOut {
    fn from(saved: SavedQuestion) -> Self {
        Self {
            id: saved.id.0,
            name: saved.name,
            description: saved.description,
            question: saved.question,
            is_pinned: saved.reading.is_some(),
            created_by: saved.created_by.0,
            created_at: saved.created_at,
            updated_at: saved.updated_at,
        }
    }
}

/// Save a question
///
/// Everybody of the company sees and runs it, each within what they may see. It must be one that is
/// answered now.
#[utoipa::path(
    post, path = "/questions", tag = "dashboards", operation_id = "save_question", request_body = NewQuestion,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key gives the same answer")),
    responses((status = 201, description = "The saved question", body = SavedQuestionOut)),
)]
pub async fn save_question(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    body: Submission<NewQuestion>,
) -> ApiResult<Turn<Answer<SavedQuestionOut>>> {
    let Submission { value, key, content } = body;
    let user = caller.user();
    let scope: [&[u8]; 2] = [b"question", user.0.as_bytes()];
    keeping::once(&app, &key, &scope, &[&content], save(&app, &caller, value)).await
}

async fn save(
    app: &App,
    caller: &Caller<AskQuestions>,
    new: NewQuestion,
) -> ApiResult<Answer<SavedQuestionOut>> {
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    keeping::check_room::<SavedQuestion, _>(caller, MOST, "saved questions").await?;
    let record = match new.query_id.map(QueryId) {
        Some(id) => {
            let record = caller.data.question(id).await?;
            let record = record.filter(|record| record.user_id == caller.user());
            Some(record.ok_or_else(|| {
                let text = "You have asked no such question.";
                ApiError::invalid(&["body", "query_id"], "not_found", text)
            })?)
        }
        None => None,
    };
    let (words, reading, today) = read(app, caller, &new, record).await?;
    let now = app.clock.now();
    let saved = SavedQuestion {
        id: SavedQuestionId(app.random.uuid()),
        company_id: caller.company(),
        name: new.name.into_inner(),
        description: new.description.map(Line::into_inner),
        question: words,
        reading,
        today,
        created_by: caller.user(),
        created_at: now,
        updated_at: now,
    };
    let event = caller.event(app, AuditAction::QuestionSaved, Some(saved.id.to_string()));
    caller.data.keep(&saved, Some(&event)).await?;
    Ok((StatusCode::CREATED, NoStore(saved.into())))
}

/// The words, the reading where the words alone do not have it, and the day they were read on.
async fn read(
    app: &App,
    caller: &Caller<AskQuestions>,
    new: &NewQuestion,
    record: Option<QuestionRecord>,
) -> ApiResult<(String, Option<Ask>, NaiveDate)> {
    let refuse = |place: &str, kind: &'static str, text: &str| {
        Err(ApiError::invalid(&["body", place], kind, text))
    };
    let words = match (&new.question, &record) {
        (Some(_), Some(_)) => {
            return refuse("question", "value_error", "Send either `question` or `query_id`.");
        }
        (Some(words), None) => words.to_string(),
        (None, Some(record)) => record.question.clone(),
        (None, None) => return refuse("question", "missing", "Send the question, or a query_id."),
    };
    let today = record.as_ref().and_then(|record| record.today);
    let today = today.unwrap_or_else(|| app.today(&caller.account.company));
    let wanted = record.and_then(|record| record.ask);
    // With a reading of its own, a question need not be one that its words alone say.
    let choice = if wanted.is_some() { None } else { new.choice };
    let id = QueryId(app.random.uuid());
    let asked = Asked { words: words.clone(), choice, conversation: None, today, id };
    let asker = Asker::of(app, caller);
    let (outcome, _) = Box::pin(asker.answer(&asked)).await?;
    let reading = match (outcome, wanted) {
        (Outcome::Answered(it), Some(wanted)) if it.ask.as_ref() == Some(&wanted) => None,
        (_, Some(wanted)) => Some(wanted),
        (Outcome::Answered(it), None) => it.ask.filter(|_| choice.is_some()),
        (Outcome::Clarify { .. }, None) => {
            let text =
                "It can be read in several ways: ask it, and send the `choice` that is meant.";
            return refuse("question", "ambiguous", text);
        }
        (Outcome::Refused { reason, .. }, None) => {
            return refuse("question", "not_understood", &reason);
        }
    };
    if let Some(ask) = &reading {
        let seen = asker.sees().await?;
        let learned = Verified::learn(&words, Some(ask), reader(&seen, today), false);
        if let Err(unfit) = learned {
            let text = format!("This reading cannot be kept: {unfit}.");
            return Err(ApiError::invalid(&["body"], "unfit", text));
        }
    }
    Ok((words, reading, today))
}

/// List saved questions
#[utoipa::path(
    get, path = "/questions", tag = "dashboards", operation_id = "list_questions", params(ListPage),
    responses((status = 200, description = "The company's saved questions, the newest first", body = Listing<SavedQuestionOut>)),
)]
pub async fn list_questions(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<SavedQuestionOut>>> {
    keeping::list::<SavedQuestion, _, _>(&app, &caller, "questions", &list).await
}

/// Only who made it, and the company's superusers, change what all of the company see.
pub(super) fn check_may_change(caller: &Caller<AskQuestions>, created_by: UserId) -> ApiResult<()> {
    let may =
        created_by == caller.user() || caller.account.user.role.allows(Permission::VerifyAnswers);
    let text = "Somebody else made this. Only they and superusers change it.";
    if may { Ok(()) } else { Err(ApiError::new(Code::InsufficientRole, text)) }
}

/// Read a saved question
#[utoipa::path(
    get, path = "/questions/{id}", tag = "dashboards", operation_id = "get_question",
    params(("id" = Uuid, Path, description = "The saved question")),
    responses((status = 200, description = "The saved question", body = SavedQuestionOut)),
)]
pub async fn get_question(
    caller: Caller<AskQuestions>,
    Path(id): Path<SavedQuestionId>,
) -> ApiResult<NoStore<SavedQuestionOut>> {
    let saved: SavedQuestion = found(&caller, id).await?;
    Ok(NoStore(saved.into()))
}

/// A merge patch (RFC 7396) of a saved question: what is absent stays, `null` removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionPatch {
    /// What people call it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Line<200>>,
    /// More about it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    description: Patch<Line<1000>>,
}

/// Rename a saved question
#[utoipa::path(
    patch, path = "/questions/{id}", tag = "dashboards", operation_id = "update_question",
    params(("id" = Uuid, Path, description = "The saved question")),
    request_body(content((QuestionPatch = "application/json"), (QuestionPatch = "application/merge-patch+json"))),
    responses((status = 200, description = "The saved question as it is now", body = SavedQuestionOut)),
)]
pub async fn update_question(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<SavedQuestionId>,
    Json(patch): Json<QuestionPatch>,
) -> ApiResult<NoStore<SavedQuestionOut>> {
    let before: SavedQuestion = found(&caller, id).await?;
    check_may_change(&caller, before.created_by)?;
    let mut after = SavedQuestion { updated_at: app.clock.now(), ..before.clone() };
    if let Some(name) = patch.name {
        after.name = name.into_inner();
    }
    if let Some(description) = patch.description {
        after.description = description.map(Line::into_inner);
    }
    let event = caller.event(&app, AuditAction::QuestionUpdated, Some(id.to_string()));
    caller.data.replace_kept(&before, &after, Some(&event)).await?;
    Ok(NoStore(after.into()))
}

/// Delete a saved question
///
/// Tiles that show it say that it is gone.
#[utoipa::path(
    delete, path = "/questions/{id}", tag = "dashboards", operation_id = "delete_question",
    params(("id" = Uuid, Path, description = "The saved question")),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete_question(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<SavedQuestionId>,
) -> ApiResult<StatusCode> {
    let saved: SavedQuestion = found(&caller, id).await?;
    check_may_change(&caller, saved.created_by)?;
    keeping::forget::<SavedQuestion, _>(&app, &caller, id, AuditAction::QuestionDeleted).await
}

/// Run a saved question
///
/// As of today, within what the caller may see. By `Accept` the rows alone, as for `POST /query`.
#[utoipa::path(
    post, path = "/questions/{id}/run", tag = "dashboards", operation_id = "run_question",
    params(("id" = Uuid, Path, description = "The saved question"), InLanguage),
    responses((status = 200, description = "An answer, a question back, or a refusal", body = query::QueryOut)),
)]
pub async fn run_question(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    format: Format,
    Path(id): Path<SavedQuestionId>,
    Query(InLanguage { language }): Query<InLanguage>,
) -> ApiResult<Response> {
    let saved: SavedQuestion = found(&caller, id).await?;
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let today = app.today(&caller.account.company);
    let asker = Asker::of(&app, &caller).in_language(language);
    query::answer_saved(&asker, &saved, today, format).await
}
