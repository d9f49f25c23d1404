//! Databases, each a server of its own that a test starts and stops.

mod mariadb;
mod mariadb_server;
mod postgres;
mod postgres_server;
pub(crate) mod program;
mod rows;
mod sql_server;
mod tds;
