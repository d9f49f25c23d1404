//! Traces over OTLP, where `telemetry.otlp_endpoint` names a collector; else spans cost nothing. A span
//! holds route templates, statuses and the request's id, never what somebody wrote.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use axum::{
    extract::{MatchedPath, Request},
    http::StatusCode,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use opentelemetry::{propagation::TextMapPropagator as _, trace::TracerProvider as _};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use tokio::{net::TcpStream, runtime::Handle};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::config::TelemetryConfig;

/// The target of spans, by which the log leaves them out and the exporter takes them.
pub const TRACES: &str = "pacioli::trace";

/// How long a collector may take; meanwhile spans are kept, as many as fit, and requests go on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a collector's answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;

/// Sends traces in the background until it is stopped.
#[derive(Debug, Default)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Begins to send, on this runtime; none where nobody is named.
    pub(super) fn begin(
        config: &TelemetryConfig,
        runtime: Handle,
    ) -> Result<Self, opentelemetry_otlp::ExporterBuildError> {
        let Some(endpoint) = &config.otlp_endpoint else { return Ok(Self(None)) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(OnRuntime(runtime))
            .with_headers(HashMap::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(PATIENCE)
            .build()?;
        // Whoever began the trace has decided whether it is kept.
        let share = f64::from(config.otlp_sample_percent) / 100.0;
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(Resource::builder().with_service_name("pacioli").build())
            .build();
        Ok(Self(Some(provider)))
    }

    pub(super) fn tracer(&self) -> Option<SdkTracer> {
        self.0.as_ref().map(|provider| provider.tracer("pacioli"))
    }

    /// Sends what is left. Blocks, so not to be called by the runtime's own threads.
    pub fn stop(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(event = "traces.cut_off", %error, "the last traces were not sent");
        }
    }
}

/// The span of a request, within the trace that its client began, if it did.
pub fn request_span(request: &Request, request_id: &str) -> Span {
    let route = request.extensions().get().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!(
        target: TRACES,
        "request",
        otel.name = tracing::field::Empty,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = request.method().as_str(),
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        request_id,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("{} {route}", request.method()));
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
        // Refused only by a span that is not exported.
        let _ = span.set_parent(parent);
    }
    span
}

/// Notes how the request of `span` was answered.
pub fn request_answered(span: &Span, status: StatusCode) {
    // A number of 64 bits with a sign: any other would be sent as text.
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// Sends what the exporter's own thread gives it on the server's runtime.
#[derive(Debug)]
struct OnRuntime(Handle);

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(
        &self,
        request: hyper::Request<Bytes>,
    ) -> Result<hyper::Response<Bytes>, HttpError> {
        // Within the task: the exporter's thread knows no runtime, and a timer needs one.
        self.0.spawn(async { tokio::time::timeout(PATIENCE, send(request)).await }).await??
    }
}

async fn send(request: hyper::Request<Bytes>) -> Result<hyper::Response<Bytes>, HttpError> {
    let uri = request.uri().clone();
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = request.map(Full::new);
    *request.uri_mut() = uri.path().parse()?;
    request.headers_mut().insert(HOST, HeaderValue::from_str(&format!("{host}:{port}"))?);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
    Ok(hyper::Response::from_parts(parts, body))
}
