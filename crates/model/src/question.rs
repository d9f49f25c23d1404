use serde::{Deserialize, Deserializer, Serialize};

use crate::{Ask, CompanyId, ConversationId, QueryId, Timestamp, UserId};

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
    /// The person's words.
    pub question: String,
    /// `answered`, `needs_clarification` or `not_answerable`.
    pub status: String,
    /// What it was understood as, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "readable")]
    pub ask: Option<Ask>,
    /// Rows in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
}

/// An Ask that another version of the tree wrote and this one cannot read is forgotten.
fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ask>, D::Error> {
    let written = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(written.and_then(|ask| serde_json::from_value(ask).ok()))
}
