//! What the engine counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::EngineError;

/// Counts since the start, and what is in use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineStats {
    /// Queries that were given a worker's place.
    pub started: u64,
    /// Queries that were answered.
    pub answered: u64,
    /// Queries that failed after they were started, the next two included.
    pub failed: u64,
    /// Queries that were killed at their deadline.
    pub timed_out: u64,
    /// Queries whose worker died.
    pub worker_deaths: u64,
    /// Queries whose asker went away before the answer.
    pub cancelled: u64,
    /// Queries that were refused for want of a worker; they were never started.
    pub refused: u64,
    /// Worker processes started.
    pub workers_spawned: u64,
    /// Queries that run now.
    pub running: u64,
    /// Queries that wait for a worker now.
    pub waiting: u64,
    /// Workers with nothing to do now.
    pub idle_workers: u64,
    /// Answers that were kept, or that somebody else was already asking for.
    pub cache_hits: u64,
    /// Answers that were looked for and not kept.
    pub cache_misses: u64,
    /// Bytes of the answers that are kept now.
    pub cache_bytes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    started: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    timed_out: AtomicU64,
    worker_deaths: AtomicU64,
    cancelled: AtomicU64,
    refused: AtomicU64,
    pub(crate) workers_spawned: AtomicU64,
    running: AtomicU64,
    waiting: AtomicU64,
}

impl Counts {
    pub(crate) fn read(&self, idle_workers: u64) -> EngineStats {
        EngineStats {
            started: self.started.load(Relaxed),
            answered: self.answered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            worker_deaths: self.worker_deaths.load(Relaxed),
            cancelled: self.cancelled.load(Relaxed),
            refused: self.refused.load(Relaxed),
            workers_spawned: self.workers_spawned.load(Relaxed),
            running: self.running.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            idle_workers,
            ..EngineStats::default()
        }
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// A query that begins to wait.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Relaxed);
        Waiting(self)
    }

    /// A query that begins to run.
    pub(crate) fn start(&self) -> Running<'_> {
        self.started.fetch_add(1, Relaxed);
        self.running.fetch_add(1, Relaxed);
        Running { counts: self, ended: false }
    }
}

/// Counted as waiting while it lives.
pub(crate) struct Waiting<'a>(&'a Counts);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

/// Counted as running while it lives, and as cancelled if it is dropped before its end.
pub(crate) struct Running<'a> {
    counts: &'a Counts,
    ended: bool,
}

impl Running<'_> {
    pub(crate) fn end<T>(mut self, result: &Result<T, EngineError>) {
        self.ended = true;
        let counts = self.counts;
        match result {
            Ok(_) => counts.answered.fetch_add(1, Relaxed),
            Err(error) => {
                match error {
                    EngineError::TimedOut { .. } => counts.timed_out.fetch_add(1, Relaxed),
                    EngineError::WorkerDied { .. } => counts.worker_deaths.fetch_add(1, Relaxed),
                    _ => 0,
                };
                counts.failed.fetch_add(1, Relaxed)
            }
        };
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.counts.running.fetch_sub(1, Relaxed);
        if !self.ended {
            self.counts.cancelled.fetch_add(1, Relaxed);
        }
    }
}
