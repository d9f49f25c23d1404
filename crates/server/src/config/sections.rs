use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, str::FromStr, time::Duration};

use ipnet::IpNet;
use pacioli_engine::Cluster;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

use super::{files::FilesConfig, layers::Setting, quota::Quota};

/// What the server runs with. Made by [`Config::load`](super::Config::load); every field is
/// explained in `config.default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the embedded parts keep everything.
    pub data_dir: PathBuf,
    /// `[server]`
    pub server: ServerConfig,
    /// `[store]`
    pub store: StoreConfig,
    /// `[files]`
    pub files: FilesConfig,
    /// `[cache]`
    pub cache: CacheConfig,
    /// `[auth]`
    pub auth: AuthConfig,
    /// `[secrets]`
    pub secrets: SecretsConfig,
    /// `[outgoing]`
    pub outgoing: OutgoingConfig,
    /// `[mail]`
    pub mail: MailConfig,
    /// `[loads]`
    pub loads: LoadsConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[engine]`
    pub engine: EngineConfig,
    /// `[language]`
    pub language: LanguageConfig,
    /// `[log]`
    pub log: LogConfig,
    /// `[telemetry]`
    pub telemetry: TelemetryConfig,
    #[serde(skip)]
    pub(super) settings: Vec<Setting>,
}

/// Listening, and what is taken from clients.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// The public listener.
    #[serde(deserialize_with = "parsed")]
    pub listen: SocketAddr,
    /// The listener of `/metrics`, if any.
    #[serde(deserialize_with = "parsed_if_given")]
    pub metrics_listen: Option<SocketAddr>,
    /// The address people type, without a slash at its end.
    #[serde(deserialize_with = "text_if_given")]
    pub public_url: Option<String>,
    /// Networks whose `X-Forwarded-*` headers are believed.
    #[serde(deserialize_with = "all_parsed")]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// Largest body but for uploads.
    pub body_limit_bytes: usize,
    /// Largest upload.
    pub upload_limit_bytes: usize,
    /// Longest request but for uploads.
    pub request_timeout_seconds: u32,
    /// Longest upload.
    pub upload_timeout_seconds: u32,
    /// Longest wait for requests in flight when stopping.
    pub shutdown_grace_seconds: u32,
    /// Whether `/docs` is served.
    pub docs: bool,
}

impl ServerConfig {
    /// Longest request but for uploads.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds.into())
    }

    /// Longest upload.
    pub fn upload_timeout(&self) -> Duration {
        Duration::from_secs(self.upload_timeout_seconds.into())
    }

    /// Longest wait for requests in flight when stopping.
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds.into())
    }

    /// Whether browsers are to stay on https.
    pub fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// Which store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// MongoDB, else the embedded one. Secret, because it carries a password.
    #[serde(deserialize_with = "secret_if_given")]
    pub mongodb_uri: Option<SecretString>,
    /// MongoDB's database.
    pub database: String,
}

/// Which cache.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// Redis, else the one in the process. Secret, because it carries a password.
    #[serde(deserialize_with = "secret_if_given")]
    pub redis_url: Option<SecretString>,
}

/// Tokens and passwords.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// The configured secret; where there is none, [`Config::secrets`](super::Config::secrets) makes one.
    #[serde(deserialize_with = "secret_if_given")]
    pub jwt_secret: Option<SecretString>,
    /// Secrets that were in force before.
    #[serde(deserialize_with = "all_secret")]
    pub previous_secrets: Vec<SecretString>,
    /// See [`Self::access_token`].
    pub access_token_minutes: u32,
    /// See [`Self::refresh_idle`].
    pub refresh_idle_days: u32,
    /// See [`Self::refresh_absolute`].
    pub refresh_absolute_days: u32,
    /// See [`Self::replay_window`].
    pub replay_window_seconds: u32,
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
    /// 10 to 15.
    pub bcrypt_cost: u32,
    /// See [`Self::hashing_threads`].
    pub hashing_threads: usize,
    /// How many may wait for a hashing thread.
    pub hashing_queue: usize,
    /// Mixed into passwords before hashing.
    #[serde(deserialize_with = "secret_if_given")]
    pub pepper: Option<SecretString>,
    /// In code points.
    pub password_min_length: usize,
}

impl AuthConfig {
    /// An access token's life.
    pub fn access_token(&self) -> chrono::Duration {
        chrono::Duration::minutes(self.access_token_minutes.into())
    }

    /// A session's life without a refresh.
    pub fn refresh_idle(&self) -> chrono::Duration {
        chrono::Duration::days(self.refresh_idle_days.into())
    }

    /// A session's life.
    pub fn refresh_absolute(&self) -> chrono::Duration {
        chrono::Duration::days(self.refresh_absolute_days.into())
    }

    /// How long a spent refresh token still gets its successor.
    pub fn replay_window(&self) -> chrono::Duration {
        chrono::Duration::seconds(self.replay_window_seconds.into())
    }

    /// Threads that hash: as configured, else every core but one.
    pub fn hashing_threads(&self) -> NonZeroUsize {
        let spare = || NonZeroUsize::new(cores().get() - 1).unwrap_or(NonZeroUsize::MIN);
        NonZeroUsize::new(self.hashing_threads).unwrap_or_else(spare)
    }
}

/// What passwords of connected systems are encrypted with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsConfig {
    /// The configured key; where there is none,
    /// [`Config::encryption_keys`](super::Config::encryption_keys) makes one.
    #[serde(deserialize_with = "secret_if_given")]
    pub encryption_key: Option<SecretString>,
    /// Keys that were in force before.
    #[serde(deserialize_with = "all_secret")]
    pub previous_encryption_keys: Vec<SecretString>,
}

/// Where the server may connect to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutgoingConfig {
    /// Networks that are taken although they are private.
    #[serde(deserialize_with = "all_parsed")]
    pub allow: Vec<IpNet>,
}

/// The mail server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Its name; no mail is sent without one.
    #[serde(deserialize_with = "text_if_given")]
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: MailSecurity,
    /// Who logs in there, if anybody.
    #[serde(deserialize_with = "text_if_given")]
    pub username: Option<String>,
    /// With what.
    #[serde(deserialize_with = "secret_if_given")]
    pub password: Option<SecretString>,
    /// Whom mail is from.
    pub from: String,
    /// A file of certificates that are trusted besides the public ones.
    #[serde(deserialize_with = "parsed_if_given")]
    pub ca_file: Option<PathBuf>,
    /// Domains that mail may go to besides the addresses of a company's people.
    pub outside_domains: Vec<String>,
}

/// How a connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// Begun in the clear, encrypted before anything is said.
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

/// Loading from connected systems.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadsConfig {
    /// Runs at the same time.
    pub concurrency: usize,
    /// See [`Self::runs_kept`].
    pub runs_kept_days: u32,
}

impl LoadsConfig {
    /// How long the record of a run is kept.
    pub fn runs_kept(&self) -> chrono::Duration {
        chrono::Duration::days(self.runs_kept_days.into())
    }
}

/// How often something may be tried.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Whether any of them holds.
    pub enabled: bool,
    /// Logins on one account.
    pub login_per_account: Quota,
    /// Logins from one network address.
    pub login_per_address: Quota,
    /// Sign-ups from one network address.
    pub signup: Quota,
    /// Refreshes from one network address.
    pub refresh: Quota,
    /// People added to one company.
    pub add_user: Quota,
    /// Questions of one person.
    pub query_per_user: Quota,
    /// Uploads of one company.
    pub upload_per_company: Quota,
    /// Questions to connected systems of one company.
    pub connect_per_company: Quota,
    /// Pushes of one company.
    pub push_per_company: Quota,
}

/// The worker processes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// See [`Self::workers`].
    pub workers: usize,
    /// See [`Self::workers_per_company`].
    pub workers_per_company: usize,
    /// Of one worker.
    pub memory_mb: u64,
    /// Of columns that one worker keeps.
    pub columns_mb: u64,
    /// Of one query.
    pub deadline_seconds: u32,
    /// Of one answer.
    pub row_limit: usize,
    /// Of all answers that are kept.
    pub cache_mb: u64,
    /// The scheduler of a cluster, `df://host:port`, if any.
    #[serde(deserialize_with = "text_if_given")]
    pub cluster: Option<String>,
    /// Parts that each step of a query is cut into there.
    pub cluster_partitions: usize,
}

impl EngineConfig {
    /// How many workers: as configured, else one per core.
    pub fn workers(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.workers).unwrap_or_else(cores)
    }

    /// How many of them one company may have at once: as configured, else all.
    pub fn workers_per_company(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.workers_per_company).unwrap_or_else(|| self.workers())
    }

    /// The cluster that queries run on, where there is one.
    pub fn cluster(&self) -> Option<Cluster> {
        Cluster::parse(self.cluster.as_deref()?, self.cluster_partitions)
    }

    /// Memory of the answers that are kept.
    pub fn cache_bytes(&self) -> u64 {
        self.cache_mb.saturating_mul(1024 * 1024)
    }

    /// Memory of the columns that one worker keeps.
    pub fn column_bytes(&self) -> u64 {
        self.columns_mb.saturating_mul(1024 * 1024)
    }

    /// Memory of one worker.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_mb.saturating_mul(1024 * 1024)
    }

    /// Time of one query.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds.into())
    }
}

/// Models of language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageConfig {
    /// A GGUF file, if any.
    #[serde(deserialize_with = "text_if_given")]
    pub model: Option<String>,
    /// What training added to it, if anything.
    #[serde(deserialize_with = "text_if_given")]
    pub adapter: Option<String>,
    /// Questions that may wait for it.
    pub model_queue: usize,
    /// Time of one reading.
    pub model_deadline_seconds: u32,
    /// A server's address, without a slash at its end, if any.
    #[serde(deserialize_with = "text_if_given")]
    pub llm_base_url: Option<String>,
    /// What it knows the model by.
    pub llm_model: String,
    /// Its key, if it wants one.
    #[serde(deserialize_with = "secret_if_given")]
    pub llm_api_key: Option<SecretString>,
    /// Time of one reading.
    pub llm_deadline_seconds: u32,
    /// Of one company in a calendar month; 0 for any number.
    pub llm_monthly_tokens: u64,
}

/// The server's log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A level, or levels per module.
    pub level: String,
    /// For whom.
    pub format: LogFormat,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// One readable line.
    Text,
}

/// What is told to others about how requests went.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The collector of traces, if any, without a slash at its end.
    #[serde(deserialize_with = "text_if_given")]
    pub otlp_endpoint: Option<String>,
    /// Traces that begin here and are kept, of a hundred.
    pub otlp_sample_percent: u8,
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn parse<T: FromStr<Err: std::fmt::Display>, E: de::Error>(text: &str) -> Result<T, E> {
    text.trim().parse().map_err(|error| E::custom(format!("`{text}`: {error}")))
}

fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    parse(&String::deserialize(deserializer)?)
}

fn parsed_if_given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    text_if_given(deserializer)?.map(|text| parse(&text)).transpose()
}

fn all_parsed<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| parse(text)).collect()
}

pub(super) fn text_if_given<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim().trim_end_matches('/');
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

pub(super) fn secret_if_given<'de, D>(deserializer: D) -> Result<Option<SecretString>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

fn all_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretString>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.into_iter().map(Into::into).collect())
}
