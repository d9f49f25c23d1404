//! The door: a question in, an answer or a reason out, whatever happens to the process that computes
//! it.

use std::{ffi::OsString, path::PathBuf, sync::Arc, time::Duration};

use pacioli_model::{Ask, CompanyId, QueryId, Table, TableName};

use crate::{
    Cluster, EngineError, EngineStats, Scope, SharedAnswers, TableFiles,
    compile::{Compiled, compile},
    counts::Counts,
    files::storage,
    kept::{Kept, Key},
    location::Location,
    named::Named,
    pool::Pool,
    protocol::Request,
    query::{Author, Budget, Job, Rows, Task, execute},
    queue::{Entered, Place, Queue, QueueLimits},
    table::table,
};

/// When a refused query is worth asking again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How queries are run.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The program that runs as a worker: this server's own.
    pub worker: PathBuf,
    /// Its arguments: `engine-worker`.
    pub worker_args: Vec<OsString>,
    /// A folder of this engine's own, for what queries put aside on disk; what killed servers left
    /// in it is removed at start.
    pub scratch: PathBuf,
    /// Queries that run at once.
    pub workers: usize,
    /// Of one company.
    pub workers_per_company: usize,
    /// Threads of one query.
    pub threads: usize,
    /// What the sorts and groups of one query may hold in memory. The worker's address space is
    /// limited to twice as much, a gibibyte and [`Self::column_bytes`].
    pub memory_bytes: u64,
    /// What each worker may keep of columns that are asked for often, from one query to the next; 0 for none.
    pub column_bytes: u64,
    /// What one query may put aside on disk.
    pub spill_bytes: u64,
    /// A query that runs longer is killed.
    pub deadline: Duration,
    /// Rows of an answer.
    pub row_limit: u64,
    /// Queries that may wait for a worker; more are refused at once. Companies take turns.
    pub queue: usize,
    /// Of one company.
    pub queue_per_company: usize,
    /// How long one may wait.
    pub queue_wait: Duration,
    /// A worker with nothing to do for about this long is ended.
    pub idle: Duration,
    /// Where plans are run instead of in the workers that make them.
    pub cluster: Option<Cluster>,
    /// Bytes of answers that are kept for who asks the same again; 0 for none.
    pub cache_bytes: u64,
}

/// Rows, and the SQL that says what was computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The rows.
    pub table: Table,
    /// What was run, for people to read.
    pub sql: String,
    /// What people should know of it, in sentences.
    pub notes: Vec<String>,
}

/// Runs Asks in worker processes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    location: Location,
    options: EngineOptions,
    pool: Arc<Pool>,
    queue: Arc<Queue>,
    named: Named,
    kept: Kept,
    counts: Counts,
}

impl Engine {
    /// Makes the engine; no worker starts before the first query.
    pub fn start(files: &TableFiles, options: EngineOptions) -> Result<Self, EngineError> {
        Self::start_sharing(files, options, None)
    }

    /// As [`Engine::start`], with a place where other servers keep answers too.
    pub fn start_sharing(
        files: &TableFiles,
        options: EngineOptions,
        shared: Option<Arc<dyn SharedAnswers>>,
    ) -> Result<Self, EngineError> {
        let pool = Pool::new(options.clone()).map_err(storage("prepare the scratch folder"))?;
        let queue = Queue::new(QueueLimits {
            places: options.workers,
            places_per_company: options.workers_per_company,
            waiting: options.queue,
            waiting_per_company: options.queue_per_company,
        });
        let shared = Shared {
            location: files.location().clone(),
            pool: Arc::new(pool),
            queue,
            named: Named::default(),
            kept: Kept::new(options.cache_bytes, shared),
            counts: Counts::default(),
            options,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Answers `ask`. Dropping the future ends its worker.
    pub async fn run(&self, scope: &Scope<'_>, ask: &Ask) -> Result<Answer, EngineError> {
        let compiled = compiled(scope, ask, self.shared.options.row_limit)?;
        let job = asked(scope, &compiled)?;
        self.answer(job, compiled).await
    }

    /// The rows of one SELECT that a person wrote, over the tables of the scope alone.
    pub async fn sql(&self, scope: &Scope<'_>, sql: &str) -> Result<Answer, EngineError> {
        let tables = scope.mentioned(sql);
        let access = scope.access_to(&tables);
        let task = Task::Sql { sql: sql.to_owned(), author: Author::Person };
        let job = Job { company: scope.company, tables, access, task };
        let sql = sql.to_owned();
        let written = Compiled { sql, tables: Vec::new(), whole: Vec::new(), notes: Vec::new() };
        self.answer(job, written).await
    }

    /// Runs a query under a name that [`Engine::cancel`] knows it by.
    pub async fn named<T>(
        &self,
        company: CompanyId,
        id: QueryId,
        query: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        self.shared.named.run(company, id, query).await
    }

    /// Ends the company's query of this name, its worker with it; whether there was one. Its asker
    /// gets [`EngineError::Cancelled`].
    pub fn cancel(&self, company: CompanyId, id: QueryId) -> bool {
        self.shared.named.end(company, id)
    }

    /// The first rows of a table, at most `rows`, in the order they were loaded.
    pub async fn sample(
        &self,
        scope: &Scope<'_>,
        name: &TableName,
        rows: u32,
    ) -> Result<Table, EngineError> {
        let tables = scope.entries(std::slice::from_ref(name))?;
        let access = scope.access_to(&tables);
        let task = Task::Sample { table: name.clone(), rows: rows.into() };
        let rows = self.submit(Job { company: scope.company, tables, access, task }).await?;
        table(&rows.schema, &rows.batches, rows.truncated, &[])
    }

    /// What has been counted.
    pub fn stats(&self) -> EngineStats {
        let (shared, kept) = (&self.shared, self.shared.kept.stats());
        let mut stats = shared.counts.read(shared.pool.idle_workers());
        (stats.cache_hits, stats.cache_misses) = (kept.hits, kept.misses);
        stats.cache_bytes = kept.bytes;
        stats
    }

    /// Refuses new queries, waits for those that run, and ends the workers. Whoever cannot wait drops
    /// the future, and the process's end is then the workers' too.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        shared.queue.close().await;
        shared.pool.close();
    }

    /// The kept answer to the job, or a new one.
    async fn answer(&self, job: Job, compiled: Compiled) -> Result<Answer, EngineError> {
        let key = Key::of(&job);
        // Boxed, for it is large, and every caller's future would be as large.
        let query = Box::pin(async { answer(compiled, &self.submit(job).await?) });
        let found = self.shared.kept.answer(key, query).await?;
        Ok(Arc::unwrap_or_clone(found))
    }

    async fn submit(&self, job: Job) -> Result<Rows, EngineError> {
        let shared = &self.shared;
        let place = shared.place(job.company).await.inspect_err(|_| shared.counts.refuse())?;
        let running = shared.counts.start();
        let after = shared.options.deadline;
        let result = match tokio::time::timeout(after, shared.exchange(job)).await {
            Ok(result) => result,
            Err(_) => Err(EngineError::TimedOut { after }),
        };
        running.end(&result);
        drop(place);
        result
    }
}

impl Shared {
    async fn place(&self, company: CompanyId) -> Result<Place, EngineError> {
        let busy = || EngineError::Busy { retry_after: RETRY_AFTER };
        let ticket = match self.queue.enter(company) {
            Ok(Entered::Place(place)) => return Ok(place),
            Ok(Entered::Ticket(ticket)) => ticket,
            Err(_) => return Err(busy()),
        };
        let _waiting = self.counts.wait();
        match tokio::time::timeout(self.options.queue_wait, ticket.turn()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// One request and its reply. Dropped in between, it drops the worker, which kills it.
    async fn exchange(&self, job: Job) -> Result<Rows, EngineError> {
        let options = &self.options;
        let budget = Budget {
            threads: options.threads,
            memory_bytes: usize::try_from(options.memory_bytes).unwrap_or(usize::MAX),
            // Plans for a cluster read files there.
            column_bytes: match options.cluster {
                Some(_) => 0,
                None => usize::try_from(options.column_bytes).unwrap_or(usize::MAX),
            },
            spill_bytes: options.spill_bytes,
            row_limit: options.row_limit,
            cluster: options.cluster.clone(),
        };
        let request = Request { location: self.location.clone(), job, budget };
        let request = serde_json::to_vec(&request)
            .map_err(|error| EngineError::Failed { detail: format!("a request: {error}") })?;
        let mut worker = self.pool.send(&request, &self.counts).await?;
        let result = worker.receive().await;
        if !matches!(result, Err(EngineError::WorkerDied { .. } | EngineError::Failed { .. })) {
            self.pool.give_back(worker);
        }
        result
    }
}

fn compiled(scope: &Scope<'_>, ask: &Ask, row_limit: u64) -> Result<Compiled, EngineError> {
    match ask.limit {
        Some(limit) if u64::from(limit) > row_limit => Err(EngineError::Invalid {
            detail: format!("An answer has at most {row_limit} rows, not {limit}."),
        }),
        _ => compile(&scope.visible(), ask),
    }
}

fn asked(scope: &Scope<'_>, compiled: &Compiled) -> Result<Job, EngineError> {
    let tables = scope.entries(&compiled.tables)?;
    let access = scope.access_to(&tables);
    let task = Task::Sql { sql: compiled.sql.clone(), author: Author::Compiler };
    Ok(Job { company: scope.company, tables, access, task })
}

fn answer(compiled: Compiled, rows: &Rows) -> Result<Answer, EngineError> {
    let table = table(&rows.schema, &rows.batches, rows.truncated, &compiled.whole)?;
    Ok(Answer { table, sql: compiled.sql, notes: compiled.notes })
}

/// Answers `ask` in this process, with no deadline and no wall around it: for a person's own files at
/// a person's own terminal.
pub async fn run_in_process(
    files: &TableFiles,
    scope: &Scope<'_>,
    ask: &Ask,
    row_limit: u64,
) -> Result<Answer, EngineError> {
    let compiled = compiled(scope, ask, row_limit)?;
    let budget = Budget {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: IN_PROCESS_BYTES,
        column_bytes: 0,
        spill_bytes: u64::MAX,
        row_limit,
        cluster: None,
    };
    let rows = execute(files, &asked(scope, &compiled)?, &budget, None).await?;
    answer(compiled, &rows)
}

/// Beyond this, sorts and groups go to the temporary folder.
const IN_PROCESS_BYTES: usize = 1 << 30;
