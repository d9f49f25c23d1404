//! One JSON object a line. Numbers are read as they are written, so that no digit is lost.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use arrow::array::RecordBatch;
use pacioli_model::ColumnName;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    BATCH_ROWS, Columns, RowsPlan, changed,
    kind::Kind,
    values::{Values, date, timestamp},
};
use crate::SourceError;

/// The longest line, in bytes.
const LINE_BYTES: u64 = 8 << 20;

/// Bytes of one batch, about.
const BATCH_BYTES: usize = 8 << 20;

/// The members of a line's object, in order.
struct Row<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Row<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Row(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// One value as it is written.
enum Written<'a> {
    Null,
    Boolean(&'a str),
    Number(&'a str),
    Text(Cow<'a, str>),
}

/// The lines that hold something, with their numbers.
struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, SourceError> {
        Ok(Self { file: BufReader::new(File::open(path)?), line: Vec::new(), number: 0 })
    }

    fn next(&mut self) -> Result<bool, SourceError> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = (&mut self.file).take(LINE_BYTES + 1).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(false);
            }
            if read as u64 > LINE_BYTES {
                return Err(self.refuse("row_too_long", "is longer than 8 MiB"));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn row(&self) -> Result<Row<'_>, SourceError> {
        let line = self.line.trim_ascii();
        serde_json::from_slice(line).map_err(|error| {
            if line.starts_with(b"{") {
                let what = format!("is not JSON at column {}", error.column());
                self.refuse("row_not_json", &what)
            } else {
                self.refuse("row_not_object", "is not a JSON object")
            }
        })
    }

    fn refuse(&self, code: &'static str, what: &str) -> SourceError {
        SourceError::invalid(
            code,
            format!("Line {} {what}. None of the rows was taken.", self.number),
        )
    }

    fn value<'a>(&self, name: &str, raw: &'a RawValue) -> Result<Written<'a>, SourceError> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Written::Null,
            Some(b't' | b'f') => Written::Boolean(text),
            Some(b'"') => {
                let Text(text) = serde_json::from_str(text).map_err(|_| changed())?;
                Written::Text(text)
            }
            Some(b'{' | b'[') => {
                let what = format!("has an object or a list in `{name}`: send flat rows");
                return Err(self.refuse("row_nested_value", &what));
            }
            _ => Written::Number(text),
        })
    }
}

/// A text that is borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn kind(value: &Written<'_>) -> Kind {
    match value {
        Written::Null => Kind::Nothing,
        Written::Boolean(_) => Kind::Boolean,
        Written::Number(text) => Kind::of_number(text),
        Written::Text(text) if date(text).is_some() => Kind::Date,
        Written::Text(text) if timestamp(text).is_some() => Kind::Timestamp,
        Written::Text(_) => Kind::Text,
    }
}

pub(super) fn inspect(
    path: &Path,
    columns: &mut Columns,
    key: &[ColumnName],
) -> Result<u64, SourceError> {
    let mut lines = Lines::open(path)?;
    let (mut rows, mut seen) = (0, Vec::new());
    while lines.next()? {
        seen.clear();
        for (name, raw) in lines.row()?.0 {
            let value = lines.value(&name, raw)?;
            let place = columns.place(&name)?;
            if seen.iter().any(|(other, _)| *other == place) {
                let what = format!("has `{name}` twice");
                return Err(lines.refuse("row_duplicate_name", &what));
            }
            seen.push((place, !matches!(value, Written::Null)));
            columns.see(place, kind(&value));
        }
        for name in key {
            let place = columns.key_place(name);
            if !seen.iter().any(|(other, has_value)| Some(*other) == place && *has_value) {
                let what = format!("has no `{name}`, which is part of the key");
                return Err(lines.refuse("row_key_missing", &what));
            }
        }
        rows += 1;
    }
    Ok(rows)
}

pub(super) fn read(
    path: &Path,
    plan: &RowsPlan,
    take: &mut dyn FnMut(RecordBatch) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut places = HashMap::new();
    for (place, column) in plan.columns.iter().enumerate() {
        places.entry(column.name.to_string()).or_insert(place);
    }
    places.extend(plan.columns.iter().enumerate().map(|(place, it)| (it.label.clone(), place)));
    let mut lines = Lines::open(path)?;
    let mut values: Vec<Values> =
        plan.columns.iter().map(|column| Values::new(column.data_type)).collect();
    let (mut rows, mut bytes) = (0, 0);
    let mut is_set = vec![false; values.len()];
    while lines.next()? {
        is_set.fill(false);
        for (name, raw) in lines.row()?.0 {
            let place = *places.get(name.as_ref()).ok_or_else(changed)?;
            is_set[place] = true;
            match lines.value(&name, raw)? {
                Written::Null => values[place].push_null(),
                Written::Boolean(text) | Written::Number(text) => {
                    values[place].push(text).ok_or_else(changed)?;
                }
                Written::Text(text) => values[place].push(&text).ok_or_else(changed)?,
            }
        }
        let absent = values.iter_mut().zip(&is_set).filter(|(_, is_set)| !**is_set);
        absent.for_each(|(values, _)| values.push_null());
        rows += 1;
        bytes += lines.line.len();
        if rows == BATCH_ROWS || bytes >= BATCH_BYTES {
            (rows, bytes) = (0, 0);
            take(batch(plan, &mut values)?)?;
        }
    }
    if rows > 0 { take(batch(plan, &mut values)?) } else { Ok(()) }
}

fn batch(plan: &RowsPlan, values: &mut [Values]) -> Result<RecordBatch, SourceError> {
    let columns = values.iter_mut().map(Values::finish).collect();
    RecordBatch::try_new(plan.schema(), columns).map_err(|_| changed())
}
