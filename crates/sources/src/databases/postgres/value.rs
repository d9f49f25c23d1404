//! Types and values of PostgreSQL, as its binary protocol sends them, to ours.

use pacioli_model::ColumnType;
use tokio_postgres::types::{FromSql, Type};

use crate::databases::cells::Cell;

/// What a column is in the database, as far as reading it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Native {
    /// `smallint`, `integer`, `bigint`, `oid`.
    Integer,
    /// `real`, `double precision`.
    Float,
    /// `numeric(p, s)` with at most 38 digits on both sides of the point together.
    Numeric {
        scale: u8,
    },
    /// `numeric` that says too little of its digits: they are counted.
    Unscaled,
    /// `money`.
    Money,
    Boolean,
    Date,
    /// With and without a time zone; without one it is taken for UTC.
    Timestamp,
    /// Text, and whatever is read as its text: `uuid`, `json`, enumerations, arrays, `time`, ...
    Text,
    /// `bytea`: not read.
    Bytes,
    /// `bytea` that names rows: read as hexadecimal digits.
    KeyBytes,
}

impl Native {
    /// From a type of the database's own (none: somebody defined it) and its modifier.
    pub(super) fn of(of: Option<&Type>, modifier: i32) -> Self {
        match of {
            Some(&(Type::INT2 | Type::INT4 | Type::INT8 | Type::OID)) => Self::Integer,
            Some(&(Type::FLOAT4 | Type::FLOAT8)) => Self::Float,
            Some(&Type::NUMERIC) => Self::numeric(modifier),
            Some(&Type::MONEY) => Self::Money,
            Some(&Type::BOOL) => Self::Boolean,
            Some(&Type::DATE) => Self::Date,
            Some(&(Type::TIMESTAMP | Type::TIMESTAMPTZ)) => Self::Timestamp,
            Some(&Type::BYTEA) => Self::Bytes,
            _ => Self::Text,
        }
    }

    /// The modifier holds precision and scale: 16 bits, and 11 bits with a sign, after four bytes that
    /// count themselves.
    fn numeric(modifier: i32) -> Self {
        if modifier < 4 {
            return Self::Unscaled;
        }
        let precision = (modifier - 4) >> 16;
        let scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
        let whole = (precision - scale).max(0);
        match u8::try_from(scale.max(0)) {
            Ok(scale) if whole + i32::from(scale) <= 38 => Self::Numeric { scale },
            _ => Self::Unscaled,
        }
    }

    /// What it is here; empty for what is not read. `measured` is the scale that its values need.
    pub(super) fn column_type(self, measured: Option<u8>) -> Option<ColumnType> {
        Some(match self {
            Self::Integer => ColumnType::Integer,
            Self::Float => ColumnType::Float,
            Self::Numeric { scale } => ColumnType::Decimal { scale },
            Self::Unscaled | Self::Money => match measured {
                Some(scale) => ColumnType::Decimal { scale },
                None => ColumnType::Text,
            },
            Self::Boolean => ColumnType::Boolean,
            Self::Date => ColumnType::Date,
            Self::Timestamp => ColumnType::Timestamp,
            Self::Text | Self::KeyBytes => ColumnType::Text,
            Self::Bytes => return None,
        })
    }

    /// What to select for a column of this name, so that [`decode`] reads it as `wanted`; empty when
    /// it can not be.
    pub(super) fn select(self, quoted: &str, wanted: ColumnType) -> Option<String> {
        let fits = match wanted {
            ColumnType::Text if self == Self::Bytes => false,
            ColumnType::Text => {
                return Some(match self {
                    Self::KeyBytes => format!("pg_catalog.encode({quoted}, 'hex')"),
                    _ => format!("{quoted}::pg_catalog.text"),
                });
            }
            ColumnType::Decimal { .. } => {
                matches!(self, Self::Numeric { .. } | Self::Unscaled | Self::Money)
            }
            ColumnType::Integer => self == Self::Integer,
            ColumnType::Float => self == Self::Float,
            ColumnType::Date => self == Self::Date,
            ColumnType::Timestamp => self == Self::Timestamp,
            ColumnType::Boolean => self == Self::Boolean,
        };
        fits.then(|| match self {
            Self::Money => format!("{quoted}::pg_catalog.numeric"),
            _ => quoted.to_owned(),
        })
    }
}

/// The bytes of a value of any type.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Why a value is not a cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It has no equal here and is left empty.
    Empty(&'static str),
    /// It is text with bytes that are none, which were replaced.
    Garbled(String),
    /// It needs a wider type than the column was given.
    Wider,
    /// It is not of the type that was announced.
    Other,
}

const NOT_A_NUMBER: Unfit = Unfit::Empty("not a number, or infinite");
const INFINITE_TIME: Unfit = Unfit::Empty("infinite, or out of range");

/// Days and microseconds from 1970 to 2000, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

pub(super) fn decode<'a>(wanted: ColumnType, of: &Type, raw: &'a [u8]) -> Result<Cell<'a>, Unfit> {
    match wanted {
        ColumnType::Integer => integer(of, raw).map(Cell::Integer),
        ColumnType::Float => float(of, raw).map(Cell::Float),
        ColumnType::Decimal { scale } => decimal(raw, scale).map(Cell::Decimal),
        ColumnType::Text => match std::str::from_utf8(raw) {
            Ok(text) => Ok(Cell::Text(text.into())),
            // As databases in SQL_ASCII may hold it.
            Err(_) => Err(Unfit::Garbled(String::from_utf8_lossy(raw).into_owned())),
        },
        ColumnType::Boolean => Ok(Cell::Boolean(bytes::<1>(raw)? != [0])),
        ColumnType::Date => match i32::from_be_bytes(bytes(raw)?) {
            i32::MIN | i32::MAX => Err(INFINITE_TIME),
            days => days.checked_add(EPOCH_DAYS).map(Cell::Date).ok_or(INFINITE_TIME),
        },
        ColumnType::Timestamp => match i64::from_be_bytes(bytes(raw)?) {
            i64::MIN | i64::MAX => Err(INFINITE_TIME),
            micros => {
                micros.checked_add(EPOCH_MICROSECONDS).map(Cell::Timestamp).ok_or(INFINITE_TIME)
            }
        },
    }
}

fn bytes<const N: usize>(raw: &[u8]) -> Result<[u8; N], Unfit> {
    raw.try_into().map_err(|_| Unfit::Other)
}

fn integer(of: &Type, raw: &[u8]) -> Result<i64, Unfit> {
    Ok(match (of, raw.len()) {
        (_, 2) => i16::from_be_bytes(bytes(raw)?).into(),
        (&Type::OID, 4) => u32::from_be_bytes(bytes(raw)?).into(),
        (_, 4) => i32::from_be_bytes(bytes(raw)?).into(),
        _ => i64::from_be_bytes(bytes(raw)?),
    })
}

fn float(of: &Type, raw: &[u8]) -> Result<f64, Unfit> {
    let value = if *of == Type::FLOAT4 {
        // The nearest f64 to what people see, 0.1, not to the f32 behind it, 0.10000000149.
        let narrow = f32::from_be_bytes(bytes(raw)?);
        narrow.to_string().parse().unwrap_or(f64::from(narrow))
    } else {
        f64::from_be_bytes(bytes(raw)?)
    };
    if value.is_finite() { Ok(value) } else { Err(NOT_A_NUMBER) }
}

/// `numeric`: a count of digits to base 10,000, the weight of the first, a sign, the scale to show, and
/// the digits.
fn decimal(raw: &[u8], scale: u8) -> Result<i128, Unfit> {
    let mut words = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (Some(count), Some(weight), Some(sign), Some(_shown)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Unfit::Other);
    };
    if !matches!(sign, 0 | 0x4000) {
        return Err(NOT_A_NUMBER);
    }
    let mut value: i128 = 0;
    let mut power = 4 * i32::from(weight.cast_signed()) + i32::from(scale);
    for digit in words.take(usize::from(count)) {
        if digit != 0 {
            let part = shifted(i128::from(digit), power).ok_or(Unfit::Wider)?;
            value = value.checked_add(part).ok_or(Unfit::Wider)?;
        }
        power -= 4;
    }
    if value >= 10_i128.pow(38) {
        return Err(Unfit::Wider);
    }
    Ok(if sign == 0 { value } else { -value })
}

/// `digit * 10^power`, if that is whole and fits.
fn shifted(digit: i128, power: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        digit.checked_mul(factor)
    } else {
        (digit % factor == 0).then(|| digit / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap();
        let head = [count, weight.cast_unsigned(), sign, 0];
        head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn numbers_keep_every_digit_or_say_that_they_do_not_fit() {
        let cases = [
            (numeric(0, 0, &[]), 2, Ok(0)),
            (numeric(0, 0, &[1]), 0, Ok(1)),
            (numeric(0, 0x4000, &[12, 3_400]), 2, Ok(-1_234)),
            (numeric(0, 0, &[12, 3_450]), 2, Err(Unfit::Wider)),
            (numeric(0, 0, &[12, 3_450]), 3, Ok(12_345)),
            (numeric(-1, 0, &[1]), 4, Ok(1)),
            (numeric(-2, 0, &[1]), 4, Err(Unfit::Wider)),
            (numeric(1, 0, &[1]), 0, Ok(10_000)),
            (numeric(9, 0, &[99, 9_999]), 0, Ok(999_999 * 10_i128.pow(32))),
            (numeric(9, 0, &[100]), 0, Err(Unfit::Wider)),
            (numeric(30, 0, &[1]), 0, Err(Unfit::Wider)),
            (numeric(0, 0xc000, &[]), 2, Err(NOT_A_NUMBER)),
            (numeric(0, 0xd000, &[]), 2, Err(NOT_A_NUMBER)),
            (vec![0, 0, 0], 2, Err(Unfit::Other)),
        ];
        for (raw, scale, expect) in cases {
            assert_eq!(decimal(&raw, scale), expect, "{raw:?} at {scale}");
        }
    }

    #[test]
    fn declared_scales_are_read_from_the_modifier() {
        let modifier = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        for (of, expect) in [
            (-1, Native::Unscaled),
            (modifier(12, 2), Native::Numeric { scale: 2 }),
            (modifier(38, 0), Native::Numeric { scale: 0 }),
            (modifier(38, 38), Native::Numeric { scale: 38 }),
            (modifier(39, 2), Native::Unscaled),
            (modifier(1_000, 1_000), Native::Unscaled),
            (modifier(5, -3), Native::Numeric { scale: 0 }),
            (modifier(37, -3), Native::Unscaled),
            (modifier(2, 5), Native::Numeric { scale: 5 }),
        ] {
            assert_eq!(Native::numeric(of), expect, "{of}");
        }
    }

    #[test]
    fn a_value_of_another_width_is_refused_rather_than_misread() {
        for wanted in [ColumnType::Date, ColumnType::Timestamp, ColumnType::Boolean] {
            assert_eq!(decode(wanted, &Type::INT2, &[1, 2, 3]), Err(Unfit::Other));
        }
        let garbled = Err(Unfit::Garbled("a\u{fffd}".to_owned()));
        assert_eq!(decode(ColumnType::Text, &Type::TEXT, &[b'a', 0xff]), garbled);
    }
}
