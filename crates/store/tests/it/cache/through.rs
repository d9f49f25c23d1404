//! A cache in front of a real store.

use chrono::Duration;
use pacioli_model::{AuditAction, AuditEvent, AuditId, Outcome, SessionId};
use pacioli_store::{
    Account, Store,
    cache::{AccountSource, Accounts, Cache, Scope},
};
use uuid::Uuid;

use super::{
    contract, noon,
    shelf::{CANARY, Shelf},
};

contract! {
    a_session_lives_until_it_is_ended_and_its_hashes_stay_in_the_store,
}

fn event(account: &Account) -> AuditEvent {
    AuditEvent {
        id: AuditId(Uuid::from_u128(7)),
        company_id: account.company.id,
        at: noon(),
        action: AuditAction::LoggedIn,
        outcome: Outcome::Success,
        actor: None,
        target: None,
        detail: None,
        address: None,
        request_id: None,
    }
}

async fn a_session_lives_until_it_is_ended_and_its_hashes_stay_in_the_store(cache: Cache) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_sqlite(folder.path()).await.unwrap();
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let account = shelf.account(session).await.unwrap().unwrap();
    let mut founding = event(&account);
    founding.id = AuditId(Uuid::from_u128(6));
    store.sign_up(&account.company, &account.user, &founding).await.unwrap();
    let tenant = store.tenant(account.company.id);
    tenant.create_session(&account.session, noon(), &event(&account)).await.unwrap();

    let accounts = Accounts::new(cache.clone(), store.clone());
    let now = noon() + Duration::minutes(1);
    for _ in 0..2 {
        let found = accounts.get(session, now).await.unwrap().unwrap();
        assert_eq!((found.user.id, found.company.id), (account.user.id, account.company.id));
        assert!(!format!("{found:?}").contains(CANARY), "{found:?}");
    }
    assert_eq!((cache.stats().misses, cache.stats().local_hits), (1, 1));

    assert!(tenant.end_session(session, None).await.unwrap());
    accounts.invalidate(Scope::User(account.company.id, account.user.id)).await;
    assert!(accounts.get(session, now).await.unwrap().is_none(), "on the very next request");
    let nobody = SessionId(Uuid::from_u128(99));
    assert!(accounts.get(nobody, now).await.unwrap().is_none());
    let kept = store.user_by_email(&account.user.email).await.unwrap().unwrap();
    assert_eq!(kept.password_hash, CANARY, "the store itself keeps what the cache does not");
}
