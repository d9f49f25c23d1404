//! What a plan gives, in the few types that answers have.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use datafusion::error::{DataFusionError, Result};

use crate::EngineError;

/// The columns of `given` in the types of an answer: texts as plain strings, since views would carry
/// along all that they were cut of.
pub(crate) fn schema(given: &Schema) -> std::result::Result<SchemaRef, EngineError> {
    let fields = given.fields().iter().map(|field| {
        let data_type = shown(field.data_type()).ok_or_else(|| EngineError::Invalid {
            detail: format!(
                "{} is of the type {}, which no answer has. Cast it: CAST(… AS TEXT).",
                field.name(),
                field.data_type()
            ),
        })?;
        Ok(Field::new(field.name(), data_type, true))
    });
    Ok(Arc::new(Schema::new(fields.collect::<std::result::Result<Vec<_>, EngineError>>()?)))
}

fn shown(given: &DataType) -> Option<DataType> {
    Some(match given {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => DataType::Int64,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Boolean => given.clone(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            DataType::Utf8
        }
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Dictionary(_, values) => shown(values)?,
        _ => return None,
    })
}

/// The rows in those types. A value that does not fit is an error, never a null.
pub(crate) fn batch(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let exactly = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: std::result::Result<Vec<ArrayRef>, _> = columns
        .map(|(column, field)| cast_with_options(column, field.data_type(), &exactly))
        .collect();
    let batch = columns.and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns));
    batch.map_err(DataFusionError::from)
}
