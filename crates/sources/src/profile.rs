//! The exact profile of rows that come as record batches.

use arrow::{
    array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch},
    datatypes::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use pacioli_model::{ColumnProfile, ColumnType};

use crate::typing::profile::Profile;

/// What is seen in each column of a table while its batches go by: every row, in bounded memory.
///
/// The batches have the columns that it was made for, as [`arrow_type`](crate::source::arrow_type) lays
/// them out; a column of another layout counts as one of nulls.
pub struct TableProfile {
    columns: Vec<(ColumnType, Profile)>,
}

impl TableProfile {
    /// For columns of these types.
    pub fn new(types: impl ExactSizeIterator<Item = ColumnType>) -> Self {
        let count = types.len();
        Self { columns: types.map(|it| (it, Profile::new(it, count))).collect() }
    }

    /// Sees the rows of a batch.
    pub fn see(&mut self, batch: &RecordBatch) {
        for ((data_type, profile), array) in self.columns.iter_mut().zip(batch.columns()) {
            see(*data_type, profile, array);
        }
    }

    /// What was seen so far.
    pub fn finish(&self) -> Vec<ColumnProfile> {
        self.columns.iter().map(|(_, profile)| profile.finish()).collect()
    }
}

fn see(data_type: ColumnType, profile: &mut Profile, array: &ArrayRef) {
    match data_type {
        ColumnType::Integer => keys::<Int64Type>(profile, array, i128::from),
        ColumnType::Decimal { .. } => keys::<Decimal128Type>(profile, array, |it| it),
        ColumnType::Date => keys::<Date32Type>(profile, array, i128::from),
        ColumnType::Timestamp => keys::<TimestampMicrosecondType>(profile, array, i128::from),
        ColumnType::Float => match array.as_primitive_opt::<Float64Type>() {
            Some(values) => each(profile, values.iter(), Profile::float),
            None => nulls(profile, array),
        },
        ColumnType::Boolean => match array.as_boolean_opt() {
            Some(values) => each(profile, values.iter(), |profile, it| profile.key(it.into())),
            None => nulls(profile, array),
        },
        ColumnType::Text => match array.as_string_opt::<i32>() {
            Some(values) => each(profile, values.iter(), Profile::text),
            None => nulls(profile, array),
        },
    }
}

fn keys<T: ArrowPrimitiveType>(
    profile: &mut Profile,
    array: &ArrayRef,
    key: impl Fn(T::Native) -> i128,
) {
    let values: Option<&PrimitiveArray<T>> = array.as_primitive_opt();
    match values {
        Some(values) => each(profile, values.iter(), |profile, it| profile.key(key(it))),
        None => nulls(profile, array),
    }
}

fn each<T>(
    profile: &mut Profile,
    values: impl Iterator<Item = Option<T>>,
    mut see: impl FnMut(&mut Profile, T),
) {
    for value in values {
        match value {
            Some(value) => see(profile, value),
            None => profile.null(),
        }
    }
}

fn nulls(profile: &mut Profile, array: &ArrayRef) {
    (0..array.len()).for_each(|_| profile.null());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };
    use pacioli_model::{Cell, ColumnName, Decimal, Distinct};

    use super::*;
    use crate::source::schema;

    #[test]
    fn every_type_is_seen_in_full() {
        let types = [
            ColumnType::Integer,
            ColumnType::Decimal { scale: 2 },
            ColumnType::Float,
            ColumnType::Text,
            ColumnType::Date,
            ColumnType::Timestamp,
            ColumnType::Boolean,
        ];
        let names = types.map(|it| ColumnName::parse(it.as_str()).unwrap());
        let schema = schema(names.iter().zip(types));
        let decimals = Decimal128Array::from(vec![Some(150), None, Some(-5)]);
        let batch = RecordBatch::try_new(
            schema,
            vec![
                Arc::new(Int64Array::from(vec![Some(3), None, Some(-3)])),
                Arc::new(decimals.with_precision_and_scale(38, 2).unwrap()),
                Arc::new(Float64Array::from(vec![Some(0.5), None, Some(-0.5)])),
                Arc::new(StringArray::from(vec![Some("b"), None, Some("a")])),
                Arc::new(Date32Array::from(vec![Some(1), None, Some(0)])),
                Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(0)])),
                Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
            ],
        )
        .unwrap();
        let mut profile = TableProfile::new(types.into_iter());
        profile.see(&batch);
        profile.see(&batch);
        let seen = profile.finish();
        for (column, data_type) in seen.iter().zip(types) {
            assert_eq!(column.nulls, 2, "{data_type:?}");
            assert_eq!(column.distinct, Distinct::Exactly(2), "{data_type:?}");
            assert!(column.min.is_some() && column.max.is_some(), "{data_type:?}");
        }
        assert_eq!(seen[0].min, Some(Cell::Integer(-3)));
        assert_eq!(seen[1].max, Some(Cell::Decimal(Decimal::new(150, 2))));
        assert_eq!(seen[3].values, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(seen[6].max, Some(Cell::Boolean(true)));
    }
}
