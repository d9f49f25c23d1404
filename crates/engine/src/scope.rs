//! Whose data a query is about, and how much of it they see.

use std::borrow::Cow;

use pacioli_model::{
    Access, Catalog, Cell, Column, ColumnName, ColumnProfile, CompanyId, TableEntry, TableName,
};

use crate::EngineError;

/// Whose data, as far as they may see it.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Whose tables.
    pub company: CompanyId,
    /// All of the company's tables, those parts too that `access` hides.
    pub catalog: &'a Catalog,
    /// What of them is seen.
    pub access: &'a Access,
}

impl<'a> Scope<'a> {
    /// The catalog without the columns that are not seen. What the profiles say of the others stands:
    /// it decides how wide totals are, and is shown to nobody.
    pub(crate) fn visible(&self) -> Cow<'a, Catalog> {
        let hides = self.access.tables.iter().any(|table| !table.hidden_columns.is_empty());
        if !hides {
            return Cow::Borrowed(self.catalog);
        }
        let mut catalog = self.catalog.clone();
        for table in &mut catalog.tables {
            let hidden = self.hidden(&table.name);
            table.columns.retain(|column| !hidden.contains(&column.name));
            // A part of a key names no row.
            if table.primary_key.iter().any(|column| hidden.contains(column)) {
                table.primary_key.clear();
            }
        }
        catalog.relationships.retain(|one| {
            let seen = |table: &TableName, columns: &[ColumnName]| {
                columns.iter().all(|column| !self.hidden(table).contains(column))
            };
            seen(&one.table, &one.columns) && seen(&one.to, &one.references)
        });
        Cow::Owned(catalog)
    }

    fn hidden(&self, table: &TableName) -> &'a [ColumnName] {
        self.access.table(table).map_or(&[], |access| &access.hidden_columns)
    }

    /// Entries of these tables for a worker.
    pub(crate) fn entries(&self, tables: &[TableName]) -> Result<Vec<TableEntry>, EngineError> {
        let entry = |name: &TableName| {
            self.catalog.table(name).map(without_values).ok_or_else(|| EngineError::Invalid {
                detail: format!("There is no table {name}."),
            })
        };
        tables.iter().map(entry).collect()
    }

    /// Entries of all tables whose name occurs in `sql`, quoted or not, and so of all that it can
    /// mean. The text is not parsed here: that is the worker's, which may die of it.
    pub(crate) fn mentioned(&self, sql: &str) -> Vec<TableEntry> {
        let sql = sql.to_ascii_lowercase();
        let tables = self.catalog.tables.iter();
        tables.filter(|entry| sql.contains(entry.name.as_str())).map(without_values).collect()
    }

    /// What binds at these tables.
    pub(crate) fn access_to(&self, tables: &[TableEntry]) -> Access {
        let binds = |name: &TableName| tables.iter().any(|entry| &entry.name == name);
        let of = self.access.tables.iter().filter(|access| binds(&access.table));
        Access { tables: of.cloned().collect() }
    }
}

/// The entry without what a worker has no use for.
fn without_values(entry: &TableEntry) -> TableEntry {
    let column = |column: &Column| Column {
        name: column.name.clone(),
        label: String::new(),
        data_type: column.data_type,
        profile: ColumnProfile {
            nulls: column.profile.nulls,
            distinct: column.profile.distinct,
            min: column.profile.min.clone().filter(|it| matches!(it, Cell::Integer(_))),
            max: column.profile.max.clone().filter(|it| matches!(it, Cell::Integer(_))),
            values: None,
            ascending: column.profile.ascending,
        },
    };
    TableEntry {
        name: entry.name.clone(),
        version: entry.version,
        origin: entry.origin.clone(),
        columns: entry.columns.iter().map(column).collect(),
        rows: entry.rows,
        bytes: entry.bytes,
        loaded_at: entry.loaded_at,
        loaded_by: entry.loaded_by,
        notes: Vec::new(),
        primary_key: entry.primary_key.clone(),
        foreign_keys: Vec::new(),
    }
}
