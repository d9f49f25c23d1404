//! CSV in two passes and constant memory: [`inspect`] reads the whole file and decides what it is,
//! [`read`] reads it again as typed record batches. Types hold for every row of a column, never for a
//! sample of it; what had to be guessed is said in the plan's notes.

mod batches;
mod dialect;
mod encoding;
mod foreign;
mod header;
mod records;
#[cfg(test)]
mod tests;

use std::{fs::File, ops::ControlFlow, path::Path};

use arrow::datatypes::SchemaRef;
pub use batches::CsvReader;

pub use crate::typing::{
    PlannedColumn,
    naming::{table_name_from_file, table_name_from_source},
};

use crate::{
    SourceError, source,
    typing::{self, Choices, DecimalMark, evidence::Evidence},
};
use dialect::Dialect;
use encoding::TextEncoding;
use records::{Record, Records};

/// How often [`inspect`] tells its progress.
const PROGRESS_BYTES: u64 = 1 << 20;

/// How large the parts of a file may be.
#[derive(Debug, Clone)]
pub struct CsvLimits {
    /// Columns.
    pub columns: usize,
    /// Bytes of one field, as UTF-8.
    pub field_bytes: usize,
    /// Bytes of one record, as UTF-8.
    pub record_bytes: usize,
}

impl Default for CsvLimits {
    fn default() -> Self {
        Self { columns: 1000, field_bytes: 1 << 20, record_bytes: 8 << 20 }
    }
}

/// What a whole file was found to hold.
#[derive(Debug, Clone)]
pub struct CsvPlan {
    /// In file order.
    pub columns: Vec<PlannedColumn>,
    /// Rows under the header.
    pub rows: u64,
    /// What was decided or could not be, for people to read.
    pub notes: Vec<String>,
    encoding: TextEncoding,
    dialect: Dialect,
    limits: CsvLimits,
    /// Records before the header.
    skipped: u64,
}

impl CsvPlan {
    /// The Arrow schema of the batches. Timestamps are in UTC and name no zone.
    pub fn schema(&self) -> SchemaRef {
        source::schema(self.columns.iter().map(|column| (&column.name, column.data_type)))
    }
}

/// Reads the whole file and decides its encoding, delimiter and the type of every column.
/// `progress` is called with the bytes understood so far, and ends the work by breaking.
pub fn inspect(
    path: &Path,
    limits: &CsvLimits,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<CsvPlan, SourceError> {
    inspect_with(path, limits, &Choices::default(), progress)
}

/// As [`inspect`], with what a person chose going before what the values say. A value that does not
/// fit its chosen type is refused with its line.
pub fn inspect_with(
    path: &Path,
    limits: &CsvLimits,
    choices: &Choices,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<CsvPlan, SourceError> {
    let mut start = [0; foreign::LOOKS_AT];
    let held = encoding::read_full(&mut File::open(path)?, &mut start)?;
    foreign::refuse(&start[..held])?;
    let encoding = encoding::detect(path, progress)?;
    let dialect = dialect::find(path, encoding, limits)?;
    let skipped = choices.header_row.map_or(0, |row| row.saturating_sub(1));
    let mut records = open(path, encoding, dialect, skipped, limits)?;
    let labels = header::read(&mut records, limits)?;
    let (evidence, rows) = gather(&mut records, labels.len(), progress)?;
    let mut notes: Vec<String> = encoding.note().into_iter().collect();
    // Where the comma is the decimal mark, spreadsheets part fields by semicolons.
    let fallback = if dialect.delimiter == b';' { DecimalMark::Comma } else { DecimalMark::Point };
    let columns = typing::decide(labels, &evidence, fallback, choices, &mut notes)?;
    let plan = CsvPlan { columns, rows, notes, encoding, dialect, limits: limits.clone(), skipped };
    if plan.columns.iter().any(|column| column.chosen) {
        read(path, &plan)?.try_for_each(|batch| batch.map(drop))?;
    }
    Ok(plan)
}

/// Opens the file again to read it as `plan` says.
pub fn read(path: &Path, plan: &CsvPlan) -> Result<CsvReader, SourceError> {
    let mut records = open(path, plan.encoding, plan.dialect, plan.skipped, &plan.limits)?;
    header::read(&mut records, &plan.limits)?;
    Ok(CsvReader::new(records, plan.schema(), &plan.columns, plan.rows))
}

/// Opens the records, past a line that names the delimiter and past those before the header.
fn open(
    path: &Path,
    encoding: TextEncoding,
    dialect: Dialect,
    skipped: u64,
    limits: &CsvLimits,
) -> Result<Records, SourceError> {
    let mut records = Records::open(path, encoding, dialect.delimiter, limits)?;
    for _ in 0..skipped + u64::from(dialect.names_itself) {
        records.read(&mut Record::default())?;
    }
    Ok(records)
}

/// What every cell says about its column, and how many rows there are.
fn gather(
    records: &mut Records,
    columns: usize,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(Vec<Evidence>, u64), SourceError> {
    let mut evidence: Vec<Evidence> = (0..columns).map(|_| Evidence::default()).collect();
    let mut record = Record::default();
    let (mut rows, mut told) = (0, 0);
    while records.read(&mut record)? {
        if record.len() != columns {
            return Err(SourceError::invalid(
                "csv_ragged_row",
                format!(
                    "Line {} has {} fields where the header has {columns}. Put quotes around a field that \
                     holds the delimiter, or complete the line.",
                    record.line,
                    record.len(),
                ),
            ));
        }
        for (evidence, cell) in evidence.iter_mut().zip(record.fields()) {
            evidence.see(cell);
        }
        rows += 1;
        if records.bytes_read() >= told + PROGRESS_BYTES {
            told = records.bytes_read();
            if progress(told).is_break() {
                return Err(SourceError::Cancelled);
            }
        }
    }
    if rows == 0 {
        return Err(SourceError::invalid(
            "csv_empty",
            "The file has a header and no rows under it.",
        ));
    }
    Ok((evidence, rows))
}
