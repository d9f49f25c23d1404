//! The scheduler: Ballista's own, with our functions, that ends what is overdue.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ballista_core::{JobId, serde::protobuf::job_status::Status, utils::default_session_builder};
use ballista_scheduler::{
    cluster::BallistaCluster,
    config::SchedulerConfig,
    scheduler_process::{create_scheduler, start_grpc_service_with_listener},
    scheduler_server::SchedulerServer,
};
use datafusion::{
    error::DataFusionError,
    execution::{FunctionRegistry, SessionState, object_store::ObjectStoreUrl},
    prelude::SessionConfig,
};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use object_store::memory::InMemory;
use tokio::net::TcpListener;

use super::{KEPT, client::MOST_MESSAGE_BYTES};
use crate::{EngineError, period::date_trunc, stored::STORE};

/// An executor that has said nothing for so long is lost, and its tasks are another's. Well within the
/// time that a query has.
const LOST_AFTER_SECONDS: u64 = 10;
/// How often it is looked for lost executors.
const LOOK_SECONDS: u64 = 2;
/// Time for a server to end its own overdue query, before the scheduler does.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is looked for queries that are overdue, or that there is no executor for.
const LOOK: Duration = Duration::from_secs(5);
/// A query waits for so long for an executor where there is none.
const ALONE: Duration = Duration::from_secs(10);

/// How a scheduler is run.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Where servers and executors reach it; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The name or address that executors report to, where it is not the one it listens on.
    pub advertise: Option<String>,
    /// A query that runs longer is ended, should its server not have done it.
    pub deadline: Duration,
}

/// A scheduler that listens. It remembers queries and executors in memory only: those that run when it
/// ends, fail, and executors come back by themselves.
pub struct Scheduler {
    listener: TcpListener,
    server: SchedulerServer<LogicalPlanNode, PhysicalPlanNode>,
    address: SocketAddr,
    deadline: Duration,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Takes its address and begins its work; [`Scheduler::serve`] lets others in.
    pub async fn bind(options: SchedulerOptions) -> Result<Self, EngineError> {
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if options.advertise.is_none() && address.ip().is_unspecified() {
            let detail = format!("Executors cannot report to {address}: say what to advertise.");
            return Err(EngineError::Invalid { detail });
        }
        let config = SchedulerConfig {
            external_host: options.advertise.unwrap_or_else(|| host_of(address)),
            bind_host: host_of(address),
            bind_port: address.port(),
            finished_job_data_clean_up_interval_seconds: KEPT.as_secs(),
            finished_job_state_clean_up_interval_seconds: KEPT.as_secs(),
            grpc_server_max_decoding_message_size: MOST_MESSAGE_BYTES,
            grpc_server_max_encoding_message_size: MOST_MESSAGE_BYTES,
            grpc_client_max_message_size: MOST_MESSAGE_BYTES,
            executor_timeout_seconds: LOST_AFTER_SECONDS,
            expire_dead_executor_interval_seconds: LOOK_SECONDS,
            no_executors_grace_period_seconds: LOST_AFTER_SECONDS,
            override_session_builder: Some(Arc::new(session)),
            ..SchedulerConfig::default()
        };
        let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed)?;
        let server = create_scheduler(cluster, Arc::new(config)).await.map_err(failed)?;
        Ok(Self { listener, server, address, deadline: options.deadline })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends.
    pub async fn serve(self) -> Result<(), EngineError> {
        let watch = tokio::spawn(end_those_in_vain(self.server.clone(), self.deadline + GRACE));
        let served = start_grpc_service_with_listener(self.listener, self.server).await;
        watch.abort();
        served.map_err(failed)
    }
}

/// A server that was killed cannot call its queries off, and who asks while there is no executor shall
/// hear of it.
async fn end_those_in_vain(
    server: SchedulerServer<LogicalPlanNode, PhysicalPlanNode>,
    most: Duration,
) {
    let mut since: HashMap<JobId, Instant> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let most = if server.is_ready() { most } else { ALONE };
        let Ok(jobs) = server.state.task_manager.get_all_jobs().await else { continue };
        let running = jobs.into_iter().filter(|job| {
            matches!(job.status.status, Some(Status::Queued(_) | Status::Running(_)))
        });
        let running: Vec<JobId> = running.map(|job| job.job_id).collect();
        since.retain(|job, _| running.contains(job));
        for job in running {
            let begun = *since.entry(job.clone()).or_insert_with(Instant::now);
            if begun.elapsed() > most {
                // It ends, or it is tried again at the next look.
                let _ = server.cancel_job(job).await;
            }
        }
    }
}

fn session(config: SessionConfig) -> Result<SessionState, DataFusionError> {
    let mut state = default_session_builder(config)?;
    state.register_udf(Arc::new(date_trunc()))?;
    // Plans name the store, and it is looked up; only executors read from it.
    let url = ObjectStoreUrl::parse(STORE)?;
    state.runtime_env().register_object_store(url.as_ref(), Arc::new(InMemory::new()));
    Ok(state)
}

/// As it stands in a URL.
pub(super) fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

pub(super) fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Failed { detail: error.to_string() }
}
