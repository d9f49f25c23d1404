//! Columns in few bytes, which are widened to what queries see a batch at a time.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, PrimitiveArray},
    compute::{CastOptions, cast_with_options},
    datatypes::{
        ArrowPrimitiveType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Int8Type,
        Int16Type, Int32Type, Int64Type,
    },
    error::ArrowError,
};

/// A value that does not fit is an error, never a null.
const EXACTLY: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// The same values in the narrowest type that holds them all.
pub(super) fn compact(part: ArrayRef) -> ArrayRef {
    let narrow = |to: &DataType| cast_with_options(&part, to, &EXACTLY).ok();
    let found = match part.data_type() {
        DataType::Int64 => {
            [DataType::Int8, DataType::Int16, DataType::Int32].iter().find_map(narrow)
        }
        DataType::Decimal128(_, scale) => {
            let fits = |most: i8| (0..=most).contains(scale);
            let short = fits(9).then_some(DataType::Decimal32(9, *scale));
            let long = fits(18).then_some(DataType::Decimal64(18, *scale));
            [short, long].iter().flatten().find_map(narrow)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let keys = [DataType::UInt8, DataType::UInt16];
            let dictionaries = keys.map(|keys| dictionary(keys, DataType::Utf8));
            let found = dictionaries.iter().find_map(narrow);
            let views = |found: ArrayRef| match found.data_type() {
                DataType::Dictionary(keys, _) => {
                    let to = dictionary(keys.as_ref().clone(), DataType::Utf8View);
                    cast_with_options(&found, &to, &EXACTLY).ok()
                }
                _ => None,
            };
            found.and_then(views).or_else(|| narrow(&DataType::Utf8View))
        }
        _ => None,
    };
    let mut kept = found.unwrap_or(part);
    if let Some(kept) = Arc::get_mut(&mut kept) {
        kept.shrink_to_fit();
    }
    kept
}

fn dictionary(keys: DataType, values: DataType) -> DataType {
    DataType::Dictionary(Box::new(keys), Box::new(values))
}

/// The values as a scan gives them.
pub(super) fn widen(part: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    match (part.data_type(), to) {
        (DataType::Int8, DataType::Int64) => Ok(whole::<Int8Type>(part)),
        (DataType::Int16, DataType::Int64) => Ok(whole::<Int16Type>(part)),
        (DataType::Int32, DataType::Int64) => Ok(whole::<Int32Type>(part)),
        (DataType::Decimal32(_, from), DataType::Decimal128(_, scale)) if from == scale => {
            Ok(decimal(part.as_primitive::<Decimal32Type>(), to))
        }
        (DataType::Decimal64(_, from), DataType::Decimal128(_, scale)) if from == scale => {
            Ok(decimal(part.as_primitive::<Decimal64Type>(), to))
        }
        (from, to) if from == to => Ok(Arc::clone(part)),
        _ => cast_with_options(part, to, &EXACTLY),
    }
}

fn whole<T: ArrowPrimitiveType<Native: Into<i64>>>(part: &ArrayRef) -> ArrayRef {
    Arc::new(part.as_primitive::<T>().unary::<_, Int64Type>(Into::into))
}

fn decimal<T: ArrowPrimitiveType<Native: Into<i128>>>(
    part: &PrimitiveArray<T>,
    to: &DataType,
) -> ArrayRef {
    let wide = part.unary::<_, Decimal128Type>(Into::into);
    Arc::new(wide.with_data_type(to.clone()))
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{
            BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
            TimestampMicrosecondArray,
        },
        datatypes::TimeUnit,
    };

    use super::*;

    #[test]
    fn every_value_comes_back_as_it_was() {
        let wholes = |most: i64| Arc::new(Int64Array::from(vec![Some(-most), None, Some(most)]));
        let decimals = |most: i128, scale: i8| {
            let values = Decimal128Array::from(vec![Some(-most), None, Some(most)]);
            Arc::new(values.with_precision_and_scale(38, scale).unwrap())
        };
        let texts = |count: usize| {
            let texts =
                (0..count).map(|at| (at % 7 != 3).then(|| format!("{at} and more than twelve")));
            Arc::new(texts.collect::<StringArray>())
        };
        let dictionary = |keys| dictionary(keys, DataType::Utf8View);
        let cases: Vec<(ArrayRef, DataType, DataType)> = vec![
            (wholes(127), DataType::Int8, DataType::Int64),
            (wholes(128), DataType::Int16, DataType::Int64),
            (wholes(1 << 30), DataType::Int32, DataType::Int64),
            (wholes(1 << 31), DataType::Int64, DataType::Int64),
            (decimals(999_999_999, 2), DataType::Decimal32(9, 2), DataType::Decimal128(38, 2)),
            (decimals(1 << 40, 2), DataType::Decimal64(18, 2), DataType::Decimal128(38, 2)),
            (decimals(10, 12), DataType::Decimal64(18, 12), DataType::Decimal128(38, 12)),
            (decimals(1 << 70, 2), DataType::Decimal128(38, 2), DataType::Decimal128(38, 2)),
            (decimals(5, 20), DataType::Decimal128(38, 20), DataType::Decimal128(38, 20)),
            (texts(200), dictionary(DataType::UInt8), DataType::Utf8View),
            (texts(2000), dictionary(DataType::UInt16), DataType::Utf8View),
            (texts(80_000), DataType::Utf8View, DataType::Utf8View),
            (
                Arc::new(BooleanArray::from(vec![Some(true), None])),
                DataType::Boolean,
                DataType::Boolean,
            ),
            (
                Arc::new(Float64Array::from(vec![0.1, f64::NAN])),
                DataType::Float64,
                DataType::Float64,
            ),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None])),
                DataType::Timestamp(TimeUnit::Microsecond, None),
                DataType::Timestamp(TimeUnit::Microsecond, None),
            ),
        ];
        for (values, kept, seen) in cases {
            let small = compact(Arc::clone(&values));
            assert_eq!(small.data_type(), &kept);
            let expected = cast_with_options(&values, &seen, &EXACTLY).unwrap();
            assert_eq!(&widen(&small, &seen).unwrap(), &expected, "{kept}");
            let (part, expected) = (small.slice(1, 1), expected.slice(1, 1));
            assert_eq!(&widen(&part, &seen).unwrap(), &expected, "{kept}, a slice");
        }
    }
}
