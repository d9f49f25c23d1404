use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use pacioli_model::{AuditEvent, CompanyId, TableName, TableVersion, Timestamp};
use serde_json::Value;

use crate::{
    After, Duplicate, Page, StoreError, TenantStore,
    backend::{
        Backend, Collection, Filter, Query, Write,
        mongo::{Mongo, Transactions},
        sqlite::Sqlite,
    },
    document::{self, Document},
    observer::{Observer, Watch},
};

/// How often a change is tried anew when another one got in between.
pub(crate) const ATTEMPTS: u32 = 12;

/// Everything that is remembered, over all companies. One company's share of it is a
/// [`TenantStore`], from [`Store::tenant`]. Clones are cheap and share one set of connections.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    watch: Arc<Watch>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("kind", &self.kind()).finish()
    }
}

impl Store {
    /// Opens `pacioli.db` in an existing folder, making the database or bringing it up to date.
    pub async fn open_sqlite(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::over(Sqlite::open(folder).await?))
    }

    /// Connects to MongoDB and makes the indexes that are missing. Without a name the database is the
    /// one that the connection string names, else `pacioli`. Fails within a few seconds where no
    /// server answers. No error repeats the connection string.
    pub async fn open_mongo(uri: &str, database: Option<&str>) -> Result<Self, StoreError> {
        Self::open_mongo_with(uri, database, Transactions::Auto).await
    }

    /// As [`Store::open_mongo`], saying whether transactions are used.
    pub async fn open_mongo_with(
        uri: &str,
        database: Option<&str>,
        transactions: Transactions,
    ) -> Result<Self, StoreError> {
        Ok(Self::over(Mongo::open(uri, database, transactions).await?))
    }

    fn over(backend: impl Backend + 'static) -> Self {
        Self { backend: Arc::new(backend), watch: Arc::default() }
    }

    /// Tells `observer` of every find, count, batch and health check from now on.
    pub fn report_to(&self, observer: Observer) {
        self.watch.report_to(observer);
    }

    async fn watched<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let done = work.await;
        let is_answered = !matches!(done, Err(StoreError::Unavailable(_)));
        self.watch.tell(call, began.elapsed(), is_answered);
        done
    }

    /// The database's name, for people: `sqlite` or `mongodb`.
    pub fn kind(&self) -> &'static str {
        self.backend.kind()
    }

    /// Whether the database answers now; known within two seconds.
    pub async fn health(&self) -> Result<(), StoreError> {
        let patience = Duration::from_secs(2);
        let health = async {
            let health = tokio::time::timeout(patience, self.backend.health()).await;
            health.map_err(StoreError::unavailable)?
        };
        self.watched("health", health).await
    }

    /// Rolls back what a crashed server left half done, on databases without transactions; returns
    /// how many batches. To be called at start and every minute.
    pub async fn recover(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.backend.recover(now).await
    }

    /// Forgets expired sessions, jobs and idempotency keys, where the database does not do so itself;
    /// returns how many. To be called every few minutes.
    pub async fn purge_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.backend.purge(now).await
    }

    /// One company's share. Makes no request, so that it also answers for a company that is gone.
    pub fn tenant(&self, company: CompanyId) -> TenantStore {
        TenantStore::new(self.clone(), company)
    }

    /// Which version of every table of every company is current: what is not among these may be
    /// swept from the object store.
    pub async fn table_versions(
        &self,
    ) -> Result<Vec<(CompanyId, TableName, TableVersion)>, StoreError> {
        #[derive(serde::Deserialize)]
        struct Current {
            company_id: CompanyId,
            name: TableName,
            version: TableVersion,
        }
        let mut query = Query::new(Collection::Tables, Filter::everything());
        query.only = &["_id", "company_id", "name", "version"];
        self.find(query)
            .await?
            .into_iter()
            .map(|found| document::decode::<Current>(Collection::Tables, found))
            .map(|current| current.map(|it| (it.company_id, it.name, it.version)))
            .collect()
    }

    pub(crate) async fn find(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        self.watched("find", self.backend.find(query)).await
    }

    pub(crate) async fn find_one(
        &self,
        collection: Collection,
        filter: Filter,
    ) -> Result<Option<Document>, StoreError> {
        let found = self.find(Query::new(collection, filter).limit(1)).await?;
        Ok(found.into_iter().next())
    }

    pub(crate) async fn count(
        &self,
        collection: Collection,
        filter: Filter,
    ) -> Result<u64, StoreError> {
        self.watched("count", self.backend.count(collection, filter)).await
    }

    /// A page of at most `limit` documents, and where the next one starts.
    pub(crate) async fn page<T>(
        &self,
        query: Query,
        limit: u32,
        read: impl Fn(Document) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let limit = limit.max(1);
        let sort = query.sort;
        let mut found = self.find(query.limit(limit.saturating_add(1))).await?;
        let kept = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > kept;
        found.truncate(kept);
        let next = found.last().filter(|_| more).map(|last| After {
            key: sort.and_then(|sort| document::text(last, sort.field)).unwrap_or("").to_owned(),
            id: document::id_of(last).to_owned(),
        });
        let items = found.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, next, total: None })
    }

    pub(crate) async fn batch(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.watched("batch", self.backend.batch(writes)).await
    }

    /// As [`Store::batch`], but false where another change got in between: read anew and try again.
    pub(crate) async fn try_batch(&self, writes: Vec<Write>) -> Result<bool, StoreError> {
        match self.batch(writes).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict | StoreError::Duplicate(Duplicate::Id)) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

/// Waits a little before the next attempt, longer each time.
pub(crate) async fn back_off(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(1 << attempt.min(8))).await;
}

/// The write that adds an entry to the log of `company`.
pub(crate) fn logged(company: CompanyId, event: &AuditEvent) -> Result<Write, StoreError> {
    let mut entry = document::encode(event)?;
    entry.insert("company_id".to_owned(), Value::String(company.to_string()));
    Ok(Write::insert(Collection::Audit, entry))
}
