use axum::{extract::State, http::StatusCode};
use pacioli_model::{AuditAction, Timestamp, Webhook, WebhookId};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{connections::ListPage, keeping, no_store::NoStore, shapes::Listing};
use crate::{
    app::App,
    delivery::{check_url, new_secret},
    error::ApiResult,
    extract::{Caller, Json, Line, ManageDeliveries, Path, Query},
};

/// The most webhooks of one company.
const MOST: u64 = 50;

/// A program to be told of answers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Line<200>,
    /// Where it listens: an https address that is public, or in a network that the operator allows.
    #[schema(value_type = String, max_length = 2000, example = "https://example.com/hooks/pacioli")]
    url: Line<2000>,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookOut {
    /// Names it.
    id: Uuid,
    /// What people call it.
    name: String,
    /// Where it listens.
    url: String,
    /// What messages to it are signed with, as https://www.standardwebhooks.com has it. It is shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Who added it.
    created_by: Uuid,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
}

impl From<Webhook> for WebhookOut {
    fn from(hook: Webhook) -> Self {
        Self {
            id: hook.id.0,
            name: hook.name,
            url: hook.url,
            secret: None,
            created_by: hook.created_by.0,
            created_at: hook.created_at,
        }
    }
}

/// Add a webhook
///
/// The answer alone shows the secret that its messages are signed with.
#[utoipa::path(
    post, path = "/webhooks", tag = "deliveries", operation_id = "create_webhook", request_body = NewWebhook,
    responses((status = 201, description = "The webhook, with its secret", body = WebhookOut)),
)]
pub async fn create_webhook(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Json(new): Json<NewWebhook>,
) -> ApiResult<(StatusCode, NoStore<WebhookOut>)> {
    let limit =
        app.per_company("connect", &app.config.limits.connect_per_company, caller.company());
    app.admit("connect", &[limit], &caller.request).await?;
    keeping::check_room::<Webhook, _>(&caller, MOST, "webhooks").await?;
    let id = WebhookId(app.random.uuid());
    let secret = new_secret(app.random);
    let hook = Webhook {
        id,
        company_id: caller.company(),
        name: new.name.into_inner(),
        url: check_url(&app, &new.url).await?,
        secret: app.sealer.seal(app.random, (caller.company(), id), &secret)?,
        created_by: caller.user(),
        created_at: app.clock.now(),
    };
    let event = caller.event(&app, AuditAction::WebhookAdded, Some(id.to_string()));
    caller.data.keep(&hook, Some(&event)).await?;
    let mut out = WebhookOut::from(hook);
    out.secret = Some(secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, NoStore(out)))
}

/// List webhooks
#[utoipa::path(
    get, path = "/webhooks", tag = "deliveries", operation_id = "list_webhooks", params(ListPage),
    responses((status = 200, description = "The company's webhooks, the newest first", body = Listing<WebhookOut>)),
)]
pub async fn list_webhooks(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<WebhookOut>>> {
    keeping::list::<Webhook, _, _>(&app, &caller, "webhooks", &list).await
}

/// Delete a webhook
///
/// What has not been delivered to it is not any more.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "deliveries", operation_id = "delete_webhook",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete_webhook(
    State(app): State<App>,
    caller: Caller<ManageDeliveries>,
    Path(id): Path<WebhookId>,
) -> ApiResult<StatusCode> {
    keeping::forget::<Webhook, _>(&app, &caller, id, AuditAction::WebhookDeleted).await
}
