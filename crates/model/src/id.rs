use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text was not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct InvalidId;

macro_rules! id {
    ($(#[doc = $doc:literal] $name:ident),+ $(,)?) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Upper and lower case are read; lower case is written.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

id! {
    /// A company. Equal to its first owner's [`UserId`] at sign-up, and never derived from it after.
    CompanyId,
    /// A person's account.
    UserId,
    /// One signed-in device: a family of refresh tokens.
    SessionId,
    /// An entry of the audit log.
    AuditId,
    /// A piece of long work.
    JobId,
    /// One question and its answer.
    QueryId,
    /// A run of questions that build on each other.
    ConversationId,
    /// A question whose answer somebody has checked.
    VerifiedId,
    /// A question that people come back to.
    SavedQuestionId,
    /// Saved questions side by side.
    DashboardId,
    /// What is sent to whom, and when.
    SubscriptionId,
    /// One message to one addressee.
    DeliveryId,
    /// A program that is told of answers.
    WebhookId,
    /// A system that tables are loaded from.
    ConnectionId,
    /// One report.
    ReportId,
    /// One load of a connection's tables.
    RunId,
    /// One load of a table. Readers keep the version that they planned with.
    TableVersion,
}

impl CompanyId {
    /// The id a company takes from the person who signs it up: the same value, as the original
    /// `users` collection had it.
    pub fn of_founder(founder: UserId) -> Self {
        Self(founder.0)
    }
}
