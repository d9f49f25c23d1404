use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use pacioli_model::AuditAction;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    auth::{Tokens, start_session, verify_login},
    error::ApiResult,
    extract::{Credentials, Json},
    http::RequestContext,
    routes::no_store::NoStore,
};

/// The form of OAuth2's password grant.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a body that `Credentials` reads")]
pub struct LoginForm {
    /// The e-mail address.
    #[schema(example = "luca@example.com")]
    username: String,
    /// The password.
    #[schema(format = "password", example = "summa de arithmetica")]
    password: String,
}

/// Log in
///
/// Unknown address, wrong password and closed account get the same answer in the same time.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", operation_id = "log_in",
    request_body(content(
        (LoginForm = "application/x-www-form-urlencoded"),
        (LoginForm = "application/json"),
    )),
    responses((status = 200, description = "Logged in", body = Tokens)),
)]
pub async fn log_in(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
    credentials: Credentials,
) -> ApiResult<Response> {
    let verified = verify_login(&app, credentials, &headers, &request).await?;
    let tokens = start_session(&app, &verified.user, &request, AuditAction::LoggedIn).await?;
    let mut response = NoStore(tokens).into_response();
    if let Some(cookie) = verified.device_cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// As login or the last refresh gave it.
    refresh_token: String,
}

/// Refresh
///
/// Exchanges a refresh token for its successor and a new access token. Repeating it within ten
/// seconds gives the same successor; later, the session ends.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "auth", operation_id = "refresh",
    request_body = Refresh,
    responses((status = 200, description = "Refreshed", body = Tokens)),
)]
pub async fn refresh(
    State(app): State<App>,
    request: RequestContext,
    Json(given): Json<Refresh>,
) -> ApiResult<NoStore<Tokens>> {
    let limit = app.per_address("refresh", &app.config.limits.refresh, &request);
    app.admit("refresh", &[limit], &request).await?;
    crate::auth::refresh(&app, &given.refresh_token, &request).await.map(NoStore)
}
