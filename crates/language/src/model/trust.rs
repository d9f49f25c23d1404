//! Whether a model's reading is to be answered from.

use super::{Completion, Reading, own::own};

/// The chance below which a reading is neither answered from nor asked about: of those that were likelier wrong, none about
/// our own companies was meant.
const LEAST_CHANCE: f64 = 0.55;
/// Of a logistic regression over 246 statements of Qwen2.5-Coder 0.5B about databases that nothing was made
/// for, on the log-odds of [`Completion::probability`]: small models hold what they write for far more
/// likely than it is.
const BIAS: f64 = -3.2;
const WEIGHT: f64 = 1.75;

/// Why a reading is not answered from.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// It compares columns with texts that none of their rows have.
    UnknownValues(Vec<String>),
    /// It shows numbers or texts that no row has and the question does not name.
    Own(Vec<String>),
    /// It is too unlikely right, with its chance.
    Unsure(f64),
}

/// The chance, 0 to 1, that what a model wrote is what was meant, where it says how probable it holds it.
pub fn chance(completion: &Completion) -> Option<f64> {
    let probability = completion.probability?.clamp(1e-6, 1.0 - 1e-6);
    let odds = BIAS + WEIGHT * (probability / (1.0 - probability)).ln();
    Some(1.0 / (1.0 + (-odds).exp()))
}

/// What stands against answering `question` from a reading, if anything does.
pub fn doubt(question: &str, completion: &Completion, reading: &Reading) -> Option<Doubt> {
    let own = own(&reading.sql, question);
    if !own.is_empty() {
        return Some(Doubt::Own(own));
    }
    if !reading.unknown_values.is_empty() {
        return Some(Doubt::UnknownValues(reading.unknown_values.clone()));
    }
    chance(completion).filter(|chance| *chance < LEAST_CHANCE).map(Doubt::Unsure)
}
