//! Documents: how the words of `model` become JSON objects and come back.

use chrono::{DateTime, NaiveDateTime, Utc};
use pacioli_model::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{StoreError, backend::Collection};

/// A stored document: a JSON object with a text `_id`. Times are RFC 3339 text here, whatever the
/// database keeps them as.
pub(crate) type Document = Map<String, Value>;

/// Whether a field of this name holds a time: the one convention by which MongoDB gets BSON dates.
pub(crate) fn is_time(field: &str) -> bool {
    matches!(field, "at" | "last_login") || field.ends_with("_at") || field.ends_with("_until")
}

/// A time in any of the spellings found in stored documents: RFC 3339, or ISO 8601 without a zone
/// (then UTC, as Python's `utcnow().isoformat()` writes it), to any precision.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let with_zone = DateTime::parse_from_rfc3339(text).map(|moment| moment.with_timezone(&Utc));
    let without = || {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .map(|moment| moment.and_utc())
    };
    with_zone.ok().or_else(without).map(Timestamp::new)
}

/// Writes every time of the document in its one spelling.
pub(crate) fn normalise_times(document: &mut Document) {
    for (field, value) in document.iter_mut() {
        if is_time(field)
            && let Some(moment) = value.as_str().and_then(parse_time)
        {
            *value = Value::String(moment.to_string());
        }
    }
}

/// The `_id`, or nothing readable.
pub(crate) fn id_of(document: &Document) -> &str {
    text(document, "_id").unwrap_or_default()
}

/// A text field's value.
pub(crate) fn text<'a>(document: &'a Document, field: &str) -> Option<&'a str> {
    document.get(field).and_then(Value::as_str)
}

/// Turns a value into its document.
pub(crate) fn encode(value: &impl Serialize) -> Result<Document, StoreError> {
    match serde_json::to_value(value).map_err(StoreError::unavailable)? {
        Value::Object(document) => Ok(document),
        other => Err(StoreError::unavailable(format!("not a document: {other}"))),
    }
}

/// Turns a document back into a value.
pub(crate) fn decode<T: DeserializeOwned>(
    collection: Collection,
    mut document: Document,
) -> Result<T, StoreError> {
    normalise_times(&mut document);
    let id = id_of(&document).to_owned();
    serde_json::from_value(Value::Object(document)).map_err(|source| StoreError::Corrupt {
        collection: collection.name(),
        id,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling_and_written_in_one() {
        for (given, read) in [
            ("2024-03-01T10:20:30.123Z", Some("2024-03-01T10:20:30.123Z")),
            ("2024-03-01T10:20:30.123456", Some("2024-03-01T10:20:30.123Z")),
            ("2024-03-01T10:20:30", Some("2024-03-01T10:20:30.000Z")),
            ("2024-03-01 10:20:30.5", Some("2024-03-01T10:20:30.500Z")),
            ("2024-03-01T12:20:30.123456+02:00", Some("2024-03-01T10:20:30.123Z")),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(parse_time(given).map(|t| t.to_string()).as_deref(), read, "{given}");
        }
    }

    #[test]
    fn only_fields_that_hold_times_are_touched() {
        let mut document = Document::new();
        document.insert("created_at".into(), "2024-03-01T10:20:30".into());
        document.insert("full_name".into(), "2024-03-01T10:20:30".into());
        document.insert("updated_at".into(), Value::Null);
        normalise_times(&mut document);
        assert_eq!(document["created_at"], "2024-03-01T10:20:30.000Z");
        assert_eq!(document["full_name"], "2024-03-01T10:20:30");
        assert_eq!(document["updated_at"], Value::Null);
    }
}
