//! The threads that hash, apart from those that answer requests: a storm of logins fills a bounded
//! queue here and slows nobody else.
//!
//! A thread takes up to four passwords of one cost at once, which it hashes in little more than the
//! time of one (see `pacioli_bcrypt`). So under load the rate goes up, not the wait.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use pacioli_bcrypt::{LANES, Lane, bcrypt};
use tokio::sync::oneshot;
use tracing::Span;

use super::HashError;
use crate::telemetry::Metrics;

/// One bcrypt to do.
pub(super) struct Work {
    pub(super) cost: u32,
    pub(super) salt: [u8; 16],
    /// At most 72 bytes, without a NUL.
    pub(super) key: Vec<u8>,
}

struct Job {
    work: Work,
    reply: oneshot::Sender<[u8; 23]>,
    span: Span,
    since: Instant,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    capacity: usize,
    threads: usize,
    /// How long the last batch took, in microseconds.
    last_batch: AtomicU64,
    metrics: OnceLock<Metrics>,
    /// Everything that was asked for, in rounds of bcrypt.
    #[cfg(test)]
    rounds: AtomicU64,
}

/// Dropping it ends the threads after what they are working on.
pub(super) struct Pool(Arc<Shared>);

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.wake.notify_all();
    }
}

impl Pool {
    pub(super) fn start(threads: NonZeroUsize, capacity: usize) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            capacity,
            threads: threads.get(),
            last_batch: AtomicU64::new(0),
            metrics: OnceLock::new(),
            #[cfg(test)]
            rounds: AtomicU64::new(0),
        });
        for number in 0..threads.get() {
            let shared = Arc::clone(&shared);
            let name = format!("hashing-{number}");
            let started = thread::Builder::new().name(name).spawn(move || shared.work());
            if let Err(error) = started {
                tracing::error!(event = "hashing.thread_failed", %error, "a hashing thread did not start");
            }
        }
        Self(shared)
    }

    pub(super) fn report_to(&self, metrics: Metrics) {
        // Whoever was told first goes on being told.
        let _ = self.0.metrics.set(metrics);
    }

    #[cfg(test)]
    pub(super) fn rounds(&self) -> u64 {
        self.0.rounds.load(Ordering::Relaxed)
    }

    /// bcrypt's 23 bytes, once a thread has made them.
    pub(super) async fn run(&self, work: Work) -> Result<[u8; 23], HashError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work, reply, span: Span::current(), since: Instant::now() };
        self.0.push(job)?;
        answer.await.map_err(|_| HashError::Stopped)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), HashError> {
        #[cfg(test)]
        self.rounds.fetch_add(1 << job.work.cost, Ordering::Relaxed);
        let mut queue = self.lock();
        if queue.jobs.len() >= self.capacity {
            if let Some(metrics) = self.metrics.get() {
                metrics.hash_rejected();
            }
            return Err(HashError::Busy { retry_after: self.wait_for(queue.jobs.len()) });
        }
        queue.jobs.push_back(job);
        if let Some(metrics) = self.metrics.get() {
            metrics.hash_queued();
        }
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// When the queue as it is now will have been worked off; at least a second.
    fn wait_for(&self, waiting: usize) -> Duration {
        let batches = waiting.div_ceil(LANES * self.threads).max(1);
        let batch = Duration::from_micros(self.last_batch.load(Ordering::Relaxed));
        let wait = batch.saturating_mul(u32::try_from(batches).unwrap_or(u32::MAX));
        wait.clamp(Duration::from_secs(1), Duration::from_mins(1))
    }

    fn work(&self) {
        while let Some(batch) = self.next_batch() {
            let began = Instant::now();
            let hashes = hash(&batch);
            let took = began.elapsed();
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.last_batch.store(micros, Ordering::Relaxed);
            let together = batch.len();
            for (job, hash) in batch.into_iter().zip(hashes) {
                if let Some(metrics) = self.metrics.get() {
                    metrics.hash_ended(took);
                }
                let wait_ms = u64::try_from((began - job.since).as_millis()).unwrap_or(u64::MAX);
                job.span.in_scope(|| {
                    tracing::debug!(
                        event = "password.hashed",
                        wait_ms,
                        together,
                        "a password was hashed"
                    );
                });
                // Whoever asked may have gone away.
                let _ = job.reply.send(hash);
            }
        }
    }

    /// Waits for a job and takes others of its cost with it; `None` when the pool is closed.
    fn next_batch(&self) -> Option<Vec<Job>> {
        let mut queue = self.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            let batch = take(&mut queue.jobs, |job| self.taken(job));
            if !batch.is_empty() {
                return Some(batch);
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn taken(&self, job: &Job) {
        if let Some(metrics) = self.metrics.get() {
            metrics.hash_began(job.since.elapsed());
        }
    }
}

/// The first job that somebody still waits for, and those after it of the same cost.
fn take(jobs: &mut VecDeque<Job>, taken: impl Fn(&Job)) -> Vec<Job> {
    let mut batch: Vec<Job> = Vec::with_capacity(LANES);
    let mut place = 0;
    while batch.len() < LANES && place < jobs.len() {
        let cost = batch.first().map(|first| first.work.cost);
        let is_wanted = !jobs[place].reply.is_closed();
        if is_wanted && cost.is_some_and(|cost| cost != jobs[place].work.cost) {
            place += 1;
            continue;
        }
        if let Some(job) = jobs.remove(place) {
            taken(&job);
            if is_wanted {
                batch.push(job);
            }
        }
    }
    batch
}

fn hash(batch: &[Job]) -> Vec<[u8; 23]> {
    let Some(first) = batch.first() else { return Vec::new() };
    let lanes: Vec<_> =
        batch.iter().map(|job| Lane { salt: job.work.salt, password: &job.work.key }).collect();
    bcrypt(first.work.cost, &lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(cost: u32, name: u8) -> (Job, oneshot::Receiver<[u8; 23]>) {
        let (reply, answer) = oneshot::channel();
        let work = Work { cost, salt: [name; 16], key: vec![name] };
        (Job { work, reply, span: Span::none(), since: Instant::now() }, answer)
    }

    /// `jobs`: cost and whether somebody still waits. `expect`: the places that are taken together.
    fn check(jobs: &[(u32, bool)], expect: &[u8], left: usize) {
        let mut queue = VecDeque::new();
        let mut waiting = Vec::new();
        for (name, (cost, is_wanted)) in (0..).zip(jobs) {
            let (job, answer) = job(*cost, name);
            queue.push_back(job);
            if *is_wanted {
                waiting.push(answer);
            }
        }
        let batch = take(&mut queue, |_| ());
        let names: Vec<u8> = batch.iter().map(|job| job.work.key[0]).collect();
        assert_eq!(names, expect, "{jobs:?}");
        assert_eq!(queue.len(), left, "{jobs:?}");
    }

    #[test]
    fn jobs_of_one_cost_are_taken_together_in_their_order() {
        check(&[], &[], 0);
        check(&[(4, true)], &[0], 0);
        check(&[(4, true), (5, true), (4, true)], &[0, 2], 1);
        check(&[(4, true); 6], &[0, 1, 2, 3], 2);
        check(&[(4, false), (5, true), (4, true)], &[1], 1);
        check(&[(4, false), (4, false)], &[], 0);
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_at_once_and_the_rest_is_answered() {
        let pool = Arc::new(Pool::start(NonZeroUsize::MIN, 5));
        let metrics = Metrics::default();
        pool.report_to(metrics.clone());
        let run = |name: u8| {
            let pool = Arc::clone(&pool);
            let work = Work { cost: 9, salt: [name; 16], key: vec![name] };
            tokio::spawn(async move { pool.run(work).await })
        };
        let results: Vec<_> = (1..=30).map(run).collect();
        let (mut busy, mut done) = (0, 0);
        for (name, result) in (1_u8..).zip(results) {
            match result.await.unwrap() {
                Ok(hash) => {
                    let lane = Lane { salt: [name; 16], password: &[name] };
                    assert_eq!(hash, bcrypt(9, &[lane])[0]);
                    done += 1;
                }
                Err(HashError::Busy { retry_after }) => {
                    assert!(retry_after >= Duration::from_secs(1));
                    busy += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(done >= 5 && busy >= 15, "{done} done, {busy} turned away");
        let page = metrics.own();
        assert!(page.contains(&format!("pacioli_hash_rejections_total {busy}\n")), "{page}");
        assert!(page.contains("pacioli_hash_queue_depth 0\n"), "{page}");
    }
}
