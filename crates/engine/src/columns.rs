//! Columns that are asked for often, kept decoded in a worker from one query to the next: of a scan, decoding the
//! file takes most time. The file of a version never changes, so what is kept is never out of date.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    datatypes::Schema,
};
use futures_util::{StreamExt as _, stream::BoxStream};
use object_store::path::Path;

use crate::{EngineError, TableFiles};

mod compact;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use scan::KeptScan;

/// A column is kept once so many queries have read it.
const WANTED: u64 = 2;
/// After so many scans what was asked for long ago counts half.
const HALF_LIFE: u64 = 1024;

/// A column's values, a part for each row group.
pub(crate) type Parts = Arc<[ArrayRef]>;

/// The columns that one worker keeps, of all companies whose queries it runs: a scan gets those of the file that it
/// was to read, and no others.
#[derive(Debug, Default)]
pub(crate) struct ColumnCache {
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the table's folder; of the version that was asked for last.
    tables: HashMap<String, KeptTable>,
    scans: u64,
}

#[derive(Debug)]
struct KeptTable {
    file: Path,
    columns: HashMap<String, Column>,
}

#[derive(Debug, Default)]
struct Column {
    scans: u64,
    /// Scans when there was no room for it.
    refused: u64,
    parts: Option<Parts>,
}

/// A column that is to be kept.
struct Wanted {
    file: Path,
    column: String,
    scans: u64,
}

impl ColumnCache {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, kept: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it is held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a scan of these columns of the file; their parts, where all of them are kept.
    pub(crate) fn scan(&self, file: &Path, columns: &Schema) -> Option<Vec<Parts>> {
        if self.most_bytes == 0 || columns.fields().is_empty() {
            return None;
        }
        let mut kept = self.lock();
        kept.scans += 1;
        if kept.scans.is_multiple_of(HALF_LIFE) {
            kept.grow_old();
        }
        let table = kept.table(file);
        let scanned = columns.fields().iter().map(|field| {
            let column = table.columns.entry(field.name().clone()).or_default();
            column.scans += 1;
            column.parts.clone()
        });
        // Each is counted, also after one that is not kept.
        let parts: Vec<Option<Parts>> = scanned.collect();
        parts.into_iter().collect()
    }

    /// What is asked for most and not kept.
    fn wanted(&self) -> Option<Wanted> {
        let kept = self.lock();
        let columns = kept
            .tables
            .values()
            .flat_map(|table| table.columns.iter().map(|(column, it)| (&table.file, column, it)));
        columns
            .filter(|(_, _, it)| {
                it.parts.is_none() && it.scans >= WANTED.max(it.refused.saturating_mul(2))
            })
            .max_by_key(|(_, _, it)| it.scans)
            .map(|(file, column, it)| Wanted {
                file: file.clone(),
                column: column.clone(),
                scans: it.scans,
            })
    }

    /// Whether so many bytes can be kept, if need be in the place of what is asked for less.
    fn has_room(&self, wanted: &Wanted, bytes: usize) -> bool {
        let kept = self.lock();
        let stay: usize =
            kept.columns().filter(|it| it.scans >= wanted.scans).map(Column::bytes).sum();
        stay.saturating_add(bytes) <= self.most_bytes
    }

    /// Keeps a column, or nothing where no room can be made for it.
    fn keep(&self, wanted: &Wanted, parts: Option<Vec<ArrayRef>>) {
        let parts = parts.filter(|parts| self.has_room(wanted, bytes_of(parts)));
        let mut kept = self.lock();
        if let Some(parts) = &parts {
            kept.make_room(self.most_bytes.saturating_sub(bytes_of(parts)));
        }
        // Another version may have come meanwhile.
        let table = kept.tables.values_mut().find(|table| table.file == wanted.file);
        let Some(column) = table.and_then(|it| it.columns.get_mut(&wanted.column)) else { return };
        match parts {
            Some(parts) => column.parts = Some(parts.into()),
            None => column.refused = column.scans,
        }
    }
}

impl Column {
    fn bytes(&self) -> usize {
        self.parts.as_deref().map_or(0, bytes_of)
    }
}

impl Kept {
    fn columns(&self) -> impl Iterator<Item = &Column> {
        self.tables.values().flat_map(|table| table.columns.values())
    }

    fn bytes(&self) -> usize {
        self.columns().map(Column::bytes).sum()
    }

    /// The file's own columns; those of an earlier version go.
    fn table(&mut self, file: &Path) -> &mut KeptTable {
        let folder = file.as_ref().rsplitn(3, '/').nth(2).unwrap_or_default().to_owned();
        let new = || KeptTable { file: file.clone(), columns: HashMap::new() };
        match self.tables.entry(folder) {
            Entry::Vacant(place) => place.insert(new()),
            Entry::Occupied(place) => {
                let table = place.into_mut();
                if table.file != *file {
                    *table = new();
                }
                table
            }
        }
    }

    /// Lets go of what is asked for least, until no more than `most` bytes are kept.
    fn make_room(&mut self, most: usize) {
        while self.bytes() > most {
            let columns = self.tables.values_mut().flat_map(|it| it.columns.values_mut());
            let least = columns.filter(|it| it.parts.is_some()).min_by_key(|it| it.scans);
            let Some(least) = least else { return };
            least.parts = None;
        }
    }

    fn grow_old(&mut self) {
        self.tables.retain(|_, table| {
            table.columns.retain(|_, it| {
                (it.scans, it.refused) = (it.scans / 2, it.refused / 2);
                it.scans > 0
            });
            !table.columns.is_empty()
        });
    }
}

fn bytes_of(parts: &[ArrayRef]) -> usize {
    parts.iter().map(Array::get_array_memory_size).sum()
}

/// Reads the columns that are to be kept, a row group at a time, while no query waits.
#[derive(Default)]
pub(crate) struct Warmer {
    reading: Option<Reading>,
}

struct Reading {
    wanted: Wanted,
    rows: BoxStream<'static, Result<RecordBatch, EngineError>>,
    parts: Vec<ArrayRef>,
}

impl Warmer {
    /// One row group of one column, if any is wanted; whether there was.
    pub(crate) async fn step(&mut self, files: &TableFiles) -> bool {
        let cache = files.columns();
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => {
                let Some(wanted) = cache.wanted() else { return false };
                match files.column(wanted.file.clone(), &wanted.column).await {
                    Ok(rows) => Reading { wanted, rows, parts: Vec::new() },
                    Err(_) => {
                        cache.keep(&wanted, None);
                        return true;
                    }
                }
            }
        };
        match reading.rows.next().await {
            Some(Ok(batch)) => {
                let (_, columns, _) = batch.into_parts();
                reading.parts.extend(columns.into_iter().map(compact::compact));
                if cache.has_room(&reading.wanted, bytes_of(&reading.parts)) {
                    self.reading = Some(reading);
                } else {
                    cache.keep(&reading.wanted, None);
                }
            }
            // Whoever reads the file in a query is told what is wrong with it.
            Some(Err(_)) => cache.keep(&reading.wanted, None),
            None => cache.keep(&reading.wanted, Some(reading.parts)),
        }
        true
    }
}
