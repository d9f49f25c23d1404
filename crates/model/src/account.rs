use serde::{Deserialize, Serialize};

use crate::{CompanyId, Email, Role, Timestamp, UserId};

/// A company: the tenant that owns people, tables, questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: CompanyId,
    /// The name it signed up with.
    pub company_name: String,
    /// Line of business, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<String>,
    /// Head count or a range, in its own words (`"50-100"`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Postal address, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// IANA time zone that "today" and "this month" are read in.
    #[serde(default = "utc_zone")]
    pub time_zone: String,
    /// When it signed up.
    pub created_at: Timestamp,
    /// When its profile last changed.
    pub updated_at: Timestamp,
    /// Set while the whole company is shut out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

fn utc_zone() -> String {
    "UTC".to_owned()
}

/// A person's account, field for field the original `users` document plus what safety asks for.
/// Everything the Python system may have left out is optional or defaulted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Stored as `_id`, a UUID in text.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// The company this person belongs to, for good.
    pub company_id: CompanyId,
    /// The name shown.
    pub full_name: String,
    /// Canonical address; unique over all companies, for the login form names no company.
    pub email: Email,
    /// bcrypt text. `$2a/$2b` of the plain password where the Python system wrote it, else marked
    /// with the pre-hash's version by the server.
    pub password_hash: String,
    /// What this person may do.
    pub role: Role,
    /// Who added them; empty for a founder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<UserId>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the account last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The last successful login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login: Option<Timestamp>,
    /// Set while the account is shut out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Somebody else chose the password: only changing it is allowed.
    #[serde(default)]
    pub must_change_password: bool,
}

impl User {
    /// Whether the account may be used.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none()
    }
}
