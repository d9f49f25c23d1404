//! What people and companies look like from outside.

use pacioli_model::{Company, Role, Timestamp, User};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A role, as it is sent.
#[derive(Debug, Clone, Copy, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// Owns the company: its people, its data, its settings.
    Superuser,
    /// Asks questions.
    User,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Superuser => Self::Superuser,
            Role::User => Self::User,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Superuser => Self::Superuser,
            RoleName::User => Self::User,
        }
    }
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserOut {
    /// Names the person for good.
    pub id: Uuid,
    /// The name shown.
    pub full_name: String,
    /// Canonical address.
    #[schema(format = "email")]
    pub email: String,
    /// What they may do.
    pub role: RoleName,
    /// Their company.
    pub company_id: Uuid,
    /// Who added them; absent for a founder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Uuid>,
    /// When the account was made.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub updated_at: Option<Timestamp>,
    /// The last successful login.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub last_login: Option<Timestamp>,
    /// False while the account is shut out.
    pub is_active: bool,
    /// Somebody else chose the password and it was not changed yet.
    pub must_change_password: bool,
}

impl From<&User> for UserOut {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            full_name: user.full_name.clone(),
            email: user.email.to_string(),
            role: user.role.into(),
            company_id: user.company_id.0,
            created_by: user.created_by.map(|id| id.0),
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_login: user.last_login,
            is_active: user.is_active(),
            must_change_password: user.must_change_password,
        }
    }
}

/// A company.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompanyOut {
    /// Names the company for good.
    pub id: Uuid,
    /// Its name.
    pub company_name: String,
    /// Line of business.
    pub industry: Option<String>,
    /// Head count or a range, in its own words.
    pub size: Option<String>,
    /// Postal address.
    pub address: Option<String>,
    /// IANA time zone that "today" is read in.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// When it signed up.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When its profile last changed.
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
}

impl From<&Company> for CompanyOut {
    fn from(company: &Company) -> Self {
        Self {
            id: company.id.0,
            company_name: company.company_name.clone(),
            industry: company.industry.clone(),
            size: company.size.clone(),
            address: company.address.clone(),
            time_zone: company.time_zone.clone(),
            created_at: company.created_at,
            updated_at: company.updated_at,
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// In the order asked for.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// All that match, when `count=true` was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}
