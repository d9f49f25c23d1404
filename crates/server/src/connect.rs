//! From a connection to the system that it names: the one place that knows every kind.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use pacioli_model::{Connection, ConnectionKind, Timestamp};
use pacioli_sources::{
    SourceError,
    apis::{ErpNext, OData, Odoo, Pace, Reach},
    databases::{MysqlSource, PostgresSource, SqlServerSource},
    outgoing::AddressPolicy,
    source::Source,
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    app::App,
    clock::{Clock, Random},
    error::{ApiError, ApiResult},
    extract::field_refusal,
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

/// The source of a connection, with its secret decrypted. Asks nothing yet.
pub fn open(app: &App, connection: &Connection) -> ApiResult<Arc<dyn Source>> {
    let place = (connection.company_id, connection.id);
    let secret = connection.secret.as_ref().map(|sealed| app.sealer.open(place, sealed));
    let target = Target {
        kind: connection.kind,
        settings: connection.settings.clone(),
        secret: secret.transpose()?,
    };
    match &app.connector {
        Connector::Systems(allow) => system(&target, &reach(app, allow.clone())),
        Connector::StandIn(open) => open(target).map_err(ApiError::of_source),
    }
}

/// Settings as the kind has them, or the place of what is wrong with them.
pub fn check_settings(app: &App, kind: ConnectionKind, settings: Value) -> ApiResult<Value> {
    if !settings.is_object() {
        return Err(ApiError::invalid(&["body", "settings"], "type_error", "Must be an object."));
    }
    let target = Target { kind, settings, secret: None };
    system(&target, &reach(app, Vec::new()))?;
    Ok(target.settings)
}

/// How systems and programs are reached: at these private networks, and at public addresses.
pub fn reach(app: &App, allow: Vec<IpNet>) -> Reach {
    let pace = ServerPace { clock: app.clock.clone(), random: app.random };
    Reach::new(AddressPolicy::new(allow), Arc::new(pace))
}

/// The system that the target names, found to be well described.
fn system(target: &Target, reach: &Reach) -> ApiResult<Arc<dyn Source>> {
    let secret = target.secret.clone().unwrap_or_default();
    let addresses = reach.addresses.clone();
    Ok(match target.kind {
        ConnectionKind::Postgresql => made(PostgresSource::new(read(target)?, secret, addresses))?,
        ConnectionKind::Mysql => made(MysqlSource::new(read(target)?, secret, addresses))?,
        ConnectionKind::SqlServer => made(SqlServerSource::new(read(target)?, secret, addresses))?,
        ConnectionKind::Odoo => made(Odoo::new(read(target)?, &secret, reach))?,
        ConnectionKind::Erpnext => made(ErpNext::new(read(target)?, &secret, reach))?,
        ConnectionKind::BusinessCentral => {
            made(OData::business_central(read(target)?, &secret, reach))?
        }
        ConnectionKind::SapBusinessOne => {
            made(OData::sap_business_one(read(target)?, &secret, reach))?
        }
        ConnectionKind::Odata => made(OData::new(read(target)?, &secret, reach))?,
    })
}

fn made(source: Result<impl Source + 'static, SourceError>) -> ApiResult<Arc<dyn Source>> {
    match source {
        Ok(source) => Ok(Arc::new(source)),
        Err(SourceError::Invalid { code, detail }) => {
            Err(ApiError::invalid(&["body", "settings"], code, detail))
        }
        Err(other) => Err(ApiError::of_source(other)),
    }
}

fn read<T: DeserializeOwned>(target: &Target) -> ApiResult<T> {
    serde_path_to_error::deserialize(&target.settings).map_err(|error| {
        field_refusal(&["body", "settings"], error.path(), &error.inner().to_string())
    })
}

/// Time and chance for systems that are asked over HTTP.
struct ServerPace {
    clock: Clock,
    random: Random,
}

impl Pace for ServerPace {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        let span = chrono::Duration::from_std(span).unwrap_or(chrono::Duration::MAX);
        Box::pin(self.clock.sleep(span))
    }

    fn chance(&self) -> f64 {
        f64::from(u32::from_le_bytes(self.random.bytes())) / (f64::from(u32::MAX) + 1.0)
    }
}
