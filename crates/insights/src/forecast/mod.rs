//! What comes next: several methods are tried on the past from one origin after another, and the median
//! of the best is the forecast (as SCUM of the M4 competition, Petropoulos & Svetunkov 2020). Where that
//! was no better than repeating the season, the repetition is given and said to be.

mod arima;
mod ets;
mod intermittent;
mod naive;
mod optimum;
mod stl;
mod theta;

use pacioli_model::TimeGrain;

use crate::{
    number::{mean, median, quantile, real},
    series::cycle,
};

pub use naive::seasonal_naive;

/// Part of cases in which a value is expected within the interval.
pub const LEVEL: f64 = 0.8;

/// Fewer values are not forecast.
pub const FEWEST: usize = 8;

/// Origins in the past that forecasts are made from.
const ORIGINS: usize = 12;

/// Methods whose median is taken, where the best are better than the usual ones together by a tenth.
const BEST: usize = 3;
const CLEARLY: f64 = 0.9;

/// A method whose parameters are settled: what follows a history.
type Fitted = Box<dyn Fn(&[f64], usize) -> Vec<f64>>;

/// A method: settles its parameters on a history, or does not fit it.
struct Method {
    name: &'static str,
    fit: fn(&[f64], usize) -> Option<Fitted>,
}

impl Method {
    /// Whether it is one of the four that are right for most series.
    fn is_usual(&self, cycle: usize) -> bool {
        let usual: [&str; 4] = if cycle > 1 {
            ["ets_additive", "theta", "seasonal_arima", "mstl"]
        } else {
            ["ses", "damped_holt", "theta", "arima"]
        };
        usual.contains(&self.name)
    }
}

const METHODS: [Method; 11] = [
    Method { name: "drift", fit: naive::drift },
    Method { name: "ses", fit: ets::ses },
    Method { name: "damped_holt", fit: ets::damped },
    Method { name: "ets_additive", fit: ets::additive },
    Method { name: "ets_multiplicative", fit: ets::multiplicative },
    Method { name: "theta", fit: theta::theta },
    Method { name: "arima", fit: arima::plain },
    Method { name: "seasonal_arima", fit: arima::seasonal },
    Method { name: "mstl", fit: stl::mstl },
    Method { name: "croston", fit: intermittent::croston },
    Method { name: "tsb", fit: intermittent::tsb },
];

/// What comes after a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// One for each period ahead: most likely, lower and upper end of the interval.
    pub steps: Vec<Step>,
    /// The methods whose median it is; `seasonal_naive` where none was better.
    pub methods: Vec<&'static str>,
    /// Mean absolute scaled error on the past (Hyndman & Koehler 2006) of what is given.
    pub mase: f64,
    /// And of the seasonal naive method, from the same origins.
    pub naive_mase: f64,
    /// Whether the seasonal naive method was beaten.
    pub beats_naive: bool,
    /// The error on the past of each method that fits, the best first.
    pub tried: Vec<(&'static str, f64)>,
}

/// One period ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Most likely.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Forecasts `horizon` periods after `values`; empty for fewer than [`FEWEST`] of them, or where one is
/// not a number. Values that are never negative stay so.
pub fn forecast(values: &[f64], grain: TimeGrain, horizon: usize) -> Option<Forecast> {
    if values.len() < FEWEST || horizon == 0 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let cycle = if values.len() >= 2 * cycle(grain) { cycle(grain) } else { 1 };
    let floor = if values.iter().all(|value| *value >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
    let past = Past::of(values, cycle, horizon);
    let naive = past.errors(&|history, steps| seasonal_naive(history, cycle, steps), floor);
    let naive_mase = past.mase(&naive);
    let mut tried: Vec<Tried> = METHODS
        .iter()
        .filter_map(|method| {
            let fitted = (method.fit)(&values[..past.first], cycle)?;
            let forecasts = past.forecasts(&fitted, floor);
            let mase = past.mase(&past.errors_of(&forecasts));
            mase.is_finite().then_some(Tried { method, forecasts, mase })
        })
        .collect();
    tried.sort_by(|one, other| one.mase.total_cmp(&other.mase));
    // The usual ones together are seldom far off; the best on so short a past are so by chance, in part.
    let of = |some: &[&Tried]| {
        let errors = past.errors_of(&medians_of_origins(some));
        (past.mase(&errors), errors)
    };
    let usual: Vec<&Tried> = tried.iter().filter(|it| it.method.is_usual(cycle)).collect();
    let best: Vec<&Tried> = tried.iter().take(BEST).collect();
    let ((usual_mase, usual_errors), (best_mase, best_errors)) = (of(&usual), of(&best));
    let (best, mase, together) = if usual.is_empty() || best_mase < CLEARLY * usual_mase {
        (best, best_mase, best_errors)
    } else {
        (usual, usual_mase, usual_errors)
    };
    let beats_naive = !best.is_empty() && mase < naive_mase;
    let (middles, methods, errors) = if beats_naive {
        let each: Vec<_> = best
            .iter()
            .filter_map(|it| {
                Some((it.method.name, (it.method.fit)(values, cycle)?(values, horizon)))
            })
            .collect();
        let names = each.iter().map(|(name, _)| *name).collect();
        let forecasts: Vec<Vec<f64>> = each.into_iter().map(|(_, forecast)| forecast).collect();
        (medians(&forecasts, horizon), names, together)
    } else {
        (seasonal_naive(values, cycle, horizon), vec!["seasonal_naive"], naive)
    };
    let reach = reaches(&errors, horizon, cycle, !beats_naive);
    let step = |(value, reach): (f64, f64)| {
        let value = value.max(floor);
        Step { value, low: (value - reach).max(floor), high: value + reach }
    };
    Some(Forecast {
        steps: middles.into_iter().zip(reach).map(step).collect(),
        methods,
        mase: if beats_naive { mase } else { naive_mase },
        naive_mase,
        beats_naive,
        tried: tried.iter().map(|it| (it.method.name, it.mase)).collect(),
    })
}

struct Tried {
    method: &'static Method,
    /// By origin, then step.
    forecasts: Vec<Vec<f64>>,
    mase: f64,
}

/// The origins in a series, and what came after each.
struct Past<'a> {
    values: &'a [f64],
    /// Values before the first origin: what parameters are settled on.
    first: usize,
    horizon: usize,
    /// What an error of one is: the mean absolute error of the seasonal naive method over one cycle
    /// within the values before the first origin.
    scale: f64,
}

impl<'a> Past<'a> {
    fn of(values: &'a [f64], cycle: usize, horizon: usize) -> Self {
        let count = values.len();
        // Before the first origin must be enough for a season, or for the simplest methods.
        let least = if cycle > 1 { 2 * cycle } else { 5 }.min(count - 3);
        let first = least.max(count.saturating_sub(ORIGINS.max(count / 3).min(2 * ORIGINS)));
        let lagged = values.iter().zip(&values[cycle.min(count - 1)..]);
        let moves: Vec<f64> = lagged.map(|(before, after)| (after - before).abs()).collect();
        Self { values, first, horizon, scale: mean(&moves) }
    }

    fn origins(&self) -> impl Iterator<Item = usize> {
        self.first..self.values.len()
    }

    fn forecasts(&self, method: &dyn Fn(&[f64], usize) -> Vec<f64>, floor: f64) -> Vec<Vec<f64>> {
        self.origins().map(|origin| self.forecast(method, origin, floor)).collect()
    }

    fn forecast(
        &self,
        method: &dyn Fn(&[f64], usize) -> Vec<f64>,
        origin: usize,
        floor: f64,
    ) -> Vec<f64> {
        let steps = self.horizon.min(self.values.len() - origin);
        let forecast = method(&self.values[..origin], steps);
        forecast.into_iter().map(|value| value.max(floor)).collect()
    }

    fn errors(&self, method: &dyn Fn(&[f64], usize) -> Vec<f64>, floor: f64) -> Vec<Vec<f64>> {
        self.errors_of(&self.forecasts(method, floor))
    }

    fn errors_of(&self, forecasts: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let of = |(origin, forecast): (usize, &Vec<f64>)| {
            forecast.iter().zip(&self.values[origin..]).map(|(seen, is)| is - seen).collect()
        };
        self.origins().zip(forecasts).map(of).collect()
    }

    fn mase(&self, errors: &[Vec<f64>]) -> f64 {
        let all: Vec<f64> = errors.iter().flatten().map(|error| error.abs()).collect();
        if all.is_empty() {
            return f64::NAN;
        }
        let error = mean(&all);
        if self.scale > 0.0 {
            error / self.scale
        } else if error == 0.0 {
            0.0
        } else {
            f64::MAX
        }
    }
}

fn medians_of_origins(best: &[&Tried]) -> Vec<Vec<f64>> {
    let Some(first) = best.first() else { return Vec::new() };
    let of_origin = |origin: usize| {
        let forecasts: Vec<Vec<f64>> = best.iter().map(|it| it.forecasts[origin].clone()).collect();
        medians(&forecasts, first.forecasts[origin].len())
    };
    (0..first.forecasts.len()).map(of_origin).collect()
}

fn medians(forecasts: &[Vec<f64>], steps: usize) -> Vec<f64> {
    let at = |step: usize| {
        let values: Vec<f64> = forecasts
            .iter()
            .filter_map(|it| it.get(step).copied())
            .filter(|it| it.is_finite())
            .collect();
        median(&values)
    };
    (0..steps).map(at).collect()
}

/// Half the width of the interval at each step: the [`LEVEL`]-quantile of the errors that forecasts from
/// the past made (split conformal prediction, Vovk et al. 2005, with its correction for few errors),
/// pooled over steps by the growth of their root mean square, which is held to never fall. Where the
/// season is repeated, errors grow from cycle to cycle and not within one.
fn reaches(errors: &[Vec<f64>], horizon: usize, cycle: usize, is_naive: bool) -> Vec<f64> {
    let seen = errors.iter().map(Vec::len).max().unwrap_or(0);
    let mut growth = Vec::with_capacity(horizon);
    let mut least = 0.0_f64;
    for step in 0..horizon {
        let at: Vec<f64> = errors.iter().filter_map(|it| it.get(step)).map(|it| it * it).collect();
        // The last steps have been seen from few origins: they grow as the square root of time does.
        let root = if at.len() >= 6 || (step == 0 && !at.is_empty()) {
            mean(&at).sqrt()
        } else if is_naive && cycle > 1 {
            let cycles = |step: usize| (real(step / cycle) + 1.0).sqrt();
            least * cycles(step) / cycles(step.saturating_sub(1))
        } else {
            least * ((real(step) + 1.0) / real(step.max(1))).sqrt()
        };
        least = least.max(root);
        growth.push(least);
    }
    let scaled: Vec<f64> = errors
        .iter()
        .flat_map(|it| it.iter().zip(&growth).take(seen))
        .filter(|(_, growth)| **growth > 0.0)
        .map(|(error, growth)| error.abs() / growth)
        .collect();
    let origins = real(errors.len());
    let part = (LEVEL * (origins + 1.0) / origins.max(1.0)).min(1.0);
    let width = quantile(&scaled, part);
    growth.into_iter().map(|growth| growth * width).collect()
}

#[cfg(test)]
mod cross_check;
#[cfg(test)]
mod tests;
