use std::{sync::Arc, time::Duration};

use datafusion::error::DataFusionError;

/// Why there is no answer, by what the caller does about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The question does not fit the table: its author can mend it.
    #[error("{detail}")]
    Invalid {
        /// What does not fit, and what would.
        detail: String,
    },
    /// Every worker is taken and the queue is full or slow: ask again later.
    #[error("too many questions are running")]
    Busy {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The query was stopped at its deadline.
    #[error("the query was stopped after {} ms", after.as_millis())]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// The query needed more memory, disk or answer bytes than it is given.
    #[error("{detail}")]
    TooLarge {
        /// What was too large, and what to do.
        detail: String,
    },
    /// The table's files are gone: a newer load replaced them. Read the catalog again.
    #[error("the files of this version of the table are gone")]
    Missing,
    /// The worker process ended while it ran this query.
    #[error("the query's worker died ({status})")]
    WorkerDied {
        /// How it ended: a signal or an exit status.
        status: String,
    },
    /// The object store failed: ours to mend.
    #[error("table files: {action}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else: ours to mend.
    #[error("the query failed: {detail}")]
    Failed {
        /// For the log.
        detail: String,
    },
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            root if is_exhaustion(root) => Self::TooLarge {
                detail: "The question needs more memory than it is given. Filter rows, or group by less."
                    .to_owned(),
            },
            DataFusionError::ObjectStore(cause)
                if matches!(**cause, object_store::Error::NotFound { .. }) =>
            {
                Self::Missing
            }
            _ => Self::Failed { detail: error.strip_backtrace() },
        }
    }
}

/// Memory, or the disk that stands in for it, has run out. Some operators wrap the error of the disk
/// in a text, of which the setting's name is all that can be told.
fn is_exhaustion(root: &DataFusionError) -> bool {
    match root {
        DataFusionError::ResourcesExhausted(_) => true,
        DataFusionError::ArrowError(..) | DataFusionError::IoError(_) => {
            root.to_string().contains("datafusion.runtime.max_temp_directory_size")
        }
        _ => false,
    }
}
