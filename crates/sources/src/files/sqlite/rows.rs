use std::path::{Path, PathBuf};

use rusqlite::{Connection, types::ValueRef};

use super::{
    connection::{self, refused},
    schema::DeclaredTable,
};
use crate::{
    SourceError,
    files::{
        FileLimits, Progress,
        draft::{Draft, bounded},
        row::{Real, Row},
    },
};

/// How often the progress is told.
const PROGRESS_BYTES: u64 = 1 << 20;

/// A table of a database and the columns that are read of it.
#[derive(Debug)]
pub(in crate::files) struct SqliteTable {
    path: PathBuf,
    table: String,
    columns: Vec<String>,
    limits: FileLimits,
}

/// What all rows of a table hold.
pub(super) struct Seen {
    pub(super) draft: Draft,
    /// Columns with a value that is no text.
    pub(super) binary: Vec<bool>,
    pub(super) notes: Vec<String>,
}

impl SqliteTable {
    pub(super) fn new(path: &Path, declared: &DeclaredTable, limits: &FileLimits) -> Self {
        let columns = declared.columns.iter().map(|column| column.name.clone()).collect();
        let (path, table) = (path.to_owned(), declared.name.clone());
        Self { path, table, columns, limits: limits.clone() }
    }

    pub(super) fn leave_out(&mut self, column: &str) {
        self.columns.retain(|it| it != column);
    }

    /// Looks at every row. `read` counts bytes over all tables of the database.
    pub(super) fn look(
        &self,
        database: &Connection,
        read: &mut u64,
        limits: &FileLimits,
        progress: &mut Progress<'_>,
    ) -> Result<Seen, SourceError> {
        let mut draft = Draft::of(self.columns.len());
        let mut oddities = Oddities { binary: vec![false; self.columns.len()], not_utf8: 0 };
        let mut told = *read;
        self.scan(database, &mut oddities, &mut |row| {
            draft.see(row);
            *read += row.bytes() as u64 + 1;
            if *read > limits.unpacked_bytes {
                let detail =
                    format!("The database holds more than {} bytes.", limits.unpacked_bytes);
                return Err(SourceError::invalid("unpacks_too_large", detail));
            }
            if *read >= told + PROGRESS_BYTES {
                told = *read;
                if progress(told).is_break() {
                    return Err(SourceError::Cancelled);
                }
            }
            Ok(())
        })?;
        let Oddities { binary, not_utf8 } = oddities;
        let mut notes = Vec::new();
        if not_utf8 > 0 {
            notes.push(format!("{not_utf8} texts are not UTF-8 and were read as Windows-1252."));
        }
        Ok(Seen { draft, binary, notes })
    }

    /// Opens the database again and gives every row, with the columns that are not left out.
    pub(in crate::files) fn each_row(
        &self,
        visit: &mut dyn FnMut(&Row) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let database = connection::open(&self.path, &self.limits)?;
        let mut oddities = Oddities { binary: vec![false; self.columns.len()], not_utf8: 0 };
        self.scan(&database, &mut oddities, visit)
    }

    fn scan(
        &self,
        database: &Connection,
        oddities: &mut Oddities,
        visit: &mut dyn FnMut(&Row) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let columns: Vec<String> = self.columns.iter().map(|name| quoted(name)).collect();
        let sql = format!("SELECT {} FROM main.{}", columns.join(", "), quoted(&self.table));
        let mut statement = database.prepare(&sql).map_err(refused)?;
        let mut rows = statement.query([]).map_err(refused)?;
        let (mut row, mut number) = (Row::default(), 0_u64);
        while let Some(found) = rows.next().map_err(refused)? {
            row.clear();
            number += 1;
            for position in 0..self.columns.len() {
                oddities.push(&mut row, position, found.get_ref(position).map_err(refused)?);
            }
            bounded(&row, || format!("Row {number} of the table {}", self.table), &self.limits)?;
            visit(&row)?;
        }
        Ok(())
    }
}

/// A name as SQL that can be nothing else.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What is to be said about values that are none of text's and numbers' usual ones.
struct Oddities {
    binary: Vec<bool>,
    not_utf8: u64,
}

impl Oddities {
    fn push(&mut self, row: &mut Row, position: usize, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => row.push_nothing(),
            ValueRef::Integer(value) => row.push_number(value),
            ValueRef::Real(value) if value.is_finite() => row.push_number(Real(value)),
            ValueRef::Real(value) => row.push_text(&value.to_string()),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => row.push_text(text),
                Err(_) => {
                    self.not_utf8 += 1;
                    row.push_text(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0);
                }
            },
            ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => row.push_text(text),
                _ => {
                    self.binary[position] = true;
                    row.push_nothing();
                }
            },
        }
    }
}
