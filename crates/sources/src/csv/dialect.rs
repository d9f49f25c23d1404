//! Which character parts the fields.

use std::{cmp::Ordering, path::Path};

use super::{
    CsvLimits,
    encoding::TextEncoding,
    records::{Record, Records},
};
use crate::SourceError;

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const SAMPLE_RECORDS: u64 = 100;
const SAMPLE_BYTES: u64 = 1 << 20;
/// A character that parts nothing: reads a line as one field.
const NONE: u8 = 0x1F;

/// How a file's records are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// The first line is `sep=;`, which spreadsheets write to name the delimiter.
    pub(super) names_itself: bool,
}

/// Finds the delimiter from the header and the rows after it.
pub(super) fn find(
    path: &Path,
    encoding: TextEncoding,
    limits: &CsvLimits,
) -> Result<Dialect, SourceError> {
    if let Some(delimiter) = named(path, encoding, limits)? {
        return Ok(Dialect { delimiter, names_itself: true });
    }
    let mut best: Option<(u8, Fit)> = None;
    for delimiter in DELIMITERS {
        let fit = Fit::of(path, encoding, delimiter, limits)?;
        if fit.columns > 1 && best.as_ref().is_none_or(|(_, other)| fit.is_better_than(other)) {
            best = Some((delimiter, fit));
        }
    }
    let delimiter = best.map_or(b',', |(delimiter, _)| delimiter);
    Ok(Dialect { delimiter, names_itself: false })
}

fn named(
    path: &Path,
    encoding: TextEncoding,
    limits: &CsvLimits,
) -> Result<Option<u8>, SourceError> {
    let mut record = Record::default();
    let read = Records::open(path, encoding, NONE, limits)?.read(&mut record);
    let first = record.fields().next().and_then(|line| line.strip_prefix("sep="));
    match (read, first.map(str::as_bytes)) {
        (Ok(true), Some(&[delimiter])) if DELIMITERS.contains(&delimiter) => Ok(Some(delimiter)),
        (Err(error @ SourceError::Unreadable(_)), _) => Err(error),
        _ => Ok(None),
    }
}

/// How well the first records agree when they are parted by one character.
struct Fit {
    columns: usize,
    agreeing: u64,
    records: u64,
}

impl Fit {
    fn of(
        path: &Path,
        encoding: TextEncoding,
        delimiter: u8,
        limits: &CsvLimits,
    ) -> Result<Self, SourceError> {
        let mut records = Records::open(path, encoding, delimiter, limits)?;
        let mut record = Record::default();
        let mut fit = Self { columns: 0, agreeing: 0, records: 0 };
        while fit.records < SAMPLE_RECORDS && records.bytes_read() < SAMPLE_BYTES {
            match records.read(&mut record) {
                Ok(false) => break,
                Ok(true) => {
                    if fit.records == 0 {
                        fit.columns = record.len();
                    }
                    let agrees = record.len() == fit.columns && !record.stray_quote;
                    fit.agreeing += u64::from(agrees);
                }
                Err(error @ SourceError::Unreadable(_)) => return Err(error),
                // A fault under the wrong delimiter is no fault; under the right one it is found again.
                Err(_) => {
                    fit.records += 1;
                    break;
                }
            }
            fit.records += 1;
        }
        Ok(fit)
    }

    fn is_better_than(&self, other: &Self) -> bool {
        let shares = (self.agreeing * other.records).cmp(&(other.agreeing * self.records));
        shares.then(self.columns.cmp(&other.columns)) == Ordering::Greater
    }
}
