use std::sync::{Arc, atomic::Ordering};

use pacioli_engine::TableFiles;
use pacioli_model::{
    AuditEvent, AuditId, CompanyId, Job, JobFailure, JobId, JobKind, JobStatus, Origin, TableEntry,
    TableName, TableVersion, Timestamp, UserId,
};
use pacioli_sources::files::FileOptions;
use pacioli_store::TenantStore;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    convert::{Conversion, Converted, Progress},
    spool::InputFile,
};
use crate::{
    app::App,
    catalogue,
    error::{ApiError, ApiResult, Code, chain},
    jobs::{KEPT, LEASE, keep_alive, record},
};

/// Tables to be made of a file.
pub struct Request {
    /// Whose.
    pub data: TenantStore,
    /// Who asks.
    pub user: UserId,
    /// The file.
    pub file: InputFile,
    /// What its sender says about it.
    pub options: FileOptions,
    /// The audit entry of the finished load; each table gets one with its name.
    pub event: AuditEvent,
}

/// The tables that are in service: at least one.
pub type Loaded = ApiResult<Vec<TableEntry>>;

/// Starts a load. The receiver tells its end, if anybody waits for it; the job's record does too.
pub async fn start(app: &App, request: Request) -> ApiResult<(JobId, oneshot::Receiver<Loaded>)> {
    let (id, now) = (JobId(app.random.uuid()), app.clock.now());
    let whose = (request.data.company_id(), request.user);
    let job = Job::begun(JobKind::Load, id, whose, now, (LEASE, KEPT));
    let job = Job { bytes_total: request.file.bytes, ..job };
    request.data.put_job(&job).await?;
    let (sender, receiver) = oneshot::channel();
    app.background.spawn(run(app.clone(), job, request, sender));
    Ok((id, receiver))
}

async fn run(app: App, mut job: Job, request: Request, done: oneshot::Sender<Loaded>) {
    let progress = Arc::new(Progress::default());
    let company = request.data.company_id();
    let data = request.data.clone();
    let doing = app.jobs.begin(job.id, &app.giving_up);
    let note = |job: &mut Job| {
        job.rows = progress.rows.load(Ordering::Relaxed);
        job.bytes_read = progress.bytes.load(Ordering::Relaxed);
    };
    let loaded = tokio::select! {
        loaded = load(&app, company, request, &progress, &doing.stop) => loaded,
        never = keep_alive(&app, &data, &mut job, &doing.stop, note) => match never {},
    };
    job.rows = progress.rows.load(Ordering::Relaxed);
    match &loaded {
        Ok(entries) => {
            job.status = JobStatus::Succeeded;
            job.bytes_read = job.bytes_total;
            job.tables = entries.iter().map(|entry| entry.name.clone()).collect();
            app.metrics.load("succeeded");
        }
        Err(_) if doing.stop.is_cancelled() && !app.giving_up.is_cancelled() => {
            job.status = JobStatus::Cancelled;
            app.metrics.load("cancelled");
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
    stop: &CancellationToken,
) -> Loaded {
    let Request { data, user, file, options, event } = request;
    let file = Arc::new(file);
    let conversion = Conversion {
        files: &app.files,
        company,
        file: &file,
        options: &options,
        scratch: app.spool_dir(),
        random: app.random,
        progress,
        stop,
    };
    let converted = conversion.run().await?;
    let by = (user, app.clock.now());
    let loads = converted.into_iter().map(|table| {
        let target = Some(table.name.to_string());
        let event = AuditEvent { id: AuditId(app.random.uuid()), target, ..event.clone() };
        (table.entry(&file.file_name, by), event)
    });
    let loads: Vec<_> = loads.collect();
    for old in data.put_tables(&loads).await? {
        retire(app, company, &old);
    }
    catalogue::refresh(app, company).await;
    Ok(loads.into_iter().map(|(entry, _)| entry).collect())
}

impl Converted {
    /// The table's entry in the catalog: who loaded it, and when.
    pub fn entry(self, file_name: &str, (loaded_by, loaded_at): (UserId, Timestamp)) -> TableEntry {
        TableEntry {
            name: self.name,
            version: self.version,
            origin: Origin::Upload { file_name: file_name.to_owned(), part: self.part },
            columns: self.columns,
            rows: self.written.rows,
            bytes: self.written.bytes,
            loaded_at,
            loaded_by,
            notes: self.notes,
            primary_key: self.primary_key,
            foreign_keys: self.foreign_keys,
        }
    }
}

/// Removes the files of a version that nobody can name any more, once every query that planned with
/// it has ended.
pub fn retire(app: &App, company: CompanyId, entry: &TableEntry) {
    let (app, name, version) = (app.clone(), entry.name.clone(), entry.version);
    let wait = app.config.engine.deadline() * 2;
    app.background.clone().spawn(async move {
        // Stopping meanwhile is no loss: the next sweep removes them.
        tokio::select! {
            () = tokio::time::sleep(wait) => discard(&app.files, company, &name, version).await,
            () = app.stopping.cancelled() => {}
        }
    });
}

/// Removes the files of a version that is not in service.
pub(super) async fn discard(
    files: &TableFiles,
    company: CompanyId,
    name: &TableName,
    version: TableVersion,
) {
    if let Err(error) = files.delete(company, name, version).await {
        tracing::warn!(
            event = "files.delete_failed", company_id = %company, cause = chain(&error),
            "files of a retired table version stay until the next sweep"
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
