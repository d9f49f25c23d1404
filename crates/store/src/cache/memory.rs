//! What the process itself remembers: snapshots by session, and buckets by key. Both are split into
//! shards so that cores seldom meet, and both are bounded.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use pacioli_model::{CompanyId, SessionId, Timestamp, UserId};

use super::{
    accounts::Scope,
    limit::{Decision, Limit, LimitKey, micros},
    stats::{CacheStats, Counters},
};
use crate::{Account, observer::Watch};

const SHARDS: usize = 64;
/// About 100,000 snapshots in all, a kilobyte or two each.
const SNAPSHOTS_PER_SHARD: usize = 1_600;
/// About a million buckets in all, a hundred bytes each.
const BUCKETS_PER_SHARD: usize = 16_000;

/// Everything kept in the process.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) snapshots: Snapshots,
    pub(super) buckets: Buckets,
    pub(super) counters: Counters,
    pub(super) watch: Watch,
}

impl Memory {
    pub(super) fn stats(&self) -> CacheStats {
        CacheStats {
            local_hits: self.counters.local_hits.get(),
            redis_hits: self.counters.redis_hits.get(),
            misses: self.counters.misses.get(),
            invalidations_sent: self.counters.invalidations_sent.get(),
            invalidations_received: self.counters.invalidations_received.get(),
            gaps: self.counters.gaps.get(),
            local_limits: self.counters.local_limits.get(),
            entries: self.snapshots.len(),
        }
    }
}

/// Account snapshots. A snapshot is kept only if nothing was withdrawn since before its read of the
/// store: the reader notes the generation first, and every withdrawal raises it.
#[derive(Debug)]
pub(super) struct Snapshots {
    shards: Box<[RwLock<HashMap<SessionId, Snapshot>>]>,
    generation: AtomicU64,
}

/// The owner is repeated beside the account so that a withdrawal walks the table alone.
#[derive(Debug)]
struct Snapshot {
    company: CompanyId,
    user: UserId,
    until: Timestamp,
    account: Arc<Account>,
}

/// The state of the world that a read began in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            generation: AtomicU64::new(0),
        }
    }
}

impl Snapshots {
    pub(super) fn get(&self, session: SessionId, now: Timestamp) -> Option<Arc<Account>> {
        let shard = self.shard(session).read().unwrap_or_else(PoisonError::into_inner);
        let snapshot = shard.get(&session)?;
        (snapshot.until > now).then(|| Arc::clone(&snapshot.account))
    }

    /// To be read before the store is.
    pub(super) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    /// Keeps `account` until the given moment, unless something was withdrawn since `read_in`.
    pub(super) fn keep(
        &self,
        account: &Arc<Account>,
        until: Timestamp,
        read_in: Generation,
        now: Timestamp,
    ) {
        let session = account.session.id;
        let mut shard = self.shard(session).write().unwrap_or_else(PoisonError::into_inner);
        // Under the shard's lock: a withdrawal raises the number before it comes for this shard.
        if self.generation() != read_in || until <= now {
            return;
        }
        if shard.len() >= SNAPSHOTS_PER_SHARD && !shard.contains_key(&session) {
            make_room(&mut shard, now);
        }
        let (company, user) = (account.user.company_id, account.user.id);
        shard.insert(session, Snapshot { company, user, until, account: Arc::clone(account) });
    }

    /// Withdraws every snapshot in `scope`.
    pub(super) fn forget(&self, scope: Scope) {
        self.retain(|snapshot| match scope {
            Scope::User(_, user) => snapshot.user != user,
            Scope::Company(company) => snapshot.company != company,
        });
    }

    /// Withdraws them all.
    pub(super) fn clear(&self) {
        self.retain(|_| false);
    }

    fn retain(&self, stays: impl Fn(&Snapshot) -> bool) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, snapshot| stays(snapshot));
        }
    }

    fn len(&self) -> u64 {
        let each = self.shards.iter();
        each.map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len() as u64).sum()
    }

    fn shard(&self, session: SessionId) -> &RwLock<HashMap<SessionId, Snapshot>> {
        // The last byte of a random UUID is random.
        &self.shards[usize::from(session.0.as_bytes()[15]) % SHARDS]
    }
}

/// Drops what has expired, and one more if nothing has.
fn make_room(shard: &mut HashMap<SessionId, Snapshot>, now: Timestamp) {
    shard.retain(|_, snapshot| snapshot.until > now);
    if shard.len() >= SNAPSHOTS_PER_SHARD
        && let Some(&any) = shard.keys().next()
    {
        shard.remove(&any);
    }
}

type Arrivals = HashMap<LimitKey, i64>;

/// Buckets, each as its moment of being full, in microseconds since 1970.
#[derive(Debug)]
pub(super) struct Buckets {
    shards: Box<[Mutex<Arrivals>]>,
    hasher: RandomState,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Buckets {
    /// See [`super::Cache::take`].
    pub(super) fn take(&self, limits: &[Limit], now: Timestamp) -> Decision {
        let now = micros(now);
        let mut held = self.hold(limits);
        let arrivals: Vec<i64> = limits
            .iter()
            .map(|limit| limit.quota.arrival(held.shard(&limit.key).get(&limit.key).copied(), now))
            .collect();
        let charged: Option<Vec<i64>> = limits
            .iter()
            .zip(&arrivals)
            .map(|(limit, &arrival)| limit.quota.charge(arrival, now))
            .collect();
        for (limit, arrival) in limits.iter().zip(charged.iter().flatten()) {
            let shard = held.shard(&limit.key);
            if shard.len() >= BUCKETS_PER_SHARD && !shard.contains_key(&limit.key) {
                halve(shard, now);
            }
            shard.insert(limit.key.clone(), *arrival);
        }
        Decision::of(limits, &arrivals, charged.is_some(), now)
    }

    /// Gives one back to each bucket.
    pub(super) fn refund(&self, limits: &[Limit]) {
        let mut held = self.hold(limits);
        for limit in limits {
            if let Some(arrival) = held.shard(&limit.key).get_mut(&limit.key) {
                *arrival = arrival.saturating_sub(limit.quota.pace());
            }
        }
    }

    /// Fills one bucket.
    pub(super) fn reset(&self, key: &LimitKey) {
        let shard = &self.shards[self.place(key)];
        shard.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Locks the shards of all keys, in one order for everybody.
    fn hold(&self, limits: &[Limit]) -> Held<'_> {
        let mut places: Vec<usize> = limits.iter().map(|limit| self.place(&limit.key)).collect();
        places.sort_unstable();
        places.dedup();
        let lock = |&place: &usize| {
            (place, self.shards[place].lock().unwrap_or_else(PoisonError::into_inner))
        };
        Held { buckets: self, shards: places.iter().map(lock).collect() }
    }

    fn place(&self, key: &LimitKey) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0)
    }
}

/// The locked shards of one attempt.
struct Held<'a> {
    buckets: &'a Buckets,
    shards: Vec<(usize, MutexGuard<'a, Arrivals>)>,
}

impl Held<'_> {
    fn shard(&mut self, key: &LimitKey) -> &mut Arrivals {
        let place = self.buckets.place(key);
        let index = self.shards.partition_point(|(held, _)| *held < place);
        &mut self.shards[index].1
    }
}

/// Drops the buckets that are full again, and the fuller half of the others if that is not enough: a
/// flood of keys costs those who were hardly limited, and never memory.
fn halve(shard: &mut Arrivals, now: i64) {
    let mut moments: Vec<i64> = shard.values().copied().collect();
    let middle = moments.len() / 2;
    let (_, median, _) = moments.select_nth_unstable(middle);
    let cut = now.max(*median);
    shard.retain(|_, arrival| *arrival > cut);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_keys_drops_the_full_buckets_then_the_fuller_half() {
        let check = |moments: &[i64], now: i64, stay: &[i64]| {
            let key = |moment: &i64| (LimitKey::new("test", &moment.to_string()), *moment);
            let mut shard: Arrivals = moments.iter().map(key).collect();
            halve(&mut shard, now);
            let mut left: Vec<i64> = shard.into_values().collect();
            left.sort_unstable();
            assert_eq!(left, stay, "of {moments:?} at {now}");
        };
        check(&[1, 2, 3, 4, 15, 16], 10, &[15, 16]);
        check(&[11, 12, 13, 14, 15, 16], 10, &[15, 16]);
        check(&[1, 2, 3], 10, &[]);
        check(&[99], 10, &[]);
    }
}
