use super::{Fitted, ets};
use crate::number::{line, mean, real};

/// The theta method (Assimakopoulos & Nikolopoulos 2000) as simple smoothing with half the slope as its
/// drift (Hyndman & Billah 2003), on values that a season was divided out of where they repeat.
pub(super) fn theta(history: &[f64], cycle: usize) -> Option<Fitted> {
    let indices = indices(history, cycle);
    let adjusted = adjust(history, &indices);
    let smoothing = ets::ses(&adjusted, 1)?;
    Some(Box::new(move |history, steps| {
        let indices = self::indices(history, cycle);
        let adjusted = adjust(history, &indices);
        let slope = line(&adjusted).1;
        let level = smoothing(&adjusted, steps);
        level
            .iter()
            .enumerate()
            .map(|(step, level)| {
                let index =
                    indices.get((history.len() + step) % cycle.max(1)).copied().unwrap_or(1.0);
                (level + slope / 2.0 * real(step + 1)) * index
            })
            .collect()
    }))
}

/// By the place in the cycle, counted from the first value; empty without a season. Values must be
/// positive, and repeat with an autocorrelation that is significant at 90 %, as in the M3 competition.
fn indices(history: &[f64], cycle: usize) -> Vec<f64> {
    let positive = history.iter().all(|value| *value > 0.0);
    if cycle < 2 || history.len() < 2 * cycle || !positive || !repeats(history, cycle) {
        return Vec::new();
    }
    let trend = crate::decompose::centred(history, cycle);
    let inner = cycle / 2..history.len() - cycle / 2;
    let of_phase = |phase: usize| {
        let places = inner.clone().filter(|place| place % cycle == phase);
        let ratios: Vec<f64> =
            places.map(|place| history[place] / trend[place].max(f64::MIN_POSITIVE)).collect();
        if ratios.is_empty() { 1.0 } else { mean(&ratios) }
    };
    let indices: Vec<f64> = (0..cycle).map(of_phase).collect();
    let middle = mean(&indices);
    if middle <= 0.0 || indices.iter().any(|index| *index <= 0.01 * middle) {
        return Vec::new();
    }
    indices.iter().map(|index| index / middle).collect()
}

fn adjust(history: &[f64], indices: &[f64]) -> Vec<f64> {
    if indices.is_empty() {
        return history.to_vec();
    }
    history
        .iter()
        .enumerate()
        .map(|(place, value)| value / indices[place % indices.len()])
        .collect()
}

fn repeats(history: &[f64], cycle: usize) -> bool {
    let middle = mean(history);
    let spread: f64 = history.iter().map(|value| (value - middle).powi(2)).sum();
    if spread <= 0.0 {
        return false;
    }
    let at = |lag: usize| {
        let pairs = history.iter().zip(&history[lag..]);
        pairs.map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>() / spread
    };
    let before: f64 = (1..cycle).map(|lag| at(lag).powi(2)).sum();
    at(cycle) > 1.645 * ((1.0 + 2.0 * before) / real(history.len())).sqrt()
}
