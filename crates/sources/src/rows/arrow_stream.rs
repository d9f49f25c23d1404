//! Arrow's IPC stream format.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use arrow::{
    array::{ArrayRef, RecordBatch, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::DataType,
    error::ArrowError,
    ipc::{reader::StreamReader, root_as_message},
};
use pacioli_model::{ColumnName, ColumnType};

use super::{BATCH_ROWS, Columns, RowsPlan, changed, kind::Kind};
use crate::{SourceError, source::arrow_type};

type Reader = StreamReader<std::io::BufReader<File>>;

fn open(path: &Path) -> Result<Reader, SourceError> {
    check_lengths(&mut File::open(path)?)?;
    StreamReader::try_new_buffered(File::open(path)?, None).map_err(|error| broken(&error))
}

/// Refuses a stream that says that it has more bytes than were sent: the reader would set memory aside
/// for whatever length it is told.
fn check_lengths(file: &mut File) -> Result<(), SourceError> {
    let whole = file.metadata()?.len();
    let mut left = whole;
    while let Some(length) = next_length(file, &mut left)? {
        let mut head = vec![0; length];
        file.read_exact(&mut head)?;
        left -= head.len() as u64;
        let message = root_as_message(&head)
            .map_err(|error| broken(&ArrowError::ParseError(error.to_string())))?;
        let body = u64::try_from(message.bodyLength()).ok().filter(|body| *body <= left);
        let body = body.ok_or_else(|| cut(whole))?;
        left -= body;
        file.seek(SeekFrom::Start(whole - left))?;
    }
    Ok(())
}

/// The length of the next message's head, which is in the file; nothing at the stream's end.
fn next_length(file: &mut File, left: &mut u64) -> Result<Option<usize>, SourceError> {
    let whole = *left;
    let mut word = || -> Result<Option<u32>, SourceError> {
        if *left < 4 {
            return Ok(None);
        }
        let mut bytes = [0; 4];
        file.read_exact(&mut bytes)?;
        *left -= 4;
        Ok(Some(u32::from_le_bytes(bytes)))
    };
    // Streams of today begin each length with a mark; older ones do not.
    let length = match word()? {
        Some(u32::MAX) => word()?,
        length => length,
    };
    match length {
        None | Some(0) => Ok(None),
        Some(length) if u64::from(length) > *left => Err(cut(whole)),
        Some(length) => Ok(usize::try_from(length).ok()),
    }
}

fn cut(bytes: u64) -> SourceError {
    broken(&ArrowError::ParseError(format!("it says that it is longer than its {bytes} bytes")))
}

fn broken(error: &ArrowError) -> SourceError {
    let detail =
        format!("The body is not an Arrow IPC stream: {error}. None of the rows was taken.");
    SourceError::invalid("rows_not_arrow", detail)
}

pub(super) fn inspect(
    path: &Path,
    columns: &mut Columns,
    key: &[ColumnName],
) -> Result<u64, SourceError> {
    let reader = open(path)?;
    let schema = reader.schema();
    let mut places = Vec::new();
    for field in schema.fields() {
        let place = columns.place(field.name())?;
        if places.contains(&place) {
            let detail = format!("The schema has `{}` twice.", field.name());
            return Err(SourceError::invalid("row_duplicate_name", detail));
        }
        columns.see(place, kind(field.name(), field.data_type())?);
        places.push(place);
    }
    let mut rows = 0;
    for batch in reader {
        let batch = batch.map_err(|error| broken(&error))?;
        for name in key {
            let place = columns.key_place(name);
            let at = places.iter().position(|it| Some(*it) == place);
            let column = at.map(|at| batch.column(at));
            let first =
                (0..batch.num_rows()).find(|row| column.is_none_or(|column| column.is_null(*row)));
            if let Some(row) = first {
                let number = rows + row as u64 + 1;
                let detail = format!(
                    "Row {number} has no `{name}`, which is part of the key. None of the rows was taken."
                );
                return Err(SourceError::invalid("row_key_missing", detail));
            }
        }
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

fn kind(name: &str, data_type: &DataType) -> Result<Kind, SourceError> {
    Ok(match data_type {
        DataType::Null => Kind::Nothing,
        DataType::Boolean => Kind::Boolean,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => Kind::Integer,
        DataType::UInt64 => Kind::Decimal { whole: 20, scale: 0 },
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale) => {
            let after = u8::try_from(*scale).unwrap_or(0);
            Kind::Decimal { whole: digits.saturating_sub(after), scale: after }
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Timestamp(..) => Kind::Timestamp,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Dictionary(_, values) => return kind(name, values),
        other => {
            let detail = format!(
                "`{name}` is of the type {other}, which a table has no place for. Send numbers, texts, \
                 booleans, dates and timestamps."
            );
            return Err(SourceError::invalid("row_type_unsupported", detail));
        }
    })
}

pub(super) fn read(
    path: &Path,
    plan: &RowsPlan,
    take: &mut dyn FnMut(RecordBatch) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let reader = open(path)?;
    let schema = reader.schema();
    let labels: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let find = |label: &str, name: &str| {
        let by = |word: &str| labels.iter().position(|it| *it == word);
        by(label).or_else(|| by(name))
    };
    for batch in reader {
        let whole = batch.map_err(|error| broken(&error))?;
        for start in (0..whole.num_rows()).step_by(BATCH_ROWS) {
            let batch = whole.slice(start, BATCH_ROWS.min(whole.num_rows() - start));
            let mut arrays: Vec<ArrayRef> = Vec::with_capacity(plan.columns.len());
            for column in &plan.columns {
                let place = find(&column.label, column.name.as_str());
                arrays.push(match place {
                    Some(at) => fit(batch.column(at), column.data_type)?,
                    None => new_null_array(&arrow_type(column.data_type), batch.num_rows()),
                });
            }
            take(RecordBatch::try_new(plan.schema(), arrays).map_err(|_| changed())?)?;
        }
    }
    Ok(())
}

fn fit(array: &ArrayRef, data_type: ColumnType) -> Result<ArrayRef, SourceError> {
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, &arrow_type(data_type), &strictly).map_err(|error| {
        let detail =
            format!("A value does not fit its column: {error}. None of the rows was taken.");
        SourceError::invalid("row_value_too_large", detail)
    })
}
