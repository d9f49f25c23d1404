//! Sessions and the refresh tokens that keep them alive.
//!
//! The successor of a refresh token is derived from it with a key that only the server has. So a
//! client that lost the answer, or two tabs that refresh at once, are given the same successor within
//! the replay window, and nothing secret has to be stored to do so.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use pacioli_model::{
    AuditAction, AuditEvent, AuditId, CompanyId, Outcome, RefreshHash, Session, SessionId,
    Timestamp, User,
};
use pacioli_store::{Scope, StoreError};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::keys::{Keys, Purpose, hex};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    http::RequestContext,
};

/// What a client is given to act as a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// Good once, at `POST /auth/refresh`.
    pub refresh_token: String,
    /// Only changing the password is allowed until it is changed.
    pub must_change_password: bool,
}

/// Marks a refresh token, for people and for secret scanners.
const PREFIX: &str = "pcr_";

fn first_token(app: &App) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(app.random.bytes::<32>()))
}

fn successor(keys: &Keys, token: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(keys.mac(Purpose::Refresh, &[token.as_bytes()])))
}

fn hash(token: &str) -> RefreshHash {
    RefreshHash(hex(&Sha256::digest(token.as_bytes())))
}

/// Signs a person in on one more device.
pub async fn start_session(
    app: &App,
    user: &User,
    request: &RequestContext,
    action: AuditAction,
) -> ApiResult<Tokens> {
    let now = app.clock.now();
    let refresh_token = first_token(app);
    let absolute = now + app.config.auth.refresh_absolute();
    let session = Session {
        id: SessionId(app.random.uuid()),
        user_id: user.id,
        company_id: user.company_id,
        refresh_hash: hash(&refresh_token),
        previous_hash: None,
        rotated_at: None,
        spent_hashes: Vec::new(),
        created_at: now,
        last_used_at: now,
        expires_at: absolute.min(now + app.config.auth.refresh_idle()),
        absolute_expires_at: absolute,
        user_agent: request.user_agent.as_deref().map(str::to_owned),
        address: Some(request.client.to_string()),
    };
    let event = session_event(app, &session, action, Outcome::Success, request);
    let data = app.store.tenant(user.company_id);
    // The password that was proved must still be the one: a change of it may have come in between.
    match data.create_session_with_password(&session, &user.password_hash, now, &event).await {
        Err(StoreError::Conflict) => {
            let text = "Incorrect email or password";
            return Err(ApiError::new(Code::InvalidCredentials, text));
        }
        done => done?,
    }
    tokens(app, user, session.id, refresh_token, now)
}

fn tokens(
    app: &App,
    user: &User,
    session: SessionId,
    refresh_token: String,
    now: Timestamp,
) -> ApiResult<Tokens> {
    let ids = (user.company_id, user.id, session);
    let access_token = app.tokens.issue(app.random.uuid(), ids, user.role, now);
    Ok(Tokens {
        access_token: access_token.map_err(ApiError::internal)?,
        token_type: "bearer",
        expires_in: app.tokens.lifetime_seconds(),
        refresh_token,
        must_change_password: user.must_change_password,
    })
}

fn session_event(
    app: &App,
    session: &Session,
    action: AuditAction,
    outcome: Outcome,
    request: &RequestContext,
) -> AuditEvent {
    AuditEvent {
        id: AuditId(app.random.uuid()),
        company_id: session.company_id,
        at: app.clock.now(),
        action,
        outcome,
        actor: Some(session.user_id),
        target: Some(session.id.to_string()),
        detail: None,
        address: Some(request.client.to_string()),
        request_id: Some(request.request_id.to_string()),
    }
}

fn refused() -> ApiError {
    ApiError::new(Code::InvalidRefreshToken, "This refresh token is not good. Log in again.")
}

/// Exchanges a refresh token for its successor and a new access token.
///
/// A token that was used before is answered with the same successor within the replay window; after
/// it, somebody else has a copy, and the whole session ends.
pub async fn refresh(app: &App, token: &str, request: &RequestContext) -> ApiResult<Tokens> {
    if token.len() > 128 || !token.starts_with(PREFIX) {
        return Err(refused());
    }
    // A second look is enough: whoever wins the race in between has made our token the previous one.
    for _ in 0..2 {
        let now = app.clock.now();
        let session = app.store.session_by_refresh(&hash(token)).await?.ok_or_else(refused)?;
        let account = app.store.account(session.id).await?.ok_or_else(refused)?;
        let closed = !account.user.is_active() || account.company.disabled_at.is_some();
        if closed || session.expires_at <= now {
            return Err(refused());
        }
        let next = successor(&app.keys, token);
        match position(&session, token, &next, now, app.config.auth.replay_window()) {
            Position::Replay => return tokens(app, &account.user, session.id, next, now),
            Position::Reuse => return Err(end_family(app, &session, request).await?),
            Position::Current => {
                if rotate(app, &session, token, &next, now).await? {
                    return tokens(app, &account.user, session.id, next, now);
                }
            }
        }
    }
    Err(refused())
}

enum Position {
    Current,
    Replay,
    Reuse,
}

fn position(
    session: &Session,
    token: &str,
    next: &str,
    now: Timestamp,
    window: Duration,
) -> Position {
    let given = hash(token);
    if session.refresh_hash == given {
        return Position::Current;
    }
    let just_rotated = session.rotated_at.is_some_and(|at| now - at <= window);
    let is_previous = session.previous_hash.as_ref() == Some(&given);
    if is_previous && just_rotated && session.refresh_hash == hash(next) {
        Position::Replay
    } else {
        Position::Reuse
    }
}

async fn rotate(
    app: &App,
    session: &Session,
    token: &str,
    next: &str,
    now: Timestamp,
) -> ApiResult<bool> {
    let expires = session.absolute_expires_at.min(now + app.config.auth.refresh_idle());
    let data = app.store.tenant(session.company_id);
    Ok(data.rotate_session(session.id, &hash(token), &hash(next), now, expires).await?)
}

async fn end_family(app: &App, session: &Session, request: &RequestContext) -> ApiResult<ApiError> {
    let event =
        session_event(app, session, AuditAction::RefreshTokenReused, Outcome::Failure, request);
    app.store.tenant(session.company_id).end_session(session.id, Some(&event)).await?;
    forget(app, session.company_id, session).await;
    tracing::warn!(
        event = "session.reused",
        session_id = %session.id,
        user_id = %session.user_id,
        request_id = %request.request_id,
        status = StatusCode::UNAUTHORIZED.as_u16(),
        "a spent refresh token came back: session {} ended",
        session.id
    );
    Ok(refused())
}

async fn forget(app: &App, company: CompanyId, session: &Session) {
    app.accounts.invalidate(Scope::User(company, session.user_id)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_always_the_same_and_another_servers_is_another() {
        let (ours, theirs) = (Keys::new(&[1; 32]), Keys::new(&[2; 32]));
        let token = "pcr_abc";
        assert_eq!(successor(&ours, token), successor(&ours, token));
        assert_ne!(successor(&ours, token), successor(&theirs, token));
        assert_ne!(successor(&ours, token), token);
    }
}
