use std::{sync::Arc, time::Duration};

use datafusion::error::DataFusionError;
use pacioli_model::{RelationshipName, TableName};

/// Why there is no answer, by what the caller does about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The question does not fit the table: its author can mend it.
    #[error("{detail}")]
    Invalid {
        /// What does not fit, and what would.
        detail: String,
    },
    /// The question can be meant in several ways: its author says in which.
    #[error("{detail}")]
    Ambiguous {
        /// What is not clear.
        detail: String,
        /// The table that is asked of.
        from: TableName,
        /// The table that is led to in several ways.
        to: TableName,
        /// What can be meant.
        choices: Vec<WayChoice>,
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
    /// Somebody ended the query.
    #[error("the query was cancelled")]
    Cancelled,
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
    /// The cluster that runs queries is away, or has lost too much of itself to answer: ours to mend.
    #[error("the cluster: {detail}")]
    Cluster {
        /// For the log.
        detail: String,
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

/// One of several ways from one table to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayChoice {
    /// What chooses it, as `ColumnRef::via`.
    pub via: Vec<RelationshipName>,
    /// What people call it: `shipped to`.
    pub label: String,
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        Self::from(&error)
    }
}

impl From<&DataFusionError> for EngineError {
    fn from(error: &DataFusionError) -> Self {
        match error.find_root() {
            root if is_exhaustion(root) => Self::TooLarge {
                detail: "The question needs more memory than it is given. Filter rows, or group by less."
                    .to_owned(),
            },
            _ => match store_error(error) {
                Some(object_store::Error::NotFound { .. }) => Self::Missing,
                Some(_) => Self::Storage {
                    action: "read a table's file",
                    source: Arc::new(std::io::Error::other(error.strip_backtrace())),
                },
                None => Self::Failed { detail: error.strip_backtrace() },
            },
        }
    }
}

impl EngineError {
    /// The error of a statement that a person wrote: what the query engine says of it is for them.
    pub(crate) fn of_statement(error: &DataFusionError) -> Self {
        let root = error.find_root();
        let detail = match root {
            DataFusionError::Plan(text)
            | DataFusionError::NotImplemented(text)
            | DataFusionError::Execution(text) => text.clone(),
            DataFusionError::SchemaError(cause, _) => cause.to_string(),
            DataFusionError::SQL(cause, _) => cause.to_string(),
            DataFusionError::ArrowError(cause, _) if !is_exhaustion(root) => cause.to_string(),
            _ => return Self::from(error),
        };
        let text = detail.split("\n\nbacktrace:").next().unwrap_or_default().trim();
        Self::Invalid { detail: format!("The statement cannot be run: {text}") }
    }
}

/// The object store's own error, however it is wrapped.
fn store_error(error: &DataFusionError) -> Option<&object_store::Error> {
    let chain =
        std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.into_iter().find_map(|error| match error.downcast_ref::<Box<object_store::Error>>() {
        Some(boxed) => Some(&**boxed),
        None => error.downcast_ref(),
    })
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
