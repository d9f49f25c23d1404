//! Whether a model's reading is to be answered from.

use super::{Completion, Reading, own::own};

/// A model's own probability of its statement, as [`Completion::probability`], below which it is not
/// answered from: a cautious choice, not a measured one.
const LEAST_PROBABILITY: f64 = 0.55;

/// Why a reading is not answered from.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// It compares columns with texts that none of their rows have.
    UnknownValues(Vec<String>),
    /// It shows numbers or texts that no row has and the question does not name.
    Own(Vec<String>),
    /// The model itself is not sure.
    Unsure(f64),
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
    let probability = completion.probability.filter(|value| *value < LEAST_PROBABILITY);
    probability.map(Doubt::Unsure)
}
