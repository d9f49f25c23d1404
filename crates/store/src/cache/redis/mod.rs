//! The cache that replicas share. `link` keeps one connection, on which commands are sent and
//! withdrawals are pushed; here is what is said on it. Each operation is one Lua script, hence atomic.

mod link;
mod queries;

use std::{sync::Arc, time::Duration};

use pacioli_model::{CompanyId, SessionId, Timestamp, UserId};
use redis::{Cmd, Script};

use self::link::Link;
use super::{
    CacheState,
    accounts::Scope,
    limit::{Decision, Limit, LimitKey, micros},
    memory::Memory,
};
use crate::Account;

/// One hash tag per family of keys, so that each script finds its keys on one node of a cluster.
const ACCOUNTS: &str = "pacioli:{accounts}:";
const LIMITS: &str = "pacioli:{limits}:";

/// How long the mark of a withdrawal is kept; longer than any snapshot it could speak of.
const MARK_MILLIS: u64 = 10 * 60 * 1000;

/// Names no Redis server that a connection could be made to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the URL of a Redis server: redis://[user[:password]@]host[:port][/number] is expected"
)]
pub struct InvalidRedisUrl;

/// What was found for a session.
#[derive(Debug)]
pub(super) enum Found {
    Account {
        account: Box<Account>,
        /// What is left of its life.
        living: chrono::Duration,
    },
    /// Nothing good; a copy may be left if nothing is withdrawn after `sequence`.
    Missing { sequence: String },
    /// Redis cannot be used.
    Unknown,
}

/// A connection that mends itself, and ends with this.
#[derive(Debug)]
pub(super) struct Redis {
    link: Arc<Link>,
    keeper: tokio::task::AbortHandle,
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Redis {
    /// Returns once connected, or once the first attempt has failed.
    pub(super) async fn connect(
        url: &str,
        timeout: Duration,
        memory: Arc<Memory>,
    ) -> Result<Self, InvalidRedisUrl> {
        let link = Arc::new(Link::new(url, timeout, memory)?);
        let (tried, first_attempt) = tokio::sync::oneshot::channel();
        let keeper = tokio::spawn(link::keep_up(Arc::clone(&link), tried)).abort_handle();
        // It is dropped unsent only if the keeper ended, which leaves the cache degraded.
        let _ = first_attempt.await;
        Ok(Self { link, keeper })
    }

    pub(super) fn state(&self) -> CacheState {
        self.link.state()
    }

    /// Whether every withdrawal made until now has been heard, but for those on their way.
    pub(super) fn hears_everything(&self) -> bool {
        self.link.hears_everything()
    }

    pub(super) async fn find(&self, session: SessionId) -> Found {
        let script = &self.link.scripts.find;
        let mut call = script.key(session_key(session));
        call.key(sequence_key()).arg(ACCOUNTS);
        let answer = self.link.call::<(String, Vec<u8>, i64)>(&call).await;
        let Some((sequence, text, millis)) = answer else { return Found::Unknown };
        // A text that cannot be read is another version's; ours replaces it.
        match serde_json::from_slice(&text) {
            Ok((session, user, company)) => Found::Account {
                account: Box::new(Account { session, user, company }),
                living: chrono::Duration::milliseconds(millis),
            },
            Err(_) => Found::Missing { sequence },
        }
    }

    pub(super) async fn keep(&self, account: &Account, living: chrono::Duration, sequence: String) {
        let Account { session, user, company } = account;
        let Ok(text) = serde_json::to_string(&(session, user, company)) else { return };
        if living <= chrono::Duration::zero() {
            return;
        }
        let (company, user) = (company_mark(user.company_id), user_mark(user.id));
        let mut call = self.link.scripts.keep.key(session_key(session.id));
        call.key(sequence_key())
            .key(format!("{ACCOUNTS}{company}"))
            .key(format!("{ACCOUNTS}{user}"))
            .arg(sequence)
            .arg(text)
            .arg(living.num_milliseconds())
            .arg(MARK_MILLIS)
            .arg(company)
            .arg(user);
        self.link.call::<u8>(&call).await;
    }

    /// Withdraws now, or as soon as Redis is back, before anything else is asked of it.
    pub(super) async fn invalidate(&self, scope: Scope) {
        if self.link.call::<String>(&self.link.withdrawal(scope)).await.is_none() {
            self.link.postpone(scope);
        }
    }

    pub(super) async fn take(&self, limits: &[Limit], now: Timestamp) -> Option<Decision> {
        let now = micros(now);
        let mut call = self.link.scripts.take.arg(now);
        for limit in limits {
            call.key(bucket_key(&limit.key)).arg(limit.quota.burst).arg(limit.quota.pace());
        }
        let answer = self.link.call::<Vec<i64>>(&call).await?;
        let (allowed, arrivals) = answer.split_first()?;
        Some(Decision::of(limits, arrivals, *allowed == 1, now))
    }

    /// Whether Redis took it.
    pub(super) async fn refund(&self, limits: &[Limit]) -> bool {
        let mut call = self.link.scripts.refund.prepare_invoke();
        for limit in limits {
            call.key(bucket_key(&limit.key)).arg(limit.quota.pace());
        }
        self.link.call::<()>(&call).await.is_some()
    }

    pub(super) async fn reset(&self, key: &LimitKey) {
        self.link.command::<()>(&Cmd::del(bucket_key(key))).await;
    }
}

/// The scripts, hashed once.
#[derive(Debug)]
struct Scripts {
    find: Script,
    keep: Script,
    withdraw: Script,
    sequence: Script,
    take: Script,
    refund: Script,
    find_answer: Script,
    keep_answer: Script,
}

impl Scripts {
    fn new() -> Self {
        Self {
            find: Script::new(include_str!("../lua/find.lua")),
            keep: Script::new(include_str!("../lua/keep.lua")),
            withdraw: Script::new(include_str!("../lua/withdraw.lua")),
            sequence: Script::new(include_str!("../lua/sequence.lua")),
            take: Script::new(include_str!("../lua/take.lua")),
            refund: Script::new(include_str!("../lua/refund.lua")),
            find_answer: Script::new(include_str!("../lua/find_answer.lua")),
            keep_answer: Script::new(include_str!("../lua/keep_answer.lua")),
        }
    }
}

fn session_key(session: SessionId) -> String {
    format!("{ACCOUNTS}session:{session}")
}

/// What a withdrawal from a company is noted under.
fn company_mark(company: CompanyId) -> String {
    format!("company:{company}")
}

/// What a withdrawal from a person is noted under.
fn user_mark(user: UserId) -> String {
    format!("user:{user}")
}

fn sequence_key() -> String {
    format!("{ACCOUNTS}sequence")
}

fn bucket_key(key: &LimitKey) -> String {
    format!("{LIMITS}{key}")
}
