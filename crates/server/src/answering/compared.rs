//! What two answers have in common, and what tells two readings apart.

use pacioli_engine::Answer;
use pacioli_language::Interpretation;
use pacioli_model::{Cell, Table};

/// What tells one reading from another, in a line.
pub(super) fn summary(interpretation: &Interpretation) -> String {
    let Interpretation { measures, groups, filters, table, .. } = interpretation;
    let mut text =
        if measures.is_empty() { format!("rows of {table}") } else { measures.join(", ") };
    if !groups.is_empty() {
        text = format!("{text} by {}", groups.join(", "));
    }
    let days = interpretation.date_range.as_ref().map(|range| range.words.clone());
    let conditions: Vec<String> = filters.iter().cloned().chain(days).collect();
    if !conditions.is_empty() {
        text = format!("{text}, only {}", conditions.join(" and "));
    }
    text
}

/// Whether two answers have the same rows, in whatever order.
pub(super) fn same_rows(one: &Answer, other: &Answer) -> bool {
    let (one, other) = (&one.table, &other.table);
    let texts = |table: &Table| {
        let row = |row: &Vec<Cell>| {
            let mut cells: Vec<String> = row.iter().map(|cell| format!("{cell:?}")).collect();
            cells.sort();
            cells
        };
        let mut rows: Vec<Vec<String>> = table.rows.iter().map(row).collect();
        rows.sort();
        rows
    };
    one.rows.len() == other.rows.len() && texts(one) == texts(other)
}

/// Whether a table has a value at all: that two readings find nothing says little of either.
pub(super) fn says_anything(table: &Table) -> bool {
    table.rows.iter().flatten().any(|cell| *cell != Cell::Null)
}
