//! Work that outlives the request that started it: its signs of life, and how it is told to stop.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration as Wait,
};

use chrono::Duration;
use pacioli_model::{Job, JobId};
use pacioli_store::TenantStore;
use tokio_util::sync::CancellationToken;

use crate::{app::App, error::chain};

/// How long a job is taken to live without a sign of life.
pub const LEASE: Duration = Duration::seconds(30);

/// How often a job gives a sign of life.
const BEAT: Wait = Wait::from_secs(2);

/// How long the record of a job is kept.
pub const KEPT: Duration = Duration::days(30);

/// The jobs that this server does, so that each can be told to stop.
#[derive(Debug, Clone, Default)]
pub struct Jobs(Arc<Mutex<HashMap<JobId, CancellationToken>>>);

impl Jobs {
    /// Takes a job up. Its token is cancelled when somebody cancels the job, and with `all`.
    pub fn begin(&self, id: JobId, all: &CancellationToken) -> Doing {
        let stop = all.child_token();
        self.lock().insert(id, stop.clone());
        Doing { jobs: self.clone(), id, stop }
    }

    /// Tells the job to stop, where it is this server's.
    pub fn stop(&self, id: JobId) {
        if let Some(stop) = self.lock().get(&id) {
            stop.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that is being done, until this is dropped.
#[derive(Debug)]
pub struct Doing {
    jobs: Jobs,
    id: JobId,
    /// Cancelled when the job shall stop.
    pub stop: CancellationToken,
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.jobs.lock().remove(&self.id);
    }
}

/// Gives signs of life of a job for as long as it is done, after `progress` has noted in it how far it is.
pub async fn keep_alive(
    app: &App,
    data: &TenantStore,
    job: &mut Job,
    stop: &CancellationToken,
    progress: impl Fn(&mut Job),
) -> Infallible {
    loop {
        tokio::time::sleep(BEAT).await;
        progress(job);
        record(app, data, job).await;
        // Another server may have been asked to cancel it.
        if data.is_job_cancelled(job.id).await.unwrap_or(false) {
            stop.cancel();
        }
    }
}

/// Remembers a job as it stands; where it is still open, for another while.
pub async fn record(app: &App, data: &TenantStore, job: &mut Job) {
    let now = app.clock.now();
    job.updated_at = now;
    job.lease_until = now + LEASE;
    job.resume_at = job.report.as_ref().map(|_| job.lease_until);
    put(data, job).await;
}

/// Remembers a job as it is given.
pub async fn put(data: &TenantStore, job: &Job) {
    if let Err(error) = data.put_job(job).await {
        tracing::warn!(
            event = "job.record_failed", job_id = %job.id, cause = chain(&error),
            "the record of job {} is behind", job.id
        );
    }
}
