//! Systems asked over HTTP, each against a server of its own in this process.

mod erpnext;
mod faults;
mod odata;
mod odoo;
mod outside;
mod pace;
mod secure;
mod serving;

use std::{sync::Arc, time::Duration};

use arrow::{
    array::{Array, RecordBatch},
    util::display::array_value_to_string,
};
use futures_util::StreamExt;
use pace::Moved;
use pacioli_sources::{
    SourceError,
    apis::{Limits, Reach},
    outgoing::AddressPolicy,
    source::{Pull, Source, SourceTable, Watermark},
};

/// Everything that tests give away to sources, and that no error may show.
const SECRET: &str = "s3cr3t&key/of the+source";

/// Loopback only, with short limits.
fn reach(pace: &Arc<Moved>) -> Reach {
    let addresses = AddressPolicy::new(vec!["127.0.0.1/32".parse().unwrap()]);
    let limits = Limits {
        connect: Duration::from_secs(5),
        silence: Duration::from_secs(5),
        request: Duration::from_secs(10),
        answer_bytes: 1 << 20,
    };
    Reach { limits, ..Reach::new(addresses, Arc::<Moved>::clone(pace)) }
}

/// What a load gave.
#[derive(Debug, Default)]
struct Loaded {
    rows: Vec<Vec<String>>,
    /// The mark of each batch.
    marks: Vec<Option<Watermark>>,
    /// Rows of each batch.
    batches: Vec<usize>,
    expected: Option<u64>,
    error: Option<SourceError>,
}

impl Loaded {
    /// The values of the first column, in the order in which they came.
    fn keys(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row[0].as_str()).collect()
    }

    fn last_mark(&self) -> Option<Watermark> {
        self.marks.last().cloned().flatten()
    }

    fn whole(self) -> Self {
        if let Some(error) = &self.error {
            panic!("the load failed: {error}");
        }
        self
    }
}

async fn load(source: &dyn Source, table: &SourceTable, since: Option<Watermark>) -> Loaded {
    load_some(source, table, since, usize::MAX).await
}

/// The first batches of a load that is then cut off.
async fn load_some(
    source: &dyn Source,
    table: &SourceTable,
    since: Option<Watermark>,
    batches: usize,
) -> Loaded {
    let mut loaded = Loaded::default();
    let mut stream = source.pull(Pull { table: table.clone(), since }).take(batches);
    while let Some(pulled) = stream.next().await {
        match pulled {
            Ok(pulled) => {
                assert_eq!(pulled.batch.schema(), table.schema());
                assert!(pulled.bytes > 0);
                loaded.batches.push(pulled.batch.num_rows());
                loaded.rows.extend(shown(&pulled.batch));
                loaded.marks.push(pulled.watermark);
                loaded.expected = pulled.rows_expected;
            }
            Err(error) => loaded.error = Some(error),
        }
    }
    if let Some(error) = &loaded.error {
        is_clean(error);
    }
    loaded
}

/// No form of the secret is in the error, whatever way it is printed.
fn is_clean(error: &SourceError) {
    for text in [error.to_string(), format!("{error:?}")] {
        for part in [SECRET, "s3cr3t", "czNjcjN0"] {
            assert!(!text.contains(part), "{text}");
        }
    }
}

fn shown(batch: &RecordBatch) -> Vec<Vec<String>> {
    let cell = |array: &dyn Array, row| {
        if array.is_null(row) {
            "∅".to_owned()
        } else {
            array_value_to_string(array, row).unwrap()
        }
    };
    (0..batch.num_rows())
        .map(|row| batch.columns().iter().map(|column| cell(&**column, row)).collect())
        .collect()
}

fn table<'t>(tables: &'t [SourceTable], name: &str) -> &'t SourceTable {
    tables.iter().find(|table| table.name == name).unwrap_or_else(|| panic!("no table {name}"))
}

/// The table with these columns alone.
fn only(table: &SourceTable, names: &[&str]) -> SourceTable {
    let find = |name: &&str| {
        table.columns.iter().find(|column| column.source_name == **name).cloned().unwrap()
    };
    SourceTable { columns: names.iter().map(find).collect(), ..table.clone() }
}

/// Columns as `source name: type -> name`.
fn described(table: &SourceTable) -> Vec<String> {
    let line = |column: &pacioli_sources::source::SourceColumn| {
        format!("{}: {} -> {}", column.source_name, column.data_type.as_str(), column.name)
    };
    table.columns.iter().map(line).collect()
}

/// References as `columns -> table(columns)`.
fn references(table: &SourceTable) -> Vec<String> {
    let names = |names: &[pacioli_model::ColumnName]| {
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    table
        .foreign_keys
        .iter()
        .map(|key| format!("{} -> {}({})", names(&key.columns), key.table, names(&key.references)))
        .collect()
}
