//! What a company's tables mean: metrics, names, defaults, and who may see what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Aggregation, Better, ColumnName, MetricName, Predicate, Relationship, ReportKind, Role,
    TableName, UserId, Value,
};

/// What something is called in other languages than English, by their ISO 639-1 codes.
pub type Labels = BTreeMap<String, String>;

/// Everything declared about a company's tables, by packs and by people. Empty is a good value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Semantics {
    /// Counts changes; 0 before the first.
    pub version: u64,
    /// Month in which the fiscal year starts, 1 to 12.
    pub fiscal_year_start: u8,
    /// First day of the week.
    pub week_start: WeekStart,
    /// ISO 4217 code that amounts are in where nothing else is said.
    pub currency: Option<String>,
    /// Packs in use, and why.
    pub packs: Vec<PackUse>,
    /// Sorted by name.
    pub metrics: Vec<Metric>,
    /// Metrics that a pack knows and these tables cannot give.
    pub unavailable: Vec<UnavailableMetric>,
    /// Sorted by table.
    pub tables: Vec<TableMeaning>,
    /// Declared ones; those found in the data stand in the catalog beside them.
    pub relationships: Vec<Relationship>,
    /// Who sees which rows and columns.
    pub policies: Vec<Policy>,
}

impl Default for Semantics {
    fn default() -> Self {
        Self {
            version: 0,
            fiscal_year_start: 1,
            week_start: WeekStart::Monday,
            currency: None,
            packs: Vec::new(),
            metrics: Vec::new(),
            unavailable: Vec::new(),
            tables: Vec::new(),
            relationships: Vec::new(),
            policies: Vec::new(),
        }
    }
}

impl Semantics {
    /// The metric of this name.
    pub fn metric(&self, name: &MetricName) -> Option<&Metric> {
        self.metrics.iter().find(|metric| &metric.name == name)
    }

    /// What is declared of a table.
    pub fn table(&self, name: &TableName) -> Option<&TableMeaning> {
        self.tables.iter().find(|table| &table.table == name)
    }
}

/// First day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum WeekStart {
    #[default]
    Monday,
    Saturday,
    Sunday,
}

/// A pack that recognised the tables of its system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackUse {
    /// `odoo`, `erpnext`, `business_central`, `sap_business_one`.
    pub pack: String,
    /// Which tables and columns it was recognised by, for people.
    pub reason: String,
}

/// A figure with a name, defined once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// `invoiced_revenue`.
    pub name: MetricName,
    /// For people: `Invoiced revenue`.
    pub label: String,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What counts and what does not, in a sentence.
    #[serde(default)]
    pub description: String,
    /// What else people call it.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// How it is computed.
    pub definition: Definition,
    /// What it is in.
    #[serde(default)]
    pub unit: Unit,
    /// How reports use it.
    #[serde(default, skip_serializing_if = "InReports::is_empty")]
    pub in_reports: InReports,
    /// The pack that declared it; empty for the company's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
}

/// How reports use a metric. What is not said is judged by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InReports {
    /// Which way is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// The kinds of reports that look at it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<ReportKind>,
    /// Its place among the figures of a report: the lowest come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<u16>,
}

impl InReports {
    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This, and what `base` says beyond it.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        Self {
            better: self.better.or(base.better),
            kinds: if self.kinds.is_empty() { base.kinds.clone() } else { self.kinds },
            place: self.place.or(base.place),
        }
    }
}

/// How a metric is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a company has few, and most are the largest")]
pub enum Definition {
    /// Over rows, with the filters that always hold for it.
    Aggregate(Aggregation),
    /// Of other metrics ([`Value::Metric`]) and numbers.
    Calculation(Value),
}

/// What a figure is in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain number.
    #[default]
    Number,
    /// Amounts in the currency of this code.
    Currency(String),
    /// Amounts in the currency that a column names, row by row: never added up across values.
    CurrencyOf(crate::ColumnRef),
    /// Amounts in the company's own currency.
    CompanyCurrency,
    /// A fraction, shown as per cent.
    Percent,
    /// Days.
    Days,
    /// Something counted or weighed: `pieces`, `kg`.
    Named(String),
}

/// A metric that a pack knows and these tables cannot give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnavailableMetric {
    /// Its name.
    pub name: MetricName,
    /// Its label.
    pub label: String,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The kinds of reports that would look at it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<ReportKind>,
    /// The pack; empty for the company's own.
    pub pack: String,
    /// Tables and columns that are not there: `account_move.invoice_date`.
    pub missing: Vec<String>,
}

/// What a table is called and how it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableMeaning {
    /// Which.
    pub table: TableName,
    /// For people, singular or plural: `Sales order lines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What else people call its rows.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// Which rows count unless a question says otherwise; echoed in every answer that it shapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_filter: Option<Predicate>,
    /// When a row happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<ColumnName>,
    /// The column that people know its rows by: shown instead of ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<ColumnName>,
    /// Nobody asks about it: technical tables.
    #[serde(default)]
    pub hidden: bool,
    /// What is declared of columns.
    #[serde(default)]
    pub columns: Vec<ColumnMeaning>,
}

impl TableMeaning {
    /// Nothing said about `table` yet.
    pub fn of(table: TableName) -> Self {
        Self {
            table,
            label: None,
            labels: Labels::new(),
            synonyms: Vec::new(),
            default_filter: None,
            date: None,
            display: None,
            hidden: false,
            columns: Vec::new(),
        }
    }

    /// What is declared of a column.
    pub fn column(&self, name: &ColumnName) -> Option<&ColumnMeaning> {
        self.columns.iter().find(|column| &column.column == name)
    }
}

/// What a column is called and what it is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnMeaning {
    /// Which.
    pub column: ColumnName,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What else people call it.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// What its numbers are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// What people call its values: `out_invoice` is `invoice`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Vec<String>>,
    /// Nobody asks about it.
    #[serde(default)]
    pub hidden: bool,
}

/// Who sees which rows and columns of a table. Where several bind one person, all of them do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// What it is called, unique: `own_region_only`.
    pub name: String,
    /// Whom it binds.
    pub binds: Bound,
    /// Whose rows.
    pub table: TableName,
    /// Which rows they see: over columns of this table alone, [`Value::Caller`] among its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Predicate>,
    /// Columns that do not exist for them.
    #[serde(default)]
    pub hidden_columns: Vec<ColumnName>,
}

/// Whom a policy binds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Everybody of a role.
    Roles(Vec<Role>),
    /// These people.
    Users(Vec<UserId>),
    /// Everybody, superusers too.
    Everybody,
}

/// Something known of whoever asks, and that they cannot change themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerAttribute {
    /// Their e-mail address.
    Email,
    /// Their id.
    UserId,
}

/// What one person may see, settled: policies that bind them, with [`Value::Caller`] replaced.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Access {
    /// At most one for a table; a table without one is seen whole.
    pub tables: Vec<TableAccess>,
}

impl Access {
    /// What binds at a table.
    pub fn table(&self, name: &TableName) -> Option<&TableAccess> {
        self.tables.iter().find(|table| &table.table == name)
    }
}

/// What one person may see of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableAccess {
    /// Which.
    pub table: TableName,
    /// Only these rows.
    pub rows: Option<Predicate>,
    /// Not these columns.
    pub hidden_columns: Vec<ColumnName>,
}
