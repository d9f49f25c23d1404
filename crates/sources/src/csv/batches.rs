//! The second pass: records to typed record batches, with the profile counted on the way.

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pacioli_model::ColumnProfile;

use super::{
    PlannedColumn,
    records::{Record, Records},
};
use crate::{
    SourceError,
    typing::{self, values::ColumnReader},
};

const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// Typed batches of a planned file: an iterator that ends after the first error.
pub struct CsvReader {
    records: Records,
    record: Record,
    schema: SchemaRef,
    planned: Vec<PlannedColumn>,
    columns: Vec<ColumnReader>,
    rows_left: u64,
    ended: bool,
}

impl CsvReader {
    /// Over records whose header has been read.
    pub(super) fn new(
        records: Records,
        schema: SchemaRef,
        planned: &[PlannedColumn],
        rows: u64,
    ) -> Self {
        let count = planned.len();
        let columns = planned.iter().map(|column| ColumnReader::new(column, count)).collect();
        let (record, planned) = (Record::default(), planned.to_vec());
        Self { records, record, schema, planned, columns, rows_left: rows, ended: false }
    }

    /// Bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }

    /// What was seen in each column; of the whole file once the iterator has ended.
    pub fn profile(&self) -> Vec<ColumnProfile> {
        self.columns.iter().map(ColumnReader::profile).collect()
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let (mut rows, mut bytes) = (0, 0);
        while rows < BATCH_ROWS && bytes < BATCH_BYTES {
            if !self.records.read(&mut self.record)? {
                self.ended = true;
                break;
            }
            if self.record.len() != self.columns.len() || self.rows_left == 0 {
                return Err(changed());
            }
            for (position, cell) in self.record.fields().enumerate() {
                if self.columns[position].push(cell).is_err() {
                    return Err(self.misfit(position, cell));
                }
            }
            self.rows_left -= 1;
            rows += 1;
            bytes += self.record.bytes();
        }
        if self.ended && self.rows_left > 0 {
            return Err(changed());
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(ColumnReader::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        batch.map(Some).map_err(|_| changed())
    }
}

impl CsvReader {
    /// A value that the chosen type has no place for; no other column has one.
    fn misfit(&self, position: usize, cell: &str) -> SourceError {
        let planned = &self.planned[position];
        if !planned.chosen {
            return changed();
        }
        typing::misfit(&format!("Line {}", self.record.line), planned, cell)
    }
}

impl Iterator for CsvReader {
    type Item = Result<RecordBatch, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.batch();
        self.ended |= batch.is_err();
        batch.transpose()
    }
}

/// The plan no longer fits, which it did when it was made.
fn changed() -> SourceError {
    SourceError::invalid("csv_changed", "The file changed while it was read. Load it again.")
}
