//! The contract of the caches, kept by both: the same functions run on the process's own memory and on
//! a real Redis. What only several replicas can show is in `replicas`, what only a failing Redis can
//! show is in `outage`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod limits;
mod outage;
mod queries;
mod redis_server;
mod replicas;
mod shelf;
mod through;

use pacioli_model::Timestamp;
use pacioli_store::cache::Cache;

use self::redis_server::RedisServer;

/// A day in 2026; caches are told the time, so tests choose it.
fn noon() -> Timestamp {
    Timestamp::from_millis(1_781_697_600_000)
}

/// Runs each case of a contract on a fresh cache of each implementation.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(pacioli_store::cache::Cache::in_process()).await;
            })+
        }

        mod on_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if let Some(server) = crate::cache::redis_server::RedisServer::start().await {
                    super::$case(crate::cache::connected(&server).await).await;
                }
            })+
        }
    };
}
use contract;

/// A cache on `server` that never gives up on a slow answer: for tests that count.
async fn connected(server: &RedisServer) -> Cache {
    let patience = std::time::Duration::from_secs(10);
    Cache::redis_with_timeout(&server.url(), patience).await.unwrap()
}
