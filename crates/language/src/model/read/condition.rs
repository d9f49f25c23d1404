//! WHERE and HAVING as predicates.

use chrono::NaiveDate;
use pacioli_model::{
    Ask, Column, ColumnType, Comparison, DatePart, Decimal, Literal, Operation, Predicate,
    TextPlace, Value,
};
use sqlparser::ast::{
    BinaryOperator, DateTimeField, Expr, Query, TypedString, UnaryOperator, Value as Written,
    ValueWithSpan,
};

/// Where a condition stands: what columns and figures mean there.
pub(super) trait Place {
    /// The value that an expression of this place names: a column in WHERE, an output in HAVING. With
    /// the column, if it is one.
    fn value(&mut self, expr: &Expr) -> Option<(Value, Option<Column>)>;

    /// A query in the condition.
    fn subquery(&self, query: &Query) -> Option<Ask>;
}

/// The predicate that says the same.
pub(super) fn predicate(expr: &Expr, place: &mut dyn Place) -> Option<Predicate> {
    let not = |negated: bool, predicate: Predicate| {
        if negated { Predicate::Not(Box::new(predicate)) } else { predicate }
    };
    Some(match expr {
        Expr::Nested(inner) => predicate(inner, place)?,
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => not(true, predicate(expr, place)?),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            Predicate::All(vec![predicate(left, place)?, predicate(right, place)?])
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            Predicate::Any(vec![predicate(left, place)?, predicate(right, place)?])
        }
        Expr::BinaryOp { left, op, right } => compared(left, comparison(op)?, right, place)?,
        Expr::Between { expr, negated, low, high } => {
            let low = compared(expr, Comparison::GreaterOrEqual, low, place)?;
            let high = compared(expr, Comparison::LessOrEqual, high, place)?;
            not(*negated, Predicate::All(vec![low, high]))
        }
        Expr::InList { expr, list, negated } => {
            let (value, column) = value(expr, place)?;
            let literals = list.iter().map(|item| literal(item, column.as_ref()));
            let values = literals.collect::<Option<_>>()?;
            not(*negated, Predicate::OneOf { value, values })
        }
        Expr::InSubquery { expr, subquery, negated } => {
            let (value, _) = value(expr, place)?;
            let ask = Box::new(place.subquery(subquery)?);
            not(*negated, Predicate::Among { values: vec![value], ask })
        }
        Expr::Like { negated, any: false, expr, pattern, escape_char: None }
        | Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
            let (value, _) = value(expr, place)?;
            let Literal::Text(pattern) = literal(pattern, None)? else { return None };
            let (text_place, text) = like(&pattern)?;
            not(*negated, Predicate::Matches { value, place: text_place, text })
        }
        Expr::IsNull(expr) => Predicate::IsNull { value: value(expr, place)?.0 },
        Expr::IsNotNull(expr) => not(true, Predicate::IsNull { value: value(expr, place)?.0 }),
        _ => return None,
    })
}

fn compared(
    left: &Expr,
    comparison: Comparison,
    right: &Expr,
    place: &mut dyn Place,
) -> Option<Predicate> {
    let (left, column) = value(left, place)?;
    let right = match right {
        Expr::Subquery(query) => Value::Figure(Box::new(place.subquery(query)?)),
        other => match literal(other, column.as_ref()) {
            Some(literal) => Value::Literal(literal),
            None => value(other, place)?.0,
        },
    };
    Some(Predicate::Compare { left, comparison, right })
}

/// A value, and the column where it is one.
pub(super) fn value(expr: &Expr, place: &mut dyn Place) -> Option<(Value, Option<Column>)> {
    if let Some(found) = place.value(expr) {
        return Some(found);
    }
    Some(match expr {
        Expr::Nested(inner) => value(inner, place)?,
        Expr::BinaryOp { left, op, right } => {
            let operation = match op {
                BinaryOperator::Plus => Operation::Add,
                BinaryOperator::Minus => Operation::Subtract,
                BinaryOperator::Multiply => Operation::Multiply,
                BinaryOperator::Divide => Operation::Divide,
                _ => return None,
            };
            let (left, right) = (Box::new(value(left, place)?.0), Box::new(value(right, place)?.0));
            (Value::Arithmetic { operation, left, right }, None)
        }
        Expr::Extract { field, expr, .. } => {
            let part = match field {
                DateTimeField::Year => DatePart::Year,
                DateTimeField::Quarter => DatePart::Quarter,
                DateTimeField::Month => DatePart::Month,
                DateTimeField::Week(None) => DatePart::Week,
                DateTimeField::Day => DatePart::Day,
                DateTimeField::Hour => DatePart::Hour,
                _ => return None,
            };
            let (of, column) = value(expr, place)?;
            column.filter(|column| column.data_type.is_time())?;
            (Value::Part { part, of: Box::new(of) }, None)
        }
        Expr::Value(_) | Expr::UnaryOp { .. } | Expr::TypedString(_) => {
            (Value::Literal(literal(expr, None)?), None)
        }
        _ => return None,
    })
}

/// A literal, of the type of the column that it is compared with.
fn literal(expr: &Expr, column: Option<&Column>) -> Option<Literal> {
    let data_type = column.map(|column| column.data_type);
    match expr {
        Expr::Nested(inner) => literal(inner, column),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal(expr, None)? {
            Literal::Integer(number) => Some(Literal::Integer(number.checked_neg()?)),
            Literal::Decimal(number) => format!("-{number}").parse().ok().map(Literal::Decimal),
            _ => None,
        },
        Expr::TypedString(TypedString { value, .. }) => match &value.value {
            Written::SingleQuotedString(text) => text.parse().ok().map(Literal::Date),
            _ => None,
        },
        Expr::Value(ValueWithSpan { value, .. }) => match value {
            Written::Number(text, _) if data_type == Some(ColumnType::Text) => {
                Some(Literal::Text(text.clone()))
            }
            Written::Number(text, _) => text
                .parse()
                .map(Literal::Integer)
                .or_else(|_| text.parse::<Decimal>().map(Literal::Decimal))
                .ok(),
            Written::Boolean(value) => Some(Literal::Boolean(*value)),
            Written::SingleQuotedString(text) => of_type(text, data_type),
            _ => None,
        },
        _ => None,
    }
}

fn of_type(text: &str, data_type: Option<ColumnType>) -> Option<Literal> {
    match data_type {
        Some(ColumnType::Date | ColumnType::Timestamp) => {
            text.parse::<NaiveDate>().ok().map(Literal::Date)
        }
        Some(ColumnType::Integer) => text.parse().ok().map(Literal::Integer),
        Some(ColumnType::Decimal { .. } | ColumnType::Float) => {
            text.parse().ok().map(Literal::Decimal)
        }
        Some(ColumnType::Boolean) => text.parse().ok().map(Literal::Boolean),
        Some(ColumnType::Text) | None => Some(Literal::Text(text.to_owned())),
    }
}

fn comparison(operator: &BinaryOperator) -> Option<Comparison> {
    Some(match operator {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// A pattern whose only wildcards are at its ends.
fn like(pattern: &str) -> Option<(TextPlace, String)> {
    let (start, end) = (pattern.starts_with('%'), pattern.ends_with('%'));
    let text = pattern.trim_matches('%');
    let place = match (start, end) {
        (true, true) => TextPlace::Anywhere,
        (false, true) => TextPlace::Start,
        (true, false) => TextPlace::End,
        (false, false) => return None,
    };
    (!text.is_empty() && !text.contains(['%', '_', '\\'])).then(|| (place, text.to_owned()))
}
