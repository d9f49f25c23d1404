//! Exponential smoothing (Hyndman, Koehler, Ord & Snyder 2008). Parameters minimise the squared errors
//! of one step ahead; the states begin at what the first cycles show.

use super::{
    Fitted,
    optimum::{between, minimum},
};
use crate::number::{line, mean};

/// How the season joins the level.
#[derive(Clone, Copy, PartialEq)]
enum Season {
    None,
    Added,
    Multiplied,
}

#[derive(Clone, Copy)]
struct Form {
    trend: bool,
    season: Season,
    cycle: usize,
}

/// Smoothing parameters: of level, slope, season, and how the slope dies away.
#[derive(Clone, Copy)]
struct Weights {
    level: f64,
    slope: f64,
    season: f64,
    damping: f64,
}

impl Weights {
    fn of(form: Form, any: &[f64]) -> Self {
        let mut next = any.iter().copied();
        let mut take = |low, high| next.next().map_or(0.0, |it| between(low, high, it));
        let level = take(0.0001, 0.9999);
        let (slope, damping) =
            if form.trend { (take(0.0001, 0.9999) * level, take(0.8, 0.98)) } else { (0.0, 1.0) };
        let season =
            if form.season == Season::None { 0.0 } else { take(0.0001, 0.9999) * (1.0 - level) };
        Self { level, slope, season, damping }
    }
}

struct State {
    level: f64,
    slope: f64,
    /// The last cycle, the oldest first.
    seasons: Vec<f64>,
    at: usize,
}

impl State {
    fn start(form: Form, history: &[f64]) -> Self {
        let Form { cycle, season, .. } = form;
        if season == Season::None {
            let head = &history[..history.len().min(10)];
            let (level, slope) = line(head);
            let slope = if form.trend { slope } else { 0.0 };
            let level = if form.trend { level - slope } else { mean(head) };
            return Self { level, slope, seasons: Vec::new(), at: 0 };
        }
        let (first, second) = (mean(&history[..cycle]), mean(&history[cycle..2 * cycle]));
        let slope = (second - first) / crate::number::real(cycle);
        let half = (crate::number::real(cycle) - 1.0) / 2.0;
        let of_phase = |phase: usize| {
            let parts: Vec<f64> = [(phase, first), (phase + cycle, second)]
                .iter()
                .map(|(place, average)| {
                    let level = average + slope * (crate::number::real(phase) - half);
                    match season {
                        Season::Multiplied => history[*place] / level.max(f64::MIN_POSITIVE),
                        _ => history[*place] - level,
                    }
                })
                .collect();
            mean(&parts)
        };
        let seasons = (0..cycle).map(of_phase).collect();
        let slope = if form.trend { slope } else { 0.0 };
        let level = if form.trend { first - slope * (half + 1.0) } else { first };
        Self { level, slope, seasons, at: 0 }
    }

    /// What is expected `ahead` steps from now.
    fn ahead(&self, form: Form, weights: Weights, ahead: usize) -> f64 {
        let damped: f64 = if form.trend {
            let mut sum = 0.0;
            let mut factor = 1.0;
            for _ in 0..ahead {
                factor *= weights.damping;
                sum += factor;
            }
            sum
        } else {
            0.0
        };
        let level = self.level + damped * self.slope;
        match form.season {
            Season::None => level,
            Season::Added => level + self.seasons[(self.at + ahead - 1) % form.cycle],
            Season::Multiplied => level * self.seasons[(self.at + ahead - 1) % form.cycle],
        }
    }

    fn take(&mut self, form: Form, weights: Weights, value: f64) -> f64 {
        let error = value - self.ahead(form, weights, 1);
        let slope = weights.damping * self.slope;
        let (level_before, place) = (self.level + slope, self.at % form.cycle.max(1));
        match form.season {
            Season::None | Season::Added => {
                self.level = level_before + weights.level * error;
                self.slope = slope + weights.slope * error;
                if let Some(season) = self.seasons.get_mut(place) {
                    *season += weights.season * error;
                }
            }
            Season::Multiplied => {
                let season = self.seasons[place];
                let by_season = if season.abs() > 1e-9 { error / season } else { 0.0 };
                self.level = level_before + weights.level * by_season;
                self.slope = slope + weights.slope * by_season;
                let by_level = if level_before.abs() > 1e-9 { error / level_before } else { 0.0 };
                self.seasons[place] = season + weights.season * by_level;
            }
        }
        self.at += 1;
        error
    }
}

fn fit(form: Form, history: &[f64]) -> Option<Fitted> {
    let least = if form.season == Season::None { 4 } else { 2 * form.cycle };
    if history.len() < least {
        return None;
    }
    let mut start = vec![-0.8];
    if form.trend {
        start.extend([-2.0, 1.0]);
    }
    if form.season != Season::None {
        start.push(-2.0);
    }
    let cost = |any: &[f64]| {
        let weights = Weights::of(form, any);
        let mut state = State::start(form, history);
        history.iter().map(|value| state.take(form, weights, *value).powi(2)).sum::<f64>()
    };
    let weights = Weights::of(form, &minimum(&start, 1.0, &cost));
    Some(Box::new(move |history, steps| {
        let mut state = State::start(form, history);
        for value in history {
            state.take(form, weights, *value);
        }
        (1..=steps).map(|ahead| state.ahead(form, weights, ahead)).collect()
    }))
}

/// Simple exponential smoothing: ETS(A,N,N).
pub(super) fn ses(history: &[f64], _: usize) -> Option<Fitted> {
    fit(Form { trend: false, season: Season::None, cycle: 1 }, history)
}

/// Holt's method with a damped trend (Gardner & McKenzie 1985): ETS(A,Ad,N).
pub(super) fn damped(history: &[f64], _: usize) -> Option<Fitted> {
    fit(Form { trend: true, season: Season::None, cycle: 1 }, history)
}

/// Damped trend and a season that is added: ETS(A,Ad,A).
pub(super) fn additive(history: &[f64], cycle: usize) -> Option<Fitted> {
    (cycle > 1).then(|| fit(Form { trend: true, season: Season::Added, cycle }, history)).flatten()
}

/// Damped trend and a season that multiplies (Holt & Winters): for positive values.
pub(super) fn multiplicative(history: &[f64], cycle: usize) -> Option<Fitted> {
    let fits = cycle > 1 && history.iter().all(|value| *value > 0.0);
    fits.then(|| fit(Form { trend: true, season: Season::Multiplied, cycle }, history)).flatten()
}
