//! One cell to one value, in the way decided for its column.

use super::{
    moment::{Moment, Order},
    number::{Bare, Mark, Number},
};

/// How the cells of a column become values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Text,
    Boolean,
    Integer { mark: Mark },
    Decimal { mark: Mark, scale: u8 },
    Float { mark: Mark },
    Date { order: Order },
    Timestamp { order: Order },
}

impl Reading {
    /// The decimal mark that it reads numbers with.
    pub(crate) fn mark(self) -> Option<Mark> {
        match self {
            Self::Integer { mark } | Self::Decimal { mark, .. } | Self::Float { mark } => {
                Some(mark)
            }
            _ => None,
        }
    }

    /// The order that it reads dates in.
    pub(crate) fn order(self) -> Option<Order> {
        match self {
            Self::Date { order } | Self::Timestamp { order } => Some(order),
            _ => None,
        }
    }
}

/// Nothing stands in the cell, in a column of any type.
pub(crate) fn is_empty(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// The cell says that it has no value, unless its column is text.
pub(crate) fn says_null(cell: &str) -> bool {
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
pub(crate) fn boolean(cell: &str) -> Option<(u8, bool)> {
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

/// A value of a column that is known to be boolean, where 0 and 1 are words too.
pub(crate) fn truth(cell: &str) -> Option<bool> {
    match cell {
        "0" => Some(false),
        "1" => Some(true),
        _ => boolean(cell).map(|(_, value)| value),
    }
}

fn number(cell: &str, mark: Mark) -> Option<Number<'_>> {
    Bare::strip(cell)?.read(mark)
}

pub(crate) fn integer(cell: &str, mark: Mark) -> Option<i64> {
    i64::try_from(number(cell, mark)?.mantissa(0)?).ok()
}

pub(crate) fn decimal(cell: &str, mark: Mark, scale: u8) -> Option<i128> {
    number(cell, mark)?.mantissa(scale)
}

pub(crate) fn float(cell: &str, mark: Mark) -> Option<f64> {
    number(cell, mark)?.to_f64()
}

/// Days since 1970.
pub(crate) fn date(cell: &str, order: Order) -> Option<i32> {
    Some(Moment::parse(cell)?.date(order)?.to_epoch_days())
}

/// Microseconds since 1970 in UTC.
pub(crate) fn timestamp(cell: &str, order: Order) -> Option<i64> {
    Moment::parse(cell)?.micros(order)
}
