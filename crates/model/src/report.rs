//! What a report holds, in no language: whoever shows it takes its numbers from here.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Ask, ColumnName, CompanyId, Finding, Labels, MetricUsed, ReportId, SavedQuestionId, Table,
    TableName, TableVersion, TimeGrain, Timestamp, Unit, UserId, Window,
};

/// What a report shall be about, but for its days: what a schedule repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSpec {
    /// What about.
    pub kind: ReportKind,
    /// The periods that figures are looked at in: weeks, months or quarters. Where it is empty, as the
    /// days fit; months where no days are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain: Option<TimeGrain>,
    /// What its days are compared with.
    #[serde(default)]
    pub compare: Compare,
    /// Which rows count; all where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<ReportFilter>,
    /// Amounts in the currency of this ISO 4217 code alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Which saved questions a custom report answers, in this order; the company's newest where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<SavedQuestionId>,
    /// `en`, `de`.
    pub language: String,
}

/// A report as it was asked for: what a server needs to make it that another one had begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportOrder {
    /// What about.
    pub spec: ReportSpec,
    /// Which days; the last period that is over where none were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<ReportDays>,
    /// The forms that are written with it, by the endings of their names: `pdf`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// The day that it is written as of.
    pub today: NaiveDate,
}

/// Whole periods that a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDays {
    /// First day of the first.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
    /// Which periods: weeks, months or quarters.
    pub grain: TimeGrain,
}

/// Rows whose column has one of these values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFilter {
    /// Whose column.
    pub table: TableName,
    /// Which.
    pub column: ColumnName,
    /// As people write them.
    pub values: Vec<String>,
}

/// What a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// The same days a year before; the days just before where the data does not reach so far back.
    #[default]
    Usual,
    /// As many periods just before.
    Previous,
    /// The same days a year before.
    YearBefore,
}

/// A report as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Stored as `_id`; its job's id too.
    #[serde(rename = "_id")]
    pub id: ReportId,
    /// Whose company.
    pub company_id: CompanyId,
    /// What the company was called then.
    pub company_name: String,
    /// Who asked for it; what it holds is what they may see, and nobody else is shown it.
    pub user_id: UserId,
    /// When: what it says is as of then.
    pub created_at: Timestamp,
    /// The language that is meant where nobody asks for another: `en`, `de`.
    pub language: String,
    /// The forms that were asked for with it, by the endings of their names: `pdf`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// What it holds; remembered as one text, for no part of it is ever searched for.
    #[serde(with = "as_text")]
    pub content: ReportContent,
}

/// A query that a report rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryUsed {
    /// What was asked; none of SQL, and of what was computed from the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
    /// What ran.
    pub sql: String,
    /// Rows it gave.
    pub rows: usize,
}

/// JSON inside a text.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    use super::ReportContent;

    pub(super) fn serialize<S: Serializer>(
        content: &ReportContent,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(content).map_err(ser::Error::custom)?;
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ReportContent, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum ReportKind {
    Overview,
    Sales,
    Customers,
    Products,
    Purchasing,
    Inventory,
    ReceivablesPayables,
    Cash,
    People,
    Production,
    DataQuality,
    /// Saved questions.
    Custom,
}

impl ReportKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Overview,
        Self::Sales,
        Self::Customers,
        Self::Products,
        Self::Purchasing,
        Self::Inventory,
        Self::ReceivablesPayables,
        Self::Cash,
        Self::People,
        Self::Production,
        Self::DataQuality,
        Self::Custom,
    ];

    /// The name that is sent: `receivables_payables`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Sales => "sales",
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Purchasing => "purchasing",
            Self::Inventory => "inventory",
            Self::ReceivablesPayables => "receivables_payables",
            Self::Cash => "cash",
            Self::People => "people",
            Self::Production => "production",
            Self::DataQuality => "data_quality",
            Self::Custom => "custom",
        }
    }
}

/// A figure at the head of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kpi {
    /// Which.
    pub metric: MetricUsed,
    /// In the report's period; empty where no row counts.
    pub value: Option<f64>,
    /// In the period before, of equal length.
    pub previous: Option<f64>,
    /// In the same period a year before.
    pub year_before: Option<f64>,
    /// What lies before and in the period, for a small chart.
    pub series: Vec<Point>,
    /// Numbers of the queries in [`ReportContent::queries`].
    pub queries: Vec<usize>,
}

/// One period's value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// First day of the period.
    pub at: NaiveDate,
    /// Its value; empty where no row counts.
    pub value: Option<f64>,
    /// The period is not over, or the data ends within it.
    pub partial: bool,
}

/// A table that a report rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableUsed {
    /// Which.
    pub table: TableName,
    /// For people.
    pub label: String,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Which load of it.
    pub version: TableVersion,
    /// When that was.
    pub loaded_at: Timestamp,
    /// Rows.
    pub rows: u64,
}

/// How a figure of a report is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefinitionUsed {
    /// Which.
    pub metric: MetricUsed,
    /// As declared; empty for a figure that was found.
    pub description: String,
    /// In the notation of declarations: `sum(sales.revenue_eur)`.
    pub formula: String,
}

/// Something that a kind of report wants and the data cannot give.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Missing {
    /// A metric's label, or one of `sales`, `customers`, `products`, `purchases`, `stock`,
    /// `receivables`, `payables`, `cash`, `people`, `production`, `dates`, `rows`, `questions`,
    /// `more_questions`, `muted`; a saved question that is not answered by its words.
    pub what: String,
    /// A metric's label in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Tables and columns that are not there, where they are known; saved questions that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Why a saved question is not answered, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a report holds: figures, findings and everything needed to check them. It is in no language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportContent {
    /// What it is about.
    pub kind: ReportKind,
    /// The days it is about.
    pub period: Window,
    /// The days it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Window>,
    /// ISO 4217 code of the amounts, where it is known and one.
    pub currency: Option<String>,
    /// The day that relative dates were counted from.
    pub today: NaiveDate,
    /// The last day that the data has; empty without any.
    pub data_until: Option<NaiveDate>,
    /// Which rows count, in words.
    pub filters: Vec<String>,
    /// The figures at its head.
    pub headline: Vec<Kpi>,
    /// The most important first.
    pub findings: Vec<Finding>,
    /// Answers of saved questions, in a custom report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<SavedAnswer>,
    /// How the figures are computed.
    pub definitions: Vec<DefinitionUsed>,
    /// The tables behind it.
    pub tables: Vec<TableUsed>,
    /// The queries behind it; findings and figures name them by their place, from 0.
    pub queries: Vec<QueryUsed>,
    /// What could not be looked at, and why.
    pub missing: Vec<Missing>,
    /// Tests that were made, of which the findings are what remains.
    pub tests_made: usize,
}

impl ReportContent {
    /// Nothing yet of a kind, about some days, as of a day.
    pub fn about(kind: ReportKind, period: Window, today: NaiveDate) -> Self {
        Self {
            kind,
            period,
            comparison: None,
            currency: None,
            today,
            data_until: None,
            filters: Vec::new(),
            headline: Vec::new(),
            findings: Vec::new(),
            answers: Vec::new(),
            definitions: Vec::new(),
            tables: Vec::new(),
            queries: Vec::new(),
            missing: Vec::new(),
            tests_made: 0,
        }
    }
}

/// A saved question and its answer, in a custom report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedAnswer {
    /// The person's words.
    pub question: String,
    /// The answer in a sentence.
    pub answer: String,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub answers: Labels,
    /// Its rows.
    pub table: Table,
    /// Its place in [`ReportContent::queries`].
    pub query: usize,
    /// What its columns are, in their order; empty where nothing is known of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<AnswerColumn>,
    /// What was found, where it is an answer to why, what comes next or what is unusual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// A column of an answer, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerColumn {
    /// What it is called; empty where nothing but its name is known.
    pub label: String,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What its numbers are of, where that is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}
