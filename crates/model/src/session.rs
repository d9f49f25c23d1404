use serde::{Deserialize, Serialize};

use crate::{CompanyId, SessionId, Timestamp, UserId};

/// SHA-256 of a refresh token, in lower-case hex: what is stored in its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefreshHash(pub String);

/// One signed-in device: a family of refresh tokens, of which one is current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Stored as `_id`; the `sid` of its access tokens.
    #[serde(rename = "_id")]
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// Whose company.
    pub company_id: CompanyId,
    /// The refresh token that is good now.
    pub refresh_hash: RefreshHash,
    /// The one it replaced: within the replay window it is answered with the same successor,
    /// after it, its use ends the family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_hash: Option<RefreshHash>,
    /// When the current token replaced the previous one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// Every older token of the family, newest first and bounded: their use ends it too.
    #[serde(default)]
    pub spent_hashes: Vec<RefreshHash>,
    /// When the device signed in.
    pub created_at: Timestamp,
    /// The last login or refresh.
    pub last_used_at: Timestamp,
    /// The sooner of idle and absolute expiry.
    pub expires_at: Timestamp,
    /// Never extended past this.
    pub absolute_expires_at: Timestamp,
    /// The device's own words about itself, cut and cleaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Where it signed in from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}
