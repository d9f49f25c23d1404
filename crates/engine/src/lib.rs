//! A company's tables as Parquet on an object store, and the Asks that are run over them.
//!
//! [`TableFiles`] writes and removes files; [`Engine`] answers. A query is checked and put into SQL
//! here, and run in a worker process ([`worker_main`]) with an address space and a deadline of its own:
//! a query that will not stop is killed, and takes nothing with it. This is the only room that names
//! DataFusion.

pub mod compile;
mod counts;
mod engine;
mod error;
mod files;
mod period;
mod pool;
mod process;
mod protocol;
mod query;
mod read;
mod schema;
mod table;
mod worker;

pub use counts::EngineStats;
pub use engine::{Answer, Engine, EngineOptions, run_in_process};
pub use error::EngineError;
pub use files::{TableFiles, TableWriter, Written};
pub use worker::worker_main;
