use axum::extract::State;
use chrono::NaiveDate;
use pacioli_model::{Measurements, TableName};
use pacioli_sources::quality::{Finding, findings};
use serde::Serialize;
use utoipa::ToSchema;

use super::{no_store::NoStore, shapes::Listing};
use crate::{
    access::Seen,
    app::App,
    error::ApiResult,
    extract::{AskQuestions, Caller},
};

/// Something doubtful in a table.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingOut {
    /// `high`: figures are wrong or missing because of it; `medium`: they may be; `low`: worth knowing.
    #[schema(example = "high")]
    severity: &'static str,
    /// `duplicate_key`, `missing_key`, `ambiguous_reference`, `orphans`, `spelled_differently`,
    /// `mostly_numbers`, `future_days`, `strange_days`, `missing_months`, `empty_table`, `empty_column`,
    /// `many_nulls` or `constant`.
    #[schema(example = "orphans")]
    kind: &'static str,
    /// Where.
    table: String,
    /// In which columns; empty for the whole table.
    columns: Vec<String>,
    /// How many rows it is about, where that is known.
    rows: Option<u64>,
    /// In a sentence.
    detail: String,
}

impl From<Finding> for FindingOut {
    fn from(it: Finding) -> Self {
        Self {
            severity: it.severity.as_str(),
            kind: it.kind,
            table: it.table.to_string(),
            columns: it.columns.iter().map(ToString::to_string).collect(),
            rows: it.rows,
            detail: it.detail,
        }
    }
}

/// What is doubtful in what a person sees of their company's tables, the worst first; in one table
/// where one is named.
pub fn found(
    seen: &Seen,
    measured: &Measurements,
    today: NaiveDate,
    table: Option<&TableName>,
) -> Vec<FindingOut> {
    let all = findings(&seen.visible, measured, today).into_iter();
    // Of tables whose rows are not all seen, what was seen in all rows is not told.
    let whole = |it: &Finding| seen.access.table(&it.table).is_none_or(|it| it.rows.is_none());
    all.filter(whole)
        .filter(|it| table.is_none_or(|table| &it.table == table))
        .map(FindingOut::from)
        .collect()
}

/// What is doubtful
///
/// Keys that repeat, references that lead nowhere, values that are written in several ways, days that
/// lie ahead, months that are missing: in all tables of the company, the worst first.
#[utoipa::path(
    get, path = "/quality", tag = "data", operation_id = "list_findings",
    responses((status = 200, description = "Findings, the worst first", body = Listing<FindingOut>)),
)]
pub async fn list_findings(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
) -> ApiResult<NoStore<Listing<FindingOut>>> {
    let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
    let measured = caller.data.measurements().await?;
    let items = found(&seen, &measured, app.today(&caller.account.company), None);
    Ok(NoStore(Listing { items, next_cursor: None, total: None }))
}
