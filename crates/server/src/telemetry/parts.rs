use pacioli_engine::EngineStats;
use pacioli_store::{CacheState, CacheStats};
use prometheus_client::{
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

/// What the engine and the cache count themselves, as metrics of this moment.
pub(super) fn registry(engine: &EngineStats, cache: &CacheStats, state: &CacheState) -> Registry {
    let mut registry = Registry::with_prefix("pacioli");
    let is_up = u64::from(!matches!(state, CacheState::Degraded { .. }));
    for (name, help, value) in [
        ("cache_up", "Whether the cache answers (1) or the server does without it (0)", is_up),
        ("cache_entries", "Account snapshots in memory", cache.entries),
        ("engine_queries_running", "Queries that run now", engine.running),
        ("engine_queries_waiting", "Queries that wait for a worker", engine.waiting),
        ("engine_cache_bytes", "Bytes of answers that are kept", engine.cache_bytes),
        ("engine_workers_idle", "Worker processes with nothing to do", engine.idle_workers),
    ] {
        registry.register(name, help, ConstGauge::new(value));
    }
    for (name, help, value) in [
        ("cache_local_hits", "Accounts answered from memory", cache.local_hits),
        ("cache_redis_hits", "Accounts answered from Redis", cache.redis_hits),
        ("cache_misses", "Accounts read from the store", cache.misses),
        (
            "cache_withdrawals_sent",
            "Account snapshots withdrawn by this process",
            cache.invalidations_sent,
        ),
        (
            "cache_withdrawals_received",
            "Withdrawals heard through Redis",
            cache.invalidations_received,
        ),
        ("cache_gaps", "Times a withdrawal was missed and all snapshots were dropped", cache.gaps),
        (
            "limiter_local",
            "Limits counted by this process alone for want of Redis",
            cache.local_limits,
        ),
        ("engine_queries_started", "Queries given a worker", engine.started),
        ("engine_queries_answered", "Queries answered", engine.answered),
        ("engine_queries_failed", "Queries that failed in any way", engine.failed),
        ("engine_queries_timed_out", "Queries killed at their deadline", engine.timed_out),
        ("engine_queries_cancelled", "Queries that somebody ended", engine.cancelled),
        ("engine_cache_hits", "Answers that were kept", engine.cache_hits),
        ("engine_cache_misses", "Answers that were not", engine.cache_misses),
        ("engine_queries_refused", "Queries refused for want of a worker", engine.refused),
        ("engine_worker_deaths", "Workers that died while they ran a query", engine.worker_deaths),
        ("engine_workers_spawned", "Worker processes started", engine.workers_spawned),
    ] {
        registry.register(name, help, ConstCounter::new(value));
    }
    registry
}
