use std::time::Instant;

use chrono::Duration;
use pacioli_model::{SessionId, Timestamp};
use pacioli_store::cache::{Accounts, Cache, CacheKind, CacheState, Scope};

use super::{
    contract, noon,
    shelf::{CANARY, Shelf, company_id, person},
};

contract! {
    a_second_read_needs_no_store,
    an_invalidated_person_is_read_again_and_others_are_not,
    an_invalidated_company_is_read_again_and_others_are_not,
    hashes_are_blank_whether_read_or_remembered,
    a_snapshot_does_not_outlive_its_session,
    an_absent_account_is_not_remembered,
    a_read_that_an_invalidation_overtakes_is_not_kept,
    nobody_sees_the_past_after_an_invalidation,
}

/// The name that a request at `now` sees.
pub(super) async fn name(accounts: &Accounts<Shelf>, session: SessionId, now: Timestamp) -> String {
    accounts.get(session, now).await.unwrap().unwrap().user.full_name.clone()
}

async fn a_second_read_needs_no_store(cache: Cache) {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache.clone(), shelf.clone());
    for _ in 0..3 {
        assert_eq!(name(&accounts, session, noon()).await, "old");
    }
    assert_eq!(shelf.reads(), 1);
    let stats = cache.stats();
    assert_eq!((stats.local_hits, stats.redis_hits, stats.misses, stats.entries), (2, 0, 1, 1));
}

async fn an_invalidated_person_is_read_again_and_others_are_not(cache: Cache) {
    let shelf = Shelf::new();
    let (changed, same) = (shelf.add(1, 1), shelf.add(1, 2));
    let accounts = Accounts::new(cache, shelf.clone());
    for session in [changed, same] {
        name(&accounts, session, noon()).await;
    }
    shelf.rename(changed, "new");
    accounts.invalidate(person(1, 1)).await;
    assert_eq!(name(&accounts, changed, noon()).await, "new");
    assert_eq!(name(&accounts, same, noon()).await, "old");
    assert_eq!(shelf.reads(), 3);
}

async fn an_invalidated_company_is_read_again_and_others_are_not(cache: Cache) {
    let shelf = Shelf::new();
    let (first, second, foreign) = (shelf.add(1, 1), shelf.add(1, 2), shelf.add(2, 3));
    let accounts = Accounts::new(cache, shelf.clone());
    for session in [first, second, foreign] {
        name(&accounts, session, noon()).await;
        shelf.rename(session, "new");
    }
    accounts.invalidate(Scope::Company(company_id(1))).await;
    assert_eq!(name(&accounts, first, noon()).await, "new");
    assert_eq!(name(&accounts, second, noon()).await, "new");
    assert_eq!(name(&accounts, foreign, noon()).await, "old");
}

async fn hashes_are_blank_whether_read_or_remembered(cache: Cache) {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache, shelf);
    for _ in 0..2 {
        let account = accounts.get(session, noon()).await.unwrap().unwrap();
        assert!(!format!("{account:?}").contains(CANARY), "{account:?}");
    }
}

/// A refresh may have given the session more time.
async fn a_snapshot_does_not_outlive_its_session(cache: Cache) {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache, shelf.clone());
    let end = noon() + Duration::hours(1);
    let shortly_before = end - Duration::milliseconds(1);
    for (now, reads) in [(shortly_before, 1), (shortly_before, 1), (end, 2), (end, 3)] {
        name(&accounts, session, now).await;
        assert_eq!(shelf.reads(), reads, "at {now}");
    }
}

async fn an_absent_account_is_not_remembered(cache: Cache) {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    shelf.remove(session);
    let accounts = Accounts::new(cache, shelf.clone());
    assert!(accounts.get(session, noon()).await.unwrap().is_none());
    shelf.add(1, 1);
    assert_eq!(name(&accounts, session, noon()).await, "old");
}

async fn a_read_that_an_invalidation_overtakes_is_not_kept(cache: Cache) {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache, shelf.clone());
    shelf.hold();
    let reader = tokio::spawn({
        let accounts = accounts.clone();
        async move { name(&accounts, session, noon()).await }
    });
    while shelf.reads() == 0 {
        tokio::task::yield_now().await;
    }
    shelf.rename(session, "new");
    accounts.invalidate(person(1, 1)).await;
    shelf.release();
    assert_eq!(reader.await.unwrap(), "old", "it began before the change was over");
    assert_eq!(name(&accounts, session, noon()).await, "new");
}

/// Readers at full speed, a writer, and after every change a read that must see it.
async fn nobody_sees_the_past_after_an_invalidation(cache: Cache) {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache, shelf.clone());
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let accounts = accounts.clone();
            tokio::spawn(async move {
                loop {
                    name(&accounts, session, noon()).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for version in 0..300 {
        let version = version.to_string();
        shelf.rename(session, &version);
        accounts.invalidate(person(1, 1)).await;
        assert_eq!(name(&accounts, session, noon()).await, version);
    }
    for reader in readers {
        reader.abort();
    }
}

#[tokio::test]
async fn a_snapshot_lives_a_minute() {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(Cache::in_process(), shelf.clone());
    for (seconds, reads) in [(0, 1), (59, 1), (60, 2), (119, 2), (120, 3)] {
        name(&accounts, session, noon() + Duration::seconds(seconds)).await;
        assert_eq!(shelf.reads(), reads, "after {seconds} s");
    }
}

#[tokio::test]
async fn without_a_cache_every_read_is_the_stores() {
    let cache = Cache::none();
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache.clone(), shelf.clone());
    for _ in 0..3 {
        let account = accounts.get(session, noon()).await.unwrap().unwrap();
        assert!(!format!("{account:?}").contains(CANARY), "{account:?}");
    }
    assert_eq!((shelf.reads(), cache.stats().entries), (3, 0));
    assert_eq!((cache.kind(), cache.state()), (CacheKind::None, CacheState::InProcess));
}

#[tokio::test]
async fn memory_is_bounded() {
    let cache = Cache::in_process();
    let shelf = Shelf::new();
    let template = shelf.add(1, 1);
    let accounts = Accounts::new(cache.clone(), Endless(shelf, template));
    let started = Instant::now();
    for number in 0..150_000_u128 {
        let session = SessionId(uuid::Uuid::from_u128(number));
        accounts.get(session, noon()).await.unwrap().unwrap();
    }
    let entries = cache.stats().entries;
    assert!((50_000..=110_000).contains(&entries), "{entries} after {:?}", started.elapsed());
}

/// Knows every session.
#[derive(Clone)]
struct Endless(Shelf, SessionId);

impl pacioli_store::cache::AccountSource for Endless {
    async fn account(
        &self,
        session: SessionId,
    ) -> Result<Option<pacioli_store::Account>, pacioli_store::StoreError> {
        let mut account = self.0.account(self.1).await?;
        if let Some(account) = &mut account {
            account.session.id = session;
        }
        Ok(account)
    }
}
