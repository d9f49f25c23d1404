//! Rows that a program sends: one JSON object a line, or an Arrow IPC stream. As files are, they are read
//! twice in constant memory: [`inspect`] sees every value and decides each column's type, starting from
//! the types that the table has; [`read`] gives typed batches.

mod arrow_stream;
mod kind;
mod ndjson;
mod values;

use std::path::Path;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pacioli_model::{ColumnName, ColumnType};

use crate::{SourceError, source, typing::column_names};
use kind::Kind;

/// The most columns of a table.
const MOST_COLUMNS: usize = 1000;

/// Rows of one batch.
const BATCH_ROWS: usize = 8192;

/// How rows are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// One JSON object a line.
    Ndjson,
    /// Arrow's IPC stream.
    ArrowStream,
}

/// A column of the table once the rows are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowColumn {
    /// What the sender calls it.
    pub label: String,
    /// Its name in SQL.
    pub name: ColumnName,
    /// What it holds.
    pub data_type: ColumnType,
}

/// What was found to be sent.
#[derive(Debug, Clone)]
pub struct RowsPlan {
    /// Those that the table had, then new ones as they came.
    pub columns: Vec<RowColumn>,
    /// How many rows there are.
    pub rows: u64,
    /// Columns that hold more than before, for people to read.
    pub notes: Vec<String>,
    format: RowFormat,
}

impl RowsPlan {
    /// The Arrow schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        source::schema(self.columns.iter().map(|column| (&column.name, column.data_type)))
    }
}

/// Reads all rows and decides what the columns must hold; `known` is what the table has. Every row must
/// have a value in each column of `key`.
pub fn inspect(
    path: &Path,
    format: RowFormat,
    known: &[RowColumn],
    key: &[ColumnName],
) -> Result<RowsPlan, SourceError> {
    let mut columns = Columns::of(known);
    let rows = match format {
        RowFormat::Ndjson => ndjson::inspect(path, &mut columns, key)?,
        RowFormat::ArrowStream => arrow_stream::inspect(path, &mut columns, key)?,
    };
    if rows == 0 {
        return Err(SourceError::invalid("rows_empty", "There are no rows. Send at least one."));
    }
    let (columns, notes) = columns.decide(known);
    if let Some(missing) = key.iter().find(|name| columns.iter().all(|it| it.name != **name)) {
        let detail = format!("No row has `{missing}`, which is part of the key.");
        return Err(SourceError::invalid("row_key_missing", detail));
    }
    Ok(RowsPlan { columns, rows, notes, format })
}

/// Reads the rows again as `plan` says, handing on one batch at a time until `take` refuses.
pub fn read(
    path: &Path,
    plan: &RowsPlan,
    take: &mut dyn FnMut(RecordBatch) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    match plan.format {
        RowFormat::Ndjson => ndjson::read(path, plan, take),
        RowFormat::ArrowStream => arrow_stream::read(path, plan, take),
    }
}

/// The rows are not what they were when they were inspected.
fn changed() -> SourceError {
    SourceError::invalid("rows_changed", "The rows changed while they were read. Send them again.")
}

/// The columns seen so far, in order, by the sender's labels.
struct Columns {
    seen: Vec<(String, Option<ColumnName>, Kind)>,
    places: std::collections::HashMap<String, usize>,
}

impl Columns {
    fn of(known: &[RowColumn]) -> Self {
        let seen: Vec<_> = known
            .iter()
            .map(|it| (it.label.clone(), Some(it.name.clone()), Kind::of(it.data_type)))
            .collect();
        let mut places = std::collections::HashMap::new();
        for (place, column) in known.iter().enumerate() {
            places.entry(column.name.to_string()).or_insert(place);
        }
        // A label is the sender's own word and outranks a name.
        places.extend(known.iter().enumerate().map(|(place, it)| (it.label.clone(), place)));
        Self { seen, places }
    }

    /// The place of the column that the sender calls so; it is made where it is new.
    fn place(&mut self, label: &str) -> Result<usize, SourceError> {
        if let Some(place) = self.places.get(label) {
            return Ok(*place);
        }
        if self.seen.len() == MOST_COLUMNS {
            let detail = format!("The rows have more than {MOST_COLUMNS} different names.");
            return Err(SourceError::invalid("rows_too_wide", detail));
        }
        let place = self.seen.len();
        self.seen.push((label.to_owned(), None, Kind::Nothing));
        self.places.insert(label.to_owned(), place);
        Ok(place)
    }

    /// The place of a column of the key, by its name in SQL, or by the label that gives this name;
    /// nothing where no row had it so far.
    fn key_place(&self, name: &ColumnName) -> Option<usize> {
        let known = self.seen.iter().position(|(_, known, _)| known.as_ref() == Some(name));
        let named = || {
            self.seen.iter().position(|(label, known, _)| {
                known.is_none() && column_names(std::slice::from_ref(label)).contains(name)
            })
        };
        known.or_else(named)
    }

    fn see(&mut self, place: usize, kind: Kind) {
        if let Some(column) = self.seen.get_mut(place) {
            column.2 = column.2.join(kind);
        }
    }

    fn decide(self, known: &[RowColumn]) -> (Vec<RowColumn>, Vec<String>) {
        // Known names first, so that a new label never takes one.
        let words: Vec<String> = self
            .seen
            .iter()
            .map(|(label, name, _)| name.as_ref().map_or(label.clone(), ToString::to_string))
            .collect();
        let names = column_names(&words);
        let mut notes = Vec::new();
        let mut columns = Vec::with_capacity(self.seen.len());
        for (place, ((label, known_name, kind), name)) in
            self.seen.into_iter().zip(names).enumerate()
        {
            let data_type = kind.data_type();
            if let Some(before) = known.get(place).filter(|it| it.data_type != data_type) {
                let (was, is) = (before.data_type.as_str(), data_type.as_str());
                if was != is {
                    notes.push(format!("`{}` was {was} and is {is} now.", before.name));
                }
            }
            columns.push(RowColumn { label, name: known_name.unwrap_or(name), data_type });
        }
        (columns, notes)
    }
}

#[cfg(test)]
mod tests;
