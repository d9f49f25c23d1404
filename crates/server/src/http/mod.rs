//! What happens to every request around its handler.

mod context;

pub use context::{RateState, RequestContext};
