//! The one status table. A room says what went wrong in its own words; here it becomes a stable
//! code, a status and a problem document (RFC 9457). Clients see `detail`, logs see the cause.

mod reference;
mod rooms;

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use pacioli_sources::SourceError;
use serde::Serialize;
use utoipa::ToSchema;

pub use self::reference::reference;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// Every way a request can fail, as its stable code says it. docs/ERRORS.md is made from this.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// All of them, in the order of docs/ERRORS.md.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable text that programs compare.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// A short human title, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What it means and what to do, for docs/ERRORS.md.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or not a form. Check its syntax.
    MalformedBody = "malformed_body", BAD_REQUEST, "Malformed body";
    /// The request itself is broken: two Authorization headers, an invalid header, a broken multipart body.
    BadRequest = "bad_request", BAD_REQUEST, "Bad request";
    /// No token was sent. Log in and send `Authorization: Bearer …`.
    NotAuthenticated = "not_authenticated", UNAUTHORIZED, "Not authenticated";
    /// The token is malformed, expired or revoked, or its account is closed. Refresh it, or log in again.
    InvalidToken = "invalid_token", UNAUTHORIZED, "Invalid token";
    /// Unknown address, wrong password or closed account: which of them is not told.
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Invalid credentials";
    /// The refresh token is unknown, expired, or was used before: its session has ended. Log in again.
    InvalidRefreshToken = "invalid_refresh_token", UNAUTHORIZED, "Invalid refresh token";
    /// The account's role does not carry what this needs. Ask a superuser of the company.
    InsufficientRole = "insufficient_role", FORBIDDEN, "Insufficient role";
    /// Somebody else chose this password. Change it first: `POST /auth/change-password`.
    PasswordChangeRequired = "password_change_required", FORBIDDEN, "Password change required";
    /// There is no such thing in your company.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// The path exists, the method does not. See the `Allow` header.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The request did not arrive in time. Send it again.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timeout";
    /// An account with this e-mail address exists. Log in, or use another address.
    EmailTaken = "email_taken", CONFLICT, "E-mail address taken";
    /// A company always keeps one active superuser. Give somebody else the role first.
    LastOwner = "last_owner", CONFLICT, "Last superuser";
    /// Somebody else changed the same thing at the same time. Read it and try again.
    Conflict = "conflict", CONFLICT, "Conflict";
    /// Somebody of the company cancelled the query: `DELETE /queries/{id}`.
    QueryCancelled = "query_cancelled", CONFLICT, "Query cancelled";
    /// A request with this Idempotency-Key is being worked on. Wait for it.
    IdempotencyInFlight = "idempotency_in_flight", CONFLICT, "Request in progress";
    /// The connection is being loaded, or is not what this asks for. `detail` says which.
    ConnectionBusy = "connection_busy", CONFLICT, "Connection busy";
    /// The job has ended, or is of a kind that is not cancelled.
    NotCancellable = "not_cancellable", CONFLICT, "Not cancellable";
    /// The connection's secret cannot be decrypted: its key is gone. Give it anew: `PATCH /connections/{id}`.
    SecretUnreadable = "secret_unreadable", CONFLICT, "Secret unreadable";
    /// The table's rows come from a connected system, so none can be pushed into it. Push into another one.
    TableConnected = "table_connected", CONFLICT, "Table of a connection";
    /// The body, or one of its parts, is larger than the server takes.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "Too large";
    /// The Content-Type is not one that this route reads.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// One or more values are not acceptable: `errors` names each with its place and a code.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "Invalid request";
    /// The new password is refused; `errors` has a machine-readable reason for each rule it breaks.
    WeakPassword = "weak_password", UNPROCESSABLE_ENTITY, "Password refused";
    /// The current password is wrong, so nothing was changed.
    WrongCurrentPassword = "wrong_current_password", UNPROCESSABLE_ENTITY, "Wrong current password";
    /// The file cannot be read as a table; `detail` names the line and what to do, `errors[0].type` the reason.
    UnreadableFile = "unreadable_file", UNPROCESSABLE_ENTITY, "Unreadable file";
    /// The source turned the connection's credentials down, or they may not read what was asked for.
    SourceDenied = "source_denied", UNPROCESSABLE_ENTITY, "Source refused";
    /// The source is not one to load from, or does not have what it should: `errors[0].type` says what is wrong.
    SourceUnfit = "source_unfit", UNPROCESSABLE_ENTITY, "Source unfit";
    /// This Idempotency-Key came with a different request before. Use a new key.
    IdempotencyMismatch = "idempotency_mismatch", UNPROCESSABLE_ENTITY, "Idempotency key reused";
    /// The query cannot be run as asked: `detail` says why.
    InvalidQuery = "invalid_query", UNPROCESSABLE_ENTITY, "Invalid query";
    /// The query took longer than the server lets one take. Ask for less: a shorter period, fewer groups.
    QueryTimeout = "query_timeout", UNPROCESSABLE_ENTITY, "Query stopped";
    /// The query needed more memory than the server lets one use. Ask for less: a shorter period, fewer groups.
    QueryTooLarge = "query_too_large", UNPROCESSABLE_ENTITY, "Query stopped";
    /// Too many requests. Wait as long as `Retry-After` says.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// A fault of ours. It is in the log under `request_id`.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// The source of the data does not answer. See whether it runs and whether the address is right.
    SourceUnreachable = "source_unreachable", BAD_GATEWAY, "Source unreachable";
    /// Something the server depends on does not answer. Try again after `Retry-After`.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Service unavailable";
    /// More work is waiting than the server takes on. Try again after `Retry-After`.
    Busy = "busy", SERVICE_UNAVAILABLE, "Server busy";
}

/// One refused value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: `["body", "email"]`, `["query", "limit"]`.
    pub loc: Vec<String>,
    /// What is wrong, in words. Never repeats the value.
    pub msg: String,
    /// What is wrong, for programs.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
}

/// The body of every failed request (RFC 9457), readable by clients written for FastAPI: `detail` is
/// always one string.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// Identifies the kind of problem; its last part is `code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:pacioli:problem:invalid")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// This occurrence in words: what to do about it.
    pub detail: String,
    /// The kind, for programs: see docs/ERRORS.md.
    pub code: String,
    /// Names this request in the server's log.
    pub request_id: String,
    /// On 422: each refused value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// Why a request failed.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for ApiError {}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A failure with the words for this occurrence.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self {
            code,
            detail,
            errors: Vec::new(),
            retry_after: None,
            headers: Vec::new(),
            cause: None,
        }
    }

    /// There is no such thing in the caller's company: the same answer for foreign and for missing.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no such thing here.")
    }

    /// A fault of ours, with what to write in the log.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(
            Code::Internal,
            "The server made a mistake. It is in its log under this request id.",
        )
        .caused_by(cause)
    }

    /// One refused value.
    pub fn invalid(
        loc: &[&str],
        kind: impl Into<Cow<'static, str>>,
        msg: impl Into<String>,
    ) -> Self {
        Self::new(Code::Invalid, "").with_error(loc, kind, msg)
    }

    /// Adds a refused value; the first one also becomes the detail where there is none.
    pub fn with_error(
        mut self,
        loc: &[&str],
        kind: impl Into<Cow<'static, str>>,
        msg: impl Into<String>,
    ) -> Self {
        let loc: Vec<String> = loc.iter().map(|&part| part.to_owned()).collect();
        let msg = msg.into();
        if self.detail.is_empty() {
            self.detail = format!("{}: {msg}", loc.join(".")).into();
        }
        self.errors.push(FieldError { loc, msg, kind: kind.into() });
        self
    }

    /// When it makes sense to try again; at least one second is told.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// A header of the answer.
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What the log says about it; clients never see it.
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What a person who has the system connected is told of it. The words of `From<SourceError>` are
    /// about files.
    pub fn of_source(error: SourceError) -> Self {
        match error {
            SourceError::Invalid { code, detail } => {
                Self::new(Code::SourceUnfit, detail.clone()).with_error(&["source"], code, detail)
            }
            SourceError::Unsupported { detail, .. } => {
                let text = detail.clone();
                Self::new(Code::SourceUnfit, text).with_error(&["source"], "unsupported", detail)
            }
            other => other.into(),
        }
    }

    /// What is wrong with the first refused value.
    pub fn first_kind(&self) -> Option<&str> {
        self.errors.first().map(|error| &*error.kind)
    }

    /// Its words and each refused value, for a terminal.
    pub fn reasons(&self) -> String {
        let reasons = self.errors.iter().map(|error| format!(" {}", error.msg));
        format!("{}{}", self.detail, reasons.collect::<String>())
    }

    /// Its words.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// The whole chain of causes, outermost first.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Travels in the answer's extensions to the log line and to the layer that fills in `request_id`.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// The chain of causes, for faults of ours.
    pub cause: Option<String>,
    body: std::sync::Arc<ProblemBody>,
}

impl Failure {
    /// The problem document, with the id of the request it answers.
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let body = ProblemBody {
            kind: self.body.kind.clone(),
            title: self.body.title.clone(),
            status: self.body.status,
            detail: self.body.detail.clone(),
            code: self.body.code.clone(),
            request_id: request_id.to_owned(),
            errors: self.body.errors.clone(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl IntoResponse for ApiError {
    /// The body is left to the outermost layer, which knows the request id ([`Failure::body`]).
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = challenge(self.code) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        headers.extend(self.headers);
        let body = ProblemBody {
            kind: format!("urn:pacioli:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: status.as_u16(),
            detail: self.detail.into_owned(),
            code: self.code.as_str().to_owned(),
            request_id: String::new(),
            errors: self.errors,
        };
        let cause = self.cause.map(|cause| chain(cause.as_ref()));
        response.extensions_mut().insert(Failure { code: self.code, cause, body: body.into() });
        response
    }
}

/// RFC 6750 §3: an error code only where a token was sent.
fn challenge(code: Code) -> Option<&'static str> {
    match code {
        Code::NotAuthenticated | Code::InvalidCredentials | Code::InvalidRefreshToken => {
            Some("Bearer")
        }
        Code::InvalidToken => Some(
            "Bearer error=\"invalid_token\", error_description=\"The token is malformed, expired or revoked\"",
        ),
        Code::InsufficientRole | Code::PasswordChangeRequired => {
            Some("Bearer error=\"insufficient_scope\"")
        }
        _ => None,
    }
}
