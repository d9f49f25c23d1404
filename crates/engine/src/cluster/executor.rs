//! An executor: Ballista's own, with our functions, that reads tables and nothing else.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use datafusion::execution::{
    cache::cache_manager::CacheManagerConfig,
    disk_manager::{DiskManagerBuilder, DiskManagerMode},
    object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry, ObjectStoreUrl},
    runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
};

use super::{
    Cluster, KEPT,
    client::MOST_MESSAGE_BYTES,
    scheduler::{failed, host_of},
    tasks::Tasks,
};
use crate::{
    EngineError, TableFiles,
    files::{FOOTER_BYTES, storage},
    period::date_trunc,
    stored::STORE,
};

/// How often it says that it is there.
const HEARTBEAT_SECONDS: u64 = 3;
/// A scheduler that is not there yet is waited for.
const WAIT_SECONDS: u16 = 60;
/// Results that nobody told it to remove, because the scheduler was lost, go after so long.
const ORPHANED: Duration = Duration::from_mins(10);

/// How an executor is run.
#[derive(Debug, Clone)]
pub struct ExecutorOptions {
    /// Its scheduler.
    pub cluster: Cluster,
    /// Where servers and other executors fetch rows.
    pub listen: SocketAddr,
    /// The port, at the same address, where the scheduler gives it tasks.
    pub control_port: u16,
    /// The name or address that others reach it by, where it is not the one that the scheduler sees.
    pub advertise: Option<String>,
    /// Tasks at once.
    pub cores: usize,
    /// What the sorts and groups of one task may hold in memory.
    pub memory_bytes: u64,
    /// What all of them may put aside on disk.
    pub spill_bytes: u64,
    /// A folder of its own, for what it puts aside and the rows that wait to be fetched. What is in it is removed.
    pub folder: PathBuf,
}

/// Does tasks until the process is told to end, then finishes those it has.
pub async fn run_executor(files: &TableFiles, options: ExecutorOptions) -> Result<(), EngineError> {
    let runtime = runtime(files, &options)?;
    let mut functions = BallistaFunctionRegistry::default();
    functions.scalar_functions.insert("date_trunc".to_owned(), Arc::new(date_trunc()));
    let rows = options.folder.join("rows");
    std::fs::create_dir_all(&rows).map_err(storage("make the executor's folder"))?;
    let cores = u64::try_from(options.cores).unwrap_or(u64::MAX);
    let config = ExecutorProcessConfig {
        bind_host: host_of(options.listen),
        port: options.listen.port(),
        grpc_port: options.control_port,
        external_host: options.advertise,
        scheduler_host: options.cluster.host,
        scheduler_port: options.cluster.port,
        scheduler_connect_timeout_seconds: WAIT_SECONDS,
        vcores: options.cores,
        work_dir: Some(rows.display().to_string()),
        job_data_ttl_seconds: ORPHANED.as_secs(),
        job_data_clean_up_interval_seconds: KEPT.as_secs(),
        grpc_max_decoding_message_size: MOST_MESSAGE_BYTES,
        grpc_max_encoding_message_size: MOST_MESSAGE_BYTES,
        executor_heartbeat_interval_seconds: HEARTBEAT_SECONDS,
        memory_pool_size: Some(options.memory_bytes.saturating_mul(cores)),
        override_execution_engine: Some(Arc::new(Tasks::default())),
        override_function_registry: Some(Arc::new(functions)),
        override_runtime_producer: Some(Arc::new(move |_| Ok(Arc::clone(&runtime)))),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await.map_err(failed)
}

fn runtime(files: &TableFiles, options: &ExecutorOptions) -> Result<Arc<RuntimeEnv>, EngineError> {
    if files.location().folder().is_some() {
        let detail = "Executors read tables from an object store, and files.store names none.";
        return Err(EngineError::Invalid { detail: detail.to_owned() });
    }
    if options.folder.exists() {
        std::fs::remove_dir_all(&options.folder).map_err(storage("empty the executor's folder"))?;
    }
    let spill = options.folder.join("spill");
    std::fs::create_dir_all(&spill).map_err(storage("make the executor's folder"))?;
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![spill]))
        .with_max_temp_directory_size(options.spill_bytes);
    let caches = CacheManagerConfig::default()
        .with_file_metadata_cache(Some(files.footers()))
        .with_metadata_cache_limit(FOOTER_BYTES);
    // The only store that a plan can name: DataFusion's own registry knows this machine's files too.
    let stores = DefaultObjectStoreRegistry::new();
    stores.deregister_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    stores.register_store(ObjectStoreUrl::parse(STORE)?.as_ref(), files.store().clone());
    let runtime = RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(stores))
        .with_cache_manager(caches)
        .with_disk_manager_builder(disk);
    Ok(runtime.build_arc()?)
}
