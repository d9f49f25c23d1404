use std::time::Instant;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use pacioli_engine::{Answer, EngineError, Scope};
use pacioli_model::QueryId;
use pacioli_report::{Language, Told};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    cells::{CellOut, ColumnOut, shape},
    no_store::NoStore,
    query::{Timing, millis},
    results::Format,
};
use crate::{
    access::Seen,
    app::App,
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, Json, Path, RunSql},
};

/// Most characters of a statement; the engine has a bound of its own, in bytes.
const MOST_CHARACTERS: usize = 100_000;

/// One SELECT over the company's tables.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// In PostgreSQL's words.
    #[schema(min_length = 1, max_length = 100_000, example = "SELECT count(*) FROM sales")]
    sql: String,
    /// Names the query, so that it can be cancelled while it runs; chosen by the server where it is
    /// absent.
    #[serde(default)]
    query_id: Option<Uuid>,
}

/// The rows of a statement.
#[derive(Debug, Serialize, ToSchema)]
pub struct SqlOut {
    /// Name and type of each column.
    columns: Vec<ColumnOut>,
    /// Each as long as `columns`.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Vec<CellOut>>,
    /// How many rows.
    row_count: usize,
    /// More rows exist than are sent.
    truncated: bool,
    /// The statement that was run.
    sql: String,
    /// Where the time went.
    timing_ms: Timing,
    /// Names this query.
    query_id: Uuid,
}

/// Run SQL
///
/// One SELECT over the company's tables, as far as the caller may see them; nothing else is run. As
/// JSON, or by `Accept` as `text/csv`, `application/vnd.apache.arrow.stream`,
/// `application/vnd.apache.parquet` or, a workbook,
/// `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`.
#[utoipa::path(
    post, path = "/sql", tag = "questions", operation_id = "run_sql", request_body = Statement,
    responses((status = 200, description = "The rows", body = SqlOut)),
)]
pub async fn run_sql(
    State(app): State<App>,
    caller: Caller<RunSql>,
    format: Format,
    Json(statement): Json<Statement>,
) -> ApiResult<Response> {
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let started = Instant::now();
    if statement.sql.trim().is_empty() || statement.sql.chars().count() > MOST_CHARACTERS {
        let text = format!("Must be 1 to {MOST_CHARACTERS} characters long.");
        return Err(ApiError::invalid(&["body", "sql"], "length", text));
    }
    let query_id = statement.query_id.unwrap_or_else(|| app.random.uuid());
    answer(&app, &caller, format, (query_id, &statement.sql), started).await
}

/// The rows of a statement, as far as the caller may see them.
pub(super) async fn answer<P>(
    app: &App,
    caller: &Caller<P>,
    format: Format,
    (query_id, sql): (Uuid, &str),
    started: Instant,
) -> ApiResult<Response> {
    let answer = run(app, caller, QueryId(query_id), sql).await?;
    let told = pacioli_report::Answer {
        question: "SQL",
        told: &Told::default(),
        ask: None,
        table: &answer.table,
        columns: &[],
        finding: None,
        sql: &answer.sql,
        notes: &[],
        company: &caller.account.company.company_name,
        asked_at: app.clock.now(),
        language: Language::English,
    };
    if let Some(file) = format.file(&told, query_id).await? {
        return Ok(file);
    }
    let (row_count, truncated) = (answer.table.rows.len(), answer.table.truncated);
    let (columns, rows) = shape(answer.table);
    let total = millis(started);
    let timing_ms = Timing { translate: 0.0, run: total, total };
    let sql = answer.sql;
    let out = SqlOut { columns, rows, row_count, truncated, sql, timing_ms, query_id };
    Ok(NoStore(out).into_response())
}

/// Runs a statement; where a load has replaced a table since the catalog was read, once more on the new
/// version.
async fn run<P>(app: &App, caller: &Caller<P>, id: QueryId, sql: &str) -> ApiResult<Answer> {
    let company = caller.company();
    for again in [true, false] {
        let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
        let scope = Scope { company, catalog: &seen.whole, access: &seen.access };
        match app.engine.named(company, id, app.engine.sql(&scope, sql)).await {
            Err(EngineError::Missing) if again => {}
            result => return Ok(result?),
        }
    }
    Err(EngineError::Missing.into())
}

/// Cancel a query
///
/// Ends a query of the caller's company that is running, from `/query` or `/sql`, on any replica: its own request is
/// then answered with `query_cancelled`. A client that goes away cancels its query too.
#[utoipa::path(
    delete, path = "/queries/{id}", tag = "questions", operation_id = "cancel_query",
    params(("id" = Uuid, Path, description = "The `query_id` that it was sent with")),
    responses((status = 204, description = "Cancelled")),
)]
pub async fn cancel_query(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<QueryId>,
) -> ApiResult<StatusCode> {
    let company = caller.company();
    if app.engine.cancel(company, id) || app.cache.end_elsewhere(company, id).await {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found())
    }
}
