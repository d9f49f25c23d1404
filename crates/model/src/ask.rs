//! The Ask tree: the one form of a question that every translator produces, one binder checks and
//! one compiler runs. Today it says what one table can answer; joins, comparisons and ratios grow here.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{ColumnName, Decimal, TableName};

/// A question over one table: filter rows, group them, measure each group, filter nothing after,
/// order, cut. Without measures it lists the distinct groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The table that is asked.
    pub table: TableName,
    /// What is computed for each group, in output order after the groups.
    pub measures: Vec<Measure>,
    /// What rows are grouped by, in output order; empty for one total.
    pub group_by: Vec<Grouping>,
    /// Which rows count.
    pub filter: Option<Predicate>,
    /// How the answer is sorted; positions are those of the output columns.
    pub order: Vec<OrderBy>,
    /// Top-N.
    pub limit: Option<u32>,
}

/// One computed column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// What the output column is called; unique within the Ask.
    pub name: ColumnName,
    /// How it is computed.
    pub aggregate: Aggregate,
    /// What over; empty only for [`Aggregate::Count`], which then counts rows.
    pub column: Option<ColumnName>,
}

/// How many values become one. All but [`Aggregate::Count`] of rows leave nulls out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Rows, or values that are not null.
    Count,
    /// Different values.
    CountDistinct,
    /// Total.
    Sum,
    /// Mean.
    Average,
    /// Least.
    Min,
    /// Greatest.
    Max,
}

/// One grouping column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// What the output column is called; unique within the Ask.
    pub name: ColumnName,
    /// The column whose values are grouped.
    pub column: ColumnName,
    /// For dates and timestamps: the calendar period, shown by its first day.
    pub grain: Option<TimeGrain>,
}

/// A calendar period. Weeks start on Monday (ISO 8601).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum TimeGrain {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// Which rows count. A comparison with a null is never true, as in SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    /// Every one holds.
    All(Vec<Predicate>),
    /// At least one holds.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// A column against a value.
    Compare {
        /// The column.
        column: ColumnName,
        /// The comparison.
        comparison: Comparison,
        /// A value that the column's type can be compared with.
        value: Literal,
    },
    /// A column has one of these values.
    OneOf {
        /// The column.
        column: ColumnName,
        /// At least one value.
        values: Vec<Literal>,
    },
    /// A column has no value.
    IsNull {
        /// The column.
        column: ColumnName,
    },
}

/// `column ? value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value written in a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum Literal {
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Text(String),
    Date(NaiveDate),
    Timestamp(DateTime<Utc>),
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBy {
    /// The output name of a measure or a grouping of the same Ask.
    pub name: ColumnName,
    /// Which end comes first; nulls come last either way.
    pub direction: Direction,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum Direction {
    Ascending,
    Descending,
}
