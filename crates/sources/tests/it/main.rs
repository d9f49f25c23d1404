//! Sources against servers: those that are written here after their vendors' documentation.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod apis;
