//! What SQL Server says, in terms of what to do about it. Numbers are those of
//! <https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors>
//! and of <https://learn.microsoft.com/en-us/azure/azure-sql/database/troubleshoot-common-errors-issues>.

use tiberius::error::{Error, TokenError};

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
        other => unanswered(&other.to_string()),
    }
}

/// The server gave an error.
fn answered(said: &TokenError, settings: &DatabaseSettings) -> Failure {
    let message = said.message().trim();
    let user = &settings.user;
    let error = match said.code() {
        // Locks, deadlocks, memory, shutdown, ended connections, data that moved, snapshots that came too
        // late, and what Azure gives while a database is moved, paused or too busy.
        701
        | 802
        | 1204
        | 1205
        | 1222
        | 596
        | 601
        | 976
        | 983
        | 3957..=3961
        | 6005
        | 8645
        | 10928
        | 10929
        | 17142
        | 17197
        | 18401
        | 40143
        | 40197
        | 40501
        | 40540
        | 40613
        | 42108
        | 42109
        | 49918..=49920 => {
            let detail = format!("the database is not ready: {message}");
            return Failure::Passing(unreachable(detail));
        }
        916
        | 4064
        | 18450..=18452
        | 18456
        | 18461..=18466
        | 18470
        | 18486..=18488
        | 40532
        | 40615 => SourceError::Denied {
            detail: format!(
                "the database does not let the user {user} in: {message}; check the user and the \
                 password, and that the server lets SQL Server logins in"
            ),
        },
        229 | 230 | 262 | 297 | 300 | 371 => {
            SourceError::Denied { detail: format!("{message}; grant the user {user} SELECT on it") }
        }
        911 | 4060 => SourceError::invalid(
            "source_database_missing",
            format!("{message} There is no such database, or the user {user} may not use it"),
        ),
        207 | 208 | 4121 | 4924 => changed(message),
        code => {
            let detail = format!("the database says: {message} (error {code})");
            SourceError::invalid("source_query_failed", detail)
        }
    };
    Failure::Lasting(error)
}

/// There was no answer, or none that could be read.
fn unanswered(words: &str) -> Failure {
    Failure::Passing(unreachable(format!("the connection to the database failed: {words}")))
}

/// The first message or the handshake failed.
pub(super) fn unsecured(error: &std::io::Error, settings: &DatabaseSettings) -> Failure {
    let words = tls::chain(error);
    if words.contains("certificate") {
        return Failure::Lasting(tls::not_trusted(&settings.host, &words));
    }
    unanswered(&words)
}

/// The server ends the connection on the first message.
pub(super) fn cut(settings: &DatabaseSettings) -> Failure {
    Failure::Passing(unreachable(format!(
        "{} ends the connection at once; a server that takes nothing but TDS 8.0 (Force Strict \
         Encryption) does, and is not read: let it take TDS 7.4 with encryption as well",
        settings.host
    )))
}

/// The server takes encrypted connections only.
pub(super) fn tls_required(settings: &DatabaseSettings) -> Failure {
    let detail = format!(
        "{} takes encrypted connections only: set tls to \"verify\", or to \"require\" where its \
         certificate cannot be checked",
        settings.host
    );
    Failure::Lasting(SourceError::invalid("tls_required", detail))
}
