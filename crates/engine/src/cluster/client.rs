//! The worker's side: a plan in, rows out.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ballista_core::{
    BALLISTA_VERSION,
    client::BallistaClient,
    extension::{SessionConfigExt, SessionConfigHelperExt},
    optimizer::ballista_default_optimizer_rules,
    serde::{
        BallistaPhysicalExtensionCodec,
        protobuf::{
            CancelJobParams, CleanJobDataParams, ExecuteQueryParams, GetJobStatusParams, JobStatus,
            PartitionLocation, execute_query_params::Query, execute_query_result, job_status,
            scheduler_grpc_client::SchedulerGrpcClient,
        },
        scheduler::PartitionId,
    },
    utils::{GrpcClientConfig, create_grpc_client_endpoint},
    version::{check_compatibility, insert_version_header, version_from_metadata},
};
use datafusion::{
    common::tree_node::TreeNode,
    error::DataFusionError,
    execution::SessionStateBuilder,
    physical_plan::{ExecutionPlan, joins::HashJoinExec},
    prelude::{SessionConfig, SessionContext},
};
use datafusion_proto::{physical_plan::AsExecutionPlan, protobuf::PhysicalPlanNode};
use futures_util::TryStreamExt;
use pacioli_model::CompanyId;
use tonic::{Request, transport::Channel};

use super::{Cluster, failure};
use crate::{
    EngineError,
    query::{Rows, Stopped, Taken, run_here},
};

/// One for all, so that executors keep one set of files' ends. Settings are of each query.
const SESSION: &str = "pacioli";
/// A scheduler that does not take a connection within this time is away.
const CONNECT_SECONDS: u64 = 5;
/// Between two looks at a query: first little, for most are short, then more.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LAST_LOOK: Duration = Duration::from_millis(50);
/// Looks that may find nothing of a query that was taken.
const MOST_LOOKS_IN_VAIN: usize = 100;
/// The largest message: a plan, or a batch of rows.
pub(super) const MOST_MESSAGE_BYTES: u32 = 64 << 20;
/// How long calling a query off may take.
const CALLING_OFF: Duration = Duration::from_secs(2);

/// The query that this process has on a cluster: workers have one at a time.
static RUNNING: Mutex<Option<Submitted>> = Mutex::new(None);

type Scheduler = SchedulerGrpcClient<Channel>;

#[derive(Debug, Clone)]
struct Submitted {
    cluster: Cluster,
    job: String,
}

/// Calls off what this process has on a cluster: its server is gone, or wants no answer any more.
pub(crate) fn abandon() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Submitted { cluster, job }) = running else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        let called_off = async {
            if let Ok(mut scheduler) = cluster.connect().await {
                let _ = scheduler.cancel_job(CancelJobParams { job_id: job }).await;
            }
        };
        // Whoever cannot reach it need not wait: the scheduler ends what is overdue by itself.
        let _ = tokio::time::timeout(CALLING_OFF, called_off).await;
    });
}

/// Remembers a query while it lives.
struct Remembered;

impl Remembered {
    fn new(cluster: &Cluster, job: &str) -> Self {
        let submitted = Submitted { cluster: cluster.clone(), job: job.to_owned() };
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(submitted);
        Self
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Why an attempt failed, and whether another may succeed.
pub(super) struct Failure {
    pub(super) why: Stopped,
    pub(super) again: bool,
}

impl From<Stopped> for Failure {
    fn from(why: Stopped) -> Self {
        Self { why, again: false }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Stopped::from(error).into()
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Stopped::from(error).into()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn away(detail: impl ToString) -> Failure {
    EngineError::Cluster { detail: detail.to_string() }.into()
}

/// An executor has gone with rows that were computed.
fn lost(detail: impl ToString) -> Failure {
    Failure { again: true, ..away(detail) }
}

impl Cluster {
    /// How plans are made that can be cut into tasks: no step hands another what it has only in memory.
    pub(crate) fn planning(&self, config: SessionConfig) -> SessionConfig {
        config
            .upgrade_for_ballista()
            .with_target_partitions(self.partitions)
            // As plans are that run here: what is joined are groups, which fit in memory.
            .set_bool("datafusion.optimizer.prefer_hash_join", true)
            // A join of a small side that is made of one part, the scheduler cuts into many, and who takes its rows
            // is not ready for them. It makes such joins by itself where that is of use.
            .set_usize("datafusion.optimizer.hash_join_single_partition_threshold", 0)
            .set_usize("datafusion.optimizer.hash_join_single_partition_threshold_rows", 0)
            .set_usize("ballista.client.io_retry_wait_time_ms", 250)
            .with_ballista_grpc_client_max_message_size(MOST_MESSAGE_BYTES as usize)
    }

    pub(crate) fn rules(state: SessionStateBuilder) -> SessionStateBuilder {
        state.with_optimizer_rules(ballista_default_optimizer_rules())
    }

    /// Runs the plan on the cluster; here where it has a step that cannot be sent.
    pub(crate) async fn run(
        &self,
        session: &SessionContext,
        plan: Arc<dyn ExecutionPlan>,
        company: CompanyId,
        taken: Taken,
    ) -> Result<Rows, Stopped> {
        let codec = BallistaPhysicalExtensionCodec::default();
        let mut message = Vec::new();
        let encoded = PhysicalPlanNode::try_from_physical_plan(Arc::clone(&plan), &codec)
            .and_then(|node| node.try_encode(&mut message));
        if encoded.is_err() || needs_one_place(&plan)? {
            return run_here(session, plan, taken).await;
        }
        // What executors compare the plan's files with.
        let settings = session.copied_config().with_ballista_job_name(&company.to_string());
        match self.attempt(&settings, message.clone(), taken.clone()).await {
            Err(Failure { again: true, .. }) => self.attempt(&settings, message, taken).await,
            ended => ended,
        }
        .map_err(|failure| failure.why)
    }

    async fn attempt(
        &self,
        settings: &SessionConfig,
        plan: Vec<u8>,
        mut taken: Taken,
    ) -> Result<Rows, Failure> {
        let mut scheduler = self.connect().await?;
        let job = submit(&mut scheduler, settings, plan).await?;
        let remembered = Remembered::new(self, &job);
        let places = finished(&mut scheduler, &job).await?;
        for place in places {
            fetch(place, &mut taken).await?;
        }
        drop(remembered);
        // What is not removed now, the cluster removes by itself after a while.
        let params = CleanJobDataParams { job_id: job, remove_stage_ids: Vec::new() };
        let _ = scheduler.clean_job_data(params).await;
        Ok(taken.rows)
    }

    async fn connect(&self) -> Result<Scheduler, Failure> {
        let config =
            GrpcClientConfig { connect_timeout_seconds: CONNECT_SECONDS, ..Default::default() };
        let url = format!("http://{}:{}", self.host, self.port);
        let endpoint = create_grpc_client_endpoint(url, Some(&config)).map_err(away)?;
        let unreachable = |error| away(format!("the scheduler cannot be reached: {error:?}"));
        let channel = endpoint.connect().await.map_err(unreachable)?;
        let most = MOST_MESSAGE_BYTES as usize;
        let scheduler = SchedulerGrpcClient::new(channel);
        Ok(scheduler.max_encoding_message_size(most).max_decoding_message_size(most))
    }
}

/// Whether a join looks for nulls on all of one side before it answers for any of the other: Ballista would do it in one
/// task, if it believes the side to be small.
fn needs_one_place(plan: &Arc<dyn ExecutionPlan>) -> Result<bool, DataFusionError> {
    plan.exists(|node| Ok(node.downcast_ref::<HashJoinExec>().is_some_and(|join| join.null_aware)))
}

/// The name that the scheduler gives to the query.
async fn submit(
    scheduler: &mut Scheduler,
    settings: &SessionConfig,
    plan: Vec<u8>,
) -> Result<String, Failure> {
    let params = ExecuteQueryParams {
        session_id: SESSION.to_owned(),
        settings: settings.to_key_value_pairs(),
        operation_id: String::new(),
        query: Some(Query::PhysicalPlan(plan)),
    };
    let mut request = Request::new(params);
    insert_version_header(request.metadata_mut());
    let response = scheduler.execute_query(request).await.map_err(away)?;
    let version = version_from_metadata(response.metadata());
    let versions = check_compatibility(Some(BALLISTA_VERSION), version);
    match response.into_inner().result {
        Some(execute_query_result::Result::Success(taken)) => {
            if let Err(differ) = versions {
                let _ = scheduler.cancel_job(CancelJobParams { job_id: taken.job_id }).await;
                return Err(away(differ));
            }
            Ok(taken.job_id)
        }
        refused => {
            versions.map_err(away)?;
            let detail = format!("the scheduler does not take the plan: {refused:?}");
            Err(EngineError::Failed { detail }.into())
        }
    }
}

/// Waits for the end of a query; where its rows are.
async fn finished(scheduler: &mut Scheduler, job: &str) -> Result<Vec<PartitionLocation>, Failure> {
    let (mut pause, mut in_vain) = (FIRST_LOOK, 0);
    loop {
        let params = GetJobStatusParams { job_id: job.to_owned() };
        let found = scheduler.get_job_status(params).await.map_err(away)?.into_inner().status;
        match found {
            Some(JobStatus { status: Some(job_status::Status::Successful(done)), .. }) => {
                return Ok(done.partition_location);
            }
            Some(JobStatus { status: Some(job_status::Status::Failed(failed)), .. }) => {
                return Err(failure::of(&failed.error));
            }
            Some(_) => in_vain = 0,
            None if in_vain == MOST_LOOKS_IN_VAIN => {
                return Err(away("the scheduler knows nothing of the query any more"));
            }
            None => in_vain += 1,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_LOOK);
    }
}

/// Takes a part of the rows from the executor that has them.
async fn fetch(place: PartitionLocation, taken: &mut Taken) -> Result<(), Failure> {
    let layout = place.layout();
    let (Some(executor), Some(partition)) = (place.executor_meta, place.partition_id) else {
        return Err(away("the scheduler does not say where the rows are"));
    };
    let port = u16::try_from(executor.port).map_err(away)?;
    let most = MOST_MESSAGE_BYTES as usize;
    let client = BallistaClient::try_new(&executor.host, port, most, false, None, 2, 250, 0, 0);
    let mut client = client.await.map_err(lost)?;
    let partition: PartitionId = partition.into();
    let rows = client.fetch_partition(&executor.id, &partition, place.file_id, layout, true);
    let mut rows = rows.await.map_err(lost)?;
    while let Some(batch) = rows.try_next().await.map_err(lost)? {
        taken.add(&batch)?;
    }
    Ok(())
}
