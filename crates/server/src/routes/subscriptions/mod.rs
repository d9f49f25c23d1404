//! `/subscriptions` and `/deliveries`: what is sent to whom and when, and what was.

mod conditions;
mod deliveries;
mod keep;
mod shapes;

pub use deliveries::*;
pub use keep::*;
