use axum::{extract::State, http::StatusCode};
use pacioli_engine::Scope;
use pacioli_model::{
    AuditAction, Cell, Column, Distinct, Origin, TableEntry, TableName, Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    belonging::{DateCoverageOut, RelationshipOut, coverage_of, relationships_of},
    cells::{CellOut, ColumnOut, shape},
    no_store::NoStore,
    quality::{FindingOut, found},
    shapes::Listing,
};
use crate::{
    access::Seen,
    app::App,
    catalogue,
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, ManageData, Path},
    loads::retire,
};

/// Rows shown with a table.
const SAMPLE_ROWS: u32 = 10;

/// A table in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct TableSummary {
    /// What it is called in questions and in SQL.
    name: String,
    /// Which load it is from; changes with each.
    version: Uuid,
    /// Rows; empty where not all of them are yours to see.
    rows: Option<u64>,
    /// How many columns.
    columns: usize,
    /// Bytes on the object store; empty where not all rows are yours to see.
    bytes: Option<u64>,
    /// The file it came from, or what the table is called in the connected system.
    source: String,
    /// When it was loaded.
    #[schema(value_type = String, format = "date-time")]
    loaded_at: Timestamp,
    /// Who loaded it.
    loaded_by: Uuid,
    /// What the load decided or could not decide.
    notes: Vec<String>,
}

impl TableSummary {
    /// As it is seen: how much there is in all is told to nobody who sees a part.
    fn seen(seen: &Seen, entry: &TableEntry) -> Self {
        let summary = Self::from(entry);
        match seen.access.table(&entry.name) {
            Some(access) if access.rows.is_some() => Self { rows: None, bytes: None, ..summary },
            _ => summary,
        }
    }
}

impl From<&TableEntry> for TableSummary {
    fn from(entry: &TableEntry) -> Self {
        let source = match &entry.origin {
            Origin::Upload { file_name, part: None } => file_name.clone(),
            Origin::Upload { file_name, part: Some(part) } => format!("{file_name}: {part}"),
            Origin::Connection { source_table, .. } => source_table.clone(),
            Origin::Push => "rows that were sent".to_owned(),
        };
        Self {
            name: entry.name.to_string(),
            version: entry.version.0,
            rows: Some(entry.rows),
            columns: entry.columns.len(),
            bytes: Some(entry.bytes),
            source,
            loaded_at: entry.loaded_at,
            loaded_by: entry.loaded_by.0,
            notes: entry.notes.clone(),
        }
    }
}

/// One column and what was seen in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnProfileOut {
    /// What it is called in SQL.
    name: String,
    /// The header in the file.
    label: String,
    /// `integer`, `decimal`, `float`, `text`, `date`, `timestamp` or `boolean`.
    #[serde(rename = "type")]
    #[schema(example = "decimal")]
    data_type: &'static str,
    /// Rows without a value.
    nulls: u64,
    /// Different values, where they were counted to the end; else at least this many.
    distinct: u64,
    /// Whether `distinct` is the exact count.
    distinct_is_exact: bool,
    /// The least value.
    #[schema(value_type = serde_json::Value)]
    min: CellOut,
    /// The greatest value.
    #[schema(value_type = serde_json::Value)]
    max: CellOut,
    /// All values of a text column that has few.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<String>>,
}

impl From<&Column> for ColumnProfileOut {
    fn from(column: &Column) -> Self {
        let profile = &column.profile;
        let (distinct, distinct_is_exact) = match profile.distinct {
            Distinct::Exactly(count) => (count, true),
            Distinct::MoreThan(count) => (count, false),
        };
        Self {
            name: column.name.to_string(),
            label: column.label.clone(),
            data_type: column.data_type.as_str(),
            nulls: profile.nulls,
            distinct,
            distinct_is_exact,
            min: CellOut(profile.min.clone().unwrap_or(Cell::Null)),
            max: CellOut(profile.max.clone().unwrap_or(Cell::Null)),
            values: profile.values.clone(),
        }
    }
}

/// The first rows of a table.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sample {
    /// Name and type of each column.
    columns: Vec<ColumnOut>,
    /// Each as long as `columns`.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Vec<CellOut>>,
}

/// A table: its columns, what is in them, and its first rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct TableDetail {
    /// The table as in the list.
    #[serde(flatten)]
    summary: TableSummary,
    /// Its columns, in file order.
    schema: Vec<ColumnProfileOut>,
    /// The columns whose values name a row: declared by the source, or seen to; empty where none do.
    primary_key: Vec<String>,
    /// How its rows belong to rows of other tables, and theirs to its.
    relationships: Vec<RelationshipOut>,
    /// When its rows happened.
    date_coverage: Vec<DateCoverageOut>,
    /// What is doubtful in it, the worst first.
    findings: Vec<FindingOut>,
    /// Its first rows.
    sample: Sample,
}

/// List tables
#[utoipa::path(
    get, path = "/tables", tag = "data", operation_id = "list_tables",
    responses((status = 200, description = "Every table of the caller's company", body = Listing<TableSummary>)),
)]
pub async fn list_tables(
    caller: Caller<AskQuestions>,
) -> ApiResult<NoStore<Listing<TableSummary>>> {
    let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
    let items = seen.visible.tables.iter().map(|entry| TableSummary::seen(&seen, entry)).collect();
    Ok(NoStore(Listing { items, next_cursor: None, total: None }))
}

/// Read a table
#[utoipa::path(
    get, path = "/tables/{name}", tag = "data", operation_id = "get_table",
    params(("name" = String, Path, description = "The table")),
    responses((status = 200, description = "Schema, profile and first rows", body = TableDetail)),
)]
pub async fn get_table(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(name): Path<TableName>,
) -> ApiResult<NoStore<TableDetail>> {
    let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
    let entry = seen.visible.table(&name).ok_or_else(ApiError::not_found)?;
    let measured = caller.data.measurements().await?;
    let scope = Scope { company: caller.company(), catalog: &seen.whole, access: &seen.access };
    let sample = app.engine.sample(&scope, &name, SAMPLE_ROWS).await?;
    let (columns, rows) = shape(sample);
    // When rows happened is known of all of them together.
    let restricted = seen.access.table(&name).is_some();
    let date_coverage = if restricted { Vec::new() } else { coverage_of(&measured, entry) };
    Ok(NoStore(TableDetail {
        summary: TableSummary::seen(&seen, entry),
        schema: entry.columns.iter().map(ColumnProfileOut::from).collect(),
        primary_key: entry.primary_key.iter().map(ToString::to_string).collect(),
        relationships: relationships_of(&seen, entry),
        date_coverage,
        findings: found(&seen, &measured, app.today(&caller.account.company), Some(&name)),
        sample: Sample { columns, rows },
    }))
}

/// Delete a table
#[utoipa::path(
    delete, path = "/tables/{name}", tag = "data", operation_id = "delete_table",
    params(("name" = String, Path, description = "The table")),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete_table(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(name): Path<TableName>,
) -> ApiResult<StatusCode> {
    let event = caller.event(&app, AuditAction::TableDeleted, Some(name.to_string()));
    let entry = caller.data.delete_table(&name, &event).await?.ok_or_else(ApiError::not_found)?;
    retire(&app, caller.company(), &entry);
    catalogue::refresh(&app, caller.company()).await;
    Ok(StatusCode::NO_CONTENT)
}
