//! What the `sys` views say of the tables.

use std::collections::BTreeMap;

use pacioli_model::ColumnName;
use tiberius::{ColumnData, Row};

use super::{
    connection::SqlServerSession,
    parameter::Parameter,
    value::{Native, whole},
};
use crate::{
    databases::{
        changed, changes,
        name::{self, Names},
        offer::{self, Offered, Reference, Typed},
        retry::Failure,
    },
    source::{SourceColumn, SourceTable},
};

/// A table or view, with the types of the database.
pub(super) struct Relation {
    id: i64,
    pub(super) schema: String,
    pub(super) table: String,
    label: Option<String>,
    rows: Option<u64>,
    pub(super) columns: Vec<NativeColumn>,
    /// Names of columns.
    pub(super) key: Vec<String>,
    references: Vec<Reference>,
}

pub(super) struct NativeColumn {
    pub(super) source_name: String,
    pub(super) name: ColumnName,
    label: Option<String>,
    /// As SQL writes it: `decimal(12, 2)`.
    pub(super) sql_type: String,
    /// Of texts.
    pub(super) collation: Option<String>,
    pub(super) native: Native,
}

/// What the server brings along, and what its tools add, are nobody's books.
const RELATIONS: &str = "
SELECT o.object_id, s.name AS schema_name, o.name AS table_name, CAST(p.value AS nvarchar(4000)) AS label,
       (SELECT CAST(SUM(r.rows) AS bigint) FROM sys.partitions AS r
        WHERE r.object_id = o.object_id AND r.index_id IN (0, 1)) AS row_count
FROM sys.objects AS o
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
LEFT JOIN sys.extended_properties AS p
  ON p.class = 1 AND p.major_id = o.object_id AND p.minor_id = 0 AND p.name = 'MS_Description'
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
  AND NOT EXISTS (SELECT 1 FROM sys.extended_properties AS x WHERE x.class = 1
                  AND x.major_id = o.object_id AND x.name = 'microsoft_database_tools_support')";

/// A user's own type has the system's that it is made of.
const COLUMNS: &str = "
SELECT c.object_id, c.name AS column_name, COALESCE(t.name, TYPE_NAME(c.user_type_id)) AS type_name,
       c.max_length, c.precision, c.scale, c.collation_name, CAST(p.value AS nvarchar(4000)) AS label
FROM sys.columns AS c
JOIN sys.objects AS o ON o.object_id = c.object_id
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
LEFT JOIN sys.types AS t ON t.user_type_id = c.system_type_id
LEFT JOIN sys.extended_properties AS p
  ON p.class = 1 AND p.major_id = c.object_id AND p.minor_id = c.column_id AND p.name = 'MS_Description'
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
  AND HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'SELECT', c.name,
                        'COLUMN') = 1";

/// Unique over every row; a primary key comes first.
const KEYS: &str = "
SELECT i.object_id, i.index_id, c.name AS column_name, c.is_nullable
FROM sys.indexes AS i
JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
JOIN sys.objects AS o ON o.object_id = i.object_id
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0 AND i.is_hypothetical = 0
  AND k.key_ordinal > 0 AND o.is_ms_shipped = 0";

const REFERENCES: &str = "
SELECT f.parent_object_id AS object_id, f.object_id AS constraint_id, c.name AS column_name,
       rs.name AS referenced_schema, r.name AS referenced_table, rc.name AS referenced_column
FROM sys.foreign_keys AS f
JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
JOIN sys.objects AS r ON r.object_id = k.referenced_object_id
JOIN sys.schemas AS rs ON rs.schema_id = r.schema_id
JOIN sys.columns AS rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id
JOIN sys.objects AS o ON o.object_id = f.parent_object_id
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE o.is_ms_shipped = 0";

impl SqlServerSession {
    /// All that this user may read in these schemas (none given: in all), or the tables of one name.
    pub(super) async fn relations(
        &mut self,
        schemas: &[String],
        table: Option<&str>,
    ) -> Result<Vec<Relation>, Failure> {
        let mut relations = Vec::new();
        for row in self.look(RELATIONS, "s.name, o.name", schemas, table).await? {
            relations.push(Relation::read(&row)?);
        }
        let mut parts = Parts::default();
        parts.columns(&self.look(COLUMNS, "c.object_id, c.column_id", schemas, table).await?)?;
        let order = "i.object_id, i.is_primary_key DESC, i.index_id, k.key_ordinal";
        parts.keys(&self.look(KEYS, order, schemas, table).await?)?;
        let order = "f.parent_object_id, f.object_id, k.constraint_column_id";
        parts.references(&self.look(REFERENCES, order, schemas, table).await?)?;
        for relation in &mut relations {
            relation.complete(&mut parts);
        }
        relations.retain(|relation| !relation.columns.is_empty());
        Ok(relations)
    }

    async fn look(
        &mut self,
        statement: &str,
        order: &str,
        schemas: &[String],
        table: Option<&str>,
    ) -> Result<Vec<Row>, Failure> {
        let places: Vec<String> = (1..=schemas.len()).map(|it| format!("@P{it}")).collect();
        let within = match places.join(", ") {
            none if none.is_empty() => none,
            places => format!(" AND s.name IN ({places})"),
        };
        let one = match table {
            Some(_) => format!(" AND o.name = @P{}", schemas.len() + 1),
            None => String::new(),
        };
        let statement = format!("{statement}{within}{one} ORDER BY {order}");
        let values = schemas.iter().map(String::as_str).chain(table);
        let values = values.map(|text| Parameter::Text(text.to_owned())).collect();
        self.ask(&statement, values).await
    }
}

/// What belongs to relations, by their object's number.
#[derive(Default)]
struct Parts {
    columns: BTreeMap<i64, Vec<Found>>,
    /// By index, in the order in which they came.
    keys: BTreeMap<i64, Vec<FoundKey>>,
    references: BTreeMap<i64, Vec<(i64, Reference)>>,
}

/// A column before it has a name here.
struct Found {
    source_name: String,
    sql_type: String,
    native: Native,
    collation: Option<String>,
    label: Option<String>,
}

struct FoundKey {
    index: i64,
    columns: Vec<String>,
    /// A column of it may be null.
    is_loose: bool,
}

impl Found {
    fn named(self, name: ColumnName) -> NativeColumn {
        let Self { source_name, sql_type, native, collation, label } = self;
        NativeColumn { source_name, name, label, sql_type, collation, native }
    }
}

impl Parts {
    fn columns(&mut self, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let type_name = text(row, 2)?;
            let (bytes, precision, scale) = (number(row, 3)?, number(row, 4)?, number(row, 5)?);
            let column = Found {
                source_name: text(row, 1)?,
                native: Native::of(&type_name, bytes, u8::try_from(scale).unwrap_or(0)),
                sql_type: sql_type(&type_name, bytes, precision, scale),
                collation: optional_text(row, 6)?,
                label: optional_text(row, 7)?,
            };
            self.columns.entry(number(row, 0)?).or_default().push(column);
        }
        Ok(())
    }

    fn keys(&mut self, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let (index, column, is_loose) = (number(row, 1)?, text(row, 2)?, number(row, 3)? != 0);
            let keys = self.keys.entry(number(row, 0)?).or_default();
            match keys.last_mut() {
                Some(last) if last.index == index => {
                    last.columns.push(column);
                    last.is_loose |= is_loose;
                }
                _ => keys.push(FoundKey { index, columns: vec![column], is_loose }),
            }
        }
        Ok(())
    }

    fn references(&mut self, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let (constraint, column, to) = (number(row, 1)?, text(row, 2)?, text(row, 5)?);
            let references = self.references.entry(number(row, 0)?).or_default();
            match references.last_mut() {
                Some((last, reference)) if *last == constraint => {
                    reference.columns.push(column);
                    reference.references.push(to);
                }
                _ => {
                    let table = name::join(&text(row, 3)?, &text(row, 4)?);
                    let (columns, references_to) = (vec![column], vec![to]);
                    let reference = Reference { columns, table, references: references_to };
                    references.push((constraint, reference));
                }
            }
        }
        Ok(())
    }
}

/// A type as SQL writes it.
fn sql_type(name: &str, bytes: i64, precision: i64, scale: i64) -> String {
    let counted = |count: i64| match count {
        ..=0 => format!("{name}(max)"),
        count => format!("{name}({count})"),
    };
    match name {
        "nvarchar" | "nchar" => counted(bytes / 2),
        "varchar" | "char" | "varbinary" | "binary" => counted(bytes),
        "decimal" | "numeric" => format!("{name}({precision}, {scale})"),
        "datetime2" | "datetimeoffset" | "time" => format!("{name}({scale})"),
        "timestamp" => "rowversion".to_owned(),
        _ => name.to_owned(),
    }
}

/// What the columns of these are called here.
pub(super) fn names(relations: &[Relation]) -> Names {
    let columns = relations.iter().flat_map(|relation| {
        let table = name::join(&relation.schema, &relation.table);
        relation
            .columns
            .iter()
            .map(move |it| ((table.clone(), it.source_name.clone()), it.name.clone()))
    });
    Names::new(columns)
}

/// What a session found out about its database that concerns every table.
#[derive(Clone, Copy)]
pub(super) struct Ground {
    /// Whether all is read from one snapshot.
    pub(super) is_snapshot: bool,
    /// The first number of a change that is not complete; none where the database does not tell.
    pub(super) first_open_change: Option<i64>,
}

impl Relation {
    fn read(row: &Row) -> Result<Self, Failure> {
        Ok(Self {
            id: number(row, 0)?,
            schema: text(row, 1)?,
            table: text(row, 2)?,
            label: optional_text(row, 3)?,
            rows: cell(row, 4)?.and_then(whole).and_then(|rows| u64::try_from(rows).ok()),
            columns: Vec::new(),
            key: Vec::new(),
            references: Vec::new(),
        })
    }

    fn complete(&mut self, parts: &mut Parts) {
        let columns = parts.columns.remove(&self.id).unwrap_or_default();
        let headers: Vec<String> = columns.iter().map(|it| it.source_name.clone()).collect();
        let named = columns.into_iter().zip(crate::typing::naming::column_names(&headers));
        self.columns = named.map(|(column, name)| column.named(name)).collect();
        let keys = parts.keys.remove(&self.id).unwrap_or_default();
        let readable = |key: &FoundKey| key.columns.iter().all(|it| self.column(it).is_some());
        let fit = keys.into_iter().find(|key| !key.is_loose && readable(key));
        self.key = fit.map(|key| key.columns).unwrap_or_default();
        let references = parts.references.remove(&self.id).unwrap_or_default();
        self.references = references.into_iter().map(|it| it.1).collect();
        let keyed = self.key.iter().chain(self.references.iter().flat_map(|it| &it.columns));
        let keyed: Vec<String> = keyed.cloned().collect();
        for column in &mut self.columns {
            let is_binary = column.sql_type.contains("binary");
            if column.native == Native::Bytes && is_binary && keyed.contains(&column.source_name) {
                column.native = Native::KeyBytes;
            }
        }
    }

    pub(super) fn column(&self, source_name: &str) -> Option<&NativeColumn> {
        self.columns.iter().find(|column| column.source_name == source_name)
    }

    /// The table as it is offered, and what to know of it.
    pub(super) fn into_table(self, ground: Ground, names: &Names) -> (SourceTable, Vec<String>) {
        let mut notes = Vec::new();
        if !ground.is_snapshot {
            notes.push(
                "its rows are read as they stand when each is reached, not as of one moment: the \
                 database does not allow snapshot isolation"
                    .to_owned(),
            );
        }
        let typed = self.columns.iter().map(|column| Typed {
            source_name: &column.source_name,
            name: &column.name,
            label: column.label.as_deref(),
            sql_type: &column.sql_type,
            data_type: column.native.column_type(),
        });
        let columns = offer::columns(typed, &mut notes);
        let changes_by = self.changes_by(ground, &columns);
        (self.offered().with(columns, changes_by, names), notes)
    }

    fn offered(&self) -> Offered<'_> {
        let Self { schema, table, rows, key, references, .. } = self;
        Offered { schema, table, label: self.label.as_deref(), rows: *rows, key, references }
    }

    /// The server itself moves a `rowversion` on with every change; nothing tells changes better where it
    /// is known up to which number they are complete.
    fn changes_by(&self, ground: Ground, columns: &[SourceColumn]) -> Option<ColumnName> {
        let counter = self.columns.iter().find(|column| column.native == Native::RowVersion);
        let counter = counter.filter(|_| ground.first_open_change.is_some());
        let proposed = changes::propose(columns).map(|column| &column.name);
        counter.map(|column| &column.name).or(proposed).cloned()
    }
}

fn cell(row: &Row, place: usize) -> Result<Option<&ColumnData<'static>>, Failure> {
    row.cells().nth(place).map(|it| Some(it.1)).ok_or_else(unknown_form)
}

pub(super) fn number(row: &Row, place: usize) -> Result<i64, Failure> {
    cell(row, place)?.and_then(whole).ok_or_else(unknown_form)
}

pub(super) fn optional_text(row: &Row, place: usize) -> Result<Option<String>, Failure> {
    match cell(row, place)? {
        Some(ColumnData::String(text)) => Ok(text.as_ref().map(ToString::to_string)),
        _ => Err(unknown_form()),
    }
}

fn text(row: &Row, place: usize) -> Result<String, Failure> {
    optional_text(row, place)?.ok_or_else(unknown_form)
}

pub(super) fn unknown_form() -> Failure {
    changed("the database answers in a form that is not known").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_sql_has_them() {
        for (name, bytes, precision, scale, expect) in [
            ("nvarchar", 80, 0, 0, "nvarchar(40)"),
            ("nvarchar", -1, 0, 0, "nvarchar(max)"),
            ("varbinary", 16, 0, 0, "varbinary(16)"),
            ("decimal", 9, 12, 2, "decimal(12, 2)"),
            ("datetime2", 8, 27, 7, "datetime2(7)"),
            ("datetime", 8, 23, 3, "datetime"),
            ("timestamp", 8, 0, 0, "rowversion"),
            ("geography", -1, 0, 0, "geography"),
        ] {
            assert_eq!(sql_type(name, bytes, precision, scale), expect);
        }
    }
}
