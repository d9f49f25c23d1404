//! What one person may see of a table, as a part of the plan: the rows that their policy leaves, and
//! not the columns that it hides. It is built from the policy's own tree, never from text, and lies
//! under the name of the table, so that no statement comes past it.

use std::{collections::HashSet, sync::Arc};

use datafusion::{
    catalog::TableProvider,
    common::ScalarValue,
    datasource::{ViewTable, provider_as_source},
    logical_expr::{Expr, Like, LogicalPlanBuilder, ident, in_list, lit, not},
};
use pacioli_model::{
    ColumnName, ColumnType, Comparison, Decimal, Literal, Predicate, TableAccess, TableEntry,
    TextPlace, Value,
};

use crate::EngineError;

/// How deep a policy's conditions may be nested.
const MOST_DEPTH: usize = 32;

/// `table` as `access` leaves it.
pub(crate) fn restricted(
    table: Arc<dyn TableProvider>,
    entry: &TableEntry,
    access: &TableAccess,
) -> Result<Arc<dyn TableProvider>, EngineError> {
    let mut plan = LogicalPlanBuilder::scan(entry.name.as_str(), provider_as_source(table), None)?;
    if let Some(rows) = &access.rows {
        plan = plan.filter(condition(entry, rows, 0)?)?;
    }
    let hidden: HashSet<&ColumnName> = access.hidden_columns.iter().collect();
    let seen = entry.columns.iter().filter(|column| !hidden.contains(&column.name));
    let seen: Vec<Expr> = seen.map(|column| ident(column.name.as_str())).collect();
    if seen.is_empty() {
        return Err(unfit(entry, "it hides every column"));
    }
    let plan = plan.project(seen).and_then(LogicalPlanBuilder::build)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// A policy that cannot be applied answers nothing at all.
fn unfit(entry: &TableEntry, why: &str) -> EngineError {
    EngineError::Invalid {
        detail: format!(
            "What you may see of {} cannot be worked out, so nothing of it is shown: {why}. Ask a superuser to mend its policy.",
            entry.name
        ),
    }
}

fn condition(entry: &TableEntry, rows: &Predicate, depth: usize) -> Result<Expr, EngineError> {
    if depth > MOST_DEPTH {
        return Err(unfit(entry, "it is nested too deep"));
    }
    let all = |parts: &[Predicate]| -> Result<Vec<Expr>, EngineError> {
        parts.iter().map(|part| condition(entry, part, depth + 1)).collect()
    };
    Ok(match rows {
        Predicate::All(parts) => all(parts)?.into_iter().reduce(Expr::and).unwrap_or(lit(true)),
        Predicate::Any(parts) => all(parts)?.into_iter().reduce(Expr::or).unwrap_or(lit(false)),
        Predicate::Not(part) => not(condition(entry, part, depth + 1)?),
        Predicate::IsNull { value } => operand(entry, value)?.is_null(),
        Predicate::Compare { left, comparison, right } => {
            check_kinds(entry, left, [right])?;
            let (left, right) = (operand(entry, left)?, operand(entry, right)?);
            match comparison {
                Comparison::Equal => left.eq(right),
                Comparison::NotEqual => left.not_eq(right),
                Comparison::Less => left.lt(right),
                Comparison::LessOrEqual => left.lt_eq(right),
                Comparison::Greater => left.gt(right),
                Comparison::GreaterOrEqual => left.gt_eq(right),
            }
        }
        Predicate::OneOf { value, values } => {
            let values: Vec<Value> = values.iter().cloned().map(Value::Literal).collect();
            check_kinds(entry, value, &values)?;
            let values = values.iter().map(|value| operand(entry, value));
            in_list(operand(entry, value)?, values.collect::<Result<_, _>>()?, false)
        }
        Predicate::Matches { value, place, text } => matches(operand(entry, value)?, *place, text),
        Predicate::Among { .. } | Predicate::Related { .. } => {
            return Err(unfit(entry, "it asks about other rows"));
        }
    })
}

/// Values of one kind alone are compared: the planner would cast one to the other, and a policy would
/// mean something else than it says.
fn check_kinds<'a>(
    entry: &TableEntry,
    value: &Value,
    others: impl IntoIterator<Item = &'a Value>,
) -> Result<(), EngineError> {
    let expected = kind(entry, value);
    if others.into_iter().all(|other| kind(entry, other) == expected) {
        return Ok(());
    }
    Err(unfit(entry, "it compares values of different kinds"))
}

#[derive(PartialEq, Eq)]
enum Kind {
    Truth,
    Number,
    Text,
    Time,
    Unknown,
}

fn kind(entry: &TableEntry, value: &Value) -> Kind {
    match value {
        Value::Column(of) => match entry.column(&of.column).map(|column| column.data_type) {
            Some(ColumnType::Boolean) => Kind::Truth,
            Some(ColumnType::Integer | ColumnType::Decimal { .. } | ColumnType::Float) => {
                Kind::Number
            }
            Some(ColumnType::Text) => Kind::Text,
            Some(ColumnType::Date | ColumnType::Timestamp) => Kind::Time,
            None => Kind::Unknown,
        },
        Value::Literal(Literal::Boolean(_)) => Kind::Truth,
        Value::Literal(Literal::Integer(_) | Literal::Decimal(_)) => Kind::Number,
        Value::Literal(Literal::Text(_)) => Kind::Text,
        Value::Literal(Literal::Date(_) | Literal::Timestamp(_)) => Kind::Time,
        _ => Kind::Unknown,
    }
}

fn operand(entry: &TableEntry, value: &Value) -> Result<Expr, EngineError> {
    match value {
        Value::Column(of) if of.table == entry.name && of.via.is_empty() => {
            match entry.column(&of.column) {
                Some(column) => Ok(ident(column.name.as_str())),
                None => Err(unfit(entry, &format!("there is no column {}", of.column))),
            }
        }
        Value::Column(of) => Err(unfit(entry, &format!("{} is another table", of.table))),
        Value::Literal(value) => Ok(literal(value)),
        Value::Caller(_) => Err(unfit(entry, "it does not know who asks")),
        _ => Err(unfit(entry, "it computes with columns")),
    }
}

fn literal(value: &Literal) -> Expr {
    match value {
        Literal::Boolean(value) => lit(*value),
        Literal::Integer(value) => lit(*value),
        Literal::Decimal(value) => decimal(*value),
        Literal::Text(value) => lit(value.as_str()),
        Literal::Date(value) => lit(ScalarValue::Date32(Some(value.to_epoch_days()))),
        Literal::Timestamp(value) => {
            lit(ScalarValue::TimestampMicrosecond(Some(value.timestamp_micros()), None))
        }
    }
}

fn decimal(value: Decimal) -> Expr {
    let digits = value.mantissa.unsigned_abs().to_string().len();
    let precision = u8::try_from(digits).unwrap_or(38).max(value.scale);
    let scale = value.scale.cast_signed();
    lit(ScalarValue::Decimal128(Some(value.mantissa), precision, scale))
}

fn matches(value: Expr, place: TextPlace, text: &str) -> Expr {
    let mut pattern = String::new();
    if place != TextPlace::Start {
        pattern.push('%');
    }
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    if place != TextPlace::End {
        pattern.push('%');
    }
    let (expr, pattern) = (Box::new(value), Box::new(lit(pattern)));
    Expr::Like(Like { negated: false, expr, pattern, escape_char: None, case_insensitive: true })
}
