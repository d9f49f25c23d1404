//! SQL databases as [`Source`](crate::source::Source)s: PostgreSQL, MySQL with MariaDB, and SQL Server.
//!
//! A [`PostgresSource`], [`MysqlSource`] or [`SqlServerSource`] is made of [`DatabaseSettings`], a
//! password and an [`AddressPolicy`](crate::outgoing::AddressPolicy). Every connection goes to an address
//! that was checked, and reads from one snapshot, in a transaction that the server holds to be read-only.
//! SQL Server knows no such transactions, and snapshots where the database allows them: nothing but our
//! own SELECTs is sent, and a table's notes say where there is no snapshot.
//!
//! A table with a key is read page by page in the key's order, so that a lost connection goes on after
//! the last row that came; a table without one is read in one go, and a loss in the middle is an error
//! rather than a guess. Dropping the stream ends the statement at the server.
//!
//! Three kinds of column have no exact type before their values are seen: numbers without a declared
//! scale (PostgreSQL's `numeric`), unsigned numbers of 64 bits, and MySQL's `tinyint(1)`. Discovery
//! measures them, one statement for a table; a later value that does not fit ends the load with
//! `source_changed`, which says to discover again. No digit is ever dropped.
//!
//! To add a system: implement `reader::Database` and `reader::Session`, then `Source` by
//! `reader::stream`.

mod cells;
mod changes;
mod mysql;
mod name;
mod notes;
mod offer;
mod paging;
mod postgres;
mod reach;
mod reader;
mod retry;
mod settings;
mod sql_server;
mod tls;

pub use mysql::MysqlSource;
pub use postgres::PostgresSource;
pub use retry::Retry;
pub use settings::DatabaseSettings;
pub use sql_server::SqlServerSource;
pub use tls::TlsMode;

use crate::SourceError;

/// The table, or a column of it, is not as it was discovered.
fn changed(detail: &str) -> SourceError {
    SourceError::invalid("source_changed", format!("{detail}; discover the tables again"))
}
