//! Everything that is remembered, as documents: companies, people, sessions, the audit log, the
//! catalog of tables, connections and their runs, jobs, questions, what people keep of their answers, and idempotency keys; on SQLite, embedded, or on MongoDB. And,
//! in [`cache`], the caches that stand in front of it.
//!
//! The way in is [`Store`], and for one company's data [`TenantStore`], from [`Store::tenant`]. Both are
//! plain structs with domain verbs, each written once over a private `Backend` of seven primitives,
//! chosen once, when the store is opened. One suite of tests (`tests/it/conformance`) runs on both.
//!
//! Nothing here knows HTTP or who may do what, reads a clock or makes up an id: times and ids come with
//! the values. Absent is `Option`, another company's object is absent, and [`StoreError`] has one variant
//! for each thing that a caller does differently.
//!
//! # To add a collection
//!
//! 1. Its words go into `pacioli-model`, with `#[serde(rename = "_id")]` on the id. A field that holds a
//!    time is called `at` or `…_at` or `…_until`: that is how MongoDB knows to keep a date.
//! 2. A variant of `backend::Collection` (and in `EXPIRING`, if it has an `expires_at`).
//! 3. SQLite: one more migration in `backend/sqlite/schema.rs`; MongoDB: its indexes in
//!    `backend/mongo/indexes.rs`. Each query has an index in both.
//! 4. Its verbs, in a file named after it, with the company in every filter; and their tests in the
//!    conformance suite.

mod accounts;
mod adoption;
mod audit;
mod backend;
pub mod cache;
mod companies;
mod connections;
mod deliveries;
mod document;
mod error;
mod idempotency;
mod jobs;
mod kept;
mod model_use;
mod observer;
mod page;
mod questions;
mod reports;
mod runs;
mod semantics;
mod sessions;
mod store;
mod tables;
mod tenant;
mod users;

pub use accounts::Account;
pub use audit::AuditQuery;
pub use backend::mongo::Transactions;
pub use cache::{
    AccountSource, Accounts, Cache, CacheKind, CacheState, CacheStats, Decision, InvalidRedisUrl,
    Limit, LimitKey, Quota, Scope,
};
pub use companies::CompanyChange;
pub use connections::{ConnectionChange, Lease};
pub use error::{Duplicate, StoreError};
pub use idempotency::{Claim, IdempotencyRecord, StoredResponse};
pub use kept::Kept;
pub use observer::Observer;
pub use page::{After, Page, PageRequest};
pub use semantics::SemanticsVersion;
pub use store::Store;
pub use tenant::TenantStore;
pub use users::{SortUsers, UserChange, UserQuery};
