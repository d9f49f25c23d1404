//! MySQL from version 5.7 on, and MariaDB from version 10.2 on.

mod catalog;
mod connection;
mod error;
mod measure;
mod pull;
mod value;

use std::sync::Arc;

use futures_util::{future::BoxFuture, stream::BoxStream};
use secrecy::SecretString;

use self::connection::MysqlServer;
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

/// A MySQL or MariaDB database.
pub struct MysqlSource {
    server: Arc<MysqlServer>,
}

impl MysqlSource {
    /// Connects to nothing yet; the settings are checked.
    pub fn new(
        settings: DatabaseSettings,
        password: SecretString,
        policy: AddressPolicy,
    ) -> Result<Self, SourceError> {
        let server = MysqlServer::new(settings, password, policy, Retry::default())?;
        Ok(Self { server: Arc::new(server) })
    }

    /// The same with other patience.
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { server: Arc::new(self.server.with_retry(retry)) }
    }
}

impl Source for MysqlSource {
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>> {
        Box::pin(reader::patiently(&*self.server, async |server| {
            let mut session = server.connect().await?;
            let settings = server.settings();
            let one = [settings.database.clone()];
            let schemas = if settings.schemas.is_empty() { &one } else { &settings.schemas[..] };
            let relations = session.relations(schemas, None).await?;
            let names = catalog::names(&relations);
            let mut tables = Vec::with_capacity(relations.len());
            for relation in relations {
                let measured = session.measure(&relation).await?;
                let (table, notes) = relation.into_table(&measured, &names);
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
