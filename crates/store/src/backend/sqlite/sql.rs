//! Queries and filters as SQL. Field names are our own literals; every value is a bound parameter.

use rusqlite::types::Value;

use crate::backend::{Filter, Query, Scalar, Sort};

/// SQL text under construction, with its parameters.
#[derive(Default)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) parameters: Vec<Value>,
}

impl Sql {
    pub(super) fn select(query: &Query) -> Self {
        let mut sql = Self::default();
        let fields: Vec<String> =
            query.only.iter().map(|field| format!("'{field}', {}", column(field))).collect();
        let shown = if fields.is_empty() {
            "doc".to_owned()
        } else {
            format!("json_object({})", fields.join(", "))
        };
        sql.text = format!("SELECT {shown} FROM {} WHERE ", query.collection.name());
        sql.filter(query.collection.name(), &query.filter);
        if let Some(sort) = query.sort {
            sql.sort(sort, query);
        }
        if let Some(limit) = query.limit {
            sql.text.push_str(" LIMIT ");
            sql.bind(i64::from(limit));
        }
        sql
    }

    pub(super) fn count(collection: &str, filter: &Filter) -> Self {
        let text = format!("SELECT count(*) FROM {collection} WHERE ");
        let mut sql = Self { text, parameters: Vec::new() };
        sql.filter(collection, filter);
        sql
    }

    /// The document of this id, if it meets the guard.
    pub(super) fn guarded(collection: &str, id: &str, guard: &Filter) -> Self {
        let text = format!("SELECT doc FROM {collection} WHERE ");
        let mut sql = Self { text, parameters: Vec::new() };
        sql.filter(collection, &Filter::id(id).and(guard.clone()));
        sql
    }

    fn sort(&mut self, sort: Sort, query: &Query) {
        let key = sort_key(sort.field);
        let (direction, beyond) = if sort.descending { (" DESC", "<") } else { (" ASC", ">") };
        if let Some(after) = &query.after {
            self.push(&[" AND (", &key, ", _id) ", beyond, " ("]);
            self.bind(after.key.clone());
            self.text.push_str(", ");
            self.bind(after.id.clone());
            self.text.push(')');
        }
        self.push(&[" ORDER BY ", &key, direction, ", _id", direction]);
    }

    fn filter(&mut self, collection: &str, filter: &Filter) {
        match filter {
            Filter::All(filters) => self.join(collection, filters, " AND ", "1"),
            Filter::Any(filters) => self.join(collection, filters, " OR ", "0"),
            Filter::Equals(field, value) => self.compare(field, "=", value.clone()),
            Filter::Differs(field, value) => self.compare(field, "IS NOT", value.clone()),
            Filter::Missing(field) => self.push(&[&column(field), " IS NULL"]),
            Filter::AtLeast(field, text) => self.compare(field, ">=", Scalar::Text(text.clone())),
            Filter::Below(field, text) => self.compare(field, "<", Scalar::Text(text.clone())),
            Filter::Holds(field, text) => {
                self.push(&["_id IN (SELECT id FROM ", collection, "_", field, " WHERE value = "]);
                self.bind(text.clone());
                self.text.push(')');
            }
            Filter::Mentions(field, text) => {
                self.push(&["instr(folded(", &column(field), "), "]);
                self.bind(fold(text));
                self.text.push_str(") > 0");
            }
            Filter::Spells(field, text) => {
                self.push(&["lower(", &column(field), ") = "]);
                self.bind(text.to_ascii_lowercase());
            }
        }
    }

    fn join(&mut self, collection: &str, filters: &[Filter], with: &str, empty: &str) {
        if filters.is_empty() {
            self.text.push_str(empty);
            return;
        }
        self.text.push('(');
        for (position, filter) in filters.iter().enumerate() {
            if position > 0 {
                self.text.push_str(with);
            }
            self.filter(collection, filter);
        }
        self.text.push(')');
    }

    fn compare(&mut self, field: &str, operator: &str, value: Scalar) {
        self.push(&[&column(field), " ", operator, " "]);
        match value {
            Scalar::Text(text) => self.bind(text),
            Scalar::Integer(number) => self.bind(number),
        }
    }

    fn push(&mut self, parts: &[&str]) {
        self.text.extend(parts.iter().copied());
    }

    fn bind(&mut self, value: impl Into<Value>) {
        self.parameters.push(value.into());
        self.text.push('?');
    }
}

/// Upper and lower case as one; what SQL knows as `folded`.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn column(field: &str) -> String {
    match field {
        "_id" => "_id".to_owned(),
        field => format!("doc ->> '$.{field}'"),
    }
}

fn sort_key(field: &str) -> String {
    match field {
        "_id" => "_id".to_owned(),
        field => format!("coalesce({}, '')", column(field)),
    }
}
