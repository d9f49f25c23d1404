//! What a database declares: tables, columns, keys.

use pacioli_model::ColumnType;
use rusqlite::Connection;

use super::connection::refused;
use crate::{
    SourceError,
    files::{FileLimits, draft::narrow},
    typing::{DateOrder, DecimalMark, PlannedColumn, evidence::Evidence, reading::Reading},
};

/// Everything that is loaded, and what is not.
pub(super) struct Schema {
    pub(super) tables: Vec<DeclaredTable>,
    pub(super) notes: Vec<String>,
}

pub(super) struct DeclaredTable {
    pub(super) name: String,
    pub(super) columns: Vec<DeclaredColumn>,
    pub(super) primary_key: Vec<String>,
    pub(super) foreign_keys: Vec<DeclaredKey>,
}

pub(super) struct DeclaredColumn {
    pub(super) name: String,
    /// In capitals; empty where nothing is declared.
    pub(super) declared: String,
    /// It is part of a declared key or refers to one.
    pub(super) keyed: bool,
}

/// What names of columns end in whose digits are a name of something.
const NAMING: &[&str] =
    &["code", "phone", "fax", "zip", "postcode", "ssn", "name", "details", "description"];

pub(super) struct DeclaredKey {
    pub(super) columns: Vec<String>,
    pub(super) table: String,
    /// Empty for the other table's primary key.
    pub(super) references: Vec<String>,
}

/// Reads the declarations of every table.
pub(super) fn read(database: &Connection, limits: &FileLimits) -> Result<Schema, SourceError> {
    let listed = list(database).map_err(refused)?;
    let (names, others): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|(_, kind)| kind == "table");
    if names.is_empty() {
        return Err(SourceError::invalid("no_tables", "The SQLite database has no tables."));
    }
    if names.len() > limits.tables {
        let detail = format!(
            "The SQLite database has {} tables; at most {} are read. Leave out the ones that nobody asks about.",
            names.len(),
            limits.tables
        );
        return Err(SourceError::invalid("too_many_tables", detail));
    }
    let tables = names.into_iter().map(|(name, _)| table(database, name, limits));
    let others: Vec<_> = others.into_iter().filter(|(_, kind)| kind != "shadow").collect();
    Ok(Schema { tables: tables.collect::<Result<_, _>>()?, notes: left_out(&others) })
}

/// Every table and view with its kind, in the order of their names.
fn list(database: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT name, type FROM pragma_table_list \
               WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = database.prepare(sql)?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn left_out(others: &[(String, String)]) -> Vec<String> {
    let of = |kind: &str| {
        let names: Vec<&str> =
            others.iter().filter(|(_, it)| it == kind).map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    };
    let notes = [("view", "Views are not loaded"), ("virtual", "Virtual tables are not loaded")];
    let note = |(kind, words): (&str, &str)| {
        let names = of(kind);
        (!names.is_empty()).then(|| format!("{words}: {names}."))
    };
    notes.into_iter().filter_map(note).collect()
}

fn table(
    database: &Connection,
    name: String,
    limits: &FileLimits,
) -> Result<DeclaredTable, SourceError> {
    let (mut columns, primary_key) = columns(database, &name).map_err(refused)?;
    narrow(&format!("The table {name}"), columns.len(), limits)?;
    let foreign_keys = foreign_keys(database, &name).map_err(refused)?;
    for column in &mut columns {
        column.keyed |= foreign_keys.iter().any(|key| key.columns.contains(&column.name));
    }
    Ok(DeclaredTable { name, columns, primary_key, foreign_keys })
}

/// The columns that hold values, and those of the primary key in its order.
fn columns(
    database: &Connection,
    table: &str,
) -> rusqlite::Result<(Vec<DeclaredColumn>, Vec<String>)> {
    let sql = "SELECT name, type, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";
    let mut statement = database.prepare(sql)?;
    let mut rows = statement.query([table])?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let position: i64 = row.get(2)?;
        if position > 0 {
            key.push((position, name.clone()));
        }
        let declared = row.get::<_, Option<String>>(1)?.unwrap_or_default().to_ascii_uppercase();
        columns.push(DeclaredColumn { name, declared, keyed: position > 0 });
    }
    key.sort();
    Ok((columns, key.into_iter().map(|(_, name)| name).collect()))
}

fn foreign_keys(database: &Connection, table: &str) -> rusqlite::Result<Vec<DeclaredKey>> {
    let sql =
        "SELECT id, \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = database.prepare(sql)?;
    let mut rows = statement.query([table])?;
    let mut keys: Vec<(i64, DeclaredKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, from): (i64, String) = (row.get(0)?, row.get(1)?);
        let to: Option<String> = row.get(3)?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let table = row.get(2)?;
            keys.push((id, DeclaredKey { columns: vec![], table, references: vec![] }));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(from);
            key.references.extend(to);
        }
    }
    // SQLite lists the last declared first.
    Ok(keys.into_iter().rev().map(|(_, key)| key).collect())
}

impl DeclaredColumn {
    /// Whether SQLite takes the declaration for one of text.
    pub(super) fn is_text(&self) -> bool {
        let has = |word| self.declared.contains(word);
        !has("INT") && (has("CHAR") || has("CLOB") || has("TEXT"))
    }

    /// Follows the declaration where the values leave a choice.
    pub(super) fn refine(&self, column: &mut PlannedColumn, evidence: &Evidence) {
        let refined = if evidence.has_values() {
            self.of_values(column.data_type, evidence)
        } else {
            self.of_nothing()
        };
        if let Some((data_type, reading)) = refined {
            (column.data_type, column.reading) = (data_type, reading);
        }
    }

    /// Digits that were declared as text and name something rather than count it: years, flags and codes.
    fn names_things(&self, evidence: &Evidence) -> bool {
        let name = self.name.to_ascii_lowercase();
        let called = NAMING.iter().any(|tail| name.ends_with(tail));
        !self.keyed
            && self.is_text()
            && !evidence.is_native()
            && (called || evidence.is_of_one_width() || evidence.is_zero_or_one())
    }

    fn of_values(&self, found: ColumnType, evidence: &Evidence) -> Option<(ColumnType, Reading)> {
        match found {
            ColumnType::Integer if self.names_things(evidence) => {
                Some((ColumnType::Text, Reading::Text))
            }
            ColumnType::Integer
                if self.declared.starts_with("BOOL") && evidence.is_zero_or_one() =>
            {
                Some((ColumnType::Boolean, Reading::Boolean))
            }
            ColumnType::Integer | ColumnType::Decimal { .. } if evidence.is_native() => {
                let least = match found {
                    ColumnType::Decimal { scale } => scale,
                    _ => 0,
                };
                let scale = self.scale().filter(|scale| *scale > least)?;
                evidence.fits_scale(scale).then(|| decimal(scale))
            }
            _ => None,
        }
    }

    /// The type of a column without a value.
    fn of_nothing(&self) -> Option<(ColumnType, Reading)> {
        let mark = DecimalMark::Point;
        let declared = self.declared.as_str();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if declared.starts_with("BOOL") {
            Some((ColumnType::Boolean, Reading::Boolean))
        } else if has(&["DATETIME", "TIMESTAMP"]) {
            Some((ColumnType::Timestamp, Reading::Timestamp { order: DateOrder::Year }))
        } else if declared == "DATE" {
            Some((ColumnType::Date, Reading::Date { order: DateOrder::Year }))
        } else if has(&["INT"]) && !has(&["POINT"]) {
            Some((ColumnType::Integer, Reading::Integer { mark }))
        } else if let Some(scale) = self.scale() {
            Some(decimal(scale))
        } else if has(&["REAL", "FLOA", "DOUB", "DEC", "NUM", "MONEY"]) {
            Some((ColumnType::Float, Reading::Float { mark }))
        } else {
            None
        }
    }

    /// The digits after the point that `DECIMAL(10,2)` declares.
    fn scale(&self) -> Option<u8> {
        let exact = ["DEC", "NUM"].iter().any(|word| self.declared.starts_with(word));
        let (_, inner) = self.declared.split_once('(').filter(|_| exact)?;
        let (_, scale) = inner.trim_end().strip_suffix(')')?.split_once(',')?;
        scale.trim().parse().ok().filter(|scale| (1..=12).contains(scale))
    }
}

fn decimal(scale: u8) -> (ColumnType, Reading) {
    let mark = DecimalMark::Point;
    (ColumnType::Decimal { scale }, Reading::Decimal { mark, scale })
}
