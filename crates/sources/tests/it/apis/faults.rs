//! What goes wrong on the way: requests are counted, and some of them meet a fault.

use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Response, StatusCode, header},
    middleware::Next,
};
use futures_util::{StreamExt, stream};

#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, and when to come again, in seconds or until a date.
    Later(u16, Option<&'static str>),
    /// The connection breaks in the middle of the body.
    Dropped,
    /// The body ends in the middle, and the length agrees.
    Truncated,
    /// A proxy's page.
    Page(u16),
    /// Go elsewhere.
    Redirect(u16, String),
    /// A body that never ends.
    Endless,
    /// A small body that is large when unpacked.
    Bomb,
    /// A byte now and then.
    Drip,
    /// This JSON with this status: what a server says that repeats what it was told.
    Says(u16, String),
}

/// Faults by the number of the request, from 0.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Arc<Mutex<BTreeMap<usize, Fault>>>,
    always: Arc<Mutex<Option<Fault>>>,
    count: Arc<AtomicUsize>,
    /// Every request: method, path and query, headers.
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub target: String,
    pub headers: axum::http::HeaderMap,
}

impl Faults {
    /// The request after so many more meets it.
    pub fn after(&self, requests: usize, fault: Fault) {
        let number = self.count.load(Ordering::SeqCst) + requests;
        self.plan.lock().unwrap().insert(number, fault);
    }

    /// Every request from now on meets it.
    pub fn always(&self, fault: Fault) {
        *self.always.lock().unwrap() = Some(fault);
    }

    pub fn requests(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn next(&self, request: &Request) -> Option<Fault> {
        let target = format!("{} {}", request.method(), request.uri());
        self.seen.lock().unwrap().push(Seen { target, headers: request.headers().clone() });
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let planned = self.plan.lock().unwrap().remove(&number);
        planned.or_else(|| self.always.lock().unwrap().clone())
    }
}

/// The layer before a server's routes.
pub async fn meet(State(faults): State<Faults>, request: Request, next: Next) -> Response<Body> {
    match faults.next(&request) {
        None => next.run(request).await,
        Some(Fault::Dropped) => {
            let half = half(next.run(request).await).await;
            let broken = stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
            json(Body::from_stream(broken.then(|piece| async {
                // The half goes out before the connection breaks.
                tokio::time::sleep(Duration::from_millis(20)).await;
                piece
            })))
        }
        Some(Fault::Truncated) => json(Body::from(half(next.run(request).await).await)),
        Some(fault) => made(fault),
    }
}

async fn half(response: Response<Body>) -> Bytes {
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    body.slice(..body.len() / 2)
}

fn json(body: Body) -> Response<Body> {
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
}

fn made(fault: Fault) -> Response<Body> {
    let with = |status: u16, body: Body| {
        let mut response = json(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    match fault {
        Fault::Later(status, when) => {
            let mut response = with(status, Body::from("{}"));
            if let Some(when) = when {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(when));
            }
            response
        }
        Fault::Page(status) => {
            let mut response = with(status, Body::from("<html><title>Sign in</title></html>"));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            response
        }
        Fault::Redirect(status, to) => {
            let mut response = with(status, Body::empty());
            response.headers_mut().insert(header::LOCATION, to.parse().unwrap());
            response
        }
        Fault::Endless => with(200, Body::from_stream(endless())),
        Fault::Bomb => {
            let mut response = with(200, Body::from(packed(4 << 20)));
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Fault::Drip => {
            let drips = stream::repeat(()).then(|()| async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, std::io::Error>(Bytes::from_static(b" "))
            });
            with(200, Body::from_stream(drips))
        }
        Fault::Says(status, text) => with(status, Body::from(text)),
        Fault::Dropped | Fault::Truncated => unreachable!("made of the true answer"),
    }
}

fn endless() -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::repeat(Bytes::from("[1, ".repeat(4096))).map(Ok)
}

/// Spaces, packed.
fn packed(bytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..bytes / 4096 {
        encoder.write_all(&[b' '; 4096]).unwrap();
    }
    encoder.finish().unwrap()
}
