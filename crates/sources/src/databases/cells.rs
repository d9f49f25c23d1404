//! Rows of a database to record batches.

use std::{borrow::Cow, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
        RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
    },
    datatypes::SchemaRef,
};
use pacioli_model::ColumnType;

use super::changed;
use crate::{SourceError, source::SourceTable};

/// One value, as it lies in Arrow.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    /// The digits, at the column's scale.
    Decimal(i128),
    Float(f64),
    Text(Cow<'a, str>),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970, in UTC.
    Timestamp(i64),
    Boolean(bool),
}

/// A batch that grows by rows, each column in turn.
pub(super) struct Cells {
    schema: SchemaRef,
    columns: Vec<Builder>,
    rows: usize,
    bytes: u64,
}

enum Builder {
    Integer(Int64Builder),
    Decimal(Decimal128Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Boolean(BooleanBuilder),
}

impl Cells {
    pub(super) fn new(table: &SourceTable) -> Self {
        let columns = table.columns.iter().map(|column| Builder::new(column.data_type)).collect();
        Self { schema: table.schema(), columns, rows: 0, bytes: 0 }
    }

    /// Puts the next value of a column; a row is whole after [`Self::end_row`].
    pub(super) fn put(&mut self, column: usize, cell: Cell<'_>) -> Result<(), SourceError> {
        match self.columns.get_mut(column) {
            Some(builder) => builder.put(cell),
            None => Err(changed("a row has more columns than the table")),
        }
    }

    /// Counts a row of this many bytes.
    pub(super) fn end_row(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes as u64;
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The rows so far, as a batch; what follows is empty.
    pub(super) fn take(&mut self) -> Result<RecordBatch, SourceError> {
        let arrays = self.columns.iter_mut().map(Builder::finish).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| SourceError::invalid("source_row_invalid", error.to_string()))
    }
}

impl Builder {
    fn new(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::Integer => Self::Integer(Int64Builder::new()),
            ColumnType::Decimal { .. } => {
                let of = crate::source::arrow_type(data_type);
                Self::Decimal(Decimal128Builder::new().with_data_type(of))
            }
            ColumnType::Float => Self::Float(Float64Builder::new()),
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
        }
    }

    fn put(&mut self, cell: Cell<'_>) -> Result<(), SourceError> {
        match (self, cell) {
            (Self::Integer(to), Cell::Integer(value)) => to.append_value(value),
            (Self::Decimal(to), Cell::Decimal(value)) => to.append_value(value),
            (Self::Float(to), Cell::Float(value)) => to.append_value(value),
            (Self::Text(to), Cell::Text(value)) => to.append_value(value),
            (Self::Date(to), Cell::Date(value)) => to.append_value(value),
            (Self::Timestamp(to), Cell::Timestamp(value)) => to.append_value(value),
            (Self::Boolean(to), Cell::Boolean(value)) => to.append_value(value),
            (to, Cell::Null) => to.put_null(),
            _ => return Err(changed("a value is not of its column's type")),
        }
        Ok(())
    }

    fn put_null(&mut self) {
        match self {
            Self::Integer(to) => to.append_null(),
            Self::Decimal(to) => to.append_null(),
            Self::Float(to) => to.append_null(),
            Self::Text(to) => to.append_null(),
            Self::Date(to) => to.append_null(),
            Self::Timestamp(to) => to.append_null(),
            Self::Boolean(to) => to.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Integer(from) => Arc::new(from.finish()),
            Self::Decimal(from) => Arc::new(from.finish()),
            Self::Float(from) => Arc::new(from.finish()),
            Self::Text(from) => Arc::new(from.finish()),
            Self::Date(from) => Arc::new(from.finish()),
            Self::Timestamp(from) => Arc::new(from.finish()),
            Self::Boolean(from) => Arc::new(from.finish()),
        }
    }
}
