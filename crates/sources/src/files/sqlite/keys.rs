//! Declared keys, in the names of the plan.

use pacioli_model::{ColumnName, ColumnType, ForeignKey};

use super::schema::{DeclaredKey, DeclaredTable};
use crate::{
    files::TablePlan,
    typing::{PlannedColumn, reading::Reading},
};

type Planned<'a> = (&'a DeclaredTable, TablePlan);

/// Gives every plan its keys, and the columns that refer to each other one type.
pub(super) fn add(planned: &mut [Planned<'_>]) {
    let mut pairs = Vec::new();
    for at in 0..planned.len() {
        let mut foreign_keys = Vec::new();
        for declared in &planned[at].0.foreign_keys {
            let Some((to, key)) = resolve(planned, at, declared) else { continue };
            for (column, reference) in key.columns.iter().zip(&key.references) {
                pairs.push(((at, column.clone()), (to, reference.clone())));
            }
            foreign_keys.push(key);
        }
        let primary_key = named(&planned[at].1, &planned[at].0.primary_key).unwrap_or_default();
        let plan = &mut planned[at].1;
        (plan.primary_key, plan.foreign_keys) = (primary_key, foreign_keys);
    }
    // One that becomes text may be what a third one refers to.
    while pairs.iter().any(|(from, to)| agree(planned, from, to)) {}
}

/// The key with the names of the plan, and the place of the table that it refers to. Nothing where a
/// part of it was not loaded.
fn resolve(planned: &[Planned<'_>], at: usize, key: &DeclaredKey) -> Option<(usize, ForeignKey)> {
    let to = planned.iter().position(|(it, _)| it.name.eq_ignore_ascii_case(&key.table))?;
    let (declared, other) = &planned[to];
    let references =
        if key.references.is_empty() { &declared.primary_key } else { &key.references };
    let columns = named(&planned[at].1, &key.columns)?;
    let references = named(other, references)?;
    let holds = !columns.is_empty() && columns.len() == references.len();
    holds.then(|| (to, ForeignKey { columns, table: other.name.clone(), references }))
}

/// What the columns are called in the plan, if all are in it.
fn named(plan: &TablePlan, columns: &[String]) -> Option<Vec<ColumnName>> {
    let name = |declared: &String| {
        let column = plan.columns.iter().find(|it| it.label.eq_ignore_ascii_case(declared));
        column.map(|it| it.name.clone())
    };
    columns.iter().map(name).collect()
}

/// Makes a column text that refers to text or is referred to by it: `10` beside `A1` is a code. Says
/// whether something changed.
fn agree(
    planned: &mut [Planned<'_>],
    from: &(usize, ColumnName),
    to: &(usize, ColumnName),
) -> bool {
    let is_text = |planned: &[Planned<'_>], (table, name): &(usize, ColumnName)| {
        let mut columns = planned[*table].1.columns.iter();
        columns.any(|it| &it.name == name && it.data_type == ColumnType::Text)
    };
    let other = match (is_text(planned, from), is_text(planned, to)) {
        (true, false) => to,
        (false, true) => from,
        _ => return false,
    };
    let plan = &mut planned[other.0].1;
    let column = plan.columns.iter_mut().find(|it| it.name == other.1 && !it.chosen);
    let Some(PlannedColumn { label, data_type, reading, .. }) = column else { return false };
    (*data_type, *reading) = (ColumnType::Text, Reading::Text);
    plan.notes
        .push(format!("{label}: Kept as text, as is what it refers to or is referred to by."));
    true
}
