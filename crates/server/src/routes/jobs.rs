use axum::extract::State;
use pacioli_model::{Job, JobId, JobKind, JobStatus, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::no_store::NoStore;
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Caller, ManageData, Path},
};

/// A piece of long work.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobOut {
    /// Names the job.
    id: Uuid,
    /// `load`.
    #[schema(value_type = String, example = "load")]
    kind: JobKind,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    #[schema(value_type = String, example = "running")]
    status: JobStatus,
    /// How far it is.
    progress: JobProgress,
    /// What it made, once it has succeeded.
    result: Option<JobResult>,
    /// Why it failed.
    error: Option<JobError>,
    /// When it was started.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When this last changed.
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

/// How far a job is.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobProgress {
    /// Rows done.
    rows: u64,
    /// Bytes read.
    bytes: u64,
    /// Bytes in all.
    bytes_total: u64,
    /// 0 to 100.
    percent: u64,
}

/// What a job made.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobResult {
    /// Tables in service.
    tables: Vec<String>,
}

/// Why a job failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobError {
    /// The stable code.
    code: String,
    /// What to do about it.
    detail: String,
}

impl From<Job> for JobOut {
    fn from(job: Job) -> Self {
        let tables = job.tables.iter().map(ToString::to_string).collect();
        Self {
            id: job.id.0,
            kind: job.kind,
            status: job.status,
            progress: JobProgress {
                rows: job.rows,
                bytes: job.bytes_read,
                bytes_total: job.bytes_total,
                percent: (job.bytes_read * 100).checked_div(job.bytes_total).unwrap_or(0),
            },
            result: (job.status == JobStatus::Succeeded).then_some(JobResult { tables }),
            error: job
                .failure
                .map(|failure| JobError { code: failure.code, detail: failure.detail }),
            created_at: job.created_at,
            updated_at: job.updated_at,
        }
    }
}

/// Read a job
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "data", operation_id = "get_job",
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "Where the job stands", body = JobOut)),
)]
pub async fn get_job(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<JobId>,
) -> ApiResult<NoStore<JobOut>> {
    let job = caller.data.job(id).await?.ok_or_else(ApiError::not_found)?;
    Ok(NoStore(job.as_of(app.clock.now()).into()))
}
