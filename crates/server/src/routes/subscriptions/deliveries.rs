//! What was sent, and sending now.

use axum::{extract::State, http::StatusCode};
use pacioli_model::{Addressee, Delivery, DeliveryStatus, Subscription, SubscriptionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{
    connections::ListPage,
    keeping::{self, found},
    no_store::NoStore,
    shapes::Listing,
};
use crate::{
    app::App,
    delivery::deliveries,
    error::ApiResult,
    extract::{Caller, ManageDeliveries, Path, Query},
};

/// One message to one addressee, or a look at an alert's condition that went wrong.
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
    /// Nothing is sent: an alert's condition was to be looked at.
    is_look: bool,
    /// What has happened, where it is an alert.
    notice: Option<String>,
    /// The report that is sent, where it is one: `GET /reports/{id}`, of whoever subscribed.
    report_id: Option<Uuid>,
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
        let (email, webhook_id, is_look) = match it.to {
            Addressee::Email(address) => (Some(address), None, false),
            Addressee::Webhook(id) => (None, Some(id.0), false),
            Addressee::Nobody => (None, None, true),
        };
        Self {
            id: it.id.0,
            subscription_id: it.subscription_id.0,
            email,
            webhook_id,
            is_look,
            notice: it.notice,
            report_id: it.report_id.map(|id| id.0),
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
/// Of all subscriptions, kept for 90 days. Looks at the conditions of alerts that went wrong are among them,
/// in one record until one goes well.
#[utoipa::path(
    get, path = "/deliveries", tag = "deliveries", operation_id = "list_deliveries", params(ListPage),
    responses((status = 200, description = "What was sent, and what is to be, the newest first", body = Listing<DeliveryOut>)),
)]
pub async fn list_deliveries(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<DeliveryOut>>> {
    keeping::list::<Delivery, _, _>(&app, &caller, "deliveries", &list).await
}
