//! Proving a password: the same work, the same answer and the same time for an unknown address, a
//! wrong password and a closed account.

use axum::http::{HeaderMap, HeaderValue};
use pacioli_model::{AuditAction, AuditEvent, AuditId, Email, Outcome, User};
use pacioli_store::{Limit, StoreError, UserChange};

use super::attempts::{Device, login_limits};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    extract::Credentials,
    http::RequestContext,
};

/// A person who has just proved their password.
pub struct Verified {
    /// Who.
    pub user: User,
    /// For the answer: makes this a known device.
    pub device_cookie: Option<HeaderValue>,
}

fn refused() -> ApiError {
    ApiError::new(Code::InvalidCredentials, "Incorrect email or password")
}

/// Checks an address and a password, within the limits on trying.
pub async fn verify_login(
    app: &App,
    credentials: Credentials,
    headers: &HeaderMap,
    request: &RequestContext,
) -> ApiResult<Verified> {
    let email = Email::parse(&credentials.username).ok();
    let device = email.as_ref().and_then(|email| Device::of(headers, &app.keys, email));
    let account = email.as_ref().map_or(credentials.username.as_str(), Email::as_str);
    let limits = login_limits(app, account, device, request);
    app.admit("login", &limits, request).await?;
    let outcome = prove(app, email.as_ref(), credentials.password, &limits).await?;
    let pseudonym = app.keys.pseudonym(&[b"email", account.as_bytes()]);
    match outcome {
        Proof::Good(user) => {
            app.metrics.login("success");
            app.cache.reset(&limits[0].key).await;
            app.cache.refund(&limits[1..]).await;
            tracing::info!(
                event = "login.succeeded", user_id = %user.id, email_hash = pseudonym,
                request_id = %request.request_id, "login succeeded"
            );
            let device = device.unwrap_or_else(|| Device::new(app.random.uuid()));
            let cookie = device.cookie(&app.keys, &user.email, app.config.server.is_https());
            Ok(Verified { user: *user, device_cookie: cookie })
        }
        Proof::Bad(user) => {
            app.metrics.login("failure");
            tracing::info!(
                event = "login.failed", email_hash = pseudonym,
                request_id = %request.request_id, "login failed"
            );
            if let Some(user) = user {
                record_failure(app, &user, request);
            }
            Err(refused())
        }
    }
}

enum Proof {
    Good(Box<User>),
    /// With the account that was tried, for its company's audit log.
    Bad(Option<Box<User>>),
}

async fn prove(
    app: &App,
    email: Option<&Email>,
    password: String,
    limits: &[Limit],
) -> ApiResult<Proof> {
    let user = match email {
        Some(email) => app.store.user_by_email(email).await?,
        None => None,
    };
    let Some(mut user) = user else {
        hashed(app, limits, app.hasher.verify_dummy(password).await).await?;
        return Ok(Proof::Bad(None));
    };
    let checked = app.hasher.verify(password.clone(), &user.password_hash).await;
    let checked = hashed(app, limits, checked).await?;
    let company = app.store.tenant(user.company_id).company().await?;
    let open = user.is_active() && company.is_some_and(|company| company.disabled_at.is_none());
    if !checked.matches || !open {
        return Ok(Proof::Bad(Some(Box::new(user))));
    }
    if checked.needs_upgrade && !upgrade(app, &mut user, password.clone()).await {
        return Box::pin(prove(app, email, password, limits)).await;
    }
    Ok(Proof::Good(Box::new(user)))
}

/// A full queue is no failed attempt: what it cost is given back.
async fn hashed<T>(
    app: &App,
    limits: &[Limit],
    result: Result<T, crate::password::HashError>,
) -> ApiResult<T> {
    if result.is_err() {
        app.cache.refund(limits).await;
    }
    Ok(result?)
}

/// Stores the password under the current scheme and cost. Failing to is no reason to refuse a login;
/// false only where the account was changed meanwhile, most likely by a login at the same time.
async fn upgrade(app: &App, user: &mut User, password: String) -> bool {
    let Ok(password_hash) = app.hasher.hash(password).await else { return true };
    let change = UserChange {
        password_hash: Some(password_hash.clone()),
        guard_password_hash: Some(user.password_hash.clone()),
        ..UserChange::default()
    };
    match app.store.tenant(user.company_id).update_user(user.id, &change, None).await {
        Ok(_) => user.password_hash = password_hash,
        Err(StoreError::Conflict) => return false,
        Err(error) => tracing::warn!(
            event = "login.upgrade_failed", user_id = %user.id,
            cause = crate::error::chain(&error), "a password hash was not upgraded"
        ),
    }
    true
}

/// Checks the password of somebody who is signed in already; paid for like a login.
pub async fn verify_current_password(
    app: &App,
    email: &Email,
    password: String,
    headers: &HeaderMap,
    request: &RequestContext,
) -> ApiResult<()> {
    let device = Device::of(headers, &app.keys, email);
    let limits = login_limits(app, email.as_str(), device, request);
    app.admit("login", &limits, request).await?;
    match prove(app, Some(email), password, &limits).await? {
        Proof::Good(_) => {
            app.cache.reset(&limits[0].key).await;
            app.cache.refund(&limits[1..]).await;
            Ok(())
        }
        Proof::Bad(_) => Err(ApiError::new(
            Code::WrongCurrentPassword,
            "The current password is wrong. Nothing was changed.",
        )),
    }
}

/// Writes the failure into the company's audit log, beside the answer and not before it: an unknown
/// address has no log to write, and must not answer sooner.
fn record_failure(app: &App, user: &User, request: &RequestContext) {
    let event = AuditEvent {
        id: AuditId(app.random.uuid()),
        company_id: user.company_id,
        at: app.clock.now(),
        action: AuditAction::LoggedIn,
        outcome: Outcome::Failure,
        actor: None,
        target: Some(user.id.to_string()),
        detail: None,
        address: Some(request.client.to_string()),
        request_id: Some(request.request_id.to_string()),
    };
    let data = app.store.tenant(user.company_id);
    app.background.spawn(async move {
        if let Err(error) = data.append_audit(&event).await {
            tracing::error!(
                event = "audit.failed", company_id = %event.company_id,
                cause = crate::error::chain(&error), "an audit entry was not written"
            );
        }
    });
}
