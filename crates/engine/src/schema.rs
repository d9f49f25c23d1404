//! The catalog's types as Arrow's.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use pacioli_model::{ColumnType, TableEntry};

/// What a scan of the table gives. Text comes as views, which grouping and filtering copy least, or as
/// plain strings, which travel best.
pub(crate) fn scanned(table: &TableEntry, text: &DataType) -> SchemaRef {
    let fields = table.columns.iter().map(|column| {
        let data_type = match column.data_type {
            ColumnType::Integer => DataType::Int64,
            ColumnType::Decimal { scale } => decimal_type(38, scale),
            ColumnType::Float => DataType::Float64,
            ColumnType::Text => text.clone(),
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            ColumnType::Boolean => DataType::Boolean,
        };
        Field::new(column.name.as_str(), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Decimals of more than 38 digits take twice the space.
pub(crate) fn decimal_type(precision: u8, scale: u8) -> DataType {
    let scale = scale.cast_signed();
    if precision > 38 {
        DataType::Decimal256(precision, scale)
    } else {
        DataType::Decimal128(precision, scale)
    }
}
