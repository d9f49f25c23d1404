//! Workers with nothing to do, kept warm for a while.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::{EngineError, EngineOptions, counts::Counts, process::Worker};

/// What each worker's own folder is called, before its number.
const SCRATCH: &str = "worker-";

/// The workers of one engine.
#[derive(Debug)]
pub(crate) struct Pool {
    options: EngineOptions,
    idle: Mutex<Idle>,
    next_scratch: AtomicU64,
}

#[derive(Debug, Default)]
struct Idle {
    /// The last to come is the first to go, so that the others may grow old.
    workers: Vec<(Worker, Instant)>,
    /// Somebody sees to the old ones.
    watched: bool,
    closed: bool,
}

impl Pool {
    /// An empty pool; scratch folders that a killed server left behind are removed.
    pub(crate) fn new(options: EngineOptions) -> std::io::Result<Self> {
        std::fs::create_dir_all(&options.scratch)?;
        for entry in std::fs::read_dir(&options.scratch)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self { options, idle: Mutex::default(), next_scratch: AtomicU64::new(0) })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Nothing panics while it is held.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn idle_workers(&self) -> u64 {
        self.idle().workers.len() as u64
    }

    /// A worker that has been sent `request`: a warm one, or a new one where there is none alive.
    pub(crate) async fn send(
        &self,
        request: &[u8],
        counts: &Counts,
    ) -> Result<Worker, EngineError> {
        while let Some(mut worker) = self.take() {
            if worker.send(request).await.is_ok() {
                return Ok(worker);
            }
        }
        let number = self.next_scratch.fetch_add(1, Relaxed);
        let scratch = self.options.scratch.join(format!("{SCRATCH}{number}"));
        counts.workers_spawned.fetch_add(1, Relaxed);
        let mut worker = Worker::start(&self.options, scratch).await?;
        match worker.send(request).await {
            Ok(()) => Ok(worker),
            Err(_) => Err(worker.died().await),
        }
    }

    fn take(&self) -> Option<Worker> {
        self.idle().workers.pop().map(|(worker, _)| worker)
    }

    /// Takes back a worker that waits for its next request.
    pub(crate) fn give_back(self: &Arc<Self>, worker: Worker) {
        let mut idle = self.idle();
        if idle.closed {
            return;
        }
        idle.workers.push((worker, Instant::now()));
        if !idle.watched {
            idle.watched = true;
            tokio::spawn(Self::watch(Arc::downgrade(self), self.options.idle / 2));
        }
    }

    /// Ends workers that nobody needed, and itself when there are none left.
    async fn watch(pool: Weak<Self>, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let Some(pool) = pool.upgrade() else { return };
            let mut idle = pool.idle();
            idle.workers.retain(|(_, since)| since.elapsed() < pool.options.idle);
            if idle.workers.is_empty() {
                idle.watched = false;
                return;
            }
        }
    }

    /// Ends the idle workers, and takes none back.
    pub(crate) fn close(&self) {
        let mut idle = self.idle();
        idle.closed = true;
        idle.workers.clear();
    }
}
