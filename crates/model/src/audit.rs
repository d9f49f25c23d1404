use serde::{Deserialize, Serialize};

use crate::{AuditId, CompanyId, Timestamp, UserId};

/// What was done, or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum AuditAction {
    CompanySignedUp,
    CompanyUpdated,
    LoggedIn,
    LoggedOut,
    LoggedOutEverywhere,
    SessionRevoked,
    RefreshTokenReused,
    PasswordChanged,
    ProfileUpdated,
    UserAdded,
    UserUpdated,
    UserDeactivated,
    UserReactivated,
    UserDeleted,
    RoleChanged,
    PasswordReset,
    TableLoaded,
    TableDeleted,
    RowsPushed,
    ConnectionAdded,
    ConnectionUpdated,
    ConnectionDeleted,
    ConnectionTested,
    RunStarted,
    JobCancelled,
    SemanticsChanged,
    AnswerVerified,
    VerifiedDeleted,
    QuestionSaved,
    QuestionUpdated,
    QuestionDeleted,
    DashboardAdded,
    DashboardUpdated,
    DashboardDeleted,
    SubscriptionAdded,
    SubscriptionUpdated,
    SubscriptionDeleted,
    WebhookAdded,
    WebhookDeleted,
    FindingVoted,
    VoteWithdrawn,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

/// One entry of a company's audit log. Entries are added, never changed. They name people by id
/// alone, so that deleting an account leaves no address behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: AuditId,
    /// Whose log.
    pub company_id: CompanyId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// How it ended.
    pub outcome: Outcome,
    /// Who did it; empty where nobody was signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// What it was done to: a user id, a session id, a table name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// More, in words, without secrets or addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The client's network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The request it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
