//! Values of an Ask with their types settled.

use pacioli_model::{Ask, ColumnType, DatePart, Operation, Value};

use super::{
    literal,
    names::Names,
    nearest::invalid,
    statement::{Expr, Type},
    typed::{Typed, kind},
    width,
};
use crate::EngineError;

/// Values and conditions inside each other.
pub(super) const MOST_DEPTH: usize = 32;

/// Settles `value`.
pub(super) fn bind(
    names: &mut dyn Names<'_>,
    value: &Value,
    depth: usize,
) -> Result<Typed, EngineError> {
    if depth > MOST_DEPTH {
        return Err(invalid(format!("A value is nested more than {MOST_DEPTH} deep.")));
    }
    match value {
        Value::Column(of) => names.column(of),
        Value::Literal(value) => Ok(literal::typed(value)),
        Value::Output(name) => names.output(name),
        Value::Metric(name) => names.metric(name),
        Value::Arithmetic { operation, left, right } => {
            let left = number(bind(names, left, depth + 1)?)?;
            let right = number(bind(names, right, depth + 1)?)?;
            arithmetic(*operation, left, right)
        }
        Value::Days { from, to } => {
            let from = day(bind(names, from, depth + 1)?)?;
            let to = day(bind(names, to, depth + 1)?)?;
            let name = format!("the days from {} to {}", from.name, to.name);
            let expr = subtract(to.expr, from.expr);
            // Days of 32 bits.
            Ok(Typed { largest: 1 << 32, ..Typed::new(expr, ColumnType::Integer, name) })
        }
        Value::Part { part, of } => part_of(*part, bind(names, of, depth + 1)?),
        Value::Figure(ask) => figure(names, ask),
        Value::Caller(_) => {
            Err(invalid("Who asks can be named in row policies alone, not in a question."))
        }
    }
}

fn subtract(left: Expr, right: Expr) -> Expr {
    Expr::Arithmetic(Operation::Subtract, Box::new(left), Box::new(right))
}

fn number(value: Typed) -> Result<Typed, EngineError> {
    if value.data_type.is_number() {
        return Ok(value);
    }
    Err(invalid(format!(
        "{} is {}: only numbers are added, subtracted, multiplied and divided.",
        value.name,
        kind(value.data_type)
    )))
}

fn day(value: Typed) -> Result<Typed, EngineError> {
    if value.data_type.is_time() {
        return Ok(value.into_day());
    }
    Err(invalid(format!(
        "{} is {}: days are counted from one date to another.",
        value.name,
        kind(value.data_type)
    )))
}

/// Of two numbers, in a type that has room for the result.
fn arithmetic(operation: Operation, left: Typed, right: Typed) -> Result<Typed, EngineError> {
    let name = format!("a figure of {} and {}", left.name, right.name);
    let whole = left.whole && right.whole && operation != Operation::Divide;
    if operation == Operation::Divide {
        // Binary fractions have digits for every ratio, and never cut one off as whole numbers do.
        let (left, right) = (left.into_float(), right.into_float());
        let divisor = Expr::Call("NULLIF", vec![right.expr, Expr::Literal("0".to_owned())]);
        let expr = Expr::Arithmetic(operation, Box::new(left.expr), Box::new(divisor));
        return Ok(Typed::new(expr, ColumnType::Float, name));
    }
    let floats = [&left, &right].iter().any(|side| side.data_type == ColumnType::Float);
    let (left, right, data_type, largest, wide) = if floats {
        (left.into_float(), right.into_float(), ColumnType::Float, 0, false)
    } else {
        exact(operation, left, right)?
    };
    let expr = Expr::Arithmetic(operation, Box::new(left.expr), Box::new(right.expr));
    Ok(Typed { largest, whole, wide, ..Typed::new(expr, data_type, name) })
}

/// Whole and decimal numbers, widened where the largest values need it.
fn exact(
    operation: Operation,
    left: Typed,
    right: Typed,
) -> Result<(Typed, Typed, ColumnType, u128, bool), EngineError> {
    let scale = if operation == Operation::Multiply {
        left.scale() + right.scale()
    } else {
        left.scale().max(right.scale())
    };
    let aligned = |side: &Typed| side.largest.saturating_mul(width::power(scale - side.scale()));
    let largest = match operation {
        Operation::Multiply => left.largest.saturating_mul(right.largest),
        _ => aligned(&left).saturating_add(aligned(&right)),
    };
    let whole_numbers =
        left.data_type == ColumnType::Integer && right.data_type == ColumnType::Integer;
    if whole_numbers && largest <= width::INTEGER {
        return Ok((left, right, ColumnType::Integer, largest, false));
    }
    let wide = left.wide || right.wide || largest >= width::DECIMAL_128 || scale > 38;
    if scale > 76 {
        return Err(invalid(format!(
            "{} and {} have too many digits after the point to be multiplied.",
            left.name, right.name
        )));
    }
    let data_type = ColumnType::Decimal { scale };
    if !wide && !whole_numbers {
        return Ok((left, right, data_type, largest, false));
    }
    let precision = if wide { 76 } else { 38 };
    let widen = |side: Typed| {
        let scale = side.scale();
        if side.wide { side } else { side.widened(precision, scale) }
    };
    Ok((widen(left), widen(right), data_type, largest, wide))
}

/// A part of a date, as a number.
pub(super) fn part_of(part: DatePart, of: Typed) -> Result<Typed, EngineError> {
    if !of.data_type.is_time() {
        return Err(invalid(format!(
            "{} is {}: only dates have years, months and days.",
            of.name,
            kind(of.data_type)
        )));
    }
    if part == DatePart::Hour && of.data_type == ColumnType::Date {
        return Err(invalid(format!("{} is a date, so it has no hours.", of.name)));
    }
    let (part, called) = match part {
        DatePart::Year => ("year", "the year"),
        DatePart::Quarter => ("quarter", "the quarter"),
        DatePart::Month => ("month", "the month"),
        DatePart::Week => ("week", "the week"),
        DatePart::Day => ("day", "the day"),
        DatePart::Weekday => ("isodow", "the weekday"),
        DatePart::Hour => ("hour", "the hour"),
    };
    let part = Expr::Literal(format!("'{part}'"));
    let expr = Expr::Call("date_part", vec![part, of.expr]).cast(Type::Integer);
    let name = format!("{called} of {}", of.name);
    Ok(Typed { largest: 1 << 20, ..Typed::new(expr, ColumnType::Integer, name) })
}

/// The one value of another Ask.
fn figure(names: &mut dyn Names<'_>, ask: &Ask) -> Result<Typed, EngineError> {
    let answered = names.shared().nested(ask)?;
    let one_row = (ask.group_by.is_empty() && !ask.each_row)
        || (ask.limit == Some(1) && ask.limit_per.is_empty());
    let [(name, typed)] = answered.outputs.as_slice() else {
        return Err(invalid(format!(
            "A figure inside a question has one column, not {}.",
            answered.outputs.len()
        )));
    };
    if !one_row {
        return Err(invalid(format!(
            "{name} of {} has several rows: a figure inside a question is a total, or the first row of an order.",
            ask.table
        )));
    }
    Ok(Typed { name: name.clone(), ..typed.as_expr(Expr::Figure(Box::new(answered.query))) })
}
