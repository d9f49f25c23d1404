//! How members compare: who stands out, and how much few of them make up.

use crate::{
    number::{line, mad, real},
    outlier::robust_z,
    trend::Tested,
};

/// A member that stands out at one end of a ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outstanding {
    /// What the others lead to expect at its place.
    pub expected: f64,
    /// Of the gap, in logarithms.
    pub test: Tested,
}

/// Whether the first of `ranked` (descending, all positive) stands out: a power law, a straight line of
/// logarithms of value over rank, is laid through the others, and the first's distance from it compared
/// with theirs (Tang et al., SIGMOD 2017). Five members or more.
pub fn outstanding_first(ranked: &[f64]) -> Option<Outstanding> {
    let ranked: Vec<f64> =
        ranked.iter().copied().take_while(|value| *value > 0.0).take(50).collect();
    if ranked.len() < 5 {
        return None;
    }
    let points: Vec<(f64, f64)> = ranked
        .iter()
        .enumerate()
        .skip(1)
        .map(|(place, y)| (real(place + 1).ln(), y.ln()))
        .collect();
    let (level, slope) = fit(&points);
    let away: Vec<f64> = points.iter().map(|(x, y)| y - level - slope * x).collect();
    let gap = ranked[0].ln() - level;
    if gap <= 0.0 || ranked[0] < 1.5 * ranked[1] {
        return None;
    }
    let test = robust_z(gap, mad(&away).max(0.1), away.len())?;
    Some(Outstanding { expected: level.exp(), test })
}

/// Whether the last of `ranked` (descending) stands out below the straight line through the others.
/// Five members or more.
pub fn outstanding_last(ranked: &[f64]) -> Option<Outstanding> {
    let (last, others) = ranked.split_last()?;
    if others.len() < 4 {
        return None;
    }
    let (level, slope) = line(others);
    let away: Vec<f64> =
        others.iter().enumerate().map(|(place, y)| y - level - slope * real(place)).collect();
    let expected = level + slope * real(others.len());
    let spread = mad(&away).max(0.05 * others[0].abs().max(others[others.len() - 1].abs()));
    if *last >= expected {
        return None;
    }
    Some(Outstanding { expected, test: robust_z(last - expected, spread, away.len())? })
}

fn fit(points: &[(f64, f64)]) -> (f64, f64) {
    let count = real(points.len());
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let slope = if below > 0.0 { above / below } else { 0.0 };
    (y - slope * x, slope)
}

/// How much few members make up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concentration {
    /// Sum of squared shares (Herfindahl-Hirschman index).
    pub hhi: f64,
    /// The largest member's share.
    pub first_share: f64,
    /// The fewest members that make up 80 %.
    pub for_80_percent: usize,
    /// Sum.
    pub total: f64,
}

/// The concentration of members' values, in any order; empty where they do not add up to more than
/// nothing, or where one is negative by more than a hundredth of the sum.
pub fn concentration(values: &[f64]) -> Option<Concentration> {
    let total: f64 = values.iter().sum();
    if total <= 0.0 || values.iter().any(|value| *value < -0.01 * total) {
        return None;
    }
    let mut ranked = crate::number::sorted(values);
    ranked.reverse();
    let mut so_far = 0.0;
    let for_80_percent = ranked.iter().take_while(|value| {
        let open = so_far < 0.8 * total;
        so_far += **value;
        open
    });
    let for_80_percent = for_80_percent.count();
    let hhi = ranked.iter().map(|value| (value / total).powi(2)).sum();
    Some(Concentration { hhi, first_share: ranked[0] / total, for_80_percent, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_far_above_a_power_law_stands_out() {
        let mut ranked: Vec<f64> = (1..=20).map(|rank| 1000.0 / real(rank)).collect();
        assert!(outstanding_first(&ranked).is_none_or(|it| it.test.p_value > 0.05));
        ranked[0] = 20_000.0;
        let found = outstanding_first(&ranked).unwrap();
        assert!(found.test.p_value < 0.001 && (found.expected - 1000.0).abs() < 200.0, "{found:?}");
        assert_eq!(outstanding_first(&ranked[..4]), None);
    }

    #[test]
    fn a_last_far_below_stands_out() {
        let ranked = [100.0, 98.0, 97.0, 95.0, 94.0, 93.0, 20.0];
        assert!(outstanding_last(&ranked).unwrap().test.p_value < 0.01);
        assert_eq!(outstanding_last(&[5.0, 4.0, 3.0]), None);
    }

    #[test]
    fn shares_are_counted() {
        let found = concentration(&[10.0, 70.0, 20.0]).unwrap();
        assert!((found.hhi - 0.54).abs() < 1e-12 && (found.first_share - 0.7).abs() < 1e-12);
        assert_eq!(found.for_80_percent, 2);
        assert_eq!(concentration(&[5.0, -5.0]), None);
        assert_eq!(concentration(&[]), None);
    }
}
