//! Answers as people read and see them.

mod answer;
mod charts;
mod sentences;
