//! The Ask tree: the one form of a question that every translator produces, one binder checks and
//! one compiler runs.
//!
//! An Ask is about rows. Grouped (the usual case), it measures groups of them: every
//! [`Aggregation`] is computed over its own table at that table's grain, filtered and grouped there,
//! and only then are the results put side by side by their groups, so that no join ever multiplies a
//! row. With [`Ask::each_row`] it lists rows instead.
//!
//! "Revenue by month this year, and its growth over the year before":
//!
//! ```
//! # use pacioli_model::*;
//! # let name = |text| ColumnName::parse(text).unwrap();
//! # let orders = TableName::parse("orders").unwrap();
//! # let of = |text| ColumnRef::new(orders.clone(), name(text));
//! let revenue = Aggregation {
//!     value: Some(Value::Column(of("amount"))),
//!     date: Some(of("ordered_on")),
//!     ..Aggregation::new(Aggregate::Sum, orders.clone())
//! };
//! let before = Aggregation { shift: Some(Shift::years(1)), ..revenue.clone() };
//! let output = |text| Box::new(Value::Output(name(text)));
//! let growth = Value::Arithmetic {
//!     operation: Operation::Divide,
//!     left: Box::new(Value::Arithmetic {
//!         operation: Operation::Subtract,
//!         left: output("revenue"),
//!         right: output("revenue_before"),
//!     }),
//!     right: output("revenue_before"),
//! };
//! let ask = Ask {
//!     measures: vec![
//!         Measure::new(name("revenue"), Figure::Aggregate(revenue)),
//!         Measure::new(name("revenue_before"), Figure::Aggregate(before)),
//!         Measure::new(name("growth"), Figure::Calculation(growth)),
//!     ],
//!     group_by: vec![Grouping::new(
//!         name("month"),
//!         GroupKey::Period { column: None, grain: TimeGrain::Month },
//!     )],
//!     range: Some(DayRange { from: "2025-01-01".parse().ok(), to: "2026-01-01".parse().ok() }),
//!     ..Ask::about(orders.clone())
//! };
//! assert_eq!(ask.outputs().count(), 4);
//! ```

mod predicate;
mod value;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use self::{
    predicate::{Comparison, Predicate, TextPlace},
    value::{DatePart, Literal, Operation, Value},
};
use crate::{ColumnName, Decimal, MetricName, RelationshipName, TableName};

/// A question: filter rows, group them, measure each group, filter the groups, order, cut.
///
/// The columns of the answer are the groups and then the measures, without the hidden ones. Grouped
/// and without measures it lists the distinct groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// What it is about: whose rows are listed with `each_row`, whose groups are listed without
    /// measures, and which table an answer names first.
    pub table: TableName,
    /// Every row of `table` is a row of the answer, with the values of `group_by`, instead of one for
    /// each group; then there are no aggregates, and a column that a row has several of is refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub each_row: bool,
    /// What is computed for each group, in output order after the groups.
    pub measures: Vec<Measure>,
    /// What rows are grouped by, in output order; empty for one total.
    pub group_by: Vec<Grouping>,
    /// Which rows count; applied to every aggregation, whose table must reach all that it names.
    pub filter: Option<Predicate>,
    /// Which days count; applied to the `date` of every aggregation, shifted with it. An aggregation
    /// without a date is refused then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<DayRange>,
    /// Which groups are shown, by their outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub having: Option<Predicate>,
    /// How the answer is sorted.
    pub order: Vec<OrderBy>,
    /// Top-N.
    pub limit: Option<u32>,
    /// `limit` holds for every combination of these groupings by itself: the top 3 products of each
    /// region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limit_per: Vec<ColumnName>,
}

impl Ask {
    /// An Ask about `table` that says nothing yet.
    pub fn about(table: TableName) -> Self {
        Self {
            table,
            each_row: false,
            measures: Vec::new(),
            group_by: Vec::new(),
            filter: None,
            range: None,
            having: None,
            order: Vec::new(),
            limit: None,
            limit_per: Vec::new(),
        }
    }

    /// The names of the answer's columns, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &ColumnName> {
        let groups = self.group_by.iter().filter(|group| !group.hidden).map(|group| &group.name);
        groups.chain(self.shown_measures().map(|measure| &measure.name))
    }

    /// The measures among the answer's columns.
    pub fn shown_measures(&self) -> impl Iterator<Item = &Measure> {
        self.measures.iter().filter(|measure| !measure.hidden)
    }

    /// The groupings among the answer's columns.
    pub fn shown_groups(&self) -> impl Iterator<Item = &Grouping> {
        self.group_by.iter().filter(|group| !group.hidden)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A column of a table. From an aggregation's own table it is reached along relationships.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ColumnRef {
    /// Its table.
    pub table: TableName,
    /// Its name there.
    pub column: ColumnName,
    /// The relationships to follow, in order from the asking table; empty for the one shortest way.
    /// Among equally short ways those by which a row has several rows least often go first; several
    /// that are left are refused, naming them.
    ///
    /// What lies before the first and after the last relationship is the shortest way there. A figure
    /// of another table, which is not led through them, goes its own shortest way. A relationship of a
    /// table with itself leads to the one side (the manager) here, and to the many side (the people
    /// they manage) in [`Predicate::Related`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<RelationshipName>,
}

impl ColumnRef {
    /// The column, by the shortest way.
    pub fn new(table: TableName, column: ColumnName) -> Self {
        Self { table, column, via: Vec::new() }
    }
}

/// One computed column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What the output column is called; unique within the Ask.
    pub name: ColumnName,
    /// How it is computed.
    pub figure: Figure,
    /// Only other outputs, the order or `having` need it: it is no column of the answer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
}

impl Measure {
    /// A shown measure.
    pub fn new(name: ColumnName, figure: Figure) -> Self {
        Self { name, figure, hidden: false }
    }

    /// The aggregation, where it is one.
    pub fn aggregation(&self) -> Option<&Aggregation> {
        match &self.figure {
            Figure::Aggregate(aggregation) => Some(aggregation),
            _ => None,
        }
    }
}

/// How an output is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "an Ask has few, and most are the largest")]
pub enum Figure {
    /// Over rows.
    Aggregate(Aggregation),
    /// A declared metric, of the same days or of days before.
    Metric {
        /// Which.
        metric: MetricName,
        /// Computed over days that lie back.
        shift: Option<Shift>,
    },
    /// Of other outputs and metrics, row by row: a ratio, a growth, a difference. Dividing by zero
    /// gives null.
    Calculation(Value),
    /// The part of a total that each row's `of` is, 0 to 1, over the rows that share `within`. The
    /// total is that of the whole answer before `having` and `limit`.
    Share {
        /// An output that adds up.
        of: ColumnName,
        /// Groupings; empty for the grand total.
        within: Vec<ColumnName>,
    },
    /// The sum of `of` so far, in the order of the period grouping, starting anew for each `within`.
    Running {
        /// An output that adds up.
        of: ColumnName,
        /// Groupings.
        within: Vec<ColumnName>,
    },
    /// An aggregate of another output over the rows that share `within`: the average of the months.
    Across {
        /// How.
        aggregate: Aggregate,
        /// An output.
        of: ColumnName,
        /// Groupings; empty for all rows.
        within: Vec<ColumnName>,
    },
}

/// Many rows of one table to one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregation {
    /// How.
    pub aggregate: Aggregate,
    /// Whose rows; each counts once in its group, whatever is joined to it.
    pub table: TableName,
    /// What over; empty only for [`Aggregate::Count`], which then counts rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Which rows count in this measure alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Predicate>,
    /// When a row happened: what the Ask's `range` and periods without a column are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<ColumnRef>,
    /// Computed over days that lie back, and shown beside today's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// What becomes of the rows' times.
    #[serde(default, skip_serializing_if = "OverTime::is_within")]
    pub over_time: OverTime,
}

impl Aggregation {
    /// Over all rows of `table`, of nothing yet.
    pub fn new(aggregate: Aggregate, table: TableName) -> Self {
        Self {
            aggregate,
            table,
            value: None,
            filter: None,
            date: None,
            shift: None,
            over_time: OverTime::Within,
        }
    }

    /// The column, where it is over one.
    pub fn column(&self) -> Option<&ColumnRef> {
        match &self.value {
            Some(Value::Column(column)) => Some(column),
            _ => None,
        }
    }
}

/// How a measure relates to its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverTime {
    /// Rows count in the period that their date falls into.
    #[default]
    Within,
    /// Rows are a state on their date (stock on a day): of each period only those of the last date
    /// that has any count, and never two dates together. Which date is the last goes by the rows that
    /// the aggregation's own filter and the range leave, not by the Ask's filter: one product shows
    /// the same whether it is grouped or filtered by.
    Snapshot,
    /// Rows are changes of a balance (ledger entries): a period shows all changes up to its end, or
    /// to the end of the range where that is earlier. The range's start hides periods, no changes.
    ToDate,
}

impl OverTime {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_within(&self) -> bool {
        *self == Self::Within
    }
}

/// So far back in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Calendar months; a day that the month does not have becomes its last one.
    pub months: u32,
    /// And days.
    pub days: u32,
}

impl Shift {
    /// Whole years back.
    pub fn years(years: u32) -> Self {
        Self { months: years * 12, days: 0 }
    }
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

/// One grouping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grouping {
    /// What the output column is called; unique within the Ask.
    pub name: ColumnName,
    /// What rows are told apart by.
    pub key: GroupKey,
    /// It tells groups apart and is no column of the answer: the id behind a name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
}

impl Grouping {
    /// A shown grouping.
    pub fn new(name: ColumnName, key: GroupKey) -> Self {
        Self { name, key, hidden: false }
    }

    /// The column whose values or periods are grouped, where it is one.
    pub fn column(&self) -> Option<&ColumnRef> {
        match &self.key {
            GroupKey::Value(Value::Column(column)) => Some(column),
            GroupKey::Period { column, .. } => column.as_ref(),
            _ => None,
        }
    }

    /// The calendar period, where rows are grouped by one.
    pub fn grain(&self) -> Option<TimeGrain> {
        match self.key {
            GroupKey::Period { grain, .. } => Some(grain),
            _ => None,
        }
    }
}

/// What rows are told apart by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKey {
    /// A value.
    Value(Value),
    /// A calendar period, shown by its first day.
    Period {
        /// A date or timestamp; empty for each aggregation's own date.
        column: Option<ColumnRef>,
        /// Which period.
        grain: TimeGrain,
    },
    /// A run of numbers, shown by its place: 0 below the first edge, 1 from it up to the second. For
    /// ageing the value is [`Value::Days`].
    Bucket {
        /// A number.
        value: Value,
        /// Ascending; each is the first number of its bucket.
        edges: Vec<Decimal>,
    },
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

impl TimeGrain {
    /// `day`, `week`, `month`, `quarter` or `year`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// A run of days: from its first day up to, not including, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRange {
    /// First day; open when empty.
    pub from: Option<NaiveDate>,
    /// The day after the last; open when empty.
    pub to: Option<NaiveDate>,
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBy {
    /// The output name of a measure or a grouping of the same Ask, hidden ones too.
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

impl Direction {
    /// The other end first.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}
