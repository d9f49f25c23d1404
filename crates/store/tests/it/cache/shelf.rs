//! Accounts to read, by a source that can be watched and held up.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::Duration;
use pacioli_model::{
    Company, CompanyId, Email, RefreshHash, Role, Session, SessionId, Timestamp, User, UserId,
};
use pacioli_store::{
    Account, StoreError,
    cache::{AccountSource, Scope},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::noon;

/// What must be found in no cache.
pub(super) const CANARY: &str = "canary-hash";

/// The truth of a test. Cheap to clone; clones share everything.
#[derive(Clone)]
pub(super) struct Shelf {
    accounts: Arc<Mutex<HashMap<SessionId, Account>>>,
    reads: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Shelf {
    pub(super) fn new() -> Self {
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { accounts: Arc::default(), reads: Arc::default(), gate }
    }

    /// One session of person `user` in company `company`, signed in at noon for an hour.
    pub(super) fn add(&self, company: u8, user: u8) -> SessionId {
        let session = Uuid::from_u128(u128::from(company) << 16 | u128::from(user) << 8 | 1);
        let account = account(company, user, SessionId(session), noon());
        self.accounts.lock().unwrap().insert(SessionId(session), account);
        SessionId(session)
    }

    /// Changes the person's name everywhere, as a write to the store does.
    pub(super) fn rename(&self, session: SessionId, name: &str) {
        let mut accounts = self.accounts.lock().unwrap();
        name.clone_into(&mut accounts.get_mut(&session).unwrap().user.full_name);
    }

    pub(super) fn remove(&self, session: SessionId) {
        self.accounts.lock().unwrap().remove(&session);
    }

    /// How often somebody read.
    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// From now on a read has its answer, but is not given it before [`Self::release`].
    pub(super) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn release(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS - self.gate.available_permits());
    }
}

impl AccountSource for Shelf {
    async fn account(&self, session: SessionId) -> Result<Option<Account>, StoreError> {
        let found = self.accounts.lock().unwrap().get(&session).cloned();
        self.reads.fetch_add(1, Ordering::SeqCst);
        let _permit = self.gate.acquire().await.unwrap();
        Ok(found)
    }
}

/// Everybody on person `user`'s devices in company `company`.
pub(super) fn person(company: u8, user: u8) -> Scope {
    Scope::User(company_id(company), user_id(user))
}

pub(super) fn company_id(company: u8) -> CompanyId {
    CompanyId(Uuid::from_u128(u128::from(company) << 64))
}

fn user_id(user: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(user) << 72))
}

fn account(company: u8, user: u8, session: SessionId, now: Timestamp) -> Account {
    let (company_id, user_id) = (company_id(company), user_id(user));
    let hash = || RefreshHash(CANARY.to_owned());
    Account {
        session: Session {
            id: session,
            user_id,
            company_id,
            refresh_hash: hash(),
            previous_hash: Some(hash()),
            rotated_at: Some(now),
            spent_hashes: vec![hash()],
            created_at: now,
            last_used_at: now,
            expires_at: now + Duration::hours(1),
            absolute_expires_at: now + Duration::days(90),
            user_agent: None,
            address: None,
        },
        user: User {
            id: user_id,
            company_id,
            full_name: "old".to_owned(),
            email: Email::parse(&format!("person{user}@example.com")).unwrap(),
            password_hash: CANARY.to_owned(),
            role: Role::User,
            created_by: None,
            created_at: now,
            updated_at: None,
            last_login: None,
            disabled_at: None,
            must_change_password: false,
        },
        company: Company {
            id: company_id,
            company_name: "Example".to_owned(),
            industry: None,
            size: None,
            address: None,
            time_zone: "UTC".to_owned(),
            created_at: now,
            updated_at: now,
            disabled_at: None,
        },
    }
}
