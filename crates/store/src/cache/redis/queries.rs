//! Answers and ends of queries, as they are said on Redis.

use pacioli_model::{CompanyId, QueryId};
use redis::Cmd;
use tokio::sync::mpsc;

use super::Redis;

/// One hash tag, so that each script finds its keys on one node of a cluster.
const ANSWERS: &str = "pacioli:{answers}:";
/// An answer lives so long; its tables may have gone by then, and then nobody asks for it.
const ANSWER_MILLIS: u64 = 60 * 60 * 1000;
/// Sent within the time that a request waits for Redis.
const MOST_ANSWER_BYTES: usize = 1 << 20;
/// For so long somebody may ask whether a query was ended.
const ENDED_MILLIS: u64 = 10_000;

impl Redis {
    pub(in crate::cache) async fn answer(&self, id: &str) -> Option<Vec<u8>> {
        let mut call = self.link.scripts.find_answer.key(format!("{ANSWERS}{id}"));
        call.key(format!("{ANSWERS}order")).key(format!("{ANSWERS}sizes")).arg(id);
        self.link.call::<Option<Vec<u8>>>(&call).await.flatten()
    }

    pub(in crate::cache) async fn keep_answer(&self, id: &str, answer: &[u8], most_bytes: u64) {
        if answer.len() > MOST_ANSWER_BYTES {
            return;
        }
        let mut call = self.link.scripts.keep_answer.key(format!("{ANSWERS}{id}"));
        call.key(format!("{ANSWERS}order"))
            .key(format!("{ANSWERS}sizes"))
            .arg(id)
            .arg(answer)
            .arg(most_bytes)
            .arg(ANSWER_MILLIS)
            .arg(ANSWERS);
        self.link.call::<u8>(&call).await;
    }

    /// Whether anybody else is there to hear it.
    pub(in crate::cache) async fn ask_to_end(&self, company: CompanyId, query: QueryId) -> bool {
        let publish = Cmd::publish(self.link.ends_channel(), format!("{company} {query}"));
        let heard: Option<u64> = self.link.command(&publish).await;
        heard.is_some_and(|listeners| listeners > 1)
    }

    pub(in crate::cache) async fn was_ended(&self, company: CompanyId, query: QueryId) -> bool {
        let found: Option<bool> = self.link.command(&Cmd::exists(ended_key(company, query))).await;
        found == Some(true)
    }

    pub(in crate::cache) async fn ended(&self, company: CompanyId, query: QueryId) {
        let said = Cmd::pset_ex(ended_key(company, query), 1, ENDED_MILLIS);
        self.link.command::<()>(&said).await;
    }

    pub(in crate::cache) fn to_end(&self) -> Option<mpsc::Receiver<(CompanyId, QueryId)>> {
        self.link.take_ends()
    }
}

fn ended_key(company: CompanyId, query: QueryId) -> String {
    format!("pacioli:ended:{company}:{query}")
}

/// What is published: `company query`.
pub(super) fn parse_end(text: &str) -> Option<(CompanyId, QueryId)> {
    let (company, query) = text.split_once(' ')?;
    Some((company.parse().ok()?, query.parse().ok()?))
}
