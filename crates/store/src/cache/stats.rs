use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process started, for metrics. All but `entries` only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Accounts answered from the process's memory.
    pub local_hits: u64,
    /// Accounts answered from Redis.
    pub redis_hits: u64,
    /// Accounts read from the store.
    pub misses: u64,
    /// Withdrawals made by this process.
    pub invalidations_sent: u64,
    /// Withdrawals heard through Redis, one's own included.
    pub invalidations_received: u64,
    /// Times a withdrawal was found to be missing, and every local copy was dropped.
    pub gaps: u64,
    /// Rate limits counted by this process because Redis could not be used.
    pub local_limits: u64,
    /// Snapshots in the process's memory now.
    pub entries: u64,
}

/// One number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What [`CacheStats`] is read from.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) local_hits: Counter,
    pub(super) redis_hits: Counter,
    pub(super) misses: Counter,
    pub(super) invalidations_sent: Counter,
    pub(super) invalidations_received: Counter,
    pub(super) gaps: Counter,
    pub(super) local_limits: Counter,
}
