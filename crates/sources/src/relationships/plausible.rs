//! What profiles rule out before a value is compared.

use std::cmp::Ordering;

use pacioli_model::{Cell, Column, ColumnType, Distinct, TableEntry};

/// Of two complete lists of texts, so much of the many side's must be found on the one side.
const CONTAINED: f64 = 0.5;

/// Whether the column may name rows of another table: it holds values of a type that names do.
pub(super) fn is_reference(table: &TableEntry, column: &Column) -> bool {
    names_things(column.data_type) && column.profile.nulls < table.rows
}

/// Whether the column holds one value, or none: nothing is told apart by it.
pub(super) fn says_little(column: &Column) -> bool {
    matches!(column.profile.distinct, Distinct::Exactly(0 | 1))
}

/// Whether each value may stand in one row alone. Where counting stopped early, it may.
pub(super) fn may_be_unique(table: &TableEntry, column: &Column) -> bool {
    let values = table.rows.saturating_sub(column.profile.nulls);
    let enough = match column.profile.distinct {
        Distinct::Exactly(count) => count == values,
        Distinct::MoreThan(count) => count < values,
    };
    names_things(column.data_type) && values > 0 && enough
}

/// Whether each value stands in one row alone and none is missing, where that is known.
pub(super) fn is_unique(table: &TableEntry, column: &Column) -> Option<bool> {
    match column.profile.distinct {
        _ if column.profile.nulls > 0 || !names_things(column.data_type) => Some(false),
        Distinct::Exactly(count) => Some(count == table.rows && count > 0),
        Distinct::MoreThan(_) => None,
    }
}

/// Dates, amounts, measurements and yes-or-no name nothing.
fn names_things(data_type: ColumnType) -> bool {
    matches!(data_type, ColumnType::Integer | ColumnType::Text | ColumnType::Decimal { scale: 0 })
}

/// Whether the values of the first may be found in the second, as far as profiles tell.
pub(super) fn may_match(many: (&TableEntry, &Column), one: (&TableEntry, &Column)) -> bool {
    let text = |column: &Column| column.data_type == ColumnType::Text;
    if text(many.1) != text(one.1) {
        return false;
    }
    let (given, known) = (&many.1.profile, &one.1.profile);
    if let (Some(given), Some(known)) = (&given.values, &known.values) {
        let found = given.iter().filter(|value| known.binary_search(value).is_ok()).count();
        #[expect(clippy::cast_precision_loss, reason = "a share of a short list")]
        let share = found as f64 / given.len().max(1) as f64;
        return found > 0 && share >= CONTAINED;
    }
    let apart = |low: &Option<Cell>, high: &Option<Cell>| match (low, high) {
        (Some(low), Some(high)) => compare(low, high) == Some(Ordering::Greater),
        _ => false,
    };
    !apart(&given.min, &known.max) && !apart(&known.min, &given.max)
}

fn compare(one: &Cell, other: &Cell) -> Option<Ordering> {
    match (one, other) {
        (Cell::Integer(one), Cell::Integer(other)) => Some(one.cmp(other)),
        (Cell::Text(one), Cell::Text(other)) => Some(one.cmp(other)),
        _ => None,
    }
}
