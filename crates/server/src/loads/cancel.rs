use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pacioli_model::JobId;
use tokio_util::sync::CancellationToken;

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
