//! A question as server-sent events: how far it is, then its answer or why there is none. Whoever goes
//! away takes the question along.

use std::convert::Infallible;

use axum::{
    body::to_bytes,
    http::{HeaderValue, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{FutureExt as _, future::BoxFuture, stream};
use pacioli_model::QueryId;
use serde_json::json;
use tokio::sync::mpsc;

use super::job_events::HEARTBEAT;
use crate::{
    error::{ApiResult, Failure},
    stages::Stages,
};

/// Stages that wait to be sent; a client that reads slowly does not slow its question.
const ROOM: usize = 16;

struct Asked {
    query_id: QueryId,
    stages: mpsc::Receiver<&'static str>,
    answer: Option<BoxFuture<'static, Event>>,
    last: Option<Event>,
}

/// What `answer` says of its way, and in the end its own body, as `answer` or `error`.
pub fn of<F>(request_id: String, query_id: QueryId, answer: impl FnOnce(Stages) -> F) -> Response
where
    F: Future<Output = ApiResult<Response>> + Send + 'static,
{
    let (sender, stages) = mpsc::channel(ROOM);
    let teller = Stages(sender);
    teller.reached("understanding");
    let answer = answer(teller);
    let answer = async move { event(answer.await.into_response(), &request_id).await }.boxed();
    let asked = Asked { query_id, stages, answer: Some(answer), last: None };
    let events = stream::unfold(asked, |mut asked| async move {
        let event = asked.next().await?;
        Some((Ok::<_, Infallible>(event), asked))
    });
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Told to NGINX, which would keep events until it has many.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

impl Asked {
    async fn next(&mut self) -> Option<Event> {
        if let Some(answer) = &mut self.answer {
            tokio::select! {
                biased;
                Some(stage) = self.stages.recv() => return Some(self.reached(stage)),
                last = answer => {
                    self.answer = None;
                    self.last = Some(last);
                }
            }
        }
        // Stages that were reached together with the end.
        match self.stages.try_recv() {
            Ok(stage) => Some(self.reached(stage)),
            Err(_) => self.last.take(),
        }
    }

    fn reached(&self, stage: &str) -> Event {
        let data = json!({"stage": stage, "query_id": self.query_id});
        Event::default().event("stage").data(data.to_string())
    }
}

async fn event(response: Response, request_id: &str) -> Event {
    if let Some(failure) = response.extensions().get::<Failure>() {
        if let Some(cause) = &failure.cause {
            let code = failure.code.as_str();
            tracing::warn!(
                event = "query.failed",
                request_id,
                code,
                cause,
                "a query told as events failed"
            );
        }
        return Event::default().event("error").data(text(failure.body(request_id)));
    }
    // The body is an answer's JSON, which is in memory already.
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    Event::default().event("answer").data(text(body.to_vec()))
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_default()
}
