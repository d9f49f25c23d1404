use crate::{
    number::{correlation, ranks, real, student_two_sided},
    trend::Tested,
};

/// Two figures that move together, one ahead of the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeadLag {
    /// Periods by which `other` goes ahead.
    pub lag: usize,
    /// Spearman's rank correlation (Spearman 1904) of the changes from period to period.
    pub test: Tested,
    /// Pairs that were compared.
    pub pairs: usize,
}

/// How the changes of `values` follow those of `other` by 0 to `most` periods; both should be free of
/// season. The pairs are counted as fewer where both figures have a memory. The strongest lag is given, its p-value times the lags that were tried. Fewer than 12 pairs
/// tell nothing.
pub fn lead_lag(values: &[f64], other: &[f64], most: usize) -> Option<LeadLag> {
    if values.len() != other.len() {
        return None;
    }
    let changes = |of: &[f64]| of.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    let (values, other) = (changes(values), changes(other));
    let mut best: Option<LeadLag> = None;
    let mut tried = 0;
    for lag in 0..=most {
        let pairs = values.len().saturating_sub(lag);
        if pairs < 12 {
            break;
        }
        tried += 1;
        let rho = correlation(&ranks(&values[lag..]), &ranks(&other[..pairs]));
        if best.is_none_or(|it| rho.abs() > it.test.statistic.abs()) {
            let degrees = (real(pairs) / inflation(&values, &other) - 2.0).max(1.0);
            let t = rho * (degrees / (1.0 - rho * rho).max(1e-12)).sqrt();
            let p_value = student_two_sided(t, degrees);
            best = Some(LeadLag { lag, test: Tested { statistic: rho, p_value }, pairs });
        }
    }
    best.map(|it| {
        let p_value = (it.test.p_value * real(tried)).min(1.0);
        LeadLag { test: Tested { p_value, ..it.test }, ..it }
    })
}

/// By how much the variance of a correlation grows because both figures have a memory (Bartlett 1946).
fn inflation(one: &[f64], other: &[f64]) -> f64 {
    let memory = |of: &[f64], lag: usize| correlation(&of[lag..], &of[..of.len() - lag]);
    let sum: f64 = (1..=3).map(|lag| memory(one, lag) * memory(other, lag)).sum();
    (1.0 + 2.0 * sum).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_follows_two_periods_later_is_found() {
        let leader: Vec<f64> = (0..40).map(|x| real(x * x * 37 % 101)).collect();
        let mut follower = vec![50.0, 20.0];
        follower.extend(&leader[..38]);
        let found = lead_lag(&follower, &leader, 3).unwrap();
        assert!(found.lag == 2 && found.test.statistic > 0.99 && found.test.p_value < 1e-9);
        assert!(lead_lag(&leader[..10], &follower[..10], 3).is_none());
        let flat = lead_lag(&[1.0; 30], &leader[..30], 3).unwrap();
        assert!(flat.test.p_value > 0.9);
    }
}
