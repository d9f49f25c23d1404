//! What every source that is asked for its tables can do: say what it has, and give a table's rows.

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use futures_util::{future::BoxFuture, stream::BoxStream};
use pacioli_model::{ColumnName, ColumnType};
use serde::{Deserialize, Serialize};

use crate::SourceError;

/// A system that tables are loaded from. What can pass by itself (a dropped connection, an expired
/// session, 429 and 503) is retried inside; an error that comes out ends the table's load.
pub trait Source: Send + Sync {
    /// Every table that these credentials may read, sorted by name.
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>>;

    /// A table's rows, in bounded memory. Dropping the stream ends the work at the source too.
    fn pull(&self, pull: Pull) -> BoxStream<'_, Result<Pulled, SourceError>>;

    /// What a reader must know of a table beyond its rows, as sentences: columns that are not read,
    /// values that were left empty. Known after [`Source::discover`] and after a pull.
    fn notes(&self, _table: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Which rows of which table.
#[derive(Debug, Clone)]
pub struct Pull {
    /// As [`Source::discover`] gave it, with the columns that are wanted.
    pub table: SourceTable,
    /// Where the last complete load ended: only rows that are new or changed since are given. Rows at
    /// the mark itself may come again; they have the same key.
    pub since: Option<Watermark>,
}

/// A position in a table's changes, in the source's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watermark(pub String);

/// Some rows.
#[derive(Debug)]
pub struct Pulled {
    /// With [`SourceTable::schema`].
    pub batch: RecordBatch,
    /// What arrived over the wire for them, or about.
    pub bytes: u64,
    /// How many rows there will be in all, where the source said so.
    pub rows_expected: Option<u64>,
    /// The mark to go on from once this batch and those before it are in service. Empty for a table
    /// that has no column to tell changes by.
    pub watermark: Option<Watermark>,
}

/// A table at its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTable {
    /// What the source calls it: `public.orders`, `sale.order`, `Sales Invoice`.
    pub name: String,
    /// What people call it there.
    pub label: String,
    /// In the source's order.
    pub columns: Vec<SourceColumn>,
    /// The columns whose values name a row; empty when there are none.
    pub primary_key: Vec<ColumnName>,
    /// Which columns name rows of other tables.
    pub foreign_keys: Vec<SourceForeignKey>,
    /// About how many rows, where the source tells without counting.
    pub rows: Option<u64>,
    /// The column that tells changed rows: `write_date`, `modified`. Empty: every load is a full one.
    pub changes_by: Option<ColumnName>,
}

/// A column at its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// What the source calls it: `CardCode`, `partner_id`.
    pub source_name: String,
    /// What it is called here.
    pub name: ColumnName,
    /// What people call it there.
    pub label: String,
    /// What it holds.
    pub data_type: ColumnType,
}

/// One declared reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceForeignKey {
    /// Columns of this table.
    pub columns: Vec<ColumnName>,
    /// The other table, as its source calls it.
    pub table: String,
    /// The columns that they name, in the same order.
    pub references: Vec<ColumnName>,
}

impl SourceTable {
    /// The Arrow schema of its batches.
    pub fn schema(&self) -> SchemaRef {
        schema(self.columns.iter().map(|column| (&column.name, column.data_type)))
    }
}

/// The Arrow schema of columns of these names and types; all may be null.
pub fn schema<'a>(columns: impl Iterator<Item = (&'a ColumnName, ColumnType)>) -> SchemaRef {
    let field = |(name, data_type): (&ColumnName, ColumnType)| {
        Field::new(name.as_str(), arrow_type(data_type), true)
    };
    Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()))
}

/// How a column's values lie in Arrow. Timestamps are in UTC and name no zone.
pub fn arrow_type(data_type: ColumnType) -> DataType {
    match data_type {
        ColumnType::Integer => DataType::Int64,
        ColumnType::Decimal { scale } => DataType::Decimal128(38, scale.cast_signed()),
        ColumnType::Float => DataType::Float64,
        ColumnType::Text => DataType::Utf8,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::Boolean => DataType::Boolean,
    }
}
