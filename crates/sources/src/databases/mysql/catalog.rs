//! What `information_schema` says of the tables.

use std::collections::{BTreeMap, BTreeSet};

use mysql_async::{Params, Row, Value};
use pacioli_model::ColumnName;

use super::{
    connection::{MysqlSession, field},
    measure::Measured,
    value::Native,
};
use crate::{
    databases::{
        changes,
        name::{self, Names},
        offer::{self, Offered, Reference, Typed},
        retry::Failure,
    },
    source::SourceTable,
};

/// A table or view, with the types of the database.
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) table: String,
    comment: String,
    rows: Option<u64>,
    pub(super) columns: Vec<NativeColumn>,
    /// Names of columns.
    pub(super) key: Vec<String>,
    references: Vec<Reference>,
}

pub(super) struct NativeColumn {
    pub(super) source_name: String,
    pub(super) name: ColumnName,
    comment: String,
    /// As SQL writes it: `decimal(12,2)`.
    pub(super) sql_type: String,
    pub(super) native: Native,
}

/// A column before it has a name here.
struct Found {
    source_name: String,
    sql_type: String,
    native: Native,
    comment: String,
}

impl Found {
    fn named(self, name: ColumnName) -> NativeColumn {
        let Self { source_name, sql_type, native, comment } = self;
        NativeColumn { source_name, name, comment, sql_type, native }
    }
}

const RELATIONS: &str = "
SELECT TABLE_SCHEMA, TABLE_NAME, IF(TABLE_TYPE = 'VIEW', '', TABLE_COMMENT),
       IF(TABLE_TYPE = 'VIEW', NULL, TABLE_ROWS)
FROM information_schema.TABLES
WHERE TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED') AND ";

const COLUMNS: &str = "
SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE,
       IFNULL(NUMERIC_PRECISION, 0), IFNULL(NUMERIC_SCALE, 0), COLUMN_COMMENT
FROM information_schema.COLUMNS
WHERE FIND_IN_SET('select', PRIVILEGES) AND ";

/// Unique over whole columns that are never null; a primary key comes first.
const KEYS: &str = "
SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, IFNULL(COLUMN_NAME, ''),
       COLUMN_NAME IS NULL OR SUB_PART IS NOT NULL OR NULLABLE = 'YES'
FROM information_schema.STATISTICS
WHERE NON_UNIQUE = 0 AND ";

const REFERENCES: &str = "
SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA,
       REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE
WHERE REFERENCED_TABLE_NAME IS NOT NULL AND ";

type Table = (String, String);

impl MysqlSession {
    /// What this user may read in these databases; all, or the table of one name.
    pub(super) async fn relations(
        &mut self,
        schemas: &[String],
        table: Option<&str>,
    ) -> Result<Vec<Relation>, Failure> {
        let mut parts = Parts::default();
        let found = self.look(RELATIONS, "2", schemas, table).await?;
        parts.columns(&self.look(COLUMNS, "ORDINAL_POSITION", schemas, table).await?)?;
        let order = "INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX";
        parts.keys(&self.look(KEYS, order, schemas, table).await?)?;
        let order = "CONSTRAINT_NAME, ORDINAL_POSITION";
        parts.references(&self.look(REFERENCES, order, schemas, table).await?)?;
        let mut relations = Vec::with_capacity(found.len());
        for row in &found {
            let relation = parts.relation(row)?;
            if !relation.columns.is_empty() {
                relations.push(relation);
            }
        }
        Ok(relations)
    }

    async fn look(
        &mut self,
        statement: &str,
        order: &str,
        schemas: &[String],
        table: Option<&str>,
    ) -> Result<Vec<Row>, Failure> {
        let places = vec!["?"; schemas.len()].join(", ");
        let one = if table.is_some() { " AND TABLE_NAME = ?" } else { "" };
        let statement = format!("{statement} TABLE_SCHEMA IN ({places}){one} ORDER BY {order}");
        let values = schemas.iter().map(String::as_str).chain(table).map(Value::from).collect();
        self.ask(&statement, Params::Positional(values)).await
    }
}

/// What belongs to relations, by their names.
#[derive(Default)]
struct Parts {
    columns: BTreeMap<Table, Vec<Found>>,
    /// By index, in the order in which they came.
    keys: BTreeMap<Table, Vec<(String, Vec<String>)>>,
    unfit_keys: BTreeSet<(Table, String)>,
    references: BTreeMap<Table, Vec<(String, Reference)>>,
}

fn of(row: &Row) -> Result<Table, Failure> {
    Ok((field(Some(row), 0)?, field(Some(row), 1)?))
}

impl Parts {
    fn columns(&mut self, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let (data_type, sql_type): (String, String) =
                (field(Some(row), 3)?, field(Some(row), 4)?);
            let (precision, scale) = (field(Some(row), 5)?, field(Some(row), 6)?);
            let native = Native::of(&data_type, &sql_type, precision, scale);
            let (source_name, comment) = (field(Some(row), 2)?, field(Some(row), 7)?);
            let column = Found { source_name, sql_type, native, comment };
            self.columns.entry(of(row)?).or_default().push(column);
        }
        Ok(())
    }

    fn keys(&mut self, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let (index, column): (String, String) = (field(Some(row), 2)?, field(Some(row), 3)?);
            if field::<i64>(Some(row), 4)? != 0 {
                self.unfit_keys.insert((of(row)?, index.clone()));
            }
            let keys = self.keys.entry(of(row)?).or_default();
            match keys.last_mut() {
                Some((last, columns)) if *last == index => columns.push(column),
                _ => keys.push((index, vec![column])),
            }
        }
        Ok(())
    }

    fn references(&mut self, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let text = |place| field::<String>(Some(row), place);
            let (constraint, column, to) = (text(2)?, text(3)?, text(6)?);
            let references = self.references.entry(of(row)?).or_default();
            match references.last_mut() {
                Some((last, reference)) if *last == constraint => {
                    reference.columns.push(column);
                    reference.references.push(to);
                }
                _ => {
                    let table = name::join(&text(4)?, &text(5)?);
                    let (columns, to) = (vec![column], vec![to]);
                    references.push((constraint, Reference { columns, table, references: to }));
                }
            }
        }
        Ok(())
    }

    fn relation(&mut self, row: &Row) -> Result<Relation, Failure> {
        let table = of(row)?;
        let columns = self.columns.remove(&table).unwrap_or_default();
        let headers: Vec<String> = columns.iter().map(|it| it.source_name.clone()).collect();
        let key = self.key(&table, &headers);
        let references = self.references.remove(&table).unwrap_or_default();
        let references: Vec<Reference> = references.into_iter().map(|it| it.1).collect();
        let named = columns.into_iter().zip(crate::typing::naming::column_names(&headers));
        let mut columns: Vec<NativeColumn> =
            named.map(|(column, name)| column.named(name)).collect();
        for column in &mut columns {
            let mut keyed = key.iter().chain(references.iter().flat_map(|it| &it.columns));
            let is_binary = column.sql_type.to_ascii_lowercase().contains("binary");
            let is_bytes = column.native == Native::Bytes && is_binary;
            if is_bytes && keyed.any(|name| *name == column.source_name) {
                column.native = Native::KeyBytes;
            }
        }
        let (comment, rows) = (field(Some(row), 2)?, field(Some(row), 3)?);
        let (schema, table) = table;
        Ok(Relation { schema, table, comment, rows, columns, key, references })
    }

    /// The primary key, which comes first, or else the shortest of those that serve as well.
    fn key(&mut self, table: &Table, readable: &[String]) -> Vec<String> {
        let keys = self.keys.remove(table).unwrap_or_default();
        let unfit = |index: &String| self.unfit_keys.contains(&(table.clone(), index.clone()));
        let fit = keys
            .into_iter()
            .filter(|(index, key)| !unfit(index) && key.iter().all(|name| readable.contains(name)));
        let ranked = fit.map(|(index, key)| (index != "PRIMARY", key));
        ranked.min_by_key(|(other, key)| (*other, key.len())).map(|it| it.1).unwrap_or_default()
    }
}

/// What the columns of these are called here.
pub(super) fn names(relations: &[Relation]) -> Names {
    let columns = relations.iter().flat_map(|relation| {
        let table = name::join(&relation.schema, &relation.table);
        let named = |column: &NativeColumn| (column.source_name.clone(), column.name.clone());
        relation
            .columns
            .iter()
            .map(named)
            .map(move |(column, name)| ((table.clone(), column), name))
    });
    Names::new(columns)
}

impl Relation {
    pub(super) fn column(&self, source_name: &str) -> Option<&NativeColumn> {
        self.columns.iter().find(|column| column.source_name == source_name)
    }

    /// The table as it is offered, and what to know of it.
    pub(super) fn into_table(
        self,
        measured: &Measured,
        names: &Names,
    ) -> (SourceTable, Vec<String>) {
        let mut notes = measured.notes.clone();
        let typed = self.columns.iter().map(|column| Typed {
            source_name: &column.source_name,
            name: &column.name,
            label: Some(&column.comment),
            sql_type: &column.sql_type,
            data_type: column.native.column_type(measured.is_wide(&column.source_name)),
        });
        let columns = offer::columns(typed, &mut notes);
        let changes_by = changes::propose(&columns).map(|column| column.name.clone());
        (self.offered().with(columns, changes_by, names), notes)
    }

    fn offered(&self) -> Offered<'_> {
        let Self { schema, table, rows, key, references, .. } = self;
        Offered { schema, table, label: Some(&self.comment), rows: *rows, key, references }
    }
}
