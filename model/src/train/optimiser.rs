//! AdamW (Loshchilov and Hutter, arXiv:1711.05101), and how fast it learns when.
//!
//! Ours, and not candle-nn's, because what that one remembers cannot be saved and gone on from.

use std::{collections::BTreeMap, f64::consts::PI};

use candle_core::{Result, Tensor};

use super::pairs::{Gradients, Pairs};

const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// The rate at the end, as a part of the highest.
const LAST_RATE: f64 = 0.1;

/// What it remembers of the steps so far.
#[derive(Debug, Default)]
pub struct Optimiser {
    /// Steps taken.
    pub steps: u32,
    /// First and second moments, by the names of the halves.
    pub moments: BTreeMap<String, (Tensor, Tensor)>,
}

impl Optimiser {
    /// One step along the gradients.
    pub fn step(
        &mut self,
        pairs: &mut Pairs,
        gradients: &Gradients,
        rate: f64,
        decay: f64,
    ) -> Result<()> {
        self.steps += 1;
        let steps = f64::from(self.steps);
        let (first_scale, second_scale) = (1.0 - FIRST.powf(steps), 1.0 - SECOND.powf(steps));
        let mut changed = Vec::new();
        for (name, half) in pairs.halves() {
            let Some(gradient) = gradients.get(&name) else { continue };
            let (first, second) = match self.moments.get(&name) {
                Some((first, second)) => (first.clone(), second.clone()),
                None => (gradient.zeros_like()?, gradient.zeros_like()?),
            };
            let first = ((first * FIRST)? + (gradient * (1.0 - FIRST))?)?;
            let second = ((second * SECOND)? + (gradient.sqr()? * (1.0 - SECOND))?)?;
            let slope = ((second.clone() / second_scale)?.sqrt()? + EPSILON)?;
            let step = ((first.clone() / first_scale)? / slope)?;
            let kept = (half.detach() * (1.0 - rate * decay))?;
            changed.push((name.clone(), (kept - (step * rate)?)?));
            self.moments.insert(name, (first, second));
        }
        for (name, numbers) in &changed {
            pairs.replace(name, numbers)?;
        }
        Ok(())
    }
}

/// The rate of a step: rising over the first `warm_up` steps, then falling as a cosine does, to a tenth
/// of the highest where `progress` is 1.
pub fn rate(highest: f64, step: u32, warm_up: u32, progress: f64) -> f64 {
    let rising = if step < warm_up { f64::from(step + 1) / f64::from(warm_up) } else { 1.0 };
    let cosine = 0.5 * (1.0 + (PI * progress.clamp(0.0, 1.0)).cos());
    highest * rising * (LAST_RATE + (1.0 - LAST_RATE) * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_then_falls_to_a_tenth() {
        let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-9, "{one} {other}");
        near(rate(2.0, 0, 4, 0.0), 0.5);
        near(rate(2.0, 3, 4, 0.0), 2.0);
        near(rate(2.0, 50, 4, 0.5), 1.1);
        near(rate(2.0, 100, 4, 1.0), 0.2);
        near(rate(2.0, 100, 0, 7.0), 0.2);
    }
}
