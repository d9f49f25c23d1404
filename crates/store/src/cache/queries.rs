//! What replicas tell each other of queries: answers that one of them has computed, and that a query is
//! to be ended, whichever of them runs it. Without Redis there is nobody to tell.

use std::time::Duration;

use pacioli_model::{CompanyId, QueryId};
use tokio::sync::mpsc;

use super::{Cache, Place};

/// Between two looks for whether another replica has ended a query.
const LOOK: Duration = Duration::from_millis(10);
/// Another replica that has not ended it by then does not run it.
const LOOKS: u32 = 30;

impl Cache {
    /// The answer that some replica kept under `id`, which must say all that it depends on.
    pub async fn answer(&self, id: &str) -> Option<Vec<u8>> {
        match &self.place {
            Place::Redis(redis) => redis.answer(id).await,
            Place::Process | Place::Nowhere => None,
        }
    }

    /// Keeps an answer for every replica, for an hour at most. All answers together take no more than
    /// `most_bytes`, those used longest ago going first; one of more than a mebibyte is not kept.
    pub async fn keep_answer(&self, id: &str, answer: &[u8], most_bytes: u64) {
        if let Place::Redis(redis) = &self.place {
            redis.keep_answer(id, answer, most_bytes).await;
        }
    }

    /// Has the replica that runs this query end it; whether one did, which takes a moment to hear.
    pub async fn end_elsewhere(&self, company: CompanyId, query: QueryId) -> bool {
        let Place::Redis(redis) = &self.place else { return false };
        if !redis.ask_to_end(company, query).await {
            return false;
        }
        for _ in 0..LOOKS {
            if redis.was_ended(company, query).await {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }

    /// The queries that any replica asks all of them to end, this one included. Given out once.
    pub fn to_end(&self) -> Option<mpsc::Receiver<(CompanyId, QueryId)>> {
        match &self.place {
            Place::Redis(redis) => redis.to_end(),
            Place::Process | Place::Nowhere => None,
        }
    }

    /// Says that this replica has ended a query as it was asked to.
    pub async fn ended(&self, company: CompanyId, query: QueryId) {
        if let Place::Redis(redis) = &self.place {
            redis.ended(company, query).await;
        }
    }
}
