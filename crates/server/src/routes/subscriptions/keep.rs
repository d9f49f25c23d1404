//! Subscriptions: made, read, changed, forgotten.

use axum::{extract::State, http::StatusCode};
use pacioli_model::{
    Attachment, AuditAction, ReportSpec, SavedQuestion, SavedQuestionId, Sent, Subscription,
    SubscriptionId, Webhook, WebhookId,
};
use pacioli_report::Language;
use uuid::Uuid;

use super::{
    super::{
        connections::ListPage,
        keeping::{self, Answer, found},
        no_store::NoStore,
        reports::ReportShape,
        shapes::Listing,
    },
    conditions::ConditionShape,
    shapes::{NewSubscription, SubscriptionOut, SubscriptionPatch},
};
use crate::{
    access::Seen,
    app::App,
    delivery::{check_recipient, next_turn},
    error::{ApiError, ApiResult},
    extract::{Caller, Json, ManageDeliveries, Path, Query, Submission, Turn},
};

/// The most subscriptions of one company.
const MOST: u64 = 500;
/// The most addresses of one subscription.
const MOST_ADDRESSEES: usize = 50;

/// Subscribe to a saved question or to a report
///
/// The answer, or a report on the last period that is over, is sent at the times of the schedule; an answer
/// with a condition, when that comes to hold. It is made with the rights of whoever subscribes, and everybody
/// who gets it sees that. A report stands among their own reports too.
#[utoipa::path(
    post, path = "/subscriptions", tag = "deliveries", operation_id = "create_subscription", request_body = NewSubscription,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key gives the same answer")),
    responses((status = 201, description = "The subscription", body = SubscriptionOut)),
)]
pub async fn create_subscription(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    body: Submission<NewSubscription>,
) -> ApiResult<Turn<Answer<SubscriptionOut>>> {
    let Submission { value, key, content } = body;
    let user = caller.user();
    let scope: [&[u8]; 2] = [b"subscription", user.0.as_bytes()];
    keeping::once(&app, &key, &scope, &[&content], create(&app, &caller, value)).await
}

async fn create(
    app: &App,
    caller: &Caller<ManageDeliveries>,
    new: NewSubscription,
) -> ApiResult<Answer<SubscriptionOut>> {
    keeping::check_room::<Subscription, _>(caller, MOST, "subscriptions").await?;
    let zone = &caller.account.company.time_zone;
    let now = app.clock.now();
    let mut it = Subscription {
        id: SubscriptionId(app.random.uuid()),
        company_id: caller.company(),
        name: new.name.into_inner(),
        what: sent(caller, new.question_id, new.report).await?,
        attachments: distinct(new.attachments),
        recipients: checked_recipients(app, caller, new.recipients).await?,
        webhooks: checked_webhooks(caller, new.webhooks).await?,
        rhythm: new.schedule.rhythm(app, zone)?,
        condition: new.condition.map(ConditionShape::checked).transpose()?,
        quiet: new.quiet_hours.map(|quiet| quiet.checked(zone)).transpose()?,
        language: new.language.map_or(Language::English, Language::from).code().to_owned(),
        is_paused: false,
        next_at: None,
        found: None,
        checked_at: None,
        created_by: caller.user(),
        created_at: now,
        updated_at: now,
    };
    check(&it)?;
    it.next_at = next_turn(&it, now);
    let event = caller.event(app, AuditAction::SubscriptionAdded, Some(it.id.to_string()));
    caller.data.keep(&it, Some(&event)).await?;
    Ok((StatusCode::CREATED, NoStore(it.into())))
}

/// Either a question or a report.
async fn sent(
    caller: &Caller<ManageDeliveries>,
    question: Option<Uuid>,
    report: Option<ReportShape>,
) -> ApiResult<Sent> {
    match (question, report) {
        (Some(id), None) => Ok(Sent::Question(checked_question(caller, id).await?)),
        (None, Some(shape)) => Ok(Sent::Report(checked_report(caller, shape).await?)),
        _ => {
            let text = "Send either `question_id` or `report`.";
            Err(ApiError::invalid(&["body", "question_id"], "missing", text))
        }
    }
}

async fn checked_report(
    caller: &Caller<ManageDeliveries>,
    shape: ReportShape,
) -> ApiResult<ReportSpec> {
    let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
    shape.checked(&caller.data, &seen.visible, &["body", "report"]).await
}

/// Each once, in the order of their first.
fn distinct(attachments: Vec<Attachment>) -> Vec<Attachment> {
    let mut taken = Vec::new();
    for attachment in attachments {
        if !taken.contains(&attachment) {
            taken.push(attachment);
        }
    }
    taken
}

async fn checked_question(
    caller: &Caller<ManageDeliveries>,
    id: Uuid,
) -> ApiResult<SavedQuestionId> {
    let id = SavedQuestionId(id);
    match caller.data.kept::<SavedQuestion>(&id).await? {
        Some(_) => Ok(id),
        None => Err(ApiError::invalid(
            &["body", "question_id"],
            "not_found",
            "There is no such saved question.",
        )),
    }
}

async fn checked_recipients(
    app: &App,
    caller: &Caller<ManageDeliveries>,
    recipients: Vec<String>,
) -> ApiResult<Vec<String>> {
    let mut taken: Vec<String> = Vec::new();
    for (at, address) in recipients.iter().take(MOST_ADDRESSEES + 1).enumerate() {
        match check_recipient(app, caller.company(), address).await? {
            Ok(email) if taken.iter().any(|known| known == email.as_str()) => {}
            Ok(email) => taken.push(email.as_str().to_owned()),
            Err(why) => {
                let place = ["body", "recipients", &at.to_string()];
                return Err(ApiError::invalid(&place, "not_allowed", format!("It {why}.")));
            }
        }
    }
    Ok(taken)
}

async fn checked_webhooks(
    caller: &Caller<ManageDeliveries>,
    webhooks: Vec<Uuid>,
) -> ApiResult<Vec<WebhookId>> {
    let mut taken: Vec<WebhookId> = Vec::new();
    for (at, id) in webhooks.into_iter().map(WebhookId).take(MOST_ADDRESSEES + 1).enumerate() {
        if caller.data.kept::<Webhook>(&id).await?.is_none() {
            let place = ["body", "webhooks", &at.to_string()];
            return Err(ApiError::invalid(&place, "not_found", "There is no such webhook."));
        }
        if !taken.contains(&id) {
            taken.push(id);
        }
    }
    Ok(taken)
}

fn check(it: &Subscription) -> ApiResult<()> {
    if it.condition.is_some() && matches!(it.what, Sent::Report(_)) {
        let text = "A condition is one of a question's rows; a report has none.";
        return Err(ApiError::invalid(&["body", "condition"], "value_error", text));
    }
    let count = it.recipients.len() + it.webhooks.len();
    if (1..=MOST_ADDRESSEES).contains(&count) {
        return Ok(());
    }
    let text = format!("Name 1 to {MOST_ADDRESSEES} recipients and webhooks.");
    Err(ApiError::invalid(&["body", "recipients"], "out_of_range", text))
}

/// List subscriptions
#[utoipa::path(
    get, path = "/subscriptions", tag = "deliveries", operation_id = "list_subscriptions", params(ListPage),
    responses((status = 200, description = "The company's subscriptions, the newest first", body = Listing<SubscriptionOut>)),
)]
pub async fn list_subscriptions(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<SubscriptionOut>>> {
    keeping::list::<Subscription, _, _>(&app, &caller, "subscriptions", &list).await
}

/// Read a subscription
#[utoipa::path(
    get, path = "/subscriptions/{id}", tag = "deliveries", operation_id = "get_subscription",
    params(("id" = Uuid, Path, description = "The subscription")),
    responses((status = 200, description = "The subscription", body = SubscriptionOut)),
)]
pub async fn get_subscription(
    caller: Caller<ManageDeliveries>,
    Path(id): Path<SubscriptionId>,
) -> ApiResult<NoStore<SubscriptionOut>> {
    let it: Subscription = found(&caller, id).await?;
    Ok(NoStore(it.into()))
}

/// Update a subscription
#[utoipa::path(
    patch, path = "/subscriptions/{id}", tag = "deliveries", operation_id = "update_subscription",
    params(("id" = Uuid, Path, description = "The subscription")),
    request_body(content((SubscriptionPatch = "application/json"), (SubscriptionPatch = "application/merge-patch+json"))),
    responses((status = 200, description = "The subscription as it is now", body = SubscriptionOut)),
)]
pub async fn update_subscription(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Path(id): Path<SubscriptionId>,
    Json(patch): Json<SubscriptionPatch>,
) -> ApiResult<NoStore<SubscriptionOut>> {
    let before: Subscription = found(&caller, id).await?;
    let zone = &caller.account.company.time_zone;
    let now = app.clock.now();
    let mut after = Subscription { updated_at: now, ..before.clone() };
    if let Some(name) = patch.name {
        after.name = name.into_inner();
    }
    if let Some(recipients) = patch.recipients {
        after.recipients = checked_recipients(&app, &caller, recipients).await?;
    }
    if let Some(webhooks) = patch.webhooks {
        after.webhooks = checked_webhooks(&caller, webhooks).await?;
    }
    if let Some(attachments) = patch.attachments {
        after.attachments = distinct(attachments);
    }
    if let Some(report) = patch.report {
        if matches!(before.what, Sent::Question(_)) {
            let text = "This is a subscription to a question.";
            return Err(ApiError::invalid(&["body", "report"], "value_error", text));
        }
        after.what = Sent::Report(checked_report(&caller, report).await?);
    }
    if let Some(quiet) = patch.quiet_hours {
        after.quiet = quiet.map(|quiet| quiet.checked(zone)).transpose()?;
    }
    if let Some(condition) = patch.condition {
        after.condition = condition.map(ConditionShape::checked).transpose()?;
        (after.found, after.checked_at) = (None, None);
    }
    if let Some(language) = patch.language {
        Language::from(language).code().clone_into(&mut after.language);
    }
    after.is_paused = patch.paused.unwrap_or(after.is_paused);
    if let Some(schedule) = patch.schedule {
        after.rhythm = schedule.rhythm(&app, zone)?;
    }
    if after.rhythm != before.rhythm || after.is_paused != before.is_paused {
        after.next_at = next_turn(&after, now);
    }
    check(&after)?;
    let event = caller.event(&app, AuditAction::SubscriptionUpdated, Some(id.to_string()));
    caller.data.replace_kept(&before, &after, Some(&event)).await?;
    Ok(NoStore(after.into()))
}

/// Delete a subscription
///
/// What of it has not been delivered is not any more.
#[utoipa::path(
    delete, path = "/subscriptions/{id}", tag = "deliveries", operation_id = "delete_subscription",
    params(("id" = Uuid, Path, description = "The subscription")),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete_subscription(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Path(id): Path<SubscriptionId>,
) -> ApiResult<StatusCode> {
    keeping::forget::<Subscription, _>(&app, &caller, id, AuditAction::SubscriptionDeleted).await
}
