//! What a reader must know of a table beyond its rows: columns that are not read, values left empty.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Notes by table: the fixed ones of discovery, and counts of the last load.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<BTreeMap<String, TableNotes>>);

#[derive(Debug, Default)]
struct TableNotes {
    found: Vec<String>,
    emptied: BTreeMap<(String, &'static str), u64>,
}

impl Notes {
    /// What discovery found out, in place of what an earlier one did.
    pub(super) fn set(&self, table: &str, found: Vec<String>) {
        self.with(table, |notes| notes.found = found);
    }

    /// A load begins.
    pub(super) fn begin(&self, table: &str) {
        self.with(table, |notes| notes.emptied.clear());
    }

    /// A value was left empty, because it has no equal here.
    pub(super) fn emptied(&self, table: &str, column: &str, value: &'static str) {
        self.with(table, |notes| {
            *notes.emptied.entry((column.to_owned(), value)).or_default() += 1;
        });
    }

    /// Sentences, in a fixed order.
    pub(super) fn of(&self, table: &str) -> Vec<String> {
        self.with(table, |notes| {
            let emptied = notes.emptied.iter().map(|((column, value), count)| {
                format!("{count} values of {column} are left empty: they are {value}")
            });
            notes.found.iter().cloned().chain(emptied).collect()
        })
    }

    fn with<T>(&self, table: &str, work: impl FnOnce(&mut TableNotes) -> T) -> T {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(tables.entry(table.to_owned()).or_default())
    }
}
