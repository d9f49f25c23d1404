//! Types and values of MySQL and MariaDB to ours.

use chrono::{NaiveDate, Timelike};
use mysql_async::Value;
use pacioli_model::ColumnType;

use crate::databases::{cells::Cell, changes::days};

/// What a column is in the database, as far as reading it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Native {
    /// Whole numbers that fit 64 bits with a sign, and `year`.
    Integer,
    /// `bigint unsigned`: decided by its greatest value.
    Unsigned,
    /// `tinyint(1)`: true or false, if there is nothing else in it.
    Flag,
    /// `bit(1)`.
    Bit,
    /// `bit(n)`.
    Bits,
    Float,
    /// `decimal(p, s)` with at most 38 digits.
    Decimal {
        scale: u8,
    },
    Date,
    /// `datetime`, taken for UTC, and `timestamp`.
    Timestamp,
    /// `char`, `varchar`.
    Varchar,
    /// `text`, `json`, and whatever is read as its text.
    Text,
    /// What the server makes a text of: `time`, `enum`, `set`, `uuid`, longer decimals.
    Cast,
    /// `binary`, `blob`, geometry: not read.
    Bytes,
    /// `binary` that names rows: read as hexadecimal digits.
    KeyBytes,
}

impl Native {
    /// From `information_schema.COLUMNS`: the type, the whole of its text, its precision and scale.
    pub(super) fn of(data_type: &str, column_type: &str, precision: u64, scale: u64) -> Self {
        let column_type = column_type.to_ascii_lowercase();
        match data_type.to_ascii_lowercase().as_str() {
            "tinyint" if column_type.starts_with("tinyint(1)") => Self::Flag,
            "bigint" if column_type.contains("unsigned") => Self::Unsigned,
            "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "year" => {
                Self::Integer
            }
            "bit" if precision == 1 => Self::Bit,
            "bit" => Self::Bits,
            "float" | "double" | "real" => Self::Float,
            "decimal" | "numeric" => match u8::try_from(scale) {
                Ok(scale) if precision <= 38 => Self::Decimal { scale },
                _ => Self::Cast,
            },
            "date" => Self::Date,
            "datetime" | "timestamp" => Self::Timestamp,
            "char" | "varchar" => Self::Varchar,
            "tinytext" | "text" | "mediumtext" | "longtext" | "json" => Self::Text,
            "time" | "enum" | "set" | "uuid" | "inet4" | "inet6" => Self::Cast,
            _ => Self::Bytes,
        }
    }

    /// What it is here; empty for what is not read. `wide` says that the values need the wider of the
    /// two types that the column can have.
    pub(super) fn column_type(self, wide: bool) -> Option<ColumnType> {
        Some(match self {
            Self::Unsigned | Self::Bits if wide => ColumnType::Decimal { scale: 0 },
            Self::Integer | Self::Unsigned | Self::Bits => ColumnType::Integer,
            Self::Flag if wide => ColumnType::Integer,
            Self::Flag | Self::Bit => ColumnType::Boolean,
            Self::Float => ColumnType::Float,
            Self::Decimal { scale } => ColumnType::Decimal { scale },
            Self::Date => ColumnType::Date,
            Self::Timestamp => ColumnType::Timestamp,
            Self::Varchar | Self::Text | Self::Cast | Self::KeyBytes => ColumnType::Text,
            Self::Bytes => return None,
        })
    }

    /// What to select for a column of this name, so that [`decode`] reads it as `wanted`; empty when
    /// it can not be.
    pub(super) fn select(self, quoted: &str, wanted: ColumnType) -> Option<String> {
        match (self, wanted) {
            (Self::Bytes, _) => None,
            (Self::KeyBytes, ColumnType::Text) => Some(format!("LOWER(HEX({quoted}))")),
            (Self::Varchar | Self::Text, ColumnType::Text) => Some(quoted.to_owned()),
            (_, ColumnType::Text) => Some(format!("CAST({quoted} AS CHAR)")),
            (Self::Bit | Self::Bits, _) if self.may_be(wanted) => {
                Some(format!("CAST({quoted} AS UNSIGNED)"))
            }
            _ => self.may_be(wanted).then(|| quoted.to_owned()),
        }
    }

    fn may_be(self, wanted: ColumnType) -> bool {
        [false, true].into_iter().any(|wide| self.column_type(wide) == Some(wanted))
            || matches!((self, wanted), (Self::Decimal { .. }, ColumnType::Decimal { .. }))
    }

    /// Whether rows can be asked for in its order, after a value.
    pub(super) fn is_ordered(self) -> bool {
        matches!(
            self,
            Self::Integer
                | Self::Unsigned
                | Self::Flag
                | Self::Decimal { .. }
                | Self::Date
                | Self::Timestamp
                | Self::Varchar
                | Self::KeyBytes
        )
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

const NO_DAY: Unfit = Unfit::Empty("no day of the calendar");

pub(super) fn decode(wanted: ColumnType, value: &Value) -> Result<Cell<'_>, Unfit> {
    Ok(match (wanted, value) {
        (_, Value::NULL) => Cell::Null,
        (ColumnType::Integer, Value::Int(value)) => Cell::Integer(*value),
        (ColumnType::Integer, Value::UInt(value)) => {
            Cell::Integer(i64::try_from(*value).map_err(|_| Unfit::Wider)?)
        }
        (ColumnType::Boolean, Value::Int(0) | Value::UInt(0)) => Cell::Boolean(false),
        (ColumnType::Boolean, Value::Int(1) | Value::UInt(1)) => Cell::Boolean(true),
        (ColumnType::Boolean, Value::Int(_) | Value::UInt(_)) => return Err(Unfit::Wider),
        // The nearest f64 to what people see, 0.1, not to the f32 behind it, 0.10000000149.
        (ColumnType::Float, Value::Float(value)) => {
            Cell::Float(value.to_string().parse().unwrap_or(f64::from(*value)))
        }
        (ColumnType::Float, Value::Double(value)) => Cell::Float(*value),
        (ColumnType::Decimal { scale: 0 }, Value::Int(value)) => Cell::Decimal((*value).into()),
        (ColumnType::Decimal { scale: 0 }, Value::UInt(value)) => Cell::Decimal((*value).into()),
        (ColumnType::Decimal { scale }, Value::Bytes(text)) => Cell::Decimal(decimal(text, scale)?),
        (ColumnType::Text, Value::Bytes(text)) => {
            let garbled = |_| Unfit::Garbled(String::from_utf8_lossy(text).into_owned());
            Cell::Text(std::str::from_utf8(text).map_err(garbled)?.into())
        }
        (ColumnType::Date, Value::Date(year, month, day, ..)) => {
            let days = days(date(*year, *month, *day)?);
            Cell::Date(i32::try_from(days).map_err(|_| NO_DAY)?)
        }
        (ColumnType::Timestamp, Value::Date(..)) => Cell::Timestamp(timestamp(value)?),
        _ => return Err(Unfit::Other),
    })
}

fn date(year: u16, month: u8, day: u8) -> Result<NaiveDate, Unfit> {
    // The year 0 comes with the zero date, and with nothing else that anybody means.
    let known = (year > 0).then(|| NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()));
    known.flatten().ok_or(NO_DAY)
}

fn timestamp(value: &Value) -> Result<i64, Unfit> {
    let Value::Date(year, month, day, hour, minute, second, micros) = value else {
        return Err(Unfit::Other);
    };
    let (hour, minute, second) = ((*hour).into(), (*minute).into(), (*second).into());
    let moment = date(*year, *month, *day)?.and_hms_opt(hour, minute, second);
    let moment = moment.and_then(|moment| moment.with_nanosecond(micros * 1_000)).ok_or(NO_DAY)?;
    Ok(moment.and_utc().timestamp_micros())
}

fn decimal(text: &[u8], scale: u8) -> Result<i128, Unfit> {
    let text = std::str::from_utf8(text).map_err(|_| Unfit::Other)?;
    let number: pacioli_model::Decimal = text.parse().map_err(|_| Unfit::Wider)?;
    let up = scale.checked_sub(number.scale);
    let factor = 10_i128.pow(u32::from(up.unwrap_or_else(|| number.scale - scale)));
    let mantissa = match up {
        Some(_) => number.mantissa.checked_mul(factor).ok_or(Unfit::Wider)?,
        None if number.mantissa % factor == 0 => number.mantissa / factor,
        None => return Err(Unfit::Wider),
    };
    if mantissa.unsigned_abs() < 10_u128.pow(38) { Ok(mantissa) } else { Err(Unfit::Wider) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_from_their_text() {
        for (data_type, column_type, precision, scale, expect) in [
            ("tinyint", "tinyint(1)", 3, 0, Native::Flag),
            ("tinyint", "tinyint(4)", 3, 0, Native::Integer),
            ("int", "int(10) unsigned", 10, 0, Native::Integer),
            ("bigint", "bigint(20)", 19, 0, Native::Integer),
            ("bigint", "bigint(20) unsigned zerofill", 20, 0, Native::Unsigned),
            ("bit", "bit(1)", 1, 0, Native::Bit),
            ("bit", "bit(64)", 64, 0, Native::Bits),
            ("decimal", "decimal(12,2)", 12, 2, Native::Decimal { scale: 2 }),
            ("decimal", "decimal(65,30)", 65, 30, Native::Cast),
            ("enum", "enum('a','b')", 0, 0, Native::Cast),
            ("VARCHAR", "VARCHAR(3)", 0, 0, Native::Varchar),
            ("point", "point", 0, 0, Native::Bytes),
            ("vector", "vector(3)", 0, 0, Native::Bytes),
        ] {
            assert_eq!(
                Native::of(data_type, column_type, precision, scale),
                expect,
                "{column_type}"
            );
        }
    }

    #[test]
    fn decimals_keep_every_digit_or_say_that_they_do_not_fit() {
        for (text, scale, expect) in [
            ("0", 2, Ok(0)),
            ("-12.34", 2, Ok(-1_234)),
            ("-12.34", 4, Ok(-123_400)),
            ("12.340", 2, Ok(1_234)),
            ("12.345", 2, Err(Unfit::Wider)),
            ("9999999999999999999999999999999999999.9", 1, Ok(10_i128.pow(38) - 1)),
            ("9999999999999999999999999999999999999.9", 2, Err(Unfit::Wider)),
            ("nonsense", 2, Err(Unfit::Wider)),
        ] {
            assert_eq!(decimal(text.as_bytes(), scale), expect, "{text} at {scale}");
        }
    }

    #[test]
    fn dates_that_are_none_are_empty_and_the_rest_is_exact() {
        let of = |y, m, d| Value::Date(y, m, d, 23, 59, 59, 999_999);
        for (value, expect) in [
            (of(1970, 1, 1), Ok(Cell::Timestamp(86_399_999_999))),
            (of(1969, 12, 31), Ok(Cell::Timestamp(-1))),
            (of(9999, 12, 31), Ok(Cell::Timestamp(253_402_300_799_999_999))),
            (of(0, 0, 0), Err(NO_DAY)),
            (of(2024, 0, 0), Err(NO_DAY)),
            (of(2023, 2, 29), Err(NO_DAY)),
        ] {
            assert_eq!(decode(ColumnType::Timestamp, &value), expect, "{value:?}");
        }
        assert_eq!(decode(ColumnType::Date, &of(2000, 3, 1)), Ok(Cell::Date(11_017)));
    }

    #[test]
    fn a_value_that_needs_more_than_the_type_it_was_given_is_not_bent() {
        for (wanted, value) in
            [(ColumnType::Boolean, Value::Int(2)), (ColumnType::Integer, Value::UInt(u64::MAX))]
        {
            assert_eq!(decode(wanted, &value), Err(Unfit::Wider));
        }
        let wide = ColumnType::Decimal { scale: 0 };
        assert_eq!(decode(wide, &Value::UInt(u64::MAX)), Ok(Cell::Decimal(u64::MAX.into())));
        let garbled = Value::Bytes(vec![b'a', 0xff]);
        let shown = Err(Unfit::Garbled("a\u{fffd}".to_owned()));
        assert_eq!(decode(ColumnType::Text, &garbled), shown);
    }
}
