//! One query from its question to its rows: a session of its own that knows one table and nothing
//! else, no file system, no catalog of other tables, no functions by name.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    catalog::TableProvider,
    datasource::{
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
        provider_as_source,
    },
    error::DataFusionError,
    execution::{
        SessionStateBuilder,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::{ExecutionPlan, execute_stream},
    prelude::{SessionConfig, SessionContext},
};
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;
use pacioli_model::{Ask, CompanyId, TableEntry};
use serde::{Deserialize, Serialize};

use crate::{
    EngineError, TableFiles, compile,
    files::{part, storage},
    schema,
};

/// The store's address inside a session; it leads nowhere else.
const STORE: &str = "pacioli://tables/";
/// Arrow bytes of one answer.
const MOST_ANSWER_BYTES: usize = 64 << 20;

/// What is wanted of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// An answer.
    Ask(Ask),
    /// Its first rows.
    Sample {
        /// At most.
        rows: u64,
    },
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

/// Runs `task` over `table` here, in this process; `scratch` is where it puts things aside, the
/// system's temporary folder when empty.
pub(crate) async fn execute(
    files: &TableFiles,
    company: CompanyId,
    table: &TableEntry,
    task: &Task,
    budget: &Budget,
    scratch: Option<&Path>,
) -> Result<Rows, EngineError> {
    let session = session(files, budget, scratch)?;
    let source = provider_as_source(open(files, company, table).await?);
    // One row more than is wanted tells whether there were more.
    let one_more = usize::try_from(budget.row_limit).unwrap_or(usize::MAX - 1) + 1;
    let plan = match task {
        Task::Ask(ask) => {
            let bound = compile::bind(table, ask)?;
            let fetch = bound.limit.map_or(one_more, |limit| one_more.min(limit as usize));
            compile::plan(&bound, source, fetch)
        }
        Task::Sample { rows } => {
            let fetch = one_more.min(usize::try_from(*rows).unwrap_or(usize::MAX));
            LogicalPlanBuilder::scan(table.name.as_str(), source, None)
                .and_then(|plan| plan.limit(0, Some(fetch))?.build())
        }
    };
    collect(&session, &plan?, budget.row_limit).await
}

fn session(
    files: &TableFiles,
    budget: &Budget,
    scratch: Option<&Path>,
) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new()
        .with_information_schema(false)
        .with_target_partitions(budget.threads)
        .set_bool("datafusion.execution.collect_statistics", false);
    let runtime = runtime(files, budget, scratch)?;
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime);
    Ok(SessionContext::new_with_state(state.build()))
}

fn runtime(
    files: &TableFiles,
    budget: &Budget,
    scratch: Option<&Path>,
) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let disk = match scratch {
        Some(folder) => DiskManagerMode::Directories(vec![folder.to_owned()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    let disk = DiskManagerBuilder::default()
        .with_mode(disk)
        .with_max_temp_directory_size(budget.spill_bytes);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(budget.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()?;
    runtime.register_object_store(ListingTableUrl::parse(STORE)?.as_ref(), files.store().clone());
    Ok(runtime)
}

/// The table as exactly its own file: an absent one is an error here, where a listing would find no
/// rows in it.
async fn open(
    files: &TableFiles,
    company: CompanyId,
    table: &TableEntry,
) -> Result<Arc<dyn TableProvider>, EngineError> {
    let path = part(company, &table.name, table.version);
    match files.store().head(&path).await {
        Ok(_) => {}
        Err(object_store::Error::NotFound { .. }) => return Err(EngineError::Missing),
        Err(error) => return Err(storage("open a table's file")(error)),
    }
    let url = ListingTableUrl::parse(format!("{STORE}{path}"))?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    let config = ListingTableConfig::new(url)
        .with_listing_options(options.with_file_extension(".parquet"))
        .with_schema(schema::scanned(table));
    Ok(Arc::new(ListingTable::try_new(config)?))
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

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::TooLarge {
                detail: "The question needs more memory than it is given. Filter rows, or group by less."
                    .to_owned(),
            },
            DataFusionError::ObjectStore(cause)
                if matches!(**cause, object_store::Error::NotFound { .. }) =>
            {
                Self::Missing
            }
            _ => Self::Failed { detail: error.strip_backtrace() },
        }
    }
}
