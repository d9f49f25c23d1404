//! What a company or a pack declares about tables, in the form that people read and write, as TOML and
//! as JSON alike:
//!
//! ```
//! use pacioli_sources::declarations::Declarations;
//!
//! let text = r#"
//! currency = "EUR"
//!
//! [metrics.revenue]
//! label = "Revenue"
//! labels = { de = "Umsatz" }
//! better = "higher"
//! reports = ["overview", "sales"]
//! synonyms = ["sales", "Umsatz"]
//! expression = "sum(order_lines.amount) where orders.state = 'sale' on orders.ordered_on"
//! unit = "company currency"
//!
//! [tables.orders]
//! default_filter = "state != 'draft'"
//! date = "ordered_on"
//!
//! [tables.orders.columns.state.values]
//! sale = ["confirmed"]
//!
//! [relationships.orders_ship_to]
//! from = "orders.ship_to"
//! to = "customers.id"
//! label = "shipped to"
//!
//! [policies.own_region]
//! roles = ["user"]
//! table = "orders"
//! rows = "salesperson = caller.email"
//! "#;
//! let semantics = Declarations::from_toml(text).unwrap().read().unwrap();
//! assert_eq!(semantics.metrics[0].name.as_str(), "revenue");
//! let again = Declarations::write(&semantics).unwrap().to_toml().unwrap();
//! assert_eq!(Declarations::from_toml(&again).unwrap().read().unwrap(), semantics);
//! ```
//!
//! The notation of figures and conditions is described in [`pacioli_model::notation`]. [`check`] says
//! what of it does not fit the tables.

mod check;
mod kinds;
mod reading;
#[cfg(test)]
mod tests;
mod text;
mod ways;
mod writing;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

pub use check::check;
pub use text::side;

/// Everything that is declared. What is not said stays as it is without.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declarations {
    /// ISO 4217 code that amounts are in where nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Month in which the fiscal year starts, 1 to 12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_year_start: Option<u8>,
    /// First day of the week: `monday`, `saturday` or `sunday`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub week_start: Option<String>,
    /// Figures, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, MetricText>,
    /// What tables are called and how they are read, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableText>,
    /// How tables belong together, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub relationships: BTreeMap<String, RelationshipText>,
    /// Who sees which rows and columns, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<String, PolicyText>,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricText {
    /// For people: `Invoiced revenue`. Its name in words where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The same in other languages, by their ISO 639-1 codes: `{ de = "Umsatz" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What counts and what does not, in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What else people call it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// How it is computed.
    pub expression: String,
    /// What it is in: `number`, `percent`, `days`, `EUR`, `company currency`,
    /// `currency of orders.currency`, `pieces`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Which way is good: `higher`, `lower` or `neither`; judged by its name where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub better: Option<String>,
    /// The kinds of reports that look at it: `["overview", "sales"]`; by its name where none is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<String>,
    /// Its place among their figures: the lowest come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<u16>,
}

/// What a table is called and how it is read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableText {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The same in other languages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What else people call its rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Which rows count unless a question says otherwise; `all rows` takes a pack's away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_filter: Option<String>,
    /// The column that says when a row happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The column that people know its rows by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// Nobody asks about it.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// What its columns are called, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnText>,
}

/// What a column is called and what it is in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnText {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The same in other languages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What else people call it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// What its numbers are in, as for metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Nobody asks about it.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// What people call its values: `out_invoice = ["invoice"]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Vec<String>>,
}

/// How rows of two tables belong together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelationshipText {
    /// The many side: `orders.customer_id`; of several columns, `orders(market, customer)`.
    pub from: String,
    /// The one side, in the same way: `customers.id`.
    pub to: String,
    /// `to` has at most one row of the many side, too.
    #[serde(skip_serializing_if = "is_false")]
    pub one_to_one: bool,
    /// What people call the other side from here: `shipped to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Who sees which rows and columns of a table: exactly one of `everybody`, `roles` and `users` says
/// whom it binds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyText {
    /// It binds everybody, superusers too.
    #[serde(skip_serializing_if = "is_false")]
    pub everybody: bool,
    /// It binds everybody of these roles: `user`, `superuser`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// It binds these people, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Whose rows and columns.
    pub table: String,
    /// Which rows they see; all where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// Columns that do not exist for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden_columns: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// One thing that is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `metrics`, `revenue`, `expression`.
    pub path: Vec<String>,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl Problem {
    fn new(path: &[&str], detail: impl Into<String>) -> Self {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Self { path, detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join("."), self.detail)
    }
}

impl Declarations {
    /// Reads TOML. Only its form is looked at: [`Declarations::read`] looks at what it says.
    pub fn from_toml(text: &str) -> Result<Self, Problem> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
            let place = line.map_or(String::new(), |line| format!(" (line {line})"));
            Problem::new(&[], format!("{}{place}", error.message()))
        })
    }

    /// Writes TOML.
    pub fn to_toml(&self) -> Result<String, Problem> {
        toml::to_string_pretty(self).map_err(|error| Problem::new(&[], error.to_string()))
    }
}
