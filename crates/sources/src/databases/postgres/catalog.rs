//! What PostgreSQL's own catalog says of its tables.

use std::collections::BTreeMap;

use pacioli_model::ColumnName;
use tokio_postgres::types::Type;

use super::{connection::PostgresSession, measure::Scales, value::Native};
use crate::{
    databases::{
        changes,
        name::{self, Names},
        offer::{self, Offered, Reference, Typed},
        retry::Failure,
    },
    source::SourceTable,
};

/// A table, view or materialised view, with the types of the database.
pub(super) struct Relation {
    pub(super) oid: u32,
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
    /// As SQL writes it: `numeric(12,2)`, `public.mood`.
    pub(super) sql_type: String,
    pub(super) native: Native,
}

/// A column before it has a name here.
struct Found {
    source_name: String,
    sql_type: String,
    native: Native,
    label: Option<String>,
}

impl Found {
    fn named(self, name: ColumnName) -> NativeColumn {
        let Self { source_name, sql_type, native, label } = self;
        NativeColumn { source_name, name, label, sql_type, native }
    }
}

/// Tables that are parts of others, and those of extensions, are nobody's books.
const RELATIONS: &str = "
SELECT c.oid, n.nspname::text, c.relname::text, pg_catalog.obj_description(c.oid, 'pg_class'),
       c.reltuples::pg_catalog.float8
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND (c.relkind <> 'm' OR c.relispopulated)
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (pg_catalog.cardinality($1::text[]) = 0 OR n.nspname::text = ANY ($1))
  AND ($2::text IS NULL OR c.relname::text = $2)
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'
                  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
ORDER BY 2, 3";

/// A domain has the type that it is made of.
const COLUMNS: &str = "
SELECT a.attrelid, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END,
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
       pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
  AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum";

/// Keys that hold for every row, at once and over plain columns that are never null.
const KEYS: &str = "
SELECT i.indrelid, ARRAY(
         SELECT a.attname::text
         FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k (number, place)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
         WHERE k.place <= i.indnkeyatts ORDER BY k.place)
FROM pg_catalog.pg_index i
WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT EXISTS (
    SELECT FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k (number, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE k.place <= i.indnkeyatts AND NOT a.attnotnull)
ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid";

const REFERENCES: &str = "
SELECT k.conrelid, n.nspname::text, c.relname::text,
       ARRAY(SELECT a.attname::text
             FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
             ORDER BY u.place),
       ARRAY(SELECT a.attname::text
             FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number
             ORDER BY u.place)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conrelid = ANY ($1) AND k.conparentid = 0 AND NOT c.relispartition
ORDER BY k.conrelid, k.conname";

impl PostgresSession {
    /// All that this user may read in these schemas; none given: in all.
    pub(super) async fn relations(&mut self, schemas: &[String]) -> Result<Vec<Relation>, Failure> {
        self.described(schemas, None).await
    }

    /// One of them, by its name here.
    pub(super) async fn relation(&mut self, name: &str) -> Result<Option<Relation>, Failure> {
        let Some((schema, table)) = name::split(name) else { return Ok(None) };
        Ok(self.described(&[schema], Some(&table)).await?.pop())
    }

    async fn described(
        &mut self,
        schemas: &[String],
        table: Option<&str>,
    ) -> Result<Vec<Relation>, Failure> {
        let found = self.ask(RELATIONS, &[&schemas, &table]).await?;
        let relations: Result<Vec<_>, _> = found.iter().map(Relation::read).collect();
        let mut relations = relations.map_err(|error| self.failure(&error))?;
        let oids: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
        let columns = self.ask(COLUMNS, &[&oids]).await?;
        let keys = self.ask(KEYS, &[&oids]).await?;
        let references = self.ask(REFERENCES, &[&oids]).await?;
        let mut parts = Parts::default();
        parts.read(&columns, &keys, &references).map_err(|error| self.failure(&error))?;
        for relation in &mut relations {
            relation.complete(&mut parts);
        }
        relations.retain(|relation| !relation.columns.is_empty());
        Ok(relations)
    }
}

/// What belongs to relations, by their oid.
#[derive(Default)]
struct Parts {
    columns: BTreeMap<u32, Vec<Found>>,
    keys: BTreeMap<u32, Vec<Vec<String>>>,
    references: BTreeMap<u32, Vec<Reference>>,
}

type Rows<'a> = &'a [tokio_postgres::Row];

impl Parts {
    fn read(
        &mut self,
        columns: Rows<'_>,
        keys: Rows<'_>,
        references: Rows<'_>,
    ) -> Result<(), tokio_postgres::Error> {
        for row in columns {
            let of = Type::from_oid(row.try_get(3)?);
            let native = Native::of(of.as_ref(), row.try_get(4)?);
            let column = Found {
                source_name: row.try_get(1)?,
                sql_type: row.try_get(2)?,
                native,
                label: row.try_get(5)?,
            };
            self.columns.entry(row.try_get(0)?).or_default().push(column);
        }
        for row in keys {
            self.keys.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
        }
        for row in references {
            let (schema, table): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            let reference = Reference {
                table: name::join(&schema, &table),
                columns: row.try_get(3)?,
                references: row.try_get(4)?,
            };
            self.references.entry(row.try_get(0)?).or_default().push(reference);
        }
        Ok(())
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
    fn read(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        let rows: f64 = row.try_get(4)?;
        #[expect(clippy::cast_possible_truncation, reason = "an estimate, and never that large")]
        #[expect(clippy::cast_sign_loss, reason = "just compared with 0; -1 means never counted")]
        let rows = (rows >= 0.0).then_some(rows as u64);
        Ok(Self {
            oid: row.try_get(0)?,
            schema: row.try_get(1)?,
            table: row.try_get(2)?,
            label: row.try_get(3)?,
            rows,
            columns: Vec::new(),
            key: Vec::new(),
            references: Vec::new(),
        })
    }

    fn complete(&mut self, parts: &mut Parts) {
        let columns = parts.columns.remove(&self.oid).unwrap_or_default();
        let headers: Vec<String> = columns.iter().map(|it| it.source_name.clone()).collect();
        let named = columns.into_iter().zip(crate::typing::naming::column_names(&headers));
        self.columns = named.map(|(column, name)| column.named(name)).collect();
        let keys = parts.keys.remove(&self.oid).unwrap_or_default();
        let readable = |key: &Vec<String>| key.iter().all(|name| self.column(name).is_some());
        self.key = keys.into_iter().find(readable).unwrap_or_default();
        self.references = parts.references.remove(&self.oid).unwrap_or_default();
        let keyed = self.key.iter().chain(self.references.iter().flat_map(|it| &it.columns));
        let keyed: Vec<String> = keyed.cloned().collect();
        for column in &mut self.columns {
            if column.native == Native::Bytes && keyed.contains(&column.source_name) {
                column.native = Native::KeyBytes;
            }
        }
    }

    pub(super) fn column(&self, source_name: &str) -> Option<&NativeColumn> {
        self.columns.iter().find(|column| column.source_name == source_name)
    }

    /// The table as it is offered, and what to know of it.
    pub(super) fn into_table(self, scales: &Scales, names: &Names) -> (SourceTable, Vec<String>) {
        let mut notes = scales.notes.clone();
        let typed = self.columns.iter().map(|column| Typed {
            source_name: &column.source_name,
            name: &column.name,
            label: column.label.as_deref(),
            sql_type: &column.sql_type,
            data_type: column.native.column_type(scales.of(&column.source_name)),
        });
        let columns = offer::columns(typed, &mut notes);
        let changes_by = changes::propose(&columns).map(|column| column.name.clone());
        (self.offered().with(columns, changes_by, names), notes)
    }

    fn offered(&self) -> Offered<'_> {
        let Self { schema, table, rows, key, references, .. } = self;
        Offered { schema, table, label: self.label.as_deref(), rows: *rows, key, references }
    }
}
