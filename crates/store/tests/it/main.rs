//! The store and its caches, as other rooms use them: on a real SQLite, a real MongoDB server, a real
//! Redis.

mod cache;
