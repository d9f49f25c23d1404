//! An answer as bytes: what is said of it as JSON, and its rows as Arrow IPC, which keeps every value
//! exactly. The JSON's length stands first.

use arrow::error::ArrowError;
use pacioli_model::Table;
use serde::{Deserialize, Serialize};

use crate::{Answer, EngineError, export, protocol::decode, table::table};

#[derive(Serialize, Deserialize)]
struct Head {
    sql: String,
    notes: Vec<String>,
    truncated: bool,
}

pub(crate) fn pack(answer: &Answer) -> Result<Vec<u8>, EngineError> {
    let Answer { table, sql, notes } = answer;
    let head = Head { sql: sql.clone(), notes: notes.clone(), truncated: table.truncated };
    let failed = |error: String| EngineError::Failed { detail: format!("a kept answer: {error}") };
    let head = serde_json::to_vec(&head).map_err(|error| failed(error.to_string()))?;
    let length = u32::try_from(head.len()).map_err(|error| failed(error.to_string()))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(head);
    bytes.extend(export::arrow_stream(table)?.concat());
    Ok(bytes)
}

/// Nothing where the bytes are not what [`pack`] gives.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Answer> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (head, rows) = (rest.get(..length)?, rest.get(length..)?);
    let Head { sql, notes, truncated } = serde_json::from_slice(head).ok()?;
    let table = rows_of(rows, truncated).ok()?;
    Some(Answer { table, sql, notes })
}

fn rows_of(bytes: &[u8], truncated: bool) -> Result<Table, EngineError> {
    let failed = |error: ArrowError| EngineError::Failed { detail: error.to_string() };
    let rows = decode(bytes, truncated).map_err(failed)?;
    table(&rows.schema, &rows.batches, truncated, &[])
}

#[cfg(test)]
mod tests {
    use pacioli_model::{Cell, ColumnName, ColumnType, Decimal, TableColumn};

    use super::*;

    #[test]
    fn an_answer_is_unpacked_as_it_was_packed() {
        let columns = [
            ("i", ColumnType::Integer),
            ("d", ColumnType::Decimal { scale: 2 }),
            ("w", ColumnType::Decimal { scale: 40 }),
            ("f", ColumnType::Float),
            ("t", ColumnType::Text),
            ("day", ColumnType::Date),
            ("at", ColumnType::Timestamp),
            ("b", ColumnType::Boolean),
        ];
        let columns = columns.map(|(name, data_type)| TableColumn {
            name: ColumnName::parse(name).unwrap(),
            data_type,
        });
        let rows = vec![
            vec![
                Cell::Integer(i64::MIN),
                Cell::Decimal(Decimal::new(-(10_i128.pow(37)), 2)),
                Cell::Decimal(Decimal::new(7, 40)),
                Cell::Float(0.1 + 0.2),
                Cell::Text("ünï".to_owned()),
                Cell::Date("2024-02-29".parse().unwrap()),
                Cell::Timestamp("2024-01-31T10:00:00.000001Z".parse().unwrap()),
                Cell::Boolean(true),
            ],
            vec![Cell::Null; 8],
        ];
        for rows in [rows, Vec::new()] {
            let table = Table { columns: columns.to_vec(), rows, truncated: true };
            let notes = vec!["a note".to_owned()];
            let answer = Answer { table, sql: "SELECT 1".to_owned(), notes };
            let bytes = pack(&answer).unwrap();
            assert_eq!(unpack(&bytes), Some(answer));
            assert_eq!(unpack(&bytes[..bytes.len() / 2]), None);
        }
        assert_eq!(unpack(b""), None);
        assert_eq!(unpack(&u32::MAX.to_le_bytes()), None);
    }
}
