//! CSV in two passes and constant memory: [`inspect`] reads the whole file and decides what it is,
//! [`read`] reads it again as typed record batches. Types hold for every row of a column, never for a
//! sample of it; what had to be guessed is said in the plan's notes.

mod batches;
mod dialect;
mod encoding;
mod evidence;
mod foreign;
mod header;
mod moment;
pub(crate) mod naming;
mod number;
pub(crate) mod profile;
mod reading;
mod records;
#[cfg(test)]
mod tests;

use std::{fs::File, ops::ControlFlow, path::Path};

use arrow::datatypes::SchemaRef;
use pacioli_model::{ColumnName, ColumnType};

pub use batches::CsvReader;
pub use naming::{column_names, table_name_from_file, table_name_from_source};

use crate::{SourceError, source};
use dialect::Dialect;
use encoding::TextEncoding;
use evidence::Evidence;
use number::Mark;
use reading::Reading;
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

/// One column as it will be read.
#[derive(Debug, Clone)]
pub struct PlannedColumn {
    /// Its name in SQL.
    pub name: ColumnName,
    /// The header, trimmed.
    pub label: String,
    /// What it holds.
    pub data_type: ColumnType,
    reading: Reading,
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
    let mut start = [0; foreign::LOOKS_AT];
    let held = encoding::read_full(&mut File::open(path)?, &mut start)?;
    foreign::refuse(&start[..held])?;
    let encoding = encoding::detect(path, progress)?;
    let dialect = dialect::find(path, encoding, limits)?;
    let mut records = open(path, encoding, dialect, limits)?;
    let labels = header::read(&mut records, limits)?;
    let (evidence, rows) = gather(&mut records, labels.len(), progress)?;
    let mut notes: Vec<String> = encoding.note().into_iter().collect();
    let columns = decide(labels, &evidence, dialect, &mut notes);
    Ok(CsvPlan { columns, rows, notes, encoding, dialect, limits: limits.clone() })
}

/// Opens the file again to read it as `plan` says.
pub fn read(path: &Path, plan: &CsvPlan) -> Result<CsvReader, SourceError> {
    let mut records = open(path, plan.encoding, plan.dialect, &plan.limits)?;
    header::read(&mut records, &plan.limits)?;
    Ok(CsvReader::new(records, plan.schema(), &plan.columns, plan.rows))
}

/// Opens the records, past a line that names the delimiter.
fn open(
    path: &Path,
    encoding: TextEncoding,
    dialect: Dialect,
    limits: &CsvLimits,
) -> Result<Records, SourceError> {
    let mut records = Records::open(path, encoding, dialect.delimiter, limits)?;
    if dialect.names_itself {
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

fn decide(
    labels: Vec<String>,
    evidence: &[Evidence],
    dialect: Dialect,
    notes: &mut Vec<String>,
) -> Vec<PlannedColumn> {
    let usual = usual_mark(evidence, dialect);
    let names = naming::column_names(&labels);
    let columns = labels.into_iter().zip(names).zip(evidence);
    let planned = columns.map(|((label, name), evidence)| {
        let mut note = |text: String| notes.push(format!("{label}: {text}"));
        let (data_type, reading) = evidence.decide(usual, &mut note);
        PlannedColumn { name, label, data_type, reading }
    });
    planned.collect()
}

/// The mark that the other columns prove, or else the one that goes with the delimiter: where the
/// comma is the decimal mark, spreadsheets part fields by semicolons.
fn usual_mark(evidence: &[Evidence], dialect: Dialect) -> Mark {
    let proves = |mark| evidence.iter().any(|column| column.proven_mark() == Some(mark));
    match (proves(Mark::Point), proves(Mark::Comma)) {
        (true, false) => Mark::Point,
        (false, true) => Mark::Comma,
        _ if dialect.delimiter == b';' => Mark::Comma,
        _ => Mark::Point,
    }
}
