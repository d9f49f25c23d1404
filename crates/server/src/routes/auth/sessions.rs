use axum::{extract::State, http::StatusCode};
use pacioli_model::{AuditAction, Session, SessionId, Timestamp};
use pacioli_store::Scope;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Caller, OwnAccount, Path},
    routes::{no_store::NoStore, shapes::Listing},
};

/// A signed-in device.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionOut {
    /// Names the session.
    id: Uuid,
    /// The one this request was made with.
    current: bool,
    /// When the device signed in.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// Its last login or refresh.
    #[schema(value_type = String, format = "date-time")]
    last_used_at: Timestamp,
    /// When it ends unless it is used.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    /// What the device says it is.
    user_agent: Option<String>,
    /// Where it signed in from.
    address: Option<String>,
}

impl SessionOut {
    fn new(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.0,
            current: session.id == current,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            user_agent: session.user_agent,
            address: session.address,
        }
    }
}

/// List my sessions
#[utoipa::path(
    get, path = "/auth/sessions", tag = "auth", operation_id = "list_sessions",
    responses((status = 200, description = "Every signed-in device of this account", body = Listing<SessionOut>)),
)]
pub async fn list_sessions(
    State(app): State<App>,
    caller: Caller<OwnAccount>,
) -> ApiResult<NoStore<Listing<SessionOut>>> {
    let sessions = caller.data.sessions_of(caller.user(), app.clock.now()).await?;
    let current = caller.session();
    let items = sessions.into_iter().map(|session| SessionOut::new(session, current)).collect();
    Ok(NoStore(Listing { items, next_cursor: None, total: None }))
}

/// Revoke one of my sessions
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", tag = "auth", operation_id = "revoke_session",
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "The device is signed out")),
)]
pub async fn revoke_session(
    State(app): State<App>,
    caller: Caller<OwnAccount>,
    Path(id): Path<SessionId>,
) -> ApiResult<StatusCode> {
    let session = caller.data.session(id).await?;
    if session.is_none_or(|session| session.user_id != caller.user()) {
        return Err(ApiError::not_found());
    }
    let event = caller.event(&app, AuditAction::SessionRevoked, Some(id.to_string()));
    caller.data.end_session(id, Some(&event)).await?;
    app.accounts.invalidate(Scope::User(caller.company(), caller.user())).await;
    Ok(StatusCode::NO_CONTENT)
}
