use axum::{extract::State, http::StatusCode};
use pacioli_model::AuditAction;
use pacioli_store::Scope;

use crate::{
    app::App,
    error::ApiResult,
    extract::{Caller, OwnAccount},
};

/// Log out
///
/// Ends this session: its access and refresh tokens are refused from the next request on.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth", operation_id = "log_out",
    responses((status = 204, description = "Logged out")),
)]
pub async fn log_out(State(app): State<App>, caller: Caller<OwnAccount>) -> ApiResult<StatusCode> {
    let event = caller.event(&app, AuditAction::LoggedOut, Some(caller.session().to_string()));
    caller.data.end_session(caller.session(), Some(&event)).await?;
    app.accounts.invalidate(Scope::User(caller.company(), caller.user())).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Log out everywhere
///
/// Ends every session of this account, this one too.
#[utoipa::path(
    post, path = "/auth/logout-everywhere", tag = "auth", operation_id = "log_out_everywhere",
    responses((status = 204, description = "Logged out on every device")),
)]
pub async fn log_out_everywhere(
    State(app): State<App>,
    caller: Caller<OwnAccount>,
) -> ApiResult<StatusCode> {
    let event = caller.event(&app, AuditAction::LoggedOutEverywhere, None);
    caller.data.end_sessions_of(caller.user(), None, Some(&event)).await?;
    app.accounts.invalidate(Scope::User(caller.company(), caller.user())).await;
    Ok(StatusCode::NO_CONTENT)
}
