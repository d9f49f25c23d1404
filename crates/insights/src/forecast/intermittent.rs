//! For values that are mostly zero.

use super::Fitted;

/// The part of zeros from which values count as intermittent.
const ZEROS: f64 = 0.3;

fn is_intermittent(history: &[f64]) -> bool {
    let zeros = history.iter().filter(|value| **value == 0.0).count();
    let positive = history.iter().any(|value| *value > 0.0);
    positive
        && history.iter().all(|value| *value >= 0.0)
        && crate::number::real(zeros) >= ZEROS * crate::number::real(history.len())
}

/// Croston's method (Croston 1972), size and interval smoothed apart with 0.1, and the correction of its
/// bias by Syntetos & Boylan (2005).
pub(super) fn croston(history: &[f64], _: usize) -> Option<Fitted> {
    const WEIGHT: f64 = 0.1;
    is_intermittent(history).then(|| {
        let method = |history: &[f64], steps: usize| {
            let (mut size, mut interval, mut since) = (None::<f64>, 1.0, 1.0);
            for value in history {
                if *value > 0.0 {
                    size = Some(size.map_or(*value, |size| size + WEIGHT * (value - size)));
                    interval += WEIGHT * (since - interval);
                    since = 1.0;
                } else {
                    since += 1.0;
                }
            }
            vec![size.unwrap_or(0.0) / interval * (1.0 - WEIGHT / 2.0); steps]
        };
        Box::new(method) as Fitted
    })
}

/// The method of Teunter, Syntetos & Babai (2011): size and chance of a value smoothed apart, so that
/// what is no longer asked for dies away.
pub(super) fn tsb(history: &[f64], _: usize) -> Option<Fitted> {
    const WEIGHT: f64 = 0.1;
    is_intermittent(history).then(|| {
        let method = |history: &[f64], steps: usize| {
            let seen = history.iter().filter(|value| **value > 0.0).count();
            let mut chance = crate::number::real(seen) / crate::number::real(history.len().max(1));
            let mut size = history.iter().copied().find(|value| *value > 0.0).unwrap_or(0.0);
            for value in history {
                chance += WEIGHT * (f64::from(u8::from(*value > 0.0)) - chance);
                if *value > 0.0 {
                    size += WEIGHT * (value - size);
                }
            }
            vec![size * chance; steps]
        };
        Box::new(method) as Fitted
    })
}
