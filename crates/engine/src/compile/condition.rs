//! Filters with their literals settled: each comparison is between a column and a value of its kind.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use pacioli_model::{
    Column, ColumnRef, ColumnType, Comparison, Decimal, Literal, Predicate, TableEntry,
    Value as Operand,
};

use super::bind::{invalid, reference, unsupported};
use crate::EngineError;

const MOST_DEPTH: usize = 32;
/// Digits that a column's numbers are sure to have room for beside a literal's.
const MOST_DIGITS: usize = 28;
const MOST_FINER_DIGITS: u8 = 10;

/// A bound [`Predicate`].
#[derive(Debug)]
pub(super) enum Condition<'a> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare { column: &'a Column, comparison: Comparison, value: Value<'a> },
    OneOf { column: &'a Column, values: Vec<Value<'a>> },
    IsNull { column: &'a Column },
}

/// A literal in the type that its column is compared in.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    /// The nearest binary fraction of this is meant.
    Float(Decimal),
    Text(&'a str),
    Date(NaiveDate),
    Timestamp(DateTime<Utc>),
}

/// Binds a filter.
pub(super) fn bind<'a>(
    table: &'a TableEntry,
    predicate: &'a Predicate,
    depth: usize,
) -> Result<Condition<'a>, EngineError> {
    if depth > MOST_DEPTH {
        return Err(invalid(format!("The filter is nested more than {MOST_DEPTH} deep.")));
    }
    let all = |parts: &'a [Predicate]| -> Result<Vec<_>, EngineError> {
        parts.iter().map(|part| bind(table, part, depth + 1)).collect()
    };
    Ok(match predicate {
        Predicate::All(parts) => Condition::All(all(parts)?),
        Predicate::Any(parts) => Condition::Any(all(parts)?),
        Predicate::Not(part) => Condition::Not(Box::new(bind(table, part, depth + 1)?)),
        Predicate::IsNull { value: Operand::Column(of) } => {
            Condition::IsNull { column: reference(table, of)? }
        }
        Predicate::Compare {
            left: Operand::Column(of),
            comparison,
            right: Operand::Literal(value),
        } => compare(reference(table, of)?, *comparison, value)?,
        Predicate::OneOf { value: Operand::Column(of), values } => one_of(table, of, values)?,
        _ => return Err(unsupported()),
    })
}

fn one_of<'a>(
    table: &'a TableEntry,
    of: &ColumnRef,
    values: &'a [Literal],
) -> Result<Condition<'a>, EngineError> {
    let column = reference(table, of)?;
    if values.is_empty() {
        return Err(invalid(format!("The filter on {} names no value.", of.column)));
    }
    if column.data_type == ColumnType::Timestamp {
        let each = values.iter().map(|value| compare(column, Comparison::Equal, value));
        return Ok(Condition::Any(each.collect::<Result<_, _>>()?));
    }
    let values = values.iter().map(|value| settle(column, value)).collect::<Result<_, _>>()?;
    Ok(Condition::OneOf { column, values })
}

fn compare<'a>(
    column: &'a Column,
    comparison: Comparison,
    literal: &'a Literal,
) -> Result<Condition<'a>, EngineError> {
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
    if let (ColumnType::Timestamp, Literal::Date(day)) = (column.data_type, literal) {
        return during(column, comparison, *day);
    }
    let ordered = matches!(comparison, Less | LessOrEqual | Greater | GreaterOrEqual);
    if ordered && column.data_type == ColumnType::Boolean {
        return Err(invalid(format!("{} is true or false: neither is greater.", column.name)));
    }
    Ok(Condition::Compare { column, comparison, value: settle(column, literal)? })
}

/// A day against a moment means all of the day: up to the 31st includes its evening.
fn during(
    column: &Column,
    comparison: Comparison,
    day: NaiveDate,
) -> Result<Condition<'_>, EngineError> {
    let start = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let next = day.succ_opt().ok_or_else(|| invalid(format!("{day} is past the calendar.")))?;
    let at = |comparison, moment| Condition::Compare {
        column,
        comparison,
        value: Value::Timestamp(moment),
    };
    let before = |day| at(Comparison::Less, start(day));
    let from = |day| at(Comparison::GreaterOrEqual, start(day));
    Ok(match comparison {
        Comparison::Equal => Condition::All(vec![from(day), before(next)]),
        Comparison::NotEqual => Condition::Any(vec![before(day), from(next)]),
        Comparison::Less => before(day),
        Comparison::LessOrEqual => before(next),
        Comparison::Greater => from(next),
        Comparison::GreaterOrEqual => from(day),
    })
}

/// The literal in its column's type.
fn settle<'a>(column: &Column, literal: &'a Literal) -> Result<Value<'a>, EngineError> {
    Ok(match (column.data_type, literal) {
        (ColumnType::Boolean, Literal::Boolean(value)) => Value::Boolean(*value),
        (ColumnType::Text, Literal::Text(value)) => Value::Text(value),
        (ColumnType::Date, Literal::Date(value)) => Value::Date(*value),
        (ColumnType::Timestamp, Literal::Timestamp(value)) => Value::Timestamp(*value),
        (ColumnType::Integer | ColumnType::Decimal { .. }, Literal::Integer(value)) => {
            Value::Integer(*value)
        }
        (ColumnType::Float, Literal::Integer(value)) => {
            Value::Float(Decimal::new(i128::from(*value), 0))
        }
        (ColumnType::Float, Literal::Decimal(value)) => Value::Float(*value),
        (ColumnType::Integer, Literal::Decimal(value)) => exact(column, *value, 0)?,
        (ColumnType::Decimal { scale }, Literal::Decimal(value)) => exact(column, *value, scale)?,
        (data_type, literal) => {
            return Err(invalid(format!(
                "{} is {} and cannot be compared with {}.",
                column.name,
                kind(data_type),
                kind_of(literal),
            )));
        }
    })
}

/// A decimal that can be compared exactly: the engine widens both sides to one type of 38 digits.
fn exact(column: &Column, value: Decimal, column_scale: u8) -> Result<Value<'static>, EngineError> {
    let mut value = value;
    while value.scale > 0 && value.mantissa % 10 == 0 {
        value = Decimal::new(value.mantissa / 10, value.scale - 1);
    }
    let digits = value.mantissa.unsigned_abs().to_string().len();
    if value.scale > column_scale + MOST_FINER_DIGITS || digits > MOST_DIGITS {
        return Err(invalid(format!(
            "{value} has more digits than {} is compared by.",
            column.name
        )));
    }
    Ok(Value::Decimal(value))
}

fn kind(data_type: ColumnType) -> &'static str {
    match data_type {
        ColumnType::Integer | ColumnType::Decimal { .. } | ColumnType::Float => "a number",
        ColumnType::Text => "text",
        ColumnType::Date => "a date",
        ColumnType::Timestamp => "a time",
        ColumnType::Boolean => "true or false",
    }
}

fn kind_of(literal: &Literal) -> &'static str {
    match literal {
        Literal::Boolean(_) => "true or false",
        Literal::Integer(_) | Literal::Decimal(_) => "a number",
        Literal::Text(_) => "text",
        Literal::Date(_) => "a date",
        Literal::Timestamp(_) => "a time",
    }
}
