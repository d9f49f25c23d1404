//! What a site tells of a document type, to the columns of a table.

use pacioli_model::{ColumnName, ColumnType};
use serde::{Deserialize, Deserializer};

use crate::{
    source::{SourceColumn, SourceForeignKey, SourceTable},
    typing::naming::column_names,
};

/// What tells a changed document; its children are stamped with it.
pub(super) const CHANGED: &str = "modified";

/// What only the rows of child tables have.
pub(super) const PARENT: &str = "parent";

/// Frappe keeps amounts, quantities and rates as `decimal(21,9)`.
const SCALE: u8 = 9;

/// Columns that every table has, in Frappe's order.
const OF_ALL: [(&str, &str, ColumnType); 7] = [
    ("name", "ID", ColumnType::Text),
    ("creation", "Created On", ColumnType::Timestamp),
    (CHANGED, "Last Updated On", ColumnType::Timestamp),
    ("owner", "Created By", ColumnType::Text),
    ("modified_by", "Last Updated By", ColumnType::Text),
    ("docstatus", "Document Status", ColumnType::Integer),
    ("idx", "Index", ColumnType::Integer),
];

const OF_CHILDREN: [(&str, &str, ColumnType); 3] = [
    (PARENT, "Parent", ColumnType::Text),
    ("parentfield", "Parent Field", ColumnType::Text),
    ("parenttype", "Parent Type", ColumnType::Text),
];

/// A document type, as far as it is asked for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DocType {
    pub(super) name: String,
    #[serde(default)]
    pub(super) fields: Vec<DocField>,
    /// Its rows belong to documents of other types.
    #[serde(default, deserialize_with = "flag")]
    pub(super) istable: bool,
    /// It has one document only, which is settings.
    #[serde(default, deserialize_with = "flag")]
    pub(super) issingle: bool,
    /// It has no table.
    #[serde(default, deserialize_with = "flag")]
    pub(super) is_virtual: bool,
}

/// One field of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DocField {
    fieldname: String,
    #[serde(default)]
    label: Option<String>,
    fieldtype: String,
    #[serde(default)]
    options: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    is_virtual: bool,
}

/// Truth as Frappe sends it: 0, 1, nothing, and sometimes `true`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_bool().unwrap_or_else(|| value.as_i64().is_some_and(|number| number != 0)))
}

impl DocType {
    /// The document types of its child tables.
    pub(super) fn children(&self) -> impl Iterator<Item = &str> {
        let holds_rows =
            |field: &&DocField| matches!(&*field.fieldtype, "Table" | "Table MultiSelect");
        self.fields.iter().filter(holds_rows).filter_map(|field| field.options.as_deref())
    }

    /// Its table. Layout, passwords and computed fields are no columns; child rows are tables of
    /// their own.
    pub(super) fn table(&self) -> SourceTable {
        let mut found: Vec<(String, String, ColumnType, Option<String>)> = Vec::new();
        let standard = OF_ALL.iter().chain(if self.istable { &OF_CHILDREN[..] } else { &[] });
        for (name, label, data_type) in standard {
            found.push(((*name).to_owned(), (*label).to_owned(), *data_type, None));
        }
        for field in self.fields.iter().filter(|field| !field.is_virtual) {
            let known = found.iter().any(|(name, ..)| *name == field.fieldname);
            if let (Some(data_type), false) = (column_type(&field.fieldtype), known) {
                let label = field.label.clone().filter(|label| !label.is_empty());
                let label = label.unwrap_or_else(|| field.fieldname.clone());
                let link = (field.fieldtype == "Link").then(|| field.options.clone()).flatten();
                found.push((field.fieldname.clone(), label, data_type, link));
            }
        }
        self.assembled(found)
    }

    fn assembled(&self, found: Vec<(String, String, ColumnType, Option<String>)>) -> SourceTable {
        let headers: Vec<String> = found.iter().map(|(name, ..)| name.clone()).collect();
        let names = column_names(&headers);
        let (mut columns, mut foreign_keys) = (Vec::new(), Vec::new());
        for ((source_name, label, data_type, link), name) in found.into_iter().zip(names) {
            foreign_keys.extend(link.and_then(|doctype| reference(&name, doctype)));
            columns.push(SourceColumn { source_name, name, label, data_type });
        }
        let find = |wanted: &str| {
            columns
                .iter()
                .find(|column| column.source_name == wanted)
                .map(|column| column.name.clone())
        };
        SourceTable {
            name: self.name.clone(),
            label: self.name.clone(),
            primary_key: find("name").into_iter().collect(),
            changes_by: find(CHANGED),
            foreign_keys,
            rows: None,
            columns,
        }
    }
}

/// A column that names documents of this type.
pub(super) fn reference(column: &ColumnName, doctype: String) -> Option<SourceForeignKey> {
    let name = ColumnName::parse("name").ok()?;
    Some(SourceForeignKey { columns: vec![column.clone()], table: doctype, references: vec![name] })
}

fn column_type(fieldtype: &str) -> Option<ColumnType> {
    Some(match fieldtype {
        "Int" | "Long Int" => ColumnType::Integer,
        "Check" => ColumnType::Boolean,
        "Currency" | "Float" | "Percent" | "Duration" | "Rating" => {
            ColumnType::Decimal { scale: SCALE }
        }
        "Date" => ColumnType::Date,
        "Datetime" => ColumnType::Timestamp,
        "Data" | "Link" | "Dynamic Link" | "Select" | "Time" | "Small Text" | "Text"
        | "Long Text" | "Text Editor" | "Markdown Editor" | "HTML Editor" | "Code" | "JSON"
        | "Read Only" | "Phone" | "Autocomplete" | "Barcode" | "Color" | "Icon" | "Attach"
        | "Attach Image" | "Geolocation" => ColumnType::Text,
        _ => return None,
    })
}
