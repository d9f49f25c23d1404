//! Filters as MongoDB's. Every value stands behind an explicit operator, so text stays text.

use mongodb::bson::{Bson, Document, doc};

use super::convert::text_to_bson;
use crate::{
    After,
    backend::{Collection, Filter, Query, Scalar, Sort},
    document,
};

/// What the query's documents meet, those of the pages before left out.
pub(super) fn of_query(query: &Query) -> Document {
    let filter = of(query.collection, &query.filter);
    match (query.sort, &query.after) {
        (Some(sort), Some(after)) => doc! { "$and": [filter, beyond(sort, after)] },
        _ => filter,
    }
}

/// The document of this id, if it meets the guard.
pub(super) fn guarded(collection: Collection, id: &str, guard: &Filter) -> Document {
    doc! { "_id": { "$eq": id }, "$and": [of(collection, guard)] }
}

pub(super) fn of(collection: Collection, filter: &Filter) -> Document {
    let each = |filters: &[Filter]| -> Vec<Document> {
        filters.iter().map(|it| of(collection, it)).collect()
    };
    match filter {
        Filter::All(filters) if filters.is_empty() => doc! {},
        Filter::All(filters) => doc! { "$and": each(filters) },
        Filter::Any(filters) if filters.is_empty() => doc! { "$nor": [{}] },
        Filter::Any(filters) => doc! { "$or": each(filters) },
        Filter::Equals(field, value) => doc! { *field: { "$eq": scalar(field, value) } },
        Filter::Differs(field, value) => doc! { *field: { "$ne": scalar(field, value) } },
        Filter::Missing(field) => doc! { *field: { "$eq": Bson::Null } },
        Filter::AtLeast(field, text) => compare(collection, field, "$gte", text),
        Filter::Below(field, text) => compare(collection, field, "$lt", text),
        // Equal to one of a list; equal under the query's collation, see `folds_case`.
        Filter::Holds(field, text) | Filter::Spells(field, text) => {
            doc! { *field: { "$eq": text } }
        }
        Filter::Mentions(field, text) => {
            doc! { *field: { "$regex": escaped(text), "$options": "i" } }
        }
    }
}

/// Whether the query must run under the case-folding collation.
pub(super) fn folds_case(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().any(folds_case),
        other => matches!(other, Filter::Spells(..)),
    }
}

fn scalar(field: &str, value: &Scalar) -> Bson {
    match value {
        Scalar::Text(text) => text_to_bson(field, text),
        Scalar::Integer(number) => Bson::Int64(*number),
    }
}

fn compare(collection: Collection, field: &str, operator: &str, text: &str) -> Document {
    let ours = doc! { field: { operator: text_to_bson(field, text) } };
    if collection == Collection::Users && document::is_time(field) {
        // The Python system may have written its times as text, which no date compares with.
        return doc! { "$or": [ours, { field: { operator: text } }] };
    }
    ours
}

/// Behind the last document of the page before. A comparison finds only values of its own type, so
/// the order of types is spelled out: nothing, then text, then dates.
fn beyond(sort: Sort, after: &After) -> Document {
    let Sort { field, descending } = sort;
    let operator = if descending { "$lt" } else { "$gt" };
    if field == "_id" {
        return doc! { "_id": { operator: &after.id } };
    }
    let key = match after.key.as_str() {
        "" => Bson::Null,
        text => text_to_bson(field, text),
    };
    let mut either = vec![doc! { field: { "$eq": &key }, "_id": { operator: &after.id } }];
    match (&key, descending) {
        (Bson::Null, true) => {}
        (Bson::Null, false) => either.push(doc! { field: { "$ne": Bson::Null } }),
        (_, true) => {
            either.push(doc! { field: { "$lt": &key } });
            either.push(doc! { field: { "$eq": Bson::Null } });
            if matches!(key, Bson::DateTime(_)) {
                either.push(doc! { field: { "$type": "string" } });
            }
        }
        (_, false) => {
            either.push(doc! { field: { "$gt": &key } });
            if matches!(key, Bson::String(_)) && document::is_time(field) {
                either.push(doc! { field: { "$type": "date" } });
            }
        }
    }
    doc! { "$or": either }
}

/// A pattern that means the text itself.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_punctuation() || letter == ' ' {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_an_operator_or_a_pattern() {
        let filter = Filter::equals("full_name", "{\"$ne\": null}");
        let expected = doc! { "full_name": { "$eq": "{\"$ne\": null}" } };
        assert_eq!(of(Collection::Users, &filter), expected);
        let filter = Filter::Mentions("full_name", "a.* (b)".into());
        let expected = doc! { "full_name": { "$regex": r"a\.\*\ \(b\)", "$options": "i" } };
        assert_eq!(of(Collection::Users, &filter), expected);
    }
}
