//! What is kept close: account snapshots, so that a request with a good token costs no read, and rate
//! limits. One contract, kept in the process (`memory`) or shared between replicas (`redis`).
//!
//! A snapshot is never the truth, it is a copy that somebody promised to withdraw: whoever changes a
//! session, a person or a company calls [`Accounts::invalidate`] after the write. What that promises:
//!
//! - *In this process*, no request that starts after `invalidate` has returned sees the old snapshot.
//!   A read of the store that was under way meanwhile is answered and not kept.
//! - *On the other replicas*, the message is pushed through Redis and applied when it arrives: a network
//!   hop later. A replica that cannot know whether it has heard everything (its connection broke, a
//!   message is missing from the sequence, nothing proved the line in two seconds) stops using its
//!   local copies at once, and drops them.
//! - *When the writer itself has lost Redis*, it serves from the store, keeps the withdrawal, and sends
//!   it before it uses Redis again. Until then, or if it dies before, another replica that still has
//!   Redis may serve the old snapshot for as long as snapshots live: one minute from its read.
//!
//! Limits are never open: without Redis each process counts for itself.

mod accounts;
mod limit;
mod memory;
mod queries;
mod redis;
mod stats;

use std::{sync::Arc, time::Duration};

use pacioli_model::Timestamp;

pub use self::{
    accounts::{AccountSource, Accounts, Scope},
    limit::{Decision, Limit, LimitKey, Quota},
    redis::InvalidRedisUrl,
    stats::CacheStats,
};
use self::{memory::Memory, redis::Redis};
use crate::Observer;

/// How long a request waits for Redis before it goes on without.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(100);

/// Where copies and counts are kept. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Cache {
    memory: Arc<Memory>,
    place: Place,
}

/// Where copies are kept beside the limits, which are always somewhere.
#[derive(Debug, Clone)]
enum Place {
    Process,
    Nowhere,
    Redis(Arc<Redis>),
}

/// Which cache was chosen at start-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheKind {
    /// One process that owns its store: its memory is enough.
    InProcess,
    /// Several processes may share the store and cannot tell each other: no copies, limits per process.
    None,
    /// Copies and limits shared through Redis.
    Redis,
}

impl CacheKind {
    /// The name used in metrics and in `/readyz`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProcess => "in_process",
            Self::None => "none",
            Self::Redis => "redis",
        }
    }
}

/// Whether the cache does what it was chosen for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheState {
    /// It needs nothing outside the process.
    InProcess,
    /// Redis answers, and pushes.
    Connected,
    /// Redis cannot be used: accounts come from the store, limits are counted by each process.
    Degraded {
        /// For how long already.
        lasting: Duration,
        /// What the last attempt said; never holds a password.
        reason: String,
    },
}

impl Cache {
    /// For one process that alone writes to its store.
    pub fn in_process() -> Self {
        Self { memory: Arc::default(), place: Place::Process }
    }

    /// For a store that others may write to, without Redis: every account is read from the store, and
    /// each process counts its own limits.
    pub fn none() -> Self {
        Self { memory: Arc::default(), place: Place::Nowhere }
    }

    /// Shared through Redis 6 or newer at `url` (`redis://[user[:password]@]host[:port][/number]`);
    /// `rediss://` for TLS, checked against the system's certificates or those of `SSL_CERT_FILE`.
    ///
    /// Waits about a second at most for the first connection. A Redis that is away is no error: the
    /// cache starts degraded and connects when it can. Only a URL that can never work is refused.
    pub async fn redis(url: &str) -> Result<Self, InvalidRedisUrl> {
        Self::redis_with_timeout(url, COMMAND_TIMEOUT).await
    }

    /// [`Cache::redis`] with another limit than 100 ms on how long a request waits for Redis.
    pub async fn redis_with_timeout(url: &str, timeout: Duration) -> Result<Self, InvalidRedisUrl> {
        let memory = Arc::<Memory>::default();
        let redis = Redis::connect(url, timeout, Arc::clone(&memory)).await?;
        Ok(Self { memory, place: Place::Redis(Arc::new(redis)) })
    }

    /// Which cache this is.
    pub fn kind(&self) -> CacheKind {
        match self.place {
            Place::Process => CacheKind::InProcess,
            Place::Nowhere => CacheKind::None,
            Place::Redis(_) => CacheKind::Redis,
        }
    }

    /// How it is doing, for `/readyz` and a metric. Reads no network.
    pub fn state(&self) -> CacheState {
        match &self.place {
            Place::Process | Place::Nowhere => CacheState::InProcess,
            Place::Redis(redis) => redis.state(),
        }
    }

    /// Tells `observer` of every command to Redis from now on.
    pub fn report_to(&self, observer: Observer) {
        self.memory.watch.report_to(observer);
    }

    /// What it has done since the start.
    pub fn stats(&self) -> CacheStats {
        self.memory.stats()
    }

    /// Takes one from every bucket, or from none if one of them is empty: trying while limited never
    /// makes the wait longer. Atomic over all buckets, also between replicas.
    pub async fn take(&self, limits: &[Limit], now: Timestamp) -> Decision {
        let Place::Redis(redis) = &self.place else {
            return self.memory.buckets.take(limits, now);
        };
        if let Some(decision) = redis.take(limits, now).await {
            return decision;
        }
        self.memory.counters.local_limits.add(1);
        Decision { local: true, ..self.memory.buckets.take(limits, now) }
    }

    /// Gives back one to each bucket, as after a login that turned out to be right.
    pub async fn refund(&self, limits: &[Limit]) {
        if let Place::Redis(redis) = &self.place
            && redis.refund(limits).await
        {
            return;
        }
        self.memory.buckets.refund(limits);
    }

    /// Fills one bucket.
    pub async fn reset(&self, key: &LimitKey) {
        if let Place::Redis(redis) = &self.place {
            redis.reset(key).await;
        }
        self.memory.buckets.reset(key);
    }
}
