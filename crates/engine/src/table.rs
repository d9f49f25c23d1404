//! Arrow batches to the answer's own table.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type, SchemaRef,
        TimeUnit, TimestampMicrosecondType,
    },
};
use chrono::{DateTime, NaiveDate};
use pacioli_model::{Cell, ColumnName, ColumnType, Decimal, Table, TableColumn};

use crate::EngineError;

const MOST_DIGITS: u128 = 10_u128.pow(38);
/// Characters of a name that is made of an expression.
const MOST_STEM: usize = 40;

/// The table of `batches`. Columns marked in `whole` are shown as integers when every value fits.
pub(crate) fn table(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    truncated: bool,
    whole: &[bool],
) -> Result<Table, EngineError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut table = Table { columns: Vec::new(), rows: vec![Vec::new(); rows], truncated };
    for (position, field) in schema.fields().iter().enumerate() {
        let mut data_type = column_type(field.data_type())?;
        let mut cells = Vec::with_capacity(rows);
        for batch in batches {
            read_cells(batch.column(position), &mut cells)?;
        }
        if whole.get(position) == Some(&true) && cells.iter().all(is_short) {
            data_type = ColumnType::Integer;
            cells.iter_mut().for_each(shorten);
        }
        let name = output_name(field.name(), &table.columns);
        let name = name.ok_or_else(|| unexpected(field.name()))?;
        table.columns.push(TableColumn { name, data_type });
        table.rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
    }
    Ok(table)
}

/// The name of an output: its own where it is a name that no other output has, as those of Asks are;
/// of `count(*)` and its like, what of it is letters and digits.
fn output_name(given: &str, before: &[TableColumn]) -> Option<ColumnName> {
    let words = given.to_ascii_lowercase();
    let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let stem: String = words.collect::<Vec<_>>().join("_").chars().take(MOST_STEM).collect();
    let stem = stem.trim_matches('_');
    let stem = if stem.starts_with(|c: char| c.is_ascii_lowercase()) {
        stem.to_owned()
    } else {
        format!("column_{stem}").trim_end_matches('_').to_owned()
    };
    let numbered = (2..).map(|number: u32| format!("{stem}_{number}"));
    let names = [given.to_owned(), stem.clone()].into_iter().chain(numbered);
    names
        .filter_map(|name| ColumnName::parse(&name).ok())
        .find(|name| before.iter().all(|column| &column.name != name))
}

fn column_type(data_type: &DataType) -> Result<ColumnType, EngineError> {
    Ok(match data_type {
        DataType::Int64 => ColumnType::Integer,
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            ColumnType::Decimal { scale: scale.unsigned_abs() }
        }
        DataType::Float64 => ColumnType::Float,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::Text,
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(TimeUnit::Microsecond, _) => ColumnType::Timestamp,
        DataType::Boolean => ColumnType::Boolean,
        DataType::Dictionary(_, values) => column_type(values)?,
        other => return Err(unexpected(other)),
    })
}

fn read_cells(array: &ArrayRef, cells: &mut Vec<Cell>) -> Result<(), EngineError> {
    let plain = match array.data_type() {
        DataType::LargeUtf8 | DataType::Utf8View => cast(array, &DataType::Utf8),
        DataType::Dictionary(_, values) if column_type(values)? == ColumnType::Text => {
            cast(array, &DataType::Utf8)
        }
        DataType::Dictionary(_, values) => cast(array, values),
        _ => Ok(array.clone()),
    };
    let array = plain.map_err(|error| unexpected(&error))?;
    for row in 0..array.len() {
        cells.push(if array.is_null(row) { Cell::Null } else { read_cell(&array, row)? });
    }
    Ok(())
}

fn read_cell(array: &ArrayRef, row: usize) -> Result<Cell, EngineError> {
    let cell = match array.data_type() {
        DataType::Int64 => Some(Cell::Integer(array.as_primitive::<Int64Type>().value(row))),
        DataType::Decimal128(_, scale) => {
            decimal(Some(array.as_primitive::<Decimal128Type>().value(row)), *scale)
        }
        DataType::Decimal256(_, scale) => {
            decimal(array.as_primitive::<Decimal256Type>().value(row).to_i128(), *scale)
        }
        DataType::Float64 => Some(Cell::Float(array.as_primitive::<Float64Type>().value(row))),
        DataType::Utf8 => Some(Cell::Text(array.as_string::<i32>().value(row).to_owned())),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            NaiveDate::from_epoch_days(days).map(Cell::Date)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            DateTime::from_timestamp_micros(micros).map(Cell::Timestamp)
        }
        DataType::Boolean => Some(Cell::Boolean(array.as_boolean().value(row))),
        other => return Err(unexpected(other)),
    };
    cell.ok_or_else(|| EngineError::TooLarge {
        detail: "A value of the answer has more digits than are shown.".to_owned(),
    })
}

fn decimal(mantissa: Option<i128>, scale: i8) -> Option<Cell> {
    let mantissa = mantissa.filter(|mantissa| mantissa.unsigned_abs() < MOST_DIGITS)?;
    Some(Cell::Decimal(Decimal::new(mantissa, scale.unsigned_abs())))
}

fn is_short(cell: &Cell) -> bool {
    match cell {
        Cell::Decimal(value) => value.scale == 0 && i64::try_from(value.mantissa).is_ok(),
        Cell::Null | Cell::Integer(_) => true,
        _ => false,
    }
}

fn shorten(cell: &mut Cell) {
    if let Cell::Decimal(value) = cell
        && let Ok(short) = i64::try_from(value.mantissa)
    {
        *cell = Cell::Integer(short);
    }
}

fn unexpected(what: &impl ToString) -> EngineError {
    EngineError::Failed { detail: format!("the engine answered with {}", what.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_output_has_a_name_of_its_own() {
        let mut columns: Vec<TableColumn> = Vec::new();
        for (given, name) in [
            ("revenue", "revenue"),
            ("count(*)", "count"),
            ("count(*)", "count_2"),
            ("revenue", "revenue_2"),
            ("Int64(1)", "int64_1"),
            ("1 + 1", "column_1_1"),
            ("*", "column"),
            ("Ünï", "n"),
            ("a__b", "a__b"),
        ] {
            let found = output_name(given, &columns).unwrap();
            assert_eq!(found.as_str(), name, "{given}");
            columns.push(TableColumn { name: found, data_type: ColumnType::Integer });
        }
        assert_eq!(output_name(&"x".repeat(500), &columns).unwrap().as_str(), "x".repeat(40));
    }
}
