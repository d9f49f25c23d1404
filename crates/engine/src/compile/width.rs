//! Whether a total can outgrow the type that the engine sums in. It wraps around silently there, so
//! the profile of the load decides beforehand: the largest value times the rows is a bound that no
//! filter and no group exceeds.

use pacioli_model::{Cell, Column, ColumnType};

/// What a column is cast to before it is summed or averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Nothing: it has room.
    AsItIs,
    /// `DECIMAL(precision, scale)`.
    Decimal(u8, u8),
}

/// Whole numbers up to here are exact as binary fractions.
const EXACT_AS_FLOAT: u128 = 1 << 53;
const DECIMAL_128: u128 = 10_u128.pow(38);
/// An average is computed with four digits more than its column has.
const AVERAGE_DIGITS: u128 = 10_u128.pow(4);

/// For `sum`.
pub(super) fn for_sum(column: &Column, rows: u64) -> Width {
    let total = largest_total(column, rows);
    match column.data_type {
        ColumnType::Integer if total > i64::MAX.unsigned_abs().into() => Width::Decimal(38, 0),
        ColumnType::Decimal { scale } if total >= DECIMAL_128 => Width::Decimal(76, scale),
        _ => Width::AsItIs,
    }
}

/// For `avg`: of integers a binary fraction, of decimals a decimal with four digits more, cut off.
pub(super) fn for_average(column: &Column, rows: u64) -> Width {
    let total = largest_total(column, rows);
    match column.data_type {
        ColumnType::Integer if total > EXACT_AS_FLOAT => Width::Decimal(38, 0),
        ColumnType::Decimal { scale } if total.saturating_mul(AVERAGE_DIGITS) >= DECIMAL_128 => {
            Width::Decimal(76, scale)
        }
        _ => Width::AsItIs,
    }
}

/// In units of the column's last digit.
fn largest_total(column: &Column, rows: u64) -> u128 {
    let size = |cell: &Option<Cell>| match cell {
        Some(Cell::Integer(value)) => u128::from(value.unsigned_abs()),
        Some(Cell::Decimal(value)) => value.mantissa.unsigned_abs(),
        _ => 0,
    };
    let largest = size(&column.profile.min).max(size(&column.profile.max));
    largest.saturating_mul(rows.into())
}
