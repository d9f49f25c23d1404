use std::{
    fmt::Write as _,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::MatchedPath,
    http::{Method, StatusCode},
};
use pacioli_engine::EngineStats;
use pacioli_store::{CacheState, CacheStats};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use super::{
    labels::{Route, known_method, status_class},
    parts,
    process::Process,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: Route,
    method: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: Route,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
    decision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: &'static str,
    outcome: &'static str,
}

/// One label whose values are words of the program.
type Word = [(&'static str, &'static str); 1];
/// One label whose value is a code of failed loads: a word of the program that comes as text.
type Code = [(&'static str, String); 1];
type Counters<L> = Family<L, Counter>;
type Gauges<L> = Family<L, Gauge>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// From half a millisecond to about half a minute.
fn request_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 3.0, 11))
}

/// From ten milliseconds to about three minutes, for what works long.
fn work_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 3.0, 10))
}

fn histograms<L: Clone + Hash + Eq>(make: fn() -> Histogram) -> Histograms<L> {
    Family::new_with_constructor(make)
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $name:ident $([$($label:ident)+])?: $kind:ident $(<$of:ty>)? = $make:expr;)+) => {
        /// Each field is the metric `pacioli_<name>`; its comment is the help text.
        struct Inner {
            registry: Registry,
            /// The month, and the most that one company has spent in it.
            most_spent: Mutex<(String, u64)>,
            $($(#[doc = $help])+ $name: $kind $(<$of>)?,)+
        }

        /// Name, kind, labels and help of each.
        const REFERENCE: &[(&str, &str, &[&str], &str)] = &[$(
            (stringify!($name), stringify!($kind), &[$($(stringify!($label)),+)?], concat!($($help),+)),
        )+];

        impl Inner {
            fn new() -> Self {
                let mut registry = Registry::default();
                $(
                    let $name: $kind $(<$of>)? = $make;
                    let help = concat!($($help),+).trim().trim_end_matches('.');
                    registry.register(concat!("pacioli_", stringify!($name)), help, $name.clone());
                )+
                registry.register_collector(Box::new(Process));
                Self { registry, most_spent: Mutex::default(), $($name,)+ }
            }
        }
    };
}

metrics! {
    /// Requests answered, by route template, method and class of status.
    http_requests [route method status]: Counters<RequestLabels> = Family::default();
    /// Time from a request's head to its answer's head.
    http_request_seconds [route method]: Histograms<RouteLabels> = histograms(request_buckets);
    /// Requests being worked on.
    http_requests_in_flight: Gauge = Gauge::default();
    /// Logins, by outcome.
    logins [outcome]: Counters<Word> = Family::default();
    /// Access tokens refused, by reason.
    token_errors [kind]: Counters<Word> = Family::default();
    /// What the rate limits decided.
    limiter_decisions [limit decision]: Counters<LimitLabels> = Family::default();
    /// Passwords waiting for a hashing thread.
    hash_queue_depth: Gauge = Gauge::default();
    /// Time that passwords waited for a hashing thread.
    hash_wait_seconds: Histogram = request_buckets();
    /// Time that hashing a password took.
    hash_seconds: Histogram = request_buckets();
    /// Passwords turned away because the queue was full.
    hash_rejections: Counter = Counter::default();
    /// What people said of answers, by verdict.
    feedback [verdict]: Counters<Word> = Family::default();
    /// Attempts at deliveries, by what came of them.
    deliveries [outcome]: Counters<Word> = Family::default();
    /// Loads of tables, by outcome.
    loads [outcome]: Counters<Word> = Family::default();
    /// Tables that could not be loaded from connected systems, by code of the failure.
    load_failures [code]: Counters<Code> = Family::default();
    /// Runs of connections, by how they ended.
    runs [outcome]: Counters<Word> = Family::default();
    /// Rows that connected systems and pushes gave.
    rows_loaded: Counter = Counter::default();
    /// Bytes that connected systems and pushes gave.
    bytes_loaded: Counter = Counter::default();
    /// Questions, by status of the answer.
    queries [status]: Counters<Word> = Family::default();
    /// Time from question to answer.
    query_seconds: Histogram = request_buckets();
    /// Prompts to models of language, by kind of model and outcome.
    model_requests [model outcome]: Counters<ModelLabels> = Family::default();
    /// Time that models of language took for a prompt, waiting included, by kind of model.
    model_seconds [model]: Histograms<Word> = histograms(work_buckets);
    /// Prompts that models of language work on or that wait for them, by kind of model.
    model_prompts_in_flight [model]: Gauges<Word> = Family::default();
    /// Tokens that models of language read and wrote, by kind of model.
    model_tokens [model]: Counters<Word> = Family::default();
    /// Questions that a model of language was asked beside the rules, by what came of its reading.
    model_readings [outcome]: Counters<Word> = Family::default();
    /// Tokens that one company may spend on the model server in a month; 0 for any number.
    model_budget_tokens: Gauge = Gauge::default();
    /// Most tokens that a company has spent on the model server this month, of those whose questions this
    /// process has asked it.
    model_budget_spent_tokens: Gauge = Gauge::default();
    /// Reports, by how making them ended.
    reports [outcome]: Counters<Word> = Family::default();
    /// Time that making a report took.
    report_seconds: Histogram = work_buckets();
    /// Time that writing a report as a file took, by format.
    report_file_seconds [format]: Histograms<Word> = histograms(work_buckets);
    /// Panics, anywhere in the process.
    panics: Counter = Counter::default();
    /// Questions that were answered, by what understood them.
    answers [source]: Counters<Word> = Family::default();
    /// Time that each stage of a question took.
    query_stage_seconds [stage]: Histograms<Word> = histograms(request_buckets);
    /// Time that calls to the database took.
    store_seconds [call]: Histograms<Word> = histograms(request_buckets);
    /// Calls that the database did not answer.
    store_errors [call]: Counters<Word> = Family::default();
    /// Time that commands to Redis took.
    cache_seconds: Histogram = request_buckets();
    /// Commands that Redis did not answer in time.
    cache_errors: Counter = Counter::default();
    /// Whether what the server depends on answers (1) or not (0), asked when this page is.
    dependency_up [dependency]: Gauges<Word> = Family::default();
}

/// Everything the server counts. Labels are words of the program and route templates: never a path,
/// a company or a person. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        Self(Arc::new(Inner::new()))
    }

    /// In the OpenMetrics text format, with the process's own figures and those of its parts.
    pub fn render(&self, engine: &EngineStats, cache: &CacheStats, state: &CacheState) -> String {
        let mut page = String::new();
        // Writing into a String does not fail.
        let _ = text::encode_registry(&mut page, &self.0.registry)
            .and_then(|()| text::encode_registry(&mut page, &parts::registry(engine, cache, state)))
            .and_then(|()| text::encode_eof(&mut page));
        page
    }

    /// The same without its parts'.
    #[cfg(test)]
    pub(crate) fn own(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.0.registry).unwrap();
        page
    }

    /// The Content-Type of [`Self::render`].
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// A request came in.
    pub fn request_began(&self) {
        self.0.http_requests_in_flight.inc();
    }

    /// A request was answered, or its client went away.
    pub fn request_ended(
        &self,
        route: Option<&MatchedPath>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        self.0.http_requests_in_flight.dec();
        let labels = RouteLabels { route: Route(route.cloned()), method: known_method(method) };
        self.0.http_request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
        let RouteLabels { route, method } = labels;
        let labels = RequestLabels { route, method, status: status_class(status) };
        self.0.http_requests.get_or_create(&labels).inc();
    }

    /// A login ended; `outcome` is a word of the program.
    pub fn login(&self, outcome: &'static str) {
        self.0.logins.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// An access token was refused.
    pub fn token_refused(&self, kind: &'static str) {
        self.0.token_errors.get_or_create(&[("kind", kind)]).inc();
    }

    /// A rate limit decided.
    pub fn limited(&self, limit: &'static str, allowed: bool) {
        let decision = if allowed { "allowed" } else { "refused" };
        self.0.limiter_decisions.get_or_create(&LimitLabels { limit, decision }).inc();
    }

    /// A password waits for a hashing thread.
    pub fn hash_queued(&self) {
        self.0.hash_queue_depth.inc();
    }

    /// A hashing thread took a password up, after `wait`.
    pub fn hash_began(&self, wait: Duration) {
        self.0.hash_queue_depth.dec();
        self.0.hash_wait_seconds.observe(wait.as_secs_f64());
    }

    /// A hashing thread is done with a password.
    pub fn hash_ended(&self, took: Duration) {
        self.0.hash_seconds.observe(took.as_secs_f64());
    }

    /// A password was turned away because the queue was full.
    pub fn hash_rejected(&self) {
        self.0.hash_rejections.inc();
    }

    /// A load of a table ended.
    pub fn load(&self, outcome: &'static str) {
        self.0.loads.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A table could not be loaded; `code` is that of the failure.
    pub fn load_failed(&self, code: &str) {
        self.0.load_failures.get_or_create(&[("code", code.to_owned())]).inc();
    }

    /// A run of a connection ended.
    pub fn run(&self, outcome: &'static str) {
        self.0.runs.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Rows came in, in so many bytes.
    pub fn loaded(&self, rows: u64, bytes: u64) {
        self.0.rows_loaded.inc_by(rows);
        self.0.bytes_loaded.inc_by(bytes);
    }

    /// A question was answered.
    pub fn query(&self, status: &'static str, took: Duration) {
        self.0.queries.get_or_create(&[("status", status)]).inc();
        self.0.query_seconds.observe(took.as_secs_f64());
    }

    /// Somebody said whether an answer is right.
    pub fn feedback(&self, verdict: &'static str) {
        self.0.feedback.get_or_create(&[("verdict", verdict)]).inc();
    }

    /// A question was answered, as `source` understood it.
    pub fn answered(&self, source: &'static str) {
        self.0.answers.get_or_create(&[("source", source)]).inc();
    }

    /// A stage of a question took so many milliseconds.
    pub fn stage(&self, stage: &'static str, millis: f64) {
        self.0.query_stage_seconds.get_or_create(&[("stage", stage)]).observe(millis / 1000.0);
    }

    /// The database was called.
    pub fn store_called(&self, call: &'static str, took: Duration, is_answered: bool) {
        self.0.store_seconds.get_or_create(&[("call", call)]).observe(took.as_secs_f64());
        if !is_answered {
            self.0.store_errors.get_or_create(&[("call", call)]).inc();
        }
    }

    /// Redis was called.
    pub fn cache_called(&self, took: Duration, is_answered: bool) {
        self.0.cache_seconds.observe(took.as_secs_f64());
        if !is_answered {
            self.0.cache_errors.inc();
        }
    }

    /// What the server depends on was asked how it is.
    pub fn dependency(&self, name: &'static str, is_up: bool) {
        self.0.dependency_up.get_or_create(&[("dependency", name)]).set(is_up.into());
    }

    /// A model was asked; `kind` and `outcome` are words of the program.
    pub fn model(&self, model: &'static str, outcome: &'static str) {
        self.0.model_requests.get_or_create(&ModelLabels { model, outcome }).inc();
    }

    /// A model read and wrote so many tokens.
    pub fn model_tokens(&self, model: &'static str, tokens: u64) {
        self.0.model_tokens.get_or_create(&[("model", model)]).inc_by(tokens);
    }

    /// A model works on a prompt, or it waits for one, until what is given back is dropped.
    pub fn model_prompt(&self, model: &'static str) -> Prompted {
        self.0.model_prompts_in_flight.get_or_create(&[("model", model)]).inc();
        Prompted { metrics: self.clone(), model, began: Instant::now() }
    }

    /// What came of a model's reading of a question that the rules did not settle.
    pub fn model_reading(&self, outcome: &'static str) {
        self.0.model_readings.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A company may spend `limit` tokens a month, and has spent `spent` in `month`.
    pub fn model_budget(&self, month: &str, spent: u64, limit: u64) {
        let mut most = self.0.most_spent.lock().unwrap_or_else(PoisonError::into_inner);
        // Another month begins with nothing spent.
        if most.0 != month {
            *most = (month.to_owned(), 0);
        }
        most.1 = most.1.max(spent);
        self.0.model_budget_tokens.set(limit.try_into().unwrap_or(i64::MAX));
        self.0.model_budget_spent_tokens.set(most.1.try_into().unwrap_or(i64::MAX));
    }

    /// A report was made, or was not.
    pub fn report(&self, outcome: &'static str, took: Duration) {
        self.0.reports.get_or_create(&[("outcome", outcome)]).inc();
        self.0.report_seconds.observe(took.as_secs_f64());
    }

    /// A report was written as a file.
    pub fn report_file(&self, format: &'static str, took: Duration) {
        self.0.report_file_seconds.get_or_create(&[("format", format)]).observe(took.as_secs_f64());
    }

    /// A delivery was tried.
    pub fn delivery(&self, outcome: &'static str) {
        self.0.deliveries.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Something panicked.
    pub fn panicked(&self) {
        self.0.panics.inc();
    }
}

/// A prompt that a model has.
#[derive(Debug)]
pub struct Prompted {
    metrics: Metrics,
    model: &'static str,
    began: Instant,
}

impl Drop for Prompted {
    fn drop(&mut self) {
        let (inner, label) = (&self.metrics.0, [("model", self.model)]);
        inner.model_prompts_in_flight.get_or_create(&label).dec();
        inner.model_seconds.get_or_create(&label).observe(self.began.elapsed().as_secs_f64());
    }
}

/// docs/METRICS.md.
pub fn reference() -> String {
    let mut text = String::from(
        "# Metrics\n\nMade from the code by `make openapi`; do not edit.\n\n`GET /metrics` on \
         `server.metrics_listen`, as OpenMetrics. Labels are words of the program, codes of \
         [errors](ERRORS.md) and route templates: never a path, a company or a person, so their number is bounded. \
         A histogram has `_bucket`, `_sum` and `_count`. [OPERATIONS.md](OPERATIONS.md) says what to watch.\n\n\
         | metric | type | labels | what |\n|---|---|---|---|\n",
    );
    for (name, kind, labels, help) in REFERENCE {
        let kind = kind.trim_end_matches('s').to_lowercase();
        let suffix = if kind == "counter" { "_total" } else { "" };
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (labels, help) = (labels.join(" "), help.trim());
        let _ = writeln!(text, "| `pacioli_{name}{suffix}` | {kind} | {labels} | {help} |");
    }
    let mut page = String::new();
    let mut process = Registry::default();
    process.register_collector(Box::new(Process));
    let parts =
        parts::registry(&EngineStats::default(), &CacheStats::default(), &CacheState::InProcess);
    let _ = text::encode_registry(&mut page, &parts);
    let _ = text::encode_registry(&mut page, &process);
    for (help, kind) in page.lines().zip(page.lines().skip(1)) {
        let help = help.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '));
        let kind = kind.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '));
        if let (Some((name, help)), Some((_, kind))) = (help, kind) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let _ = writeln!(text, "| `{name}{suffix}` | {kind} | | {help} |");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_56_what_clients_send_is_no_label() {
        let metrics = Metrics::new();
        let invented = Method::from_bytes(b"CANARY").unwrap();
        for (method, status) in [
            (Method::GET, StatusCode::OK),
            (Method::GET, StatusCode::NOT_FOUND),
            (invented.clone(), StatusCode::METHOD_NOT_ALLOWED),
        ] {
            metrics.request_began();
            metrics.request_ended(None, &method, status, Duration::from_millis(2));
        }
        let page = metrics.own();
        assert!(!page.contains("CANARY"), "{page}");
        for line in [
            "pacioli_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"2xx\"} 1",
            "pacioli_http_requests_total{route=\"unmatched\",method=\"other\",status=\"4xx\"} 1",
            "pacioli_http_request_seconds_count{route=\"unmatched\",method=\"GET\"} 2",
            "pacioli_http_requests_in_flight 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in {page}");
        }
    }

    #[test]
    fn every_event_has_its_metric() {
        let metrics = Metrics::new();
        metrics.login("success");
        metrics.token_refused("expired");
        metrics.limited("login", false);
        metrics.hash_queued();
        metrics.hash_queued();
        metrics.hash_began(Duration::from_millis(1));
        metrics.hash_ended(Duration::from_millis(200));
        metrics.hash_rejected();
        metrics.load("failed");
        metrics.load_failed("source_denied");
        metrics.run("succeeded");
        metrics.loaded(3, 40);
        metrics.query("answered", Duration::from_millis(30));
        metrics.model("local", "completed");
        metrics.model_tokens("local", 7);
        let prompt = metrics.model_prompt("local");
        assert!(metrics.own().contains("pacioli_model_prompts_in_flight{model=\"local\"} 1"));
        drop(prompt);
        metrics.model_reading("differed");
        for (month, spent) in [("2026-05", 900), ("2026-06", 40), ("2026-06", 30)] {
            metrics.model_budget(month, spent, 1000);
        }
        metrics.report("succeeded", Duration::from_secs(2));
        metrics.report_file("pdf", Duration::from_millis(300));
        metrics.panicked();
        let page = metrics.own();
        for line in [
            "pacioli_logins_total{outcome=\"success\"} 1",
            "pacioli_token_errors_total{kind=\"expired\"} 1",
            "pacioli_limiter_decisions_total{limit=\"login\",decision=\"refused\"} 1",
            "pacioli_hash_queue_depth 1",
            "pacioli_hash_wait_seconds_count 1",
            "pacioli_hash_seconds_count 1",
            "pacioli_hash_rejections_total 1",
            "pacioli_loads_total{outcome=\"failed\"} 1",
            "pacioli_load_failures_total{code=\"source_denied\"} 1",
            "pacioli_runs_total{outcome=\"succeeded\"} 1",
            "pacioli_rows_loaded_total 3",
            "pacioli_bytes_loaded_total 40",
            "pacioli_queries_total{status=\"answered\"} 1",
            "pacioli_query_seconds_count 1",
            "pacioli_model_requests_total{model=\"local\",outcome=\"completed\"} 1",
            "pacioli_model_tokens_total{model=\"local\"} 7",
            "pacioli_model_prompts_in_flight{model=\"local\"} 0",
            "pacioli_model_seconds_count{model=\"local\"} 1",
            "pacioli_model_readings_total{outcome=\"differed\"} 1",
            "pacioli_model_budget_tokens 1000",
            "pacioli_model_budget_spent_tokens 40",
            "pacioli_reports_total{outcome=\"succeeded\"} 1",
            "pacioli_report_seconds_count 1",
            "pacioli_report_file_seconds_count{format=\"pdf\"} 1",
            "pacioli_panics_total 1",
            "# TYPE process_cpu_seconds counter",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in {page}");
        }
        for name in
            ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"]
        {
            let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            assert!(value.is_some_and(|value| value.parse::<f64>().unwrap() > 0.0), "{name}");
        }
    }
}
