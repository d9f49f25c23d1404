//! Which rows, or groups of rows, count.

use serde::{Deserialize, Serialize};

use super::{Ask, ColumnRef, Literal, Value};
use crate::{RelationshipName, TableName};

/// Which rows count. A comparison with a null is never true, as in SQL.
///
/// A column that a row has several of (the orders of a customer) holds where it holds for at least
/// one of them; the parts of one [`Predicate::All`] that name the same such table by the same way
/// hold for the same one. Negated, it holds for none of them: a [`Predicate::Not`] is about the row
/// itself. Where rows are grouped by a column that they have several of, each counts once in every
/// group, and what the filter says of that table holds for the same one that gives the group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    /// Every one holds.
    All(Vec<Predicate>),
    /// At least one holds.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// Two values against each other.
    Compare {
        /// First.
        left: Value,
        /// The comparison.
        comparison: Comparison,
        /// A value that the first can be compared with.
        right: Value,
    },
    /// It is one of these values.
    OneOf {
        /// What.
        value: Value,
        /// At least one.
        values: Vec<Literal>,
    },
    /// A text has another in it, in upper or lower case.
    Matches {
        /// A text.
        value: Value,
        /// Where.
        place: TextPlace,
        /// What; every character stands for itself.
        text: String,
    },
    /// It has no value.
    IsNull {
        /// What.
        value: Value,
    },
    /// These values are a row of another Ask's answer: set intersection, and negated set difference.
    /// A null is never among them, and never hides what is missing.
    Among {
        /// As many as the other answer has columns.
        values: Vec<Value>,
        /// Without a limit unless it has an order.
        ask: Box<Ask>,
    },
    /// The row has at least one row of another table that belongs to it and for which `filter` holds.
    /// Negated: `customers without orders`.
    Related {
        /// The other table.
        table: TableName,
        /// As [`ColumnRef::via`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        via: Vec<RelationshipName>,
        /// Its columns are those of the other table and what that reaches.
        filter: Option<Box<Predicate>>,
    },
}

impl Predicate {
    /// A column against a literal.
    pub fn compare(column: ColumnRef, comparison: Comparison, literal: Literal) -> Self {
        let (left, right) = (Value::Column(column), Value::Literal(literal));
        Self::Compare { left, comparison, right }
    }
}

/// Where in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum TextPlace {
    Anywhere,
    Start,
    End,
}

/// `left ? right`.
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

impl Comparison {
    /// The same comparison with its sides exchanged: `a < b` is `b > a`.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }
}
