//! Cells as JSON: exact decimals as JSON numbers with all their digits, days and moments as text.

use pacioli_model::{Cell, Table};
use serde::{Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One value.
#[derive(Debug)]
pub struct CellOut(pub Cell);

impl Serialize for CellOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Cell::Null => serializer.serialize_unit(),
            Cell::Boolean(value) => serializer.serialize_bool(*value),
            Cell::Integer(value) => serializer.serialize_i64(*value),
            // A binary fraction would lose digits of a long sum; JSON itself has no such limit.
            Cell::Decimal(value) => RawValue::from_string(value.to_string())
                .map_err(S::Error::custom)?
                .serialize(serializer),
            Cell::Float(value) => serializer.serialize_f64(*value),
            Cell::Text(value) => serializer.serialize_str(value),
            Cell::Date(value) => serializer.collect_str(value),
            Cell::Timestamp(value) => {
                serializer.collect_str(&value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
            }
        }
    }
}

/// Name and type of a column of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnOut {
    /// The column's name.
    pub name: String,
    /// `integer`, `decimal`, `float`, `text`, `date`, `timestamp` or `boolean`.
    #[serde(rename = "type")]
    #[schema(example = "decimal")]
    pub data_type: &'static str,
}

/// The columns of a table, in the shape that is sent.
pub fn shaped_columns(table: &Table) -> Vec<ColumnOut> {
    let columns = table.columns.iter().map(|column| ColumnOut {
        name: column.name.to_string(),
        data_type: column.data_type.as_str(),
    });
    columns.collect()
}

/// At most so many of its rows, in the shape that is sent.
pub fn shaped_rows(table: &Table, most: usize) -> Vec<Vec<CellOut>> {
    let rows = table.rows.iter().take(most);
    rows.map(|row| row.iter().cloned().map(CellOut).collect()).collect()
}

/// The columns and the rows of a table, in the shapes that are sent.
pub fn shape(table: Table) -> (Vec<ColumnOut>, Vec<Vec<CellOut>>) {
    let columns = shaped_columns(&table);
    let rows = table.rows.into_iter().map(|row| row.into_iter().map(CellOut).collect());
    (columns, rows.collect())
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeZone, Utc};

    use super::*;

    #[test]
    fn cells_are_sent_without_losing_a_digit() {
        for (cell, text) in [
            (Cell::Null, "null"),
            (Cell::Integer(i64::MIN), "-9223372036854775808"),
            (
                Cell::Decimal("12345678901234567890123456.78".parse().unwrap()),
                "12345678901234567890123456.78",
            ),
            (Cell::Decimal("-0.50".parse().unwrap()), "-0.50"),
            (Cell::Float(0.1), "0.1"),
            (Cell::Text("a\"b".to_owned()), r#""a\"b""#),
            (Cell::Date(NaiveDate::from_ymd_opt(2025, 3, 1).unwrap()), r#""2025-03-01""#),
            (
                Cell::Timestamp(Utc.with_ymd_and_hms(2025, 3, 1, 12, 0, 0).unwrap()),
                r#""2025-03-01T12:00:00Z""#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&CellOut(cell)).unwrap(), text);
        }
    }
}
