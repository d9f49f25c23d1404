//! Redis away, back, silent, or never there.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use pacioli_store::cache::{Accounts, Cache, CacheState, InvalidRedisUrl};

use super::{
    accounts::name,
    limits::{limit, storm},
    noon,
    redis_server::RedisServer,
    replicas::{sees_new, until},
    shelf::{Shelf, person},
};

/// A request waits 100 ms for Redis at most; the rest is for a busy machine.
const PROMPT: Duration = Duration::from_millis(600);

async fn promptly<T>(what: &str, answer: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let answer = answer.await;
    assert!(started.elapsed() < PROMPT, "{what} took {:?}", started.elapsed());
    answer
}

fn degraded(cache: &Cache) -> bool {
    matches!(cache.state(), CacheState::Degraded { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again() {
    let Some(mut server) = RedisServer::start().await else { return };
    let cache = Cache::redis(&server.url()).await.unwrap();
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache.clone(), shelf.clone());
    name(&accounts, session, noon()).await;

    server.kill();
    until("degraded", || degraded(&cache)).await;
    shelf.rename(session, "new");
    promptly("invalidate", accounts.invalidate(person(1, 1))).await;
    assert_eq!(promptly("get", name(&accounts, session, noon())).await, "new");
    assert_eq!(
        storm(std::slice::from_ref(&cache), &limit("a", 5)).await,
        5,
        "limits are never open"
    );
    let decision = promptly("take", cache.take(&[limit("a", 5)], noon())).await;
    assert_eq!((decision.allowed, decision.local), (false, true));
    promptly("refund", cache.refund(&[limit("a", 5)])).await;
    assert!(cache.take(&[limit("a", 5)], noon()).await.allowed);
    assert_eq!(cache.stats().local_limits, 102);

    server.run().await;
    until("connected", || cache.state() == CacheState::Connected).await;
    let decision = cache.take(&[limit("b", 5)], noon()).await;
    assert_eq!((decision.allowed, decision.local), (true, false));
    assert_eq!(name(&accounts, session, noon()).await, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_and_thawed() {
    let Some(server) = RedisServer::start().await else { return };
    let caches =
        [Cache::redis(&server.url()).await.unwrap(), Cache::redis(&server.url()).await.unwrap()];
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let [one, other] = caches.clone().map(|cache| Accounts::new(cache, shelf.clone()));
    for accounts in [&one, &other] {
        name(accounts, session, noon()).await;
    }

    server.freeze();
    shelf.rename(session, "new");
    promptly("invalidate", one.invalidate(person(1, 1))).await;
    assert_eq!(promptly("get", name(&one, session, noon())).await, "new");
    let took = sees_new(&other, session).await;
    assert!(took < Duration::from_secs(3), "the other did not notice the silence for {took:?}");
    promptly("take", caches[0].take(&[limit("a", 5)], noon())).await;
    until("both degraded", || caches.iter().all(degraded)).await;

    server.thaw();
    let started = Instant::now();
    while !caches.iter().all(|cache| cache.state() == CacheState::Connected) {
        assert!(started.elapsed() < Duration::from_secs(10), "{caches:?}");
        // What Redis itself still holds of the past must not come back.
        assert_eq!(name(&one, session, noon()).await, "new");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for accounts in [&one, &other] {
        sees_new(accounts, session).await;
        assert_eq!(name(accounts, session, noon()).await, "new");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_there_yet() {
    let Some(mut server) = RedisServer::none_yet() else { return };
    let cache = promptly("start", Cache::redis(&server.url())).await.unwrap();
    // The first attempt is not waited for long.
    let refused =
        |state| matches!(state, CacheState::Degraded { reason, .. } if reason.contains("refused"));
    until("refused", || refused(cache.state())).await;
    assert!(promptly("take", cache.take(&[limit("a", 5)], noon())).await.local);
    server.run().await;
    until("connected", || cache.state() == CacheState::Connected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_accepts_and_says_nothing_holds_up_nobody() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let started = Instant::now();
    let cache = Cache::redis(&url).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let shelf = Shelf::new();
    let session = shelf.add(1, 1);
    let accounts = Accounts::new(cache.clone(), shelf);
    promptly("get", name(&accounts, session, noon())).await;
    promptly("invalidate", accounts.invalidate(person(1, 1))).await;
    assert!(promptly("take", cache.take(&[limit("a", 5)], noon())).await.local);
    assert!(degraded(&cache));
}

/// The first command to time out speaks for all: only those already waiting wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_first_requests_wait_for_a_frozen_server() {
    let Some(server) = RedisServer::start().await else { return };
    let cache = Cache::redis(&server.url()).await.unwrap();
    server.freeze();
    promptly("the first take", cache.take(&[limit("a", 5)], noon())).await;
    let started = Instant::now();
    for _ in 0..1000 {
        cache.take(&[limit("a", 5)], noon()).await;
    }
    assert!(started.elapsed() < PROMPT, "a thousand more took {:?}", started.elapsed());
}

#[tokio::test]
async fn only_a_url_that_can_never_work_is_refused() {
    for url in
        ["", "localhost", "http://localhost", "redis://", "redis://host/notanumber", "rediss://"]
    {
        let refused = Cache::redis(url).await;
        assert_eq!(refused.err(), Some(InvalidRedisUrl), "{url}");
    }
}

/// Runs itself again, for the certificates that a process trusts are named in its environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_and_its_certificate_checked() {
    const TRUSTED: &str = "PACIOLI_TEST_TRUSTED_REDIS";
    if let Ok(url) = std::env::var(TRUSTED) {
        let cache = Cache::redis(&url).await.unwrap();
        until("connected", || cache.state() == CacheState::Connected).await;
        assert!(!cache.take(&[limit("a", 5)], noon()).await.local);
        return;
    }
    let Some(server) = RedisServer::start_with_tls() else { return };
    let cache = Cache::redis(&server.url()).await.unwrap();
    let distrusted = |state| match state {
        CacheState::Degraded { reason, .. } => reason.contains("certificate"),
        CacheState::Connected | CacheState::InProcess => {
            panic!("an unknown certificate was accepted")
        }
    };
    until("it refused the certificate", || distrusted(cache.state())).await;
    let trusting = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cache::outage::tls_is_spoken_and_its_certificate_checked"])
        .env("SSL_CERT_FILE", server.certificate())
        .env(TRUSTED, server.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&trusting.stdout);
    assert!(trusting.status.success() && said.contains("1 passed"), "{said}");
}

/// A writer that several threads may hold.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn each_change_is_said_once_and_never_with_the_password() {
    let Some(mut server) = RedisServer::none_yet() else { return };
    let lines = Lines::default();
    let sink = lines.clone();
    // With one dispatcher alone, tracing lets any thread decide for all what is of interest.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_writer(move || sink.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let url = server.url().replace("redis://", "redis://someone:hunter2@");
    let cache = Cache::redis(&url).await.unwrap();
    server.run().await;
    let reason = || match cache.state() {
        CacheState::Degraded { reason, .. } => reason,
        other => format!("{other:?}"),
    };
    until("it refused the password", || !reason().contains("refused (os error")).await;
    assert!(degraded(&cache), "{:?}", cache.state());
    let mut client = server.client().await;
    let user = ["SETUSER", "someone", "on", ">hunter2", "allkeys", "allchannels", "+@all"];
    let _: () = redis::cmd("ACL").arg(&user).query_async(&mut client).await.unwrap();
    until("connected", || cache.state() == CacheState::Connected).await;
    server.kill();
    until("degraded", || degraded(&cache)).await;

    let said = lines.text();
    let count = |event: &str| said.matches(event).count();
    assert_eq!((count("cache.degraded"), count("cache.connected")), (2, 1), "{said}");
    assert!(!said.contains("hunter2") && !format!("{cache:?}").contains("hunter2"), "{said}");
}
