//! The engine from its door: files on a disk, questions in, tables out, in this process and in
//! workers of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod asks;
mod books;
#[cfg(feature = "cluster")]
mod cluster;
mod files;
mod guard;
mod limits;
mod matrix;
mod random;
mod sql;
mod training;
mod workers;
mod world;
