use super::Fitted;
use crate::number::real;

/// The last cycle again and again; the last value where there is no full cycle.
pub fn seasonal_naive(history: &[f64], cycle: usize, steps: usize) -> Vec<f64> {
    let cycle = if history.len() >= cycle { cycle.max(1) } else { 1 };
    let from = history.len() - cycle.min(history.len());
    (0..steps).map(|step| history.get(from + step % cycle).copied().unwrap_or(0.0)).collect()
}

/// The last value, and the mean change from then on (random walk with drift).
#[expect(clippy::unnecessary_wraps, reason = "as all methods")]
pub(super) fn drift(_: &[f64], _: usize) -> Option<Fitted> {
    Some(Box::new(|history, steps| {
        let (first, last) = (history[0], history[history.len() - 1]);
        let slope = (last - first) / real(history.len().max(2) - 1);
        (1..=steps).map(|step| last + slope * real(step)).collect()
    }))
}
