//! One cell to one value, in the way decided for its column.

use super::{
    moment::{Moment, Order},
    number::{Bare, Mark, Number},
};

/// How the cells of a column become values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Text,
    Boolean,
    Integer { mark: Mark },
    Decimal { mark: Mark, scale: u8 },
    Float { mark: Mark },
    Date { order: Order },
    Timestamp { order: Order },
}

/// Nothing stands in the cell, in a column of any type.
pub(super) fn is_empty(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// The cell says that it has no value, unless its column is text.
pub(super) fn says_null(cell: &str) -> bool {
    ["-", "null", "n/a", "#n/a", "nan"].iter().any(|word| cell.eq_ignore_ascii_case(word))
}

const BOOLEANS: [(&str, &str); 7] = [
    ("true", "false"),
    ("yes", "no"),
    ("ja", "nein"),
    ("oui", "non"),
    ("si", "no"),
    ("sí", "no"),
    ("wahr", "falsch"),
];

/// The pairs of words that the cell belongs to, as bits, and which of the two it is.
pub(super) fn boolean(cell: &str) -> Option<(u8, bool)> {
    if cell.len() > 6 {
        return None;
    }
    let word = cell.to_lowercase();
    let mut pairs = 0;
    let mut value = None;
    for (position, (yes, no)) in BOOLEANS.iter().enumerate() {
        if word == *yes || word == *no {
            pairs |= 1 << position;
            value = Some(word == *yes);
        }
    }
    value.map(|value| (pairs, value))
}

fn number(cell: &str, mark: Mark) -> Option<Number<'_>> {
    Bare::strip(cell)?.read(mark)
}

pub(super) fn integer(cell: &str, mark: Mark) -> Option<i64> {
    i64::try_from(number(cell, mark)?.mantissa(0)?).ok()
}

pub(super) fn decimal(cell: &str, mark: Mark, scale: u8) -> Option<i128> {
    number(cell, mark)?.mantissa(scale)
}

pub(super) fn float(cell: &str, mark: Mark) -> Option<f64> {
    number(cell, mark)?.to_f64()
}

/// Days since 1970.
pub(super) fn date(cell: &str, order: Order) -> Option<i32> {
    Some(Moment::parse(cell)?.date(order)?.to_epoch_days())
}

/// Microseconds since 1970 in UTC.
pub(super) fn timestamp(cell: &str, order: Order) -> Option<i64> {
    Moment::parse(cell)?.micros(order)
}
