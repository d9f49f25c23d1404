//! From each room's errors to a code.

use std::time::Duration;

use pacioli_engine::EngineError;
use pacioli_sources::SourceError;
use pacioli_store::{Duplicate, StoreError};

use super::{ApiError, Code};
use crate::{password::HashError, seal::SealError};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Duplicate(Duplicate::Email) => {
                Self::new(Code::EmailTaken, "An account with this e-mail address exists.")
            }
            StoreError::LastOwner => {
                Self::new(Code::LastOwner, "A company keeps at least one active superuser.")
            }
            StoreError::Conflict | StoreError::Duplicate(_) => {
                let text = "Somebody else changed the same thing. Read it and try again.";
                Self::new(Code::Conflict, text).caused_by(error)
            }
            StoreError::Unavailable(_) => {
                Self::new(Code::Unavailable, "The server's database does not answer. Try again.")
                    .caused_by(error)
                    .retry_after(Duration::from_secs(5))
            }
            StoreError::Corrupt { .. } => Self::internal(error),
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy { retry_after } => {
                let text = "Too many passwords are being checked. Try again.";
                Self::new(Code::Busy, text).retry_after(retry_after)
            }
            other => Self::internal(other),
        }
    }
}

impl From<SealError> for ApiError {
    fn from(error: SealError) -> Self {
        let text = "The connection's secret cannot be decrypted: the server's encryption key is not the one it \
                    was encrypted with. Give the secret anew: PATCH /connections/{id}.";
        Self::new(Code::SecretUnreadable, text).caused_by(error)
    }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Invalid { code, detail } => Self::new(
                Code::UnreadableFile,
                detail.clone(),
            )
            .with_error(&["body", "file"], code, detail),
            SourceError::Unsupported { detail, .. } => {
                Self::new(Code::UnsupportedMediaType, detail)
            }
            SourceError::Denied { detail } => Self::new(Code::SourceDenied, detail),
            SourceError::Unreachable { detail, retry_after } => {
                let error = Self::new(Code::SourceUnreachable, detail);
                match retry_after {
                    Some(wait) => error.retry_after(wait),
                    None => error,
                }
            }
            SourceError::Cancelled => {
                Self::new(Code::Unavailable, "The load was stopped. Nothing of it was kept.")
                    .retry_after(Duration::from_secs(5))
            }
            SourceError::Unreadable(_) => Self::internal(error),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid { detail } | EngineError::Ambiguous { detail, .. } => {
                Self::new(Code::InvalidQuery, detail)
            }
            EngineError::TooLarge { detail } => Self::new(Code::QueryTooLarge, detail),
            EngineError::TimedOut { after } => Self::new(
                Code::QueryTimeout,
                format!(
                    "The query was stopped after {} seconds. Ask for less: a shorter period, fewer groups.",
                    after.as_secs()
                ),
            ),
            EngineError::Busy { retry_after } => {
                Self::new(Code::Busy, "Too many questions are running. Try again.")
                    .retry_after(retry_after)
            }
            EngineError::Cancelled => {
                Self::new(Code::QueryCancelled, "The query was cancelled before it had an answer.")
            }
            EngineError::Missing => {
                let text = "The table was replaced while it was read. Ask again.";
                Self::new(Code::Conflict, text)
            }
            EngineError::WorkerDied { .. } => {
                let text = "The query ended its worker, most likely by needing too much memory. Ask for less: a shorter period, fewer groups.";
                Self::new(Code::QueryTooLarge, text).caused_by(error)
            }
            EngineError::Storage { .. } => {
                Self::new(Code::Unavailable, "The server's table files cannot be reached now.")
                    .caused_by(error)
                    .retry_after(Duration::from_secs(5))
            }
            EngineError::Cluster { .. } => {
                let text = "The cluster that answers queries cannot be reached now.";
                Self::new(Code::Unavailable, text)
                    .caused_by(error)
                    .retry_after(Duration::from_secs(5))
            }
            EngineError::Failed { .. } => Self::internal(error),
        }
    }
}
