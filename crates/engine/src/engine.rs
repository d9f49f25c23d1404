//! The door: a question in, an answer or a reason out, whatever happens to the process that computes
//! it.

use std::{ffi::OsString, path::PathBuf, sync::Arc, time::Duration};

use pacioli_model::{Ask, Table, TableName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    EngineError, EngineStats, Scope, TableFiles,
    compile::{Compiled, compile},
    counts::Counts,
    files::{Location, storage},
    pool::Pool,
    protocol::Request,
    query::{Budget, Job, Rows, Task, execute},
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
    /// Threads of one query.
    pub threads: usize,
    /// What the sorts and groups of one query may hold in memory. The worker's address space is
    /// limited to twice as much and a gibibyte.
    pub memory_bytes: u64,
    /// What one query may put aside on disk.
    pub spill_bytes: u64,
    /// A query that runs longer is killed.
    pub deadline: Duration,
    /// Rows of an answer.
    pub row_limit: u64,
    /// Queries that may wait for a worker; more are refused at once.
    pub queue: usize,
    /// How long one may wait.
    pub queue_wait: Duration,
    /// A worker with nothing to do for about this long is ended.
    pub idle: Duration,
}

/// Rows, and the SQL that says what was computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The rows.
    pub table: Table,
    /// What was run, for people to read.
    pub sql: String,
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
    permits: Arc<Semaphore>,
    counts: Counts,
}

impl Engine {
    /// Makes the engine; no worker starts before the first query.
    pub fn start(files: &TableFiles, options: EngineOptions) -> Result<Self, EngineError> {
        let pool = Pool::new(options.clone()).map_err(storage("prepare the scratch folder"))?;
        let permits = Arc::new(Semaphore::new(options.workers));
        let (location, pool) = (files.location().clone(), Arc::new(pool));
        let counts = Counts::default();
        Ok(Self { shared: Arc::new(Shared { location, options, pool, permits, counts }) })
    }

    /// Answers `ask`. Dropping the future ends its worker.
    pub async fn run(&self, scope: &Scope<'_>, ask: &Ask) -> Result<Answer, EngineError> {
        let compiled = compiled(scope, ask, self.shared.options.row_limit)?;
        let rows = self.submit(asked(scope, &compiled)?).await?;
        answer(compiled, &rows)
    }

    /// The rows of one SELECT that a person wrote, over the tables of the scope alone.
    pub async fn sql(&self, scope: &Scope<'_>, sql: &str) -> Result<Answer, EngineError> {
        let tables = scope.mentioned(sql);
        let access = scope.access_to(&tables);
        let task = Task::Sql(sql.to_owned());
        let rows = self.submit(Job { company: scope.company, tables, access, task }).await?;
        let table = table(&rows.schema, &rows.batches, rows.truncated, &[])?;
        Ok(Answer { table, sql: sql.to_owned() })
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
        self.shared.counts.read(self.shared.pool.idle_workers())
    }

    /// Refuses new queries, waits for those that run, and ends the workers. Whoever cannot wait drops
    /// the future, and the process's end is then the workers' too.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        let every = u32::try_from(shared.options.workers).unwrap_or(u32::MAX);
        let all = shared.permits.acquire_many(every).await;
        shared.permits.close();
        shared.pool.close();
        drop(all);
    }

    async fn submit(&self, job: Job) -> Result<Rows, EngineError> {
        let shared = &self.shared;
        let permit = shared.permit().await.inspect_err(|_| shared.counts.refuse())?;
        let running = shared.counts.start();
        let after = shared.options.deadline;
        let result = match tokio::time::timeout(after, shared.exchange(job)).await {
            Ok(result) => result,
            Err(_) => Err(EngineError::TimedOut { after }),
        };
        running.end(&result);
        drop(permit);
        result
    }
}

impl Shared {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        let busy = || EngineError::Busy { retry_after: RETRY_AFTER };
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.counts.wait(self.options.queue).ok_or_else(busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.options.queue_wait, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// One request and its reply. Dropped in between, it drops the worker, which kills it.
    async fn exchange(&self, job: Job) -> Result<Rows, EngineError> {
        let options = &self.options;
        let budget = Budget {
            threads: options.threads,
            memory_bytes: usize::try_from(options.memory_bytes).unwrap_or(usize::MAX),
            spill_bytes: options.spill_bytes,
            row_limit: options.row_limit,
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
    let task = Task::Sql(compiled.sql.clone());
    Ok(Job { company: scope.company, tables, access, task })
}

fn answer(compiled: Compiled, rows: &Rows) -> Result<Answer, EngineError> {
    let table = table(&rows.schema, &rows.batches, rows.truncated, &compiled.whole)?;
    Ok(Answer { table, sql: compiled.sql })
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
        spill_bytes: u64::MAX,
        row_limit,
    };
    let rows = execute(files, &asked(scope, &compiled)?, &budget, None).await?;
    answer(compiled, &rows)
}

/// Beyond this, sorts and groups go to the temporary folder.
const IN_PROCESS_BYTES: usize = 1 << 30;
