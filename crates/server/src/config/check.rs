use std::ops::RangeInclusive;

use lettre::message::Mailbox;
use pacioli_engine::CLUSTERS;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::filter::Targets;

use super::{
    AuthConfig, Config, LanguageConfig, MailConfig, Problem, ServerConfig, sections::SecretsConfig,
    weakness::weakness,
};

impl Config {
    /// Everything that is wrong with the values, however they were set.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.data_dir.as_os_str().is_empty() {
            problems.push(Problem::new("data_dir", "must name a folder"));
        }
        check_server(&self.server, &mut problems);
        check_stores(self, &mut problems);
        problems.extend(self.files.check());
        check_auth(&self.auth, &mut problems);
        check_secrets(&self.secrets, &mut problems);
        check_mail(&self.mail, &mut problems);
        let engine = &self.engine;
        let mut within = |key: &str, value: u64, range: RangeInclusive<u64>| {
            problems.extend(out_of_range(key, value, &range));
        };
        within("loads.concurrency", self.loads.concurrency as u64, 1..=256);
        within("loads.runs_kept_days", self.loads.runs_kept_days.into(), 1..=3650);
        within("engine.workers", engine.workers as u64, 0..=1024);
        within("engine.workers_per_company", engine.workers_per_company as u64, 0..=1024);
        within("engine.cache_mb", engine.cache_mb, 0..=1_048_576);
        within("engine.columns_mb", engine.columns_mb, 0..=1_048_576);
        within("engine.memory_mb", engine.memory_mb, 128..=1_048_576);
        within("engine.deadline_seconds", engine.deadline_seconds.into(), 1..=3600);
        within("engine.row_limit", engine.row_limit as u64, 1..=1_000_000);
        within("engine.cluster_partitions", engine.cluster_partitions as u64, 1..=1024);
        let language = &self.language;
        within("language.model_queue", language.model_queue as u64, 1..=1000);
        within("language.model_deadline_seconds", language.model_deadline_seconds.into(), 1..=600);
        within("language.llm_deadline_seconds", language.llm_deadline_seconds.into(), 1..=600);
        let telemetry = &self.telemetry;
        within("telemetry.otlp_sample_percent", telemetry.otlp_sample_percent.into(), 0..=100);
        if language.adapter.is_some() && language.model.is_none() {
            let message = "goes with language.model, and not alone";
            problems.push(Problem::new("language.adapter", message));
        }
        check_server_of_models(language, &mut problems);
        check_cluster(self, &mut problems);
        let is_plain = |url: &str| url.starts_with("http://") && is_origin(url);
        if telemetry.otlp_endpoint.as_deref().is_some_and(|url| !is_plain(url)) {
            let message = "must be like `http://127.0.0.1:4318`, without a path";
            problems.push(Problem::new("telemetry.otlp_endpoint", message));
        }
        if self.log.level.parse::<Targets>().is_err() {
            let message = "must be error, warn, info, debug or trace, or `info,module=debug`";
            problems.push(Problem::new("log.level", message));
        }
        problems
    }
}

fn out_of_range(key: &str, value: u64, range: &RangeInclusive<u64>) -> Option<Problem> {
    let message = || format!("must be between {} and {}", range.start(), range.end());
    (!range.contains(&value)).then(|| Problem::new(key, message()))
}

fn check_mail(mail: &MailConfig, problems: &mut Vec<Problem>) {
    if mail.host.is_some() && mail.from.parse::<Mailbox>().is_err() {
        let message =
            "must be an address, as `Pacioli <pacioli@example.com>`, where mail.host is set";
        problems.push(Problem::new("mail.from", message));
    }
    if mail.username.is_some() != mail.password.is_some() {
        problems.push(Problem::new("mail.password", "goes with mail.username, and neither alone"));
    }
}

fn check_server(server: &ServerConfig, problems: &mut Vec<Problem>) {
    if server.metrics_listen == Some(server.listen) && server.listen.port() != 0 {
        problems.push(Problem::new("server.metrics_listen", "must differ from server.listen"));
    }
    if server.public_url.as_deref().is_some_and(|url| !is_origin(url)) {
        let message = "must be like `https://books.example.com`, without a path";
        problems.push(Problem::new("server.public_url", message));
    }
    for origin in &server.cors_origins {
        if !is_origin(origin) {
            let message =
                format!("`{origin}` is not like `https://app.example.com`; `*` is not taken");
            problems.push(Problem::new("server.cors_origins", message));
        }
    }
    let body = server.body_limit_bytes as u64;
    for (key, value, range) in [
        ("server.body_limit_bytes", body, 1024..=1 << 30),
        ("server.upload_limit_bytes", server.upload_limit_bytes as u64, body..=1 << 40),
        ("server.request_timeout_seconds", server.request_timeout_seconds.into(), 1..=3600),
        ("server.upload_timeout_seconds", server.upload_timeout_seconds.into(), 1..=86400),
        ("server.shutdown_grace_seconds", server.shutdown_grace_seconds.into(), 1..=3600),
    ] {
        problems.extend(out_of_range(key, value, &range));
    }
}

/// A scheme, a host, perhaps a port, and nothing else.
pub(super) fn is_origin(text: &str) -> bool {
    let uri: Option<axum::http::Uri> = text.parse().ok();
    uri.is_some_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map(axum::http::uri::Authority::as_str).unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        let whole = format!("{scheme}://{authority}");
        matches!(scheme, "http" | "https")
            && !host.is_empty()
            && !authority.contains(['@', '*'])
            && whole == text
    })
}

fn check_stores(config: &Config, problems: &mut Vec<Problem>) {
    let has_scheme = |url: &Option<SecretString>, schemes: &[&str]| match url {
        None => true,
        Some(url) => schemes.iter().any(|scheme| {
            url.expose_secret().strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())
        }),
    };
    if !has_scheme(&config.store.mongodb_uri, &["mongodb://", "mongodb+srv://"]) {
        let message = "must begin with mongodb:// or mongodb+srv://";
        problems.push(Problem::new("store.mongodb_uri", message));
    }
    if !has_scheme(&config.cache.redis_url, &["redis://", "rediss://"]) {
        problems.push(Problem::new("cache.redis_url", "must begin with redis:// or rediss://"));
    }
    let database = &config.store.database;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if database.is_empty() || database.len() > 63 || !database.chars().all(fits) {
        let message = "must be 1 to 63 letters, digits, `_` or `-`";
        problems.push(Problem::new("store.database", message));
    }
}

fn check_cluster(config: &Config, problems: &mut Vec<Problem>) {
    let engine = &config.engine;
    if engine.cluster.is_none() {
        return;
    }
    let mut must = |holds: bool, message: &str| {
        if !holds {
            problems.push(Problem::new("engine.cluster", message));
        }
    };
    must(engine.cluster().is_some(), "must be like `df://10.0.0.5:50050`");
    must(CLUSTERS, "is not taken by this build: it needs the cargo feature `cluster`");
    let message = "needs files.store, an object store: executors read tables from there";
    must(config.files.store.is_some(), message);
}

fn check_server_of_models(language: &LanguageConfig, problems: &mut Vec<Problem>) {
    let Some(url) = &language.llm_base_url else { return };
    let uri: Option<axum::http::Uri> = url.parse().ok();
    let fits = uri.is_some_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        let secret = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        matches!(scheme, "http" | "https")
            && uri.host().is_some()
            && !secret
            && uri.query().is_none()
    });
    if !fits {
        let message = "must be like `http://127.0.0.1:8080/v1`, without a password or a query";
        problems.push(Problem::new("language.llm_base_url", message));
    }
    if language.llm_model.trim().is_empty() {
        let message = "must name the server's model where language.llm_base_url is set";
        problems.push(Problem::new("language.llm_model", message));
    }
}

fn check_secrets(secrets: &SecretsConfig, problems: &mut Vec<Problem>) {
    let current = secrets.encryption_key.iter().map(|key| ("secrets.encryption_key", key));
    let previous = secrets.previous_encryption_keys.iter();
    let previous = previous.map(|key| ("secrets.previous_encryption_keys", key));
    for (key, secret) in current.chain(previous) {
        if let Some(weakness) = weakness(secret.expose_secret()) {
            problems.push(Problem::new(key, weakness.to_string()));
        }
    }
}

fn check_auth(auth: &AuthConfig, problems: &mut Vec<Problem>) {
    let current = auth.jwt_secret.iter().map(|secret| ("auth.jwt_secret", secret));
    let previous = auth.previous_secrets.iter().map(|secret| ("auth.previous_secrets", secret));
    for (key, secret) in current.chain(previous) {
        if let Some(weakness) = weakness(secret.expose_secret()) {
            problems.push(Problem::new(key, weakness.to_string()));
        }
    }
    if auth.pepper.as_ref().is_some_and(|pepper| pepper.expose_secret().len() < 16) {
        problems.push(Problem::new("auth.pepper", "must have at least 16 bytes, or be empty"));
    }
    for (key, value) in [("auth.issuer", &auth.issuer), ("auth.audience", &auth.audience)] {
        if value.trim().is_empty() {
            problems.push(Problem::new(key, "must not be empty"));
        }
    }
    for (key, value, range) in [
        ("auth.access_token_minutes", auth.access_token_minutes.into(), 1..=60),
        ("auth.refresh_idle_days", auth.refresh_idle_days.into(), 1..=30),
        ("auth.refresh_absolute_days", auth.refresh_absolute_days.into(), 1..=90),
        ("auth.replay_window_seconds", auth.replay_window_seconds.into(), 0..=60),
        ("auth.bcrypt_cost", auth.bcrypt_cost.into(), 10..=15),
        ("auth.hashing_threads", auth.hashing_threads as u64, 0..=256),
        ("auth.hashing_queue", auth.hashing_queue as u64, 1..=10_000),
        ("auth.password_min_length", auth.password_min_length as u64, 8..=64),
    ] {
        problems.extend(out_of_range(key, value, &range));
    }
    if auth.refresh_idle_days > auth.refresh_absolute_days {
        let message = "must not be longer than auth.refresh_absolute_days";
        problems.push(Problem::new("auth.refresh_idle_days", message));
    }
}
