//! Sources against the systems that they read: real servers on loopback, started here.

mod databases;
