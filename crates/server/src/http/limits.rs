//! How long a request may take. How large its body may be is axum's `DefaultBodyLimit` on its route;
//! how large its headers, the listener's affair.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::{IntoResponse as _, Response},
};
use hyper::body::{Frame, SizeHint};
use tower::{Layer, Service};

use crate::error::{ApiError, Code};

/// When to try again after the server was too slow.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A layer that answers a request which takes longer than `limit`: 408 where its body has not arrived
/// yet, which is the client's or the line's fault, else 503. An answer that has begun is left alone.
pub fn deadline(limit: Duration) -> Deadline {
    Deadline(limit)
}

/// See [`deadline`].
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Duration);

impl<S> Layer<S> for Deadline {
    type Service = Within<S>;

    fn layer(&self, inner: S) -> Within<S> {
        Within { inner, limit: self.0 }
    }
}

/// A service with a [`deadline`]. It is no `from_fn`, for that costs a request several allocations.
#[derive(Debug, Clone)]
pub struct Within<S> {
    inner: S,
    limit: Duration,
}

impl<S> Service<Request> for Within<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let has_arrived = Arc::new(AtomicBool::new(request.body().is_end_stream()));
        let request = if has_arrived.load(Ordering::Relaxed) {
            request
        } else {
            let has_arrived = Arc::clone(&has_arrived);
            request.map(|body| Body::new(Watched { body, has_arrived }))
        };
        let (work, limit) = (self.inner.call(request), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, work).await {
                Ok(response) => response,
                Err(_) => Ok(too_slow(has_arrived.load(Ordering::Relaxed))),
            }
        })
    }
}

fn too_slow(has_arrived: bool) -> Response {
    if has_arrived {
        let text = "This took longer than the server lets a request take. Try again.";
        ApiError::new(Code::Unavailable, text).retry_after(RETRY_AFTER).into_response()
    } else {
        let text = "The request's body did not arrive in time. Send it again.";
        ApiError::new(Code::RequestTimeout, text).into_response()
    }
}

/// A body that says when its end was read.
struct Watched {
    body: Body,
    has_arrived: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.body).poll_frame(context);
        if matches!(poll, Poll::Ready(None)) || self.body.is_end_stream() {
            self.has_arrived.store(true, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::post};
    use futures_util::{StreamExt as _, stream};
    use tower::ServiceExt as _;

    use super::*;

    async fn status(body: Body, takes: Duration) -> StatusCode {
        let handler = move |body: Bytes| async move {
            tokio::time::sleep(takes).await;
            body.len().to_string()
        };
        let router =
            Router::new().route("/", post(handler)).layer(deadline(Duration::from_secs(1)));
        let request = Request::post("/").body(body).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[test]
    fn a_slow_body_is_408_and_a_slow_handler_503() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let slow = || Duration::from_secs(5);
        let stalled = || {
            let first = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"half")) });
            Body::from_stream(first.chain(stream::pending()))
        };
        runtime.block_on(async {
            let (a, b, c, d) = tokio::join!(
                status(Body::from("whole"), Duration::ZERO),
                status(Body::from("whole"), slow()),
                status(Body::empty(), slow()),
                status(stalled(), Duration::ZERO),
            );
            assert_eq!(a, StatusCode::OK);
            assert_eq!(b, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(c, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(d, StatusCode::REQUEST_TIMEOUT);
        });
    }
}
