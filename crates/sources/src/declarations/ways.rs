//! Which tables can be reached from which.

use std::collections::BTreeSet;

use pacioli_model::{Catalog, ColumnRef, RelationshipName, TableName};

/// How far a row may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// To at most one row of the other table: what a figure may be computed of.
    One,
    /// To any number of rows: what a condition may be about.
    Any,
}

/// The tables that a relationship leads to from `table`.
fn neighbours<'a>(
    catalog: &'a Catalog,
    table: &'a TableName,
    reach: Reach,
) -> impl Iterator<Item = &'a TableName> {
    catalog.relationships.iter().filter_map(move |it| {
        if &it.table == table {
            Some(&it.to)
        } else if &it.to == table && (reach == Reach::Any || it.one_to_one) {
            Some(&it.table)
        } else {
            None
        }
    })
}

/// Whether some way leads from one table to the other.
pub(super) fn reaches(catalog: &Catalog, from: &TableName, to: &TableName, reach: Reach) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(table) = next.pop() {
        if table == to {
            return true;
        }
        next.extend(neighbours(catalog, table, reach).filter(|it| seen.insert(it)));
    }
    false
}

/// Whether these relationships, in this order, lead from one table to the column's.
pub(super) fn leads(
    catalog: &Catalog,
    from: &TableName,
    via: &[RelationshipName],
    to: &TableName,
    reach: Reach,
) -> bool {
    let mut at = from;
    for name in via {
        let Some(step) = catalog.relationship(name) else { return false };
        at = if &step.table == at {
            &step.to
        } else if &step.to == at && (reach == Reach::Any || step.one_to_one) {
            &step.table
        } else {
            return false;
        };
    }
    at == to
}

/// Whether the column can be had from a row of the table, by the way that it names or by any.
pub(super) fn has(catalog: &Catalog, from: &TableName, column: &ColumnRef, reach: Reach) -> bool {
    if column.via.is_empty() {
        reaches(catalog, from, &column.table, reach)
    } else {
        leads(catalog, from, &column.via, &column.table, reach)
    }
}
