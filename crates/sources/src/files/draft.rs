//! A table of a file whose cells may be of any type, while it is looked at and when it is read.

use std::{ops::ControlFlow, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pacioli_model::ColumnProfile;

use super::{
    limits::FileLimits,
    part::Emit,
    row::{Cell, Row},
};
use crate::{
    SourceError,
    typing::{self, Choices, DecimalMark, PlannedColumn, evidence::Evidence, values::ColumnReader},
};

const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// What every row of a table says about its columns.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) rows: u64,
    pub(super) evidence: Vec<Evidence>,
}

impl Draft {
    /// For a table whose columns are known.
    pub(super) fn of(columns: usize) -> Self {
        Self { rows: 0, evidence: (0..columns).map(|_| Evidence::default()).collect() }
    }

    pub(super) fn see(&mut self, row: &Row) {
        if self.evidence.len() < row.len() {
            self.evidence.resize_with(row.len(), Evidence::default);
        }
        for (evidence, cell) in self.evidence.iter_mut().zip(row.cells()) {
            match cell {
                Cell::Nothing => {}
                Cell::Text(text) => evidence.see(text),
                Cell::Number(number) => evidence.see_number(number),
            }
        }
        self.rows += 1;
    }

    /// Decides the columns, which are called `labels`.
    pub(super) fn decide(
        &self,
        labels: Vec<String>,
        choices: &Choices,
        notes: &mut Vec<String>,
    ) -> Result<Vec<PlannedColumn>, SourceError> {
        for (label, evidence) in labels.iter().zip(&self.evidence) {
            if evidence.is_mixed() {
                notes.push(format!("{label}: Kept as text: it holds numbers and other values."));
            }
        }
        typing::decide(labels, &self.evidence, DecimalMark::Point, choices, notes)
    }
}

/// Refuses a cell or a row that is too large.
pub(super) fn bounded(
    row: &Row,
    place: impl Fn() -> String,
    limits: &FileLimits,
) -> Result<(), SourceError> {
    let widest = row.cells().map(|cell| match cell {
        Cell::Nothing => 0,
        Cell::Text(text) | Cell::Number(text) => text.len(),
    });
    let (field, record) = (limits.csv.field_bytes, limits.csv.record_bytes);
    if row.bytes() > field && widest.max().unwrap_or(0) > field {
        let detail = format!(
            "{} has a value of more than {field} bytes. Shorten it or leave its column out.",
            place()
        );
        return Err(SourceError::invalid("value_too_large", detail));
    }
    if row.bytes() > record {
        let detail = format!(
            "{} has more than {record} bytes. Leave out the columns that nobody asks about.",
            place()
        );
        return Err(SourceError::invalid("row_too_large", detail));
    }
    Ok(())
}

/// Refuses a table of more columns than are read.
pub(super) fn narrow(what: &str, columns: usize, limits: &FileLimits) -> Result<(), SourceError> {
    let most = limits.csv.columns;
    if columns <= most {
        return Ok(());
    }
    let detail = format!(
        "{what} has {columns} columns; at most {most} are read. Leave out the ones that nobody asks about."
    );
    Err(SourceError::invalid("too_many_columns", detail))
}

/// Rows to batches of a plan's columns.
pub(super) struct Builder<'a> {
    columns: &'a [PlannedColumn],
    readers: Vec<ColumnReader>,
    schema: SchemaRef,
    emit: &'a mut Emit<'a>,
    rows: usize,
    bytes: usize,
    total: u64,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        columns: &'a [PlannedColumn],
        schema: SchemaRef,
        emit: &'a mut Emit<'a>,
    ) -> Self {
        let count = columns.len();
        let readers = columns.iter().map(|column| ColumnReader::new(column, count)).collect();
        Self { columns, readers, schema, emit, rows: 0, bytes: 0, total: 0 }
    }

    /// Adds a row with one cell for each of the plan's columns.
    pub(super) fn push(&mut self, row: &Row) -> Result<(), SourceError> {
        self.total += 1;
        for (position, reader) in self.readers.iter_mut().enumerate() {
            let (Cell::Text(text) | Cell::Number(text)) = row.cell(position) else {
                reader.push_null();
                continue;
            };
            if reader.push(text).is_err() {
                let column = &self.columns[position];
                return Err(if column.chosen {
                    typing::misfit(&format!("Row {}", self.total), column, text)
                } else {
                    changed()
                });
            }
        }
        self.rows += 1;
        self.bytes += row.bytes();
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Gives out what is left; the profile is of all rows, of which there must be `rows`.
    pub(super) fn finish(mut self, rows: u64) -> Result<Vec<ColumnProfile>, SourceError> {
        if self.total != rows {
            return Err(changed());
        }
        if self.rows > 0 {
            self.flush()?;
        }
        Ok(self.readers.iter().map(ColumnReader::profile).collect())
    }

    fn flush(&mut self) -> Result<(), SourceError> {
        let arrays = self.readers.iter_mut().map(ColumnReader::finish).collect();
        let batch =
            RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|_| changed())?;
        (self.rows, self.bytes) = (0, 0);
        match (self.emit)(batch) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(SourceError::Cancelled),
        }
    }
}

/// The plan no longer fits, which it did when it was made.
pub(super) fn changed() -> SourceError {
    SourceError::invalid("file_changed", "The file changed while it was read. Load it again.")
}
