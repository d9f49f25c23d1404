//! What operators see: the log, the metrics and the traces. docs/LOGGING.md lists the log's fields,
//! docs/METRICS.md the metrics.

mod escape;
mod labels;
mod line;
mod logging;
mod metrics;
mod panics;
mod parts;
mod process;
mod traces;

pub use line::{Members, json_members};
#[cfg(test)]
pub use logging::LogLayer;
pub use logging::{init_logging, within_request};
pub use metrics::{Metrics, reference};
pub use panics::install_panic_hook;
pub use traces::{request_answered, request_span};
