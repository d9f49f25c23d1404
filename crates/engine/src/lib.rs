//! A company's tables as Parquet on an object store, and the Asks that are run over them.
//!
//! [`TableFiles`] writes and removes files; [`Engine`] answers. An Ask is checked and compiled to SQL,
//! which is what people are shown; that SQL is read and run in a worker process ([`worker_main`]) with an address space and a deadline of its own:
//! a query that will not stop is killed, and takes nothing with it. This is the only room that names
//! DataFusion.

mod cluster;
mod columns;
pub mod compile;
mod counts;
mod engine;
mod error;
pub mod export;
mod files;
mod guard;
mod kept;
mod location;
mod moments;
mod named;
mod narrow;
mod packed;
mod period;
mod policy;
mod pool;
mod process;
mod protocol;
mod query;
mod queue;
mod read;
mod schema;
mod scope;
mod session;
mod shape;
mod stored;
mod survey;
mod table;
mod worker;

pub use cluster::{CLUSTERS, Cluster};
#[cfg(feature = "cluster")]
pub use cluster::{ExecutorOptions, Scheduler, SchedulerOptions, run_executor};
pub use counts::EngineStats;
pub use engine::{Answer, Engine, EngineOptions, run_in_process};
pub use error::{EngineError, WayChoice};
pub use files::{TableFiles, TableWriter, Written};
pub use kept::SharedAnswers;
pub use location::Bucket;
pub use scope::Scope;
pub use worker::worker_main;
