use axum::{extract::State, http::StatusCode};
use pacioli_model::{
    AuditAction, ConnectionId, JobFailure, JobStatus, Run, RunId, TableRun, Timestamp, Trigger,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::keep::ListPage;
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    extract::{Caller, IdempotencyKey, ManageData, Path, Query, Turn},
    loads::{NewRun, start_run},
    routes::{jobs::JobError, keeping, no_store::NoStore, paging, shapes::Listing},
};

/// How to run.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunNow {
    /// Load all rows, also of tables where changes would do. Rows that were deleted at the source go.
    #[serde(default)]
    full: bool,
}

/// A run that was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedRun {
    /// Names its job: `GET /jobs/{id}`, also as events; `DELETE /jobs/{id}` cancels.
    job_id: Uuid,
    /// Names the run: `GET /runs/{id}`.
    run_id: Uuid,
}

/// Load a connection's tables now
#[utoipa::path(
    post, path = "/connections/{id}/run", tag = "connections", operation_id = "run_connection",
    params(
        ("id" = Uuid, Path, description = "The connection"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key gives the same answer"),
        RunNow,
    ),
    responses(
        (status = 202, description = "The run goes on: ask for the job", body = StartedRun),
        (status = 409, description = "A run is under way, or no tables are chosen"),
    ),
)]
pub async fn run_connection(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
    Query(how): Query<RunNow>,
    key: IdempotencyKey,
) -> ApiResult<Turn<(StatusCode, NoStore<StartedRun>)>> {
    let company = caller.company();
    let scope: [&[u8]; 2] = [b"run", company.0.as_bytes()];
    let content: [&[u8]; 2] = [id.0.as_bytes(), &[u8::from(how.full)]];
    let work = run_now(&app, &caller, id, how.full);
    keeping::once(&app, &key, &scope, &content, work).await
}

async fn run_now(
    app: &App,
    caller: &Caller<ManageData>,
    id: ConnectionId,
    is_full: bool,
) -> ApiResult<(StatusCode, NoStore<StartedRun>)> {
    let connection = caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    let busy = |text: &'static str| ApiError::new(Code::ConnectionBusy, text);
    if connection.tables.is_empty() {
        return Err(busy("No tables are chosen. Choose some: PUT /connections/{id}/tables."));
    }
    let new = NewRun {
        data: caller.data.clone(),
        connection,
        trigger: Trigger::Manual,
        user: caller.user(),
        is_full,
        due: None,
        event: Some(caller.event(app, AuditAction::RunStarted, Some(id.to_string()))),
    };
    let run = start_run(app, new).await?;
    let run = run.ok_or_else(|| busy("A run of this connection is under way. Wait for it."))?;
    let answer = StartedRun { job_id: run.job_id().0, run_id: run.id.0 };
    Ok((StatusCode::ACCEPTED, NoStore(answer)))
}

/// How a run went for one table.
#[derive(Debug, Serialize, ToSchema)]
pub struct TableRunOut {
    /// What the source calls it.
    source_table: String,
    /// What it is called here.
    table: String,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    status: JobStatus,
    /// Whether only changed rows were asked for.
    incremental: bool,
    /// Rows that the source gave.
    rows: u64,
    /// How many it will give, where it said so.
    rows_expected: Option<u64>,
    /// Bytes that came over the wire.
    bytes: u64,
    /// Rows of the table after the load.
    rows_in_service: Option<u64>,
    /// How often it was tried anew.
    retries: u32,
    /// Why it failed; the table stays as it was.
    error: Option<JobError>,
    /// Where the next load of changes goes on, in the source's words.
    watermark: Option<String>,
}

impl From<TableRun> for TableRunOut {
    fn from(table: TableRun) -> Self {
        Self {
            source_table: table.source_table,
            table: table.table.to_string(),
            status: table.status,
            incremental: table.is_incremental,
            rows: table.rows,
            rows_expected: table.rows_expected,
            bytes: table.bytes,
            rows_in_service: table.rows_in_service,
            retries: table.retries,
            error: table.failure.map(JobFailure::into),
            watermark: table.watermark,
        }
    }
}

/// One load of a connection's tables.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunOut {
    /// Names the run.
    id: Uuid,
    /// Its job.
    job_id: Uuid,
    /// Of which connection.
    connection_id: Uuid,
    /// `manual` or `schedule`.
    #[schema(value_type = String)]
    trigger: Trigger,
    /// Who asked for it, or who connected the system.
    started_by: Uuid,
    /// Whether all rows were asked for.
    full: bool,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    status: JobStatus,
    /// Rows that the source gave.
    rows: u64,
    /// Bytes that came over the wire.
    bytes: u64,
    /// 0 to 100, where the source said how many rows there are.
    percent: Option<u64>,
    /// Table by table.
    tables: Vec<TableRunOut>,
    /// Why nothing could be loaded at all.
    error: Option<JobError>,
    /// When it was started.
    #[schema(value_type = String, format = "date-time")]
    started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = "date-time")]
    ended_at: Option<Timestamp>,
}

impl From<Run> for RunOut {
    fn from(run: Run) -> Self {
        Self {
            id: run.id.0,
            job_id: run.job_id().0,
            connection_id: run.connection_id.0,
            trigger: run.trigger,
            started_by: run.started_by.0,
            full: run.is_full,
            status: run.status,
            rows: run.rows(),
            bytes: run.bytes(),
            percent: run.percent(),
            tables: run.tables.into_iter().map(Into::into).collect(),
            error: run.failure.map(JobFailure::into),
            started_at: run.started_at,
            ended_at: run.ended_at,
        }
    }
}

/// List a connection's runs
#[utoipa::path(
    get, path = "/connections/{id}/runs", tag = "connections", operation_id = "list_runs",
    params(("id" = Uuid, Path, description = "The connection"), ListPage),
    responses((status = 200, description = "Its runs, the newest first", body = Listing<RunOut>)),
)]
pub async fn list_runs(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<RunOut>>> {
    caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    let scope = format!("runs/{}/{id}", caller.company());
    let page = caller.data.runs(id, &list.request(&app, &scope)?).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, RunOut::from)))
}

/// Read a run
#[utoipa::path(
    get, path = "/runs/{id}", tag = "connections", operation_id = "get_run",
    params(("id" = Uuid, Path, description = "The run")),
    responses((status = 200, description = "How it went, table by table", body = RunOut)),
)]
pub async fn get_run(
    caller: Caller<ManageData>,
    Path(id): Path<RunId>,
) -> ApiResult<NoStore<RunOut>> {
    let run = caller.data.run(id).await?.ok_or_else(ApiError::not_found)?;
    Ok(NoStore(run.into()))
}
