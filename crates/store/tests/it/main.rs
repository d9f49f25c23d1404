//! The store's contract, run on every database, and the caches', run on every cache.

mod cache;
mod conformance;
