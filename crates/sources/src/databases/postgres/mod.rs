//! PostgreSQL, from version 12 on.

mod catalog;
mod connection;
mod error;
mod measure;
mod pull;
mod value;

use std::sync::Arc;

use futures_util::{future::BoxFuture, stream::BoxStream};
use secrecy::SecretString;

use self::connection::PostgresServer;
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

/// A PostgreSQL database.
pub struct PostgresSource {
    server: Arc<PostgresServer>,
}

impl PostgresSource {
    /// Connects to nothing yet; the settings are checked.
    pub fn new(
        settings: DatabaseSettings,
        password: SecretString,
        policy: AddressPolicy,
    ) -> Result<Self, SourceError> {
        let server = PostgresServer::new(settings, password, policy, Retry::default())?;
        Ok(Self { server: Arc::new(server) })
    }

    /// The same with other patience.
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { server: Arc::new(self.server.with_retry(retry)) }
    }
}

impl Source for PostgresSource {
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>> {
        Box::pin(reader::patiently(&*self.server, async |server| {
            let mut session = server.connect().await?;
            let relations = session.relations(&server.settings().schemas).await?;
            let names = catalog::names(&relations);
            let mut tables = Vec::with_capacity(relations.len());
            for relation in relations {
                let scales = session.measure(&relation).await?;
                let (table, notes) = relation.into_table(&scales, &names);
                server.notes().set(&table.name, notes);
                tables.push(table);
            }
            session.finish().await;
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
