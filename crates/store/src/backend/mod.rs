//! The narrow waist between the domain verbs and a database: documents in collections, a small
//! algebra of filters, and atomic batches of writes. Field names are `&'static str` and values are
//! [`Scalar`]s, so nothing a person typed can become an operator or a path.

pub(crate) mod mongo;
pub(crate) mod sqlite;

use futures_util::future::BoxFuture;
use pacioli_model::Timestamp;
use serde_json::Value;

use crate::{After, Duplicate, StoreError, document::Document};

/// What a primitive returns.
pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A database. Each verb of the store is written once over these, and the conformance suite runs on
/// every implementation. Replacing a session's user agent, for instance, is one batch of one write:
/// `batch(vec![Write::Update { collection: Sessions, id, guard: Filter::everything(), set, unset: vec![] }])`.
pub(crate) trait Backend: Send + Sync {
    /// Its name, for people: `sqlite` or `mongodb`.
    fn kind(&self) -> &'static str;

    /// The documents that the query names, in its order.
    fn find(&self, query: Query) -> Answer<'_, Vec<Document>>;

    /// How many documents match.
    fn count(&self, collection: Collection, filter: Filter) -> Answer<'_, u64>;

    /// All the writes or none, in this order. [`StoreError::Conflict`] where an update or a delete
    /// finds no document that meets its guard, [`StoreError::Duplicate`] where a unique value is taken.
    fn batch(&self, writes: Vec<Write>) -> Answer<'_, ()>;

    /// Whether the database answers now.
    fn health(&self) -> Answer<'_, ()>;

    /// Rolls back what a crashed process left half done; returns how many batches.
    fn recover(&self, now: Timestamp) -> Answer<'_, u64>;

    /// Forgets documents whose `expires_at` has passed, where the database does not do so itself;
    /// returns how many.
    fn purge(&self, now: Timestamp) -> Answer<'_, u64>;
}

/// A set of documents of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    Companies,
    Users,
    Sessions,
    Audit,
    Tables,
    Semantics,
    SemanticsVersions,
    Measurements,
    Connections,
    Runs,
    Jobs,
    Questions,
    Reports,
    VerifiedQuestions,
    Feedback,
    SavedQuestions,
    Dashboards,
    ModelUse,
    Subscriptions,
    Deliveries,
    Webhooks,
    FindingVotes,
    Idempotency,
}

impl Collection {
    /// Those whose documents have an `expires_at`.
    pub(crate) const EXPIRING: [Self; 5] =
        [Self::Sessions, Self::Runs, Self::Jobs, Self::Idempotency, Self::Deliveries];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Companies => "companies",
            Self::Users => "users",
            Self::Sessions => "sessions",
            Self::Audit => "audit",
            Self::Tables => "tables",
            Self::Semantics => "semantics",
            Self::SemanticsVersions => "semantics_versions",
            Self::Measurements => "measurements",
            Self::Connections => "connections",
            Self::Runs => "runs",
            Self::Jobs => "jobs",
            Self::Questions => "questions",
            Self::Reports => "reports",
            Self::VerifiedQuestions => "verified_questions",
            Self::Feedback => "feedback",
            Self::SavedQuestions => "saved_questions",
            Self::Dashboards => "dashboards",
            Self::ModelUse => "model_use",
            Self::Subscriptions => "subscriptions",
            Self::Deliveries => "deliveries",
            Self::Webhooks => "webhooks",
            Self::FindingVotes => "finding_votes",
            Self::Idempotency => "idempotency",
        }
    }

    /// What a violated unique index of this collection means.
    pub(crate) fn duplicate(self, message: &str) -> StoreError {
        StoreError::Duplicate(match self {
            Self::Users if message.contains("email_canonical") => Duplicate::Email,
            Self::Tables => Duplicate::TableName,
            Self::Idempotency => Duplicate::IdempotencyKey,
            _ => Duplicate::Id,
        })
    }
}

/// A value that a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text(String),
    Integer(i64),
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Scalar {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// Which documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Every one holds; all documents where there is none.
    All(Vec<Filter>),
    /// At least one holds.
    Any(Vec<Filter>),
    /// The field has this value.
    Equals(&'static str, Scalar),
    /// The field has another value, or none.
    Differs(&'static str, Scalar),
    /// The field is not there, or null.
    Missing(&'static str),
    /// The text is this or comes after it.
    AtLeast(&'static str, String),
    /// The text comes before this.
    Below(&'static str, String),
    /// The field is a list with this text in it. SQLite needs a side table for each such field.
    Holds(&'static str, String),
    /// The text has this text in it, in upper or lower case.
    Mentions(&'static str, String),
    /// The text is this text, in upper or lower case. SQLite knows that of ASCII letters alone.
    Spells(&'static str, String),
}

impl Filter {
    pub(crate) fn everything() -> Self {
        Self::All(Vec::new())
    }

    pub(crate) fn equals(field: &'static str, value: impl Into<Scalar>) -> Self {
        Self::Equals(field, value.into())
    }

    pub(crate) fn id(id: &(impl ToString + ?Sized)) -> Self {
        Self::Equals("_id", Scalar::Text(id.to_string()))
    }

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut filters) => {
                filters.push(other);
                Self::All(filters)
            }
            single => Self::All(vec![single, other]),
        }
    }
}

/// The order of a find; equal keys are ordered by `_id`, in the same direction. A document without the
/// field sorts before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) field: &'static str,
    pub(crate) descending: bool,
}

/// Which documents, in what order, how many, and which of their fields.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) collection: Collection,
    pub(crate) filter: Filter,
    pub(crate) sort: Option<Sort>,
    pub(crate) after: Option<After>,
    pub(crate) limit: Option<u32>,
    /// Only these fields; all where there is none.
    pub(crate) only: &'static [&'static str],
}

impl Query {
    pub(crate) fn new(collection: Collection, filter: Filter) -> Self {
        Self { collection, filter, sort: None, after: None, limit: None, only: &[] }
    }

    #[must_use]
    pub(crate) fn sorted(mut self, field: &'static str, descending: bool) -> Self {
        self.sort = Some(Sort { field, descending });
        self
    }

    #[must_use]
    pub(crate) fn after(mut self, after: Option<After>) -> Self {
        self.after = after;
        self
    }

    #[must_use]
    pub(crate) fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// One change of one document.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    Insert {
        collection: Collection,
        document: Document,
    },
    /// Sets and removes the named fields and leaves every other as it is.
    Update {
        collection: Collection,
        id: String,
        guard: Filter,
        set: Document,
        unset: Vec<&'static str>,
    },
    Delete {
        collection: Collection,
        id: String,
        guard: Filter,
    },
}

impl Write {
    pub(crate) fn insert(collection: Collection, document: Document) -> Self {
        Self::Insert { collection, document }
    }

    pub(crate) fn delete(
        collection: Collection,
        id: &(impl ToString + ?Sized),
        guard: Filter,
    ) -> Self {
        Self::Delete { collection, id: id.to_string(), guard }
    }

    /// Sets every field of `set`; one whose value is null is removed instead.
    pub(crate) fn update(
        collection: Collection,
        id: &(impl ToString + ?Sized),
        guard: Filter,
        fields: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Self {
        let (removed, kept): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(_, value)| value.is_null());
        Self::Update {
            collection,
            id: id.to_string(),
            guard,
            set: kept.into_iter().map(|(field, value)| (field.to_owned(), value)).collect(),
            unset: removed.into_iter().map(|(field, _)| field).collect(),
        }
    }
}
