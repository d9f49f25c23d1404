//! What replicas share of queries through the cache: answers, and the wish to end one.

use futures_util::{FutureExt as _, future::BoxFuture};
use pacioli_engine::SharedAnswers;
use pacioli_store::Cache;

use crate::{app::App, config::Config};

/// Answers that other replicas find too.
#[derive(Debug)]
pub struct Shared {
    cache: Cache,
    most_bytes: u64,
}

impl Shared {
    /// With as much room as a server has for its own.
    pub fn new(cache: Cache, config: &Config) -> Self {
        Self { cache, most_bytes: config.engine.cache_bytes() }
    }
}

impl SharedAnswers for Shared {
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Option<Vec<u8>>> {
        self.cache.answer(id).boxed()
    }

    fn keep<'a>(&'a self, id: &'a str, answer: Vec<u8>) -> BoxFuture<'a, ()> {
        async move { self.cache.keep_answer(id, &answer, self.most_bytes).await }.boxed()
    }
}

/// Ends the queries that other replicas were asked to cancel and this one runs.
pub fn end_queries(app: &App) {
    let Some(mut to_end) = app.cache.to_end() else { return };
    let app = app.clone();
    app.background.clone().spawn(async move {
        loop {
            let (company, query) = tokio::select! {
                Some(asked) = to_end.recv() => asked,
                () = app.stopping.cancelled() => return,
                else => return,
            };
            if app.engine.cancel(company, query) {
                app.cache.ended(company, query).await;
            }
        }
    });
}
