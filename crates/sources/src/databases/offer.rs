//! A relation of a database as it is offered to be loaded.

use pacioli_model::{ColumnName, ColumnType};

use super::name::{self, Names};
use crate::source::{SourceColumn, SourceForeignKey, SourceTable};

/// A foreign key, by the database's names of columns.
pub(super) struct Reference {
    pub(super) columns: Vec<String>,
    pub(super) table: String,
    pub(super) references: Vec<String>,
}

/// A relation, by the database's names.
pub(super) struct Offered<'a> {
    pub(super) schema: &'a str,
    pub(super) table: &'a str,
    pub(super) label: Option<&'a str>,
    pub(super) rows: Option<u64>,
    pub(super) key: &'a [String],
    pub(super) references: &'a [Reference],
}

/// A column, and what its values become; nothing where they are not read.
pub(super) struct Typed<'a> {
    pub(super) source_name: &'a str,
    pub(super) name: &'a ColumnName,
    pub(super) label: Option<&'a str>,
    /// As SQL writes it.
    pub(super) sql_type: &'a str,
    pub(super) data_type: Option<ColumnType>,
}

/// The columns that are read, and a note on each that is not.
pub(super) fn columns<'a>(
    typed: impl Iterator<Item = Typed<'a>>,
    notes: &mut Vec<String>,
) -> Vec<SourceColumn> {
    let read = |column: Typed<'_>| {
        let Typed { source_name, name, label, sql_type, data_type } = column;
        let Some(data_type) = data_type else {
            notes.push(format!("{source_name} is not read: it holds bytes ({sql_type})"));
            return None;
        };
        let label = name::label(label, source_name);
        Some(SourceColumn {
            source_name: source_name.to_owned(),
            name: name.clone(),
            label,
            data_type,
        })
    };
    typed.filter_map(read).collect()
}

impl Offered<'_> {
    /// With these columns. What has changed is told by `changes_by`, where a key tells rows apart.
    pub(super) fn with(
        self,
        columns: Vec<SourceColumn>,
        changes_by: Option<ColumnName>,
        names: &Names,
    ) -> SourceTable {
        let name = name::join(self.schema, self.table);
        let foreign_keys = self.references.iter().filter_map(|reference| {
            Some(SourceForeignKey {
                columns: names.of(&name, &reference.columns)?,
                table: reference.table.clone(),
                references: names.of(&reference.table, &reference.references)?,
            })
        });
        let foreign_keys = foreign_keys.collect();
        let primary_key = names.of(&name, self.key).unwrap_or_default();
        SourceTable {
            label: name::label(self.label, self.table),
            changes_by: changes_by.filter(|_| !primary_key.is_empty()),
            rows: self.rows,
            name,
            columns,
            primary_key,
            foreign_keys,
        }
    }
}
