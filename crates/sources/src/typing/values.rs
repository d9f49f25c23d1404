//! Cells to typed Arrow arrays, with the profile counted on the way.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use pacioli_model::ColumnProfile;

use super::{
    PlannedColumn,
    profile::Profile,
    reading::{self, Reading},
};

/// A cell that cannot be read in the way decided for its column.
#[derive(Debug)]
pub(crate) struct Misfit;

/// One column's values of the batch under way, and the profile of all before.
pub(crate) struct ColumnReader {
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
    /// For one of a table's `count` columns.
    pub(crate) fn new(column: &PlannedColumn, count: usize) -> Self {
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

    /// Adds a row without a value.
    pub(crate) fn push_null(&mut self) {
        self.profile.null();
        self.values.push_null();
    }

    /// Adds a row's cell; a blank one, or one that says so, has no value.
    pub(crate) fn push(&mut self, cell: &str) -> Result<(), Misfit> {
        let trimmed = cell.trim();
        let is_text = self.reading == Reading::Text;
        if trimmed.is_empty() || (!is_text && reading::says_null(trimmed)) {
            self.push_null();
            return Ok(());
        }
        self.push_value(if is_text { cell } else { trimmed }).ok_or(Misfit)
    }

    /// The values since the last time.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        self.values.finish()
    }

    /// What was seen so far.
    pub(crate) fn profile(&self) -> ColumnProfile {
        self.profile.finish()
    }

    fn push_value(&mut self, cell: &str) -> Option<()> {
        match (&mut self.values, self.reading) {
            (Values::Text(values), Reading::Text) => {
                self.profile.text(cell);
                values.append_value(cell);
            }
            (Values::Boolean(values), Reading::Boolean) => {
                let value = reading::truth(cell)?;
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
