//! SQLite databases: every table, with its keys. A database keeps any value in any column, so what a
//! column holds is decided from the values of all rows; what it was declared to hold decides where
//! they leave a choice.

mod connection;
mod keys;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use pacioli_model::TableName;

pub(super) use rows::SqliteTable;

use super::{
    FileKind, FileLimits, FileOptions, FilePlan, InputPath, Progress, TablePlan, part::Content,
};
use crate::{
    SourceError,
    typing::{Choices, type_words},
};
use rows::Seen;
use schema::{DeclaredTable, Schema};

/// Says which columns hold nothing but numbers although they were declared to hold text.
fn note_declared_texts(declared: &DeclaredTable, plan: &mut TablePlan) {
    for column in plan.columns.iter().filter(|it| !it.chosen && it.data_type.is_number()) {
        let is_text = declared.columns.iter().any(|it| it.name == column.label && it.is_text());
        if is_text {
            let words = type_words(column.data_type);
            plan.notes.push(format!(
                "{}: Declared as text; all its values are numbers, so it is read as {words}.",
                column.label
            ));
        }
    }
}

/// Plans every table of the database.
pub(super) fn inspect(
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let database = connection::open(file.path, limits)?;
    let Schema { tables, notes } = schema::read(&database, limits)?;
    let names = options.names(tables.iter().map(|table| table.name.as_str()));
    let mut read = 0;
    let mut planned = Vec::new();
    for (declared, name) in tables.iter().zip(names) {
        let choice = options.of(&name, Some(&declared.name));
        if choice.is_some_and(|choice| choice.skip) {
            continue;
        }
        let rows = SqliteTable::new(file.path, declared, limits);
        let seen = rows.look(&database, &mut read, limits, progress)?;
        let choices = choice.map(|choice| choice.choices.clone()).unwrap_or_default();
        planned.push((declared, plan(name, declared, rows, seen, &choices)?));
    }
    keys::add(&mut planned);
    for (declared, plan) in &mut planned {
        note_declared_texts(declared, plan);
    }
    let tables: Vec<TablePlan> = planned.into_iter().map(|(_, plan)| plan).collect();
    tables.iter().try_for_each(TablePlan::verify)?;
    Ok(FilePlan { kind: FileKind::Sqlite, tables, notes })
}

fn plan(
    name: TableName,
    declared: &DeclaredTable,
    mut rows: SqliteTable,
    seen: Seen,
    choices: &Choices,
) -> Result<TablePlan, SourceError> {
    let mut notes = seen.notes;
    let labels = declared.columns.iter().map(|column| column.name.clone()).collect();
    let mut columns = seen.draft.decide(labels, choices, &mut notes)?;
    for (column, (declared, evidence)) in
        columns.iter_mut().zip(declared.columns.iter().zip(&seen.draft.evidence))
    {
        if !column.chosen {
            declared.refine(column, evidence);
        }
    }
    let mut kept = seen.binary.iter().map(|binary| !binary);
    columns.retain(|_| kept.next().unwrap_or(true));
    let binary = declared.columns.iter().zip(&seen.binary).filter(|(_, binary)| **binary);
    for (column, _) in binary {
        notes.push(format!("{}: Left out: it holds binary data.", column.name));
        rows.leave_out(&column.name);
    }
    if columns.is_empty() {
        let detail = format!("The table {} holds nothing but binary data.", declared.name);
        return Err(SourceError::invalid("no_columns", detail));
    }
    Ok(TablePlan {
        name,
        part: Some(declared.name.clone()),
        columns,
        rows: seen.draft.rows,
        notes,
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        content: Content::Sqlite(rows),
        held: None,
    })
}
