//! Members of which something seldom happens more often than it should: returns of one product, cancelled
//! orders of one customer.

use std::ops::Range;

use crate::{
    number::{incomplete_beta, real},
    trend::Tested,
};

/// Periods that a rise lasts, at most.
const LASTS: usize = 3;

/// What is not seen so often tells nothing.
const LEAST: f64 = 5.0;

/// Members, and periods before the first that is looked at, that tell how much rates differ.
const OTHERS: usize = 8;

/// How often something happened to a member, by period, and how often it could have.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Rows of the kind.
    pub seen: Vec<f64>,
    /// Rows of all kinds.
    pub of: Vec<f64>,
}

/// Periods in a row in which it happened to a member more often than it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Burst {
    /// Its place among the members.
    pub member: usize,
    /// Which periods.
    pub periods: Range<usize>,
    /// How often.
    pub seen: f64,
    /// How often it should have.
    pub expected: f64,
    /// The statistic is how many times as often; the p-value is times the runs of periods that were looked at.
    pub test: Tested,
}

/// For each member the run of one to three periods, its end within `tried`, that is least to be expected:
/// from the rate that all others have in the same periods, and from what the member's own rate was before
/// beside theirs. Rates of members vary by a gamma distribution around the common one, of which the member's
/// past is a Poisson sample, so that what comes next has a negative binomial distribution (Clayton & Kaldor
/// 1987; DuMouchel 1999, of rare side effects among many drugs): who has a long past is measured by it, who
/// has a short one by the others. How far rates vary is taken from the members' pasts, one standard error
/// to the careful side; counts that vary more over time than Poisson's are counted as so many fewer
/// (quasi-likelihood, `McCullagh` & Nelder 1989, §9). Scans of runs as in Kulldorff 1997.
/// Only those are given that something happened to five times or more, and more often than it should. Nothing of
/// fewer than eight members or periods before.
pub fn bursts(members: &[Counted], tried: Range<usize>) -> Option<Vec<Burst>> {
    let past = tried.start.saturating_sub(LASTS - 1);
    if members.len() < OTHERS || past < OTHERS {
        return None;
    }
    let expected = expectations(members, tried.end);
    let sums = |of: &[f64], periods: Range<usize>| of[periods].iter().sum::<f64>();
    let pasts: Vec<(f64, f64)> = members
        .iter()
        .zip(&expected)
        .map(|(member, expected)| (sums(&member.seen, 0..past), sums(expected, 0..past)))
        .collect();
    let noise = overdispersion(members, &expected, past);
    let alike = alikeness(&pasts, noise);
    let runs = || {
        let ends = tried.clone().map(|last| last + 1);
        ends.flat_map(|end| (1..=LASTS).map(move |length| end.saturating_sub(length)..end))
    };
    let tries = real(runs().count());
    let of_member = |place: usize| {
        runs()
            .filter_map(|periods| {
                let seen = sums(&members[place].seen, periods.clone());
                let should = sums(&expected[place], periods.clone());
                let before = (
                    sums(&members[place].seen, 0..periods.start),
                    sums(&expected[place], 0..periods.start),
                );
                let (shape, scale) = (alike + before.0, alike + before.1);
                let expected = should * shape / scale;
                if seen < LEAST || should <= 0.0 || seen <= expected {
                    return None;
                }
                let part = should / (should + scale);
                let p_value = incomplete_beta(part, seen / noise, shape / noise);
                let test =
                    Tested { statistic: seen / expected, p_value: (p_value * tries).min(1.0) };
                Some(Burst { member: place, periods, seen, expected, test })
            })
            .min_by(|one, other| one.test.p_value.total_cmp(&other.test.p_value))
    };
    Some((0..members.len()).filter_map(of_member).collect())
}

/// How often it should have happened to each member in each period up to `end`, if its rate were that of all
/// others.
fn expectations(members: &[Counted], end: usize) -> Vec<Vec<f64>> {
    let wholes: Vec<(f64, f64)> = (0..end)
        .map(|at| {
            let sum = |of: fn(&Counted) -> &[f64]| members.iter().map(|it| of(it)[at]).sum::<f64>();
            (sum(|it| &it.seen), sum(|it| &it.of))
        })
        .collect();
    let each = members.iter().map(|member| {
        let expect = |(at, (seen, of)): (usize, &(f64, f64))| {
            let others = of - member.of[at];
            if others > 0.0 { member.of[at] * (seen - member.seen[at]) / others } else { 0.0 }
        };
        wholes.iter().enumerate().map(expect).collect()
    });
    each.collect()
}

/// By how much counts vary more over time than Poisson's: Pearson's statistic by its degrees of freedom, each
/// member beside its own rate; 1 at least.
fn overdispersion(members: &[Counted], expected: &[Vec<f64>], past: usize) -> f64 {
    let (mut squares, mut degrees) = (0.0, 0.0);
    for (member, expected) in members.iter().zip(expected) {
        let (seen, should) = (&member.seen[..past], &expected[..past]);
        let rate = seen.iter().sum::<f64>() / should.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let known = seen.iter().zip(should).filter(|(_, should)| **should * rate > 0.0);
        let mut periods = 0.0;
        for (seen, should) in known {
            squares += (seen - should * rate).powi(2) / (should * rate);
            periods += 1.0;
        }
        degrees += f64::max(periods - 1.0, 0.0);
    }
    if degrees > 0.0 { f64::max(squares / degrees, 1.0) } else { 1.0 }
}

/// How alike the members' rates are: the shape of the gamma distribution around the common one, by moments.
fn alikeness(pasts: &[(f64, f64)], noise: f64) -> f64 {
    let squares: f64 = pasts.iter().map(|it| it.1.powi(2)).sum();
    if squares <= 0.0 {
        return 0.0;
    }
    let more: f64 = pasts.iter().map(|it| (it.0 - it.1).powi(2) - noise * it.1).sum();
    let error = noise * (2.0 / squares).sqrt();
    1.0 / ((more / squares).max(0.0) + error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Noise;

    /// Rows of sixty members over two years, of which so many per mille come back, with rates that differ.
    fn company(seed: u64, differ: f64) -> Vec<Counted> {
        let mut noise = Noise::new(seed);
        let mut member = |place: usize| {
            let rate = 0.03 * (differ * (real(place % 5) - 2.0)).exp();
            let of: Vec<f64> = (0..24)
                .map(|at| 10.0 + real(place) + 15.0 * real(usize::from(at % 12 > 5)))
                .collect();
            let seen = of.iter().map(|of| real(noise.poisson(of * rate))).collect();
            Counted { seen, of }
        };
        (0..60).map(&mut member).collect()
    }

    #[test]
    fn a_burst_of_one_member_is_found_and_dated() {
        for (seed, differ) in [(1, 0.0), (2, 0.5), (3, 1.0)] {
            let mut members = company(seed, differ);
            for at in 20..23 {
                members[37].seen[at] += 7.0;
            }
            let found = bursts(&members, 21..24).unwrap();
            let least =
                found.iter().min_by(|one, other| one.test.p_value.total_cmp(&other.test.p_value));
            let least = least.unwrap();
            assert!(least.member == 37 && least.test.p_value < 1e-5, "{differ}: {least:?}");
            assert_eq!(least.periods, 20..23);
            assert!(least.expected < 12.0 && least.seen >= 21.0, "{least:?}");
        }
    }

    #[test]
    fn p_values_are_no_smaller_than_they_say_where_nothing_is() {
        for differ in [0.0, 0.5, 1.0] {
            let all: Vec<f64> = (0..200)
                .flat_map(|seed| bursts(&company(100 + seed, differ), 21..24).unwrap())
                .map(|it| it.test.p_value)
                .collect();
            // Of 12,000 members.
            for level in [1e-2, 1e-3, 1e-4] {
                let below = all.iter().filter(|p_value| **p_value < level).count();
                println!("rates differ by {differ}: {below} of 12000 below {level}");
                assert!(real(below) <= 12_000.0 * level + 3.0 * (12_000.0 * level).sqrt() + 1.0);
            }
        }
    }

    #[test]
    fn little_tells_nothing() {
        let members = company(1, 0.0);
        assert_eq!(bursts(&members[..7], 21..24), None);
        assert_eq!(bursts(&members, 5..8), None);
        let never = vec![Counted { seen: vec![0.0; 24], of: vec![0.0; 24] }; 10];
        assert_eq!(bursts(&never, 21..24), Some(Vec::new()));
    }
}
