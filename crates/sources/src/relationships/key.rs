//! The columns that name a table's rows.

use pacioli_model::{Column, ColumnName, TableEntry};

use super::{entity, plausible};

/// What is known of a table's key without running a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrimaryKey {
    /// The source declares it, or the profile proves it.
    Known(Vec<ColumnName>),
    /// These look like keys by their names, the likeliest first, and counting stopped before it was
    /// certain. The first one that is unique and never empty is the key.
    OneOf(Vec<ColumnName>),
    /// No column is one.
    None,
}

/// The table's key: the declared one, else a unique column that is never empty and looks like one by
/// its name.
pub fn primary_key(table: &TableEntry) -> PrimaryKey {
    if !table.primary_key.is_empty() {
        return PrimaryKey::Known(table.primary_key.clone());
    }
    let mut likely: Vec<(u8, &Column)> = table
        .columns
        .iter()
        .filter_map(|column| Some((rank(table, column)?, column)))
        .filter(|(_, column)| plausible::is_unique(table, column) != Some(false))
        .collect();
    likely.sort_by_key(|(rank, _)| *rank);
    let name = |column: &Column| vec![column.name.clone()];
    match likely.first() {
        None => PrimaryKey::None,
        Some((_, first)) if plausible::is_unique(table, first) == Some(true) => {
            PrimaryKey::Known(name(first))
        }
        Some(_) => {
            PrimaryKey::OneOf(likely.iter().map(|(_, column)| column.name.clone()).collect())
        }
    }
}

/// How much a column looks like the key, 0 the most: `id`; `order_no` of `orders`; another number or
/// code in the first place.
fn rank(table: &TableEntry, column: &Column) -> Option<u8> {
    let name = column.name.as_str();
    let is_first = table.columns.first().is_some_and(|first| first.name == column.name);
    if name == "id" {
        Some(0)
    } else if entity::names_rows_of(table, name) {
        Some(1)
    } else if is_first && entity::names_rows(name) {
        Some(2)
    } else {
        None
    }
}
