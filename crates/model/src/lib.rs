//! The words of Pacioli, shared by every room: ids, accounts, the catalog of a company's tables, the
//! Ask tree that every translator produces, and the table that answers it.
//!
//! Nothing here does I/O, awaits, reads a clock, or knows Arrow, HTTP or a database. Types derive
//! `serde` because they are remembered as documents and sent to query workers; the shapes of the HTTP
//! API are the server's own.

mod account;
mod ask;
mod audit;
mod catalog;
mod decimal;
mod email;
mod id;
mod job;
mod question;
mod role;
mod session;
mod table;
mod time;

pub use account::{Company, User};
pub use ask::{
    Aggregate, Ask, Comparison, Direction, Grouping, Literal, Measure, OrderBy, Predicate,
    TimeGrain,
};
pub use audit::{AuditAction, AuditEvent, Outcome};
pub use catalog::{
    Catalog, Column, ColumnName, ColumnProfile, ColumnType, Distinct, InvalidName, Origin,
    TableEntry, TableName,
};
pub use decimal::{Decimal, InvalidDecimal};
pub use email::{Email, InvalidEmail};
pub use id::{
    AuditId, CompanyId, ConversationId, InvalidId, JobId, QueryId, SessionId, TableVersion, UserId,
};
pub use job::{Job, JobFailure, JobKind, JobStatus};
pub use question::QuestionRecord;
pub use role::{Permission, Role};
pub use session::{RefreshHash, Session};
pub use table::{Cell, Table, TableColumn};
pub use time::Timestamp;
