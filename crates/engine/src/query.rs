//! One query from its text to its rows.

use std::{path::Path, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::DataFusionError,
    execution::SessionState,
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::{ExecutionPlan, execute_stream},
    prelude::SessionContext,
};
use futures_util::TryStreamExt;
use pacioli_model::{Access, CompanyId, TableEntry, TableName};
use serde::{Deserialize, Serialize};

use crate::{
    Cluster, EngineError, TableFiles, guard,
    policy::restricted,
    session::{open, session},
    shape,
    stored::check_files,
};

/// Arrow bytes of one answer.
const MOST_ANSWER_BYTES: usize = 64 << 20;

/// What is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// The rows of one SELECT.
    Sql {
        /// The statement.
        sql: String,
        /// Who wrote it.
        author: Author,
    },
    /// The first rows of a table.
    Sample {
        /// Which.
        table: TableName,
        /// At most.
        rows: u64,
    },
}

/// Who wrote a statement, and so who mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Author {
    /// This room, from an Ask.
    Compiler,
    /// Whoever asks.
    Person,
}

/// A task, and all that it may read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) company: CompanyId,
    pub(crate) tables: Vec<TableEntry>,
    pub(crate) access: Access,
    pub(crate) task: Task,
}

/// What a query may use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Budget {
    pub(crate) threads: usize,
    pub(crate) memory_bytes: usize,
    /// Of columns that are kept from one query to the next.
    pub(crate) column_bytes: usize,
    pub(crate) spill_bytes: u64,
    /// Rows of the answer.
    pub(crate) row_limit: u64,
    /// Where the plan is run instead of here.
    #[serde(default)]
    pub(crate) cluster: Option<Cluster>,
}

/// The rows of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) truncated: bool,
}

/// Runs `job` here, in this process; `scratch` is where it puts things aside, the system's temporary
/// folder when empty.
pub(crate) async fn execute(
    files: &TableFiles,
    job: &Job,
    budget: &Budget,
    scratch: Option<&Path>,
) -> Result<Rows, EngineError> {
    let cluster = match job.task {
        Task::Sql { .. } => budget.cluster.as_ref(),
        // In the order they were loaded, which tasks would not keep.
        Task::Sample { .. } => None,
    };
    let session = session(files, budget, cluster, scratch)?;
    // One row more than is wanted tells whether there were more.
    let one_more = usize::try_from(budget.row_limit).unwrap_or(usize::MAX - 1) + 1;
    let (plan, fetch) = match &job.task {
        Task::Sql { sql, author } => {
            let ran = run_sql(&session, files, job, sql, one_more, budget).await;
            return ran.map_err(|error| error.of(*author));
        }
        Task::Sample { table, rows } => {
            register(&session, files, job, table).await?;
            let plan = session.table(table.as_str()).await?.into_unoptimized_plan();
            (plan, one_more.min(usize::try_from(*rows).unwrap_or(usize::MAX)))
        }
    };
    let plan =
        LogicalPlanBuilder::from(plan).limit(0, Some(fetch)).and_then(LogicalPlanBuilder::build);
    Ok(collect(&session, job, &plan?, budget.row_limit, None).await?)
}

/// Reads the statement, past the guard's gates, and runs it.
async fn run_sql(
    session: &SessionContext,
    files: &TableFiles,
    job: &Job,
    sql: &str,
    fetch: usize,
    budget: &Budget,
) -> Result<Rows, Stopped> {
    let state = session.state();
    let statement = guard::statement::read(&state, sql, &job.tables)?;
    for reference in state.resolve_table_references(&statement)? {
        if let Ok(table) = TableName::parse(reference.table()) {
            register(session, files, job, &table).await?;
        }
    }
    let plan = session.state().statement_to_plan(statement).await?;
    guard::plan::check(&plan, &job.tables)?;
    let plan = LogicalPlanBuilder::from(plan).limit(0, Some(fetch))?.build()?;
    collect(session, job, &plan, budget.row_limit, budget.cluster.as_ref()).await
}

/// Why a statement ended early: by our own decision, or by the query engine's.
pub(crate) enum Stopped {
    Ours(EngineError),
    Theirs(DataFusionError),
}

impl From<EngineError> for Stopped {
    fn from(error: EngineError) -> Self {
        Self::Ours(error)
    }
}

impl From<DataFusionError> for Stopped {
    fn from(error: DataFusionError) -> Self {
        Self::Theirs(error)
    }
}

impl From<Stopped> for EngineError {
    fn from(stopped: Stopped) -> Self {
        stopped.of(Author::Compiler)
    }
}

impl Stopped {
    /// What a statement of a person's does not fit is theirs to mend.
    pub(crate) fn of(self, author: Author) -> EngineError {
        match (self, author) {
            (Self::Ours(error), _) => error,
            (Self::Theirs(error), Author::Compiler) => error.into(),
            (Self::Theirs(error), Author::Person) => EngineError::of_statement(&error),
        }
    }
}

/// Puts a table of the job's into the session, as far as it is seen. One that the job has not is left
/// out, and so does not exist.
async fn register(
    session: &SessionContext,
    files: &TableFiles,
    job: &Job,
    name: &TableName,
) -> Result<(), EngineError> {
    let Some(entry) = job.tables.iter().find(|entry| &entry.name == name) else { return Ok(()) };
    let mut table = open(session, files, job.company, entry).await?;
    if let Some(access) = job.access.table(name) {
        table = restricted(table, entry, access)?;
    }
    session.register_table(name.as_str(), table)?;
    Ok(())
}

/// Runs the plan, here or on the cluster, if every gate lets it through.
async fn collect(
    session: &SessionContext,
    job: &Job,
    plan: &LogicalPlan,
    row_limit: u64,
    cluster: Option<&Cluster>,
) -> Result<Rows, Stopped> {
    let state = session.state();
    let plan = state.optimize(plan)?;
    let small = match &job.task {
        Task::Sql { author: Author::Person, .. } => guard::joins::check(&plan, &job.tables)?,
        // What is compiled joins groups, whose number is not known beforehand, and never rows.
        Task::Sql { author: Author::Compiler, .. } | Task::Sample { .. } => usize::MAX,
    };
    let plan = physical(&state, &plan).await?;
    guard::joins::check_physical(&plan, small)?;
    let reads = check_files(&plan, job.company)?;
    let taken = Taken::new(shape::schema(&plan.schema())?, row_limit);
    // Without a file to read there is nothing to share out.
    match cluster.filter(|_| reads > 0) {
        Some(cluster) => cluster.run(session, plan, job.company, taken).await,
        None => run_here(session, plan, taken).await,
    }
}

/// With what is known of columns' ranges; without, where DataFusion cannot estimate a filter over them, which must
/// not fail a query: some of its versions found more rows kept than there are.
async fn physical(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let planned = state.query_planner().create_physical_plan(plan, state).await;
    if planned.is_ok() {
        return planned;
    }
    let mut state = state.clone();
    state.config_mut().options_mut().execution.collect_statistics = false;
    state.query_planner().create_physical_plan(plan, &state).await
}

pub(crate) async fn run_here(
    session: &SessionContext,
    plan: Arc<dyn ExecutionPlan>,
    mut taken: Taken,
) -> Result<Rows, Stopped> {
    let mut stream = execute_stream(plan, session.task_ctx())?;
    while let Some(batch) = stream.try_next().await? {
        taken.add(&batch)?;
    }
    Ok(taken.rows)
}

/// The rows of an answer so far, never more than it may have.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) rows: Rows,
    left: usize,
    bytes: usize,
}

impl Taken {
    fn new(schema: SchemaRef, row_limit: u64) -> Self {
        let rows = Rows { schema, batches: Vec::new(), truncated: false };
        Self { rows, left: usize::try_from(row_limit).unwrap_or(usize::MAX), bytes: 0 }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), Stopped> {
        let kept = batch.slice(0, batch.num_rows().min(self.left));
        self.rows.truncated |= kept.num_rows() < batch.num_rows();
        self.left -= kept.num_rows();
        let kept = shape::batch(&self.rows.schema, &kept)?;
        self.bytes += kept.get_array_memory_size();
        if self.bytes > MOST_ANSWER_BYTES {
            let detail = "The answer is too large. Ask for fewer rows or shorter texts.".to_owned();
            return Err(EngineError::TooLarge { detail }.into());
        }
        self.rows.batches.push(kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use datafusion::{
        arrow::datatypes::Schema,
        catalog::{Session, TableProvider},
        datasource::{TableType, empty::EmptyTable},
        logical_expr::Expr,
    };

    use super::*;

    /// A table that can be planned over without ranges alone.
    #[derive(Debug)]
    struct Inestimable;

    #[async_trait]
    impl TableProvider for Inestimable {
        fn schema(&self) -> SchemaRef {
            Arc::new(Schema::empty())
        }

        fn table_type(&self) -> TableType {
            TableType::Base
        }

        async fn scan(
            &self,
            state: &dyn Session,
            projection: Option<&Vec<usize>>,
            filters: &[Expr],
            limit: Option<usize>,
        ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
            if state.config_options().execution.collect_statistics {
                return Err(DataFusionError::Internal("more rows than there are".to_owned()));
            }
            EmptyTable::new(self.schema()).scan(state, projection, filters, limit).await
        }
    }

    #[tokio::test]
    async fn what_cannot_be_estimated_is_planned_all_the_same() {
        let context = SessionContext::new();
        context.register_table("t", Arc::new(Inestimable)).expect("registered");
        let state = context.state();
        let plan = state.create_logical_plan("SELECT count(*) FROM t").await.expect("a plan");
        let plan = state.optimize(&plan).expect("optimised");
        physical(&state, &plan).await.expect("planned");
    }
}
