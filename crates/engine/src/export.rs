//! Answers as files that other programs read.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float64Array,
        Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, i256},
    ipc::writer::StreamWriter,
};
use pacioli_model::{Cell, ColumnType, Decimal, Table};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use crate::EngineError;

/// Rows of one batch of a stream.
const BATCH_ROWS: usize = 4096;

/// An Arrow IPC stream, as the parts that it is sent in.
pub fn arrow_stream(table: &Table) -> Result<Vec<Vec<u8>>, EngineError> {
    let schema = schema(table);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(failed)?;
    let mut parts = Vec::new();
    for rows in table.rows.chunks(BATCH_ROWS) {
        writer.write(&batch(table, &schema, rows)?).map_err(failed)?;
        parts.push(std::mem::take(writer.get_mut()));
    }
    writer.finish().map_err(failed)?;
    parts.push(std::mem::take(writer.get_mut()));
    Ok(parts)
}

/// A Parquet file.
pub fn parquet(table: &Table) -> Result<Vec<u8>, EngineError> {
    let schema = schema(table);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, Arc::clone(&schema), Some(properties)).map_err(failed)?;
    for rows in table.rows.chunks(BATCH_ROWS) {
        writer.write(&batch(table, &schema, rows)?).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(file)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn failed(error: impl ToString) -> EngineError {
    EngineError::Failed { detail: format!("an export: {}", error.to_string()) }
}

fn schema(table: &Table) -> SchemaRef {
    let fields = table.columns.iter().map(|column| {
        let data_type = match column.data_type {
            ColumnType::Integer => DataType::Int64,
            ColumnType::Decimal { scale } if scale <= 38 => {
                DataType::Decimal128(38, scale.cast_signed())
            }
            ColumnType::Decimal { scale } => DataType::Decimal256(76, scale.cast_signed()),
            ColumnType::Float => DataType::Float64,
            ColumnType::Text => DataType::Utf8,
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            ColumnType::Boolean => DataType::Boolean,
        };
        Field::new(column.name.as_str(), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn batch(
    table: &Table,
    schema: &SchemaRef,
    rows: &[Vec<Cell>],
) -> Result<RecordBatch, EngineError> {
    let columns = (0..table.columns.len()).map(|position| {
        let cells = rows.iter().map(|row| &row[position]);
        array(schema.field(position).data_type(), cells)
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(failed)
}

fn array<'a>(
    data_type: &DataType,
    cells: impl Iterator<Item = &'a Cell>,
) -> Result<ArrayRef, EngineError> {
    Ok(match data_type {
        DataType::Int64 => Arc::new(Int64Array::from(each(cells, |cell| match cell {
            Cell::Integer(value) => Some(*value),
            _ => None,
        })?)),
        DataType::Decimal128(precision, scale) => {
            let values = each(cells, |cell| mantissa(cell, *scale))?;
            let values = Decimal128Array::from(values);
            Arc::new(values.with_precision_and_scale(*precision, *scale).map_err(failed)?)
        }
        DataType::Decimal256(precision, scale) => {
            let values = each(cells, |cell| mantissa(cell, *scale).map(i256::from_i128))?;
            let values = Decimal256Array::from(values);
            Arc::new(values.with_precision_and_scale(*precision, *scale).map_err(failed)?)
        }
        DataType::Float64 => Arc::new(Float64Array::from(each(cells, |cell| match cell {
            Cell::Float(value) => Some(*value),
            _ => None,
        })?)),
        DataType::Date32 => Arc::new(Date32Array::from(each(cells, |cell| match cell {
            Cell::Date(value) => Some(value.to_epoch_days()),
            _ => None,
        })?)),
        DataType::Timestamp(..) => {
            Arc::new(TimestampMicrosecondArray::from(each(cells, |cell| match cell {
                Cell::Timestamp(value) => Some(value.timestamp_micros()),
                _ => None,
            })?))
        }
        DataType::Boolean => Arc::new(BooleanArray::from(each(cells, |cell| match cell {
            Cell::Boolean(value) => Some(*value),
            _ => None,
        })?)),
        _ => Arc::new(StringArray::from(each(cells, |cell| match cell {
            Cell::Text(value) => Some(value.clone()),
            _ => None,
        })?)),
    })
}

/// The values of cells, all of one type. A cell of another is an error of ours, never a null.
fn each<'a, T>(
    cells: impl Iterator<Item = &'a Cell>,
    value: impl Fn(&Cell) -> Option<T>,
) -> Result<Vec<Option<T>>, EngineError> {
    let values = cells.map(|cell| match (cell, value(cell)) {
        (Cell::Null, _) => Ok(None),
        (_, Some(value)) => Ok(Some(value)),
        (other, None) => Err(failed(format!("{other:?} in a column of another type"))),
    });
    values.collect()
}

fn mantissa(cell: &Cell, scale: i8) -> Option<i128> {
    match cell {
        Cell::Decimal(Decimal { mantissa, scale: own }) if own.cast_signed() == scale => {
            Some(*mantissa)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::{array::AsArray, ipc::reader::StreamReader};
    use pacioli_model::{ColumnName, TableColumn};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn table() -> Table {
        let column = |(name, data_type)| TableColumn {
            name: ColumnName::parse(name).expect("a name"),
            data_type,
        };
        let columns = [
            ("n", ColumnType::Integer),
            ("d", ColumnType::Decimal { scale: 2 }),
            ("w", ColumnType::Text),
            ("day", ColumnType::Date),
            ("at", ColumnType::Timestamp),
            ("f", ColumnType::Float),
            ("b", ColumnType::Boolean),
        ];
        let row = |number: i64| {
            vec![
                Cell::Integer(number),
                Cell::Decimal(Decimal::new(i128::from(number) * 100 + 5, 2)),
                Cell::Text(format!("ünï {number}")),
                Cell::Date("9999-12-31".parse().expect("a day")),
                Cell::Timestamp("2024-01-31T10:00:00Z".parse().expect("a moment")),
                Cell::Float(0.5),
                Cell::Boolean(number % 2 == 0),
            ]
        };
        let mut rows: Vec<Vec<Cell>> = (0..5000).map(row).collect();
        rows.push(vec![Cell::Null; 7]);
        Table { columns: columns.map(column).into_iter().collect(), rows, truncated: false }
    }

    fn check(batches: &[RecordBatch]) {
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 5001);
        let first = &batches[0];
        assert_eq!(first.column(2).as_string::<i32>().value(7), "ünï 7");
        let decimals = first.column(1).as_primitive::<arrow::datatypes::Decimal128Type>();
        assert_eq!(decimals.value_as_string(7), "7.05");
        let last = batches.last().expect("a batch");
        assert!(last.columns().iter().all(|column| column.is_null(last.num_rows() - 1)));
    }

    #[test]
    fn arrow_streams_are_read_back() {
        let bytes = arrow_stream(&table()).expect("a stream").concat();
        let reader = StreamReader::try_new(bytes.as_slice(), None).expect("a stream");
        check(&reader.collect::<Result<Vec<_>, _>>().expect("batches"));
    }

    #[test]
    fn parquet_files_are_read_back() {
        let bytes = bytes_of(&parquet(&table()).expect("a file"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a file");
        let reader = reader.build().expect("a reader");
        check(&reader.collect::<Result<Vec<_>, _>>().expect("batches"));
    }

    fn bytes_of(file: &[u8]) -> std::fs::File {
        use std::io::{Seek, Write};
        let mut spooled = tempfile::tempfile().expect("a file");
        spooled.write_all(file).expect("written");
        spooled.rewind().expect("rewound");
        spooled
    }

    #[test]
    fn a_cell_of_another_type_is_no_null() {
        let mut table = table();
        table.rows[3][0] = Cell::Text("x".to_owned());
        assert!(matches!(arrow_stream(&table), Err(EngineError::Failed { .. })));
    }
}
