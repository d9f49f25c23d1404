//! The second pass: records to typed record batches, with the profile counted on the way.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
        RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
    },
    datatypes::SchemaRef,
};
use pacioli_model::ColumnProfile;

use super::{
    PlannedColumn,
    profile::Profile,
    reading::{self, Reading},
    records::{Record, Records},
};
use crate::SourceError;

const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// Typed batches of a planned file: an iterator that ends after the first error.
pub struct CsvReader {
    records: Records,
    record: Record,
    schema: SchemaRef,
    columns: Vec<ColumnReader>,
    rows_left: u64,
    ended: bool,
}

impl CsvReader {
    /// Over records whose header has been read.
    pub(super) fn new(
        records: Records,
        schema: SchemaRef,
        columns: &[PlannedColumn],
        rows: u64,
    ) -> Self {
        let count = columns.len();
        let columns = columns.iter().map(|column| ColumnReader::new(column, count)).collect();
        Self { records, record: Record::default(), schema, columns, rows_left: rows, ended: false }
    }

    /// Bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }

    /// What was seen in each column; of the whole file once the iterator has ended.
    pub fn profile(&self) -> Vec<ColumnProfile> {
        self.columns.iter().map(|column| column.profile.finish()).collect()
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
            for (column, cell) in self.columns.iter_mut().zip(self.record.fields()) {
                column.push(cell)?;
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
        let arrays = self.columns.iter_mut().map(|column| column.values.finish()).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        batch.map(Some).map_err(|_| changed())
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

struct ColumnReader {
    reading: Reading,
    values: Values,
    profile: Profile,
}

enum Values {
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder),
    Float(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl ColumnReader {
    fn new(column: &PlannedColumn, count: usize) -> Self {
        let values = match column.reading {
            Reading::Text => Values::Text(StringBuilder::new()),
            Reading::Boolean => Values::Boolean(BooleanBuilder::new()),
            Reading::Integer { .. } => Values::Integer(Int64Builder::new()),
            Reading::Decimal { .. } => {
                let data_type = crate::source::arrow_type(column.data_type);
                Values::Decimal(Decimal128Builder::new().with_data_type(data_type))
            }
            Reading::Float { .. } => Values::Float(Float64Builder::new()),
            Reading::Date { .. } => Values::Date(Date32Builder::new()),
            Reading::Timestamp { .. } => Values::Timestamp(TimestampMicrosecondBuilder::new()),
        };
        Self { reading: column.reading, values, profile: Profile::new(column.data_type, count) }
    }

    fn push(&mut self, cell: &str) -> Result<(), SourceError> {
        let trimmed = cell.trim();
        let is_text = self.reading == Reading::Text;
        if trimmed.is_empty() || (!is_text && reading::says_null(trimmed)) {
            self.profile.null();
            self.values.push_null();
            return Ok(());
        }
        self.push_value(if is_text { cell } else { trimmed }).ok_or_else(changed)
    }

    fn push_value(&mut self, cell: &str) -> Option<()> {
        match (&mut self.values, self.reading) {
            (Values::Text(values), Reading::Text) => {
                self.profile.text(cell);
                values.append_value(cell);
            }
            (Values::Boolean(values), Reading::Boolean) => {
                let (_, value) = reading::boolean(cell)?;
                self.profile.key(i128::from(value));
                values.append_value(value);
            }
            (Values::Integer(values), Reading::Integer { mark }) => {
                let value = reading::integer(cell, mark)?;
                self.profile.key(i128::from(value));
                values.append_value(value);
            }
            (Values::Decimal(values), Reading::Decimal { mark, scale }) => {
                let value = reading::decimal(cell, mark, scale)?;
                self.profile.key(value);
                values.append_value(value);
            }
            (Values::Float(values), Reading::Float { mark }) => {
                let value = reading::float(cell, mark)?;
                self.profile.float(value);
                values.append_value(value);
            }
            (Values::Date(values), Reading::Date { order }) => {
                let value = reading::date(cell, order)?;
                self.profile.key(i128::from(value));
                values.append_value(value);
            }
            (Values::Timestamp(values), Reading::Timestamp { order }) => {
                let value = reading::timestamp(cell, order)?;
                self.profile.key(i128::from(value));
                values.append_value(value);
            }
            _ => return None,
        }
        Some(())
    }
}

impl Values {
    fn push_null(&mut self) {
        match self {
            Self::Text(values) => values.append_null(),
            Self::Boolean(values) => values.append_null(),
            Self::Integer(values) => values.append_null(),
            Self::Decimal(values) => values.append_null(),
            Self::Float(values) => values.append_null(),
            Self::Date(values) => values.append_null(),
            Self::Timestamp(values) => values.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(values) => Arc::new(values.finish()),
            Self::Boolean(values) => Arc::new(values.finish()),
            Self::Integer(values) => Arc::new(values.finish()),
            Self::Decimal(values) => Arc::new(values.finish()),
            Self::Float(values) => Arc::new(values.finish()),
            Self::Date(values) => Arc::new(values.finish()),
            Self::Timestamp(values) => Arc::new(values.finish()),
        }
    }
}
