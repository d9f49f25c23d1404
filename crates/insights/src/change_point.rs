use crate::{
    number::{line, mad, mean, real, student_two_sided, variance},
    trend::Tested,
};

/// Periods that a level must last.
pub const SEGMENT: usize = 3;

/// A level that shifted and stayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// The first place of the level before.
    pub from: usize,
    /// The first place of the new level.
    pub at: usize,
    /// Mean of the level before.
    pub before: f64,
    /// Mean since.
    pub after: f64,
    /// Student's t of the two levels, p-value times the places it could have been at.
    pub test: Tested,
}

/// The places at which the level of `values` changes, ascending: PELT (Killick, Fearnhead & Eckley 2012)
/// with squared error as its cost, the penalty `3 σ² ln n`, and σ from the differences of neighbours, so
/// that the changes themselves do not inflate it.
///
/// `spent` values' worth of freedom went into a season that was taken out: what is left looks calmer than
/// it is by so much.
pub fn change_points(values: &[f64], spent: usize) -> Vec<usize> {
    let count = values.len();
    let spread = noise(values) * calm(count, spent).sqrt();
    if count < 2 * SEGMENT || spread <= 0.0 {
        return Vec::new();
    }
    let penalty = 3.0 * spread.powi(2) * real(count).ln();
    let mut sums = vec![(0.0, 0.0)];
    for value in values {
        let (sum, squares) = sums[sums.len() - 1];
        sums.push((sum + value, squares + value * value));
    }
    let cost = |from: usize, to: usize| {
        let (sum, squares) = (sums[to].0 - sums[from].0, sums[to].1 - sums[from].1);
        (squares - sum * sum / real(to - from)).max(0.0)
    };
    let mut best = vec![f64::INFINITY; count + 1];
    let mut last = vec![0; count + 1];
    best[0] = -penalty;
    let mut open = vec![0];
    for to in SEGMENT..=count {
        for &from in open.iter().filter(|from| to - **from >= SEGMENT) {
            let total = best[from] + cost(from, to) + penalty;
            if total < best[to] {
                (best[to], last[to]) = (total, from);
            }
        }
        // What can never be best again is not looked at again.
        open.retain(|&from| to - from < SEGMENT || best[from] + cost(from, to) <= best[to]);
        open.push(to);
    }
    let mut points = Vec::new();
    let mut to = count;
    while last[to] > 0 {
        points.push(last[to]);
        to = last[to];
    }
    points.reverse();
    points
}

/// By how much a variance is seen too small.
fn calm(count: usize, spent: usize) -> f64 {
    real(count) / real(count.saturating_sub(spent).max(1))
}

/// The standard deviation of what is no change of level.
fn noise(values: &[f64]) -> f64 {
    let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let robust = mad(&differences) / std::f64::consts::SQRT_2;
    if robust > 0.0 { robust } else { (variance(&differences) / 2.0).sqrt() }
}

/// The last change of level in `values`, which should be free of season: one that is at least as large
/// as the noise, and that a straight line does not explain better. What was otherwise for a few periods and is again
/// as it was has not shifted.
pub fn change_point(values: &[f64], spent: usize) -> Option<ChangePoint> {
    let points = change_points(values, spent);
    let at = *points.last()?;
    let start = |back: usize| points.len().checked_sub(back).map_or(0, |place| points[place]);
    let from = start(2);
    let (old, new) = (&values[from..at], &values[at..]);
    let (before, after) = (mean(old), mean(new));
    let was = if from > 0 { mean(&values[start(3)..from]) } else { before };
    let is_back = old.len() < 2 * SEGMENT && (after - was).abs() < (after - before).abs() / 2.0;
    if is_back {
        return None;
    }
    let around = |level: f64, part: &[f64]| part.iter().map(|y| (y - level).powi(2)).sum::<f64>();
    let stepped = around(before, old) + around(after, new);
    let both = &values[from..];
    let (level, slope) = line(both);
    let sloped = both.iter().enumerate().map(|(x, y)| (y - level - slope * real(x)).powi(2));
    if (after - before).abs() < noise(values) || stepped >= sloped.sum::<f64>() {
        return None;
    }
    let test = same_mean(old, new, spent);
    let p_value = (test.p_value * real(values.len() - 2 * SEGMENT + 1)).min(1.0);
    Some(ChangePoint { from, at, before, after, test: Tested { p_value, ..test } })
}

/// Whether two samples of the same spread have one mean (Student 1908).
fn same_mean(one: &[f64], other: &[f64], spent: usize) -> Tested {
    let (first, second) = (real(one.len()), real(other.len()));
    let degrees = (first + second - 2.0 - real(spent)).max(1.0);
    let spread = (variance(one) * (first - 1.0) + variance(other) * (second - 1.0)) / degrees;
    let error = (spread * (1.0 / first + 1.0 / second)).sqrt();
    let away = mean(other) - mean(one);
    if error <= 0.0 {
        return Tested { statistic: away, p_value: f64::from(u8::from(away == 0.0)) };
    }
    Tested { statistic: away / error, p_value: student_two_sided(away / error, degrees) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(level: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..36).map(|x| level(x) + real(x * 37 % 11) - 5.0).collect()
    }

    #[test]
    fn a_shift_is_dated() {
        let found = change_point(&noisy(|x| if x < 22 { 100.0 } else { 70.0 }), 0).unwrap();
        assert!((21..=23).contains(&found.at), "{found:?}");
        assert!((found.after - found.before + 30.0).abs() < 4.0 && found.test.p_value < 0.001);
    }

    #[test]
    fn what_was_otherwise_for_some_periods_has_not_shifted_back() {
        let bump = |last: usize, rest: f64| {
            let level = move |x| match x {
                0..22 => 100.0,
                x if x < last => 190.0,
                _ => rest,
            };
            change_point(&noisy(level), 0)
        };
        assert_eq!(bump(25, 100.0), None);
        // Three months of that which end elsewhere, or half a year of it, are levels.
        let elsewhere = bump(25, 150.0).unwrap();
        assert_eq!((elsewhere.from, elsewhere.at), (22, 25));
        assert_eq!(bump(29, 100.0).unwrap().at, 29);
    }

    #[test]
    fn no_shift_is_seen_in_noise_or_in_a_line() {
        assert_eq!(change_point(&noisy(|_| 100.0), 0), None);
        assert_eq!(change_point(&noisy(|x| 100.0 + 4.0 * real(x)), 0), None);
        assert_eq!(change_point(&[3.0; 40], 0), None);
        assert_eq!(change_point(&[], 0), None);
    }
}
