use pacioli_model::Table;

use crate::words::{cell, number};

/// Says rows of which nothing is known but the rows: those of a query that no Ask says.
pub fn tell_rows(table: &Table) -> String {
    let shown = |value| number(value).unwrap_or_else(|| cell(value, None));
    match table.rows.as_slice() {
        [] => "No rows match.".to_owned(),
        [row] => {
            let named = table.columns.iter().zip(row);
            let parts = named.map(|(column, value)| format!("{}: {}", column.name, shown(value)));
            format!("{}.", parts.collect::<Vec<_>>().join(", "))
        }
        rows if table.truncated => format!("The first {} rows: there are more.", rows.len()),
        rows => format!("{} rows.", rows.len()),
    }
}
