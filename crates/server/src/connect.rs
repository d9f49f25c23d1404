//! From a connection to the system that it names: the one place that knows every kind.

use std::{fmt, sync::Arc};

use ipnet::IpNet;
use pacioli_model::{Connection, ConnectionKind};
use pacioli_sources::{SourceError, source::Source};
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    app::App,
    error::{ApiError, ApiResult},
};

/// A system to be asked for its tables.
#[derive(Debug, Clone)]
pub struct Target {
    /// What kind it is.
    pub kind: ConnectionKind,
    /// Where it is and how it is asked.
    pub settings: Value,
    /// What it knows the company by.
    pub secret: Option<SecretString>,
}

/// What opens a target.
pub type Opener = dyn Fn(Target) -> Result<Arc<dyn Source>, SourceError> + Send + Sync;

/// Who is asked: the systems themselves, or, in a test, what stands in for them.
#[derive(Clone)]
pub enum Connector {
    /// The systems, at public addresses and at those in these networks.
    Systems(Vec<IpNet>),
    /// Whatever this opens.
    StandIn(Arc<Opener>),
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Systems(_) => "Systems",
            Self::StandIn(_) => "StandIn",
        })
    }
}

impl Connector {
    /// The source that the target names. Asks nothing yet.
    pub fn open(&self, target: Target) -> Result<Arc<dyn Source>, SourceError> {
        match self {
            Self::Systems(allow) => open_system(target, allow),
            Self::StandIn(open) => open(target),
        }
    }
}

/// The source of a connection, with its secret decrypted.
pub fn open(app: &App, connection: &Connection) -> ApiResult<Arc<dyn Source>> {
    let place = (connection.company_id, connection.id);
    let secret = connection.secret.as_ref().map(|sealed| app.sealer.open(place, sealed));
    let target = Target {
        kind: connection.kind,
        settings: connection.settings.clone(),
        secret: secret.transpose()?,
    };
    Ok(app.connector.open(target)?)
}

/// Settings as the kind has them, or the place of what is wrong with them.
pub fn check_settings(_kind: ConnectionKind, settings: Value) -> ApiResult<Value> {
    if settings.is_object() {
        return Ok(settings);
    }
    Err(ApiError::invalid(&["body", "settings"], "type_error", "Must be an object."))
}

fn open_system(target: Target, _allow: &[IpNet]) -> Result<Arc<dyn Source>, SourceError> {
    let detail = format!("Systems of the kind {} cannot be connected.", target.kind);
    Err(SourceError::Unsupported { kind: "a connected system", detail })
}
