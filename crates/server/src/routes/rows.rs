use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
};
use pacioli_model::{AuditAction, ColumnName, TableName};
use pacioli_sources::rows::RowFormat;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{keeping, no_store::NoStore, tables::TableSummary};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    extract::{Caller, IdempotencyKey, ManageData, Path, Query, Turn, media_type},
    loads::{Push, SentRows, push},
};

/// How rows find their place.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PushRows {
    /// The columns that name a row, with commas between: a row replaces the one with the same key. The
    /// table's own key where it is not sent; without any key rows are added.
    #[param(example = "id,line")]
    key: Option<String>,
}

/// Rows that are in service.
#[derive(Debug, Serialize, ToSchema)]
pub struct PushOut {
    /// The table as it is now.
    table: TableSummary,
    /// Rows that were sent.
    rows_received: u64,
    /// Rows that were there before and had one of their keys.
    rows_replaced: u64,
}

type Answer = (StatusCode, NoStore<PushOut>);

/// Push rows into a table
///
/// One JSON object a line, or an Arrow IPC stream; all rows are taken or none. The first push makes the
/// table. A column holds what its values allow and is widened where later ones ask for it: whole numbers
/// to decimals, anything to text.
#[utoipa::path(
    post, path = "/tables/{name}/rows", tag = "data", operation_id = "push_rows",
    params(
        ("name" = String, Path, description = "The table"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key and rows gives the same answer"),
        PushRows,
    ),
    request_body(content(
        (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.arrow.stream"),
    )),
    responses(
        (status = 200, description = "The rows are in service", body = PushOut),
        (status = 201, description = "The table was made, and the rows are in service", body = PushOut),
        (status = 409, description = "The table's rows come from a connected system"),
    ),
)]
pub async fn push_rows(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(table): Path<TableName>,
    Query(how): Query<PushRows>,
    key: IdempotencyKey,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Turn<Answer>> {
    let limit = app.per_company("push", &app.config.limits.push_per_company, caller.company());
    app.admit("push", &[limit], &caller.request).await?;
    let format = format(&headers)?;
    let columns = how.key.as_deref().map(columns).transpose()?;
    let sent = SentRows::receive(&app, format, request.into_body()).await?;
    let company = caller.company();
    let scope: [&[u8]; 2] = [b"push", company.0.as_bytes()];
    let named = how.key.clone().unwrap_or_default();
    let content: [&[u8]; 3] = [&sent.digest, table.as_str().as_bytes(), named.as_bytes()];
    let work = put(&app, &caller, &table, columns, &sent);
    Box::pin(keeping::once(&app, &key, &scope, &content, work)).await
}

fn format(headers: &HeaderMap) -> ApiResult<RowFormat> {
    match media_type(headers).to_ascii_lowercase().as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
            Ok(RowFormat::Ndjson)
        }
        "application/vnd.apache.arrow.stream" => Ok(RowFormat::ArrowStream),
        _ => {
            let text = "Send rows as application/x-ndjson, one JSON object a line, or as \
                        application/vnd.apache.arrow.stream.";
            Err(ApiError::new(Code::UnsupportedMediaType, text))
        }
    }
}

fn columns(key: &str) -> ApiResult<Vec<ColumnName>> {
    let names: Result<Vec<ColumnName>, _> = key.split(',').map(|it| it.trim().parse()).collect();
    let mut names = names.map_err(|error| {
        let text = format!("Must be names of columns with commas between: {error}.");
        ApiError::invalid(&["query", "key"], "value_error", text)
    })?;
    let count = names.len();
    names.sort();
    names.dedup();
    if names.len() < count {
        return Err(ApiError::invalid(&["query", "key"], "duplicate", "A column is named twice."));
    }
    key.split(',').map(|it| it.trim().parse().map_err(ApiError::internal)).collect()
}

async fn put(
    app: &App,
    caller: &Caller<ManageData>,
    table: &TableName,
    key: Option<Vec<ColumnName>>,
    sent: &SentRows,
) -> ApiResult<Answer> {
    let event = caller.event(app, AuditAction::RowsPushed, Some(table.to_string()));
    let rows = Push { data: &caller.data, user: caller.user(), table, key, sent, event };
    let pushed = push(app, rows).await?;
    let status = if pushed.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let answer = PushOut {
        table: (&pushed.entry).into(),
        rows_received: pushed.received,
        rows_replaced: pushed.replaced,
    };
    Ok((status, NoStore(answer)))
}
