//! What handlers are given: the caller, and input that has been checked. Every refusal has the one
//! error shape.

mod caller;
mod form;
mod idempotency;
mod json;
mod parts;
mod text;

pub use caller::{
    AskQuestions, Caller, ManageCompany, ManageData, ManageDeliveries, ManagePeople, OwnAccount,
    ReadAudit, RunSql, VerifyAnswers,
};
pub use form::Credentials;
pub use idempotency::{IdempotencyKey, Submission, Turn, kept};
pub use json::{Json, field_refusal, media_type, parse_json, read_body};
pub use parts::{Path, Query};
pub use text::{Line, Patch, given, present};
