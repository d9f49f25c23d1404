//! Documents as BSON. Times are BSON dates there, recognised by their fields' names; what the Python
//! system wrote as text stays text.

use mongodb::bson::{Bson, DateTime, Document as BsonDocument};
use pacioli_model::Timestamp;
use serde_json::{Number, Value};

use super::undo;
use crate::document::{self, Document};

pub(super) fn to_bson(document: &Document) -> BsonDocument {
    document.iter().map(|(field, value)| (field.clone(), field_to_bson(field, value))).collect()
}

/// The update that sets and removes these fields.
pub(super) fn change(set: &Document, unset: &[&'static str]) -> BsonDocument {
    let mut change = BsonDocument::new();
    if !set.is_empty() {
        change.insert("$set", to_bson(set));
    }
    if !unset.is_empty() {
        change.insert("$unset", each(unset, 1));
    }
    change
}

/// These fields with one value.
pub(super) fn each(fields: &[&str], value: i32) -> BsonDocument {
    fields.iter().map(|field| ((*field).to_owned(), Bson::Int32(value))).collect()
}

/// A text under comparison: a date where the field holds times and the text is one of ours.
pub(super) fn text_to_bson(field: &str, text: &str) -> Bson {
    let moment = document::parse_time(text).filter(|it| it.to_string() == text);
    match moment {
        Some(moment) if document::is_time(field) => {
            Bson::DateTime(DateTime::from_millis(moment.millis()))
        }
        _ => Bson::String(text.to_owned()),
    }
}

fn field_to_bson(field: &str, value: &Value) -> Bson {
    match value {
        Value::String(text) => text_to_bson(field, text),
        other => value_to_bson(other),
    }
}

fn value_to_bson(value: &Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(it) => Bson::Boolean(*it),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Bson::Int64(whole),
            None => number.as_f64().map_or(Bson::Null, Bson::Double),
        },
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(values) => Bson::Array(values.iter().map(value_to_bson).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(field, it)| (field.clone(), value_to_bson(it)));
            Bson::Document(fields.collect())
        }
    }
}

/// A stored document, without what an unfinished batch noted on it.
pub(super) fn from_bson(mut found: BsonDocument) -> Document {
    found.remove(undo::NOTE);
    found.into_iter().map(|(field, value)| (field, value_from_bson(value))).collect()
}

fn value_from_bson(value: Bson) -> Value {
    match value {
        Bson::Double(it) => Number::from_f64(it).map_or(Value::Null, Value::Number),
        Bson::String(text) | Bson::Symbol(text) => Value::String(text),
        Bson::Array(values) => values.into_iter().map(value_from_bson).collect(),
        Bson::Document(fields) => {
            let fields = fields.into_iter().map(|(field, it)| (field, value_from_bson(it)));
            Value::Object(fields.collect())
        }
        Bson::Boolean(it) => Value::Bool(it),
        Bson::Int32(it) => it.into(),
        Bson::Int64(it) => it.into(),
        Bson::ObjectId(it) => Value::String(it.to_hex()),
        Bson::Decimal128(it) => Value::String(it.to_string()),
        Bson::DateTime(it) => {
            Value::String(Timestamp::from_millis(it.timestamp_millis()).to_string())
        }
        // Nothing we write or adopt holds any other type.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn times_become_dates_by_their_fields_name_and_come_back_as_text() {
        let document: Document = serde_json::from_str(
            r#"{"_id":"a","at":"2024-03-01T10:20:30.123Z","created_at":"2024-03-01T10:20:30",
                "lock_until":null,"name":"2024-03-01T10:20:30.123Z",
                "nested":{"at":"2024-03-01T10:20:30.123Z","n":[1,-2,3.5,true,null]}}"#,
        )
        .unwrap();
        let bson = to_bson(&document);
        assert!(matches!(bson.get("at"), Some(Bson::DateTime(_))));
        assert!(matches!(bson.get("created_at"), Some(Bson::String(_))), "not our spelling");
        assert!(matches!(bson.get("name"), Some(Bson::String(_))));
        assert_eq!(from_bson(bson), document);
    }

    #[test]
    fn a_change_names_only_what_changes() {
        let mut set = Document::new();
        assert_eq!(change(&set, &["disabled_at"]), doc! { "$unset": { "disabled_at": 1 } });
        set.insert("full_name".into(), "$rename".into());
        assert_eq!(change(&set, &[]), doc! { "$set": { "full_name": "$rename" } });
    }
}
