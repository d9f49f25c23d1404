//! Sources against the systems that they read: real servers on loopback, started here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod databases;
