//! What MySQL and MariaDB say, in terms of what to do about it. Numbers are those of
//! <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html> and
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>.

use mysql_async::{DriverError, Error, ServerError};

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
    match error {
        Error::Server(said) => answered(said, settings),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            Failure::Lasting(tls::not_offered(&settings.host))
        }
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled,
        ) => {
            let detail = format!(
                "{error}; give the user {} a password of the kind caching_sha2_password or \
                 mysql_native_password",
                settings.user
            );
            Failure::Lasting(SourceError::Denied { detail })
        }
        _ => unanswered(error, settings),
    }
}

/// The server gave an error.
fn answered(said: &ServerError, settings: &DatabaseSettings) -> Failure {
    let message = &said.message;
    let user = &settings.user;
    let error = match said.code {
        // Too many connections, shutdown, lock waits and deadlocks, ended connections.
        1040 | 1203 | 1053 | 1079 | 1152 | 1184 | 1205 | 1213 | 1317 | 1927 => {
            let detail = format!("the database is not ready: {message}");
            return Failure::Passing(unreachable(detail));
        }
        1044 | 1045 | 1130 | 1131 | 1698 | 1820 | 1862 | 3118 | 4151 => SourceError::Denied {
            detail: format!(
                "the database does not let the user {user} in: {message}; check the user, the password \
                 and the hosts that it may come from"
            ),
        },
        1142 | 1143 | 1227 | 1345 | 1370 => {
            SourceError::Denied { detail: format!("{message}; grant the user {user} SELECT on it") }
        }
        1049 => SourceError::invalid("source_database_missing", message),
        1969 | 3024 => unreachable(format!(
            "the database ended a statement: {message}; statement_timeout_seconds is {}",
            settings.statement_timeout_seconds
        )),
        1290 | 1792 => {
            let detail = format!("reading it would write, which is never done here: {message}");
            SourceError::invalid("source_not_read_only", detail)
        }
        1054 | 1146 => changed(message),
        code => {
            let detail = format!("the database says: {message} (error {code})");
            SourceError::invalid("source_query_failed", detail)
        }
    };
    Failure::Lasting(error)
}

/// There was no answer, or none that could be read.
fn unanswered(error: &Error, settings: &DatabaseSettings) -> Failure {
    let words = tls::chain(error);
    if words.contains("certificate") {
        return Failure::Lasting(tls::not_trusted(&settings.host, &words));
    }
    Failure::Passing(unreachable(format!("the connection to the database failed: {words}")))
}
