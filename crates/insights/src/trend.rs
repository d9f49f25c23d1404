use crate::number::{self, mean, median, normal_two_sided, real};

/// A test's statistic and the chance of one as large where there is nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// The statistic.
    pub statistic: f64,
    /// Two-sided, before any control for how many tests were made.
    pub p_value: f64,
}

/// A steady rise or fall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Change in a period: the median of the slopes of all pairs (Sen 1968).
    pub slope: f64,
    /// The line at the first period.
    pub first: f64,
    /// The line at the last.
    pub last: f64,
    /// Of Mann and Kendall.
    pub test: Tested,
}

/// The trend of `values`: Mann-Kendall's test (Kendall 1975), its variance corrected for autocorrelation
/// (Hamed & Rao 1998), and Sen's slope. A season is to be taken out of them before; `spent` is how many
/// effects that took. What is left looks calmer than it is by so much, and equal phases lean on each other:
/// the variance is raised by both. That finds slopes over few years that a comparison of equal seasons
/// alone (Hirsch, Slack & Smith 1982) misses.
/// Fewer than 8 values have none.
pub fn trend(values: &[f64], spent: usize) -> Option<Trend> {
    let count = values.len();
    if count < 8 || count <= spent {
        return None;
    }
    let mut signs = 0.0;
    let mut slopes = Vec::with_capacity(count * (count - 1) / 2);
    for (early, &before) in values.iter().enumerate() {
        for (late, &after) in values.iter().enumerate().skip(early + 1) {
            let change = after - before;
            signs += if change > 0.0 { 1.0 } else { -f64::from(change < 0.0) };
            slopes.push(change / real(late - early));
        }
    }
    let slope = median(&slopes);
    let level: Vec<f64> =
        values.iter().enumerate().map(|(place, value)| value - slope * real(place)).collect();
    let first = median(&level);
    let calm = (real(count) / real(count - spent)).powi(2);
    let spread = variance_of_signs(values) * autocorrelation_correction(&level) * calm;
    let z = if spread > 0.0 { (signs - f64::signum(signs)) / spread.sqrt() } else { 0.0 };
    let z = if signs == 0.0 { 0.0 } else { z };
    let test = Tested { statistic: z, p_value: normal_two_sided(z) };
    Some(Trend { slope, first, last: first + slope * real(count - 1), test })
}

/// Of Kendall's S where nothing is, ties taken off.
fn variance_of_signs(values: &[f64]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let sorted = number::sorted(values);
    let ties = sorted.chunk_by(|one, other| one.total_cmp(other).is_eq());
    let ties: f64 = ties.map(|tie| term(real(tie.len()))).sum();
    (term(real(values.len())) - ties) / 18.0
}

/// Hamed & Rao's factor, from the autocorrelation of ranks of what the slope leaves; only lags that
/// are significant count, and the factor never makes the test easier.
fn autocorrelation_correction(level: &[f64]) -> f64 {
    let ranks = number::ranks(level);
    let count = real(ranks.len());
    let middle = mean(&ranks);
    let spread: f64 = ranks.iter().map(|rank| (rank - middle).powi(2)).sum();
    if spread <= 0.0 {
        return 1.0;
    }
    let mut sum = 0.0;
    for lag in 1..=ranks.len() / 4 {
        let pairs = ranks.iter().zip(&ranks[lag..]);
        let r = pairs.map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>() / spread;
        if r.abs() > 1.96 / count.sqrt() {
            let left = count - real(lag);
            sum += left * (left - 1.0) * (left - 2.0) * r;
        }
    }
    (1.0 + 2.0 * sum / (count * (count - 1.0) * (count - 2.0))).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_found_and_measured() {
        let values: Vec<f64> =
            (0..20).map(|x| 100.0 + 3.0 * f64::from(x) + f64::from(x % 2)).collect();
        let found = trend(&values, 0).unwrap();
        assert!((found.slope - 3.0).abs() < 0.1 && found.test.p_value < 1e-6, "{found:?}");
        assert!((found.last - found.first - 57.0).abs() < 2.0);
        let falling: Vec<f64> = values.iter().map(|value| -value).collect();
        assert!(trend(&falling, 0).unwrap().test.statistic < 0.0);
    }

    #[test]
    fn constants_and_few_values_have_none() {
        assert!(trend(&[1.0; 7], 0).is_none());
        let flat = trend(&[5.0; 12], 0).unwrap();
        assert_eq!((flat.slope, flat.test.p_value.to_bits()), (0.0, 1.0_f64.to_bits()));
    }

    #[test]
    fn mann_kendall_gives_the_figures_of_its_definition() {
        // S = 43 of 45 pairs, variance 10·9·25/18 = 125: z = 42/√125.
        let found = trend(&[1.0, 2.0, 3.0, 4.0, 6.0, 5.0, 7.0, 8.0, 9.0, 10.0], 0).unwrap();
        assert!((found.test.statistic - 42.0 / 125.0_f64.sqrt()).abs() < 1e-9, "{found:?}");
    }
}
