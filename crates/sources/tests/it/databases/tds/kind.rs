//! Types of SQL Server: as their SQL is written, and as they and their values lie on the wire.
//! MS-TDS 2.2.5.4 (types), 2.2.5.5 (values).

use rusqlite::types::Value;

/// A type, as far as the stand-in knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    /// `nvarchar`.
    pub(crate) name: String,
    /// The numbers behind it; `max` is none.
    pub(crate) numbers: Vec<u32>,
}

/// Days from the year 1 to 1970, and from 1900.
const FROM_1: i64 = 719_162;
const FROM_1900: i64 = 25_567;

impl Kind {
    /// From `decimal(12, 2)`.
    pub(crate) fn parse(text: &str) -> Self {
        let (name, rest) = text.split_once('(').unwrap_or((text, ""));
        let numbers = rest.trim_end_matches(')').split(',');
        Self {
            name: name.trim().to_ascii_lowercase(),
            numbers: numbers.filter_map(|number| number.trim().parse().ok()).collect(),
        }
    }

    fn first(&self) -> Option<u32> {
        self.numbers.first().copied()
    }

    /// `max_length`, `precision` and `scale` of `sys.columns`.
    pub(crate) fn measures(&self) -> (i64, i64, i64) {
        let count = self.first().map_or(-1, i64::from);
        let scale = i64::from(self.first().unwrap_or(7));
        match self.name.as_str() {
            "tinyint" => (1, 3, 0),
            "smallint" => (2, 5, 0),
            "int" => (4, 10, 0),
            "bigint" => (8, 19, 0),
            "bit" => (1, 1, 0),
            "real" => (4, 24, 0),
            "float" => (8, 53, 0),
            "decimal" | "numeric" => (17, count, self.numbers.get(1).map_or(0, |it| (*it).into())),
            "money" => (8, 19, 4),
            "smallmoney" => (4, 10, 4),
            "date" => (3, 10, 0),
            "datetime" => (8, 23, 3),
            "smalldatetime" => (4, 16, 0),
            "time" => (5, 16, scale),
            "datetime2" => (8, 27, scale),
            "datetimeoffset" => (10, 34, scale),
            "nvarchar" | "nchar" => (if count < 0 { -1 } else { count * 2 }, 0, 0),
            "text" | "ntext" | "uniqueidentifier" | "image" => (16, 0, 0),
            "timestamp" => (8, 0, 0),
            _ => (count, 0, 0),
        }
    }

    /// TYPE_INFO. What cannot be null has the shorter form.
    pub(crate) fn write_type(&self, to: &mut Vec<u8>, is_nullable: bool) {
        let collation = [0x09, 0x04, 0xd0, 0x00, 0x34];
        match self.name.as_str() {
            "bit" if !is_nullable => to.push(0x32),
            "bit" => to.extend([0x68, 1]),
            "tinyint" | "smallint" | "int" | "bigint" => {
                let width = self.measures().0;
                let fixed = match width {
                    1 => 0x30,
                    2 => 0x34,
                    4 => 0x38,
                    _ => 0x7f,
                };
                if is_nullable {
                    to.extend([0x26, u8::try_from(width).unwrap()]);
                } else {
                    to.push(fixed);
                }
            }
            "real" => to.extend([0x6d, 4]),
            "float" => to.extend([0x6d, 8]),
            "decimal" | "numeric" => {
                let (_, precision, scale) = self.measures();
                let (precision, scale) = (precision.try_into().unwrap(), scale.try_into().unwrap());
                to.extend([0x6a, 17, precision, scale]);
            }
            "date" => to.push(0x28),
            "datetime" => to.extend([0x6f, 8]),
            "smalldatetime" => to.extend([0x6f, 4]),
            "datetime2" => to.extend([0x2a, self.scale()]),
            "datetimeoffset" => to.extend([0x2b, self.scale()]),
            "uniqueidentifier" => to.extend([0x24, 16]),
            "nvarchar" => {
                to.push(0xe7);
                to.extend(self.first().map_or(0xffff, |it| short(it) * 2).to_le_bytes());
                to.extend(collation);
            }
            "varbinary" | "binary" => {
                to.push(0xa5);
                to.extend(self.first().map_or(0xffff, short).to_le_bytes());
            }
            other => panic!("nobody should ask for a value of the type {other} as it is"),
        }
    }

    fn scale(&self) -> u8 {
        u8::try_from(self.first().unwrap_or(7)).unwrap()
    }

    /// TYPE_VARBYTE, or the bare value in the shorter form.
    pub(crate) fn write_value(&self, to: &mut Vec<u8>, is_nullable: bool, value: &Value) {
        match (self.name.as_str(), value) {
            ("nvarchar" | "varbinary" | "binary", value) => self.write_long(to, value),
            (_, Value::Null) => to.push(0),
            ("bit" | "tinyint" | "smallint" | "int" | "bigint", Value::Integer(value)) => {
                let width = usize::try_from(self.measures().0).unwrap();
                if is_nullable {
                    to.push(u8::try_from(width).unwrap());
                }
                to.extend(&value.to_le_bytes()[..width]);
            }
            ("real", Value::Real(value)) => {
                to.push(4);
                let value: f32 = value.to_string().parse().unwrap();
                to.extend(value.to_le_bytes());
            }
            ("float", Value::Real(value)) => {
                to.push(8);
                to.extend(value.to_le_bytes());
            }
            ("decimal" | "numeric", value) => {
                let digits = mantissa(value);
                to.extend([17, u8::from(digits >= 0)]);
                to.extend(digits.unsigned_abs().to_le_bytes());
            }
            ("date", Value::Text(text)) => {
                to.push(3);
                to.extend(&(days(text) + FROM_1).to_le_bytes()[..3]);
            }
            ("datetime", Value::Text(text)) => {
                let milliseconds = parts(text, 3);
                to.push(8);
                to.extend(i32::try_from(days(text) + FROM_1900).unwrap().to_le_bytes());
                to.extend(u32::try_from((milliseconds * 3 + 5) / 10).unwrap().to_le_bytes());
            }
            ("smalldatetime", Value::Text(text)) => {
                to.push(4);
                to.extend(u16::try_from(days(text) + FROM_1900).unwrap().to_le_bytes());
                to.extend(u16::try_from(parts(text, 0) / 60).unwrap().to_le_bytes());
            }
            ("datetime2", Value::Text(text)) => {
                to.push(self.time_width() + 3);
                self.write_moment(to, days(text), parts(text, self.scale()));
            }
            ("datetimeoffset", Value::Text(text)) => self.write_offset(to, text),
            ("uniqueidentifier", Value::Text(text)) => {
                let uuid: uuid::Uuid = text.parse().unwrap();
                to.push(16);
                to.extend(uuid.to_bytes_le());
            }
            (name, value) => panic!("{value:?} is no {name}"),
        }
    }

    /// How many bytes a time of day of this scale has.
    fn time_width(&self) -> u8 {
        match self.scale() {
            0..=2 => 3,
            3..=4 => 4,
            _ => 5,
        }
    }

    fn write_moment(&self, to: &mut Vec<u8>, days: i64, parts: i64) {
        to.extend(&parts.to_le_bytes()[..usize::from(self.time_width())]);
        to.extend(&(days + FROM_1).to_le_bytes()[..3]);
    }

    /// The moment in UTC, and by how many minutes it was written otherwise.
    fn write_offset(&self, to: &mut Vec<u8>, text: &str) {
        let (moment, offset) = text.rsplit_once(' ').unwrap();
        let (hours, minutes) = offset[1..].split_once(':').unwrap();
        let size: i64 = hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap();
        let offset = if offset.starts_with('-') { -size } else { size };
        let unit = 10_i64.pow(u32::from(self.scale()));
        let all = days(moment) * 86_400 * unit + parts(moment, self.scale()) - offset * 60 * unit;
        to.push(self.time_width() + 5);
        self.write_moment(to, all.div_euclid(86_400 * unit), all.rem_euclid(86_400 * unit));
        to.extend(i16::try_from(offset).unwrap().to_le_bytes());
    }

    /// Two bytes of length, or, for `max`, the whole length and then one chunk after the other.
    fn write_long(&self, to: &mut Vec<u8>, value: &Value) {
        let bytes = match value {
            Value::Null => None,
            Value::Text(text) => Some(utf16(text)),
            Value::Blob(bytes) => Some(bytes.clone()),
            Value::Integer(value) => Some(utf16(&value.to_string())),
            Value::Real(value) => Some(utf16(&value.to_string())),
        };
        match (bytes, self.first()) {
            (None, Some(_)) => to.extend([0xff; 2]),
            (None, None) => to.extend([0xff; 8]),
            (Some(bytes), Some(_)) => {
                to.extend(u16::try_from(bytes.len()).unwrap().to_le_bytes());
                to.extend(bytes);
            }
            (Some(bytes), None) => {
                to.extend((bytes.len() as u64).to_le_bytes());
                for chunk in bytes.chunks(3_000) {
                    to.extend(u32::try_from(chunk.len()).unwrap().to_le_bytes());
                    to.extend(chunk);
                }
                to.extend([0; 4]);
            }
        }
    }
}

fn short(number: u32) -> u16 {
    u16::try_from(number).unwrap()
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(crate) fn from_utf16(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = bytes.chunks(2).map(|it| u16::from_le_bytes([it[0], it[1]])).collect();
    String::from_utf16(&units).ok()
}

/// The digits of a number, which SQLite keeps as a whole number or, where they are many, as a text.
pub(crate) fn mantissa(value: &Value) -> i128 {
    match value {
        Value::Integer(value) => (*value).into(),
        Value::Text(text) => text.parse().unwrap(),
        other => panic!("{other:?} is no number"),
    }
}

/// Days since 1970 of a text that begins with a date.
fn days(text: &str) -> i64 {
    let date: chrono::NaiveDate = text[..10].parse().unwrap();
    date.signed_duration_since(chrono::NaiveDate::default()).num_days()
}

/// The time of day behind a date, in seconds with so many more digits.
fn parts(text: &str, digits: u8) -> i64 {
    let time = text.get(11..).unwrap_or("00:00:00");
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap());
    let fraction = format!("{fraction:0<7}");
    let fraction: i64 = fraction[..usize::from(digits)].parse().unwrap_or(0);
    seconds * 10_i64.pow(digits.into()) + fraction
}
