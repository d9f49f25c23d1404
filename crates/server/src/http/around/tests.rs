use std::{
    io,
    sync::{Mutex, PoisonError},
};

use axum::{http::StatusCode, response::IntoResponse as _, routing::get};
use serde_json::Value;
use tower::ServiceExt as _;
use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _};

use super::*;
use crate::{
    clock::Clock,
    config::{Config, ConfigSources, LogFormat},
    error::{ApiError, Code},
    telemetry::LogLayer,
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn values(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

async fn noted(context: RequestContext) -> &'static str {
    context.note("rows", 12);
    context.note("table", "sa\"les\n");
    tracing::warn!(event = "test.noted", "said on the way");
    "hello"
}

async fn streamed() -> Body {
    Body::from_stream(futures_util::stream::iter([Ok::<_, io::Error>("ab"), Ok("cde")]))
}

async fn failing() -> ApiError {
    ApiError::internal(io::Error::other("disk on fire"))
}

#[expect(clippy::panic, reason = "what is tested")]
async fn panicking() -> &'static str {
    panic!("CANARY in a panic")
}

fn router(metrics: &Metrics) -> Router {
    let mut config = Config::load(&ConfigSources::default()).unwrap();
    config.server.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let router = Router::new()
        .route("/things/{id}", get(noted))
        .route("/streamed", get(streamed))
        .route("/failing", get(failing))
        .route("/panicking", get(panicking))
        .fallback(|| async { ApiError::new(Code::NotFound, "There is no such path.") });
    surround(router, &config.server, metrics, Random)
}

/// One request through all layers: the answer, its body, and the log.
fn send(format: LogFormat, request: Request, metrics: &Metrics) -> (Response, String, Lines) {
    let lines = Lines::default();
    let layer = LogLayer::new(format, Clock::System, lines.clone());
    let subscriber = tracing_subscriber::registry().with(layer);
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (response, body) = runtime.block_on(async {
        let (head, body) = router(metrics).oneshot(request).await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (head.into_response(), String::from_utf8(body.to_vec()).unwrap())
    });
    (response, body, lines)
}

fn request(path: &str) -> axum::http::request::Builder {
    let peer: SocketAddr = "10.0.0.1:999".parse().unwrap();
    Request::get(path).extension(ConnectInfo(peer)).header("x-forwarded-for", "203.0.113.7")
}

fn get_once(path: &str) -> (Response, String, Vec<Value>) {
    let request = request(path).body(Body::empty()).unwrap();
    let (response, body, lines) = send(LogFormat::Json, request, &Metrics::new());
    (response, body, lines.values())
}

#[test]
fn a_request_leaves_one_line_with_its_fields() {
    let sent = request("/things/7?secret=CANARY")
        .header("x-request-id", "abc-1")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .header("authorization", "Bearer CANARY")
        .header("user-agent", "curl/8")
        .body(Body::empty())
        .unwrap();
    let metrics = Metrics::new();
    let (response, body, lines) = send(LogFormat::Json, sent, &metrics);
    assert_eq!(body, "hello");
    assert_eq!(response.headers()["x-request-id"], "abc-1");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(!lines.text().contains("CANARY"), "{}", lines.text());
    let values = lines.values();
    let [on_the_way, line] = &values[..] else { panic!("{values:?}") };
    assert_eq!(on_the_way["event"], "test.noted");
    assert_eq!(on_the_way["request_id"], "abc-1");
    for (name, expect) in [
        ("level", "INFO".into()),
        ("event", "http.request".into()),
        ("message", "GET /things/{id} 200".into()),
        ("request_id", "abc-1".into()),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736".into()),
        ("method", "GET".into()),
        ("route", "/things/{id}".into()),
        ("status", 200.into()),
        ("bytes_out", 5.into()),
        ("client", "203.0.113.7".into()),
        ("scheme", "http".into()),
        ("user_agent", "curl/8".into()),
        ("rows", 12.into()),
        ("table", "sa\"les\n".into()),
        ("code", Value::Null),
        ("user_id", Value::Null),
        ("cut_off", Value::Null),
    ] {
        assert_eq!(line[name], expect, "{name} of {line}");
    }
    assert!(line["duration_ms"].as_f64().unwrap() >= 0.0);
    assert!(line["ts"].as_str().unwrap().ends_with('Z'));
    let page = metrics.own();
    let counted =
        "pacioli_http_requests_total{route=\"/things/{id}\",method=\"GET\",status=\"2xx\"} 1";
    assert!(page.contains(counted), "{page}");
    assert!(page.contains("pacioli_http_requests_in_flight 0\n"), "{page}");
}

#[test]
fn a_failure_names_its_request_in_the_document_and_its_cause_only_in_the_log() {
    let (response, body, lines) = get_once("/failing");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let problem: Value = serde_json::from_str(&body).unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap();
    assert_eq!((&problem["code"], &problem["request_id"]), (&"internal".into(), &id.into()));
    assert!(!body.contains("disk"), "{body}");
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(lines[0]["code"], "internal");
    assert_eq!(lines[0]["cause"], "disk on fire");
    assert_eq!(lines[0]["bytes_out"], body.len());
    let (_, _, lines) = get_once("/nowhere");
    assert_eq!(lines[0]["route"], "unmatched");
    assert_eq!(lines[0]["code"], "not_found");
    assert_eq!(lines[0]["level"], "INFO");
}

#[test]
fn statement_52_a_panic_is_one_500_that_says_nothing() {
    let (response, body, lines) = get_once("/panicking");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.contains("CANARY") && body.contains("\"code\":\"internal\""), "{body}");
    assert_eq!(lines.last().unwrap()["status"], 500);
    let (response, ..) = get_once("/things/1");
    assert_eq!(response.status(), StatusCode::OK, "the server lives");
}

#[test]
fn a_streamed_answer_is_logged_at_its_end_with_its_size() {
    let (_, body, lines) = get_once("/streamed");
    assert_eq!(body, "abcde");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["bytes_out"], 5);
    assert_eq!(lines[0]["cut_off"], Value::Null);
}

#[test]
fn a_client_that_goes_away_leaves_a_line_too() {
    let lines = Lines::default();
    let layer = LogLayer::new(LogFormat::Json, Clock::System, lines.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let metrics = Metrics::new();
    let context = RequestContext::new("x".into(), IpAddr::V4(Ipv4Addr::LOCALHOST), None);
    let request = request("/things/1").body(Body::empty()).unwrap();
    drop(Pending::begin(context.clone(), &metrics, &request, "http", None));
    let pending = Pending::begin(context, &metrics, &request, "http", None);
    let endless = Body::from_stream(futures_util::stream::pending::<Result<&str, io::Error>>());
    drop(pending.answered(Response::new(endless), None));
    let values = lines.values();
    assert_eq!((&values[0]["status"], &values[0]["cut_off"]), (&499.into(), &true.into()));
    assert_eq!((&values[1]["status"], &values[1]["cut_off"]), (&200.into(), &true.into()));
    assert!(metrics.own().contains("pacioli_http_requests_in_flight 0\n"));
}

#[test]
fn statement_53_what_clients_send_cannot_forge_lines() {
    for format in [LogFormat::Json, LogFormat::Text] {
        let forged = b"x\"}\x09{\"event\":\"login.succeeded\"\x9b31m\xe2\x80\xae";
        let sent = request("/things/1%0a%1b[31m")
            .header("user-agent", HeaderValue::from_bytes(forged).unwrap())
            .header("x-request-id", HeaderValue::from_bytes(forged).unwrap())
            .header("traceparent", HeaderValue::from_bytes(forged).unwrap())
            .body(Body::empty())
            .unwrap();
        let (_, _, lines) = send(format, sent, &Metrics::new());
        let text = lines.text();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.is_ascii() && !text.replace('\n', "").chars().any(char::is_control), "{text}");
        assert!(!text.contains("\"event\":\"login.succeeded\""), "{text}");
    }
}

#[test]
fn the_documentation_lists_every_field_of_the_line() {
    let documentation = include_str!("../../../../../docs/LOGGING.md");
    let (_, _, lines) = get_once("/things/1");
    let (_, _, failed) = get_once("/failing");
    let fields =
        lines.iter().chain(&failed).filter_map(Value::as_object).flat_map(|line| line.keys());
    let own_of_the_test = ["rows", "table"];
    for field in fields.filter(|field| !own_of_the_test.contains(&field.as_str())) {
        assert!(documentation.contains(&format!("| `{field}` |")), "{field}");
    }
}
