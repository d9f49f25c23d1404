//! What `fields_get` tells of a model, to the columns of a table.

use std::collections::BTreeMap;

use pacioli_model::ColumnType;
use serde::Deserialize;
use serde_json::Value;

use super::{CHANGED, column_name};
use crate::{
    source::{SourceColumn, SourceForeignKey, SourceTable},
    typing::naming::column_names,
};

pub(super) const ATTRIBUTES: [&str; 5] = ["string", "type", "relation", "store", "digits"];

/// The most digits after the point that a currency of ISO 4217 has; Odoo rounds amounts to their
/// currency's, which differs from row to row.
const MONEY_SCALE: u8 = 4;

/// One field, as far as it is asked for.
#[derive(Deserialize)]
pub(super) struct Field {
    #[serde(default)]
    string: Value,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    relation: Option<String>,
    #[serde(default)]
    store: Option<bool>,
    #[serde(default)]
    digits: Value,
}

/// A model's table. Fields that are computed on reading are left out, since their changes leave no
/// trace; so are files, and lists of records, which are the other model's references or, where both
/// sides are many, have no table that can be asked for.
pub(super) fn table(model: &str, fields: &BTreeMap<String, Field>) -> SourceTable {
    let mut kept: Vec<(&String, &Field, ColumnType)> = fields
        .iter()
        .filter(|(name, field)| name.as_str() == "id" || field.store != Some(false))
        .filter_map(|(name, field)| Some((name, field, column_type(field)?)))
        .collect();
    kept.sort_by_key(|(name, ..)| name.as_str() != "id");
    let headers: Vec<String> = kept.iter().map(|(name, ..)| (*name).clone()).collect();
    let names = column_names(&headers);
    let mut foreign_keys = Vec::new();
    let mut columns = Vec::new();
    for ((source_name, field, data_type), name) in kept.into_iter().zip(names) {
        if let (Some(relation), "many2one", Some(id)) =
            (&field.relation, field.kind.as_str(), column_name("id"))
        {
            foreign_keys.push(SourceForeignKey {
                columns: vec![name.clone()],
                table: relation.clone(),
                references: vec![id],
            });
        }
        let label = field.string.as_str().unwrap_or(source_name).to_owned();
        columns.push(SourceColumn { source_name: source_name.clone(), name, label, data_type });
    }
    let find = |wanted: &str| {
        columns.iter().find(|column| column.source_name == wanted).map(|column| column.name.clone())
    };
    SourceTable {
        name: model.to_owned(),
        label: model.to_owned(),
        primary_key: find("id").into_iter().collect(),
        changes_by: find(CHANGED),
        foreign_keys,
        rows: None,
        columns,
    }
}

fn column_type(field: &Field) -> Option<ColumnType> {
    Some(match field.kind.as_str() {
        "integer" | "many2one" | "many2one_reference" => ColumnType::Integer,
        "boolean" => ColumnType::Boolean,
        "monetary" => ColumnType::Decimal { scale: MONEY_SCALE },
        "float" => {
            match field.digits.get(1).and_then(Value::as_u64).and_then(|it| u8::try_from(it).ok()) {
                Some(scale) if scale <= 18 => ColumnType::Decimal { scale },
                _ => ColumnType::Float,
            }
        }
        "date" => ColumnType::Date,
        "datetime" => ColumnType::Timestamp,
        "char" | "text" | "html" | "selection" | "reference" | "json" => ColumnType::Text,
        _ => return None,
    })
}
