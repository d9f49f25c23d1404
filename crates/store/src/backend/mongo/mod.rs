//! Documents in MongoDB, acknowledged by a majority and read from the primary. A batch of several
//! writes is a transaction where the deployment has them ([`transaction`]), and is made whole by an undo
//! log where it has not ([`undo`]).

mod convert;
mod filter;
mod indexes;
mod transaction;
mod undo;

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Database,
    bson::{Document as Bson, doc},
    error::{Error, ErrorKind, WriteFailure},
    options::{
        Acknowledgment, ClientOptions, Collation, CollationStrength, ReadPreference,
        SelectionCriteria, WriteConcern,
    },
};
use pacioli_model::Timestamp;

use super::{Answer, Backend, Collection, Filter, Query, Write};
use crate::{StoreError, document::Document};

/// How long connecting, and finding a server that answers, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a write may wait for its majority.
const MAJORITY: Duration = Duration::from_secs(10);

/// Whether a batch of several writes is one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transactions {
    /// Where the deployment has them: a replica set or a sharded cluster.
    #[default]
    Auto,
    /// Never: batches are made whole by an undo log instead.
    Off,
}

#[derive(Clone)]
pub(crate) struct Mongo {
    client: Client,
    database: Database,
    transactions: bool,
}

/// Why a write was not made: our rules, or the driver's words.
enum Failure {
    Refused(StoreError),
    Driver(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Driver(error) => Self::unavailable(error),
        }
    }
}

impl Mongo {
    pub(crate) async fn open(
        uri: &str,
        database: Option<&str>,
        transactions: Transactions,
    ) -> Result<Self, StoreError> {
        let options = options(uri).await?;
        let named =
            database.or(options.default_database.as_deref()).unwrap_or("pacioli").to_owned();
        let client = Client::with_options(options).map_err(StoreError::unavailable)?;
        let database = client.database(&named);
        let hello = database.run_command(doc! { "hello": 1 }).await;
        let hello = hello.map_err(StoreError::unavailable)?;
        let replicated =
            hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|it| it == "isdbgrid");
        indexes::ensure(&database).await.map_err(StoreError::unavailable)?;
        let transactions = replicated && transactions == Transactions::Auto;
        Ok(Self { client, database, transactions })
    }

    fn collection(&self, collection: Collection) -> mongodb::Collection<Bson> {
        self.database.collection(collection.name())
    }

    async fn documents(&self, query: Query) -> Result<Vec<Document>, Error> {
        if query.limit == Some(0) {
            return Ok(Vec::new()); // which MongoDB takes for no limit
        }
        let documents = self.collection(query.collection);
        let mut find = documents.find(filter::of_query(&query));
        if let Some(sort) = query.sort {
            let direction = if sort.descending { -1 } else { 1 };
            let mut order = doc! { sort.field: direction };
            order.insert("_id", direction);
            find = find.sort(order);
        }
        if let Some(limit) = query.limit {
            find = find.limit(i64::from(limit));
        }
        if !query.only.is_empty() {
            find = find.projection(convert::each(query.only, 1));
        }
        if filter::folds_case(&query.filter) {
            find = find.collation(case_folding());
        }
        let found: Vec<Bson> = find.await?.try_collect().await?;
        Ok(found.into_iter().map(convert::from_bson).collect())
    }

    /// Makes one write by itself, or within a transaction.
    async fn apply(
        &self,
        write: &Write,
        session: Option<&mut ClientSession>,
    ) -> Result<(), Failure> {
        let found = match write {
            Write::Insert { collection, document } => {
                let inserted = self.collection(*collection);
                let insert = inserted.insert_one(convert::to_bson(document));
                let done = match session {
                    Some(session) => insert.session(session).await,
                    None => insert.await,
                };
                done.map_err(|error| refusal(*collection, error))?;
                1
            }
            Write::Update { collection, id, guard, set, unset } => {
                let target = filter::guarded(*collection, id, guard);
                let updated = self.collection(*collection);
                let update = updated.update_one(target, convert::change(set, unset));
                let done = match session {
                    Some(session) => update.session(session).await,
                    None => update.await,
                };
                done.map_err(|error| refusal(*collection, error))?.matched_count
            }
            Write::Delete { collection, id, guard } => {
                let target = filter::guarded(*collection, id, guard);
                let deleted = self.collection(*collection);
                let delete = deleted.delete_one(target);
                let done = match session {
                    Some(session) => delete.session(session).await,
                    None => delete.await,
                };
                done?.deleted_count
            }
        };
        if found == 0 { Err(Failure::Refused(StoreError::Conflict)) } else { Ok(()) }
    }
}

impl Backend for Mongo {
    fn kind(&self) -> &'static str {
        "mongodb"
    }

    fn find(&self, query: Query) -> Answer<'_, Vec<Document>> {
        Box::pin(async move { self.documents(query).await.map_err(StoreError::unavailable) })
    }

    fn count(&self, collection: Collection, filter: Filter) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut target = filter::of(collection, &filter);
            if !self.transactions {
                // What may yet be undone is not counted on: the last-owner rule rests on this.
                target = doc! { "$and": [target, undo::settled()] };
            }
            let documents = self.collection(collection);
            documents.count_documents(target).await.map_err(StoreError::unavailable)
        })
    }

    fn batch(&self, writes: Vec<Write>) -> Answer<'_, ()> {
        Box::pin(async move {
            match writes.as_slice() {
                [] => Ok(()),
                [single] if self.transactions => Ok(self.apply(single, None).await?),
                _ if self.transactions => transaction::run(self, &writes).await,
                _ => undo::run(self, writes).await,
            }
        })
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let ping = self.database.run_command(doc! { "ping": 1 });
            ping.await.map(drop).map_err(StoreError::unavailable)
        })
    }

    fn recover(&self, now: Timestamp) -> Answer<'_, u64> {
        Box::pin(async move { undo::recover(self, now).await.map_err(StoreError::unavailable) })
    }

    fn purge(&self, _now: Timestamp) -> Answer<'_, u64> {
        // TTL indexes do it.
        Box::pin(async { Ok(0) })
    }
}

async fn options(uri: &str) -> Result<ClientOptions, StoreError> {
    // What the driver says of a connection string may repeat it, password and all.
    let mut options = ClientOptions::parse(uri).await.map_err(|error| {
        StoreError::unavailable(match *error.kind {
            ErrorKind::DnsResolve { .. } => "the MongoDB host name could not be resolved",
            _ => "the MongoDB connection string cannot be read",
        })
    })?;
    options.app_name.get_or_insert_with(|| "pacioli".to_owned());
    options.connect_timeout.get_or_insert(PATIENCE);
    options.server_selection_timeout.get_or_insert(PATIENCE);
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    let majority = WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(MAJORITY).build();
    options.write_concern = Some(majority);
    Ok(options)
}

/// Upper and lower case as one, under which adopted addresses are indexed and found.
fn case_folding() -> Collation {
    Collation::builder().locale("en").strength(CollationStrength::Secondary).build()
}

/// What a failed write means.
fn refusal(collection: Collection, error: Error) -> Failure {
    let duplicate = match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(it)) if it.code == 11000 => Some(&it.message),
        ErrorKind::Command(it) if it.code == 11000 => Some(&it.message),
        _ => None,
    };
    match duplicate.map(|message| collection.duplicate(message)) {
        Some(duplicate) => Failure::Refused(duplicate),
        None => Failure::Driver(error),
    }
}
