use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use pacioli_model::AuditAction;
use pacioli_store::{Scope, UserChange};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    auth::verify_current_password,
    error::{ApiError, ApiResult, Code},
    extract::{Caller, Json, OwnAccount},
};

/// The old password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// Proves that it is you, and not somebody at your desk.
    #[schema(format = "password")]
    current_password: String,
    /// What it shall be.
    #[schema(format = "password")]
    new_password: String,
}

/// Change my password
///
/// Ends every other session of this account. Wrong current passwords count like failed logins.
#[utoipa::path(
    post, path = "/auth/change-password", tag = "auth", operation_id = "change_password",
    request_body = ChangePassword,
    responses((status = 204, description = "Changed; other devices are signed out")),
)]
pub async fn change_password(
    State(app): State<App>,
    caller: Caller<OwnAccount>,
    headers: HeaderMap,
    Json(given): Json<ChangePassword>,
) -> ApiResult<StatusCode> {
    let account = &caller.account;
    let context =
        [&*account.company.company_name, &*account.user.full_name, account.user.email.as_str()];
    app.check_password("new_password", &given.new_password, context)?;
    if given.new_password == given.current_password {
        let text = "The new password is the current one.";
        let error = ApiError::new(Code::WeakPassword, text);
        return Err(error.with_error(&["body", "new_password"], "unchanged", text));
    }
    let email = &account.user.email;
    verify_current_password(&app, email, given.current_password, &headers, &caller.request).await?;
    let change = UserChange {
        password_hash: Some(app.hasher.hash(given.new_password).await?),
        must_change_password: Some(false),
        updated_at: Some(app.clock.now()),
        ..UserChange::default()
    };
    let event = caller.event(&app, AuditAction::PasswordChanged, Some(caller.user().to_string()));
    let changed = caller.data.update_user(caller.user(), &change, Some(&event)).await?;
    changed.ok_or_else(ApiError::not_found)?;
    caller.data.end_sessions_of(caller.user(), Some(caller.session()), None).await?;
    app.accounts.invalidate(Scope::User(caller.company(), caller.user())).await;
    Ok(StatusCode::NO_CONTENT)
}
