//! Rate limits by the Generic Cell Rate Algorithm (ITU-T I.371, annex A; the leaky bucket as a meter).
//!
//! A bucket is one number: the *theoretical arrival time*, the moment at which it would be full again.
//! Taking one moves that moment later by the time one takes to refill. A bucket that would need longer
//! than its whole refill is empty. So there is nothing to count down, nothing to tidy each second, and
//! a bucket whose moment has passed need not exist.

use std::{fmt, sync::Arc, time::Duration};

use pacioli_model::Timestamp;

/// How many at once, and how fast they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What a full bucket holds. Zero admits nothing, ever.
    pub burst: u32,
    /// The time in which one comes back; counted in microseconds, a year at most.
    pub period: Duration,
}

/// Names a bucket. Built from a hash, for keys are kept where others may look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LimitKey(Arc<str>);

impl LimitKey {
    /// The bucket of `hashed`, which must tell nothing of a person or an address, among those of
    /// `kind`, which names the limit (`login_account`).
    pub fn new(kind: &'static str, hashed: &str) -> Self {
        Self(format!("{kind}:{hashed}").into())
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One bucket to take from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which.
    pub key: LimitKey,
    /// Its size and pace.
    pub quota: Quota,
}

/// Whether an attempt may go on, and what to tell its author. The numbers are those of the tightest
/// bucket: of those that refused, the one that takes longest; else the one with the least left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Every bucket admitted, and was charged. Otherwise none was.
    pub allowed: bool,
    /// What the tightest bucket holds when full.
    pub limit: u32,
    /// How many more it would admit now.
    pub remaining: u32,
    /// The wait until it admits one; zero when allowed.
    pub retry_after: Duration,
    /// The wait until it is full.
    pub reset_after: Duration,
    /// Its place in the limits given.
    pub bucket: usize,
    /// Counted by this process alone, because the shared count could not be reached.
    pub local: bool,
}

/// In microseconds. Redis keeps nothing for longer than it can count.
const YEAR: i64 = 365 * 24 * 60 * 60 * 1_000_000;

/// Microseconds since 1970.
pub(super) fn micros(now: Timestamp) -> i64 {
    now.millis().saturating_mul(1000)
}

impl Quota {
    /// Microseconds in which one comes back.
    pub(super) fn pace(self) -> i64 {
        i64::try_from(self.period.as_micros()).unwrap_or(YEAR).clamp(1, YEAR)
    }

    /// Microseconds in which an empty bucket fills.
    pub(super) fn span(self) -> i64 {
        self.pace().saturating_mul(i64::from(self.burst))
    }

    /// The moment at which a bucket with `stored` is full. One that lies further ahead than an empty
    /// bucket can, from a clock that went back or a larger quota of old, is taken for empty.
    pub(super) fn arrival(self, stored: Option<i64>, now: i64) -> i64 {
        stored.unwrap_or(now).clamp(now, now.saturating_add(self.span()))
    }

    /// The bucket's moment once one more is taken, if there is one to take.
    pub(super) fn charge(self, arrival: i64, now: i64) -> Option<i64> {
        let next = arrival.saturating_add(self.pace());
        (next.saturating_sub(now) <= self.span()).then_some(next)
    }
}

impl Decision {
    /// What `arrivals`, the moments of all buckets before this attempt, mean for it.
    pub(super) fn of(limits: &[Limit], arrivals: &[i64], allowed: bool, now: i64) -> Self {
        let each = limits.iter().zip(arrivals).enumerate();
        each.map(|(bucket, (limit, &arrival))| Self {
            bucket,
            ..Self::of_one(limit.quota, arrival, allowed, now)
        })
        .min_by_key(|one| (std::cmp::Reverse(one.retry_after), one.remaining))
        .unwrap_or(Self::UNLIMITED)
    }

    const UNLIMITED: Self = Self {
        allowed: true,
        limit: u32::MAX,
        remaining: u32::MAX,
        retry_after: Duration::ZERO,
        reset_after: Duration::ZERO,
        bucket: 0,
        local: false,
    };

    fn of_one(quota: Quota, arrival: i64, allowed: bool, now: i64) -> Self {
        let charged = if allowed { quota.charge(arrival, now).unwrap_or(arrival) } else { arrival };
        let until_full = charged.saturating_sub(now);
        let wait = until_full.saturating_add(quota.pace()).saturating_sub(quota.span());
        let retry_after = if allowed { 0 } else { wait.max(0) };
        let left = quota.span().saturating_sub(until_full) / quota.pace();
        Self {
            allowed,
            limit: quota.burst,
            remaining: u32::try_from(left.max(0)).unwrap_or(u32::MAX),
            retry_after: Duration::from_micros(retry_after.unsigned_abs()),
            reset_after: Duration::from_micros(until_full.unsigned_abs()),
            ..Self::UNLIMITED
        }
    }
}
