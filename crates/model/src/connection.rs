use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ColumnName, CompanyId, ConnectionId, RunId, TableName, Timestamp, UserId};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// What kind of system is connected.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ConnectionKind {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl ConnectionKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name that is stored and sent.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

kinds! {
    /// A PostgreSQL database.
    Postgresql = "postgresql",
    /// A MySQL or MariaDB database.
    Mysql = "mysql",
    /// A SQL Server database.
    SqlServer = "sql_server",
    /// Odoo, through its API.
    Odoo = "odoo",
    /// ERPNext or another Frappe site, through its API.
    Erpnext = "erpnext",
    /// Business Central, through its API.
    BusinessCentral = "business_central",
    /// SAP Business One, through its Service Layer.
    SapBusinessOne = "sap_business_one",
    /// Any other OData version 4 service.
    Odata = "odata",
}

impl fmt::Display for ConnectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no such kind of system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such kind of connection")]
pub struct UnknownKind;

impl FromStr for ConnectionKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// A password or another secret, encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// Which key it was encrypted with.
    pub key_id: String,
    /// Nonce and ciphertext, in URL-safe base64.
    pub sealed: String,
}

/// One table of a connected system that is loaded from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedTable {
    /// What the source calls it.
    pub source_table: String,
    /// What it is called here.
    pub name: TableName,
    /// Which of its columns are loaded, by their names here; all of them where this is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnName>,
    /// The column that tells changed rows. Empty: every load is a full one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_by: Option<ColumnName>,
}

/// When something happens again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// At the times that a cron expression names, on the clocks of a time zone.
    Cron {
        /// `0 6 * * 1-5`
        expression: String,
        /// An IANA name.
        time_zone: String,
    },
    /// Again after so many seconds.
    Every {
        /// At least 60.
        seconds: u32,
    },
}

/// When a connection's tables are loaded by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The times.
    pub rhythm: Rhythm,
    /// Each connection is shifted by up to so many seconds, always by the same, so that not all ask
    /// their systems at the same moment.
    pub jitter_seconds: u32,
}

/// A system that tables are loaded from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: ConnectionId,
    /// Whose.
    pub company_id: CompanyId,
    /// What people call it.
    pub name: String,
    /// What kind of system it is.
    pub kind: ConnectionKind,
    /// Where the system is and how it is asked, as its kind has it. Holds nothing secret.
    pub settings: serde_json::Value,
    /// What the system knows the company by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SealedSecret>,
    /// What is loaded.
    pub tables: Vec<ConnectedTable>,
    /// When it is loaded by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Not loaded by itself for now.
    pub is_paused: bool,
    /// When it is loaded by itself next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<Timestamp>,
    /// Loads from before this moment are of another system: the next load of each table is a full one.
    pub renewed_at: Timestamp,
    /// The run that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// Whoever does that run renews this while it lives: once it has passed, another may go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// Names the holder of the lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// Who connected it.
    pub created_by: UserId,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When somebody last changed it.
    pub updated_at: Timestamp,
}

impl Connection {
    /// The table that is called so here.
    pub fn table(&self, name: &TableName) -> Option<&ConnectedTable> {
        self.tables.iter().find(|table| &table.name == name)
    }
}
