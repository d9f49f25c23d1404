//! Answers as people read and see them.

#[cfg(test)]
mod answer;
#[cfg(test)]
mod charts;
#[cfg(test)]
mod files;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sentences;
#[cfg(test)]
mod vega;
