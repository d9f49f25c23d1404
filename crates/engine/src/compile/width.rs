//! Whether a number can outgrow the type that the engine computes in. Sums wrap around silently
//! there, so the profile of the load decides beforehand: the largest value times the rows is a bound
//! that no filter and no group exceeds.

use pacioli_model::{Cell, Column, ColumnType};

/// What a value is cast to before it is summed or averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Nothing: it has room.
    AsItIs,
    /// `DECIMAL(precision, scale)`.
    Decimal(u8, u8),
}

/// Whole numbers up to here are exact as binary fractions.
const EXACT_AS_FLOAT: u128 = 1 << 53;
/// What 38 digits cannot hold.
pub(super) const DECIMAL_128: u128 = 10_u128.pow(38);
/// An average is computed with four digits more than its column has.
pub(super) const AVERAGE_DIGITS: u8 = 4;
/// What whole numbers of 64 bits hold.
pub(super) const INTEGER: u128 = i64::MAX.unsigned_abs() as u128;

/// For `sum`; `total` in units of the last digit.
pub(super) fn for_sum(data_type: ColumnType, total: u128) -> Width {
    match data_type {
        ColumnType::Integer if total > INTEGER => Width::Decimal(38, 0),
        ColumnType::Decimal { scale } if total >= DECIMAL_128 => Width::Decimal(76, scale),
        _ => Width::AsItIs,
    }
}

/// For `avg`: of integers a binary fraction, of decimals a decimal with four digits more, cut off.
pub(super) fn for_average(data_type: ColumnType, total: u128) -> Width {
    match data_type {
        ColumnType::Integer if total > EXACT_AS_FLOAT => Width::Decimal(38, 0),
        ColumnType::Decimal { scale }
            if total.saturating_mul(power(AVERAGE_DIGITS)) >= DECIMAL_128 =>
        {
            Width::Decimal(76, scale)
        }
        _ => Width::AsItIs,
    }
}

/// The largest value of a column, in units of its last digit.
pub(super) fn largest(column: &Column) -> u128 {
    let size = |cell: &Option<Cell>| match cell {
        Some(Cell::Integer(value)) => u128::from(value.unsigned_abs()),
        Some(Cell::Decimal(value)) => value.mantissa.unsigned_abs(),
        _ => 0,
    };
    size(&column.profile.min).max(size(&column.profile.max))
}

/// Ten to this power, or the greatest number.
pub(super) fn power(digits: u8) -> u128 {
    10_u128.checked_pow(digits.into()).unwrap_or(u128::MAX)
}
