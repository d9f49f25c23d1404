//! How rows of tables belong together and when they happened, in the shapes that are sent.

use chrono::{Datelike, Months, NaiveDate};
use pacioli_model::{DateCoverage, Known, Measurements, Relationship, TableEntry, TableName};
use serde::Serialize;
use utoipa::ToSchema;

use super::cells::CellOut;
use crate::access::Seen;

/// How rows of two tables belong together: each row of `table` to at most one of `to`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelationshipOut {
    /// Unique within the company.
    #[schema(example = "orders_customer_id")]
    name: String,
    /// The many side.
    table: String,
    /// Its columns.
    columns: Vec<String>,
    /// The one side.
    to: String,
    /// Its columns, in the same order.
    references: Vec<String>,
    /// `many_to_one`, or `one_to_one` where `to` has at most one row of `table`, too.
    #[schema(example = "many_to_one")]
    cardinality: &'static str,
    /// `declared` by a person or a pack, a `foreign_key` of the source, or `found` from names and
    /// values.
    #[schema(example = "found")]
    known: &'static str,
    /// What people call the other side from here, where its table's name does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// The part of the rows of `table` with a value whose value is found in `to`, 0 to 1.
    match_rate: Option<f64>,
    /// Rows of `table` whose value is not found in `to`.
    orphans: Option<u64>,
}

impl From<&Relationship> for RelationshipOut {
    fn from(it: &Relationship) -> Self {
        let names = |columns: &[pacioli_model::ColumnName]| {
            columns.iter().map(ToString::to_string).collect()
        };
        Self {
            name: it.name.to_string(),
            table: it.table.to_string(),
            columns: names(&it.columns),
            to: it.to.to_string(),
            references: names(&it.references),
            cardinality: if it.one_to_one { "one_to_one" } else { "many_to_one" },
            known: match it.known {
                Known::Declared => "declared",
                Known::ForeignKey => "foreign_key",
                Known::Found => "found",
            },
            label: it.label.clone(),
            match_rate: it.match_rate,
            orphans: it.orphans,
        }
    }
}

/// The relationships that lead from the table or to it, as a person sees them: how many rows match is
/// not told where not all of them are seen.
pub fn relationships_of(seen: &Seen, entry: &TableEntry) -> Vec<RelationshipOut> {
    let concerns = |it: &&Relationship| it.table == entry.name || it.to == entry.name;
    let whole =
        |table: &TableName| seen.access.table(table).is_none_or(|access| access.rows.is_none());
    let told = |it: &Relationship| {
        let out = RelationshipOut::from(it);
        if whole(&it.table) && whole(&it.to) {
            out
        } else {
            RelationshipOut { match_rate: None, orphans: None, ..out }
        }
    };
    seen.visible.relationships.iter().filter(concerns).map(told).collect()
}

/// The days that a column covers.
#[derive(Debug, Serialize, ToSchema)]
pub struct DateCoverageOut {
    /// A date or timestamp.
    column: String,
    /// The first day or moment.
    #[schema(value_type = String, format = "date")]
    from: CellOut,
    /// The last one.
    #[schema(value_type = String, format = "date")]
    to: CellOut,
    /// Months that have rows.
    months: usize,
    /// Months between the first and the last one that have none, at most 24 of them.
    #[schema(value_type = Vec<String>, example = json!(["2025-03"]))]
    missing_months: Vec<String>,
}

/// So many missing months are listed.
const MOST_MISSING: usize = 24;

/// What the table's columns of days cover, where it was measured in this load.
pub fn coverage_of(measured: &Measurements, entry: &TableEntry) -> Vec<DateCoverageOut> {
    let current = |it: &&DateCoverage| it.table == entry.name && it.version == entry.version;
    let out = |it: &DateCoverage| {
        let profile = &entry.column(&it.column)?.profile;
        let days = it.months.iter().map(|(month, _)| *month).collect::<Vec<_>>();
        Some(DateCoverageOut {
            column: it.column.to_string(),
            from: CellOut(profile.min.clone()?),
            to: CellOut(profile.max.clone()?),
            months: days.len(),
            missing_months: missing(&days).take(MOST_MISSING).map(month_name).collect(),
        })
    };
    measured.dates.iter().filter(current).filter_map(out).collect()
}

/// The months between these that are not among them.
fn missing(months: &[NaiveDate]) -> impl Iterator<Item = NaiveDate> {
    months.windows(2).flat_map(|pair| {
        let end = pair[1];
        let next = |month: &NaiveDate| month.checked_add_months(Months::new(1));
        std::iter::successors(next(&pair[0]), next).take_while(move |month| *month < end)
    })
}

fn month_name(month: NaiveDate) -> String {
    format!("{:04}-{:02}", month.year(), month.month())
}
