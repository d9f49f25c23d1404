/// A stream of numbers that is the same on every machine: SplitMix64 (Steele, Lea and Flood, "Fast
/// Splittable Pseudorandom Number Generators", OOPSLA 2014, with the constants of Stafford's
/// variant 13). Good enough to invent a company; never for secrets.
pub(super) struct Rng(u64);

impl Rng {
    /// The stream that `purpose` has under this seed. Each part of the company draws from its own,
    /// so that a change to one part leaves the others as they were.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let mut rng = Self(seed);
        for byte in purpose.bytes() {
            rng.0 = rng.next() ^ u64::from(byte);
        }
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`, which is positive.
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        ((i128::from(self.next()) * i128::from(bound)) >> 64) as i64
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// True this many times in a thousand.
    pub(super) fn chance(&mut self, per_mille: i64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `items`, of which there is at least one.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
        &items[usize::try_from(self.below(total)).unwrap_or(0)]
    }

    /// The position of one of `weights`, each as likely as it is heavy.
    pub(super) fn weighted(&mut self, weights: &[i64]) -> usize {
        let mut left = self.below(weights.iter().sum::<i64>().max(1));
        weights
            .iter()
            .position(|weight| {
                left -= weight;
                left < 0
            })
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut rng = Rng(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([rng.next(), rng.next()], expected);
    }

    #[test]
    fn draws_stay_in_bounds_and_follow_their_weights() {
        let mut rng = Rng::new(7, "test");
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            assert!((-3..=4).contains(&rng.between(-3, 4)));
            counts[rng.weighted(&[1, 0, 3])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_200..2_800).contains(&counts[0]), "{counts:?}");
    }
}
