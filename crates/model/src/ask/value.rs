//! What stands on one side of a comparison, or is computed from other values.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{Ask, ColumnRef};
use crate::{CallerAttribute, ColumnName, Decimal, MetricName};

/// One value for a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// What a column holds.
    Column(ColumnRef),
    /// Written in the question.
    Literal(Literal),
    /// Another output of the same Ask: in `having` and calculations.
    Output(ColumnName),
    /// A declared metric: in calculations.
    Metric(MetricName),
    /// Of two numbers. Null where either is, or where it divides by zero.
    Arithmetic {
        /// What is done.
        operation: Operation,
        /// First.
        left: Box<Value>,
        /// Second.
        right: Box<Value>,
    },
    /// Whole days from one date to another.
    Days {
        /// A date.
        from: Box<Value>,
        /// A date.
        to: Box<Value>,
    },
    /// A part of a date, as a number.
    Part {
        /// Which.
        part: DatePart,
        /// A date or timestamp.
        of: Box<Value>,
    },
    /// The one value of another Ask, of one column and at most one row: `above the average`.
    Figure(Box<Ask>),
    /// Who asks: in row policies alone, and replaced before anything runs.
    Caller(CallerAttribute),
}

/// What is done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// A part of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// `2026`.
    Year,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// ISO 8601 week, 1 to 53.
    Week,
    /// Of the month, 1 to 31.
    Day,
    /// 1 is Monday, 7 is Sunday.
    Weekday,
    /// 0 to 23.
    Hour,
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
