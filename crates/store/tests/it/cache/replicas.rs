//! Several servers on one Redis.

use std::time::{Duration, Instant};

use pacioli_model::SessionId;
use pacioli_store::cache::{Accounts, Cache, CacheKind, CacheState};
use redis::AsyncCommands;

use super::{
    accounts::name,
    connected,
    limits::{limit, storm},
    noon,
    redis_server::RedisServer,
    shelf::{CANARY, Shelf, company_id, person},
};

/// Longer than any of this may take, with room for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Asks until a request sees the new name.
pub(super) async fn sees_new(accounts: &Accounts<Shelf>, session: SessionId) -> Duration {
    let started = Instant::now();
    while name(accounts, session, noon()).await != "new" {
        assert!(started.elapsed() < SOON, "still the old account after {SOON:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    started.elapsed()
}

pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < SOON, "not after {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Two replicas that both hold the old account.
struct Pair {
    shelf: Shelf,
    session: SessionId,
    caches: [Cache; 2],
    one: Accounts<Shelf>,
    other: Accounts<Shelf>,
}

async fn pair(server: &RedisServer) -> Pair {
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let caches = [connected(server).await, connected(server).await];
    let [one, other] = caches.clone().map(|cache| Accounts::new(cache, shelf.clone()));
    for accounts in [&one, &other, &one, &other] {
        assert_eq!(name(accounts, session, noon()).await, "old");
    }
    Pair { shelf, session, caches, one, other }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_has_read_the_others_need_not() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    assert_eq!(pair.shelf.reads(), 1);
    let [one, other] = pair.caches.map(|cache| {
        assert_eq!((cache.kind(), cache.state()), (CacheKind::Redis, CacheState::Connected));
        cache.stats()
    });
    assert_eq!((one.misses, one.redis_hits, one.local_hits), (1, 0, 1));
    assert_eq!((other.misses, other.redis_hits, other.local_hits), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_is_pushed_to_the_others() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    for round in 0..20 {
        pair.shelf.rename(pair.session, "new");
        pair.one.invalidate(person(1, 1)).await;
        assert_eq!(name(&pair.one, pair.session, noon()).await, "new", "round {round}");
        sees_new(&pair.other, pair.session).await;
        pair.shelf.rename(pair.session, "old");
        pair.other.invalidate(person(1, 1)).await;
        assert_eq!(name(&pair.other, pair.session, noon()).await, "old", "round {round}");
        until("the first replica heard", || {
            pair.caches[0].stats().invalidations_received > 2 * round + 1
        })
        .await;
        assert_eq!(name(&pair.one, pair.session, noon()).await, "old", "round {round}");
    }
    for cache in &pair.caches {
        let stats = cache.stats();
        assert_eq!((stats.invalidations_sent, stats.invalidations_received), (20, 40));
        assert_eq!(stats.gaps, 0, "and nothing was missed");
    }
}

/// The one that reads is not the one that withdraws: only Redis can know that its copy is too old,
/// whether it still has the mark of the withdrawal or has had to let it go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_another_replica_overtakes_is_not_shared() {
    for mark_is_lost in [false, true] {
        let Some(server) = RedisServer::start().await else { return };
        let pair = pair(&server).await;
        pair.one.invalidate(person(1, 1)).await;
        until("both heard", || {
            pair.caches.iter().all(|cache| cache.stats().invalidations_received == 1)
        })
        .await;
        let reads = pair.shelf.reads();
        pair.shelf.hold();
        let (reader, session) = (pair.other.clone(), pair.session);
        let reader = tokio::spawn(async move { name(&reader, session, noon()).await });
        until("the read began", || pair.shelf.reads() > reads).await;
        pair.shelf.rename(session, "new");
        pair.one.invalidate(person(1, 1)).await;
        if mark_is_lost {
            forget_marks(&server).await;
        }
        pair.shelf.release();
        assert_eq!(reader.await.unwrap(), "old");
        sees_new(&pair.other, session).await;
        let third = Accounts::new(connected(&server).await, pair.shelf.clone());
        assert_eq!(name(&third, session, noon()).await, "new");
    }
}

/// As a Redis does that needs the room.
async fn forget_marks(server: &RedisServer) {
    let mut client = server.client().await;
    for kind in ["user", "company"] {
        let marks: Vec<String> =
            client.keys(format!("pacioli:{{accounts}}:{kind}:*")).await.unwrap();
        let _: () = client.del(marks).await.unwrap();
    }
}

/// As when Redis drops a slow listener's message, or fails over to a replica that lacked it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_never_came_is_missed_within_the_heartbeat() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    pair.shelf.rename(pair.session, "new");
    let mut client = server.client().await;
    let _: () = client.del("pacioli:{accounts}:sequence").await.unwrap();
    let _: () = client.del(format!("pacioli:{{accounts}}:session:{}", pair.session)).await.unwrap();
    for accounts in [&pair.one, &pair.other] {
        let took = sees_new(accounts, pair.session).await;
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    assert!(pair.caches.iter().all(|cache| cache.stats().gaps == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_after_one_that_never_came_drops_everything() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    let stranger = pair.shelf.add(2, 2);
    name(&pair.other, stranger, noon()).await;
    let mut client = server.client().await;
    let elsewhere = format!("1 2 company {}", company_id(9));
    for text in [elsewhere.as_str(), "1 2 company nobody", "", "x y z"] {
        let gaps = pair.caches[1].stats().gaps;
        let _: () = client.publish("pacioli:accounts:0", text).await.unwrap();
        until("the gap was seen", || pair.caches[1].stats().gaps > gaps).await;
        assert_eq!(pair.caches[1].stats().entries, 0);
        name(&pair.other, stranger, noon()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_subscription_never_leaves_the_past() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    let mut client = server.client().await;
    let kill = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").to_owned();
    for round in 0..5 {
        pair.shelf.rename(pair.session, "old");
        pair.one.invalidate(person(1, 1)).await;
        until("both connected", || {
            pair.caches.iter().all(|cache| cache.state() == CacheState::Connected)
        })
        .await;
        for accounts in [&pair.one, &pair.other] {
            name(accounts, pair.session, noon()).await;
        }
        let killed: usize = kill.query_async(&mut client).await.unwrap();
        assert_eq!(killed, 2, "round {round}");
        pair.shelf.rename(pair.session, "new");
        pair.one.invalidate(person(1, 1)).await;
        assert_eq!(name(&pair.one, pair.session, noon()).await, "new", "round {round}");
        let took = sees_new(&pair.other, pair.session).await;
        assert!(took < Duration::from_secs(3), "round {round}: {took:?}");
        // And it stays so, while both come back.
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(400) {
            for accounts in [&pair.one, &pair.other] {
                assert_eq!(name(accounts, pair.session, noon()).await, "new", "round {round}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Its own line breaks, and the withdrawal is made while it is away: it comes back in good faith.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_away_comes_back_without_its_copies() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    let mut client = server.client().await;
    let list: String = redis::cmd("CLIENT")
        .arg(&["LIST", "TYPE", "pubsub"])
        .query_async(&mut client)
        .await
        .unwrap();
    // The second to connect.
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap().trim_start_matches("id=");
    let kill = ["KILL", "ID", id];
    let killed: usize = redis::cmd("CLIENT").arg(&kill).query_async(&mut client).await.unwrap();
    assert_eq!(killed, 1);
    pair.shelf.rename(pair.session, "new");
    pair.one.invalidate(person(1, 1)).await;
    until("it noticed", || pair.caches[1].state() != CacheState::Connected).await;
    assert_eq!(pair.caches[0].state(), CacheState::Connected);
    until("it came back", || pair.caches[1].state() == CacheState::Connected).await;
    assert_eq!(pair.caches[1].stats().invalidations_received, 0, "it missed the message");
    assert_eq!(name(&pair.other, pair.session, noon()).await, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_holds_is_short_lived_and_opens_no_door() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    pair.one.invalidate(person(1, 1)).await;
    name(&pair.one, pair.session, noon()).await;
    pair.caches[0].take(&[limit("a", 5)], noon()).await;
    let mut client = server.client().await;
    let keys: Vec<String> = client.keys("*").await.unwrap();
    assert_eq!(keys.len(), 5, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("pacioli:{"), "{key}");
        let bytes: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(&mut client).await.unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{key}");
        let millis: i64 = client.pttl(&key).await.unwrap();
        match key.as_str() {
            "pacioli:{accounts}:sequence" => assert_eq!(millis, -1),
            key if key.contains("session") => assert!((1..=60_000).contains(&millis), "{millis}"),
            _ => assert!((1..=600_000).contains(&millis), "{key}: {millis}"),
        }
    }
}

/// Whoever loses its memory must not vouch for what it wrote before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_without_its_marks_is_not_believed() {
    let Some(server) = RedisServer::start().await else { return };
    let pair = pair(&server).await;
    forget_marks(&server).await;
    let third = Accounts::new(connected(&server).await, pair.shelf.clone());
    pair.shelf.rename(pair.session, "new");
    assert_eq!(name(&third, pair.session, noon()).await, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_their_limits() {
    let Some(server) = RedisServer::start().await else { return };
    let caches = [connected(&server).await, connected(&server).await];
    assert_eq!(storm(&caches, &limit("a", 5)).await, 5);
    assert!(caches.iter().all(|cache| cache.stats().local_limits == 0));
}
