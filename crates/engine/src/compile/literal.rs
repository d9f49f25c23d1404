//! Values written in a question, in the type of what they are compared with.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use pacioli_model::{ColumnType, Decimal, Literal};

use super::{
    nearest::invalid,
    statement::Expr,
    typed::{Typed, kind, kind_of},
};
use crate::EngineError;

/// Digits that a column's numbers are sure to have room for beside a literal's.
const MOST_DIGITS: usize = 28;
const MOST_FINER_DIGITS: u8 = 10;

/// By itself.
pub(super) fn typed(literal: &Literal) -> Typed {
    let name = "the value";
    match literal {
        Literal::Boolean(value) => Typed::new(boolean(*value), ColumnType::Boolean, name),
        Literal::Integer(value) => Typed {
            largest: value.unsigned_abs().into(),
            ..Typed::new(Expr::Literal(value.to_string()), ColumnType::Integer, name)
        },
        Literal::Decimal(value) => {
            let value = shortest(*value);
            let data_type = ColumnType::Decimal { scale: value.scale };
            // Without a point it would be read as a whole number, which has less room.
            let expr = Expr::Literal(if value.scale == 0 {
                format!("{value}.0")
            } else {
                value.to_string()
            });
            let data_type =
                if value.scale == 0 { ColumnType::Decimal { scale: 1 } } else { data_type };
            let largest = value.mantissa.unsigned_abs();
            let largest = if value.scale == 0 { largest.saturating_mul(10) } else { largest };
            Typed { largest, ..Typed::new(expr, data_type, name) }
        }
        Literal::Text(value) => Typed::new(text(value), ColumnType::Text, name),
        Literal::Date(value) => Typed::new(date(*value), ColumnType::Date, name),
        Literal::Timestamp(value) => Typed::new(timestamp(*value), ColumnType::Timestamp, name),
    }
}

/// In the type that `with` is compared in.
pub(super) fn settle(with: &Typed, literal: &Literal) -> Result<Expr, EngineError> {
    Ok(match (with.data_type, literal) {
        (ColumnType::Boolean, Literal::Boolean(value)) => boolean(*value),
        (ColumnType::Text, Literal::Text(value)) => text(value),
        (ColumnType::Date, Literal::Date(value)) => date(*value),
        (ColumnType::Timestamp, Literal::Timestamp(value)) => timestamp(*value),
        (ColumnType::Integer | ColumnType::Decimal { .. }, Literal::Integer(value)) => {
            Expr::Literal(value.to_string())
        }
        (ColumnType::Float, Literal::Integer(value)) => float(Decimal::new(i128::from(*value), 0)),
        (ColumnType::Float, Literal::Decimal(value)) => float(*value),
        (ColumnType::Integer | ColumnType::Decimal { .. }, Literal::Decimal(value)) => {
            exact(with, *value)?
        }
        (data_type, literal) => {
            return Err(invalid(format!(
                "{} is {} and cannot be compared with {}.",
                with.name,
                kind(data_type),
                kind_of(literal),
            )));
        }
    })
}

/// A decimal that can be compared exactly: the engine widens both sides to one type of 38 digits.
fn exact(with: &Typed, value: Decimal) -> Result<Expr, EngineError> {
    let value = shortest(value);
    let digits = value.mantissa.unsigned_abs().to_string().len();
    if value.scale > with.scale() + MOST_FINER_DIGITS || digits > MOST_DIGITS {
        return Err(invalid(format!("{value} has more digits than {} is compared by.", with.name)));
    }
    Ok(Expr::Literal(value.to_string()))
}

/// Without zeros at the end.
fn shortest(value: Decimal) -> Decimal {
    let mut value = value;
    while value.scale > 0 && value.mantissa % 10 == 0 {
        value = Decimal::new(value.mantissa / 10, value.scale - 1);
    }
    value
}

fn boolean(value: bool) -> Expr {
    Expr::Literal(if value { "TRUE" } else { "FALSE" }.to_owned())
}

fn float(value: Decimal) -> Expr {
    Expr::Literal(format!("CAST({value} AS DOUBLE PRECISION)"))
}

/// A text in quotes.
pub(super) fn text(value: &str) -> Expr {
    Expr::Literal(format!("'{}'", value.replace('\'', "''")))
}

/// A day.
pub(super) fn date(value: NaiveDate) -> Expr {
    Expr::Literal(format!("DATE '{value}'"))
}

/// A moment.
pub(super) fn timestamp(value: DateTime<Utc>) -> Expr {
    let text = value.naive_utc().and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
    Expr::Literal(format!("TIMESTAMP '{}'", text.trim_end_matches('Z').replace('T', " ")))
}
