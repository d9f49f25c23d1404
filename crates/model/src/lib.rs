//! The words of Pacioli, shared by every room: ids, accounts, the catalog of a company's tables, the
//! Ask tree that every translator produces, and the table that answers it.
//!
//! Nothing here does I/O, awaits, reads a clock, or knows Arrow, HTTP or a database. Types derive
//! `serde` because they are remembered as documents and sent to query workers; the shapes of the HTTP
//! API are the server's own.

mod account;
mod analysis;
mod ask;
mod audit;
mod catalog;
mod connection;
mod decimal;
mod delivery;
mod email;
mod fact;
mod finding;
mod id;
mod job;
mod kept_text;
mod measured;
mod nearest;
pub mod notation;
mod question;
mod references;
mod report;
mod role;
mod run;
mod saved;
mod semantics;
mod semantics_in_effect;
mod session;
mod table;
mod time;

pub use account::{Company, User};
pub use analysis::{Analysis, AnalysisKind};
pub use ask::{
    Aggregate, Aggregation, Ask, ColumnRef, Comparison, DatePart, DayRange, Direction, Figure,
    GroupKey, Grouping, Literal, Measure, Operation, OrderBy, OverTime, Predicate, Shift,
    TextPlace, TimeGrain, Value,
};
pub use audit::{AuditAction, AuditEvent, Outcome};
pub use catalog::{
    Catalog, Column, ColumnName, ColumnProfile, ColumnType, Distinct, ForeignKey, InvalidName,
    Known, MetricName, Origin, Relationship, RelationshipName, TableEntry, TableName,
};
pub use connection::{
    ConnectedTable, Connection, ConnectionKind, Rhythm, Schedule, SealedSecret, UnknownKind,
};
pub use decimal::{Decimal, InvalidDecimal};
pub use delivery::{
    Addressee, Attachment, Condition, Delivery, DeliveryStatus, Found, QuietHours, Sent,
    Subscription, Webhook,
};
pub use email::{Email, InvalidEmail};
pub use fact::{AgeBucket, Component, Crossed, Fact, ForecastStep, RatioComponent, Side};
pub use finding::{
    Better, Caveat, Dimension, Evidence, Finding, FindingVote, MetricUsed, Score, Subject, Test,
    Vote, Votes, Window,
};
pub use id::{
    AuditId, CompanyId, ConnectionId, ConversationId, DashboardId, DeliveryId, InvalidId, JobId,
    QueryId, ReportId, RunId, SavedQuestionId, SessionId, SubscriptionId, TableVersion, UserId,
    VerifiedId, WebhookId,
};
pub use job::{Job, JobFailure, JobKind, JobStatus};
pub use measured::{DateCoverage, MeasuredRelationship, Measurements, ValueMatch, foreign_keys};
pub use nearest::nearest;
pub use question::{Computed, Feedback, QuestionRecord, Verdict, VerifiedQuestion};
pub use references::Named;
pub use report::{
    AnswerColumn, Compare, DefinitionUsed, Kpi, Missing, Point, QueryUsed, Report, ReportContent,
    ReportDays, ReportFilter, ReportKind, ReportOrder, ReportSpec, SavedAnswer, TableUsed,
};
pub use role::{Permission, Role};
pub use run::{Run, TableRun, Trigger};
pub use saved::{Dashboard, SavedQuestion, Tile, TileView};
pub use semantics::{
    Access, Bound, CallerAttribute, ColumnMeaning, Definition, InReports, Labels, Metric, PackUse,
    Policy, Semantics, TableAccess, TableMeaning, UnavailableMetric, Unit, WeekStart,
};
pub use semantics_in_effect::StoredSemantics;
pub use session::{RefreshHash, Session};
pub use table::{Cell, Table, TableColumn};
pub use time::Timestamp;
