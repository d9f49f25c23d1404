//! What operators see: the log and the metrics. docs/LOGGING.md lists the log's fields.

mod escape;
mod line;
mod logging;
mod metrics;
mod panics;
mod parts;
mod process;

pub use line::{Members, json_members};
#[cfg(test)]
pub use logging::LogLayer;
pub use logging::{init_logging, within_request};
pub use metrics::Metrics;
pub use panics::install_panic_hook;
