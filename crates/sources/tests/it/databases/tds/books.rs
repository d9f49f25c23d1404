//! What the stand-in keeps: tables in SQLite, and what the `sys` views say of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
    types::Value,
};

use super::{
    dialect::{Statement, add_cast},
    kind::Kind,
};

/// Types of the system, by their numbers.
const TYPES: [(&str, i64); 31] = [
    ("image", 34),
    ("text", 35),
    ("uniqueidentifier", 36),
    ("date", 40),
    ("time", 41),
    ("datetime2", 42),
    ("datetimeoffset", 43),
    ("tinyint", 48),
    ("smallint", 52),
    ("int", 56),
    ("smalldatetime", 58),
    ("real", 59),
    ("money", 60),
    ("datetime", 61),
    ("float", 62),
    ("sql_variant", 98),
    ("ntext", 99),
    ("bit", 104),
    ("decimal", 106),
    ("numeric", 108),
    ("smallmoney", 122),
    ("bigint", 127),
    ("varbinary", 165),
    ("varchar", 167),
    ("binary", 173),
    ("char", 175),
    ("timestamp", 189),
    ("nvarchar", 231),
    ("nchar", 239),
    ("xml", 241),
    // Types of the common language runtime share one number of the system's.
    ("geography", 240),
];

const SYS: &str = "
CREATE TABLE sys.schemas (schema_id, name);
CREATE TABLE sys.objects (object_id, schema_id, name COLLATE NOCASE, type, is_ms_shipped);
CREATE TABLE sys.columns (object_id, column_id, name, system_type_id, user_type_id, max_length, precision,
    scale, is_nullable, collation_name);
CREATE TABLE sys.types (name, user_type_id);
CREATE TABLE sys.indexes (object_id, index_id, is_unique, is_primary_key, has_filter, is_disabled,
    is_hypothetical);
CREATE TABLE sys.index_columns (object_id, index_id, column_id, key_ordinal);
CREATE TABLE sys.foreign_keys (object_id, parent_object_id, referenced_object_id);
CREATE TABLE sys.foreign_key_columns (constraint_object_id, constraint_column_id, parent_object_id,
    parent_column_id, referenced_object_id, referenced_column_id);
CREATE TABLE sys.extended_properties (class, major_id, minor_id, name, value);
CREATE TABLE sys.partitions (object_id, index_id, rows);
CREATE TABLE sys.databases (database_id, snapshot_isolation_state);
INSERT INTO sys.databases VALUES (1, 1);";

/// The collation of texts that say no other.
const COLLATION: &str = "Latin1_General_CI_AS";

pub(crate) struct Books {
    pub(crate) connection: Connection,
    columns: BTreeMap<(String, String), Vec<Column>>,
    ground: Arc<Mutex<Ground>>,
    objects: i64,
    schemas: BTreeSet<String>,
}

/// What the functions of the server give.
pub(crate) struct Ground {
    /// The clock, in UTC.
    pub(crate) clock: String,
    /// The first change that is not complete.
    pub(crate) first_open_change: i64,
    /// `READ_WRITE`, or `READ_ONLY` for a copy.
    pub(crate) updateability: &'static str,
    /// What this user may not read.
    denied: BTreeSet<String>,
}

#[derive(Clone)]
struct Column {
    name: String,
    kind: Kind,
    is_nullable: bool,
}

/// What is wrong with a statement: the server's number and words.
pub(crate) type Refusal = (u32, String);

impl Books {
    pub(crate) fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("ATTACH ':memory:' AS sys; ATTACH ':memory:' AS dbo;").unwrap();
        connection.execute_batch(SYS).unwrap();
        for (name, number) in TYPES.iter().filter(|it| it.0 != "geography") {
            let sql = "INSERT INTO sys.types VALUES (?1, ?2)";
            connection.execute(sql, (name, number)).unwrap();
        }
        add_cast(&connection);
        let ground = Arc::new(Mutex::new(Ground {
            clock: "2024-08-02 12:00:00.1234567".to_owned(),
            first_open_change: 1_000_000,
            updateability: "READ_WRITE",
            denied: BTreeSet::new(),
        }));
        add_functions(&connection, &ground);
        let mut books = Self {
            connection,
            columns: BTreeMap::new(),
            ground,
            objects: 100,
            schemas: BTreeSet::new(),
        };
        books.add_schema("dbo");
        books
    }

    fn add_schema(&mut self, schema: &str) {
        if !self.schemas.insert(schema.to_owned()) {
            return;
        }
        if schema != "dbo" {
            let sql = format!("ATTACH ':memory:' AS {}", quoted(schema));
            self.connection.execute_batch(&sql).unwrap();
        }
        let number = i64::try_from(self.schemas.len()).unwrap();
        let sql = "INSERT INTO sys.schemas VALUES (?1, ?2)";
        self.connection.execute(sql, (number, schema)).unwrap();
    }

    /// Adds a table of these columns, each a name and a type (`int NOT NULL`, `varchar(9) COLLATE X`),
    /// with a key where there is one, and gives its number.
    pub(crate) fn table(
        &mut self,
        schema: &str,
        table: &str,
        columns: &[(&str, &str)],
        key: &[&str],
    ) -> i64 {
        self.add_schema(schema);
        self.objects += 1;
        let id = self.objects;
        let sql = "INSERT INTO sys.objects SELECT ?1, schema_id, ?2, 'U', 0 FROM sys.schemas WHERE name = ?3";
        self.connection.execute(sql, (id, table, schema)).unwrap();
        let mut own = Vec::new();
        let mut made = Vec::new();
        for (place, (name, written)) in (1..).zip(columns) {
            let is_nullable = !written.contains(" NOT NULL");
            let written = written.replace(" NOT NULL", "");
            let (of, collation) = written.split_once(" COLLATE ").unwrap_or((&written, COLLATION));
            let kind = Kind::parse(of);
            self.describe(id, place, name, &kind, is_nullable, collation);
            let is_text = kind.name.contains("char");
            let rule = if is_text && collation.contains("_CI_") { " COLLATE NOCASE" } else { "" };
            made.push(format!("{}{rule}", quoted(name)));
            own.push(Column { name: (*name).to_owned(), kind, is_nullable });
        }
        let (schema_name, table_name) = (quoted(schema), quoted(table));
        let sql = format!("CREATE TABLE {schema_name}.{table_name} ({})", made.join(", "));
        self.connection.execute_batch(&sql).unwrap();
        self.columns.insert((schema.to_owned(), table.to_owned()), own);
        if !key.is_empty() {
            self.index(id, 1, key, true);
        }
        id
    }

    fn describe(
        &self,
        id: i64,
        place: i64,
        name: &str,
        kind: &Kind,
        is_nullable: bool,
        collation: &str,
    ) {
        let (bytes, precision, scale) = kind.measures();
        let number = TYPES.iter().find(|it| it.0 == kind.name).unwrap().1;
        let is_text = kind.name.contains("char") || kind.name.ends_with("text");
        let collation = is_text.then_some(collation);
        let user_type = if number == 240 { 130 } else { number };
        let sql = "INSERT INTO sys.columns VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let values = rusqlite::params![
            id,
            place,
            name,
            number,
            user_type,
            bytes,
            precision,
            scale,
            is_nullable,
            collation
        ];
        self.connection.execute(sql, values).unwrap();
    }

    /// Adds a unique index.
    pub(crate) fn index(&self, table: i64, number: i64, columns: &[&str], is_primary: bool) {
        let sql = "INSERT INTO sys.indexes VALUES (?1, ?2, 1, ?3, 0, 0, 0)";
        self.connection.execute(sql, (table, number, is_primary)).unwrap();
        for (ordinal, column) in (1_i64..).zip(columns) {
            let sql = "INSERT INTO sys.index_columns SELECT ?1, ?2, column_id, ?3 FROM sys.columns
                       WHERE object_id = ?1 AND name = ?4";
            let added = self.connection.execute(sql, (table, number, ordinal, column)).unwrap();
            assert_eq!(added, 1, "{column}");
        }
    }

    /// Adds a reference.
    pub(crate) fn reference(&mut self, from: i64, columns: &[&str], to: i64, keys: &[&str]) {
        self.objects += 1;
        let id = self.objects;
        let sql = "INSERT INTO sys.foreign_keys VALUES (?1, ?2, ?3)";
        self.connection.execute(sql, (id, from, to)).unwrap();
        for (place, (column, key)) in (1_i64..).zip(columns.iter().zip(keys)) {
            let sql = "INSERT INTO sys.foreign_key_columns SELECT ?1, ?2, ?3, a.column_id, ?4, b.column_id
                       FROM sys.columns AS a JOIN sys.columns AS b ON b.object_id = ?4 AND b.name = ?6
                       WHERE a.object_id = ?3 AND a.name = ?5";
            let values = rusqlite::params![id, place, from, to, column, key];
            assert_eq!(self.connection.execute(sql, values).unwrap(), 1, "{column} to {key}");
        }
    }

    /// What people call a table, or a column of it (from 1 on).
    pub(crate) fn label(&self, table: i64, column: i64, label: &str) {
        let sql = "INSERT INTO sys.extended_properties VALUES (1, ?1, ?2, 'MS_Description', ?3)";
        self.connection.execute(sql, (table, column, label)).unwrap();
    }

    /// Takes the right to read a table (`[dbo].[orders]`) or a column of it (`[dbo].[orders].price`).
    pub(crate) fn deny(&self, what: &str) {
        self.ground.lock().unwrap().denied.insert(what.to_owned());
    }

    /// Changes what the functions of the server give.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Ground)) {
        change(&mut self.ground.lock().unwrap());
    }

    /// Runs a SELECT: types and names first, then each row.
    pub(crate) fn select(
        &self,
        statement: &str,
        values: &[Value],
        to: &mut dyn Answer,
    ) -> Result<(), Refusal> {
        let read = Statement::read(statement);
        self.permit(&read)?;
        let columns = self.columns.get(&read.table);
        let heads: Vec<Head> = read
            .selected
            .iter()
            .map(|selected| {
                let own = columns.and_then(|it| it.iter().find(|it| it.name == selected.name));
                let own = own.filter(|_| selected.kind.is_none());
                Head {
                    name: selected.name.clone(),
                    is_nullable: own.is_none_or(|column| column.is_nullable),
                    kind: match (own, &selected.kind) {
                        (Some(column), _) => column.kind.clone(),
                        (None, Some(kind)) => kind.clone(),
                        (None, None) => catalogue_kind(&selected.name),
                    },
                }
            })
            .collect();
        let refusal = |error: rusqlite::Error| (50_000, format!("{error}: {}", read.sql));
        let mut prepared = self.connection.prepare(&read.sql).map_err(refusal)?;
        let count = prepared.parameter_count();
        let mut rows = prepared
            .query(rusqlite::params_from_iter(&values[..count.min(values.len())]))
            .map_err(refusal)?;
        to.heads(&heads);
        while let Some(row) = rows.next().map_err(refusal)? {
            let cells: Vec<Value> = (0..heads.len()).map(|place| row.get(place).unwrap()).collect();
            if !to.row(&heads, &cells) {
                break;
            }
        }
        Ok(())
    }

    fn permit(&self, statement: &Statement) -> Result<(), Refusal> {
        let (schema, table) = &statement.table;
        if schema == "sys" {
            return Ok(());
        }
        if !self.columns.contains_key(&statement.table) {
            return Err((208, format!("Invalid object name '{schema}.{table}'.")));
        }
        if self.ground.lock().unwrap().denied.contains(&format!("[{schema}].[{table}]")) {
            let words = format!(
                "The SELECT permission was denied on the object '{table}', database 'erp', schema \
                 '{schema}'."
            );
            return Err((229, words));
        }
        Ok(())
    }

    /// Forgets a table.
    pub(crate) fn drop_table(&mut self, schema: &str, table: &str) {
        self.columns.remove(&(schema.to_owned(), table.to_owned()));
        let sql = "DELETE FROM sys.objects WHERE name = ?1";
        self.connection.execute(sql, [table]).unwrap();
    }
}

/// A column of an answer.
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) is_nullable: bool,
}

/// Whoever takes an answer.
pub(crate) trait Answer {
    fn heads(&mut self, heads: &[Head]);
    /// False when no more is wanted.
    fn row(&mut self, heads: &[Head], cells: &[Value]) -> bool;
}

/// The types of the columns of the `sys` views, as they are documented.
fn catalogue_kind(name: &str) -> Kind {
    Kind::parse(match name {
        "object_id" | "index_id" | "constraint_id" | "1" => "int",
        "max_length" => "smallint",
        "precision" | "scale" | "snapshot_isolation_state" => "tinyint",
        "is_nullable" => "bit",
        "row_count" => "bigint",
        "clock" => "datetime2(7)",
        _ => "nvarchar(128)",
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The functions that are asked for.
fn add_functions(connection: &Connection, ground: &Arc<Mutex<Ground>>) {
    type Give = fn(&Ground) -> Value;
    let add = |name: &str, arguments: i32, give: Give| {
        let ground = Arc::clone(ground);
        let function = move |_: &mut Context<'_>| Ok(give(&ground.lock().unwrap()));
        connection
            .create_scalar_function(name, arguments, FunctionFlags::SQLITE_UTF8, function)
            .unwrap();
    };
    add("DB_ID", 0, |_| Value::Integer(1));
    add("DB_NAME", 0, |_| Value::Text("erp".to_owned()));
    add("SYSUTCDATETIME", 0, |ground| Value::Text(ground.clock.clone()));
    add("MIN_ACTIVE_ROWVERSION", 0, |ground| {
        Value::Blob(ground.first_open_change.to_be_bytes().into())
    });
    add("DATABASEPROPERTYEX", 2, |ground| Value::Text(ground.updateability.to_owned()));
    let flags = FunctionFlags::SQLITE_UTF8;
    connection
        .create_scalar_function("QUOTENAME", 1, flags, |it| {
            Ok(format!("[{}]", it.get::<String>(0)?.replace(']', "]]")))
        })
        .unwrap();
    connection
        .create_scalar_function("TYPE_NAME", 1, flags, |it| {
            Ok((it.get::<i64>(0)? == 130).then_some("geography"))
        })
        .unwrap();
    let ground = Arc::clone(ground);
    connection
        .create_scalar_function("HAS_PERMS_BY_NAME", 5, flags, move |it| {
            let (table, column): (String, String) = (it.get(0)?, it.get(3)?);
            let denied = &ground.lock().unwrap().denied;
            Ok(!denied.contains(&table) && !denied.contains(&format!("{table}.{column}")))
        })
        .unwrap();
}
