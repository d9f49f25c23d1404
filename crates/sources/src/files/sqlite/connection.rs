use std::{fmt::Write as _, path::Path};

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};

use crate::{SourceError, files::FileLimits};

/// Opens the file so that nothing in it can do anything: it is read and never written, no journal is
/// looked for beside it, and its schema may call no function that does more than compute.
pub(super) fn open(path: &Path, limits: &FileLimits) -> Result<Connection, SourceError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(path), flags).map_err(refused)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(refused)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(refused)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).map_err(refused)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false).map_err(refused)?;
    let longest = i32::try_from(limits.csv.record_bytes).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest).map_err(refused)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(refused)?;
    // Pages are checked as they are read; what is kept of them is at most 8 MB.
    connection.pragma_update(None, "cell_size_check", true).map_err(refused)?;
    connection.pragma_update(None, "cache_size", -8192).map_err(refused)?;
    connection.pragma_update(None, "mmap_size", 0).map_err(refused)?;
    Ok(connection)
}

/// `file:` and the path with every byte that means something in a URI spelled out.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            // Writing to a string does not fail.
            _ => _ = write!(uri, "%{byte:02X}"),
        }
    }
    uri + "?immutable=1"
}

/// What SQLite says of a file that it cannot read.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn refused(error: rusqlite::Error) -> SourceError {
    use rusqlite::ErrorCode;
    let detail = match error.sqlite_error_code() {
        Some(ErrorCode::TooBig) => {
            return SourceError::invalid(
                "row_too_large",
                "A row of the database is larger than is read. Leave out its columns of long texts or binary data.",
            );
        }
        Some(ErrorCode::NotADatabase) => {
            "The file begins as an SQLite database and is none: it may be encrypted or cut off."
        }
        _ => {
            "The SQLite database is damaged or was cut off on its way. Check it with `PRAGMA integrity_check` and send it again."
        }
    };
    SourceError::invalid("sqlite_damaged", format!("{detail} ({error})"))
}
