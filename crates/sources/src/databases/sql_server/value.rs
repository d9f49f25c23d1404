//! Types and values of SQL Server to ours.

use pacioli_model::ColumnType;
use tiberius::{ColumnData, time::DateTime2};

use crate::databases::cells::Cell;

/// What a column is in the database, as far as reading it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Native {
    /// `tinyint` to `bigint`.
    Integer,
    Bit,
    /// `float`, `real`.
    Float,
    /// `decimal`, `numeric`.
    Decimal {
        scale: u8,
    },
    /// `money`, `smallmoney`: the client library makes a float of them.
    Money,
    Date,
    /// `datetime`, `smalldatetime`: their texts are read in the order that the session is told.
    OldTimestamp,
    /// `datetime2`, `datetimeoffset`; without a zone it is taken for UTC.
    Timestamp,
    Time,
    Guid,
    /// `nchar`, `nvarchar`.
    Wide(Length),
    /// `char`, `varchar`, in the code page of their collation.
    Narrow(Length),
    /// `text`, `ntext`, `xml`, `json`.
    Long,
    /// `sql_variant`, `hierarchyid`: read as their text.
    Variant,
    /// `rowversion`: a number that counts the database's changes.
    RowVersion,
    /// `binary`, `image`, geometry: not read.
    Bytes,
    /// `binary` that names rows: read as hexadecimal digits.
    KeyBytes,
}

/// How many characters a text may have; none where there is no end to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) most: Option<u16>,
    /// It is filled up with blanks.
    pub(super) is_padded: bool,
}

impl Length {
    /// `nvarchar` of it, which is bounded up to 4,000 characters.
    fn nvarchar(self) -> String {
        match self.most {
            Some(most) if most <= 4_000 => format!("nvarchar({most})"),
            _ => "nvarchar(max)".to_owned(),
        }
    }

    /// The bytes of that.
    fn varbinary(self) -> String {
        match self.most {
            Some(most) if most <= 4_000 => format!("varbinary({})", u32::from(most) * 2),
            _ => "varbinary(max)".to_owned(),
        }
    }
}

impl Native {
    /// From `sys.columns`, with the system's type under a user's own: its name, its length in bytes (-1
    /// for none), its scale.
    pub(super) fn of(type_name: &str, bytes: i64, scale: u8) -> Self {
        let length = |width: i64, is_padded| Length {
            most: u16::try_from(bytes / width).ok().filter(|most| *most > 0),
            is_padded,
        };
        match type_name {
            "tinyint" | "smallint" | "int" | "bigint" => Self::Integer,
            "bit" => Self::Bit,
            "float" | "real" => Self::Float,
            "decimal" | "numeric" => Self::Decimal { scale },
            "money" | "smallmoney" => Self::Money,
            "date" => Self::Date,
            "datetime" | "smalldatetime" => Self::OldTimestamp,
            "datetime2" | "datetimeoffset" => Self::Timestamp,
            "time" => Self::Time,
            "uniqueidentifier" => Self::Guid,
            "nvarchar" => Self::Wide(length(2, false)),
            "nchar" => Self::Wide(length(2, true)),
            "varchar" => Self::Narrow(length(1, false)),
            "char" => Self::Narrow(length(1, true)),
            "text" | "ntext" | "xml" | "json" => Self::Long,
            "sql_variant" | "hierarchyid" => Self::Variant,
            "timestamp" => Self::RowVersion,
            _ => Self::Bytes,
        }
    }

    /// What it is here; empty for what is not read.
    pub(super) fn column_type(self) -> Option<ColumnType> {
        Some(match self {
            Self::Integer | Self::RowVersion => ColumnType::Integer,
            Self::Bit => ColumnType::Boolean,
            Self::Float => ColumnType::Float,
            Self::Decimal { scale } => ColumnType::Decimal { scale },
            Self::Money => ColumnType::Decimal { scale: 4 },
            Self::Date => ColumnType::Date,
            Self::OldTimestamp | Self::Timestamp => ColumnType::Timestamp,
            Self::Time
            | Self::Guid
            | Self::Wide(_)
            | Self::Narrow(_)
            | Self::Long
            | Self::Variant
            | Self::KeyBytes => ColumnType::Text,
            Self::Bytes => return None,
        })
    }

    /// What to select for a column of this name, so that [`decode`] reads it as `wanted`; empty when it
    /// can not be. Texts come as the bytes of UTF-16: the client library gives up on half a character,
    /// and on code pages that it does not know.
    pub(super) fn select(self, quoted: &str, wanted: ColumnType) -> Option<String> {
        if wanted == ColumnType::Text {
            return self.select_text(quoted);
        }
        match (self, wanted) {
            (Self::Money, ColumnType::Decimal { .. }) => Some(money(quoted)),
            (Self::RowVersion, ColumnType::Integer) => Some(format!("CAST({quoted} AS bigint)")),
            (Self::Decimal { .. }, ColumnType::Decimal { .. }) => Some(quoted.to_owned()),
            _ => (self.column_type() == Some(wanted)).then(|| quoted.to_owned()),
        }
    }

    fn select_text(self, quoted: &str) -> Option<String> {
        Some(match self {
            Self::Bytes | Self::Float => return None,
            Self::KeyBytes => format!("LOWER(CONVERT(nvarchar(4000), {quoted}, 2))"),
            Self::Wide(length) | Self::Narrow(length) if length.is_padded => {
                self.select_bytes(&format!("RTRIM({quoted})"))
            }
            Self::Wide(_) | Self::Narrow(_) => self.select_bytes(quoted),
            Self::Long => format!("CAST(CAST({quoted} AS nvarchar(max)) AS varbinary(max))"),
            Self::Variant => format!("CAST(CAST({quoted} AS nvarchar(4000)) AS varbinary(8000))"),
            Self::Guid => quoted.to_owned(),
            Self::Date | Self::OldTimestamp | Self::Timestamp | Self::Time => moment(quoted),
            Self::Integer | Self::Bit | Self::Decimal { .. } => {
                format!("CONVERT(nvarchar(41), {quoted})")
            }
            Self::Money => format!("CONVERT(nvarchar(41), {})", money(quoted)),
            Self::RowVersion => format!("CONVERT(nvarchar(41), CAST({quoted} AS bigint))"),
        })
    }

    /// The bytes of a text in UTF-16.
    fn select_bytes(self, text: &str) -> String {
        match self {
            Self::Narrow(length) => {
                let (wide, bytes) = (length.nvarchar(), length.varbinary());
                format!("CAST(CAST({text} AS {wide}) AS {bytes})")
            }
            Self::Wide(length) => format!("CAST({text} AS {})", length.varbinary()),
            _ => text.to_owned(),
        }
    }

    /// What to select for a column of a key, so that [`Native::place`] takes it back exactly.
    pub(super) fn select_key(self, quoted: &str) -> String {
        match self {
            Self::Wide(_) | Self::Narrow(_) => self.select_bytes(quoted),
            Self::Money => money(quoted),
            Self::Date | Self::OldTimestamp | Self::Timestamp | Self::Time => moment(quoted),
            _ => quoted.to_owned(),
        }
    }

    /// What stands for a key's value in a condition: a parameter made to be of the column's own type, and
    /// of its collation, for else the server would compare by other rules than it sorts by, or read the
    /// whole table. Empty when rows cannot be asked for in its order.
    pub(super) fn place(
        self,
        parameter: &str,
        sql_type: &str,
        collation: Option<&str>,
    ) -> Option<String> {
        let own = format!("CAST({parameter} AS {sql_type})");
        Some(match self {
            Self::Integer
            | Self::Bit
            | Self::Decimal { .. }
            | Self::Guid
            | Self::Date
            | Self::Time
            | Self::Timestamp
            | Self::KeyBytes => own,
            Self::OldTimestamp => format!("CONVERT({sql_type}, {parameter}, 121)"),
            Self::Money => format!("CAST({} AS {sql_type})", money(parameter)),
            Self::Wide(_) => format!("{own} COLLATE {}", plain(collation?)?),
            Self::Narrow(length) => {
                let (collation, wide) = (plain(collation?)?, length.nvarchar());
                let text = format!("CAST({parameter} AS {wide}) COLLATE {collation}");
                format!("CAST({text} AS {sql_type}) COLLATE {collation}")
            }
            Self::Float | Self::Long | Self::Variant | Self::RowVersion | Self::Bytes => {
                return None;
            }
        })
    }
}

fn money(quoted: &str) -> String {
    format!("CAST({quoted} AS decimal(19, 4))")
}

/// `yyyy-mm-dd hh:mi:ss.nnnnnnn +hh:mm`, as much of it as there is.
fn moment(quoted: &str) -> String {
    format!("CONVERT(nvarchar(34), {quoted}, 121)")
}

/// A collation's name, which cannot be quoted; empty for what is none.
fn plain(collation: &str) -> Option<&str> {
    let is_name =
        !collation.is_empty() && collation.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(collation)
}

/// Why a value is not a cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is text with bytes that are none, which were replaced.
    Garbled(String),
    /// It is finer than a microsecond; so many of them since 1970 remain.
    Shortened(i64),
    /// It needs a wider type than the column was given.
    Wider,
    /// It is not of the type that was announced.
    Other,
}

/// Days from the first of the year 1, and of 1900, to that of 1970.
const DAYS_FROM_1: i64 = 719_162;
const DAYS_FROM_1900: i64 = 25_567;
const DAY_MICROSECONDS: i64 = 86_400_000_000;

pub(super) fn decode<'a>(wanted: ColumnType, value: &'a ColumnData<'_>) -> Result<Cell<'a>, Unfit> {
    if is_null(value) {
        return Ok(Cell::Null);
    }
    match wanted {
        ColumnType::Integer => whole(value).map(Cell::Integer).ok_or(Unfit::Other),
        ColumnType::Text => text(value),
        ColumnType::Timestamp => timestamp(value).map(Cell::Timestamp),
        ColumnType::Decimal { scale } => match value {
            ColumnData::Numeric(Some(number)) => {
                rescaled(number.value(), number.scale(), scale).map(Cell::Decimal)
            }
            _ => Err(Unfit::Other),
        },
        ColumnType::Boolean => match value {
            ColumnData::Bit(Some(value)) => Ok(Cell::Boolean(*value)),
            _ => Err(Unfit::Other),
        },
        ColumnType::Float => match value {
            // The nearest f64 to what people see, 0.1, not to the f32 behind it, 0.10000000149.
            ColumnData::F32(Some(value)) => {
                Ok(Cell::Float(value.to_string().parse().unwrap_or(f64::from(*value))))
            }
            ColumnData::F64(Some(value)) => Ok(Cell::Float(*value)),
            _ => Err(Unfit::Other),
        },
        ColumnType::Date => match value {
            ColumnData::Date(Some(date)) => {
                let days = i64::from(date.days()) - DAYS_FROM_1;
                i32::try_from(days).map(Cell::Date).map_err(|_| Unfit::Other)
            }
            _ => Err(Unfit::Other),
        },
    }
}

fn is_null(value: &ColumnData<'_>) -> bool {
    matches!(
        value,
        ColumnData::U8(None)
            | ColumnData::I16(None)
            | ColumnData::I32(None)
            | ColumnData::I64(None)
            | ColumnData::F32(None)
            | ColumnData::F64(None)
            | ColumnData::Bit(None)
            | ColumnData::String(None)
            | ColumnData::Guid(None)
            | ColumnData::Binary(None)
            | ColumnData::Numeric(None)
            | ColumnData::Xml(None)
            | ColumnData::DateTime(None)
            | ColumnData::SmallDateTime(None)
            | ColumnData::Time(None)
            | ColumnData::Date(None)
            | ColumnData::DateTime2(None)
            | ColumnData::DateTimeOffset(None)
    )
}

/// A whole number of any width.
pub(super) fn whole(value: &ColumnData<'_>) -> Option<i64> {
    match value {
        ColumnData::U8(value) => value.map(i64::from),
        ColumnData::I16(value) => value.map(i64::from),
        ColumnData::I32(value) => value.map(i64::from),
        ColumnData::I64(value) => *value,
        ColumnData::Bit(value) => value.map(i64::from),
        _ => None,
    }
}

fn text<'a>(value: &'a ColumnData<'_>) -> Result<Cell<'a>, Unfit> {
    match value {
        ColumnData::String(Some(text)) => Ok(Cell::Text(text.as_ref().into())),
        ColumnData::Guid(Some(guid)) => Ok(Cell::Text(guid.to_string().into())),
        ColumnData::Binary(Some(bytes)) if bytes.len() % 2 == 0 => {
            let (pairs, _) = bytes.as_chunks::<2>();
            let units = || pairs.iter().map(|pair| u16::from_le_bytes(*pair));
            let text: Result<String, _> = char::decode_utf16(units()).collect();
            text.map(|text| Cell::Text(text.into())).map_err(|_| {
                let replaced = |c: Result<char, _>| c.unwrap_or(char::REPLACEMENT_CHARACTER);
                Unfit::Garbled(char::decode_utf16(units()).map(replaced).collect())
            })
        }
        _ => Err(Unfit::Other),
    }
}

/// Microseconds since 1970.
pub(super) fn timestamp(value: &ColumnData<'_>) -> Result<i64, Unfit> {
    match value {
        ColumnData::DateTime(Some(moment)) => {
            // Three hundredths of a second, shown as the nearest of three digits.
            let thousandths = (i64::from(moment.seconds_fragments()) * 10 + 1) / 3;
            let days = i64::from(moment.days()) - DAYS_FROM_1900;
            Ok(days * DAY_MICROSECONDS + thousandths * 1_000)
        }
        ColumnData::SmallDateTime(Some(moment)) => {
            // The library calls them fragments of seconds; they are minutes.
            let minutes = i64::from(moment.seconds_fragments());
            let days = i64::from(moment.days()) - DAYS_FROM_1900;
            Ok(days * DAY_MICROSECONDS + minutes * 60_000_000)
        }
        ColumnData::DateTime2(Some(moment)) => fine(*moment),
        // Is in UTC; the offset beside it is how it was written.
        ColumnData::DateTimeOffset(Some(moment)) => fine(moment.datetime2()),
        _ => Err(Unfit::Other),
    }
}

fn fine(moment: DateTime2) -> Result<i64, Unfit> {
    let time = moment.time();
    let parts = i64::try_from(time.increments()).map_err(|_| Unfit::Other)?;
    let days = i64::from(moment.date().days()) - DAYS_FROM_1;
    match u32::from(time.scale()) {
        scale @ 0..=6 => {
            let micros = parts.checked_mul(10_i64.pow(6 - scale)).ok_or(Unfit::Other)?;
            Ok(days * DAY_MICROSECONDS + micros)
        }
        7 => {
            let whole = days * DAY_MICROSECONDS + parts / 10;
            if parts % 10 == 0 { Ok(whole) } else { Err(Unfit::Shortened(whole)) }
        }
        _ => Err(Unfit::Other),
    }
}

/// A number's digits at another scale, if none is lost.
fn rescaled(value: i128, from: u8, to: u8) -> Result<i128, Unfit> {
    let digits = match to.checked_sub(from) {
        Some(up) => value.checked_mul(10_i128.pow(up.into())).ok_or(Unfit::Wider)?,
        None => {
            let factor = 10_i128.pow(u32::from(from - to));
            if value % factor == 0 { value / factor } else { return Err(Unfit::Wider) }
        }
    };
    if digits.unsigned_abs() < 10_u128.pow(38) { Ok(digits) } else { Err(Unfit::Wider) }
}

#[cfg(test)]
mod tests {
    use tiberius::{
        numeric::Numeric,
        time::{Date, DateTime, DateTimeOffset, SmallDateTime, Time},
    };

    use super::*;

    #[test]
    fn a_text_comes_as_bytes_and_goes_back_under_its_own_collation() {
        let name = Native::of("varchar", 20, 0);
        assert_eq!(
            name.select("t.[a]", ColumnType::Text).unwrap(),
            "CAST(CAST(t.[a] AS nvarchar(20)) AS varbinary(40))"
        );
        assert_eq!(
            name.place("@P1", "varchar(20)", Some("Latin1_General_CI_AS")).unwrap(),
            "CAST(CAST(@P1 AS nvarchar(20)) COLLATE Latin1_General_CI_AS AS varchar(20)) \
             COLLATE Latin1_General_CI_AS"
        );
        for collation in [None, Some(""), Some("a; DROP TABLE b"), Some("Ä")] {
            assert_eq!(name.place("@P1", "varchar(20)", collation), None, "{collation:?}");
        }
        for (of, bytes, expect) in [
            ("nvarchar", 80, "CAST(c AS varbinary(80))"),
            ("nchar", 10, "CAST(RTRIM(c) AS varbinary(10))"),
            ("nvarchar", -1, "CAST(c AS varbinary(max))"),
            ("varchar", 8_000, "CAST(CAST(c AS nvarchar(max)) AS varbinary(max))"),
            ("xml", -1, "CAST(CAST(c AS nvarchar(max)) AS varbinary(max))"),
        ] {
            let native = Native::of(of, bytes, 0);
            assert_eq!(native.select("c", ColumnType::Text).unwrap(), expect, "{of}");
        }
    }

    #[test]
    fn what_a_column_can_not_be_is_not_selected() {
        for (of, wanted) in [
            ("float", ColumnType::Text),
            ("varbinary", ColumnType::Text),
            ("geometry", ColumnType::Text),
            ("int", ColumnType::Boolean),
            ("nvarchar", ColumnType::Integer),
            ("date", ColumnType::Timestamp),
        ] {
            assert_eq!(Native::of(of, 8, 0).select("c", wanted), None, "{of} as {wanted:?}");
        }
    }

    #[test]
    fn moments_are_exact_or_say_what_was_cut() {
        let of = |days, parts, scale| DateTime2::new(Date::new(days), Time::new(parts, scale));
        for (value, expect) in [
            (ColumnData::DateTime(Some(DateTime::new(25_567, 1))), Ok(3_000)),
            (ColumnData::DateTime(Some(DateTime::new(25_567, 2))), Ok(7_000)),
            (ColumnData::DateTime(Some(DateTime::new(25_567, 25_919_999))), Ok(86_399_997_000)),
            (ColumnData::DateTime(Some(DateTime::new(-53_690, 0))), Ok(-6_847_804_800_000_000)),
            (ColumnData::SmallDateTime(Some(SmallDateTime::new(25_567, 61))), Ok(3_660_000_000)),
            (ColumnData::DateTime2(Some(of(719_162, 15, 1))), Ok(1_500_000)),
            (ColumnData::DateTime2(Some(of(719_162, 20, 7))), Ok(2)),
            (ColumnData::DateTime2(Some(of(719_162, 29, 7))), Err(Unfit::Shortened(2))),
            (ColumnData::DateTime2(Some(of(0, 0, 0))), Ok(-62_135_596_800_000_000)),
            (ColumnData::DateTimeOffset(Some(DateTimeOffset::new(of(719_162, 0, 0), 120))), Ok(0)),
            (ColumnData::I32(Some(1)), Err(Unfit::Other)),
        ] {
            assert_eq!(timestamp(&value), expect, "{value:?}");
        }
        let last = ColumnData::Date(Some(Date::new(3_652_058)));
        assert_eq!(decode(ColumnType::Date, &last), Ok(Cell::Date(2_932_896)));
    }

    #[test]
    fn decimals_keep_every_digit_or_say_that_they_do_not_fit() {
        for (value, from, to, expect) in [
            (-1_234, 2, 4, Ok(-123_400)),
            (12_340, 3, 2, Ok(1_234)),
            (12_345, 3, 2, Err(Unfit::Wider)),
            (10_i128.pow(38) - 1, 0, 0, Ok(10_i128.pow(38) - 1)),
            (10_i128.pow(37), 0, 1, Err(Unfit::Wider)),
        ] {
            assert_eq!(rescaled(value, from, to), expect, "{value} from {from} to {to}");
            let number = ColumnData::Numeric(Some(Numeric::new_with_scale(value, from)));
            let cell = decode(ColumnType::Decimal { scale: to }, &number);
            assert_eq!(cell, expect.map(Cell::Decimal));
        }
    }

    #[test]
    fn half_a_character_is_shown_as_such() {
        let bytes = |units: &[u16]| -> ColumnData<'static> {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            ColumnData::Binary(Some(bytes.into()))
        };
        let whole = bytes(&[0x61, 0xd83d, 0xde00]);
        assert_eq!(decode(ColumnType::Text, &whole), Ok(Cell::Text("a😀".into())));
        let half = bytes(&[0x61, 0xd83d]);
        let shown = Err(Unfit::Garbled("a\u{fffd}".to_owned()));
        assert_eq!(decode(ColumnType::Text, &half), shown);
        let odd = ColumnData::Binary(Some(vec![1].into()));
        assert_eq!(decode(ColumnType::Text, &odd), Err(Unfit::Other));
        assert_eq!(decode(ColumnType::Text, &ColumnData::Binary(None)), Ok(Cell::Null));
    }
}
