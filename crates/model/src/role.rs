use serde::{Deserialize, Serialize};

/// What a person may do in their company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Owns the company: its people, its data, its settings. A company always has one.
    Superuser,
    /// Asks questions.
    User,
}

/// One thing that a route lets a person do. A handler names it in its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Read and change one's own account and sessions.
    OwnAccount,
    /// Ask questions, and see the tables that answers come from.
    AskQuestions,
    /// Write SQL of one's own.
    RunSql,
    /// Mark answers as right, and say what is right where they are not.
    VerifyAnswers,
    /// Have answers sent to people and programs.
    ManageDeliveries,
    /// Load and delete tables, connect systems, declare what tables mean.
    ManageData,
    /// Add, change and remove people.
    ManagePeople,
    /// Change the company's profile.
    ManageCompany,
    /// Read the audit log.
    ReadAudit,
}

impl Role {
    /// Whether this role carries `permission`.
    pub fn allows(self, permission: Permission) -> bool {
        match self {
            Self::Superuser => true,
            Self::User => matches!(permission, Permission::OwnAccount | Permission::AskQuestions),
        }
    }

    /// The name that is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superuser => "superuser",
            Self::User => "user",
        }
    }
}
