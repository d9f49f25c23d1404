//! What is doubtful in a company's tables, found in what loads and surveys saw of them, worst first:
//! keys that repeat, references that lead nowhere, values that are written in several ways, days that
//! lie ahead, months that are missing.

mod columns;
#[cfg(test)]
mod tests;
mod values;

use chrono::{Datelike, Months, NaiveDate};
use pacioli_model::{
    Catalog, ColumnName, DateCoverage, Known, Measurements, Relationship, TableEntry, TableName,
};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Figures are wrong or missing because of it.
    High,
    /// Figures may be wrong because of it.
    Medium,
    /// Worth knowing.
    Low,
}

impl Severity {
    /// The name that is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Something doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What, for programs: `orphans`, `duplicate_key`.
    pub kind: &'static str,
    /// Where.
    pub table: TableName,
    /// In which columns; empty for the whole table.
    pub columns: Vec<ColumnName>,
    /// How many rows it is about, where that is known.
    pub rows: Option<u64>,
    /// What, for people, in a sentence.
    pub detail: String,
}

/// Months before the first gap is worth telling, and the part of all that may be missing for the rest
/// to be called a series.
const SERIES_MONTHS: usize = 6;
const MOST_MISSING: usize = 3;
/// Months without rows that chance alone may be expected to leave.
const BY_CHANCE: f64 = 0.1;
/// The part of references that may lead nowhere before it is bad.
const BAD_ORPHANS: f64 = 0.05;

/// Everything doubtful, the worst first.
pub fn findings(catalog: &Catalog, measured: &Measurements, today: NaiveDate) -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    for table in &catalog.tables {
        if table.rows == 0 {
            all.push(of_table(table, Severity::Medium, "empty_table", "The table has no rows."));
            continue;
        }
        for column in &table.columns {
            all.extend(columns::findings(table, column, today));
            all.extend(values::findings(table, column));
        }
    }
    all.extend(catalog.relationships.iter().filter_map(orphans));
    all.extend(refuted(catalog, measured));
    all.extend(measured.dates.iter().filter_map(|dates| gaps(catalog, dates)));
    all.sort_by(|one, other| {
        let rows = |it: &Finding| std::cmp::Reverse(it.rows);
        let place = |it: &Finding| (it.table.clone(), it.columns.clone());
        (one.severity, rows(one))
            .cmp(&(other.severity, rows(other)))
            .then_with(|| place(one).cmp(&place(other)))
    });
    all
}

fn of_table(
    table: &TableEntry,
    severity: Severity,
    kind: &'static str,
    detail: impl Into<String>,
) -> Finding {
    Finding {
        severity,
        kind,
        table: table.name.clone(),
        columns: Vec::new(),
        rows: None,
        detail: detail.into(),
    }
}

fn orphans(it: &Relationship) -> Option<Finding> {
    let orphans = it.orphans.filter(|orphans| *orphans > 0)?;
    let bad = it.match_rate.is_some_and(|rate| 1.0 - rate > BAD_ORPHANS);
    Some(Finding {
        severity: if bad { Severity::High } else { Severity::Medium },
        kind: "orphans",
        table: it.table.clone(),
        columns: it.columns.clone(),
        rows: Some(orphans),
        detail: format!("{} name nothing that is in {}.", counted(orphans, "row"), it.to),
    })
}

/// References that a source or a person declares and that do not name rows.
fn refuted(catalog: &Catalog, measured: &Measurements) -> Vec<Finding> {
    let refuted = measured.relationships.iter().filter(|it| {
        let known = &it.relationship;
        let there = |table: &TableName, columns: &[ColumnName]| {
            let entry = catalog.table(table);
            entry.is_some_and(|it| columns.iter().all(|column| it.column(column).is_some()))
        };
        known.known != Known::Found
            && !it.values.is_unique()
            && it.is_current(&catalog.tables)
            && there(&known.table, &known.columns)
            && there(&known.to, &known.references)
    });
    refuted
        .map(|it| Finding {
            severity: Severity::High,
            kind: "ambiguous_reference",
            table: it.relationship.table.clone(),
            columns: it.relationship.columns.clone(),
            rows: None,
            detail: format!(
                "It refers to {}, where {} share one value, so that it names no single row; the \
                 relationship is not used.",
                it.relationship.to,
                counted(it.values.most_on_one_side, "row"),
            ),
        })
        .collect()
}

/// Months without rows between others that have some.
fn gaps(catalog: &Catalog, dates: &DateCoverage) -> Option<Finding> {
    let table = catalog.table(&dates.table).filter(|table| table.version == dates.version)?;
    // Where not even the first day is told, nor are the months.
    table.column(&dates.column)?.profile.min.as_ref()?;
    let missing: Vec<NaiveDate> = dates
        .months
        .windows(2)
        .flat_map(|pair| {
            let (first, end) = (pair[0].0, pair[1].0);
            let next = |month: &NaiveDate| month.checked_add_months(Months::new(1));
            std::iter::successors(next(&first), next).take_while(move |month| *month < end)
        })
        .take(dates.months.len())
        .collect();
    let is_series =
        dates.months.len() >= SERIES_MONTHS && missing.len() * MOST_MISSING <= dates.months.len();
    // Where a usual month has a row or two (customers by their first day), some have none by chance (Poisson).
    let mut counts: Vec<u64> = dates.months.iter().map(|(_, rows)| *rows).collect();
    counts.sort_unstable();
    let usual = counts.get(counts.len() / 2).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "rows and months are far below 2^52")]
    let by_chance = (counts.len() + missing.len()) as f64 * (-(usual as f64)).exp();
    if missing.is_empty() || !is_series || by_chance > BY_CHANCE {
        return None;
    }
    let named: Vec<String> = missing.iter().take(6).copied().map(month_name).collect();
    let more = missing.len().saturating_sub(6);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(Finding {
        severity: Severity::Medium,
        kind: "missing_months",
        table: dates.table.clone(),
        columns: vec![dates.column.clone()],
        rows: None,
        detail: format!("There are no rows of {}{more}.", named.join(", ")),
    })
}

fn month_name(month: NaiveDate) -> String {
    format!("{:04}-{:02}", month.year(), month.month())
}

/// `1 row`, `2 rows`.
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
