use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pacioli_model::{ColumnName, ColumnProfile, ForeignKey, TableName};
use tempfile::TempPath;

use super::{
    draft::Builder, json::JsonTable, parquet::ParquetTable, row::Row, sqlite::SqliteTable,
    workbook::SheetTable,
};
use crate::{
    SourceError,
    csv::{self, CsvPlan},
    source,
    typing::PlannedColumn,
};

/// Takes a table's batches, one after the other; ends the work by breaking.
pub type Emit<'a> = dyn FnMut(RecordBatch) -> ControlFlow<()> + 'a;

/// Takes a table's rows.
type VisitRow<'a> = dyn FnMut(&Row) -> Result<(), SourceError> + 'a;

/// One table that a file makes.
#[derive(Debug)]
pub struct TablePlan {
    /// What it is called, unless the sender says otherwise.
    pub name: TableName,
    /// Which part of the file it is: a sheet, a table of a database, a file of an archive. Empty for a
    /// file that is one table.
    pub part: Option<String>,
    /// In file order.
    pub columns: Vec<PlannedColumn>,
    /// Rows.
    pub rows: u64,
    /// What was decided or could not be, for people to read.
    pub notes: Vec<String>,
    /// The columns whose values name a row, where the file says so.
    pub primary_key: Vec<ColumnName>,
    /// References to other tables of the same file, where the file says so.
    pub foreign_keys: Vec<ForeignKey>,
    pub(super) content: Content,
    /// The unpacked file that the rows lie in, where the file is an archive.
    pub(super) held: Option<Arc<TempPath>>,
}

/// Where a table's rows come from.
#[derive(Debug)]
pub(super) enum Content {
    Csv(PathBuf, Box<CsvPlan>),
    Sqlite(SqliteTable),
    Sheet(Box<SheetTable>),
    Json(Box<JsonTable>),
    Parquet(Box<ParquetTable>),
}

impl TablePlan {
    pub(super) fn of_csv(name: TableName, path: &Path, plan: CsvPlan) -> Self {
        Self {
            name,
            part: None,
            columns: plan.columns.clone(),
            rows: plan.rows,
            notes: plan.notes.clone(),
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
            content: Content::Csv(path.to_owned(), Box::new(plan)),
            held: None,
        }
    }

    /// The Arrow schema of the batches. Timestamps are in UTC and name no zone.
    pub fn schema(&self) -> SchemaRef {
        source::schema(self.columns.iter().map(|column| (&column.name, column.data_type)))
    }

    /// Reads the table's rows in constant memory and answers what was seen in each column. An error,
    /// also that `emit` broke it off, leaves nothing to be kept.
    pub fn read(&self, emit: &mut Emit<'_>) -> Result<Vec<ColumnProfile>, SourceError> {
        match &self.content {
            Content::Csv(path, plan) => {
                let mut reader = csv::read(path, plan)?;
                for batch in reader.by_ref() {
                    if emit(batch?).is_break() {
                        return Err(SourceError::Cancelled);
                    }
                }
                Ok(reader.profile())
            }
            Content::Sqlite(table) => self.build(emit, |visit| table.each_row(visit)),
            Content::Sheet(table) => self.build(emit, |visit| table.each_row(visit)),
            Content::Json(table) => self.build(emit, |visit| table.each_row(visit)),
            Content::Parquet(table) => table.read(&self.columns, &self.schema(), emit),
        }
    }

    /// Batches of rows whose cells may be of any type.
    fn build(
        &self,
        emit: &mut Emit<'_>,
        each_row: impl FnOnce(&mut VisitRow<'_>) -> Result<(), SourceError>,
    ) -> Result<Vec<ColumnProfile>, SourceError> {
        let mut builder = Builder::new(&self.columns, self.schema(), emit);
        each_row(&mut |row| builder.push(row))?;
        builder.finish(self.rows)
    }

    /// Reads all rows where a person chose types, so that a value that does not fit is known.
    pub(super) fn verify(&self) -> Result<(), SourceError> {
        if self.columns.iter().any(|column| column.chosen) {
            self.read(&mut |_| ControlFlow::Continue(()))?;
        }
        Ok(())
    }
}
