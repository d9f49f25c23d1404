use std::fmt::{self, Display, Write as _};

use pacioli_model::Timestamp;
use tracing::{Level, field::Field};

use super::escape::Escaped;
use crate::config::LogFormat;

/// The field of an event whose value is [`Members`] and is taken as it is.
pub(super) const MEMBERS: &str = "log.members";

/// Fields that are only known while a request runs, written as members of a JSON object.
pub struct Members<'a>(pub &'a str);

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Adds `"key":value` to members; text is escaped like every other value of the log.
pub fn json_members(members: &mut String, key: &'static str, value: &serde_json::Value) {
    if !members.is_empty() {
        members.push(',');
    }
    let _ = write!(members, "\"{key}\":");
    match value {
        serde_json::Value::String(text) => {
            members.push('"');
            let _ = Escaped(members).write_str(text);
            members.push('"');
        }
        other => {
            let _ = write!(members, "{other}");
        }
    }
}

/// One line of the log while it is written.
pub(super) struct Line {
    text: String,
    format: LogFormat,
    has_event: bool,
    has_request_id: bool,
}

impl Line {
    pub(super) fn new(format: LogFormat, at: Timestamp, level: Level) -> Self {
        let mut text = String::with_capacity(512);
        let _ = match format {
            LogFormat::Json => write!(text, "{{\"ts\":\"{at}\",\"level\":\"{level}\""),
            LogFormat::Text => write!(text, "{at} {level:5}"),
        };
        Self { text, format, has_event: false, has_request_id: false }
    }

    fn key(&mut self, key: &str) {
        let _ = match self.format {
            LogFormat::Json => write!(self.text, ",\"{key}\":"),
            LogFormat::Text => write!(self.text, " {key}="),
        };
    }

    pub(super) fn text(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.text.push('"');
        let _ = write!(Escaped(&mut self.text), "{value}");
        self.text.push('"');
    }

    fn number(&mut self, key: &str, value: impl Display) {
        self.key(key);
        let _ = write!(self.text, "{value}");
    }

    /// Adds what the event left open: the request it happened in, and where it comes from if it
    /// has no name.
    pub(super) fn finish(mut self, request_id: Option<&str>, target: &str) -> String {
        if let Some(request_id) = request_id.filter(|_| !self.has_request_id) {
            self.text("request_id", request_id);
        }
        if !self.has_event {
            self.text("target", target);
        }
        self.text.push_str(if self.format == LogFormat::Json { "}\n" } else { "\n" });
        self.text
    }

    fn note(&mut self, field: &Field) {
        self.has_event |= field.name() == "event";
        self.has_request_id |= field.name() == "request_id";
    }
}

impl tracing::field::Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.number(field.name(), value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field);
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field);
        if field.name() == MEMBERS {
            let _ = match self.format {
                LogFormat::Json => write!(self.text, ",{value:?}"),
                LogFormat::Text => write!(self.text, " {value:?}"),
            };
        } else {
            self.text(field.name(), format_args!("{value:?}"));
        }
    }
}
