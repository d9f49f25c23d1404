//! What PostgreSQL says, in terms of what to do about it.

use tokio_postgres::{Error, error::DbError, error::SqlState};

use crate::{
    SourceError,
    databases::{
        changed,
        retry::{Failure, unreachable},
        settings::DatabaseSettings,
        tls,
    },
};

pub(super) fn failure(error: &Error, settings: &DatabaseSettings) -> Failure {
    match error.as_db_error() {
        Some(said) => answered(said, settings),
        None => unanswered(error, settings),
    }
}

/// The server gave an error.
fn answered(said: &DbError, settings: &DatabaseSettings) -> Failure {
    let message = said.message();
    let user = &settings.user;
    let code = said.code();
    let lasting = |error| Failure::Lasting(error);
    match code {
        _ if is_passing(code) => {
            Failure::Passing(unreachable(format!("the database is not ready: {message}")))
        }
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            let detail = format!(
                "the database does not let the user {user} in: {message}; check the user, the password \
                 and the server's pg_hba.conf"
            );
            lasting(SourceError::Denied { detail })
        }
        &SqlState::INSUFFICIENT_PRIVILEGE => {
            let detail = format!("{message}; grant the user {user} SELECT on it");
            lasting(SourceError::Denied { detail })
        }
        &SqlState::INVALID_CATALOG_NAME => {
            lasting(SourceError::invalid("source_database_missing", message))
        }
        &SqlState::QUERY_CANCELED => {
            let seconds = settings.statement_timeout_seconds;
            lasting(unreachable(format!(
                "the database ended a statement: {message}; statement_timeout_seconds is {seconds}"
            )))
        }
        &SqlState::READ_ONLY_SQL_TRANSACTION => {
            let detail = format!("reading it would write, which is never done here: {message}");
            lasting(SourceError::invalid("source_not_read_only", detail))
        }
        &SqlState::UNDEFINED_TABLE
        | &SqlState::UNDEFINED_COLUMN
        | &SqlState::UNDEFINED_OBJECT
        | &SqlState::INVALID_SCHEMA_NAME => lasting(changed(message)),
        _ => {
            let detail = format!("the database says: {message} (SQLSTATE {})", code.code());
            lasting(SourceError::invalid("source_query_failed", detail))
        }
    }
}

/// Lost and refused connections, servers that start or stop, locks, and conflicts of a replica.
fn is_passing(code: &SqlState) -> bool {
    let passing = [
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    passing.contains(code) || code.code().starts_with("08")
}

/// There was no answer, or none that could be read.
fn unanswered(error: &Error, settings: &DatabaseSettings) -> Failure {
    let words = tls::chain(error);
    if words.contains("server does not support TLS") {
        return Failure::Lasting(tls::not_offered(&settings.host));
    }
    if words.contains("certificate") {
        return Failure::Lasting(tls::not_trusted(&settings.host, &words));
    }
    if words.contains("password missing") || words.contains("authentication method") {
        return Failure::Lasting(SourceError::Denied { detail: words });
    }
    Failure::Passing(unreachable(format!("the connection to the database failed: {words}")))
}
