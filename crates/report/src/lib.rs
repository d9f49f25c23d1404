//! Answers for people: sentences and charts, made from the rows of an answer alone.
//!
//! [`narrate`] says an answer in one or two sentences; [`chart`] draws it as a Vega-Lite v5
//! specification with its data inside. Every number comes from the table, exactly as it stands there
//! or marked as rounded, and nothing is said about causes.

mod chart;
mod narrate;
mod words;

pub use chart::chart;
pub use narrate::{Context, narrate};
