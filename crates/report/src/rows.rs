use pacioli_model::Table;

use crate::{
    locale::Language,
    words::{cell, number},
    write::{say, text},
};

/// Says rows of which nothing is known but the rows: those of a query that no Ask says.
pub fn tell_rows(table: &Table, language: Language) -> String {
    let shown = |value| number(value, language).unwrap_or_else(|| cell(value, None, language));
    match table.rows.as_slice() {
        [] => text(language, "rows.none").to_owned(),
        [row] => {
            let named = table.columns.iter().zip(row);
            let parts = named.map(|(column, value)| format!("{}: {}", column.name, shown(value)));
            format!("{}.", parts.collect::<Vec<_>>().join(", "))
        }
        rows => {
            let key = if table.truncated { "rows.first" } else { "rows.all" };
            say(language, key, &[("count", &rows.len().to_string())])
        }
    }
}
