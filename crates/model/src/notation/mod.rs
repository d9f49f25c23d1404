//! How people write figures and conditions, and how they are written back.
//!
//! ```
//! use pacioli_model::notation;
//!
//! let text = "sum(order_lines.amount) where orders.state in ('sale', 'done') on orders.ordered_on";
//! let revenue = notation::parse_definition(text).unwrap();
//! assert_eq!(notation::write_definition(&revenue).unwrap(), text);
//! let margin = notation::parse_definition("(revenue - cost) / revenue").unwrap();
//! let table = "orders".parse().unwrap();
//! let late = notation::parse_predicate("delivered_on > promised_on and not returned", &table);
//! # assert!(late.is_ok());
//! ```
//!
//! A metric is one aggregate over rows, or is made of other metrics:
//!
//! - `count(orders)`, `count(orders.shipped_on)`, `count(distinct orders.customer_id)`, `sum(…)`,
//!   `average(…)`, `min(…)`, `max(…)`; inside stand `table.column`, numbers, `+ - * /`,
//!   `days(from, to)` and `year(…)`, `quarter(…)`, `month(…)`, `week(…)`, `day(…)`, `weekday(…)`,
//!   `hour(…)` of dates;
//! - then, each at most once: `from table`, whose rows count, where that is not the one table of the
//!   columns inside; names without a table are columns of that table; `where` a condition; `on` the date of a row; `as snapshot` for states of a day,
//!   `as balance` for changes that add up over time;
//! - or other metrics by their names, with numbers and `+ - * /`.
//!
//! A condition compares with `= != < <= > >=`, `in (…)`, `between … and …`, `is null`,
//! `contains '…'`, `starts with '…'`, `ends with '…'`, combined by `and`, `or`, `not` and brackets;
//! `exists(table where …)` holds for rows that have such rows of another table. Texts stand in single
//! quotes, days as `date '2025-01-31'`, moments as `timestamp '2025-01-31T12:00:00Z'`. Where a column
//! can be reached in several ways, `via` names the relationships: `customers.name via orders_ship_to`,
//! several of them with points in between. A name that is a word of this notation stands in double
//! quotes. In row policies `caller.email`, `caller.name` and `caller.id` are those of whoever asks.

mod parser;
mod tokens;
mod unit;
mod writer;

#[cfg(test)]
mod tests;

use crate::{Definition, Predicate, TableName, Unit};

/// The text says nothing that can be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at character {at})")]
pub struct NotationError {
    /// The first character that does not fit, counted from 1.
    pub at: usize,
    /// What is wrong, and what would fit.
    pub detail: String,
}

/// What cannot be written down: it was not made from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be written as text")]
pub struct NotWritable(pub(crate) &'static str);

/// Words with a meaning of their own wherever they stand.
pub(crate) const RESERVED: [&str; 19] = [
    "and", "or", "not", "in", "is", "null", "true", "false", "where", "on", "from", "as", "via",
    "contains", "starts", "ends", "exists", "between", "caller",
];

/// Reads a metric's definition.
pub fn parse_definition(text: &str) -> Result<Definition, NotationError> {
    parser::definition(text)
}

/// Writes a metric's definition, always the same way.
pub fn write_definition(definition: &Definition) -> Result<String, NotWritable> {
    writer::definition(definition)
}

/// Reads a condition on the rows of a table; a name without a table is a column of it. `all rows` is
/// the condition that always holds.
pub fn parse_predicate(text: &str, table: &TableName) -> Result<Predicate, NotationError> {
    parser::predicate(text, table)
}

/// Writes a condition on the rows of a table, always the same way.
pub fn write_predicate(predicate: &Predicate, table: &TableName) -> Result<String, NotWritable> {
    writer::predicate(predicate, table)
}

/// Reads what a figure is in: `number`, `percent`, `days`, `company currency`, `currency EUR` or
/// `EUR`, `currency of orders.currency`, and for anything else its name: `pieces`.
pub fn parse_unit(text: &str) -> Result<Unit, NotationError> {
    unit::parse(text)
}

/// Writes what a figure is in.
pub fn write_unit(unit: &Unit) -> String {
    unit::write(unit)
}
