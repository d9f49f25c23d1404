use std::sync::Arc;

use chrono::Duration;
use pacioli_model::{CompanyId, RefreshHash, SessionId, Timestamp, UserId};

use super::{Cache, Place, redis::Found};
use crate::{Account, Store, StoreError};

/// How long a snapshot lives from its read: the longest that one can outlive a change which nobody was
/// told of. One read of the store per session and minute is what it costs.
const LIFETIME: Duration = Duration::minutes(1);

/// Whose snapshots are withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One person's, on all their devices.
    User(CompanyId, UserId),
    /// Those of everybody in a company.
    Company(CompanyId),
}

/// Where the truth about accounts is read.
pub trait AccountSource: Send + Sync {
    /// The session with its person and company, if all three are there.
    fn account(
        &self,
        session: SessionId,
    ) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;
}

impl AccountSource for Store {
    fn account(
        &self,
        session: SessionId,
    ) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send {
        Self::account(self, session)
    }
}

/// Accounts by session, through the cache.
#[derive(Debug, Clone)]
pub struct Accounts<S = Store> {
    cache: Cache,
    source: S,
}

impl<S: AccountSource> Accounts<S> {
    /// Reads accounts from `source`, keeping copies in `cache`.
    pub fn new(cache: Cache, source: S) -> Self {
        Self { cache, source }
    }

    /// The account that `session` stands for. Expired sessions and disabled accounts are returned as
    /// they are: the caller judges. Password and refresh hashes are always blank here.
    ///
    /// Fails only if the store was needed and failed.
    pub async fn get(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(account) = self.local(session, now) {
            self.cache.memory.counters.local_hits.add(1);
            return Ok(Some(account));
        }
        self.load(session, now).await
    }

    /// Withdraws every copy in `scope`, here and on the other replicas. Call it after the write it
    /// belongs to. See the module for what holds once it has returned.
    pub async fn invalidate(&self, scope: Scope) {
        self.cache.memory.counters.invalidations_sent.add(1);
        // Redis first: a reader that found the old copy there in between is then refused its place here.
        if let Place::Redis(redis) = &self.cache.place {
            redis.invalidate(scope).await;
        }
        self.cache.memory.snapshots.forget(scope);
    }

    fn local(&self, session: SessionId, now: Timestamp) -> Option<Arc<Account>> {
        let current = match &self.cache.place {
            Place::Process => true,
            Place::Nowhere => false,
            Place::Redis(redis) => redis.hears_everything(),
        };
        if current { self.cache.memory.snapshots.get(session, now) } else { None }
    }

    async fn load(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let memory = &self.cache.memory;
        let generation = memory.snapshots.generation();
        let found = match &self.cache.place {
            Place::Redis(redis) => redis.find(session).await,
            Place::Process | Place::Nowhere => Found::Unknown,
        };
        let sequence = match found {
            // A session that has ended may have been given more time since: the store knows.
            Found::Account { account, living } if account.session.expires_at > now => {
                memory.counters.redis_hits.add(1);
                let account = Arc::new(*account);
                let until = account.session.expires_at.min(now + living);
                memory.snapshots.keep(&account, until, generation, now);
                return Ok(Some(account));
            }
            Found::Missing { sequence } => Some(sequence),
            Found::Account { .. } | Found::Unknown => None,
        };
        memory.counters.misses.add(1);
        let Some(account) = self.source.account(session).await? else { return Ok(None) };
        let account = Arc::new(blank(account));
        let until = account.session.expires_at.min(now + LIFETIME);
        if let (Place::Redis(redis), Some(sequence)) = (&self.cache.place, sequence) {
            redis.keep(&account, until - now, sequence).await;
        }
        if !matches!(self.cache.place, Place::Nowhere) {
            memory.snapshots.keep(&account, until, generation, now);
        }
        Ok(Some(account))
    }
}

/// What opens doors is taken out before a copy is made of anything.
fn blank(mut account: Account) -> Account {
    account.user.password_hash = String::new();
    account.session.refresh_hash = RefreshHash(String::new());
    account.session.previous_hash = None;
    account.session.spent_hashes = Vec::new();
    account
}
