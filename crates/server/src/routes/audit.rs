use axum::extract::State;
use pacioli_model::{AuditAction, AuditEvent, Outcome, Timestamp, UserId};
use pacioli_store::AuditQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{no_store::NoStore, paging, shapes::Listing};
use crate::{
    app::App,
    error::ApiResult,
    extract::{Caller, Query, ReadAudit},
};

/// Which entries; the newest come first.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAudit {
    /// Rows on a page, 1 to 100.
    #[serde(default = "paging::default_limit")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u32,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only this action, such as `logged_in` or `user_added`.
    #[param(value_type = Option<String>)]
    action: Option<AuditAction>,
    /// `success` or `failure`.
    #[param(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// Only what this person did.
    #[param(value_type = Option<Uuid>)]
    actor: Option<UserId>,
    /// Only what was done to this user id, session id or table name.
    target: Option<String>,
    /// From this moment on.
    #[param(value_type = Option<String>, format = "date-time")]
    from: Option<Timestamp>,
    /// Before this moment.
    #[param(value_type = Option<String>, format = "date-time")]
    to: Option<Timestamp>,
}

/// Something that was done, or tried.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditOut {
    /// Names the entry.
    id: Uuid,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    at: Timestamp,
    /// What.
    #[schema(value_type = String, example = "user_added")]
    action: AuditAction,
    /// `success` or `failure`.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// Who did it.
    actor: Option<Uuid>,
    /// What it was done to.
    target: Option<String>,
    /// More, in words.
    detail: Option<String>,
    /// From where.
    address: Option<String>,
    /// In which request.
    request_id: Option<String>,
}

impl From<AuditEvent> for AuditOut {
    fn from(event: AuditEvent) -> Self {
        Self {
            id: event.id.0,
            at: event.at,
            action: event.action,
            outcome: event.outcome,
            actor: event.actor.map(|id| id.0),
            target: event.target,
            detail: event.detail,
            address: event.address,
            request_id: event.request_id,
        }
    }
}

/// Read the audit log
#[utoipa::path(
    get, path = "/audit", tag = "company", operation_id = "list_audit", params(ListAudit),
    responses((status = 200, description = "What was done in the caller's company", body = Listing<AuditOut>)),
)]
pub async fn list_audit(
    State(app): State<App>,
    caller: Caller<ReadAudit>,
    Query(list): Query<ListAudit>,
) -> ApiResult<NoStore<Listing<AuditOut>>> {
    let scope = format!("audit/{}", caller.company());
    let query = AuditQuery {
        action: list.action,
        outcome: list.outcome,
        actor: list.actor,
        target: list.target,
        from: list.from,
        to: list.to,
        after: paging::open(&app.keys, &scope, list.cursor.as_deref())?,
        limit: paging::check_limit(list.limit)?,
    };
    let page = caller.data.audit(&query).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, AuditOut::from)))
}
