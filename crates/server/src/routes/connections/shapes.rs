//! What connections look like from outside. Their secrets are taken in and never given out.

use pacioli_model::{ConnectedTable, Connection, ConnectionKind, Rhythm, Schedule, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    error::{ApiError, ApiResult},
    loads::check_schedule,
};

/// When a connection is loaded by itself: either `cron` or `every_seconds`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleShape {
    /// Minute, hour, day, month, day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "0 6 * * 1-5")]
    cron: Option<String>,
    /// The IANA time zone of `cron`; the company's where it is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// Again after so many seconds, at least 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 60)]
    every_seconds: Option<u32>,
    /// The connection is shifted by up to so many seconds, always by the same.
    #[serde(default)]
    jitter_seconds: u32,
}

impl ScheduleShape {
    /// The times alone, once they have been checked: nothing is shifted.
    pub fn rhythm(self, app: &App, company_zone: &str) -> ApiResult<Rhythm> {
        let schedule = self.checked(app, company_zone)?;
        if schedule.jitter_seconds == 0 {
            return Ok(schedule.rhythm);
        }
        let place = ["body", "schedule", "jitter_seconds"];
        Err(ApiError::invalid(&place, "value_error", "Must be 0 here."))
    }

    /// The schedule, once it has been checked.
    pub fn checked(self, app: &App, company_zone: &str) -> ApiResult<Schedule> {
        let refuse = |field: &str, text: &str| {
            Err(ApiError::invalid(&["body", "schedule", field], "value_error", text))
        };
        let rhythm = match (self.cron, self.every_seconds) {
            (Some(expression), None) => {
                let time_zone = self.time_zone.unwrap_or_else(|| company_zone.to_owned());
                Rhythm::Cron { expression: expression.trim().to_owned(), time_zone }
            }
            (None, Some(_)) if self.time_zone.is_some() => {
                return refuse("time_zone", "Goes with `cron` alone.");
            }
            (None, Some(seconds)) => Rhythm::Every { seconds },
            _ => return refuse("cron", "Send either `cron` or `every_seconds`."),
        };
        let schedule = Schedule { rhythm, jitter_seconds: self.jitter_seconds };
        match check_schedule(&schedule, app.clock.now()) {
            Ok(()) => Ok(schedule),
            Err(invalid) => refuse(invalid.field, invalid.text),
        }
    }
}

impl From<Schedule> for ScheduleShape {
    fn from(schedule: Schedule) -> Self {
        let (cron, time_zone, every_seconds) = match schedule.rhythm {
            Rhythm::Cron { expression, time_zone } => (Some(expression), Some(time_zone), None),
            Rhythm::Every { seconds } => (None, None, Some(seconds)),
        };
        Self { cron, time_zone, every_seconds, jitter_seconds: schedule.jitter_seconds }
    }
}

/// A table that is loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectedTableOut {
    /// What the source calls it.
    source_table: String,
    /// What it is called here.
    name: String,
    /// Which columns are loaded, by their names here; all where it is empty.
    columns: Vec<String>,
    /// The column that tells changed rows; empty where every load is a full one.
    changes_by: Option<String>,
}

impl From<ConnectedTable> for ConnectedTableOut {
    fn from(table: ConnectedTable) -> Self {
        Self {
            source_table: table.source_table,
            name: table.name.to_string(),
            columns: table.columns.iter().map(ToString::to_string).collect(),
            changes_by: table.changes_by.map(|name| name.to_string()),
        }
    }
}

/// A system that tables are loaded from.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionOut {
    /// Names the connection.
    id: Uuid,
    /// What people call it.
    name: String,
    /// `postgresql`, `mysql`, `sql_server`, `odoo`, `erpnext`, `business_central`, `sap_business_one`
    /// or `odata`.
    #[schema(value_type = String, example = "postgresql")]
    kind: ConnectionKind,
    /// Where the system is and how it is asked.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// Whether a secret is kept; the secret itself is never given out.
    has_secret: bool,
    /// What is loaded.
    tables: Vec<ConnectedTableOut>,
    /// When it is loaded by itself.
    schedule: Option<ScheduleShape>,
    /// Whether that is off for now.
    paused: bool,
    /// When it is loaded by itself next.
    #[schema(value_type = Option<String>, format = "date-time")]
    next_run_at: Option<Timestamp>,
    /// The run that is under way: `GET /runs/{id}`.
    run_id: Option<Uuid>,
    /// Who connected it.
    created_by: Uuid,
    /// When it was connected.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When somebody last changed it.
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Connection> for ConnectionOut {
    fn from(connection: Connection) -> Self {
        Self {
            id: connection.id.0,
            name: connection.name,
            kind: connection.kind,
            settings: connection.settings,
            has_secret: connection.secret.is_some(),
            tables: connection.tables.into_iter().map(Into::into).collect(),
            schedule: connection.schedule.map(Into::into),
            paused: connection.is_paused,
            next_run_at: connection.next_run_at,
            run_id: connection.run_id.map(|id| id.0),
            created_by: connection.created_by.0,
            created_at: connection.created_at,
            updated_at: connection.updated_at,
        }
    }
}
