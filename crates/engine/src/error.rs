use std::{sync::Arc, time::Duration};

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
