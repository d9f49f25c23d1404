//! Runs: all tables of a connection, one after the other. One server does a run, under a lease that
//! lapses if it dies; another one then goes on at the table that it was at. A table that cannot be
//! loaded stays as it was and keeps no other from being loaded.

use std::{convert::Infallible, time::Duration as Wait};

use chrono::Duration;
use pacioli_model::{
    AuditEvent, ConnectedTable, Connection, ConnectionId, JobFailure, JobStatus, Run, RunId,
    TableRun, Timestamp, Trigger, UserId,
};
use pacioli_sources::{
    SourceError,
    source::{Source, SourceTable},
};
use pacioli_store::{Lease, TenantStore};
use tokio_util::sync::CancellationToken;

use super::{
    job::failure,
    live::{LiveRun, job_of},
    pull::{LoadError, Work},
};
use crate::{
    app::App,
    catalogue, connect,
    error::{ApiResult, Code, chain},
    jobs::LEASE,
};

/// How often a run gives a sign of life.
const BEAT: Wait = Wait::from_secs(1);

/// How often a source that does not answer is asked anew, and how long is waited between.
const RETRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::seconds(2);
const LONGEST_WAIT: Duration = Duration::minutes(15);

/// A run to be started.
pub struct NewRun {
    /// Whose.
    pub data: TenantStore,
    /// Of what.
    pub connection: Connection,
    /// By what.
    pub trigger: Trigger,
    /// By whom.
    pub user: UserId,
    /// All rows, also where changes would do.
    pub is_full: bool,
    /// Of a schedule: when it was due, and when it is due next.
    pub due: Option<(Timestamp, Option<Timestamp>)>,
    /// The audit entry of its start.
    pub event: Option<AuditEvent>,
}

/// Starts a run; nothing where one of the connection is under way, or the schedule's was taken by
/// another server.
pub async fn start_run(app: &App, new: NewRun) -> ApiResult<Option<Run>> {
    let now = app.clock.now();
    let run = Run {
        id: RunId(app.random.uuid()),
        company_id: new.data.company_id(),
        connection_id: new.connection.id,
        trigger: new.trigger,
        started_by: new.user,
        is_full: new.is_full,
        status: JobStatus::Queued,
        tables: new.connection.tables.iter().map(waiting).collect(),
        failure: None,
        started_at: now,
        ended_at: None,
        expires_at: now + app.config.loads.runs_kept(),
    };
    let lease = lease(app, &new.connection, run.id);
    let (due, next) = new.due.map_or((None, None), |(due, next)| (Some(due), next));
    if !new.data.begin_run(&lease, due, next, new.event.as_ref()).await? {
        let_go(&new.data, new.connection.id).await?;
        if !new.data.begin_run(&lease, due, next, new.event.as_ref()).await? {
            return Ok(None);
        }
    }
    new.data.put_run(&run).await?;
    new.data.put_job(&job_of(&run, now)).await?;
    let started = run.clone();
    app.background.spawn(drive(app.clone(), new.data, new.connection, lease, run));
    Ok(Some(started))
}

/// Frees a connection whose run has ended but for letting go: what reads as ended is in nobody's way.
async fn let_go(data: &TenantStore, connection: ConnectionId) -> ApiResult<()> {
    let Some(lease) = data.lease_of(connection).await? else { return Ok(()) };
    if data.run(lease.run).await?.is_some_and(|run| !run.status.is_open()) {
        data.end_run(&lease).await?;
    }
    Ok(())
}

/// Goes on with a run whose server died or was stopped; false where another one does, or where nothing
/// of it is left to do.
pub async fn resume_run(app: &App, connection: Connection) -> ApiResult<bool> {
    let data = app.store.tenant(connection.company_id);
    let Some(run_id) = connection.run_id else { return Ok(false) };
    let lease = lease(app, &connection, run_id);
    if !data.take_over_run(&lease, app.clock.now()).await? {
        return Ok(false);
    }
    match data.run(run_id).await? {
        Some(run) if run.status.is_open() => {
            tracing::info!(
                event = "run.resumed", run_id = %run.id, connection_id = %connection.id,
                "run {} goes on", run.id
            );
            app.background.spawn(drive(app.clone(), data, connection, lease, run));
            Ok(true)
        }
        // It had ended but for letting go, or had not begun.
        _ => {
            data.end_run(&lease).await?;
            Ok(false)
        }
    }
}

fn lease(app: &App, connection: &Connection, run: RunId) -> Lease {
    let holder = app.random.uuid().to_string();
    Lease { connection: connection.id, run, holder, until: app.clock.now() + LEASE }
}

fn waiting(table: &ConnectedTable) -> TableRun {
    TableRun {
        source_table: table.source_table.clone(),
        table: table.name.clone(),
        status: JobStatus::Queued,
        is_incremental: false,
        rows: 0,
        rows_expected: None,
        bytes: 0,
        rows_in_service: None,
        retries: 0,
        failure: None,
        watermark: None,
    }
}

/// Does the run, or what is left of it.
async fn drive(app: App, data: TenantStore, connection: Connection, lease: Lease, run: Run) {
    let doing = app.jobs.begin(run.job_id(), &app.giving_up);
    let live = LiveRun::new(run);
    tokio::select! {
        () = work(&app, &data, &connection, &lease, &live, &doing.stop) => {}
        never = keep_alive(&app, &data, &lease, &live, &doing.stop) => match never {},
    }
    if let Err(error) = conclude(&app, &data, &lease, &live, &doing.stop).await {
        // The lease lapses, and whoever takes the run over finds what is left of it.
        tracing::warn!(
            event = "run.record_failed", run_id = %lease.run, cause = chain(&error),
            "the end of run {} was not recorded", lease.run
        );
    }
    let is_loaded = |table: &TableRun| table.status == JobStatus::Succeeded;
    if live.now().tables.iter().any(is_loaded) {
        catalogue::refresh(&app, data.company_id()).await;
    }
}

async fn work(
    app: &App,
    data: &TenantStore,
    connection: &Connection,
    lease: &Lease,
    live: &LiveRun,
    stop: &CancellationToken,
) {
    let permit = tokio::select! {
        permit = app.loads.acquire() => permit,
        () = stop.cancelled() => return,
    };
    if permit.is_err() {
        return;
    }
    live.change(|run| run.status = JobStatus::Running);
    let (source, found) = match ask(app, connection, stop).await {
        Ok(asked) => asked,
        Err(_) if stop.is_cancelled() => return,
        Err(error) => {
            let failure = failure(&error.into());
            app.metrics.load_failed(&failure.code);
            return live.change(|run| fail(run, &failure));
        }
    };
    let work =
        Work { app, data, connection, lease, source: source.as_ref(), found: &found, live, stop };
    for at in 0..connection.tables.len().max(live.now().tables.len()) {
        if stop.is_cancelled() {
            return;
        }
        load_table(&work, at).await;
    }
}

async fn ask(
    app: &App,
    connection: &Connection,
    stop: &CancellationToken,
) -> Result<(std::sync::Arc<dyn Source>, Vec<SourceTable>), LoadError> {
    let source = connect::open(app, connection)?;
    let mut tries = 0;
    loop {
        let asked = tokio::select! {
            asked = source.discover() => asked,
            () = stop.cancelled() => Err(SourceError::Cancelled),
        };
        match asked {
            Ok(found) => return Ok((source, found)),
            Err(error) => {
                let error = LoadError::Source(error);
                if !patience(app, &error, tries, stop).await {
                    return Err(error);
                }
            }
        }
        tries += 1;
    }
}

/// Loads the `at`th table of the run, unless it was dealt with before.
async fn load_table(work: &Work<'_>, at: usize) {
    let run = work.live.now();
    let Some(table) = run.tables.get(at).filter(|table| table.status.is_open()) else { return };
    let Some(table) = work.connection.table(&table.table) else {
        return work.live.change_table(at, |run| run.status = JobStatus::Cancelled);
    };
    work.live.change_table(at, |run| run.status = JobStatus::Running);
    let mut tries = 0;
    let error = loop {
        let Err(error) = work.load(table, at).await else {
            work.app.metrics.load("succeeded");
            return catalogue::refresh(work.app, work.connection.company_id).await;
        };
        if work.stop.is_cancelled() || matches!(error, LoadError::Source(SourceError::Cancelled)) {
            return;
        }
        if !patience(work.app, &error, tries, work.stop).await {
            break error;
        }
        tries += 1;
        work.live.change_table(at, |run| run.retries += 1);
    };
    let failure = failure(&error.into());
    work.app.metrics.load("failed");
    work.app.metrics.load_failed(&failure.code);
    work.live.change_table(at, |run| {
        run.status = JobStatus::Failed;
        run.failure = Some(failure);
    });
}

/// Whether it makes sense to try again; waits until then. Each wait is twice as long, or as long as the
/// source says.
async fn patience(app: &App, error: &LoadError, tries: u32, stop: &CancellationToken) -> bool {
    let wait = match error {
        LoadError::Source(SourceError::Unreachable { retry_after, .. }) => match retry_after {
            Some(wait) => Duration::from_std(*wait).unwrap_or(Duration::MAX),
            None => FIRST_WAIT * 2_i32.saturating_pow(tries),
        },
        LoadError::Here(error) if error.code() == Code::Conflict => Duration::zero(),
        LoadError::Here(error) if error.code() == Code::Unavailable => {
            FIRST_WAIT * 2_i32.saturating_pow(tries)
        }
        _ => return false,
    };
    if tries >= RETRIES || wait > LONGEST_WAIT {
        return false;
    }
    tokio::select! {
        () = app.clock.sleep(wait) => true,
        () = stop.cancelled() => false,
    }
}

/// Nothing could be loaded at all.
fn fail(run: &mut Run, failure: &JobFailure) {
    run.failure = Some(failure.clone());
    for table in run.tables.iter_mut().filter(|table| table.status.is_open()) {
        table.status = JobStatus::Failed;
        table.failure = Some(failure.clone());
    }
}

/// Records how far the run is, and holds its lease; stops the run where somebody cancelled it or the
/// lease was lost.
async fn keep_alive(
    app: &App,
    data: &TenantStore,
    lease: &Lease,
    live: &LiveRun,
    stop: &CancellationToken,
) -> Infallible {
    loop {
        tokio::time::sleep(BEAT).await;
        let beat = async {
            let until = app.clock.now() + LEASE;
            if !data.renew_lease(&Lease { until, ..lease.clone() }).await? {
                stop.cancel();
                return Ok(());
            }
            if data.is_job_cancelled(live.now().job_id()).await? {
                stop.cancel();
            }
            record(app, data, live).await
        };
        if let Err(error) = beat.await {
            tracing::warn!(
                event = "run.record_failed", run_id = %lease.run, cause = chain(&error),
                "the record of run {} is behind", lease.run
            );
        }
    }
}

/// The job first: once the run reads as ended, its job does too.
async fn record(app: &App, data: &TenantStore, live: &LiveRun) -> ApiResult<()> {
    let run = live.now();
    data.put_job(&job_of(&run, app.clock.now())).await?;
    Ok(data.put_run(&run).await?)
}

/// Says how the run ended. One that was interrupted by the server's own end is left for another to go
/// on with; one whose lease was lost is another's already.
async fn conclude(
    app: &App,
    data: &TenantStore,
    lease: &Lease,
    live: &LiveRun,
    stop: &CancellationToken,
) -> ApiResult<()> {
    let is_open = live.now().tables.iter().any(|table| table.status.is_open());
    if stop.is_cancelled() && is_open {
        let is_gone = data.connection(lease.connection).await?.is_none();
        let is_cancelled = is_gone || data.is_job_cancelled(live.now().job_id()).await?;
        let until = app.clock.now();
        if !is_gone && !data.renew_lease(&Lease { until, ..lease.clone() }).await? {
            return Ok(());
        }
        if !is_cancelled {
            live.change(wait_again);
            record(app, data, live).await?;
            let until = until - Duration::milliseconds(1);
            data.renew_lease(&Lease { until, ..lease.clone() }).await?;
            return Ok(());
        }
    }
    let now = app.clock.now();
    live.change(|run| end(run, now));
    record(app, data, live).await?;
    let run = live.now();
    app.metrics.run(status_word(run.status));
    tracing::info!(
        event = "run.ended", run_id = %run.id, connection_id = %run.connection_id,
        company_id = %run.company_id, status = status_word(run.status), rows = run.rows(),
        bytes = run.bytes(), tables = run.tables.len(), "run {} ended", run.id
    );
    // Where this dies before, or the next run is faster, `let_go` or `resume_run` does it.
    data.end_run(lease).await?;
    Ok(())
}

fn wait_again(run: &mut Run) {
    run.status = JobStatus::Queued;
    for table in run.tables.iter_mut().filter(|table| table.status == JobStatus::Running) {
        table.status = JobStatus::Queued;
    }
}

/// What is still open was cancelled; else the worst of the tables decides.
fn end(run: &mut Run, now: Timestamp) {
    let mut status = JobStatus::Succeeded;
    for table in &mut run.tables {
        if table.status.is_open() {
            table.status = JobStatus::Cancelled;
        }
        match table.status {
            JobStatus::Cancelled => status = JobStatus::Cancelled,
            JobStatus::Failed if status != JobStatus::Cancelled => status = JobStatus::Failed,
            _ => {}
        }
    }
    run.status = if run.failure.is_some() { JobStatus::Failed } else { status };
    run.ended_at = Some(now);
}

/// The status as a word of the program.
fn status_word(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "queued",
        JobStatus::Running => "running",
        JobStatus::Succeeded => "succeeded",
        JobStatus::Failed => "failed",
        JobStatus::Cancelled => "cancelled",
    }
}
