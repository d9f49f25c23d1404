use std::fmt;

/// Why the store did not do what it was asked. Absent is not among them: that is `Option`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something with this value exists already.
    #[error("{0} is taken")]
    Duplicate(Duplicate),
    /// The document is not, or is no longer, what the change was made for. Nothing was changed.
    #[error("the document changed meanwhile, or does not hold what the change was made for")]
    Conflict,
    /// The change would leave a company without an active superuser. Nothing was changed.
    #[error("a company keeps at least one active superuser")]
    LastOwner,
    /// The database did not answer, or refused; whether a change was made is not known.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A document does not have the shape that this version writes or adopts.
    #[error("document {id} in {collection} cannot be read")]
    Corrupt {
        /// Where it lies.
        collection: &'static str,
        /// Its `_id`.
        id: String,
        /// What does not fit.
        source: serde_json::Error,
    },
}

/// What was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicate {
    /// Another account, in any company, has the e-mail address.
    Email,
    /// Another table of the company has the name.
    TableName,
    /// Another request carried the idempotency key.
    IdempotencyKey,
    /// A document with this id exists.
    Id,
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "the e-mail address",
            Self::TableName => "the table name",
            Self::IdempotencyKey => "the idempotency key",
            Self::Id => "the id",
        })
    }
}

impl StoreError {
    /// Wraps what a driver said.
    pub(crate) fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}
