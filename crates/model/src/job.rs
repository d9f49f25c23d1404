use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::{CompanyId, JobId, ReportOrder, TableName, Timestamp, UserId};

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
    /// Of a report that is not made yet: what it shall be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportOrder>,
    /// Of a report that is not made yet: a server that finds it after this makes it, for the one that had
    /// begun has died. As `lease_until`, and empty once the job has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<Timestamp>,
    /// How often it was begun.
    #[serde(default)]
    pub tries: u32,
}

impl JobStatus {
    /// Whether it can still change.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

impl Job {
    /// A job that begins at `now`: it is taken to live for `lease`, and its record is kept for `kept`.
    pub fn begun(
        kind: JobKind,
        id: JobId,
        (company_id, started_by): (CompanyId, UserId),
        now: Timestamp,
        (lease, kept): (Duration, Duration),
    ) -> Self {
        Self {
            id,
            company_id,
            started_by,
            kind,
            status: JobStatus::Running,
            rows: 0,
            bytes_read: 0,
            bytes_total: 0,
            tables: Vec::new(),
            failure: None,
            created_at: now,
            updated_at: now,
            lease_until: now + lease,
            expires_at: now + kept,
            report: None,
            resume_at: None,
            tries: 1,
        }
    }

    /// The job as it truly stands at `now`: running with a lapsed lease means that its server died. A
    /// run, and a report whose order is known, wait for another one then.
    pub fn as_of(mut self, now: Timestamp) -> Self {
        let is_lapsed = self.status.is_open() && self.lease_until < now;
        if is_lapsed && (self.kind == JobKind::Run || self.resume_at.is_some()) {
            self.status = JobStatus::Queued;
        } else if is_lapsed {
            self.status = JobStatus::Failed;
            self.failure = Some(self.interrupted());
        }
        self
    }

    /// What is said of a job that ended with its server.
    pub fn interrupted(&self) -> JobFailure {
        let detail = match self.kind {
            JobKind::Report => {
                "The server stopped while this report was made. Nothing of it is kept: ask for it again."
            }
            JobKind::Load | JobKind::Run => {
                "The server stopped while this job ran. The table is wholly as it was, or wholly new: load again if it is not new."
            }
        };
        JobFailure { code: "interrupted".to_owned(), detail: detail.to_owned() }
    }
}
