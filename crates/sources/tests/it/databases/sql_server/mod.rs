//! SQL Server, for which a stand-in answers.

mod faults;
mod reading;
mod safety;

use pacioli_model::ColumnName;

fn names(columns: &[ColumnName]) -> Vec<&str> {
    columns.iter().map(ColumnName::as_str).collect()
}

/// `n` from 1 to this.
fn sequence(most: u32) -> String {
    format!(
        "WITH RECURSIVE seq (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < {most}) "
    )
}
