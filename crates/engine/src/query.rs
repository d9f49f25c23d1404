//! One query from its text to its rows.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    error::DataFusionError,
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::{ExecutionPlan, execute_stream},
    prelude::SessionContext,
};
use futures_util::TryStreamExt;
use pacioli_model::{Access, CompanyId, TableEntry, TableName};
use serde::{Deserialize, Serialize};

use crate::{
    EngineError, TableFiles,
    policy::restricted,
    session::{open, session},
};

/// Arrow bytes of one answer.
const MOST_ANSWER_BYTES: usize = 64 << 20;

/// What is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// The rows of one SELECT.
    Sql(String),
    /// The first rows of a table.
    Sample {
        /// Which.
        table: TableName,
        /// At most.
        rows: u64,
    },
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
    pub(crate) spill_bytes: u64,
    /// Rows of the answer.
    pub(crate) row_limit: u64,
}

/// The rows of an answer.
#[derive(Debug)]
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
    let session = session(files, budget, scratch)?;
    // One row more than is wanted tells whether there were more.
    let one_more = usize::try_from(budget.row_limit).unwrap_or(usize::MAX - 1) + 1;
    let (plan, fetch) = match &job.task {
        Task::Sql(sql) => (planned(&session, files, job, sql).await?, one_more),
        Task::Sample { table, rows } => {
            register(&session, files, job, table).await?;
            let plan = session.table(table.as_str()).await?.into_unoptimized_plan();
            (plan, one_more.min(usize::try_from(*rows).unwrap_or(usize::MAX)))
        }
    };
    let plan = LogicalPlanBuilder::from(plan).limit(0, Some(fetch)).and_then(|plan| plan.build());
    collect(&session, &plan?, budget.row_limit).await
}

async fn planned(
    session: &SessionContext,
    files: &TableFiles,
    job: &Job,
    sql: &str,
) -> Result<LogicalPlan, EngineError> {
    let state = session.state();
    let dialect = state.config_options().sql_parser.dialect;
    let statement = state.sql_to_statement(sql, &dialect)?;
    for reference in state.resolve_table_references(&statement)? {
        if let Ok(table) = TableName::parse(reference.table()) {
            register(session, files, job, &table).await?;
        }
    }
    Ok(session.state().statement_to_plan(statement).await?)
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
    let mut table = open(files, job.company, entry).await?;
    if let Some(access) = job.access.table(name) {
        table = restricted(table, entry, access)?;
    }
    session.register_table(name.as_str(), table)?;
    Ok(())
}

async fn collect(
    session: &SessionContext,
    plan: &LogicalPlan,
    row_limit: u64,
) -> Result<Rows, EngineError> {
    let plan = session.state().create_physical_plan(plan).await?;
    let schema = plain_schema(&plan);
    let mut stream = execute_stream(plan, session.task_ctx())?;
    let mut rows = Rows { schema, batches: Vec::new(), truncated: false };
    let (mut left, mut bytes) = (usize::try_from(row_limit).unwrap_or(usize::MAX), 0);
    while let Some(batch) = stream.try_next().await? {
        let kept = batch.slice(0, batch.num_rows().min(left));
        rows.truncated |= kept.num_rows() < batch.num_rows();
        left -= kept.num_rows();
        let kept = plain(&rows.schema, &kept)?;
        bytes += kept.get_array_memory_size();
        if bytes > MOST_ANSWER_BYTES {
            return Err(EngineError::TooLarge {
                detail: "The answer is too large. Ask for fewer rows or shorter texts.".to_owned(),
            });
        }
        rows.batches.push(kept);
    }
    Ok(rows)
}

/// The plan's columns with texts as plain strings: views would carry along all that they were cut of.
fn plain_schema(plan: &Arc<dyn ExecutionPlan>) -> SchemaRef {
    let fields = plan
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let data_type = match field.data_type() {
                DataType::Utf8View => DataType::Utf8,
                other => other.clone(),
            };
            Field::new(field.name(), data_type, true)
        })
        .collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

fn plain(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, EngineError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Result<Vec<ArrayRef>, _> =
        columns.map(|(column, field)| cast(column, field.data_type())).collect();
    let batch = columns.and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns));
    batch.map_err(|error| DataFusionError::from(error).into())
}
