//! From a configuration to a running server's parts: every choice between two implementations is made
//! here, once.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pacioli_engine::{Engine, EngineError, EngineOptions, SharedAnswers, TableFiles};
use pacioli_store::{Accounts, Cache, CacheKind, InvalidRedisUrl, Store, StoreError};
use rustix::fs::{FlockOperation, flock};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    analysis,
    app::{App, Parts},
    auth::{AccessTokens, Keys},
    clock::{Clock, Random},
    config::{Config, ConfigError},
    connect::Connector,
    delivery::{self, Mailer},
    error::chain,
    jobs::Jobs,
    loads,
    models::Models,
    password::{Hasher, PasswordPolicy},
    rendering::Written,
    seal::Sealer,
    shared::Shared,
    telemetry::Metrics,
};

/// Why the server cannot start, in words for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder cannot be used.
    #[error("data_dir {folder}: {source}")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// Another process owns the data folder.
    #[error(
        "data_dir {0} is in use by another pacioli process. Stop it, or use the API of the running server."
    )]
    InUse(String),
    /// The database cannot be used.
    #[error("the database cannot be opened: {}", chain(.0))]
    Store(#[from] StoreError),
    /// The cache's address cannot be read.
    #[error("cache.redis_url: {0}")]
    Cache(#[from] InvalidRedisUrl),
    /// A model of language cannot be used.
    #[error("language: {0}")]
    Model(#[from] pacioli_language::model::ModelError),
    /// The engine cannot be set up.
    #[error("the query engine cannot be set up: {}", chain(.0))]
    Engine(#[from] EngineError),
    /// Tokens cannot be made.
    #[error("tokens cannot be made: {0}")]
    Tokens(#[from] serde_json::Error),
    /// Mail cannot be sent as configured.
    #[error("{0}")]
    Mail(String),
    /// A listener cannot be opened.
    #[error("{key}: listening on {address}: {source}")]
    Listen {
        /// The key that names the address.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Anything of the operating system.
    #[error("{action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// Holds the data folder for this process; dropping it lets go.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "held, not read")] fs::File);

/// Makes the data folder, and takes it for this process where the store lies in it.
pub fn claim_folder(config: &Config) -> Result<FolderLock, StartError> {
    let folder = &config.data_dir;
    let name = || folder.display().to_string();
    let failed = |source| StartError::Folder { folder: name(), source };
    fs::create_dir_all(folder.join("spool")).map_err(failed)?;
    let mut lock = fs::OpenOptions::new();
    let lock =
        lock.create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
    let alone = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
    if alone {
        empty(&folder.join("spool")).map_err(failed)?;
    }
    // A store of its own may be shared; the embedded one lies in the folder and may not.
    if config.store.mongodb_uri.is_some() {
        flock(&lock, FlockOperation::LockShared).map_err(|error| failed(error.into()))?;
    } else if !alone {
        return Err(StartError::InUse(name()));
    }
    Ok(FolderLock(lock))
}

/// Removes what uploads left that were cut off by a crash.
fn empty(spool: &Path) -> io::Result<()> {
    fs::read_dir(spool)?.try_for_each(|entry| fs::remove_file(entry?.path()))
}

/// Builds all parts, over the systems that companies connect. The folder is already claimed. `worker` is
/// the program that runs queries when it is started with `engine-worker`: this one, as `own_program`
/// names it.
pub async fn compose(
    config: Config,
    clock: Clock,
    random: Random,
    worker: PathBuf,
) -> Result<App, StartError> {
    let connector = Connector::Systems(config.outgoing.allow.clone());
    compose_with(config, clock, random, worker, connector).await
}

/// As [`compose`], saying who is asked for tables.
pub async fn compose_with(
    config: Config,
    clock: Clock,
    random: Random,
    worker: PathBuf,
    connector: Connector,
) -> Result<App, StartError> {
    let secrets = config.secrets(random)?;
    let all = secrets.all();
    let current = all.first().copied().unwrap_or_default();
    let auth = &config.auth;
    let tokens = AccessTokens::new(&auth.issuer, &auth.audience, auth.access_token(), &all)?;
    let keys = Keys::new(current);
    let sealer = Sealer::new(&config.encryption_keys(random)?);
    let mailer = Mailer::new(&config.mail).map_err(StartError::Mail)?;
    let store = open_store(&config).await?;
    let cache = open_cache(&config).await?;
    let models = Models::configured(&config.language)?;
    let files = open_files(&config)?;
    let shared: Option<Arc<dyn SharedAnswers>> = match cache.kind() {
        CacheKind::Redis => Some(Arc::new(Shared::new(cache.clone(), &config))),
        CacheKind::InProcess | CacheKind::None => None,
    };
    let engine = Engine::start_sharing(&files, engine_options(&config, worker), shared)?;
    let (hasher, metrics) = (Hasher::new(&config.auth), Metrics::new());
    hasher.report_to(metrics.clone());
    let told = metrics.clone();
    store.report_to(Box::new(move |call, took, is_ok| told.store_called(call, took, is_ok)));
    let told = metrics.clone();
    cache.report_to(Box::new(move |_, took, is_ok| told.cache_called(took, is_ok)));
    let parts = Parts {
        accounts: Accounts::new(cache.clone(), store.clone()),
        hasher,
        policy: PasswordPolicy::new(config.auth.password_min_length),
        metrics,
        mailer,
        sealer,
        connector,
        models,
        written: Written::default(),
        jobs: Jobs::default(),
        loads: Semaphore::new(config.loads.concurrency),
        stopping: CancellationToken::new(),
        giving_up: CancellationToken::new(),
        background: TaskTracker::new(),
        config,
        clock,
        random,
        store,
        cache,
        files,
        engine,
        tokens,
        keys,
    };
    Ok(App::new(parts))
}

/// The tables of all companies.
pub fn open_files(config: &Config) -> Result<TableFiles, EngineError> {
    match config.files.bucket() {
        Some(bucket) => TableFiles::bucket(bucket),
        None => TableFiles::local(&config.data_dir.join("files")),
    }
}

async fn open_store(config: &Config) -> Result<Store, StoreError> {
    match &config.store.mongodb_uri {
        Some(uri) => Store::open_mongo(uri.expose_secret(), Some(&config.store.database)).await,
        None => Store::open_sqlite(&config.data_dir).await,
    }
}

async fn open_cache(config: &Config) -> Result<Cache, InvalidRedisUrl> {
    match (&config.cache.redis_url, &config.store.mongodb_uri) {
        (Some(url), _) => Cache::redis(url.expose_secret()).await,
        // Others may write to a shared store without telling us: nothing may be kept.
        (None, Some(_)) => Ok(Cache::none()),
        (None, None) => Ok(Cache::in_process()),
    }
}

fn engine_options(config: &Config, worker: PathBuf) -> EngineOptions {
    let engine = &config.engine;
    let workers = engine.workers().get();
    EngineOptions {
        worker,
        worker_args: vec!["engine-worker".into()],
        scratch: config.data_dir.join("scratch"),
        workers,
        workers_per_company: engine.workers_per_company().get(),
        threads: 2,
        memory_bytes: engine.memory_bytes(),
        column_bytes: engine.column_bytes(),
        spill_bytes: engine.memory_bytes() * 4,
        deadline: engine.deadline(),
        row_limit: engine.row_limit as u64,
        queue: workers * 16,
        queue_per_company: workers * 8,
        queue_wait: engine.deadline(),
        // Long enough for the columns that they keep to be of use.
        idle: Duration::from_mins(10),
        cluster: engine.cluster(),
        cache_bytes: engine.cache_bytes(),
    }
}

/// This program, by a path that stays good when its file is replaced by an upgrade.
pub fn own_program() -> Result<PathBuf, StartError> {
    let system = |source| StartError::System { action: "finding this program's own file", source };
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe().map_err(system) }
}

/// What a start, and the time after it, ask for: connections loaded and messages sent when they are due,
/// reports made whose servers died, every minute half-done batches finished or undone, every hour expired
/// documents and orphaned files removed. Called before the server listens.
pub fn tend(app: &App) {
    loads::keep_schedule(app);
    analysis::keep_resuming(app);
    delivery::keep_delivering(app);
    let app = app.clone();
    app.background.clone().spawn(async move {
        for minute in 0_u64.. {
            let now = app.clock.now();
            tended("recover", app.store.recover(now).await);
            if minute.is_multiple_of(60) {
                tended("purge", app.store.purge_expired(now).await);
                loads::sweep(&app).await;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_mins(1)) => {}
                () = app.stopping.cancelled() => return,
            }
        }
    });
}

fn tended(what: &'static str, done: Result<u64, StoreError>) {
    match done {
        Ok(0) => {}
        Ok(count) => tracing::info!(event = "store.tended", what, count, "store tended"),
        Err(error) => {
            let cause = chain(&error);
            tracing::warn!(event = "store.tend_failed", what, cause, "store not tended");
        }
    }
}
