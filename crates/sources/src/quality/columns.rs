//! What is doubtful in one column, by its profile.

use chrono::{Days, NaiveDate};
use pacioli_model::{Cell, Column, Distinct, TableEntry};

use super::{Finding, Severity, counted};
use crate::relationships::{is_key_name, is_key_of};

/// The part of rows without a value, in per cent, from which on it is told.
const MANY_NULLS: u64 = 50;
/// Of a column that names its table's rows, so many per cent are different before it is taken for a key
/// that repeats.
const NEARLY_ALL: u64 = 95;
/// Words of columns whose days lie ahead by what they mean.
const AHEAD: [&str; 22] = [
    "due",
    "planned",
    "plan",
    "expected",
    "expiry",
    "expires",
    "expiration",
    "until",
    "end",
    "to",
    "valid",
    "delivery",
    "deliver",
    "promised",
    "requested",
    "schedule",
    "scheduled",
    "maturity",
    "deadline",
    "next",
    "target",
    "faellig",
];
/// Days before this year are no days of a company's books.
const EARLIEST_YEAR: i32 = 1950;
/// Nor are days so far ahead.
const FARTHEST: Days = Days::new(50 * 365);

pub(super) fn findings(table: &TableEntry, column: &Column, today: NaiveDate) -> Vec<Finding> {
    let found = |severity, kind, rows, detail: String| Finding {
        severity,
        kind,
        table: table.name.clone(),
        columns: vec![column.name.clone()],
        rows,
        detail,
    };
    let mut all = Vec::new();
    if let Some((rows, detail)) = repeated(table, column) {
        all.push(found(Severity::High, "duplicate_key", Some(rows), detail));
    }
    let nulls = column.profile.nulls;
    if nulls == table.rows {
        all.push(found(Severity::Low, "empty_column", Some(nulls), "It has no values.".to_owned()));
        return all;
    }
    let names_rows = is_key_of(table, column.name.as_str());
    if nulls > 0 && names_rows {
        let detail = format!("{} have no value, and it names rows.", counted(nulls, "row"));
        all.push(found(Severity::High, "missing_key", Some(nulls), detail));
    } else if nulls.saturating_mul(100) >= table.rows.saturating_mul(MANY_NULLS) {
        let percent = nulls.saturating_mul(100) / table.rows.max(1);
        let detail = format!("{percent} % of the rows have no value.");
        all.push(found(Severity::Low, "many_nulls", Some(nulls), detail));
    }
    if column.profile.distinct == Distinct::Exactly(1) && nulls == 0 && table.rows > 1 {
        let detail = "Every row has the same value.".to_owned();
        all.push(found(Severity::Low, "constant", None, detail));
    }
    if let Some((severity, kind, detail)) = strange_days(table, column, today) {
        all.push(found(severity, kind, None, detail));
    }
    all
}

/// A key that repeats: declared, or named like one and different in nearly every row.
fn repeated(table: &TableEntry, column: &Column) -> Option<(u64, String)> {
    let Distinct::Exactly(different) = column.profile.distinct else { return None };
    let given = table.rows.saturating_sub(column.profile.nulls);
    let is_declared = table.primary_key == [column.name.clone()];
    let nearly = different.saturating_mul(100) >= given.saturating_mul(NEARLY_ALL);
    let is_named = table.primary_key.is_empty() && is_key_of(table, column.name.as_str()) && nearly;
    if different >= given || !(is_declared || is_named) {
        return None;
    }
    let repeated = given - different;
    let verb = if repeated == 1 { "repeats" } else { "repeat" };
    let rows = counted(repeated, "row");
    Some((repeated, format!("{rows} {verb} the key of another: sums may count them twice.")))
}

fn strange_days(
    table: &TableEntry,
    column: &Column,
    today: NaiveDate,
) -> Option<(Severity, &'static str, String)> {
    use chrono::Datelike;
    let (first, last) = (day(column.profile.min.as_ref())?, day(column.profile.max.as_ref())?);
    let farthest = today.checked_add_days(FARTHEST)?;
    if first.year() < EARLIEST_YEAR || last > farthest {
        let strange = if last > farthest { last } else { first };
        let detail = format!("{strange} is among its days.");
        return Some((Severity::Medium, "strange_days", detail));
    }
    let name = column.name.as_str();
    // What lasts from a first day to a last one may last still.
    let begins = name.replace("last", "first");
    let lasts = begins != name && table.columns.iter().any(|it| it.name.as_str() == begins);
    let is_ahead = lasts || name.split('_').any(|word| AHEAD.contains(&word)) || is_key_name(name);
    if last > today && !is_ahead {
        let detail = format!("Its last day, {last}, lies ahead of today.");
        return Some((Severity::Medium, "future_days", detail));
    }
    None
}

fn day(cell: Option<&Cell>) -> Option<NaiveDate> {
    match cell {
        Some(Cell::Date(day)) => Some(*day),
        Some(Cell::Timestamp(moment)) => Some(moment.date_naive()),
        _ => None,
    }
}
