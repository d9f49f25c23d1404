//! One side of a relationship, as people write it.

use pacioli_model::{ColumnName, TableName};

/// Reads `orders.customer_id` or `orders(market, customer)`.
pub fn side(text: &str) -> Option<(TableName, Vec<ColumnName>)> {
    let text = text.trim();
    let (table, columns) = match text.split_once('(') {
        Some((table, columns)) => (table, columns.strip_suffix(')')?),
        None => text.split_once('.')?,
    };
    let columns = columns.split(',').map(|column| ColumnName::parse(column.trim()).ok());
    Some((TableName::parse(table.trim()).ok()?, columns.collect::<Option<_>>()?))
}

/// Writes a side, always the same way.
pub(super) fn write_side(table: &TableName, columns: &[ColumnName]) -> String {
    match columns {
        [column] => format!("{table}.{column}"),
        several => {
            let names: Vec<_> = several.iter().map(ColumnName::as_str).collect();
            format!("{table}({})", names.join(", "))
        }
    }
}
