use std::{io, time::Duration};

/// Why a file did not become a table, by what the caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file could not be read: ours to mend.
    #[error("the file could not be read")]
    Unreadable(#[from] io::Error),
    /// The file is not as it must be: its sender can mend it.
    #[error("{detail}")]
    Invalid {
        /// Stable, snake case: `csv_ragged_row`.
        code: &'static str,
        /// What is wrong, where, and what to do.
        detail: String,
    },
    /// The file is of a kind that is not read.
    #[error("{detail}")]
    Unsupported {
        /// What the file is: `an Excel workbook or another ZIP archive`.
        kind: &'static str,
        /// What it is and what to send instead.
        detail: String,
    },
    /// The source turned the credentials down, or they may not read this.
    #[error("{detail}")]
    Denied {
        /// What the source said and what to change.
        detail: String,
    },
    /// The source could not be reached, or would not answer, for as long as it was tried.
    #[error("{detail}")]
    Unreachable {
        /// What was tried and what happened.
        detail: String,
        /// When the source said that it is worth trying again.
        retry_after: Option<Duration>,
    },
    /// The caller asked to stop.
    #[error("reading was cancelled")]
    Cancelled,
}

impl SourceError {
    pub(crate) fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { code, detail: detail.into() }
    }
}
