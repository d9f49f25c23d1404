//! How an adapter for a local model is made: examples, and training on them.
//!
//! [`examples`] writes what a server would show a model and what the model should answer; [`train`] learns
//! low-rank pairs (LoRA) beside the de-quantised weights of a GGUF file, and saves them as the server reads
//! them (`language.adapter`). No part of the server: a program of its own, run where there is time or a
//! GPU. `README.md` has the recipe.

pub mod examples;
mod random;
pub mod train;

pub use random::Random;
