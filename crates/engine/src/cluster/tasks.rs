//! The tasks of an executor: each reads its own company's files and its own query's rows alone, and ends when
//! nobody wants it any more.
//!
//! Ballista 55 drops the future of a task that is called off, but what writes the task's rows was detached from it
//! and goes on to its end. Here the streams of the plan see that their task is gone, and end.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use async_trait::async_trait;
use ballista_core::{
    JobId,
    config::BALLISTA_JOB_NAME,
    execution_plans::ShuffleReaderExec,
    serde::protobuf::{
        RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
    },
};
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor,
};
use datafusion::{
    common::tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    datasource::{sink::DataSinkExec, source::DataSourceExec},
    error::{DataFusionError, Result},
    execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        ReplaceChildrenOptions, coop::make_cooperative, empty::EmptyExec, metrics::MetricsSet,
        placeholder_row::PlaceholderRowExec, replace_children_if_necessary,
    },
    prelude::SessionConfig,
};
use futures_util::Stream;
use pacioli_model::CompanyId;
use tokio::sync::watch;

use crate::stored::check_files;

/// How long a task that is called off may go on within one step of its plan, which nothing ends but the end of
/// the process.
const PATIENCE: Duration = Duration::from_secs(10);
/// The process's status when it ends for that: `EX_TEMPFAIL` of `sysexits.h`.
const STUCK: i32 = 75;

/// Ballista's own way to do tasks, within our limits. Its pool of connections is not for others to use: each fetch
/// of rows from another executor opens one.
#[derive(Default)]
pub(super) struct Tasks(DefaultExecutionEngine);

impl ExecutionEngine for Tasks {
    fn create_query_stage_exec(
        &self,
        job: JobId,
        stage: usize,
        task: usize,
        partitions: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        folder: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        check_reads(&plan, &job, config)?;
        let end = Arc::new(End::default());
        let plan = watched(plan, &end)?;
        let inner =
            self.0.create_query_stage_exec(job, stage, task, partitions, plan, folder, config)?;
        Ok(Arc::new(Task { inner, end }))
    }
}

/// What a task reads is of the company that its query names, and of its own query; it writes nothing but its rows.
/// Whoever gives out tasks is believed about the company.
fn check_reads(plan: &Arc<dyn ExecutionPlan>, job: &JobId, config: &SessionConfig) -> Result<()> {
    let refused = |what: &str| Err(DataFusionError::Internal(format!("the task {what}")));
    let named = config.options().entries().into_iter().find(|entry| entry.key == BALLISTA_JOB_NAME);
    let company = named.and_then(|entry| entry.value?.parse::<CompanyId>().ok());
    let Some(company) = company else { return refused("names no company") };
    if check_files(plan, company).is_err() {
        return refused("reads what is not the company's");
    }
    let mut fault = None;
    plan.apply(|node| {
        if let Some(reader) = node.downcast_ref::<ShuffleReaderExec>() {
            let mut places = reader.partition.iter().flatten();
            if places.any(|place| place.partition_id.job_id != *job) {
                fault = Some("reads the rows of another query");
            }
        } else if node.is::<DataSinkExec>() {
            fault = Some("writes");
        } else if node.children().is_empty()
            && !(node.is::<DataSourceExec>()
                || node.is::<EmptyExec>()
                || node.is::<PlaceholderRowExec>())
        {
            fault = Some("reads from elsewhere");
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    fault.map_or(Ok(()), refused)
}

/// One task.
#[derive(Debug)]
struct Task {
    inner: Arc<dyn QueryStageExecutor>,
    end: Arc<End>,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl QueryStageExecutor for Task {
    async fn execute_query_stage(
        &self,
        task: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let mut unfinished = Unfinished { end: &self.end, watch: true };
        let done = self.inner.execute_query_stage(task, context).await;
        unfinished.watch = done.is_err();
        done
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.inner.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}

/// Dropped with the future of a task, it tells what the future left behind that it is over.
struct Unfinished<'a> {
    end: &'a Arc<End>,
    /// Whether something may go on.
    watch: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.end.told.send_replace(true);
        if self.watch && self.end.running() {
            let end = Arc::clone(self.end);
            // A thread, for the runtime's own may be what is stuck.
            std::thread::spawn(move || {
                std::thread::sleep(PATIENCE);
                if end.running() {
                    tracing::error!(
                        seconds = PATIENCE.as_secs(),
                        "a task that was called off does not end: the executor ends itself"
                    );
                    std::process::exit(STUCK);
                }
            });
        }
    }
}

/// Whether a task is over, and how many of its streams are there.
#[derive(Debug, Default)]
struct End {
    told: watch::Sender<bool>,
    streams: AtomicUsize,
}

impl End {
    fn running(&self) -> bool {
        self.streams.load(Ordering::Acquire) > 0
    }
}

/// The plan, seeing its end wherever rows come in, are multiplied or go out.
fn watched(plan: Arc<dyn ExecutionPlan>, end: &Arc<End>) -> Result<Arc<dyn ExecutionPlan>> {
    let watch = |input| Arc::new(Watched { input, end: Arc::clone(end) }) as Arc<dyn ExecutionPlan>;
    let plan = plan.transform_up(|node| {
        let here = node.children().is_empty() || node.name().ends_with("JoinExec");
        Ok(if here { Transformed::yes(watch(node)) } else { Transformed::no(node) })
    })?;
    // The outermost step writes what the others give.
    let inputs = plan.data.children().into_iter().map(|input| watch(Arc::clone(input))).collect();
    replace_children_if_necessary(plan.data, inputs)
}

/// A step of a plan that does what its input does while the task is wanted. It has no measures of its own:
/// the scheduler counts those of the plan that it sent.
#[derive(Debug)]
struct Watched {
    input: Arc<dyn ExecutionPlan>,
    end: Arc<End>,
}

impl DisplayAs for Watched {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ExecutionPlan for Watched {
    fn name(&self) -> &'static str {
        "Watched"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else { return Ok(self) };
        Ok(Arc::new(Self { input, end: Arc::clone(&self.end) }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let mut told = self.end.told.subscribe();
        let over = Box::pin(async move {
            // Its sender is where this stream is.
            let _ = told.wait_for(|told| *told).await;
        });
        let rows = make_cooperative(self.input.execute(partition, context)?);
        let end = Arc::clone(&self.end);
        end.streams.fetch_add(1, Ordering::AcqRel);
        Ok(Box::pin(WatchedRows { rows, over, is_over: false, end }))
    }
}

struct WatchedRows {
    rows: SendableRecordBatchStream,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_over: bool,
    end: Arc<End>,
}

impl Stream for WatchedRows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over || self.over.as_mut().poll(context).is_ready() {
            self.is_over = true;
            let called_off = DataFusionError::Execution("the task was called off".to_owned());
            return Poll::Ready(Some(Err(called_off)));
        }
        self.rows.as_mut().poll_next(context)
    }
}

impl RecordBatchStream for WatchedRows {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

impl Drop for WatchedRows {
    fn drop(&mut self) {
        self.end.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use ballista_core::{
        execution_plans::ShuffleWriterExec,
        extension::SessionConfigExt,
        serde::scheduler::{
            ExecutorMetadata, ExecutorOperatingSystemSpecification, ExecutorSpecification,
            PartitionId, PartitionLocation, PartitionStats,
        },
    };
    use datafusion::physical_plan::Partitioning;

    use super::*;
    use crate::stored::tests::two_companies;

    fn refusal(plan: Arc<dyn ExecutionPlan>, named: &str) -> Option<String> {
        let job = JobId::new("mine".to_owned());
        let writer = ShuffleWriterExec::try_new(job.clone(), 1, plan, String::new());
        let plan = Arc::new(writer.expect("a stage"));
        let settings = SessionConfig::new_with_ballista().with_ballista_job_name(named);
        let made =
            Tasks::default().create_query_stage_exec(job, 1, 0, vec![0], plan, "", &settings);
        made.err().map(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_task_reads_its_own_company_and_query_alone() {
        let (context, [ours, theirs]) = two_companies().await;
        let copy = "COPY (SELECT a FROM ours) TO 'pacioli://tables/x' STORED AS PARQUET";
        let series = "SELECT * FROM generate_series(1, 3)";
        for (sql, named, fault) in [
            ("SELECT a FROM ours", ours.to_string(), None),
            ("SELECT sum(a) FROM ours", ours.to_string(), None),
            ("SELECT 1", ours.to_string(), None),
            ("SELECT a FROM ours", theirs.to_string(), Some("reads what is not the company's")),
            ("SELECT a FROM ours", String::new(), Some("names no company")),
            ("SELECT a FROM ours", "mine".to_owned(), Some("names no company")),
            (
                "SELECT ours.a FROM ours JOIN theirs ON ours.a = theirs.a",
                ours.to_string(),
                Some("reads what is not the company's"),
            ),
            (copy, ours.to_string(), Some("writes")),
            (series, ours.to_string(), Some("reads from elsewhere")),
        ] {
            let frame = context.sql(sql).await.expect(sql);
            let plan = frame.create_physical_plan().await.expect(sql);
            let refused = refusal(plan, &named);
            match fault {
                None => assert_eq!(refused, None, "{sql}"),
                Some(fault) => {
                    let refused = refused.expect(sql);
                    assert!(refused.contains(fault), "{sql}: {refused}");
                }
            }
        }
        for (job, fault) in [("mine", false), ("another", true)] {
            let partition_id =
                PartitionId { job_id: JobId::new(job.to_owned()), stage_id: 1, partition_id: 0 };
            let place = PartitionLocation {
                map_partition_id: 0,
                partition_id,
                executor_meta: ExecutorMetadata {
                    id: "one".to_owned(),
                    host: "127.0.0.1".to_owned(),
                    port: 1,
                    grpc_port: 2,
                    specification: ExecutorSpecification::default(),
                    os_info: ExecutorOperatingSystemSpecification::default(),
                },
                partition_stats: PartitionStats::default(),
                file_id: None,
                is_sort_shuffle: false,
            };
            let schema = context.table("ours").await.expect("a table").schema().inner().clone();
            let parts = Partitioning::UnknownPartitioning(1);
            let reader = ShuffleReaderExec::try_new(1, vec![vec![place]], schema, parts);
            let refused = refusal(Arc::new(reader.expect("a reader")), &ours.to_string());
            assert_eq!(refused.is_some(), fault, "{job}: {refused:?}");
        }
    }
}
