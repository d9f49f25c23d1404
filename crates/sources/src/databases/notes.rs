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
    changed: BTreeMap<(String, Change), u64>,
}

/// What became of a value that has no equal here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// Left empty, for being this.
    Emptied(&'static str),
    /// Text whose bytes are not all text.
    Garbled,
    /// A moment that is finer than a microsecond.
    Shortened,
}

impl Notes {
    /// What discovery found out, in place of what an earlier one did.
    pub(super) fn set(&self, table: &str, found: Vec<String>) {
        self.with(table, |notes| notes.found = found);
    }

    /// A load begins.
    pub(super) fn begin(&self, table: &str) {
        self.with(table, |notes| notes.changed.clear());
    }

    /// Counts a value that is not what it is at the source.
    pub(super) fn count(&self, table: &str, column: &str, change: Change) {
        self.with(table, |notes| {
            *notes.changed.entry((column.to_owned(), change)).or_default() += 1;
        });
    }

    /// Sentences, in a fixed order.
    pub(super) fn of(&self, table: &str) -> Vec<String> {
        self.with(table, |notes| {
            let changed = notes.changed.iter().map(|((column, change), count)| match change {
                Change::Emptied(value) => {
                    format!("{count} values of {column} are left empty: they are {value}")
                }
                Change::Garbled => format!(
                    "{count} values of {column} hold bytes that are no text in UTF-8, shown as \u{fffd}"
                ),
                Change::Shortened => {
                    format!("{count} values of {column} are cut to whole microseconds")
                }
            });
            notes.found.iter().cloned().chain(changed).collect()
        })
    }

    fn with<T>(&self, table: &str, work: impl FnOnce(&mut TableNotes) -> T) -> T {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(tables.entry(table.to_owned()).or_default())
    }
}
