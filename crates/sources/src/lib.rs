//! Bringing data in. A file becomes a plan (what its columns are, decided over every row) and then
//! Arrow record batches with an exact profile: threads only, callers run this off the async threads.
//! A system that is asked for its tables is a [`source::Source`], which is async.

pub mod apis;
pub mod csv;
pub mod databases;
pub mod declarations;
pub mod demo;
mod error;
pub mod files;
pub mod outgoing;
pub mod packs;
pub mod profile;
pub mod quality;
pub mod relationships;
pub mod rows;
pub mod source;
pub mod typing;

pub use error::SourceError;
