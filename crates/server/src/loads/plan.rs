//! What a table's load asks its source for: all rows or those that changed, which columns, and what is
//! different from the load before.

use pacioli_model::{
    Column, ColumnName, ConnectedTable, Connection, ForeignKey, Origin, TableEntry,
};
use pacioli_sources::source::{SourceColumn, SourceTable, Watermark};

use crate::error::{ApiError, ApiResult, Code};

/// How a table is loaded this time.
#[derive(Debug)]
pub struct Plan {
    /// The table at its source, with the columns that are wanted.
    pub source: SourceTable,
    /// Only what changed since; empty for all rows.
    pub since: Option<Watermark>,
    /// For people to read: what is different from the load before.
    pub notes: Vec<String>,
}

/// Plans the load of `table`, which is in service as `current`, from what the source has now.
pub fn plan(
    connection: &Connection,
    table: &ConnectedTable,
    found: &[SourceTable],
    current: Option<&TableEntry>,
    is_full: bool,
) -> ApiResult<Plan> {
    let here = found.iter().find(|it| it.name == table.source_table).ok_or_else(|| gone(table))?;
    let (source, mut notes) = wanted(table, here)?;
    let before = current.filter(|entry| is_from(entry, connection, table));
    if let Some(before) = before {
        notes.extend(differences(before, &source));
    }
    let since = before.filter(|_| !is_full).and_then(|before| since(connection, before, &source));
    Ok(Plan { source, since: since.map(Watermark), notes })
}

/// Whether the version in service came from this table of this connection.
fn is_from(entry: &TableEntry, connection: &Connection, table: &ConnectedTable) -> bool {
    matches!(
        &entry.origin,
        Origin::Connection { connection_id, source_table, .. }
            if *connection_id == connection.id && *source_table == table.source_table
    )
}

/// The table with its wanted columns, and always with those that name rows and tell changes.
fn wanted(table: &ConnectedTable, here: &SourceTable) -> ApiResult<(SourceTable, Vec<String>)> {
    let mut source = here.clone();
    let has = |name: &ColumnName| here.columns.iter().any(|column| &column.name == name);
    let mut notes = Vec::new();
    source.changes_by = table.changes_by.clone().filter(|name| has(name));
    if let Some(name) = table.changes_by.as_ref().filter(|name| !has(name)) {
        notes.push(format!("`{name}` is gone at the source: every load is a full one."));
    }
    if !table.columns.is_empty() {
        let needed = |name: &ColumnName| {
            table.columns.contains(name)
                || source.primary_key.contains(name)
                || source.changes_by.as_ref() == Some(name)
        };
        source.columns.retain(|column| needed(&column.name));
        let missing = table.columns.iter().filter(|name| !has(name));
        notes.extend(missing.map(|name| format!("`{name}` is gone at the source.")));
    }
    if source.columns.is_empty() {
        return Err(gone(table));
    }
    source.primary_key.retain(&has);
    if source.primary_key.len() < here.primary_key.len() {
        source.primary_key.clear();
    }
    Ok((source, notes))
}

fn gone(table: &ConnectedTable) -> ApiError {
    let text = format!(
        "The source has no table `{}` with the wanted columns, or its credentials may not read it any \
         more. Choose the connection's tables anew: PUT /connections/{{id}}/tables.",
        table.source_table
    );
    ApiError::new(Code::SourceUnfit, text.clone()).with_error(
        &["source"],
        "source_table_gone",
        text,
    )
}

/// Where changes go on: only where rows have names, the columns are the same, and the version in service
/// is from the same system.
fn since(connection: &Connection, before: &TableEntry, source: &SourceTable) -> Option<String> {
    let Origin::Connection { watermark, .. } = &before.origin else { return None };
    let same = before.columns.len() == source.columns.len()
        && before.columns.iter().zip(&source.columns).all(|(old, new)| same(old, new));
    let fits = same
        && source.changes_by.is_some()
        && !source.primary_key.is_empty()
        && before.primary_key == source.primary_key
        && before.loaded_at >= connection.renewed_at;
    watermark.clone().filter(|_| fits)
}

fn same(old: &Column, new: &SourceColumn) -> bool {
    old.name == new.name && old.data_type == new.data_type
}

/// New, gone and retyped columns, in words.
fn differences(before: &TableEntry, source: &SourceTable) -> Vec<String> {
    let find = |name: &ColumnName| source.columns.iter().find(|column| &column.name == name);
    let mut notes = Vec::new();
    for old in &before.columns {
        match find(&old.name) {
            None => notes.push(format!("`{}` is no longer loaded.", old.name)),
            Some(new) if new.data_type != old.data_type => notes.push(format!(
                "`{}` was {} and is {} now.",
                old.name,
                old.data_type.as_str(),
                new.data_type.as_str()
            )),
            Some(_) => {}
        }
    }
    let is_new = |column: &&SourceColumn| before.column(&column.name).is_none();
    let new = source.columns.iter().filter(is_new);
    notes.extend(new.map(|column| format!("`{}` is new.", column.name)));
    notes
}

/// References to tables that the connection loads too, by their names here.
pub fn foreign_keys(connection: &Connection, source: &SourceTable) -> Vec<ForeignKey> {
    let has = |name: &ColumnName| source.columns.iter().any(|column| &column.name == name);
    let own = source.foreign_keys.iter().filter(|key| key.columns.iter().all(has));
    own.filter_map(|key| {
        let other = connection.tables.iter().find(|table| table.source_table == key.table)?;
        Some(ForeignKey {
            columns: key.columns.clone(),
            table: other.name.clone(),
            references: key.references.clone(),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use pacioli_model::{
        ColumnProfile, ColumnType, CompanyId, ConnectionId, ConnectionKind, Distinct, TableName,
        TableVersion, Timestamp, UserId,
    };
    use uuid::Uuid;

    use super::*;

    fn column(name: &str) -> ColumnName {
        ColumnName::parse(name).unwrap()
    }

    fn connection() -> Connection {
        let at = Timestamp::from_millis(1000);
        Connection {
            id: ConnectionId(Uuid::from_u128(1)),
            company_id: CompanyId(Uuid::from_u128(2)),
            name: "Books".into(),
            kind: ConnectionKind::Postgresql,
            settings: serde_json::Value::Null,
            secret: None,
            tables: Vec::new(),
            schedule: None,
            is_paused: false,
            next_run_at: None,
            renewed_at: at,
            run_id: None,
            lease_until: None,
            lease: None,
            created_by: UserId(Uuid::from_u128(3)),
            created_at: at,
            updated_at: at,
        }
    }

    fn source(columns: &[(&str, ColumnType)]) -> SourceTable {
        SourceTable {
            name: "public.orders".into(),
            label: "Orders".into(),
            columns: columns
                .iter()
                .map(|(name, data_type)| SourceColumn {
                    source_name: (*name).into(),
                    name: column(name),
                    label: (*name).into(),
                    data_type: *data_type,
                })
                .collect(),
            primary_key: vec![column("id")],
            foreign_keys: Vec::new(),
            rows: None,
            changes_by: Some(column("changed")),
        }
    }

    fn table(columns: &[&str]) -> ConnectedTable {
        ConnectedTable {
            source_table: "public.orders".into(),
            name: TableName::parse("orders").unwrap(),
            columns: columns.iter().map(|name| column(name)).collect(),
            changes_by: Some(column("changed")),
        }
    }

    fn in_service(connection: &Connection, source: &SourceTable) -> TableEntry {
        let profile = ColumnProfile {
            nulls: 0,
            distinct: Distinct::Exactly(0),
            min: None,
            max: None,
            values: None,
            ascending: false,
        };
        let columns = source.columns.iter().map(|it| Column {
            name: it.name.clone(),
            label: it.label.clone(),
            data_type: it.data_type,
            profile: profile.clone(),
        });
        TableEntry {
            name: TableName::parse("orders").unwrap(),
            version: TableVersion(Uuid::from_u128(9)),
            origin: Origin::Connection {
                connection_id: connection.id,
                source_table: source.name.clone(),
                watermark: Some("w".into()),
            },
            columns: columns.collect(),
            rows: 0,
            bytes: 0,
            loaded_at: Timestamp::from_millis(2000),
            loaded_by: connection.created_by,
            notes: Vec::new(),
            primary_key: source.primary_key.clone(),
            foreign_keys: Vec::new(),
        }
    }

    const INTEGER: ColumnType = ColumnType::Integer;
    const TEXT: ColumnType = ColumnType::Text;
    const ALL: [(&str, ColumnType); 3] = [("id", INTEGER), ("changed", TEXT), ("word", TEXT)];

    #[test]
    fn changes_alone_are_asked_for_where_nothing_else_is_different() {
        let (connection, before) = (connection(), source(&ALL));
        let current = in_service(&connection, &before);
        let load = |current: Option<&TableEntry>, here: &SourceTable, is_full| {
            let found = std::slice::from_ref(here);
            plan(&connection, &table(&[]), found, current, is_full).unwrap()
        };
        let again = load(Some(&current), &before, false);
        assert_eq!(again.since, Some(Watermark("w".into())));
        assert_eq!(again.notes, [""; 0]);
        assert_eq!(load(None, &before, false).since, None);
        assert_eq!(load(Some(&current), &before, true).since, None);
        let renewed = TableEntry { loaded_at: Timestamp::from_millis(999), ..current.clone() };
        assert_eq!(load(Some(&renewed), &before, false).since, None);
        let upload = Origin::Upload { file_name: "o.csv".into(), part: None };
        let uploaded = TableEntry { origin: upload, ..current.clone() };
        assert_eq!(load(Some(&uploaded), &before, false).since, None);
        let nameless = SourceTable { primary_key: Vec::new(), ..before.clone() };
        assert_eq!(load(Some(&current), &nameless, false).since, None);
    }

    #[test]
    fn what_is_different_at_the_source_is_said_and_loaded_in_full() {
        let (connection, before) = (connection(), source(&ALL));
        let current = in_service(&connection, &before);
        let here = source(&[("id", TEXT), ("changed", TEXT), ("more", INTEGER)]);
        let load = plan(&connection, &table(&[]), &[here], Some(&current), false).unwrap();
        assert_eq!(load.since, None);
        assert_eq!(
            load.notes,
            ["`id` was integer and is text now.", "`word` is no longer loaded.", "`more` is new."]
        );
    }

    #[test]
    fn chosen_columns_are_loaded_with_those_that_are_needed() {
        let connection = connection();
        let names = |plan: &Plan| -> Vec<String> {
            plan.source.columns.iter().map(|column| column.name.to_string()).collect()
        };
        let chosen = plan(&connection, &table(&["word"]), &[source(&ALL)], None, false).unwrap();
        assert_eq!(names(&chosen), ["id", "changed", "word"]);
        let here = source(&[("id", INTEGER), ("other", TEXT)]);
        let chosen = plan(&connection, &table(&["word", "other"]), &[here], None, false).unwrap();
        assert_eq!(names(&chosen), ["id", "other"]);
        assert_eq!(
            chosen.notes,
            [
                "`changed` is gone at the source: every load is a full one.",
                "`word` is gone at the source."
            ]
        );
    }

    #[test]
    fn a_table_that_is_gone_is_named() {
        let refused = plan(&connection(), &table(&[]), &[], None, false).unwrap_err();
        assert_eq!(refused.first_kind(), Some("source_table_gone"));
        assert!(refused.detail().contains("`public.orders`"), "{refused}");
    }
}
