//! Documents in SQLite: one file, `pacioli.db`. All writes go through one connection, one batch a
//! transaction, on disk before the answer; reads go through a few others, which never wait for a
//! writer. Every statement runs off the async threads.

mod schema;
mod sql;

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pacioli_model::Timestamp;
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior,
    functions::FunctionFlags, params_from_iter,
};
use serde_json::Value;
use tokio::sync::Semaphore;

use self::sql::Sql;
use super::{Answer, Backend, Collection, Filter, Query, Write};
use crate::{
    StoreError,
    document::{self, Document},
};

/// Reads at one time; more wait.
const READERS: usize = 4;

/// How long a statement waits for another process, the CLI beside a running server.
const BUSY: Duration = Duration::from_secs(5);

pub(crate) struct Sqlite {
    writer: Arc<tokio::sync::Mutex<Connection>>,
    readers: Arc<Readers>,
}

/// Idle reading connections, and the permits to use one.
struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Sqlite {
    pub(crate) async fn open(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join("pacioli.db");
        let path = file.clone();
        let writer = blocking(move || open_writer(&path)).await?;
        let permits = Arc::new(Semaphore::new(READERS));
        Ok(Self {
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            readers: Arc::new(Readers { file, idle: Mutex::default(), permits }),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let permit = Arc::clone(&readers.permits).acquire_owned().await;
        let permit = permit.map_err(StoreError::unavailable)?;
        blocking(move || {
            let _permit = permit;
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => open_reader(&readers.file).map_err(StoreError::unavailable)?,
            };
            let answer = work(&connection).map_err(StoreError::unavailable)?;
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(answer)
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        blocking(move || {
            let transaction = writer
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(StoreError::unavailable)?;
            let answer = work(&transaction)?;
            transaction.commit().map_err(StoreError::unavailable)?;
            Ok(answer)
        })
        .await
    }
}

impl Backend for Sqlite {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn find(&self, query: Query) -> Answer<'_, Vec<Document>> {
        Box::pin(async move {
            let collection = query.collection;
            let texts = self
                .read(move |connection| {
                    let sql = Sql::select(&query);
                    let mut statement = connection.prepare_cached(&sql.text)?;
                    let rows =
                        statement.query_map(params_from_iter(sql.parameters), |row| row.get(0))?;
                    rows.collect::<rusqlite::Result<Vec<String>>>()
                })
                .await?;
            texts.iter().map(|text| parse(collection, text)).collect()
        })
    }

    fn count(&self, collection: Collection, filter: Filter) -> Answer<'_, u64> {
        Box::pin(self.read(move |connection| {
            let sql = Sql::count(collection.name(), &filter);
            let mut statement = connection.prepare_cached(&sql.text)?;
            let counted = statement.query_row(params_from_iter(sql.parameters), |row| row.get(0));
            counted.map(|count: i64| count.unsigned_abs())
        }))
    }

    fn batch(&self, writes: Vec<Write>) -> Answer<'_, ()> {
        Box::pin(async move {
            if writes.is_empty() {
                return Ok(());
            }
            self.write(move |transaction| writes.iter().try_for_each(|it| apply(transaction, it)))
                .await
        })
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))))
    }

    fn recover(&self, _now: Timestamp) -> Answer<'_, u64> {
        // SQLite rolls back by itself when the file is next opened.
        Box::pin(async { Ok(0) })
    }

    fn purge(&self, now: Timestamp) -> Answer<'_, u64> {
        Box::pin(self.write(move |transaction| {
            let mut purged = 0;
            for collection in Collection::EXPIRING {
                let text =
                    format!("DELETE FROM {} WHERE doc ->> '$.expires_at' < ?", collection.name());
                let gone = transaction.execute(&text, [now.to_string()]);
                purged += gone.map_err(StoreError::unavailable)? as u64;
            }
            Ok(purged)
        }))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let span = tracing::Span::current();
    let done = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    done.map_err(StoreError::unavailable)?
}

fn open_writer(file: &Path) -> Result<Connection, StoreError> {
    create(file).map_err(StoreError::unavailable)?;
    let mut connection = Connection::open(file).map_err(StoreError::unavailable)?;
    configure(&connection).map_err(StoreError::unavailable)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(StoreError::unavailable)?;
    // A commit is on disk before it is answered: an account made is an account kept.
    connection.pragma_update(None, "synchronous", "FULL").map_err(StoreError::unavailable)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Makes the file for the owner's eyes alone; SQLite gives its companions the same mode.
fn create(file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |context| {
        Ok(context.get::<Option<String>>(0)?.map(|text| sql::fold(&text)))
    })
}

fn apply(transaction: &Transaction<'_>, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Insert { collection, document } => insert(transaction, *collection, document),
        Write::Update { collection, id, guard, set, unset } => {
            let text = guarded(transaction, *collection, id, guard)?;
            let mut document = parse(*collection, &text)?;
            document.extend(set.clone());
            document.retain(|field, _| !unset.contains(&field.as_str()));
            let update = format!("UPDATE {} SET doc = ? WHERE _id = ?", collection.name());
            run(
                transaction,
                *collection,
                &update,
                [Value::Object(document).to_string(), id.clone()],
            )
        }
        Write::Delete { collection, id, guard } => {
            guarded(transaction, *collection, id, guard)?;
            let delete = format!("DELETE FROM {} WHERE _id = ?", collection.name());
            run(transaction, *collection, &delete, [id.clone()])
        }
    }
}

fn insert(
    transaction: &Transaction<'_>,
    collection: Collection,
    document: &Document,
) -> Result<(), StoreError> {
    let insert = format!("INSERT INTO {} (_id, doc) VALUES (?, ?)", collection.name());
    let text = Value::Object(document.clone()).to_string();
    run(transaction, collection, &insert, [document::id_of(document).to_owned(), text])
}

/// The document that meets the guard, as text.
fn guarded(
    transaction: &Transaction<'_>,
    collection: Collection,
    id: &str,
    guard: &Filter,
) -> Result<String, StoreError> {
    let sql = Sql::guarded(collection.name(), id, guard);
    let found = transaction
        .prepare_cached(&sql.text)
        .and_then(|mut it| {
            it.query_row(params_from_iter(sql.parameters), |row| row.get(0)).optional()
        })
        .map_err(StoreError::unavailable)?;
    found.ok_or(StoreError::Conflict)
}

fn run<const N: usize>(
    transaction: &Transaction<'_>,
    collection: Collection,
    sql: &str,
    parameters: [String; N],
) -> Result<(), StoreError> {
    let parameters = params_from_iter(parameters);
    let done = transaction.prepare_cached(sql).and_then(|mut it| it.execute(parameters));
    match done {
        Ok(_) => Ok(()),
        Err(rusqlite::Error::SqliteFailure(failure, message))
            if failure.code == rusqlite::ErrorCode::ConstraintViolation =>
        {
            Err(collection.duplicate(message.as_deref().unwrap_or_default()))
        }
        Err(other) => Err(StoreError::unavailable(other)),
    }
}

fn parse(collection: Collection, text: &str) -> Result<Document, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Corrupt {
        collection: collection.name(),
        id: String::new(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use pacioli_model::CompanyId;

    use super::*;
    use crate::{After, adoption};

    /// How SQLite goes about a query.
    fn plan(connection: &Connection, query: &Query) -> String {
        let sql = Sql::select(query);
        let explain = format!("EXPLAIN QUERY PLAN {}", sql.text);
        let mut statement = connection.prepare(&explain).unwrap();
        let steps =
            statement.query_map(params_from_iter(sql.parameters), |row| row.get(3)).unwrap();
        steps.collect::<rusqlite::Result<Vec<String>>>().unwrap().join("; ")
    }

    #[test]
    fn every_query_on_a_hot_path_has_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("pacioli.db")).unwrap();
        let text = |field| Filter::equals(field, "x");
        let company = text("company_id");
        let after = Some(After { key: "k".into(), id: "i".into() });
        let adopted = Filter::Missing("email_canonical").and(Filter::Any(vec![
            Filter::Spells("email", "x".into()),
            Filter::Spells("email", "y".into()),
        ]));
        let token = Filter::Any(vec![
            text("refresh_hash"),
            text("previous_hash"),
            Filter::Holds("spent_hashes", "x".into()),
        ]);
        let members = adoption::members(CompanyId(uuid::Uuid::nil()));
        for (query, sorts_itself) in [
            (Query::new(Collection::Users, text("email_canonical")), true),
            (Query::new(Collection::Users, adopted), true),
            (Query::new(Collection::Users, members.clone().and(Filter::id("x"))), true),
            (Query::new(Collection::Users, members).sorted("created_at", false), false),
            (Query::new(Collection::Sessions, company.clone().and(Filter::id("x"))), true),
            (Query::new(Collection::Sessions, token), true),
            (Query::new(Collection::Sessions, company.clone().and(text("user_id"))), true),
            (Query::new(Collection::Audit, company.clone()).sorted("at", true).after(after), true),
            (Query::new(Collection::Tables, company.clone()).sorted("name", false), true),
            (
                Query::new(Collection::SemanticsVersions, company.clone())
                    .sorted("replaced_at", true),
                true,
            ),
            (
                Query::new(Collection::Connections, company.clone()).sorted("created_at", false),
                true,
            ),
            (Query::new(Collection::Connections, Filter::Below("next_run_at", "x".into())), true),
            (Query::new(Collection::Connections, Filter::Below("lease_until", "x".into())), true),
            (
                Query::new(Collection::Runs, company.clone().and(text("connection_id")))
                    .sorted("started_at", true),
                true,
            ),
            (Query::new(Collection::Jobs, company.clone()).sorted("created_at", true), true),
            (
                Query::new(Collection::Questions, company.clone().and(text("user_id")))
                    .sorted("asked_at", true),
                true,
            ),
            (
                Query::new(Collection::Reports, company.and(text("user_id")))
                    .sorted("created_at", true),
                true,
            ),
        ] {
            let plan = plan(&connection, &query);
            assert!(!plan.contains("SCAN"), "{query:?}: {plan}");
            assert!(!sorts_itself || !plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
        }
    }

    #[test]
    fn a_database_of_a_later_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pacioli.db");
        let connection = open_writer(&file).unwrap();
        drop(open_writer(&file).unwrap());
        connection.pragma_update(None, "user_version", 1_000).unwrap();
        let refused = open_writer(&file).unwrap_err();
        assert!(format!("{refused:?}").contains("version 1000"), "{refused:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_of_the_files_reads_them() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let _open = open_writer(&folder.path().join("pacioli.db")).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
        }
    }
}
