use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    ops::Deref,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, HeaderValue, request::Parts},
};
use pacioli_model::{CompanyId, UserId};
use pacioli_store::{Decision, Quota};

use crate::telemetry::json_members;

/// What is known about a request besides its handler's input. Made by the outermost layer, filled in
/// on the way, read by the log line and the answer's headers.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Known>);

/// What [`RequestContext`] shares.
#[derive(Debug)]
pub struct Known {
    /// Names the request in answers and logs.
    pub request_id: Box<str>,
    /// Who is at the other end, trusted proxies looked through.
    pub client: IpAddr,
    /// What the client says it is, cut and cleaned.
    pub user_agent: Option<Box<str>>,
    identity: OnceLock<(CompanyId, UserId)>,
    rate: OnceLock<RateState>,
    notes: Mutex<String>,
}

impl Deref for RequestContext {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

impl RequestContext {
    /// A new request.
    pub fn new(request_id: Box<str>, client: IpAddr, user_agent: Option<Box<str>>) -> Self {
        let (identity, rate) = (OnceLock::new(), OnceLock::new());
        let notes = Mutex::default();
        Self(Arc::new(Known { request_id, client, user_agent, identity, rate, notes }))
    }

    /// The context of the request with these extensions; a nameless one where no layer made one.
    pub fn of(extensions: &Extensions) -> Self {
        let nameless = || Self::new("".into(), IpAddr::V4(Ipv4Addr::UNSPECIFIED), None);
        extensions.get::<Self>().cloned().unwrap_or_else(nameless)
    }

    /// Notes whose request it is.
    pub fn identify(&self, company: CompanyId, user: UserId) {
        // Only one extractor identifies a request.
        let _ = self.identity.set((company, user));
    }

    /// Whose request it is, once that is known.
    pub fn identity(&self) -> Option<(CompanyId, UserId)> {
        self.identity.get().copied()
    }

    /// Notes what a limiter said; the first one is told.
    pub fn rate_limited(&self, state: RateState) {
        let _ = self.rate.set(state);
    }

    /// Adds a field to the request's log line: a figure or an id, never text that somebody wrote.
    pub fn note(&self, key: &'static str, value: impl Into<serde_json::Value>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        json_members(&mut notes, key, &value.into());
    }

    /// The added fields, as members of a JSON object.
    pub(super) fn notes(&self) -> String {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a limiter said.
    pub fn rate(&self) -> Option<&RateState> {
        self.rate.get()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

/// What a limiter said about this request, for `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers-11).
#[derive(Debug, Clone, Copy)]
pub struct RateState {
    policy: &'static str,
    window: Duration,
    limit: u32,
    remaining: u32,
    reset: Duration,
}

impl RateState {
    /// From the decision and the quota of its tightest bucket.
    pub fn new(policy: &'static str, quota: Option<Quota>, decision: &Decision) -> Self {
        let window = quota.map_or(Duration::ZERO, |quota| quota.period * quota.burst);
        let (limit, remaining) = (decision.limit, decision.remaining);
        let reset = if decision.allowed { decision.reset_after } else { decision.retry_after };
        Self { policy, window, limit, remaining, reset }
    }

    /// Writes both headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        let seconds = |span: Duration| span.as_secs() + u64::from(span.subsec_nanos() > 0);
        let policy = format!("\"{}\";q={};w={}", self.policy, self.limit, seconds(self.window));
        let state = format!("\"{}\";r={};t={}", self.policy, self.remaining, seconds(self.reset));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}
