use serde::{Deserialize, Serialize};

use crate::{CompanyId, JobId, TableName, Timestamp, UserId};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Turns an uploaded file into a table.
    Load,
    /// Loads a connection's tables. The run has the job's id.
    Run,
    /// Makes a report, which has the job's id.
    Report,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum JobStatus {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// Why a job failed, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// The stable code of docs/ERRORS.md.
    pub code: String,
    /// What to do about it.
    pub detail: String,
}

/// A piece of long work and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: JobId,
    /// Whose.
    pub company_id: CompanyId,
    /// Who started it.
    pub started_by: UserId,
    /// What it does.
    pub kind: JobKind,
    /// Where it stands.
    pub status: JobStatus,
    /// Rows done so far.
    pub rows: u64,
    /// Bytes of the file read so far, and in all; of a report, queries.
    pub bytes_read: u64,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// The tables made, once it has succeeded.
    pub tables: Vec<TableName>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<JobFailure>,
    /// When it was started.
    pub created_at: Timestamp,
    /// When this last changed.
    pub updated_at: Timestamp,
    /// Its worker renews this while it lives: a running job whose lease has passed was interrupted.
    pub lease_until: Timestamp,
    /// Forgotten after this.
    pub expires_at: Timestamp,
}

impl JobStatus {
    /// Whether it can still change.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

impl Job {
    /// The job as it truly stands at `now`: running with a lapsed lease means that its server died. A
    /// run waits for another one to go on with it then.
    pub fn as_of(mut self, now: Timestamp) -> Self {
        let is_lapsed = self.status.is_open() && self.lease_until < now;
        if is_lapsed && self.kind == JobKind::Run {
            self.status = JobStatus::Queued;
        } else if is_lapsed {
            self.status = JobStatus::Failed;
            self.failure = Some(JobFailure {
                code: "interrupted".to_owned(),
                detail:
                    "The server stopped while this job ran. The table is wholly as it was, or wholly new: load again if it is not new."
                        .to_owned(),
            });
        }
        self
    }
}
