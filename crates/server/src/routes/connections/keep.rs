use axum::{extract::State, http::StatusCode};
use pacioli_model::{AuditAction, Connection, ConnectionId, ConnectionKind, SealedSecret};
use pacioli_store::{ConnectionChange, PageRequest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

use super::shapes::{ConnectionOut, ScheduleShape};
use crate::{
    app::App,
    connect::check_settings,
    error::{ApiError, ApiResult},
    extract::{
        Caller, Json, Line, ManageData, Patch, Path, Query, Submission, Turn, given, present,
    },
    loads::next_run,
    routes::{keeping, no_store::NoStore, paging, shapes::Listing},
};

/// The longest secret that is taken, in bytes.
const SECRET_BYTES: usize = 16 * 1024;

/// A system to load tables from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Line<200>,
    /// `postgresql`, `mysql`, `sql_server`, `odoo`, `erpnext`, `business_central`, `sap_business_one`
    /// or `odata`.
    #[schema(value_type = String, example = "postgresql")]
    kind: ConnectionKind,
    /// Where the system is and how it is asked; what belongs here depends on the kind.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// The password, key or client secret; kept encrypted and never given out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "password")]
    secret: Option<SecretText>,
    /// When it is loaded by itself.
    #[serde(default)]
    schedule: Option<ScheduleShape>,
}

/// A secret as it comes in.
pub struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// Connect a system
///
/// Keeps where the system is and what it knows the company by. Nothing is asked of it yet: test the
/// connection, have it discovered, and choose tables next.
#[utoipa::path(
    post, path = "/connections", tag = "connections", operation_id = "create_connection",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key gives the same answer")),
    request_body = NewConnection,
    responses((status = 201, description = "The connection", body = ConnectionOut)),
)]
pub async fn create_connection(
    State(app): State<App>,
    caller: Caller<ManageData>,
    body: Submission<NewConnection>,
) -> ApiResult<Turn<(StatusCode, NoStore<ConnectionOut>)>> {
    let Submission { value, key, content } = body;
    let company = caller.company();
    let scope: [&[u8]; 2] = [b"connection", company.0.as_bytes()];
    let work = create(&app, &caller, value);
    keeping::once(&app, &key, &scope, &[&content], work).await
}

async fn create(
    app: &App,
    caller: &Caller<ManageData>,
    new: NewConnection,
) -> ApiResult<(StatusCode, NoStore<ConnectionOut>)> {
    let zone = &caller.account.company.time_zone;
    let (id, now) = (ConnectionId(app.random.uuid()), app.clock.now());
    let schedule = new.schedule.map(|schedule| schedule.checked(app, zone)).transpose()?;
    let mut connection = Connection {
        id,
        company_id: caller.company(),
        name: new.name.into_inner(),
        kind: new.kind,
        settings: check_settings(app, new.kind, new.settings)?,
        secret: new.secret.map(|secret| seal(app, caller, id, secret)).transpose()?,
        tables: Vec::new(),
        schedule,
        is_paused: false,
        next_run_at: None,
        renewed_at: now,
        run_id: None,
        lease_until: None,
        lease: None,
        created_by: caller.user(),
        created_at: now,
        updated_at: now,
    };
    connection.next_run_at = next_run(&connection, now);
    let event = caller.event(app, AuditAction::ConnectionAdded, Some(id.to_string()));
    caller.data.add_connection(&connection, &event).await?;
    Ok((StatusCode::CREATED, NoStore(connection.into())))
}

fn seal(
    app: &App,
    caller: &Caller<ManageData>,
    id: ConnectionId,
    SecretText(secret): SecretText,
) -> ApiResult<SealedSecret> {
    if !(1..=SECRET_BYTES).contains(&secret.expose_secret().len()) {
        let text = format!("Must have 1 to {SECRET_BYTES} bytes.");
        return Err(ApiError::invalid(&["body", "secret"], "out_of_range", text));
    }
    Ok(app.sealer.seal(app.random, (caller.company(), id), &secret)?)
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPage {
    /// At most so many, 1 to 100.
    #[serde(default = "paging::default_limit")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: u32,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl ListPage {
    /// The page that is asked of the store.
    pub fn request(&self, app: &App, scope: &str) -> ApiResult<PageRequest> {
        Ok(PageRequest {
            after: paging::open(&app.keys, scope, self.cursor.as_deref())?,
            limit: paging::check_limit(self.limit)?,
        })
    }
}

/// List connections
#[utoipa::path(
    get, path = "/connections", tag = "connections", operation_id = "list_connections",
    params(ListPage),
    responses((status = 200, description = "The company's connections, the oldest first", body = Listing<ConnectionOut>)),
)]
pub async fn list_connections(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<ConnectionOut>>> {
    let scope = format!("connections/{}", caller.company());
    let page = caller.data.connections(&list.request(&app, &scope)?).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, ConnectionOut::from)))
}

/// Read a connection
#[utoipa::path(
    get, path = "/connections/{id}", tag = "connections", operation_id = "get_connection",
    params(("id" = Uuid, Path, description = "The connection")),
    responses((status = 200, description = "The connection", body = ConnectionOut)),
)]
pub async fn get_connection(
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
) -> ApiResult<NoStore<ConnectionOut>> {
    let connection = caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    Ok(NoStore(connection.into()))
}

/// A merge patch (RFC 7396) of a connection: what is absent stays, `null` removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionPatch {
    /// What people call it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Line<200>>,
    /// All settings anew. The next load of each table is a full one.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, required = false)]
    settings: Option<serde_json::Value>,
    /// The secret anew; `null` forgets it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = "password")]
    secret: Patch<SecretText>,
    /// When it is loaded by itself; `null` ends that.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<ScheduleShape>)]
    schedule: Patch<ScheduleShape>,
    /// Whether that is off for now.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    paused: Option<bool>,
}

/// Update a connection
#[utoipa::path(
    patch, path = "/connections/{id}", tag = "connections", operation_id = "update_connection",
    params(("id" = Uuid, Path, description = "The connection")),
    request_body(content((ConnectionPatch = "application/json"), (ConnectionPatch = "application/merge-patch+json"))),
    responses((status = 200, description = "The connection as it is now", body = ConnectionOut)),
)]
pub async fn update_connection(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
    Json(patch): Json<ConnectionPatch>,
) -> ApiResult<NoStore<ConnectionOut>> {
    let connection = caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    let change = change(&app, &caller, &connection, patch)?;
    if change == ConnectionChange::default() {
        return Ok(NoStore(connection.into()));
    }
    let event = caller.event(&app, AuditAction::ConnectionUpdated, Some(id.to_string()));
    let changed = caller.data.update_connection(id, &change, app.clock.now(), &event).await?;
    Ok(NoStore(changed.ok_or_else(ApiError::not_found)?.into()))
}

fn change(
    app: &App,
    caller: &Caller<ManageData>,
    connection: &Connection,
    patch: ConnectionPatch,
) -> ApiResult<ConnectionChange> {
    let (now, zone) = (app.clock.now(), &caller.account.company.time_zone);
    let settings = patch
        .settings
        .map(|settings| check_settings(app, connection.kind, settings))
        .transpose()?;
    let secret = patch
        .secret
        .map(|secret| secret.map(|secret| seal(app, caller, connection.id, secret)).transpose());
    let schedule = patch
        .schedule
        .map(|schedule| schedule.map(|schedule| schedule.checked(app, zone)).transpose());
    let (schedule, secret) = (schedule.transpose()?, secret.transpose()?);
    let mut then = connection.clone();
    if let Some(schedule) = &schedule {
        then.schedule.clone_from(schedule);
    }
    then.is_paused = patch.paused.unwrap_or(then.is_paused);
    let is_timed = schedule.is_some() || patch.paused.is_some();
    Ok(ConnectionChange {
        name: patch.name.map(Line::into_inner),
        renewed_at: settings.as_ref().map(|_| now),
        settings,
        secret,
        schedule,
        is_paused: patch.paused,
        next_run_at: is_timed.then(|| next_run(&then, now)),
        tables: None,
    })
}

/// Delete a connection
///
/// A run that is under way ends without an effect. Tables that were loaded stay.
#[utoipa::path(
    delete, path = "/connections/{id}", tag = "connections", operation_id = "delete_connection",
    params(("id" = Uuid, Path, description = "The connection")),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete_connection(
    State(app): State<App>,
    caller: Caller<ManageData>,
    Path(id): Path<ConnectionId>,
) -> ApiResult<StatusCode> {
    let connection = caller.data.connection(id).await?.ok_or_else(ApiError::not_found)?;
    let event = caller.event(&app, AuditAction::ConnectionDeleted, Some(id.to_string()));
    if !caller.data.delete_connection(id, &event).await? {
        return Err(ApiError::not_found());
    }
    if let Some(run) = connection.run_id {
        app.jobs.stop(pacioli_model::JobId(run.0));
    }
    Ok(StatusCode::NO_CONTENT)
}
