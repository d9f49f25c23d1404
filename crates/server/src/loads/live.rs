use std::sync::{Arc, Mutex, PoisonError};

use pacioli_model::{Job, JobFailure, JobKind, JobStatus, Run, TableRun, Timestamp};

use crate::jobs::{KEPT, LEASE};

/// A run under way, which its tables change and its heartbeat records.
#[derive(Debug, Clone)]
pub struct LiveRun(Arc<Mutex<Run>>);

impl LiveRun {
    /// As it is now.
    pub fn new(run: Run) -> Self {
        Self(Arc::new(Mutex::new(run)))
    }

    /// Changes it.
    pub fn change<T>(&self, change: impl FnOnce(&mut Run) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what it says of one table.
    pub fn change_table(&self, at: usize, change: impl FnOnce(&mut TableRun)) {
        self.change(|run| run.tables.get_mut(at).map(change));
    }

    /// As it stands.
    pub fn now(&self) -> Run {
        self.change(|run| run.clone())
    }
}

/// The run's job as it stands.
pub fn job_of(run: &Run, now: Timestamp) -> Job {
    let loaded = run.tables.iter().filter(|table| table.status == JobStatus::Succeeded);
    let whose = (run.company_id, run.started_by);
    Job {
        status: run.status,
        rows: run.rows(),
        bytes_read: run.bytes(),
        tables: loaded.map(|table| table.table.clone()).collect(),
        failure: (run.status == JobStatus::Failed).then(|| failure_of(run)).flatten(),
        updated_at: now,
        lease_until: now + LEASE,
        ..Job::begun(JobKind::Run, run.job_id(), whose, run.started_at, (LEASE, KEPT))
    }
}

/// What is said of a run of which not every table was loaded.
fn failure_of(run: &Run) -> Option<JobFailure> {
    if let Some(failure) = &run.failure {
        return Some(failure.clone());
    }
    let failed: Vec<(&TableRun, &JobFailure)> =
        run.tables.iter().filter_map(|table| Some((table, table.failure.as_ref()?))).collect();
    let (first, failure) = failed.first()?;
    let detail = format!(
        "{} of {} tables could not be loaded and stay as they were. {}: {}",
        failed.len(),
        run.tables.len(),
        first.table,
        failure.detail
    );
    Some(JobFailure { code: failure.code.clone(), detail })
}
