use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use pacioli_model::{
    AuditAction, Job, JobFailure, JobId, JobKind, JobStatus, Permission, RunId, Timestamp,
};
use pacioli_store::TenantStore;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{connections::ListPage, job_events, no_store::NoStore, paging, shapes::Listing};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    extract::{AskQuestions, Caller, ManageData, Path, Query},
};

/// A piece of long work.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobOut {
    /// Names the job.
    id: Uuid,
    /// `load` of a file, `run` of a connection: `GET /runs/{id}` has the same id, or `report`: so has
    /// `GET /reports/{id}`.
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
    /// Bytes in all, where that is known.
    bytes_total: Option<u64>,
    /// 0 to 100, where that is known.
    percent: Option<u64>,
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

impl From<JobFailure> for JobError {
    fn from(failure: JobFailure) -> Self {
        Self { code: failure.code, detail: failure.detail }
    }
}

impl From<&ApiError> for JobError {
    fn from(error: &ApiError) -> Self {
        Self { code: error.code().as_str().to_owned(), detail: error.detail().to_owned() }
    }
}

impl JobOut {
    /// Whether it can still change.
    pub fn is_open(&self) -> bool {
        self.status.is_open()
    }

    /// The job as it truly stands now; nothing where it is not the company's.
    pub async fn read(app: &App, data: &TenantStore, id: JobId) -> ApiResult<Option<Self>> {
        let Some(mut job) = data.job(id).await? else { return Ok(None) };
        let mut percent = None;
        if job.kind == JobKind::Run
            && let Some(run) = data.run(RunId(id.0)).await?
        {
            percent = run.percent();
            // The job is recorded just before its run, which is what counts: it ends when the run does.
            (job.rows, job.bytes_read) = (run.rows(), run.bytes());
            if run.status.is_open() && !job.status.is_open() {
                (job.status, job.failure) = (run.status, None);
            }
        }
        let mut out = Self::from(job.as_of(app.clock.now()));
        if out.kind == JobKind::Run {
            out.progress.percent = percent;
        }
        if out.status == JobStatus::Succeeded {
            out.progress.percent = Some(100);
        }
        Ok(Some(out))
    }
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
                bytes: if job.kind == JobKind::Report { 0 } else { job.bytes_read },
                bytes_total: (job.kind == JobKind::Load).then_some(job.bytes_total),
                percent: (job.bytes_read * 100).checked_div(job.bytes_total),
            },
            result: (job.status == JobStatus::Succeeded).then_some(JobResult { tables }),
            error: job.failure.map(JobError::from),
            created_at: job.created_at,
            updated_at: job.updated_at,
        }
    }
}

/// The company's job of this id, where the person started it or manages the company's data: 404 otherwise.
async fn own_job(caller: &Caller<AskQuestions>, id: JobId) -> ApiResult<Job> {
    let manages = caller.account.user.role.allows(Permission::ManageData);
    let job = caller.data.job(id).await?;
    job.filter(|job| manages || job.started_by == caller.user()).ok_or_else(ApiError::not_found)
}

/// Read a job
///
/// One that you started yourself, such as a report; superusers read all of the company's. With `Accept: text/event-stream` as events until it ends: `progress` whenever it has changed and `end`,
/// each with the job. A stream that broke off is gone on with by asking again.
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "data", operation_id = "get_job",
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "Where the job stands", content(
        (JobOut = "application/json"), (String = "text/event-stream"),
    ))),
)]
pub async fn get_job(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<JobId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    own_job(&caller, id).await?;
    let job = JobOut::read(&app, &caller.data, id).await?.ok_or_else(ApiError::not_found)?;
    if job_events::are_wanted(&headers) {
        return Ok(job_events::of(app, caller.data, id, job));
    }
    Ok(NoStore(job).into_response())
}

/// List jobs
#[utoipa::path(
    get, path = "/jobs", tag = "data", operation_id = "list_jobs", params(ListPage),
    responses((status = 200, description = "The company's jobs, the newest first", body = Listing<JobOut>)),
)]
pub async fn list_jobs(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<JobOut>>> {
    let scope = format!("jobs/{}", caller.company());
    let page = caller.data.jobs(&list.request(&app, &scope)?).await?;
    let now = app.clock.now();
    Ok(NoStore(paging::listing(&app.keys, &scope, page, |job| JobOut::from(job.as_of(now)))))
}

/// Cancel a job
///
/// One that you started yourself; superusers cancel all of the company's. What the job has put in service
/// stays; nothing more of it is. It ends within seconds.
#[utoipa::path(
    delete, path = "/jobs/{id}", tag = "data", operation_id = "cancel_job",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 202, description = "It was told to end", body = JobOut),
        (status = 409, description = "It has ended"),
    ),
)]
pub async fn cancel_job(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<JobId>,
) -> ApiResult<(StatusCode, NoStore<JobOut>)> {
    let job = own_job(&caller, id).await?;
    let now = app.clock.now();
    let event = caller.event(&app, AuditAction::JobCancelled, Some(id.to_string()));
    let is_open = job.as_of(now).status.is_open();
    if !is_open || !caller.data.cancel_job(id, now, &event).await? {
        return Err(ApiError::new(Code::NotCancellable, "The job has ended."));
    }
    app.jobs.stop(id);
    let job = JobOut::read(&app, &caller.data, id).await?.ok_or_else(ApiError::not_found)?;
    Ok((StatusCode::ACCEPTED, NoStore(job)))
}
