//! Everything a request may need, built once and cloned cheaply.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use chrono::NaiveDate;
use pacioli_engine::{Engine, TableFiles};
use pacioli_model::{Company, CompanyId, UserId};
use pacioli_store::{Accounts, Cache, Limit, LimitKey, Store};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    auth::{AccessTokens, Keys},
    clock::{Clock, Random},
    config::{Config, Quota},
    connect::Connector,
    delivery::Mailer,
    error::{ApiError, ApiResult, Code},
    http::{RateState, RequestContext},
    jobs::Jobs,
    models::Models,
    password::{Hasher, PasswordContext, PasswordPolicy},
    rendering::Written,
    seal::Sealer,
    telemetry::Metrics,
};

/// The parts of a running server.
pub struct Parts {
    /// What it runs with.
    pub config: Config,
    /// What time it is.
    pub clock: Clock,
    /// Where ids and tokens come from.
    pub random: Random,
    /// Everything remembered.
    pub store: Store,
    /// Limits, and copies of accounts.
    pub cache: Cache,
    /// Accounts by session.
    pub accounts: Accounts,
    /// Tables on the object store.
    pub files: TableFiles,
    /// Runs queries.
    pub engine: Engine,
    /// Access tokens.
    pub tokens: AccessTokens,
    /// Read questions that rules do not.
    pub models: Models,
    /// Keys for everything else.
    pub keys: Keys,
    /// Hashes passwords, apart from everything else.
    pub hasher: Hasher,
    /// Which passwords are taken.
    pub policy: PasswordPolicy,
    /// Sends mail, where a server for it is configured.
    pub mailer: Option<Mailer>,
    /// Encrypts passwords of connected systems.
    pub sealer: Sealer,
    /// Who is asked for tables.
    pub connector: Connector,
    /// Reports' files that were written of late.
    pub written: Written,
    /// The jobs that this server does.
    pub jobs: Jobs,
    /// Permits of runs to load.
    pub loads: Semaphore,
    /// What is counted.
    pub metrics: Metrics,
    /// Cancelled when the server is told to stop.
    pub stopping: CancellationToken,
    /// Cancelled when most of the grace time is over: loads that still run are given up.
    pub giving_up: CancellationToken,
    /// Work that goes on after its request was answered; stopping waits for it.
    pub background: TaskTracker,
}

/// A handle on the parts; the state of every route.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Shares the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Where uploads are kept until they are tables.
    pub fn spool_dir(&self) -> PathBuf {
        self.config.data_dir.join("spool")
    }

    /// Whether the store and the table files answer; known within a few seconds.
    pub async fn required_are_up(&self) -> (bool, bool) {
        let (store, files) = tokio::join!(self.store.health(), self.files.health());
        (store.is_ok(), files.is_ok())
    }

    /// The page of metrics, as it is now.
    pub async fn render_metrics(&self) -> String {
        let (store, files) = self.required_are_up().await;
        self.metrics.dependency("store", store);
        self.metrics.dependency("files", files);
        self.metrics.render(&self.engine.stats(), &self.cache.stats(), &self.cache.state())
    }

    /// The day it is at `company`.
    pub fn today(&self, company: &Company) -> NaiveDate {
        let zone: chrono_tz::Tz = company.time_zone.parse().unwrap_or(chrono_tz::UTC);
        self.clock.now().utc().with_timezone(&zone).date_naive()
    }

    /// Refuses a password that the policy does not take, with a reason for each rule it breaks.
    /// `context`: company name, full name, e-mail address. Gives zxcvbn's score, 0 to 4, which is shown
    /// and not enforced.
    pub fn check_password(&self, field: &str, password: &str, context: [&str; 3]) -> ApiResult<u8> {
        let [company_name, full_name, email] = context;
        let context = PasswordContext { company_name, full_name, email };
        let reasons = match self.policy.check(password, &context) {
            Ok(strength) => return Ok(strength.score),
            Err(reasons) => reasons,
        };
        let error = ApiError::new(Code::WeakPassword, "This password is not taken.");
        Err(reasons.iter().fold(error, |error, reason| {
            error.with_error(&["body", field], reason.as_str(), reason.to_string())
        }))
    }

    /// Takes from every bucket of `limits` at once, or refuses and takes from none. `policy` names
    /// them in the answer's headers.
    pub async fn admit(
        &self,
        policy: &'static str,
        limits: &[Limit],
        request: &RequestContext,
    ) -> ApiResult<()> {
        if !self.config.limits.enabled {
            return Ok(());
        }
        let decision = self.cache.take(limits, self.clock.now()).await;
        self.metrics.limited(policy, decision.allowed);
        let quota = limits.get(decision.bucket).map(|limit| limit.quota);
        request.rate_limited(RateState::new(policy, quota, &decision));
        if decision.allowed {
            return Ok(());
        }
        let text = "Too many requests. Wait as long as Retry-After says.";
        Err(ApiError::new(Code::RateLimited, text).retry_after(decision.retry_after))
    }

    /// A bucket of one network address.
    pub fn per_address(
        &self,
        kind: &'static str,
        quota: &Quota,
        request: &RequestContext,
    ) -> Limit {
        self.limit(kind, quota, request.client.to_string().as_bytes())
    }

    /// A bucket of one company.
    pub fn per_company(&self, kind: &'static str, quota: &Quota, company: CompanyId) -> Limit {
        self.limit(kind, quota, company.0.as_bytes())
    }

    /// A bucket of one person.
    pub fn per_user(&self, kind: &'static str, quota: &Quota, user: UserId) -> Limit {
        self.limit(kind, quota, user.0.as_bytes())
    }

    /// A bucket of whatever `who` names, without telling who it is.
    pub fn limit(&self, kind: &'static str, quota: &Quota, who: &[u8]) -> Limit {
        let hashed = self.keys.pseudonym(&[kind.as_bytes(), who]);
        let period = quota.span / quota.count.max(1);
        Limit {
            key: LimitKey::new(kind, &hashed),
            quota: pacioli_store::Quota { burst: quota.count, period },
        }
    }
}
