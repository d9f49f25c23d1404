//! `/connections`: the systems that a company's tables are loaded from.

mod keep;
mod runs;
mod shapes;
mod tables;

pub use keep::*;
pub use runs::*;
pub use shapes::ScheduleShape;
pub use tables::*;
