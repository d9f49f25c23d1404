//! Bringing data in: a file becomes a plan (what its columns are, decided over every row) and then
//! Arrow record batches with an exact profile. Threads only, no async: callers run this off the
//! async threads.

pub mod csv;
pub mod demo;
mod error;

pub use error::SourceError;
