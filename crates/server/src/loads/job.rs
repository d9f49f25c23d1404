use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration as Wait,
};

use chrono::Duration;
use pacioli_model::{
    AuditEvent, CompanyId, Job, JobFailure, JobId, JobKind, JobStatus, Origin, TableEntry,
    TableName, TableVersion, UserId,
};
use pacioli_store::TenantStore;
use tokio::sync::oneshot;

use super::{
    convert::{Converted, Progress, convert},
    spool::InputFile,
};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code, chain},
};

/// How long a job is taken to live without a sign of life.
const LEASE: Duration = Duration::seconds(30);

/// How often a job gives a sign of life.
const BEAT: Wait = Wait::from_secs(2);

/// How long the record of a job is kept.
const KEPT: Duration = Duration::days(30);

/// A table to be made of a file.
pub struct Request {
    /// Whose.
    pub data: TenantStore,
    /// Who asks.
    pub user: UserId,
    /// What the table shall be called.
    pub table: TableName,
    /// The file.
    pub file: InputFile,
    /// The audit entry of the finished load.
    pub event: AuditEvent,
}

/// A table that is in service.
pub type Loaded = ApiResult<TableEntry>;

/// Starts a load. The receiver tells its end, if anybody waits for it; the job's record does too.
pub async fn start(app: &App, request: Request) -> ApiResult<(JobId, oneshot::Receiver<Loaded>)> {
    let now = app.clock.now();
    let job = Job {
        id: JobId(app.random.uuid()),
        company_id: request.data.company_id(),
        started_by: request.user,
        kind: JobKind::Load,
        status: JobStatus::Running,
        rows: 0,
        bytes_read: 0,
        bytes_total: request.file.bytes,
        tables: Vec::new(),
        failure: None,
        created_at: now,
        updated_at: now,
        lease_until: now + LEASE,
        expires_at: now + KEPT,
    };
    request.data.put_job(&job).await?;
    let id = job.id;
    let (sender, receiver) = oneshot::channel();
    app.background.spawn(run(app.clone(), job, request, sender));
    Ok((id, receiver))
}

async fn run(app: App, mut job: Job, request: Request, done: oneshot::Sender<Loaded>) {
    let progress = Arc::new(Progress::default());
    let company = request.data.company_id();
    let data = request.data.clone();
    let loaded = tokio::select! {
        loaded = load(&app, company, request, &progress) => loaded,
        never = keep_alive(&app, &data, &mut job, &progress) => match never {},
    };
    job.rows = progress.rows.load(Ordering::Relaxed);
    match &loaded {
        Ok(entry) => {
            job.status = JobStatus::Succeeded;
            job.bytes_read = job.bytes_total;
            job.tables = vec![entry.name.clone()];
            app.metrics.load("succeeded");
        }
        Err(error) => {
            job.status = JobStatus::Failed;
            job.failure = Some(failure(error));
            app.metrics.load("failed");
        }
    }
    record(&app, &data, &mut job).await;
    tracing::info!(
        event = "load.ended", job_id = %job.id, company_id = %company, status = ?job.status,
        rows = job.rows, bytes = job.bytes_total, code = job.failure.as_ref().map(|f| f.code.as_str()),
        "load {} ended", job.id
    );
    // Nobody waits for a long load any more.
    let _ = done.send(loaded);
}

async fn load(
    app: &App,
    company: CompanyId,
    request: Request,
    progress: &Arc<Progress>,
) -> ApiResult<TableEntry> {
    let Request { data, user, table, file, event } = request;
    let version = TableVersion(app.random.uuid());
    let file = Arc::new(file);
    let place = (company, &table, version);
    let converted = convert(&app.files, &file, place, progress, &app.giving_up).await;
    let converted = match converted {
        Ok(converted) => converted,
        Err(error) => {
            discard(app, company, &table, version).await;
            return Err(error);
        }
    };
    let Converted { columns, written, notes } = converted;
    let entry = TableEntry {
        name: table.clone(),
        version,
        origin: Origin::Upload { file_name: file.file_name.clone(), part: None },
        columns,
        rows: written.rows,
        bytes: written.bytes,
        loaded_at: app.clock.now(),
        loaded_by: user,
        notes,
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    };
    let replaced = data.put_table(&entry, &event).await?;
    if let Some(old) = replaced {
        retire(app, company, &old);
    }
    Ok(entry)
}

/// Removes the files of a version that nobody can name any more, once every query that planned with
/// it has ended.
pub fn retire(app: &App, company: CompanyId, entry: &TableEntry) {
    let (app, name, version) = (app.clone(), entry.name.clone(), entry.version);
    let wait = app.config.engine.deadline() * 2;
    app.background.clone().spawn(async move {
        // Stopping meanwhile is no loss: the next sweep removes them.
        tokio::select! {
            () = tokio::time::sleep(wait) => discard(&app, company, &name, version).await,
            () = app.stopping.cancelled() => {}
        }
    });
}

pub(super) async fn discard(
    app: &App,
    company: CompanyId,
    name: &TableName,
    version: TableVersion,
) {
    if let Err(error) = app.files.delete(company, name, version).await {
        tracing::warn!(
            event = "files.delete_failed", company_id = %company, cause = chain(&error),
            "files of a retired table version stay until the next sweep"
        );
    }
}

async fn keep_alive(
    app: &App,
    data: &TenantStore,
    job: &mut Job,
    progress: &Progress,
) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(BEAT).await;
        job.rows = progress.rows.load(Ordering::Relaxed);
        job.bytes_read = progress.bytes.load(Ordering::Relaxed);
        record(app, data, job).await;
    }
}

async fn record(app: &App, data: &TenantStore, job: &mut Job) {
    let now = app.clock.now();
    job.updated_at = now;
    job.lease_until = now + LEASE;
    if let Err(error) = data.put_job(job).await {
        tracing::warn!(
            event = "job.record_failed", job_id = %job.id, cause = chain(&error),
            "the record of job {} is behind", job.id
        );
    }
}

/// What the record says of a failure: the code of the problem, or of the reason inside it.
pub(super) fn failure(error: &ApiError) -> JobFailure {
    let code = match error.code() {
        code @ (Code::UnreadableFile | Code::SourceUnfit) => {
            error.first_kind().unwrap_or(code.as_str())
        }
        code => code.as_str(),
    };
    JobFailure { code: code.to_owned(), detail: error.detail().to_owned() }
}
