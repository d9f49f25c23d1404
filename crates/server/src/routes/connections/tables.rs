use std::collections::HashSet;

use axum::extract::State;
use pacioli_model::{
    AuditAction, ColumnName, ConnectedTable, Connection, ConnectionId, ConnectionKind, Origin,
    TableName,
};
use pacioli_sources::{
    source::{SourceColumn, SourceTable},
    typing::table_name_from_source,
};
use pacioli_store::{ConnectionChange, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shapes::ConnectionOut;
use crate::{
    app::App,
    connect,
    error::{ApiError, ApiResult},
    extract::{Caller, Json, ManageData, Patch, Path, given},
    routes::no_store::NoStore,
};

/// The most tables of one connection.
const MOST_TABLES: usize = 1000;

/// That the system answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestOut {
    /// Always true: a system that does not answer is a problem.
    ok: bool,
    /// How many tables the credentials may read.
    tables: usize,
}

/// Test a connection
#[utoipa::path(
    post, path = "/connections/{id}/test", tag = "connections", operation_id = "test_connection",
    params(("id" = Uuid, Path, description = "The connection")),
    responses(
        (status = 200, description = "The system answers and takes the credentials", body = TestOut),
        (status = 409, description = "The secret cannot be decrypted"),
        (status = 422, description = "The system refused"),
        (status = 502, description = "The system does not answer"),
    ),
)]
pub async fn test_connection(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
) -> ApiResult<NoStore<TestOut>> {
    let connection = caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    let asked = ask(&app, &caller, &connection).await;
    let event = caller.event(&app, AuditAction::ConnectionTested, Some(id.to_string()));
    let outcome = match &asked {
        Ok(_) => pacioli_model::Outcome::Success,
        Err(_) => pacioli_model::Outcome::Failure,
    };
    caller.data.append_audit(&pacioli_model::AuditEvent { outcome, ..event }).await?;
    Ok(NoStore(TestOut { ok: true, tables: asked?.len() }))
}

async fn ask(
    app: &App,
    caller: &Caller<ManageData>,
    connection: &Connection,
) -> ApiResult<Vec<SourceTable>> {
    let quota = &app.config.limits.connect_per_company;
    let limit = app.per_company("connect", quota, caller.company());
    app.admit("connect", &[limit], &caller.request).await?;
    connect::open(app, connection)?.discover().await.map_err(ApiError::of_source)
}

/// A column at its source.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundColumn {
    /// What the source calls it.
    source_name: String,
    /// What it is called here.
    name: String,
    /// What people call it there.
    label: String,
    /// `integer`, `decimal`, `float`, `text`, `date`, `timestamp` or `boolean`.
    #[serde(rename = "type")]
    data_type: &'static str,
}

impl From<SourceColumn> for FoundColumn {
    fn from(column: SourceColumn) -> Self {
        Self {
            source_name: column.source_name,
            name: column.name.to_string(),
            label: column.label,
            data_type: column.data_type.as_str(),
        }
    }
}

/// Columns that name rows of another table.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundForeignKey {
    /// Columns of this table.
    columns: Vec<String>,
    /// The other table, as the source calls it.
    table: String,
    /// Its columns, in the same order.
    references: Vec<String>,
}

/// A table at its source.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundTable {
    /// What the source calls it.
    source_table: String,
    /// What people call it there.
    label: String,
    /// What it could be called here.
    proposed_name: String,
    /// What it is called here, where it is chosen.
    name: Option<String>,
    /// In the source's order.
    columns: Vec<FoundColumn>,
    /// The columns that name its rows.
    primary_key: Vec<String>,
    /// References to other tables.
    foreign_keys: Vec<FoundForeignKey>,
    /// About how many rows, where the source tells.
    rows: Option<u64>,
    /// The column that tells changed rows, where the source has one.
    changes_by: Option<String>,
}

/// What a connected system holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Discovered {
    /// Sorted by name.
    tables: Vec<FoundTable>,
}

/// Discover a connection's tables
#[utoipa::path(
    post, path = "/connections/{id}/discover", tag = "connections", operation_id = "discover_connection",
    params(("id" = Uuid, Path, description = "The connection")),
    responses(
        (status = 200, description = "Every table that the credentials may read", body = Discovered),
        (status = 409, description = "The secret cannot be decrypted"),
        (status = 422, description = "The system refused"),
        (status = 502, description = "The system does not answer"),
    ),
)]
pub async fn discover_connection(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
) -> ApiResult<NoStore<Discovered>> {
    let connection = caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    let found = ask(&app, &caller, &connection).await?;
    let names = proposals(connection.kind, &found);
    let tables = found.into_iter().zip(names);
    let tables = tables.map(|(table, proposed)| shape(&connection, table, &proposed));
    Ok(NoStore(Discovered { tables: tables.collect() }))
}

fn shape(connection: &Connection, table: SourceTable, proposed: &TableName) -> FoundTable {
    let texts = |names: &[ColumnName]| names.iter().map(ToString::to_string).collect();
    let chosen = connection.tables.iter().find(|it| it.source_table == table.name);
    FoundTable {
        label: table.label,
        proposed_name: proposed.to_string(),
        name: chosen.map(|it| it.name.to_string()),
        primary_key: texts(&table.primary_key),
        foreign_keys: table
            .foreign_keys
            .iter()
            .map(|key| FoundForeignKey {
                columns: texts(&key.columns),
                table: key.table.clone(),
                references: texts(&key.references),
            })
            .collect(),
        rows: table.rows,
        changes_by: table.changes_by.map(|name| name.to_string()),
        columns: table.columns.into_iter().map(Into::into).collect(),
        source_table: table.name,
    }
}

/// One name for each table, all different. A database's schema is no part of it.
fn proposals(kind: ConnectionKind, found: &[SourceTable]) -> Vec<TableName> {
    let mut taken = HashSet::new();
    let propose = |table: &SourceTable| {
        let is_database = matches!(
            kind,
            ConnectionKind::Postgresql | ConnectionKind::Mysql | ConnectionKind::SqlServer
        );
        let last = table.name.rsplit('.').next().filter(|_| is_database);
        let plain = last.unwrap_or(&table.name);
        let mut name = table_name_from_source(plain);
        for number in 2_u32.. {
            if taken.insert(name.clone()) {
                break;
            }
            let short: String = plain.chars().take(50).collect();
            name = table_name_from_source(&format!("{short} {number}"));
        }
        name
    };
    found.iter().map(propose).collect()
}

/// A table to load.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenTable {
    /// What the source calls it.
    source_table: String,
    /// What it shall be called here; as proposed where it is not sent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z][a-z0-9_]{0,62}$")]
    name: Option<TableName>,
    /// Which columns, by their names here; all where it is not sent. Those that name rows and tell
    /// changes are always loaded.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    columns: Vec<ColumnName>,
    /// The column that tells changed rows: as the source proposes where it is not sent, none and so
    /// always full loads where it is `null`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    changes_by: Patch<ColumnName>,
}

/// What to load.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// All tables that shall be loaded, in this order.
    tables: Vec<ChosenTable>,
}

/// Choose a connection's tables
///
/// The tables must be there at the source now. Tables that were loaded before and are chosen no more
/// stay as they are.
#[utoipa::path(
    put, path = "/connections/{id}/tables", tag = "connections", operation_id = "choose_tables",
    params(("id" = Uuid, Path, description = "The connection")),
    request_body = Choice,
    responses(
        (status = 200, description = "The connection as it is now", body = ConnectionOut),
        (status = 409, description = "The secret cannot be decrypted"),
        (status = 502, description = "The system does not answer"),
    ),
)]
pub async fn choose_tables(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
    Json(choice): Json<Choice>,
) -> ApiResult<NoStore<ConnectionOut>> {
    let connection = caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    if choice.tables.len() > MOST_TABLES {
        let text = format!("At most {MOST_TABLES} tables.");
        return Err(ApiError::invalid(&["body", "tables"], "out_of_range", text));
    }
    let found = ask(&app, &caller, &connection).await?;
    let names = proposals(connection.kind, &found);
    let chosen = choice.tables.into_iter().enumerate();
    let chosen = chosen.map(|(at, table)| choose(table, at, &found, &names));
    let tables = chosen.collect::<ApiResult<Vec<ConnectedTable>>>()?;
    check_names(&caller, &connection, &tables).await?;
    let change = ConnectionChange { tables: Some(tables), ..ConnectionChange::default() };
    let event = caller.event(&app, AuditAction::ConnectionUpdated, Some(id.to_string()));
    let changed = caller.data.update_connection(id, &change, app.clock.now(), &event).await?;
    Ok(NoStore(changed.ok_or_else(ApiError::not_found)?.into()))
}

fn choose(
    table: ChosenTable,
    at: usize,
    found: &[SourceTable],
    names: &[TableName],
) -> ApiResult<ConnectedTable> {
    let place = at.to_string();
    let refuse = |field: &str, text: String| {
        ApiError::invalid(&["body", "tables", &place, field], "unknown", text)
    };
    let known = found.iter().zip(names).find(|(it, _)| it.name == table.source_table);
    let Some((source, proposed)) = known else {
        let text = "The source has no such table, or its credentials may not read it.";
        return Err(refuse("source_table", text.to_owned()));
    };
    let has = |name: &ColumnName| source.columns.iter().any(|column| &column.name == name);
    if let Some(unknown) = table.columns.iter().find(|name| !has(name)) {
        return Err(refuse("columns", format!("The table has no column `{unknown}`.")));
    }
    let changes_by = match table.changes_by {
        None => source.changes_by.clone(),
        Some(chosen) => chosen,
    };
    if let Some(unknown) = changes_by.as_ref().filter(|name| !has(name)) {
        return Err(refuse("changes_by", format!("The table has no column `{unknown}`.")));
    }
    Ok(ConnectedTable {
        source_table: table.source_table,
        name: table.name.unwrap_or_else(|| proposed.clone()),
        columns: table.columns,
        changes_by,
    })
}

/// Refuses names that are given twice, or that other data of the company has.
async fn check_names(
    caller: &Caller<ManageData>,
    connection: &Connection,
    tables: &[ConnectedTable],
) -> ApiResult<()> {
    let catalog = caller.data.catalog().await?;
    let others = others(caller, connection).await?;
    let (mut names, mut sources) = (HashSet::new(), HashSet::new());
    for (at, table) in tables.iter().enumerate() {
        let place = at.to_string();
        let taken = |field: &str, text: &str| {
            Err(ApiError::invalid(&["body", "tables", &place, field], "taken", text))
        };
        if !sources.insert(&table.source_table) {
            return taken("source_table", "This table is chosen twice.");
        }
        if !names.insert(&table.name) {
            return taken("name", "Two tables would have this name. Choose another.");
        }
        let is_ours = |origin: &Origin| matches!(origin, Origin::Connection { connection_id, .. } if *connection_id == connection.id);
        let in_service = catalog.table(&table.name).is_some_and(|it| !is_ours(&it.origin));
        let orphaned = catalog.table(&table.name).is_some_and(|entry| {
            matches!(&entry.origin, Origin::Connection { connection_id, .. }
                if *connection_id != connection.id && !others.ids.contains(connection_id))
        });
        if (in_service && !orphaned) || others.names.contains(&table.name) {
            return taken(
                "name",
                "A table of other data has this name. Choose another, or delete that table.",
            );
        }
    }
    Ok(())
}

/// The company's other connections and the names of what they load.
struct Others {
    ids: HashSet<ConnectionId>,
    names: HashSet<TableName>,
}

async fn others(caller: &Caller<ManageData>, own: &Connection) -> ApiResult<Others> {
    let mut others = Others { ids: HashSet::new(), names: HashSet::new() };
    let mut request = PageRequest { after: None, limit: 100 };
    loop {
        let page = caller.data.connections(&request).await?;
        for other in page.items.into_iter().filter(|other| other.id != own.id) {
            others.ids.insert(other.id);
            others.names.extend(other.tables.into_iter().map(|table| table.name));
        }
        match page.next {
            Some(after) => request.after = Some(after),
            None => return Ok(others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposed_names_say_what_the_table_is_and_differ() {
        let table = |name: &str| SourceTable {
            name: name.into(),
            label: String::new(),
            columns: Vec::new(),
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
            rows: None,
            changes_by: None,
        };
        let names = |kind, names: &[&str]| -> Vec<String> {
            let tables: Vec<SourceTable> = names.iter().map(|name| table(name)).collect();
            proposals(kind, &tables).iter().map(ToString::to_string).collect()
        };
        let databases = ["public.orders", "archive.orders", "archive.orders_2", "crm.Größen"];
        assert_eq!(
            names(ConnectionKind::Postgresql, &databases),
            ["orders", "orders_2", "orders_2_2", "groessen"]
        );
        assert_eq!(
            names(ConnectionKind::SqlServer, &["dbo.Orders", "hr.Orders"]),
            ["orders", "orders_2"]
        );
        let apis = ["sale.order", "Sales Invoice", "res.partner.bank", "..."];
        assert_eq!(
            names(ConnectionKind::Odoo, &apis),
            ["sale_order", "sales_invoice", "res_partner_bank", "table"]
        );
        let long = "x".repeat(80);
        let both = names(ConnectionKind::Mysql, &[&long, &long]);
        assert_eq!(both[0].len(), 63);
        assert_ne!(both[0], both[1]);
    }
}
