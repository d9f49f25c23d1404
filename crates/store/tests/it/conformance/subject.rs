//! A store under test, and a way past it to its documents, as another program has it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mongodb::{
    Client, Database,
    bson::{Bson, DateTime, Document, doc},
};
use pacioli_model::Timestamp;
use pacioli_store::{Store, Transactions};
use serde_json::Value;
use tempfile::TempDir;

use super::mongo_server::MongoServer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Mongo,
    MongoAlone,
}

pub(crate) struct Subject {
    pub(crate) store: Store,
    pub(crate) kind: Kind,
    place: Place,
}

enum Place {
    Folder(TempDir),
    Server { server: Arc<MongoServer>, name: String },
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Subject {
    /// A store on an empty database; none where there is no server for it.
    pub(crate) async fn open(kind: Kind) -> Option<Self> {
        let place = match kind {
            Kind::Sqlite => Place::Folder(tempfile::tempdir().unwrap()),
            Kind::Mongo | Kind::MongoAlone => {
                let number = DATABASES.fetch_add(1, Ordering::Relaxed);
                Place::Server { server: MongoServer::shared()?, name: format!("suite_{number}") }
            }
        };
        let store = connect(kind, &place).await;
        Some(Self { store, kind, place })
    }

    /// The same database through connections of its own, as another replica has it.
    pub(crate) async fn replica(&self) -> Store {
        connect(self.kind, &self.place).await
    }

    /// Where the database is, for a store in another runtime.
    pub(crate) fn mongo(&self) -> (String, String) {
        match &self.place {
            Place::Server { server, name } => (server.uri(), name.clone()),
            Place::Folder(_) => panic!("not on MongoDB"),
        }
    }

    pub(crate) async fn database(&self) -> Database {
        let (uri, name) = self.mongo();
        Client::with_uri_str(uri).await.unwrap().database(&name)
    }

    /// Puts a document beside the store. On MongoDB a text that ends in `Z` is a date, as the Python
    /// system's driver writes one; any other stays text.
    pub(crate) async fn insert(&self, collection: &str, document: Value) {
        let id = document["_id"].as_str().unwrap().to_owned();
        if let Place::Folder(_) = self.place {
            let insert = format!("INSERT INTO {collection} (_id, doc) VALUES (?, ?)");
            self.sqlite().execute(&insert, [id, document.to_string()]).unwrap();
            return;
        }
        let Value::Object(fields) = document else { panic!("not a document") };
        let document: Document = fields.into_iter().map(|(k, it)| (k, as_motor(it))).collect();
        self.database().await.collection(collection).insert_one(document).await.unwrap();
    }

    /// A document as it lies there, to compare with another time's.
    pub(crate) async fn stored(&self, collection: &str, id: &str) -> Option<String> {
        if let Place::Folder(_) = self.place {
            let select = format!("SELECT doc FROM {collection} WHERE _id = ?");
            return self.sqlite().query_row(&select, [id], |row| row.get(0)).ok();
        }
        let documents = self.database().await.collection::<Document>(collection);
        let found = documents.find_one(doc! { "_id": id }).await.unwrap();
        found.map(|it| it.to_string())
    }

    fn sqlite(&self) -> rusqlite::Connection {
        let Place::Folder(folder) = &self.place else { panic!("not on SQLite") };
        let connection = rusqlite::Connection::open(folder.path().join("pacioli.db")).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        connection
    }
}

async fn connect(kind: Kind, place: &Place) -> Store {
    let opened = match place {
        Place::Folder(folder) => Store::open_sqlite(folder.path()).await,
        Place::Server { server, name } if kind == Kind::Mongo => {
            Store::open_mongo(&server.uri(), Some(name)).await
        }
        Place::Server { server, name } => {
            Store::open_mongo_with(&server.uri(), Some(name), Transactions::Off).await
        }
    };
    opened.unwrap()
}

fn as_motor(value: Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(it) => Bson::Boolean(it),
        Value::Number(it) => Bson::Int32(it.as_i64().unwrap().try_into().unwrap()),
        Value::String(text) => {
            let quoted = Value::String(text.clone());
            match serde_json::from_value::<Timestamp>(quoted) {
                Ok(moment) if text.ends_with('Z') => {
                    Bson::DateTime(DateTime::from_millis(moment.millis()))
                }
                _ => Bson::String(text),
            }
        }
        other => panic!("no such value in an account: {other}"),
    }
}
