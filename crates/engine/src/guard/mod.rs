//! What stands between a text of SQL and its running, for a person's text and a compiled one alike.
//! Three gates, each by a list of what is let through: what is on none is refused.
//!
//! 1. [`statement`]: the text, its characters and its syntax tree. One SELECT and nothing else, over
//!    the tables that are there, with known functions and bounded patterns.
//! 2. [`plan`]: what the planner made of it. It sees through every way of writing the same.
//! 3. [`joins`]: what the optimiser made of that. No join without an equality, unless it is small.

pub(crate) mod functions;
pub(crate) mod joins;
pub(crate) mod plan;
pub(crate) mod statement;

mod characters;
mod expression;

use crate::EngineError;

/// What was met, and what to do instead.
type Refusal = String;

fn refused(refusal: Refusal) -> EngineError {
    EngineError::Invalid { detail: refusal }
}
