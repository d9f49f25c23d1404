//! Answers as people read and see them.

#[cfg(test)]
mod answer;
#[cfg(test)]
mod charts;
#[cfg(test)]
mod sentences;
