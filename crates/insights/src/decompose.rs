use crate::{
    loess::lowess,
    number::{f_upper, mean, median, real, variance},
    trend::Tested,
};

/// A series as trend, season and what is left: they add up to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The slow part.
    pub trend: Vec<f64>,
    /// What repeats; zeros where nothing does.
    pub season: Vec<f64>,
    /// What is left.
    pub rest: Vec<f64>,
    /// The season's effect by phase; empty where there is none.
    pub by_phase: Vec<f64>,
    /// Of the season.
    pub test: Option<Tested>,
}

impl Parts {
    /// What is not season.
    pub fn adjusted(&self) -> Vec<f64> {
        self.trend.iter().zip(&self.rest).map(|(trend, rest)| trend + rest).collect()
    }

    /// How strong the season is, 0 to 1: `max(0, 1 - Var(R)/Var(S + R))` (Wang, Smith & Hyndman 2006).
    pub fn strength(&self) -> f64 {
        let both: Vec<f64> = self.season.iter().zip(&self.rest).map(|(s, r)| s + r).collect();
        let whole = variance(&both);
        if whole > 0.0 { (1.0 - variance(&self.rest) / whole).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Takes `values` apart. `phases` names the place in the cycle of each, from 0 to `cycle`. A season is
/// looked for in two full cycles or more, and taken out where it is significant (F test of the phases'
/// means, p < 0.01). Medians are used throughout, so that one odd period moves neither trend nor season
/// much (classical decomposition, robust as in Cleveland et al. 1990 in spirit).
pub fn decompose(values: &[f64], phases: &[usize], cycle: usize) -> Parts {
    let seasonal = cycle > 1 && values.len() >= 2 * cycle;
    let width = trend_width(values.len(), cycle);
    let mut trend = if seasonal { centred(values, cycle) } else { lowess(values, width) };
    let mut parts = Parts {
        season: vec![0.0; values.len()],
        rest: Vec::new(),
        by_phase: Vec::new(),
        trend: Vec::new(),
        test: None,
    };
    if seasonal {
        let without: Vec<f64> = values.iter().zip(&trend).map(|(y, t)| y - t).collect();
        let test = test_of_phases(&without, phases, cycle);
        if test.p_value < 0.01 {
            parts.by_phase = effects(&without, phases, cycle);
            parts.season = phases.iter().map(|&phase| parts.by_phase[phase]).collect();
        }
        parts.test = Some(test);
        let adjusted: Vec<f64> = values.iter().zip(&parts.season).map(|(y, s)| y - s).collect();
        trend = lowess(&adjusted, width);
    }
    let left = values.iter().zip(&trend).zip(&parts.season).map(|((y, t), s)| y - t - s);
    parts.rest = left.collect();
    parts.trend = trend;
    parts
}

/// How many values a trend is drawn through: nearly two cycles (Cleveland et al. 1990), half of a short
/// series.
pub fn trend_width(count: usize, cycle: usize) -> usize {
    let usual = if cycle > 1 && count >= 2 * cycle { cycle * 7 / 4 } else { count / 2 };
    usual.max(7) | 1
}

/// The median of each phase, moved so that they add up to nothing.
fn effects(without: &[f64], phases: &[usize], cycle: usize) -> Vec<f64> {
    let effects: Vec<f64> = (0..cycle)
        .map(|phase| {
            let of_phase = without.iter().zip(phases).filter(|(_, at)| **at == phase);
            median(&of_phase.map(|(value, _)| *value).collect::<Vec<_>>())
        })
        .collect();
    let middle = mean(&effects);
    effects.iter().map(|effect| effect - middle).collect()
}

/// One-way analysis of variance of the phases.
fn test_of_phases(without: &[f64], phases: &[usize], cycle: usize) -> Tested {
    let overall = mean(without);
    let (mut between, mut within, mut groups) = (0.0, 0.0, 0);
    for phase in 0..cycle {
        let of_phase = without.iter().zip(phases).filter(|(_, at)| **at == phase);
        let values: Vec<f64> = of_phase.map(|(value, _)| *value).collect();
        if values.is_empty() {
            continue;
        }
        groups += 1;
        let middle = mean(&values);
        between += real(values.len()) * (middle - overall).powi(2);
        within += values.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
    }
    let (above, below) = (real(groups) - 1.0, real(without.len()) - real(groups));
    if above < 1.0 || below < 1.0 {
        return Tested { statistic: 0.0, p_value: 1.0 };
    }
    if within <= 1e-12 * between {
        let p_value = if between > 0.0 { 0.0 } else { 1.0 };
        return Tested { statistic: f64::MAX, p_value };
    }
    let f = (between / above) / (within / below);
    Tested { statistic: f, p_value: f_upper(f, above, below) }
}

/// Centred moving average over a whole cycle; beyond its ends the line through its outermost cycle.
pub fn centred(values: &[f64], cycle: usize) -> Vec<f64> {
    let half = cycle / 2;
    let average = |place: usize| {
        let window = &values[place - half..=(place + half).min(values.len() - 1)];
        if cycle % 2 == 1 {
            return mean(window);
        }
        let ends = f64::midpoint(window[0], window[window.len() - 1]);
        (window[1..window.len() - 1].iter().sum::<f64>() + ends) / real(cycle)
    };
    let (from, to) = (half, values.len().saturating_sub(half));
    if to <= from {
        return vec![mean(values); values.len()];
    }
    let inner: Vec<f64> = (from..to).map(average).collect();
    let edge = inner.len().min(cycle.max(2));
    let (head_level, head_slope) = crate::number::line(&inner[..edge]);
    let (tail_level, tail_slope) = crate::number::line(&inner[inner.len() - edge..]);
    (0..values.len())
        .map(|place| {
            if place < from {
                head_level - head_slope * real(from - place)
            } else if place < to {
                inner[place - from]
            } else {
                tail_level + tail_slope * real(edge - 1 + place + 1 - to)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_taken_out_and_the_parts_add_up() {
        let wave = [0.0, 5.0, 10.0, 20.0, -5.0, -10.0, 0.0, 3.0, -8.0, -9.0, -4.0, -2.0];
        let values: Vec<f64> =
            (0..36).map(|x| 100.0 + real(x) + wave[x % 12] + real(x * 7 % 5)).collect();
        let phases: Vec<usize> = (0..36).map(|x| x % 12).collect();
        let parts = decompose(&values, &phases, 12);
        assert!(parts.strength() > 0.9 && parts.test.unwrap().p_value < 1e-6, "{parts:?}");
        for (place, value) in values.iter().enumerate() {
            let sum = parts.trend[place] + parts.season[place] + parts.rest[place];
            assert!((sum - value).abs() < 1e-9);
        }
        let high = parts.by_phase.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert_eq!(high, 3);
    }

    #[test]
    fn one_odd_period_stays_in_the_rest() {
        let mut values = vec![50.0; 30];
        values[29] = 90.0;
        let phases: Vec<usize> = (0..30).map(|x| x % 12).collect();
        let parts = decompose(&values, &phases, 12);
        assert!((parts.rest[29] - 40.0).abs() < 1.0, "{:?}", parts.rest);
        for short in 0..5 {
            let few = vec![1.0; short];
            assert_eq!(decompose(&few, &phases[..short], 12).rest.len(), short);
        }
    }
}
