use axum::{extract::State, http::StatusCode};
use chrono::NaiveDate;
use pacioli_engine::{Scope, compile::compile};
use pacioli_language::{Context, Translation, translate};
use pacioli_model::{
    Ask, AuditAction, Computed, QueryId, QuestionRecord, Timestamp, VerifiedId, VerifiedQuestion,
};
use pacioli_store::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{connections::ListPage, no_store::NoStore, paging, shapes::Listing};
use crate::{
    access::Seen,
    app::App,
    asking::{Asker, MOST_VERIFIED, learn},
    error::{ApiError, ApiResult},
    extract::{Caller, Json, Line, Path, Query, VerifyAnswers},
};

/// A question, and what its answer is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVerified {
    /// An answer that is right, or that is put right here.
    #[serde(default)]
    query_id: Option<Uuid>,
    /// The question in words; that of `query_id` where it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    question: Option<Line<1000>>,
    /// Other words for it that are understood right.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    means: Option<Line<1000>>,
    /// What is computed, as `GET /feedback` shows it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    ask: Option<Value>,
    /// What is computed, as one SELECT. It answers these very words alone.
    #[serde(default)]
    sql: Option<String>,
    /// The day that relative dates in all of this are counted from.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date")]
    today: Option<NaiveDate>,
    /// Days of the answer that the question does not say are meant for good.
    #[serde(default)]
    fixed_days: bool,
}

/// A question whose answer is settled.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiedOut {
    /// Names it.
    id: Uuid,
    /// The question in words.
    question: String,
    /// The words that must come again, and in braces what may differ.
    #[schema(example = "revenue in {country} {days}")]
    pattern: Option<String>,
    /// `ok`, or `broken`: it answers nothing any more.
    #[schema(example = "ok")]
    status: &'static str,
    /// Why it is broken.
    problem: Option<String>,
    /// What is computed.
    #[schema(value_type = Option<Object>)]
    ask: Option<Ask>,
    /// The same as SQL.
    sql: Option<String>,
    /// The day that its relative dates were counted from.
    #[schema(value_type = String, format = "date")]
    today: NaiveDate,
    /// Days that the question does not say are meant for good.
    fixed_days: bool,
    /// The answer it was made from.
    query_id: Option<Uuid>,
    /// Who says that it is right.
    verified_by: Uuid,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    verified_at: Timestamp,
}

impl VerifiedOut {
    fn new(verified: &VerifiedQuestion, seen: &Seen) -> Self {
        let mut out = Self {
            id: verified.id.0,
            question: verified.question.clone(),
            pattern: None,
            status: "ok",
            problem: None,
            ask: None,
            sql: None,
            today: verified.today,
            fixed_days: verified.are_days_fixed,
            query_id: verified.query_id.map(|id| id.0),
            verified_by: verified.created_by.0,
            verified_at: verified.created_at,
        };
        let problem = out.describe(verified, seen).err();
        if problem.is_some() {
            (out.status, out.problem) = ("broken", problem);
        }
        out
    }

    fn describe(&mut self, verified: &VerifiedQuestion, seen: &Seen) -> Result<(), String> {
        let Some(computed) = &verified.computed else {
            return Err("Another version of the program wrote it. Verify it anew.".to_owned());
        };
        match computed {
            Computed::Ask(ask) => {
                self.ask = Some(ask.clone());
                let compiled = compile(&seen.visible, ask).map_err(|error| error.to_string())?;
                self.sql = Some(compiled.sql);
            }
            Computed::Sql(sql) => self.sql = Some(sql.clone()),
        }
        let learned = learn(verified, computed, seen).map_err(|unfit| unfit.to_string())?;
        self.pattern = Some(learned.pattern());
        Ok(())
    }
}

/// Say what the answer to a question is
///
/// From then on the question is answered so (`source: verified`), and so are questions that differ from it
/// only in days, numbers and values of the same columns, for everybody of the company, within what they may
/// see. With a `query_id` alone its answer is said to be right; `means`, `ask` or `sql` put it right.
#[utoipa::path(
    post, path = "/verified", tag = "questions", operation_id = "verify_answer", request_body = NewVerified,
    responses((status = 201, description = "What holds now", body = VerifiedOut)),
)]
pub async fn verify_answer(
    State(app): State<App>,
    caller: Caller<VerifyAnswers>,
    Json(new): Json<NewVerified>,
) -> ApiResult<(StatusCode, NoStore<VerifiedOut>)> {
    let record = match new.query_id.map(QueryId) {
        Some(id) => Some(caller.data.question(id).await?.ok_or_else(|| {
            ApiError::invalid(&["body", "query_id"], "not_found", "There is no such question.")
        })?),
        None => None,
    };
    let words = new.question.as_ref().map(|words| words.to_string());
    let question = words.or_else(|| record.as_ref().map(|it| it.question.clone()));
    let question = question.ok_or_else(|| {
        ApiError::invalid(&["body", "question"], "missing", "Send the question, or a query_id.")
    })?;
    let then = record.as_ref().and_then(|it| it.today);
    let today = new.today.or(then).unwrap_or_else(|| app.today(&caller.account.company));
    let seen = Asker::of(&app, &caller).sees().await?;
    let computed = computed(&app, &caller, &seen, &new, record, today).await?;
    let verified = VerifiedQuestion {
        id: VerifiedId(app.random.uuid()),
        company_id: caller.company(),
        question,
        computed: Some(computed),
        today,
        are_days_fixed: new.fixed_days,
        query_id: new.query_id.map(QueryId),
        created_by: caller.user(),
        created_at: app.clock.now(),
    };
    let out = VerifiedOut::new(&verified, &seen);
    if let Some(problem) = out.problem {
        return Err(ApiError::invalid(&["body"], "unfit", capital(&problem)));
    }
    keep(&app, &caller, &verified, out.pattern.as_deref(), &seen).await?;
    Ok((StatusCode::CREATED, NoStore(out)))
}

fn capital(problem: &str) -> String {
    let mut letters = problem.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>());
    let end = if problem.ends_with('.') { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}

/// What the answer is.
async fn computed(
    app: &App,
    caller: &Caller<VerifyAnswers>,
    seen: &Seen,
    new: &NewVerified,
    record: Option<QuestionRecord>,
    today: NaiveDate,
) -> ApiResult<Computed> {
    match (&new.means, &new.ask, &new.sql) {
        (Some(means), None, None) => {
            match translate(means, &Context { today, table: None }, &seen.visible) {
                Translation::Understood(understood) => Ok(Computed::Ask(understood.ask)),
                Translation::Clarify { .. } => Err(ApiError::invalid(
                    &["body", "means"],
                    "ambiguous",
                    "These words can be meant in several ways.",
                )),
                Translation::Analyse(_) => Err(ApiError::invalid(
                    &["body", "means"],
                    "no_rows",
                    "These words ask for no rows.",
                )),
                Translation::Refuse { reason, .. } => {
                    Err(ApiError::invalid(&["body", "means"], "not_understood", reason))
                }
            }
        }
        (None, Some(ask), None) => Ask::deserialize(ask).map(Computed::Ask).map_err(|error| {
            ApiError::invalid(&["body", "ask"], "value_error", format!("Is no Ask: {error}."))
        }),
        (None, None, Some(sql)) => {
            let company = caller.company();
            let scope = Scope { company, catalog: &seen.whole, access: &seen.access };
            app.engine.sql(&scope, sql).await?;
            Ok(Computed::Sql(sql.clone()))
        }
        (None, None, None) => {
            let ask = record.and_then(|record| record.ask).ok_or_else(|| {
                let text = "Send what is right: `means`, `ask` or `sql`.";
                ApiError::invalid(&["body"], "missing", text)
            })?;
            Ok(Computed::Ask(ask))
        }
        _ => {
            let text = "Send one of `means`, `ask` and `sql`.";
            Err(ApiError::invalid(&["body"], "value_error", text))
        }
    }
}

/// Keeps it, in the place of what was said of the same words before.
async fn keep(
    app: &App,
    caller: &Caller<VerifyAnswers>,
    verified: &VerifiedQuestion,
    pattern: Option<&str>,
    seen: &Seen,
) -> ApiResult<()> {
    let page = PageRequest { after: None, limit: MOST_VERIFIED };
    let known = caller.data.all_kept::<VerifiedQuestion>(&page).await?.items;
    if known.len() >= MOST_VERIFIED as usize {
        let text = format!("A company verifies at most {MOST_VERIFIED} questions.");
        return Err(ApiError::invalid(&["body"], "too_many", text));
    }
    let event = |action, id: VerifiedId| caller.event(app, action, Some(id.to_string()));
    let added = event(AuditAction::AnswerVerified, verified.id);
    caller.data.keep(verified, Some(&added)).await?;
    for before in known {
        if VerifiedOut::new(&before, seen).pattern.as_deref() == pattern {
            let gone = event(AuditAction::VerifiedDeleted, before.id);
            caller.data.forget_kept::<VerifiedQuestion>(&before.id, Some(&gone)).await?;
        }
    }
    Ok(())
}

/// List verified questions
///
/// The newest first, also those that a change of the tables has broken: those answer nothing.
#[utoipa::path(
    get, path = "/verified", tag = "questions", operation_id = "list_verified", params(ListPage),
    responses((status = 200, description = "The company's verified questions", body = Listing<VerifiedOut>)),
)]
pub async fn list_verified(
    State(app): State<App>,
    caller: Caller<VerifyAnswers>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<VerifiedOut>>> {
    let scope = format!("verified/{}", caller.company());
    let page = caller.data.all_kept::<VerifiedQuestion>(&list.request(&app, &scope)?).await?;
    let seen = Asker::of(&app, &caller).sees().await?;
    let out = |verified| VerifiedOut::new(&verified, &seen);
    Ok(NoStore(paging::listing(&app.keys, &scope, page, out)))
}

/// Forget a verified question
#[utoipa::path(
    delete, path = "/verified/{id}", tag = "questions", operation_id = "delete_verified",
    params(("id" = Uuid, Path, description = "The verified question")),
    responses((status = 204, description = "Forgotten")),
)]
pub async fn delete_verified(
    State(app): State<App>,
    caller: Caller<VerifyAnswers>,
    Path(id): Path<VerifiedId>,
) -> ApiResult<StatusCode> {
    let event = caller.event(&app, AuditAction::VerifiedDeleted, Some(id.to_string()));
    if caller.data.forget_kept::<VerifiedQuestion>(&id, Some(&event)).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found())
    }
}
