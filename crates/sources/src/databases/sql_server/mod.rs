//! SQL Server, from version 2012 on (TDS 7.4), and Azure SQL Database.

mod catalog;
mod connection;
mod error;
mod parameter;
mod prelogin;
mod pull;
mod value;
mod wire;

use std::sync::Arc;

use futures_util::{future::BoxFuture, stream::BoxStream};
use secrecy::SecretString;

use self::connection::SqlServer;
use super::{
    reader::{self, Database},
    retry::{Failure, Retry},
    settings::DatabaseSettings,
};
use crate::{
    SourceError,
    outgoing::AddressPolicy,
    source::{Pull, Pulled, Source, SourceTable},
};

/// A SQL Server database.
pub struct SqlServerSource {
    server: Arc<SqlServer>,
}

impl SqlServerSource {
    /// Connects to nothing yet; the settings are checked.
    pub fn new(
        settings: DatabaseSettings,
        password: SecretString,
        policy: AddressPolicy,
    ) -> Result<Self, SourceError> {
        let server = SqlServer::new(settings, password, policy, Retry::default())?;
        Ok(Self { server: Arc::new(server) })
    }

    /// The same with other patience.
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { server: Arc::new(self.server.with_retry(retry)) }
    }
}

impl Source for SqlServerSource {
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>> {
        Box::pin(reader::patiently(&*self.server, async |server| {
            let mut session = server.connect().await?;
            let relations = session.relations(&server.settings().schemas, None).await?;
            let names = catalog::names(&relations);
            let mut tables = Vec::with_capacity(relations.len());
            for relation in relations {
                let (table, notes) = relation.into_table(session.ground, &names);
                server.notes().set(&table.name, notes);
                tables.push(table);
            }
            tables.sort_by(|a, b| a.name.cmp(&b.name));
            Ok::<_, Failure>(tables)
        }))
    }

    fn pull(&self, pull: Pull) -> BoxStream<'_, Result<Pulled, SourceError>> {
        reader::stream(Arc::clone(&self.server), pull)
    }

    fn notes(&self, table: &str) -> Vec<String> {
        self.server.notes().of(table)
    }
}
