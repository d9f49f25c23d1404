use axum::{extract::State, http::StatusCode};
use chrono::{NaiveTime, Timelike as _};
use pacioli_model::{
    Addressee, Attachment, AuditAction, ColumnName, Condition, Decimal, Delivery, DeliveryStatus,
    QuietHours, SavedQuestion, SavedQuestionId, Schedule, Subscription, SubscriptionId, Timestamp,
    Webhook, WebhookId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    connections::{ListPage, ScheduleShape},
    no_store::NoStore,
    paging,
    shapes::Listing,
};
use crate::{
    app::App,
    delivery::{check_recipient, deliveries, next_turn},
    error::{ApiError, ApiResult},
    extract::{
        Caller, Json, Line, ManageDeliveries, Patch, Path, Query, Submission, Turn, given, kept,
        present,
    },
};

/// The most subscriptions of one company.
const MOST: u64 = 500;
/// The most addresses of one subscription.
const MOST_ADDRESSEES: usize = 50;

/// What makes an alert of a subscription. It is told of once, until it has not held.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ConditionShape {
    /// A figure of some row is more than this.
    Above {
        /// Which column; the last with numbers where it is absent.
        #[serde(default)]
        column: Option<String>,
        /// The threshold.
        #[schema(value_type = f64)]
        than: serde_json::Number,
    },
    /// A figure of some row is less than this.
    Below {
        /// Which column; the last with numbers where it is absent.
        #[serde(default)]
        column: Option<String>,
        /// The threshold.
        #[schema(value_type = f64)]
        than: serde_json::Number,
    },
    /// The rows are others than at the last look.
    Changed,
    /// The last whole period's figure is outside the interval in which four of five are expected, going by
    /// the periods before; of a question by day, week, month, quarter or year.
    OutsideForecast {
        /// Which column; the last with numbers where it is absent.
        #[serde(default)]
        column: Option<String>,
    },
}

impl ConditionShape {
    fn checked(self) -> ApiResult<Condition> {
        let refuse = |field: &str, text: &str| {
            ApiError::invalid(&["body", "condition", field], "value_error", text)
        };
        let name = |column: Option<String>| {
            let column = column.map(|column| ColumnName::parse(&column)).transpose();
            column.map_err(|error| refuse("column", &format!("Is no column: {error}.")))
        };
        let number = |than: &serde_json::Number| {
            let number = than.to_string().parse::<Decimal>();
            number.map_err(|_| refuse("than", "Must be a number without an exponent."))
        };
        Ok(match self {
            Self::Above { column, than } => {
                Condition::Above { column: name(column)?, than: number(&than)? }
            }
            Self::Below { column, than } => {
                Condition::Below { column: name(column)?, than: number(&than)? }
            }
            Self::Changed => Condition::Changed,
            Self::OutsideForecast { column } => {
                Condition::OutsideForecast { column: name(column)? }
            }
        })
    }
}

impl From<Condition> for ConditionShape {
    fn from(condition: Condition) -> Self {
        let name = |column: Option<ColumnName>| column.map(|column| column.to_string());
        let number = |than: Decimal| {
            than.to_string().parse().unwrap_or_else(|_| serde_json::Number::from(0))
        };
        match condition {
            Condition::Above { column, than } => {
                Self::Above { column: name(column), than: number(than) }
            }
            Condition::Below { column, than } => {
                Self::Below { column: name(column), than: number(than) }
            }
            Condition::Changed => Self::Changed,
            Condition::OutsideForecast { column } => Self::OutsideForecast { column: name(column) },
        }
    }
}

/// When nobody wants to be told: what comes then is sent at its end.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietShape {
    /// Its first minute.
    #[schema(example = "22:00")]
    from: String,
    /// The minute after its last, of the same day or the next.
    #[schema(example = "07:00")]
    to: String,
    /// The IANA time zone; the company's where it is not sent.
    #[serde(default)]
    time_zone: Option<String>,
}

impl QuietShape {
    fn checked(self, company_zone: &str) -> ApiResult<QuietHours> {
        let refuse = |field: &str, text: &str| {
            ApiError::invalid(&["body", "quiet_hours", field], "value_error", text)
        };
        let minute = |field: &str, text: &str| -> ApiResult<u16> {
            let time = NaiveTime::parse_from_str(text, "%H:%M");
            let time = time.map_err(|_| refuse(field, "Must be a time, as 22:00."))?;
            Ok(u16::try_from(time.num_seconds_from_midnight() / 60).unwrap_or(0))
        };
        let time_zone = self.time_zone.unwrap_or_else(|| company_zone.to_owned());
        if time_zone.parse::<chrono_tz::Tz>().is_err() {
            let text = "Must be an IANA time zone, such as Europe/Berlin.";
            return Err(refuse("time_zone", text));
        }
        Ok(QuietHours { from: minute("from", &self.from)?, to: minute("to", &self.to)?, time_zone })
    }
}

impl From<QuietHours> for QuietShape {
    fn from(quiet: QuietHours) -> Self {
        let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        Self { from: text(quiet.from), to: text(quiet.to), time_zone: Some(quiet.time_zone) }
    }
}

/// What is sent to whom, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// What people call it; the subject of its messages.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Line<200>,
    /// The saved question whose answer is sent.
    question_id: Uuid,
    /// When it is run.
    schedule: ScheduleShape,
    /// E-mail addresses: of the company's people, or of domains that the operator allows.
    #[serde(default)]
    recipients: Vec<String>,
    /// Webhooks of the company.
    #[serde(default)]
    webhooks: Vec<Uuid>,
    /// Files that go with a mail: `csv`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    attachments: Vec<Attachment>,
    /// Sends only where this comes to hold: an alert.
    #[serde(default)]
    condition: Option<ConditionShape>,
    /// When nobody wants to be told.
    #[serde(default)]
    quiet_hours: Option<QuietShape>,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionOut {
    /// Names it.
    id: Uuid,
    /// What people call it.
    name: String,
    /// The saved question whose answer is sent.
    question_id: Uuid,
    /// When it is run.
    schedule: ScheduleShape,
    /// E-mail addresses.
    recipients: Vec<String>,
    /// Webhooks.
    webhooks: Vec<Uuid>,
    /// Files that go with a mail.
    #[schema(value_type = Vec<String>)]
    attachments: Vec<Attachment>,
    /// What makes an alert of it.
    condition: Option<ConditionShape>,
    /// The condition held when it was last looked at.
    condition_holds: Option<bool>,
    /// When nobody wants to be told.
    quiet_hours: Option<QuietShape>,
    /// Not run for now.
    paused: bool,
    /// When it is run next.
    #[schema(value_type = Option<String>, format = "date-time")]
    next_at: Option<Timestamp>,
    /// Who made it: it is run with their rights.
    created_by: Uuid,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When somebody last changed it.
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Subscription> for SubscriptionOut {
    fn from(it: Subscription) -> Self {
        Self {
            id: it.id.0,
            name: it.name,
            question_id: it.question_id.0,
            schedule: Schedule { rhythm: it.rhythm, jitter_seconds: 0 }.into(),
            recipients: it.recipients,
            webhooks: it.webhooks.iter().map(|id| id.0).collect(),
            attachments: it.attachments,
            condition_holds: it.condition.as_ref().and(it.found).map(|found| found.holds),
            condition: it.condition.map(ConditionShape::from),
            quiet_hours: it.quiet.map(QuietShape::from),
            paused: it.is_paused,
            next_at: it.next_at,
            created_by: it.created_by.0,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

type Made = (StatusCode, NoStore<SubscriptionOut>);

/// Subscribe to a saved question
///
/// Its answer is sent at the times of the schedule, or, with a condition, when that comes to hold. It is run
/// with the rights of whoever makes it, and everybody who gets it sees that.
#[utoipa::path(
    post, path = "/subscriptions", tag = "deliveries", operation_id = "create_subscription", request_body = NewSubscription,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key gives the same answer")),
    responses((status = 201, description = "The subscription", body = SubscriptionOut)),
)]
pub async fn create_subscription(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    body: Submission<NewSubscription>,
) -> ApiResult<Turn<Made>> {
    let Submission { value, key, content } = body;
    let user = caller.user();
    let scope: [&[u8]; 2] = [b"subscription", user.0.as_bytes()];
    let keep = |(status, NoStore(answer)): &Made| kept(*status, answer);
    key.once(&app, &scope, &[&content], create(&app, &caller, value), keep).await
}

async fn create(
    app: &App,
    caller: &Caller<ManageDeliveries>,
    new: NewSubscription,
) -> ApiResult<Made> {
    if caller.data.count_kept::<Subscription>().await? >= MOST {
        let text = format!("A company has at most {MOST} subscriptions.");
        return Err(ApiError::invalid(&["body"], "too_many", text));
    }
    let zone = &caller.account.company.time_zone;
    let now = app.clock.now();
    let mut it = Subscription {
        id: SubscriptionId(app.random.uuid()),
        company_id: caller.company(),
        name: new.name.into_inner(),
        question_id: checked_question(caller, new.question_id).await?,
        attachments: new.attachments,
        recipients: checked_recipients(app, caller, new.recipients).await?,
        webhooks: checked_webhooks(caller, new.webhooks).await?,
        rhythm: new.schedule.rhythm(app, zone)?,
        condition: new.condition.map(ConditionShape::checked).transpose()?,
        quiet: new.quiet_hours.map(|quiet| quiet.checked(zone)).transpose()?,
        is_paused: false,
        next_at: None,
        found: None,
        checked_at: None,
        created_by: caller.user(),
        created_at: now,
        updated_at: now,
    };
    check_addressees(&it)?;
    it.next_at = next_turn(&it, now);
    let event = caller.event(app, AuditAction::SubscriptionAdded, Some(it.id.to_string()));
    caller.data.keep(&it, Some(&event)).await?;
    Ok((StatusCode::CREATED, NoStore(it.into())))
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

fn check_addressees(it: &Subscription) -> ApiResult<()> {
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
    let scope = format!("subscriptions/{}", caller.company());
    let page = caller.data.all_kept::<Subscription>(&list.request(&app, &scope)?).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, SubscriptionOut::from)))
}

async fn found(caller: &Caller<ManageDeliveries>, id: SubscriptionId) -> ApiResult<Subscription> {
    caller.data.kept(&id).await?.ok_or_else(ApiError::not_found)
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
    Ok(NoStore(found(&caller, id).await?.into()))
}

/// A merge patch (RFC 7396) of a subscription: what is absent stays, `null` removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionPatch {
    /// What people call it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Line<200>>,
    /// When it is run.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = ScheduleShape, required = false)]
    schedule: Option<ScheduleShape>,
    /// All addresses anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false)]
    recipients: Option<Vec<String>>,
    /// All webhooks anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<Uuid>, required = false)]
    webhooks: Option<Vec<Uuid>>,
    /// All files anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false)]
    attachments: Option<Vec<Attachment>>,
    /// What makes an alert of it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<ConditionShape>)]
    condition: Patch<ConditionShape>,
    /// When nobody wants to be told.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<QuietShape>)]
    quiet_hours: Patch<QuietShape>,
    /// Whether it is not run for now.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    paused: Option<bool>,
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
    let before = found(&caller, id).await?;
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
        after.attachments = attachments;
    }
    if let Some(quiet) = patch.quiet_hours {
        after.quiet = quiet.map(|quiet| quiet.checked(zone)).transpose()?;
    }
    if let Some(condition) = patch.condition {
        after.condition = condition.map(ConditionShape::checked).transpose()?;
        (after.found, after.checked_at) = (None, None);
    }
    after.is_paused = patch.paused.unwrap_or(after.is_paused);
    if let Some(schedule) = patch.schedule {
        after.rhythm = schedule.rhythm(&app, zone)?;
    }
    if after.rhythm != before.rhythm || after.is_paused != before.is_paused {
        after.next_at = next_turn(&after, now);
    }
    check_addressees(&after)?;
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
    let event = caller.event(&app, AuditAction::SubscriptionDeleted, Some(id.to_string()));
    let was_there = caller.data.forget_kept::<Subscription>(&id, Some(&event)).await?;
    was_there.then_some(StatusCode::NO_CONTENT).ok_or_else(ApiError::not_found)
}

/// One message to one addressee.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryOut {
    /// Names it; mails and webhooks carry it.
    id: Uuid,
    /// What is sent.
    subscription_id: Uuid,
    /// The address, where it is a mail.
    email: Option<String>,
    /// The webhook, where it is one.
    webhook_id: Option<Uuid>,
    /// What has happened, where it is an alert.
    notice: Option<String>,
    /// `pending`, `delivered`, `failed` or `skipped`.
    #[schema(value_type = String, example = "delivered")]
    status: DeliveryStatus,
    /// How often it was tried.
    attempts: u32,
    /// Why the last attempt failed.
    error: Option<String>,
    /// When it is tried next.
    #[schema(value_type = Option<String>, format = "date-time")]
    due_at: Option<Timestamp>,
    /// When it came about.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When it was accepted.
    #[schema(value_type = Option<String>, format = "date-time")]
    delivered_at: Option<Timestamp>,
}

impl From<Delivery> for DeliveryOut {
    fn from(it: Delivery) -> Self {
        let (email, webhook_id) = match it.to {
            Addressee::Email(address) => (Some(address), None),
            Addressee::Webhook(id) => (None, Some(id.0)),
        };
        Self {
            id: it.id.0,
            subscription_id: it.subscription_id.0,
            email,
            webhook_id,
            notice: it.notice,
            status: it.status,
            attempts: it.attempts,
            error: it.error,
            due_at: it.due_at,
            created_at: it.created_at,
            delivered_at: it.delivered_at,
        }
    }
}

/// Send a subscription now
///
/// To all its addressees, whatever its condition and its hours.
#[utoipa::path(
    post, path = "/subscriptions/{id}/run", tag = "deliveries", operation_id = "run_subscription",
    params(("id" = Uuid, Path, description = "The subscription")),
    responses((status = 202, description = "What is sent: see `GET /deliveries`", body = Listing<DeliveryOut>)),
)]
pub async fn run_subscription(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Path(id): Path<SubscriptionId>,
) -> ApiResult<(StatusCode, NoStore<Listing<DeliveryOut>>)> {
    let it = Subscription { quiet: None, ..found(&caller, id).await? };
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let made = deliveries(&app, &it, None, app.clock.now());
    for delivery in &made {
        caller.data.keep(delivery, None).await?;
    }
    let items = made.into_iter().map(DeliveryOut::from).collect();
    Ok((StatusCode::ACCEPTED, NoStore(Listing { items, next_cursor: None, total: None })))
}

/// List deliveries
///
/// Of all subscriptions, kept for 90 days.
#[utoipa::path(
    get, path = "/deliveries", tag = "deliveries", operation_id = "list_deliveries", params(ListPage),
    responses((status = 200, description = "What was sent, and what is to be, the newest first", body = Listing<DeliveryOut>)),
)]
pub async fn list_deliveries(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<DeliveryOut>>> {
    let scope = format!("deliveries/{}", caller.company());
    let page = caller.data.all_kept::<Delivery>(&list.request(&app, &scope)?).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, DeliveryOut::from)))
}
