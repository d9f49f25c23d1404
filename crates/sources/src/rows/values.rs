//! Values of one column on their way into a batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use chrono::{DateTime, NaiveDate};
use pacioli_model::ColumnType;

use crate::source::arrow_type;

pub(super) enum Values {
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder, u8),
    Float(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Values {
    pub(super) fn new(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Integer => Self::Integer(Int64Builder::new()),
            ColumnType::Decimal { scale } => {
                let values = Decimal128Builder::new().with_data_type(arrow_type(data_type));
                Self::Decimal(values, scale)
            }
            ColumnType::Float => Self::Float(Float64Builder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    pub(super) fn push_null(&mut self) {
        match self {
            Self::Text(values) => values.append_null(),
            Self::Boolean(values) => values.append_null(),
            Self::Integer(values) => values.append_null(),
            Self::Decimal(values, _) => values.append_null(),
            Self::Float(values) => values.append_null(),
            Self::Date(values) => values.append_null(),
            Self::Timestamp(values) => values.append_null(),
        }
    }

    /// Adds a value as it is written, without the quotes of a text; nothing where it does not fit.
    pub(super) fn push(&mut self, text: &str) -> Option<()> {
        match self {
            Self::Text(values) => values.append_value(text),
            Self::Boolean(values) => values.append_value(text == "true"),
            Self::Integer(values) => values.append_value(text.parse().ok()?),
            Self::Decimal(values, scale) => values.append_value(decimal(text, *scale)?),
            Self::Float(values) => values.append_value(text.parse().ok()?),
            Self::Date(values) => values.append_value(date(text)?.to_epoch_days()),
            Self::Timestamp(values) => values.append_value(timestamp(text)?),
        }
        Some(())
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(values) => Arc::new(values.finish()),
            Self::Boolean(values) => Arc::new(values.finish()),
            Self::Integer(values) => Arc::new(values.finish()),
            Self::Decimal(values, _) => Arc::new(values.finish()),
            Self::Float(values) => Arc::new(values.finish()),
            Self::Date(values) => Arc::new(values.finish()),
            Self::Timestamp(values) => Arc::new(values.finish()),
        }
    }
}

/// A number's mantissa at this scale.
fn decimal(text: &str, scale: u8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()
}

/// `2024-03-01` and nothing else.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// Microseconds of an RFC 3339 time, or of the midnight that a day begins with.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    match date(text) {
        Some(day) => Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros()),
        None => Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros()),
    }
}
