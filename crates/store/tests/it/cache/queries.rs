//! What replicas tell each other of queries.

use pacioli_model::{CompanyId, QueryId};
use pacioli_store::cache::Cache;
use redis::AsyncCommands;
use uuid::Uuid;

use super::{connected, redis_server::RedisServer};

const ROOM: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_one_has_kept_the_others_find() {
    let Some(server) = RedisServer::start().await else { return };
    let (one, other) = (connected(&server).await, connected(&server).await);
    assert_eq!(other.answer("a").await, None);
    let bytes: Vec<u8> = (0..=255).collect();
    one.keep_answer("a", &bytes, ROOM).await;
    assert_eq!(other.answer("a").await, Some(bytes));
    assert_eq!(other.answer("b").await, None);
    one.keep_answer("a", b"again", ROOM).await;
    assert_eq!(other.answer("a").await.as_deref(), Some(&b"again"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_take_no_more_room_than_they_have_and_the_oldest_go() {
    let Some(server) = RedisServer::start().await else { return };
    let cache = connected(&server).await;
    for id in ["a", "b", "c"] {
        cache.keep_answer(id, &[1; 3000], ROOM).await;
    }
    assert!(cache.answer("a").await.is_some(), "it is used, and so not the oldest");
    cache.keep_answer("d", &[1; 3000], ROOM).await;
    let mut found = Vec::new();
    for id in ["a", "b", "c", "d"] {
        found.push(cache.answer(id).await.is_some());
    }
    assert_eq!(found, [true, false, true, true]);
    cache.keep_answer("huge", &vec![1; (1 << 20) + 1], u64::MAX >> 1).await;
    assert_eq!(cache.answer("huge").await, None, "it would keep everybody waiting");
    for id in 0..50 {
        cache.keep_answer(&id.to_string(), &[1; 900], ROOM).await;
    }
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let total: u64 = connection.hget("pacioli:{answers}:sizes", "total").await.unwrap();
    let order: u64 = connection.zcard("pacioli:{answers}:order").await.unwrap();
    let sizes: u64 = connection.hlen("pacioli:{answers}:sizes").await.unwrap();
    assert_eq!((total, order, sizes), (9900, 11, 13), "eleven answers, the total and the clock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_ended_by_whoever_runs_it() {
    let Some(server) = RedisServer::start().await else { return };
    let company = CompanyId(Uuid::from_u128(1));
    let (mine, nobodys) = (QueryId(Uuid::from_u128(2)), QueryId(Uuid::from_u128(3)));
    let alone = connected(&server).await;
    assert!(!alone.end_elsewhere(company, mine).await, "nobody else is there");
    let other = connected(&server).await;
    let mut to_end = other.to_end().unwrap();
    assert!(other.to_end().is_none(), "one listens, not two");
    tokio::spawn(async move {
        while let Some((whose, query)) = to_end.recv().await {
            if (whose, query) == (company, mine) {
                other.ended(whose, query).await;
            }
        }
    });
    assert!(alone.end_elsewhere(company, mine).await);
    assert!(!alone.end_elsewhere(company, nobodys).await);
    let another = CompanyId(Uuid::from_u128(9));
    assert!(!alone.end_elsewhere(another, mine).await, "each company's queries are its own");
}

#[tokio::test]
async fn without_redis_there_is_nobody_to_tell() {
    let cache = Cache::in_process();
    cache.keep_answer("a", b"answer", ROOM).await;
    assert_eq!(cache.answer("a").await, None);
    assert!(cache.to_end().is_none());
    let nobody = (CompanyId(Uuid::nil()), QueryId(Uuid::nil()));
    assert!(!cache.end_elsewhere(nobody.0, nobody.1).await);
}
