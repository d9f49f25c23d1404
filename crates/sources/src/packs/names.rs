//! From the names that a system gives its tables and columns to those that they have here.

use std::collections::HashMap;

use pacioli_model::{
    Catalog, Column, ColumnName, ColumnRef, Known, Relationship, TableEntry, TableName,
};

/// What stands before a table's own name where it comes from a database.
const PREFIXES: [&str; 10] =
    ["tab", "tbl", "public", "dbo", "erp", "odoo", "erpnext", "bc", "nav", "sap"];

pub(super) struct Names<'a> {
    /// By name without underscores and prefix.
    tables: HashMap<String, &'a TableEntry>,
}

impl<'a> Names<'a> {
    pub(super) fn of(catalog: &'a Catalog) -> Self {
        let mut tables: HashMap<String, &TableEntry> = HashMap::new();
        for entry in &catalog.tables {
            if let Some(rest) = without_prefix(entry.name.as_str()) {
                tables.entry(rest).or_insert(entry);
            }
        }
        // A table of the very name is meant, whatever else ends with it.
        for entry in &catalog.tables {
            tables.insert(folded(entry.name.as_str()), entry);
        }
        Self { tables }
    }

    pub(super) fn table_called(&self, name: &str) -> Option<&'a TableEntry> {
        self.tables.get(&folded(name)).copied()
    }

    pub(super) fn table(&self, name: &TableName) -> Option<&'a TableEntry> {
        self.table_called(name.as_str())
    }

    pub(super) fn column_called(entry: &'a TableEntry, name: &str) -> Option<&'a Column> {
        let wanted = folded(name);
        let exact = entry.columns.iter().find(|it| it.name.as_str() == name);
        exact.or_else(|| entry.columns.iter().find(|it| folded(it.name.as_str()) == wanted))
    }

    pub(super) fn column(&self, given: &ColumnRef) -> Option<(&'a TableEntry, &'a Column)> {
        let entry = self.table(&given.table)?;
        Some((entry, Self::column_called(entry, given.column.as_str())?))
    }

    /// The relationship between the tables that are here; nothing where one or a column is not.
    pub(super) fn relationship(&self, given: &Relationship) -> Option<Relationship> {
        let (table, to) = (self.table(&given.table)?, self.table(&given.to)?);
        let all = |entry, columns: &[ColumnName]| {
            let each = columns.iter().map(|it| Self::column_called(entry, it.as_str()));
            each.map(|it| it.map(|it| it.name.clone())).collect::<Option<Vec<_>>>()
        };
        let (columns, references) = (all(table, &given.columns)?, all(to, &given.references)?);
        Some(Relationship {
            name: Relationship::usual_name(&table.name, &columns),
            table: table.name.clone(),
            columns,
            to: to.name.clone(),
            references,
            known: Known::Declared,
            ..given.clone()
        })
    }
}

fn without_prefix(name: &str) -> Option<String> {
    let (first, rest) = name.split_once('_')?;
    PREFIXES.contains(&first).then(|| folded(rest))
}

fn folded(name: &str) -> String {
    name.replace('_', "")
}
