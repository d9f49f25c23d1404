//! The world that one query sees: the tables it was given, the functions that are allowed, and
//! nothing else, no file system and no catalog of other tables.

use std::{path::Path, sync::Arc};

use arrow::datatypes::DataType;
use datafusion::{
    catalog::TableProvider,
    error::DataFusionError,
    execution::{
        SessionStateBuilder, SessionStateDefaults,
        cache::cache_manager::CacheManagerConfig,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        object_store::ObjectStoreUrl,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    optimizer::Analyzer,
    prelude::{SessionConfig, SessionContext},
};
use pacioli_model::{CompanyId, TableEntry};

use crate::{
    Cluster, EngineError, TableFiles,
    files::{FOOTER_BYTES, part, storage},
    guard::functions,
    moments::DatesAsMoments,
    query::Budget,
    schema,
    stored::{STORE, Seen, StoredTable},
};

/// A join's smaller side up to here is hashed once, for all threads together, instead of being dealt out
/// to them with the larger side: bytes where they are known, else rows.
const SHARED_BYTES: usize = 256 << 20;
const SHARED_ROWS: usize = 8_000_000;

/// A session without tables, for plans that run here or on a cluster; `scratch` is where it puts things
/// aside, the system's temporary folder when empty.
pub(crate) fn session(
    files: &TableFiles,
    budget: &Budget,
    cluster: Option<&Cluster>,
    scratch: Option<&Path>,
) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new()
        .with_information_schema(false)
        .with_target_partitions(budget.threads)
        .set_usize("datafusion.optimizer.hash_join_single_partition_threshold", SHARED_BYTES)
        .set_usize("datafusion.optimizer.hash_join_single_partition_threshold_rows", SHARED_ROWS)
        // As PostgreSQL reads them.
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
        .set_str("datafusion.sql_parser.dialect", "postgresql");
    let config = match cluster {
        Some(cluster) => cluster.planning(config),
        None => config,
    };
    let mut rules = Analyzer::new().rules;
    rules.insert(0, Arc::new(DatesAsMoments));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_analyzer_rules(rules)
        .with_runtime_env(runtime(files, budget, scratch)?)
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions::scalar())
        .with_aggregate_functions(functions::aggregate())
        .with_window_functions(functions::window());
    let state = match cluster {
        Some(_) => Cluster::rules(state),
        None => state,
    };
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
    let caches = CacheManagerConfig::default()
        .with_file_metadata_cache(Some(files.footers()))
        .with_metadata_cache_limit(FOOTER_BYTES);
    let runtime = RuntimeEnvBuilder::new()
        .with_cache_manager(caches)
        .with_memory_pool(Arc::new(FairSpillPool::new(budget.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()?;
    runtime.register_object_store(ObjectStoreUrl::parse(STORE)?.as_ref(), files.store().clone());
    Ok(runtime)
}

/// The table as exactly its own file, or its columns that are kept, with texts as the session wants them.
pub(crate) async fn open(
    session: &SessionContext,
    files: &TableFiles,
    company: CompanyId,
    table: &TableEntry,
) -> Result<Arc<dyn TableProvider>, EngineError> {
    let path = part(company, &table.name, table.version);
    let has_views = session.copied_config().options().execution.parquet.schema_force_view_types;
    let text = if has_views { DataType::Utf8View } else { DataType::Utf8 };
    let schema = schema::scanned(table, &text);
    match StoredTable::open(files.store(), path, schema, Seen::of(table)).await {
        Ok(stored) => Ok(Arc::new(stored.with_kept(Arc::clone(files.columns())))),
        Err(object_store::Error::NotFound { .. }) => Err(EngineError::Missing),
        Err(error) => Err(storage("open a table's file")(error)),
    }
}
