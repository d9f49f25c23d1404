use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Ask, CompanyId, ConversationId, QueryId, Timestamp, UserId, VerifiedId, kept_text};

/// One question as it is remembered: what was asked, how it was understood, how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionRecord {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: QueryId,
    /// Whose company.
    pub company_id: CompanyId,
    /// Who asked.
    pub user_id: UserId,
    /// The run of questions it belongs to.
    pub conversation_id: ConversationId,
    /// When.
    pub asked_at: Timestamp,
    /// The day that relative dates were counted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<NaiveDate>,
    /// The person's words.
    pub question: String,
    /// `answered`, `needs_clarification` or `not_answerable`.
    pub status: String,
    /// What it was understood as, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "readable")]
    pub ask: Option<Ask>,
    /// What was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// What produced the reading: `verified`, `rules` or `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Rows in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
}

/// An Ask that another version of the tree wrote and this one cannot read is forgotten.
fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ask>, D::Error> {
    let written = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(written.and_then(|ask| serde_json::from_value(ask).ok()))
}

/// What is computed for a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "most are the largest")]
pub enum Computed {
    /// An Ask.
    Ask(Ask),
    /// A statement that a person wrote.
    Sql(String),
}

/// A question whose answer somebody with the right has checked: it is answered by this from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifiedQuestion {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: VerifiedId,
    /// Whose.
    pub company_id: CompanyId,
    /// The question in words.
    pub question: String,
    /// What is computed; empty where another version of the Ask tree wrote it, which this one cannot read.
    #[serde(with = "kept_text")]
    pub computed: Option<Computed>,
    /// The day that its relative dates were counted from.
    pub today: NaiveDate,
    /// Days of the Ask that the question does not say are meant for good.
    pub are_days_fixed: bool,
    /// The answer that it was made from.
    pub query_id: Option<QueryId>,
    /// Who checked it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}

/// What somebody thinks of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
}

impl Verdict {
    /// The name that is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
        }
    }
}

/// What the person who asked thinks of an answer, with the answer as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// Stored as `_id`: one for each answer.
    #[serde(rename = "_id")]
    pub id: QueryId,
    /// Whose company.
    pub company_id: CompanyId,
    /// Who says so.
    pub created_by: UserId,
    /// When they said it last.
    pub created_at: Timestamp,
    /// What they think.
    pub verdict: Verdict,
    /// More, in their words.
    pub comment: Option<String>,
    /// What was asked.
    pub question: String,
    /// `answered`, `needs_clarification` or `not_answerable`.
    pub status: String,
    /// What it was understood as.
    #[serde(with = "kept_text")]
    pub ask: Option<Ask>,
    /// What was run.
    pub sql: Option<String>,
    /// What produced the reading.
    pub source: Option<String>,
}
