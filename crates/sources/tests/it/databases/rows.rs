//! What came of a pull, for looking at.

use std::time::Duration;

use arrow::{
    array::{ArrayRef, RecordBatch},
    util::display::array_value_to_string,
};
use futures_util::TryStreamExt;
use pacioli_sources::{
    SourceError,
    databases::{DatabaseSettings, Retry},
    outgoing::AddressPolicy,
    source::{Pull, Pulled, Source, SourceTable, Watermark},
};

/// The table of this name, as discovered.
pub(crate) async fn table(source: &dyn Source, name: &str) -> SourceTable {
    let tables = source.discover().await.unwrap();
    let names: Vec<_> = tables.iter().map(|table| table.name.clone()).collect();
    let found = tables.into_iter().find(|table| table.name == name);
    found.unwrap_or_else(|| panic!("{name} is not among {names:?}"))
}

/// All that a pull gives.
pub(crate) async fn pull(
    source: &dyn Source,
    table: &SourceTable,
    since: Option<&Watermark>,
) -> Result<Vec<Pulled>, SourceError> {
    let pull = Pull { table: table.clone(), since: since.cloned() };
    source.pull(pull).try_collect().await
}

/// Rows as texts, empty for null, in the order in which they came.
pub(crate) fn texts(pulled: &[Pulled]) -> Vec<Vec<String>> {
    pulled.iter().flat_map(|pulled| batch_texts(&pulled.batch)).collect()
}

fn batch_texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let row = |row: usize| {
        let value = |column: &ArrayRef| array_value_to_string(column, row).unwrap();
        batch.columns().iter().map(value).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// One column's values.
pub(crate) fn column(batch: &RecordBatch, column: usize) -> Vec<String> {
    let value = |row| array_value_to_string(batch.column(column), row).unwrap();
    (0..batch.num_rows()).map(value).collect()
}

/// Where the next load goes on.
pub(crate) fn mark(pulled: &[Pulled]) -> Option<Watermark> {
    pulled.last().and_then(|pulled| pulled.watermark.clone())
}

/// Name and value of each column of the only row.
pub(crate) fn named(table: &SourceTable, pulled: &[Pulled]) -> Vec<(String, String)> {
    let rows = texts(pulled);
    let names = table.columns.iter().map(|column| column.source_name.clone());
    names.zip(rows[0].clone()).collect()
}

pub(crate) fn settings(port: u16, database: &str, user: &str) -> DatabaseSettings {
    let json = format!(
        r#"{{"host":"127.0.0.1","port":{port},"database":"{database}","user":"{user}","tls":"off"}}"#
    );
    serde_json::from_str(&json).unwrap()
}

pub(crate) fn loopback() -> AddressPolicy {
    AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()])
}

/// Enough tries for a server to come back, soon after one another.
pub(crate) fn quick() -> Retry {
    let (first, longest) = (Duration::from_millis(50), Duration::from_millis(500));
    Retry { times: 60, first, longest }
}

/// No second try.
pub(crate) fn never() -> Retry {
    Retry { times: 0, ..quick() }
}

/// The most memory that this process has had, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}
