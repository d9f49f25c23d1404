//! The one line that each request leaves in the log, and its metrics. docs/LOGGING.md explains the
//! fields.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::MatchedPath,
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tracing::field;

use super::context::RequestContext;
use crate::{
    error::Failure,
    telemetry::{Members, Metrics},
};

/// As much of a User-Agent as is kept.
const USER_AGENT_CHARS: usize = 200;

/// The status that is logged where the client went away before there was one; nginx's number.
const CLIENT_GONE: u16 = 499;

/// What the client says it is: its first characters, those that cannot be shown replaced.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<Box<str>> {
    let bytes = headers.get(header::USER_AGENT)?.as_bytes();
    let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '?' };
    Some(bytes.iter().take(USER_AGENT_CHARS).map(shown).collect::<String>().into())
}

/// A request that has begun and has left no line yet. Dropped before it ended, its client went away.
pub(super) struct Pending {
    entry: Option<Entry>,
}

struct Entry {
    context: RequestContext,
    metrics: Metrics,
    method: Method,
    route: Option<MatchedPath>,
    scheme: &'static str,
    trace_id: Option<Box<str>>,
    began: Instant,
    answer: Option<Answer>,
}

/// What is known of the answer once its head is there.
struct Answer {
    status: StatusCode,
    code: Option<&'static str>,
    cause: Option<String>,
}

impl Pending {
    pub(super) fn begin(
        context: RequestContext,
        metrics: &Metrics,
        request: &axum::extract::Request,
        scheme: &'static str,
        trace_id: Option<Box<str>>,
    ) -> Self {
        metrics.request_began();
        let entry = Entry {
            context,
            metrics: metrics.clone(),
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
            scheme,
            trace_id,
            began: Instant::now(),
            answer: None,
        };
        Self { entry: Some(entry) }
    }

    /// The answer's head is there. A body of known size is as good as sent; any other is counted, and
    /// the line waits for its end.
    pub(super) fn answered(mut self, response: Response, failure: Option<Failure>) -> Response {
        if let Some(entry) = &mut self.entry {
            let status = response.status();
            let (code, cause) = failure
                .map_or((None, None), |failure| (Some(failure.code.as_str()), failure.cause));
            entry.answer = Some(Answer { status, code, cause });
            entry.measure(status);
        }
        match response.body().size_hint().exact() {
            Some(bytes) => {
                self.end(bytes, true);
                response
            }
            None => response.map(|body| Body::new(Counted { body, pending: self, bytes: 0 })),
        }
    }

    fn end(&mut self, bytes: u64, is_complete: bool) {
        if let Some(entry) = self.entry.take() {
            entry.write(bytes, is_complete);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.end(0, false);
    }
}

impl Entry {
    fn measure(&self, status: StatusCode) {
        let took = self.began.elapsed();
        self.metrics.request_ended(self.route.as_ref(), &self.method, status, took);
    }

    fn write(self, bytes_out: u64, is_complete: bool) {
        let gone = StatusCode::from_u16(CLIENT_GONE).unwrap_or(StatusCode::BAD_REQUEST);
        let Answer { status, code, cause } = match self.answer {
            Some(answer) => answer,
            None => {
                self.measure(gone);
                Answer { status: gone, code: None, cause: None }
            }
        };
        let identity = self.context.identity();
        let notes = self.context.notes();
        let route = self.route.as_ref().map_or("unmatched", MatchedPath::as_str);
        // The level of an event is fixed where it stands, so the event stands here twice.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    event = "http.request",
                    request_id = &*self.context.request_id,
                    trace_id = self.trace_id.as_deref(),
                    method = self.method.as_str(),
                    route,
                    status = status.as_u16(),
                    code,
                    duration_ms = millis(self.began.elapsed()),
                    bytes_out,
                    cut_off = (!is_complete).then_some(true),
                    user_id = identity.map(|(_, user)| field::display(user)),
                    company_id = identity.map(|(company, _)| field::display(company)),
                    client = field::display(self.context.client),
                    scheme = self.scheme,
                    user_agent = self.context.user_agent.as_deref(),
                    cause,
                    log.members = (!notes.is_empty()).then_some(field::debug(Members(&notes))),
                    "{} {route} {}",
                    self.method,
                    status.as_u16()
                )
            };
        }
        if status.is_server_error() {
            line!(error);
        } else {
            line!(info);
        }
    }
}

/// Milliseconds, to the microsecond.
fn millis(span: Duration) -> f64 {
    let micros = u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

/// A body that counts what is taken from it, and ends its request's line.
struct Counted {
    body: Body,
    pending: Pending,
    bytes: u64,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.body).poll_frame(context);
        match &poll {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.bytes += bytes as u64;
            }
            Poll::Ready(end) => {
                let (bytes, is_complete) = (self.bytes, end.is_none());
                self.pending.end(bytes, is_complete);
            }
            Poll::Pending => {}
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // hyper does not ask again for a body that says it has ended.
        let is_complete = self.body.is_end_stream();
        let bytes = self.bytes;
        self.pending.end(bytes, is_complete);
    }
}
