//! What happens to every request around its handler.

mod around;
mod context;
mod limits;
mod log;
mod panic;
mod proxy;
mod request_id;
mod security_headers;

pub use around::around;
pub use context::{RateState, RequestContext};
pub use limits::deadline;
