//! Companies, people and other things to remember; every call makes different ids.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Duration;
use pacioli_model::{
    AuditAction, AuditEvent, AuditId, Company, CompanyId, Email, Outcome, RefreshHash, Role,
    Session, SessionId, Timestamp, User, UserId,
};
use pacioli_store::{Store, TenantStore};
use uuid::Uuid;

static MADE: AtomicU64 = AtomicU64::new(1);

/// An id whose place in the order of ids says nothing about when it was made.
pub(crate) fn next_id() -> Uuid {
    let made = u128::from(MADE.fetch_add(1, Ordering::Relaxed));
    Uuid::from_u128(made.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

/// A time so far ahead that no database expires what ends after it.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(4_102_444_800_000)
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    now() + Duration::seconds(seconds)
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// An address that nobody else has.
pub(crate) fn some_email() -> Email {
    email(&format!("p{}@example.com", next_id().simple()))
}

pub(crate) fn company() -> Company {
    Company {
        id: CompanyId(next_id()),
        company_name: "Analytical Engines".into(),
        industry: Some("Machinery".into()),
        size: None,
        address: None,
        time_zone: "Europe/London".into(),
        created_at: now(),
        updated_at: now(),
        disabled_at: None,
    }
}

pub(crate) fn user(company: CompanyId, role: Role, email: Email) -> User {
    User {
        id: UserId(next_id()),
        company_id: company,
        full_name: "Ada Lovelace".into(),
        email,
        password_hash: "$2b$12$abcdefghijklmnopqrstuv".into(),
        role,
        created_by: None,
        created_at: now(),
        updated_at: None,
        last_login: None,
        disabled_at: None,
        must_change_password: false,
    }
}

pub(crate) fn event(company: CompanyId, action: AuditAction) -> AuditEvent {
    AuditEvent {
        id: AuditId(next_id()),
        company_id: company,
        at: now(),
        action,
        outcome: Outcome::Success,
        actor: None,
        target: None,
        detail: None,
        address: None,
        request_id: None,
    }
}

pub(crate) fn some_event() -> AuditEvent {
    event(CompanyId(next_id()), AuditAction::UserUpdated)
}

pub(crate) fn hash(text: &str) -> RefreshHash {
    RefreshHash(text.into())
}

pub(crate) fn some_hash() -> RefreshHash {
    RefreshHash(next_id().simple().to_string())
}

pub(crate) fn session(user: &User) -> Session {
    Session {
        id: SessionId(next_id()),
        user_id: user.id,
        company_id: user.company_id,
        refresh_hash: some_hash(),
        previous_hash: None,
        rotated_at: None,
        spent_hashes: vec![],
        created_at: now(),
        last_used_at: now(),
        expires_at: later(3600),
        absolute_expires_at: later(7200),
        user_agent: Some("curl/8".into()),
        address: None,
    }
}

/// A company that has signed up, and its owner.
pub(crate) async fn signed_up(store: &Store) -> (TenantStore, User) {
    let company = company();
    let owner =
        User { id: UserId(company.id.0), ..user(company.id, Role::Superuser, some_email()) };
    let event = event(company.id, AuditAction::CompanySignedUp);
    store.sign_up(&company, &owner, &event).await.unwrap();
    (store.tenant(company.id), owner)
}

/// One more person in the company.
pub(crate) async fn added(tenant: &TenantStore, role: Role) -> User {
    let added = user(tenant.company_id(), role, some_email());
    tenant.add_user(&added, &some_event()).await.unwrap();
    added
}

/// A session of the person.
pub(crate) async fn signed_in(tenant: &TenantStore, user: &User) -> Session {
    let session = session(user);
    tenant.create_session(&session, now(), &some_event()).await.unwrap();
    session
}
