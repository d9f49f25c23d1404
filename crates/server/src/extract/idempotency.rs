//! `Idempotency-Key` on requests that create: repeating one, because its answer was lost, neither
//! does the work twice nor fails (draft-ietf-httpapi-idempotency-key-header-07).

use std::{convert::Infallible, future::Future};

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::Duration;
use pacioli_store::{Claim, IdempotencyRecord, StoredResponse};
use serde::{Serialize, de::DeserializeOwned};

use super::json::{media_type, parse_json, read_body};
use crate::{
    app::App,
    auth::{Purpose, hex},
    error::{ApiError, ApiResult, Code, chain},
};

/// A request that has given no sign of life for so long has died with its server: its key is free again.
const HELD: Duration = Duration::seconds(15);

/// How often one that is worked on gives a sign of life.
const SIGN_OF_LIFE: std::time::Duration = std::time::Duration::from_secs(5);

/// How long an answer can be asked for again.
const KEPT: Duration = Duration::hours(24);

/// The header, where it was sent: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= 255);
        match (text, values.next()) {
            (Some(text), None) => Ok(Self(Some(text.to_owned()))),
            _ => Err(ApiError::invalid(
                &["header", "Idempotency-Key"],
                "value_error",
                "Must be one value of 1 to 255 visible ASCII characters.",
            )),
        }
    }
}

impl IdempotencyKey {
    /// Does `work` if this key is new; otherwise gives back what was kept when it was. `scope` names
    /// who asks for what, `content` what exactly: the same key with other content is refused.
    pub async fn once<T>(
        &self,
        app: &App,
        scope: &[&[u8]],
        content: &[&[u8]],
        work: impl Future<Output = ApiResult<T>>,
        keep: impl FnOnce(&T) -> StoredResponse,
    ) -> ApiResult<Turn<T>> {
        let Some(key) = &self.0 else { return work.await.map(Turn::First) };
        let now = app.clock.now();
        let mut named = vec![key.as_bytes()];
        named.extend(scope);
        let record = IdempotencyRecord {
            id: hex(&app.keys.mac(Purpose::Idempotency, &named)),
            fingerprint: hex(&app.keys.mac(Purpose::Idempotency, content)),
            lock_until: now + HELD,
            expires_at: now + KEPT,
            response: None,
        };
        match app.store.claim(&record, now).await? {
            Claim::New => {}
            Claim::Done(answer) => return Ok(Turn::Repeat(answer)),
            Claim::InFlight => {
                let text = "A request with this Idempotency-Key is being worked on.";
                let error = ApiError::new(Code::IdempotencyInFlight, text);
                return Err(error.retry_after(std::time::Duration::from_secs(1)));
            }
            Claim::OtherRequest => {
                let text = "This Idempotency-Key came with a different request before.";
                return Err(ApiError::new(Code::IdempotencyMismatch, text));
            }
        }
        let worked = tokio::select! {
            worked = work => worked,
            never = hold(app, &record.id) => match never {},
        };
        match worked {
            Ok(done) => {
                app.store.complete(&record.id, &keep(&done)).await?;
                Ok(Turn::First(done))
            }
            Err(error) => {
                app.store.release(&record.id).await?;
                Err(error)
            }
        }
    }
}

/// Keeps a key claimed while its request is worked on. A sign of life that is not heard is no reason to
/// end the work: the next one may be.
async fn hold(app: &App, id: &str) -> Infallible {
    loop {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        if let Err(error) = app.store.hold(id, app.clock.now() + HELD).await {
            let cause = chain(&error);
            tracing::warn!(event = "idempotency.not_held", cause, "a key may be taken over");
        }
    }
}

/// What became of a request that may have come before.
#[derive(Debug)]
pub enum Turn<T> {
    /// It came for the first time.
    First(T),
    /// It came before: what was kept then.
    Repeat(StoredResponse),
}

impl<T: IntoResponse> IntoResponse for Turn<T> {
    fn into_response(self) -> Response {
        match self {
            Self::First(answer) => answer.into_response(),
            Self::Repeat(kept) => {
                let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
                let headers = [
                    (header::CONTENT_TYPE, kept.content_type),
                    (header::CACHE_CONTROL, "no-store".to_owned()),
                ];
                (status, headers, kept.body).into_response()
            }
        }
    }
}

/// A JSON answer in the form that is kept for a repeated request.
pub fn kept<T: Serialize>(status: StatusCode, body: &T) -> StoredResponse {
    StoredResponse {
        status: status.as_u16(),
        content_type: "application/json".to_owned(),
        body: serde_json::to_string(body).unwrap_or_default(),
    }
}

/// A JSON body with the key it may be repeated under.
#[derive(Debug)]
pub struct Submission<T> {
    /// The body.
    pub value: T,
    /// The key.
    pub key: IdempotencyKey,
    /// The body's bytes: the same key with other bytes is another request.
    pub content: axum::body::Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Submission<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let (mut parts, body) = request.into_parts();
        let key = IdempotencyKey::from_request_parts(&mut parts, state).await?;
        if !media_type(&parts.headers).eq_ignore_ascii_case("application/json") {
            let text = "Send the body as JSON, with `Content-Type: application/json`.";
            return Err(ApiError::new(Code::UnsupportedMediaType, text));
        }
        let content = read_body(Request::from_parts(parts, body), state).await?;
        Ok(Self { value: parse_json(&content)?, key, content })
    }
}
