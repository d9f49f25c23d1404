//! Parquet files: typed already, so their columns keep their types. Values that are no finite number
//! are read as empty; what no column here can hold (lists, structures, binary data) is left out and
//! said. A file is read row group by row group, in batches that are small also where texts are long.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringViewArray,
        TimestampMicrosecondArray,
    },
    compute::{CastOptions, can_cast_types, cast_with_options},
    datatypes::{
        DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
    },
};
use pacioli_model::{ColumnProfile, ColumnType};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
};

use super::{
    FileKind, FileLimits, FileOptions, FilePlan, InputPath, Progress, TablePlan,
    draft::{changed, narrow},
    part::{Content, Emit},
};
use crate::{
    SourceError,
    profile::TableProfile,
    source,
    typing::{Choices, DateOrder, DecimalMark, PlannedColumn, naming, reading::Reading},
};

const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// A Parquet file and the columns that are read of it.
#[derive(Debug)]
pub(super) struct ParquetTable {
    path: PathBuf,
    /// Positions of the columns in the file.
    columns: Vec<usize>,
    rows: u64,
    value_bytes: usize,
}

/// Plans the file's table from what its end says.
pub(super) fn inspect(
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    if progress(0).is_break() {
        return Err(SourceError::Cancelled);
    }
    let name = options.only_name(file.name);
    let choices = options.of(&name, None).map(|choice| choice.choices.clone()).unwrap_or_default();
    let metadata = guarded(|| metadata(file.path))?;
    let rows = rows(&metadata, limits)?;
    let fields = metadata.schema().fields();
    narrow("The file", fields.len(), limits)?;
    let (mut kept, mut labels, mut types, mut notes) = (vec![], vec![], vec![], vec![]);
    for (position, field) in fields.iter().enumerate() {
        match column_type(field.data_type()) {
            Some(data_type) => {
                kept.push(position);
                labels.push(field.name().clone());
                types.push(data_type);
            }
            None => notes.push(format!(
                "{}: Left out: it holds {}.",
                field.name(),
                words(field.data_type())
            )),
        }
    }
    if kept.is_empty() {
        return Err(SourceError::invalid(
            "no_columns",
            "The Parquet file has no column that can be read.",
        ));
    }
    let columns = plan(labels, &types, &choices, &mut notes)?;
    let value_bytes = limits.csv.field_bytes;
    let content = ParquetTable { path: file.path.to_owned(), columns: kept, rows, value_bytes };
    let table = TablePlan {
        name,
        part: None,
        columns,
        rows,
        notes,
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        content: Content::Parquet(Box::new(content)),
        held: None,
    };
    Ok(FilePlan { kind: FileKind::Parquet, tables: vec![table], notes: Vec::new() })
}

/// How many rows there are; refused where a small file claims to hold very many.
fn rows(metadata: &ArrowReaderMetadata, limits: &FileLimits) -> Result<u64, SourceError> {
    let file = metadata.metadata().file_metadata();
    let rows =
        u64::try_from(file.num_rows()).map_err(|_| damaged("it has fewer rows than none"))?;
    let columns = metadata.schema().fields().len() as u64;
    if rows.saturating_mul(columns) > limits.unpacked_bytes / 8 {
        let detail =
            format!("The Parquet file holds {rows} rows of {columns} columns, which is too much.");
        return Err(SourceError::invalid("unpacks_too_large", detail));
    }
    Ok(rows)
}

fn plan(
    labels: Vec<String>,
    types: &[ColumnType],
    choices: &Choices,
    notes: &mut Vec<String>,
) -> Result<Vec<PlannedColumn>, SourceError> {
    let names = naming::column_names(&labels);
    let mut columns = Vec::new();
    for ((label, name), data_type) in labels.into_iter().zip(names).zip(types) {
        let choice = choices.of(&name, &label);
        let data_type = match choice.map(|choice| choice.data_type) {
            None => *data_type,
            Some(Some(ColumnType::Text)) => {
                notes.push(format!("{label}: Read as text, as was chosen."));
                ColumnType::Text
            }
            Some(_) => {
                let detail = format!(
                    "A Parquet file says what its columns hold: of {label} only the type text can be chosen."
                );
                return Err(SourceError::invalid("type_does_not_fit", detail));
            }
        };
        let (chosen, reading) = (choice.is_some(), reading(data_type));
        columns.push(PlannedColumn { name, label, data_type, chosen, reading });
    }
    choices.check(columns.iter().map(|column| (&column.name, column.label.as_str())))?;
    Ok(columns)
}

/// How text of the type would be read.
fn reading(data_type: ColumnType) -> Reading {
    let (mark, order) = (DecimalMark::Point, DateOrder::Year);
    match data_type {
        ColumnType::Integer => Reading::Integer { mark },
        ColumnType::Decimal { scale } => Reading::Decimal { mark, scale },
        ColumnType::Float => Reading::Float { mark },
        ColumnType::Text => Reading::Text,
        ColumnType::Date => Reading::Date { order },
        ColumnType::Timestamp => Reading::Timestamp { order },
        ColumnType::Boolean => Reading::Boolean,
    }
}

/// What a column of this type holds here; nothing where none can hold it.
fn column_type(data_type: &DataType) -> Option<ColumnType> {
    Some(match data_type {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => ColumnType::Integer,
        DataType::UInt64 => ColumnType::Decimal { scale: 0 },
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => {
            ColumnType::Decimal { scale: u8::try_from(*scale).unwrap_or(0) }
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnType::Float,
        DataType::Boolean => ColumnType::Boolean,
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Timestamp(..) => ColumnType::Timestamp,
        DataType::Dictionary(_, values) => column_type(values)?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            ColumnType::Text
        }
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Text,
        _ => return None,
    })
}

fn words(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "lists",
        DataType::Struct(_) | DataType::Map(..) => "structures",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "binary data",
        _ => "values of a type that is not read",
    }
}

impl ParquetTable {
    /// Gives the rows in batches of the plan's schema.
    pub(super) fn read(
        &self,
        columns: &[PlannedColumn],
        schema: &SchemaRef,
        emit: &mut Emit<'_>,
    ) -> Result<Vec<ColumnProfile>, SourceError> {
        guarded(|| {
            let metadata = as_views(&metadata(&self.path)?)?;
            let file = File::open(&self.path)?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            let mask =
                ProjectionMask::roots(builder.parquet_schema(), self.columns.iter().copied());
            let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
            let mut profile = TableProfile::new(columns.iter().map(|column| column.data_type));
            let mut rows = 0;
            for batch in reader.map_err(|error| damaged(&error.to_string()))? {
                let batch = batch.map_err(|error| damaged(&error.to_string()))?;
                rows += batch.num_rows() as u64;
                for slice in self.slices(&batch, columns)? {
                    let typed = typed(&slice, columns, schema)?;
                    profile.see(&typed);
                    if emit(typed).is_break() {
                        return Err(SourceError::Cancelled);
                    }
                }
            }
            if rows != self.rows {
                return Err(changed());
            }
            Ok(profile.finish())
        })
    }

    /// The batch in parts whose texts are small once they are written out: a dictionary of one long
    /// text may stand for thousands of rows.
    fn slices(
        &self,
        batch: &RecordBatch,
        columns: &[PlannedColumn],
    ) -> Result<Vec<RecordBatch>, SourceError> {
        let mut bytes = vec![0; batch.num_rows()];
        for (array, column) in batch.columns().iter().zip(columns) {
            for (row, bytes) in bytes.iter_mut().enumerate() {
                let length = text_bytes(array, row);
                if length > self.value_bytes {
                    let detail = format!(
                        "A value of the column {} has more than {} bytes. Shorten it or leave its column out.",
                        column.label, self.value_bytes
                    );
                    return Err(SourceError::invalid("value_too_large", detail));
                }
                *bytes += length;
            }
        }
        let (mut slices, mut start, mut size) = (Vec::new(), 0, 0);
        for (row, bytes) in bytes.iter().enumerate() {
            if size + bytes > BATCH_BYTES && row > start {
                slices.push(batch.slice(start, row - start));
                (start, size) = (row, 0);
            }
            size += bytes;
        }
        slices.push(batch.slice(start, batch.num_rows() - start));
        Ok(slices)
    }
}

/// Bytes of a text, wherever it lies; none of anything else.
fn text_bytes(array: &ArrayRef, row: usize) -> usize {
    if let Some(texts) = array.as_any().downcast_ref::<StringViewArray>() {
        return if texts.is_null(row) { 0 } else { texts.value(row).len() };
    }
    let Some(dictionary) = array.as_any_dictionary_opt() else { return 0 };
    if array.is_null(row) {
        return 0;
    }
    let Some(values) = dictionary.values().as_string_opt::<i32>() else { return 0 };
    dictionary.normalized_keys().get(row).map_or(0, |key| values.value(*key).len())
}

/// The same file, its texts read as views of the pages that they lie in.
fn as_views(metadata: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, SourceError> {
    let view = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
        }
        DataType::Dictionary(_, values)
            if matches!(**values, DataType::Utf8 | DataType::LargeUtf8) =>
        {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
        }
        _ => Arc::clone(field),
    };
    let fields: Vec<_> = metadata.schema().fields().iter().map(view).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
        .map_err(|error| damaged(&error.to_string()))
}

fn metadata(path: &Path) -> Result<ArrowReaderMetadata, SourceError> {
    let options = ArrowReaderOptions::new();
    ArrowReaderMetadata::load(&File::open(path)?, options)
        .map_err(|error| damaged(&error.to_string()))
}

fn typed(
    batch: &RecordBatch,
    columns: &[PlannedColumn],
    schema: &SchemaRef,
) -> Result<RecordBatch, SourceError> {
    let arrays = batch.columns().iter().zip(columns);
    let arrays = arrays.map(|(array, column)| convert(array, column));
    let arrays = arrays.collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(|_| changed())
}

fn convert(array: &ArrayRef, column: &PlannedColumn) -> Result<ArrayRef, SourceError> {
    let wanted = source::arrow_type(column.data_type);
    if column.data_type == ColumnType::Timestamp && !matches!(array.data_type(), DataType::Utf8View)
    {
        let DataType::Timestamp(_, zone) = array.data_type() else { return Err(changed()) };
        let micros =
            checked_cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()), column)?;
        let micros = micros.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(changed)?;
        // The moments are in UTC whatever zone they are shown in.
        let plain: TimestampMicrosecondArray = micros.clone().with_timezone_opt(None::<Arc<str>>);
        return Ok(Arc::new(plain));
    }
    let array = checked_cast(array, &wanted, column)?;
    match array.as_primitive_opt::<Float64Type>() {
        Some(numbers) => {
            let finite: Float64Array = numbers.unary_opt(|it| it.is_finite().then_some(it));
            Ok(Arc::new(finite))
        }
        None => Ok(array),
    }
}

/// Refuses values that the type has no room for, rather than dropping them.
fn checked_cast(
    array: &ArrayRef,
    to: &DataType,
    column: &PlannedColumn,
) -> Result<ArrayRef, SourceError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let fits = can_cast_types(array.data_type(), to);
    let cast = if fits { cast_with_options(array, to, &options).ok() } else { None };
    cast.ok_or_else(|| {
        let detail = format!("A value of the column {} cannot be read as {to}.", column.label);
        SourceError::invalid("type_does_not_fit", detail)
    })
}

fn damaged(what: &str) -> SourceError {
    let detail = format!("The Parquet file is damaged or of a kind that is not read: {what}.");
    SourceError::invalid("parquet_damaged", detail)
}

/// What a damaged file brings its reader to is its own fault, also where the reader panics.
fn guarded<T>(work: impl FnOnce() -> Result<T, SourceError>) -> Result<T, SourceError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(damaged("a part of it makes no sense")))
}

#[cfg(test)]
mod tests;
