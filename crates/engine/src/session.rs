//! The world that one query sees: the tables it was given, the functions that are allowed, and
//! nothing else, no file system and no catalog of other tables.

use std::{path::Path, sync::Arc};

use datafusion::{
    catalog::TableProvider,
    datasource::{
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    error::DataFusionError,
    execution::{
        SessionStateBuilder, SessionStateDefaults,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    prelude::{SessionConfig, SessionContext},
};
use object_store::ObjectStoreExt;
use pacioli_model::{CompanyId, TableEntry};

use crate::{
    EngineError, TableFiles,
    files::{part, storage},
    guard::functions,
    query::Budget,
    schema,
};

/// The store's address inside a session; it leads nowhere else.
const STORE: &str = "pacioli://tables/";

/// A session without tables; `scratch` is where it puts things aside, the system's temporary folder
/// when empty.
pub(crate) fn session(
    files: &TableFiles,
    budget: &Budget,
    scratch: Option<&Path>,
) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new()
        .with_information_schema(false)
        .with_target_partitions(budget.threads)
        .set_bool("datafusion.execution.collect_statistics", false)
        // As PostgreSQL reads them.
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
        .set_str("datafusion.sql_parser.dialect", "postgresql");
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime(files, budget, scratch)?)
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions::scalar())
        .with_aggregate_functions(functions::aggregate())
        .with_window_functions(functions::window());
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
pub(crate) async fn open(
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
