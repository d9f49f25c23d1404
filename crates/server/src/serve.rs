//! Listening and stopping.
//!
//! On SIGTERM or Ctrl-C the server stops taking connections, answers `/readyz` on those it has with
//! 503, finishes the requests in flight and the loads that can be finished, and ends with 0. What is
//! not finished after the grace time is cut off.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};
use tower::ServiceExt as _;

use crate::{app::App, compose::StartError, error::chain, router, shared};

/// A client that has not sent its headers by then is cut off. The time also runs while a connection is
/// idle, and proxies keep idle connections for a minute: they close them, not we under their hands.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// Header bytes that are read.
const HEADER_BYTES: usize = 64 * 1024;

/// Header fields that are read.
const HEADER_FIELDS: usize = 128;

/// Of the grace time, in fifths: loads may go on for four, and are given the last to say that they were
/// given up.
const FIFTHS: u32 = 5;

/// The listeners of a server that is about to serve.
pub struct Listeners {
    public: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Binds them; port 0 takes a free one. A second server on the machine that was not told where its
    /// metrics go does without them.
    pub async fn bind(app: &App) -> Result<Self, StartError> {
        let config = &app.config.server;
        let public = listen("server.listen", config.listen).await?;
        let metrics = match config.metrics_listen {
            None => None,
            Some(address) => match listen("server.metrics_listen", address).await {
                Ok(listener) => Some(listener),
                Err(error) if app.config.is_default("server.metrics_listen") => {
                    tracing::warn!(
                        event = "server.no_metrics",
                        cause = chain(&error),
                        "no metrics are served"
                    );
                    None
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Self { public, metrics })
    }

    /// Where the API listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// Where `/metrics` listens.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }
}

async fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { key, address, source })
}

/// Serves until `app.stopping` is cancelled, then stops gracefully.
pub async fn serve(app: &App, listeners: Listeners) {
    shared::end_queries(app);
    let metrics = listeners.metrics.map(|listener| {
        let (app, service) = (app.clone(), router::metrics(app));
        tokio::spawn(async move { accept(&app, &listener, service).await })
    });
    let connections = accept(app, &listeners.public, router::public(app)).await;
    drop(listeners.public);
    let finish = async {
        connections.shutdown().await;
        app.background.close();
        app.background.wait().await;
        app.engine.shutdown().await;
    };
    let grace = app.config.server.shutdown_grace();
    let giving_up = async {
        tokio::time::sleep(grace / FIFTHS * (FIFTHS - 1)).await;
        app.giving_up.cancel();
        tokio::time::sleep(grace / FIFTHS).await;
    };
    let finished = tokio::select! {
        () = finish => true,
        () = giving_up => false,
    };
    if !finished {
        tracing::warn!(
            event = "server.cut_off",
            "work in flight was cut off at the end of the grace time"
        );
    }
    if let Some(task) = metrics {
        task.abort();
    }
}

async fn accept(app: &App, listener: &TcpListener, service: Router) -> GracefulShutdown {
    let graceful = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADER_FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_concurrent_streams(256)
        .max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.stopping.cancelled() => return graceful,
        };
        match accepted {
            Ok((stream, peer)) => serve_one(&builder, &graceful, stream, peer, service.clone()),
            Err(error) => {
                // Out of file descriptors, most often: others close theirs meanwhile.
                tracing::warn!(event = "server.accept_failed", %error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn serve_one(
    builder: &auto::Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    stream: TcpStream,
    peer: SocketAddr,
    service: Router,
) {
    // Answers are small: waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let service =
        service.map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(Body::new)
        });
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = graceful.watch(connection.into_owned());
    tokio::spawn(async move {
        // A client that goes away in the middle is no event.
        let _ = connection.await;
    });
}

/// Cancels `app.stopping` when the process is told to stop.
pub fn stop_on_signal(app: &App) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = app.stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(event = "server.stopping", "told to stop: finishing what is in flight");
        stopping.cancel();
    });
    Ok(())
}
