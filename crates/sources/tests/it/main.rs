//! Sources against the systems that they read: real servers on loopback, and for systems that cannot
//! be started here, servers written after their vendors' documentation.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod apis;
mod databases;
