//! Where a database is and what of it is read.

use serde::{Deserialize, Serialize};

use super::tls::TlsMode;
use crate::SourceError;

/// How to reach a database. The password is kept and passed apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// A name or an address.
    pub host: String,
    /// Empty: the system's own, 5432, 3306 or 1433.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Which database of the server.
    pub database: String,
    /// A user that may read, and needs no more than that.
    pub user: String,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: TlsMode,
    /// Certificates, in PEM, that sign the server's; empty: those that browsers trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<String>,
    /// Which schemas to read (MySQL: databases). Empty: all of them, or MySQL's one `database`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<String>,
    /// After how long a statement of ours is ended. Reading a table takes many.
    #[serde(default = "default_timeout")]
    pub statement_timeout_seconds: u32,
    /// How far before the last mark an incremental load goes back. A row is stamped when its
    /// transaction begins and seen when it ends: one that took longer than this is missed until the
    /// next full load.
    #[serde(default = "default_overlap")]
    pub overlap_seconds: u32,
}

fn default_timeout() -> u32 {
    300
}

fn default_overlap() -> u32 {
    300
}

impl DatabaseSettings {
    /// Says what is wrong with them, before anything is connected to.
    pub fn check(&self) -> Result<(), SourceError> {
        for (name, value) in
            [("host", &self.host), ("database", &self.database), ("user", &self.user)]
        {
            if value.trim().is_empty() || value.len() > 255 || value.contains('\0') {
                return Err(invalid(&format!("{name} has 1 to 255 characters")));
            }
        }
        if self.port == Some(0) {
            return Err(invalid("port is 1 to 65535"));
        }
        if !(1..=86_400).contains(&self.statement_timeout_seconds) {
            return Err(invalid("statement_timeout_seconds is 1 to 86400"));
        }
        if self.overlap_seconds > 30 * 86_400 {
            return Err(invalid("overlap_seconds is at most 2592000, which is 30 days"));
        }
        if self.schemas.iter().any(|schema| schema.is_empty() || schema.contains('\0')) {
            return Err(invalid("schemas are names, none of them empty"));
        }
        Ok(())
    }

    pub(super) fn statement_timeout(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.statement_timeout_seconds.into())
    }
}

fn invalid(detail: &str) -> SourceError {
    SourceError::invalid("connection_settings_invalid", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"{"host":"db.example","database":"erp","user":"reader"}"#;

    #[test]
    fn three_words_are_enough_and_the_rest_is_safe() {
        let settings: DatabaseSettings = serde_json::from_str(LEAST).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.tls, TlsMode::Verify);
        assert_eq!((settings.port, settings.statement_timeout_seconds), (None, 300));
        let again = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<DatabaseSettings>(&again).unwrap(), settings);
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_and_so_is_a_password() {
        for extra in [r#","password":"x"}"#, r#","tsl":"off"}"#, r#","tls":"maybe"}"#] {
            let text = LEAST.replace('}', extra);
            assert!(serde_json::from_str::<DatabaseSettings>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        type Spoil = fn(&mut DatabaseSettings);
        let good: DatabaseSettings = serde_json::from_str(LEAST).unwrap();
        let cases: [(Spoil, &str); 7] = [
            (|it| it.host = " ".to_owned(), "host"),
            (|it| it.user = "a\0b".to_owned(), "user"),
            (|it| it.database = "x".repeat(256), "database"),
            (|it| it.port = Some(0), "port"),
            (|it| it.statement_timeout_seconds = 0, "statement_timeout_seconds"),
            (|it| it.overlap_seconds = u32::MAX, "overlap_seconds"),
            (|it| it.schemas = vec![String::new()], "schemas"),
        ];
        for (spoil, word) in cases {
            let mut settings = good.clone();
            spoil(&mut settings);
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
