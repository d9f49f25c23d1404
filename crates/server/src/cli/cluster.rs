//! The programs of a cluster: Ballista's scheduler and executor, configured as the server is.

use std::{io, net::SocketAddr, num::NonZeroUsize};

use clap::Args;
use pacioli_engine::{Cluster, ExecutorOptions, Scheduler, SchedulerOptions, run_executor};
use tokio::signal::unix::{SignalKind, signal};

use super::{CommandResult, Settings, print};
use crate::{clock::Clock, compose::open_files, config::Config, telemetry::init_logging};

/// Whole plans, and values in them, are logged by these at `info`.
const QUIET: &str = "ballista_core=warn,ballista_executor=warn,ballista_scheduler=warn";

/// Share out the queries of servers among executors
#[derive(Args)]
pub struct RunScheduler {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50050")]
    listen: SocketAddr,
    /// Name or address that executors report to, where it is not the one of --listen
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
}

impl RunScheduler {
    pub fn run(self, settings: &Settings) -> CommandResult {
        within(settings, async |config| {
            let (listen, advertise) = (self.listen, self.advertise);
            warn_of_strangers(listen);
            let deadline = config.engine.deadline();
            let options = SchedulerOptions { listen, advertise, deadline };
            let scheduler = Scheduler::bind(options).await?;
            // The line that programs wait for.
            print(&format!("pacioli scheduler is ready at df://{}", scheduler.address()))?;
            tokio::select! {
                served = scheduler.serve() => Ok(served?),
                told = told_to_stop() => Ok(told?),
            }
        })
    }
}

/// Run the parts of queries that a scheduler gives out
#[derive(Args)]
pub struct RunExecutor {
    /// The scheduler [default: engine.cluster of the configuration]
    #[arg(long, value_name = "df://ADDR")]
    scheduler: Option<String>,
    /// Where servers and other executors fetch rows
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// Port at the same address where the scheduler gives tasks [default: the next one]
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,
    /// Name or address that others reach this executor by [default: as the scheduler sees it]
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Tasks at once, each with engine.memory_mb [default: engine.workers]
    #[arg(long, value_name = "NUMBER")]
    cores: Option<NonZeroUsize>,
}

impl RunExecutor {
    pub fn run(self, settings: &Settings) -> CommandResult {
        within(settings, async |config| {
            let named = self.scheduler.as_deref().or(config.engine.cluster.as_deref());
            let Some(named) = named else {
                return Err("say which scheduler: --scheduler, or engine.cluster".into());
            };
            let Some(cluster) = Cluster::parse(named, config.engine.cluster_partitions) else {
                return Err(format!("{named}: a scheduler is like `df://10.0.0.5:50050`").into());
            };
            let port = self.listen.port();
            let Some(control_port) = self.control_port.or_else(|| port.checked_add(1)) else {
                return Err("say --control-port: there is no port after 65535".into());
            };
            let cores = self.cores.unwrap_or_else(|| config.engine.workers()).get();
            let memory_bytes = config.engine.memory_bytes();
            let options = ExecutorOptions {
                cluster,
                listen: self.listen,
                control_port,
                advertise: self.advertise,
                cores,
                memory_bytes,
                spill_bytes: memory_bytes.saturating_mul(4).saturating_mul(cores as u64),
                folder: config.data_dir.join(format!("executor-{port}")),
            };
            let files = open_files(&config)?;
            warn_of_strangers(self.listen);
            print(&format!("pacioli executor at {} works for {named}", self.listen))?;
            Ok(run_executor(&files, options).await?)
        })
    }
}

/// Nothing asks those who connect who they are.
fn warn_of_strangers(listen: SocketAddr) {
    if !listen.ip().is_loopback() {
        tracing::warn!(
            %listen,
            "whoever reaches this address reads every company's tables: let only the cluster and its servers"
        );
    }
}

/// Runs `work` with the configuration and a log.
fn within(settings: &Settings, work: impl AsyncFnOnce(Config) -> CommandResult) -> CommandResult {
    let config = settings.load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let traces = {
        let _within = runtime.enter();
        let mut log = config.log.clone();
        log.level = format!("{QUIET},{}", log.level);
        init_logging(&log, &config.telemetry, Clock::System)
    };
    let ended = runtime.block_on(work(config));
    traces.stop();
    ended
}

async fn told_to_stop() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
