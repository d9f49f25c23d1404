use std::{slice, time::Duration};

use pacioli_model::Timestamp;
use pacioli_store::cache::{Cache, Decision, Limit, LimitKey, Quota};

use super::{contract, noon, redis_server::RedisServer};

contract! {
    a_hundred_at_once_take_what_is_there_and_no_more,
    one_comes_back_each_period,
    all_buckets_admit_or_none_is_charged,
    trying_while_limited_does_not_prolong_it,
    a_refund_gives_back_and_a_reset_fills,
    a_clock_that_went_back_locks_nobody_out_for_longer_than_a_refill,
    what_is_told_is_true,
    buckets_with_one_name_and_many_kinds_are_many,
    odd_quotas_are_safe,
}

const MINUTE: Duration = Duration::from_mins(1);

/// A bucket that holds `burst` and regains one a minute: longer than a test takes, for Redis lets go
/// of a bucket by its own clock.
pub(super) fn limit(name: &str, burst: u32) -> Limit {
    Limit { key: LimitKey::new("test", name), quota: Quota { burst, period: MINUTE } }
}

/// How many of a hundred attempts at once, spread over `caches`, are let through.
pub(super) async fn storm(caches: &[Cache], limit: &Limit) -> usize {
    let attempts: Vec<_> = (0..100)
        .map(|number| {
            let (cache, limits) = (caches[number % caches.len()].clone(), [limit.clone()]);
            tokio::spawn(async move { cache.take(&limits, noon()).await.allowed })
        })
        .collect();
    let mut admitted = 0;
    for attempt in attempts {
        admitted += usize::from(attempt.await.unwrap());
    }
    admitted
}

fn after(span: Duration) -> Timestamp {
    noon() + chrono::Duration::from_std(span).unwrap()
}

async fn a_hundred_at_once_take_what_is_there_and_no_more(cache: Cache) {
    assert_eq!(storm(slice::from_ref(&cache), &limit("a", 5)).await, 5);
    assert_eq!(storm(&[cache], &limit("b", 1)).await, 1);
}

async fn one_comes_back_each_period(cache: Cache) {
    let limits = [limit("a", 2)];
    // Seconds after noon, and whether the attempt is let through.
    let steps = [
        (0, true),
        (0, true),
        (0, false),
        (59, false),
        (60, true),
        (60, false),
        (119, false),
        (120, true),
        (1000, true),
        (1000, true),
        (1000, false),
    ];
    for (step, (seconds, allowed)) in steps.into_iter().enumerate() {
        let decision = cache.take(&limits, after(Duration::from_secs(seconds))).await;
        assert_eq!(decision.allowed, allowed, "step {step}: {decision:?}");
    }
}

async fn all_buckets_admit_or_none_is_charged(cache: Cache) {
    let (wide, narrow) = (limit("wide", 3), limit("narrow", 1));
    let both = [wide.clone(), narrow];
    assert!(cache.take(&both, noon()).await.allowed);
    for _ in 0..5 {
        let decision = cache.take(&both, noon()).await;
        assert_eq!((decision.allowed, decision.bucket, decision.limit), (false, 1, 1));
    }
    let left = cache.take(&[wide], noon()).await;
    assert_eq!((left.allowed, left.remaining), (true, 1), "the refused attempts took nothing");
}

async fn trying_while_limited_does_not_prolong_it(cache: Cache) {
    let limits = [limit("a", 1)];
    assert!(cache.take(&limits, noon()).await.allowed);
    for second in 0..60 {
        let decision = cache.take(&limits, after(Duration::from_secs(second))).await;
        let wait = Duration::from_secs(60 - second);
        assert_eq!((decision.allowed, decision.retry_after), (false, wait), "second {second}");
    }
    assert!(cache.take(&limits, after(MINUTE)).await.allowed);
}

async fn a_refund_gives_back_and_a_reset_fills(cache: Cache) {
    let limits = [limit("a", 2), limit("b", 2)];
    cache.take(&limits, noon()).await;
    cache.take(&limits, noon()).await;
    assert!(!cache.take(&limits, noon()).await.allowed);
    cache.refund(&limits[..1]).await;
    assert!(cache.take(&limits[..1], noon()).await.allowed, "one came back");
    assert!(!cache.take(&limits[..1], noon()).await.allowed, "and no more than one");
    assert!(!cache.take(&limits[1..], noon()).await.allowed, "nor to the other");
    cache.reset(&limits[1].key).await;
    assert_eq!(cache.take(&limits[1..], noon()).await.remaining, 1);
    // More than was taken does not make a bucket larger.
    for _ in 0..9 {
        cache.refund(&limits).await;
    }
    assert_eq!(cache.take(&limits, noon()).await.remaining, 1);
}

async fn a_clock_that_went_back_locks_nobody_out_for_longer_than_a_refill(cache: Cache) {
    let limits = [limit("a", 2)];
    let tomorrow = after(Duration::from_hours(24));
    cache.take(&limits, tomorrow).await;
    cache.take(&limits, tomorrow).await;
    let decision = cache.take(&limits, noon()).await;
    assert_eq!((decision.allowed, decision.retry_after), (false, MINUTE));
    assert_eq!(decision.reset_after, 2 * MINUTE);
}

async fn what_is_told_is_true(cache: Cache) {
    let limits = [limit("a", 3)];
    let told = |decision: Decision| {
        let Decision { allowed, limit, remaining, retry_after, reset_after, .. } = decision;
        assert_eq!((limit, decision.bucket, decision.local), (3, 0, false));
        (allowed, remaining, retry_after, reset_after)
    };
    let zero = Duration::ZERO;
    assert_eq!(told(cache.take(&limits, noon()).await), (true, 2, zero, MINUTE));
    assert_eq!(told(cache.take(&limits, noon()).await), (true, 1, zero, 2 * MINUTE));
    assert_eq!(told(cache.take(&limits, noon()).await), (true, 0, zero, 3 * MINUTE));
    let later = after(Duration::from_millis(20_500));
    let refused = cache.take(&limits, later).await;
    let wait = Duration::from_millis(39_500);
    assert_eq!(told(refused), (false, 0, wait, wait + 2 * MINUTE));
    // The wait that was told is enough, and a millisecond less is not.
    let end = later + chrono::Duration::from_std(wait).unwrap();
    assert!(!cache.take(&limits, end - chrono::Duration::milliseconds(1)).await.allowed);
    assert!(cache.take(&limits, end).await.allowed);
}

async fn buckets_with_one_name_and_many_kinds_are_many(cache: Cache) {
    for kind in ["login_account", "login_address"] {
        let limits =
            [Limit { key: LimitKey::new(kind, "a"), quota: Quota { burst: 1, period: MINUTE } }];
        assert!(cache.take(&limits, noon()).await.allowed, "{kind}");
        assert!(!cache.take(&limits, noon()).await.allowed, "{kind}");
    }
}

async fn odd_quotas_are_safe(cache: Cache) {
    assert!(cache.take(&[], noon()).await.allowed);
    let of =
        |burst, period| Limit { key: LimitKey::new("odd", "a"), quota: Quota { burst, period } };
    let nothing = [of(0, MINUTE)];
    assert!(!cache.take(&nothing, noon()).await.allowed);
    for quota in [of(u32::MAX, Duration::MAX), of(u32::MAX, Duration::ZERO), of(1, Duration::MAX)] {
        let decision = cache.take(slice::from_ref(&quota), noon()).await;
        assert!(decision.allowed && !decision.local, "{quota:?}: {decision:?}");
        cache.reset(&quota.key).await;
    }
}

/// The arithmetic exists twice, in Rust and in Lua: here it is the same, over a thousand attempts on
/// a few buckets of many shapes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_implementations_decide_alike() {
    let Some(server) = RedisServer::start().await else { return };
    let (here, there) = (Cache::in_process(), super::connected(&server).await);
    let mut random = Lcg(7);
    let mut now = noon();
    for attempt in 0..1000 {
        now = now + chrono::Duration::milliseconds(random.below(40_000) - 2_000);
        let limits: Vec<Limit> = (0..=random.below(2))
            .map(|_| {
                let shape = random.below(4);
                let quota = [(1, 60_000_001), (3, 61_234_567), (10, 75_000_000), (0, 60_000_000)];
                let (burst, micros) = quota[usize::try_from(shape).unwrap()];
                let quota = Quota { burst, period: Duration::from_micros(micros) };
                Limit { key: LimitKey::new("test", &shape.to_string()), quota }
            })
            .collect();
        let (local, shared) = (here.take(&limits, now).await, there.take(&limits, now).await);
        assert_eq!(local, shared, "attempt {attempt}: {limits:?}");
        if random.below(10) == 0 {
            here.refund(&limits).await;
            there.refund(&limits).await;
        }
    }
}

/// Numbers enough for a test, the same each time (a linear congruential generator).
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, end: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % end
    }
}
