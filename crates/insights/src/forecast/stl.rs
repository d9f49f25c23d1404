//! Seasonal and trend decomposition by loess (Cleveland, Cleveland, McRae & Terpenning 1990), and the
//! forecast that takes its parts ahead (Bandara, Hyndman & Bergmeir 2021; with one season MSTL is STL).

use super::{Fitted, ets, naive::seasonal_naive};
use crate::{loess::local_line, number::real};

/// The season repeated, and the rest by a damped trend.
pub(super) fn mstl(history: &[f64], cycle: usize) -> Option<Fitted> {
    if cycle < 2 || history.len() < 2 * cycle {
        return None;
    }
    let smoothing = ets::damped(&adjusted(history, &season(history, cycle)), 1)?;
    Some(Box::new(move |history, steps| {
        let season = season(history, cycle);
        let level = smoothing(&adjusted(history, &season), steps);
        let repeated = seasonal_naive(&season, cycle, steps);
        level.iter().zip(repeated).map(|(level, season)| level + season).collect()
    }))
}

fn adjusted(history: &[f64], season: &[f64]) -> Vec<f64> {
    history.iter().zip(season).map(|(value, season)| value - season).collect()
}

/// The seasonal part: two passes of the inner loop, a seasonal window of 11, the trend's window as Cleveland
/// et al. recommend.
pub fn season(values: &[f64], cycle: usize) -> Vec<f64> {
    const SEASONAL: usize = 11;
    let odd = |width: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few cycles, positive"
        )]
        let whole = width.ceil() as usize;
        whole | 1
    };
    let trend_window = odd(1.5 * real(cycle) / (1.0 - 1.5 / real(SEASONAL)));
    let mut trend = vec![0.0; values.len()];
    let mut season = vec![0.0; values.len()];
    for _ in 0..2 {
        let mut cycles = vec![0.0; values.len() + 2 * cycle];
        for phase in 0..cycle {
            let of_phase: Vec<f64> = (phase..values.len())
                .step_by(cycle)
                .map(|place| values[place] - trend[place])
                .collect();
            for place in 0..of_phase.len() + 2 {
                let at = real(place) - 1.0;
                cycles[phase + place * cycle] = local_line(&of_phase, None, SEASONAL, at).value;
            }
        }
        let low = moving(&moving(&moving(&cycles, cycle), cycle), 3);
        let low: Vec<f64> =
            (0..low.len()).map(|at| local_line(&low, None, cycle | 1, real(at)).value).collect();
        season = (0..values.len()).map(|at| cycles[at + cycle] - low[at]).collect();
        let rest: Vec<f64> = values.iter().zip(&season).map(|(y, s)| y - s).collect();
        trend = (0..rest.len())
            .map(|at| local_line(&rest, None, trend_window, real(at)).value)
            .collect();
    }
    season
}

/// Means of `width` values that follow each other.
fn moving(values: &[f64], width: usize) -> Vec<f64> {
    values.windows(width).map(|window| window.iter().sum::<f64>() / real(width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_found_whatever_the_trend() {
        let wave = [3.0, -1.0, 4.0, -6.0];
        let values: Vec<f64> = (0..32).map(|x| 10.0 + 2.0 * real(x) + wave[x % 4]).collect();
        let found = season(&values, 4);
        for (place, season) in found.iter().enumerate() {
            assert!((season - wave[place % 4]).abs() < 0.3, "{place}: {season}");
        }
    }
}
