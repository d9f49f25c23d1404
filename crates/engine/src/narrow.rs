//! Decimals as they are stored. Every decimal column has 38 digits in the catalog's types, which Parquet
//! stores in sixteen bytes a value; one whose values have at most 18 digits is stored as whole numbers
//! of 64 bits, which are read several times as fast. Queries see 38 digits either way.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef},
    error::ArrowError,
};

/// Digits of a decimal that Parquet stores in 64 bits.
const NARROW: u8 = 18;

/// The schema with every decimal stored narrow that can be.
pub(crate) fn schema(given: &Schema) -> SchemaRef {
    let fields = given.fields().iter().map(|field| match field.data_type() {
        DataType::Decimal128(digits, scale)
            if *digits > NARROW && (0..=NARROW.cast_signed()).contains(scale) =>
        {
            let narrow = DataType::Decimal128(NARROW, *scale);
            Arc::new(Field::clone(field).with_data_type(narrow))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows as they are stored; nothing where a value has too many digits for it. Copies no value.
pub(crate) fn batch(
    stored: &SchemaRef,
    batch: &RecordBatch,
) -> Result<Option<RecordBatch>, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(stored.fields()) {
        let (DataType::Decimal128(given, _), DataType::Decimal128(digits, scale)) =
            (column.data_type(), field.data_type())
        else {
            columns.push(Arc::clone(column));
            continue;
        };
        let values = column.as_primitive::<Decimal128Type>();
        if given > digits && values.validate_decimal_precision(*digits).is_err() {
            return Ok(None);
        }
        columns.push(Arc::new(values.clone().with_precision_and_scale(*digits, *scale)?));
    }
    RecordBatch::try_new(Arc::clone(stored), columns).map(Some)
}
