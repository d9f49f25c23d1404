//! Many values to one.

use pacioli_model::{Aggregate, ColumnType};

use super::{
    nearest::invalid,
    statement::Expr,
    typed::{Typed, kind},
    width::{self, AVERAGE_DIGITS},
};
use crate::EngineError;

/// `aggregate` over at most `rows` values; over the rows themselves without one. `name` is what the
/// figure is called.
pub(super) fn aggregate(
    name: &str,
    aggregate: Aggregate,
    value: Option<Typed>,
    rows: u128,
) -> Result<Typed, EngineError> {
    let Some(value) = value else {
        if aggregate == Aggregate::Count {
            return Ok(count(Expr::CountRows, rows, name));
        }
        return Err(invalid(format!("{name} is over no column.")));
    };
    Ok(match aggregate {
        Aggregate::Count => count(Expr::Call("count", vec![value.expr]), rows, name),
        Aggregate::CountDistinct => count(Expr::CountDistinct(Box::new(value.expr)), rows, name),
        Aggregate::Sum => sum(name, &value, rows)?,
        Aggregate::Average => average(name, &value, rows)?,
        Aggregate::Min => extreme("min", name, value),
        Aggregate::Max => extreme("max", name, value),
    })
}

fn count(expr: Expr, rows: u128, name: &str) -> Typed {
    Typed { largest: rows, ..Typed::new(expr, ColumnType::Integer, name) }
}

fn sum(name: &str, value: &Typed, rows: u128) -> Result<Typed, EngineError> {
    numbers(value)?;
    let largest = value.largest.saturating_mul(rows);
    let value = value.clone().with(width::for_sum(value.data_type, largest));
    Ok(Typed { largest, name: name.to_owned(), ..call("sum", value) })
}

fn average(name: &str, value: &Typed, rows: u128) -> Result<Typed, EngineError> {
    numbers(value)?;
    let total = value.largest.saturating_mul(rows);
    let value = value.clone().with(width::for_average(value.data_type, total));
    let data_type = match value.data_type {
        ColumnType::Decimal { scale } => {
            let most = if value.wide { 76 } else { 38 };
            ColumnType::Decimal { scale: most.min(scale + AVERAGE_DIGITS) }
        }
        _ => ColumnType::Float,
    };
    let largest = value.largest.saturating_mul(width::power(AVERAGE_DIGITS));
    let averaged = call("avg", value);
    Ok(Typed { data_type, largest, whole: false, name: name.to_owned(), ..averaged })
}

fn extreme(function: &'static str, name: &str, value: Typed) -> Typed {
    Typed { name: name.to_owned(), ..call(function, value) }
}

fn call(function: &'static str, value: Typed) -> Typed {
    Typed { expr: Expr::Call(function, vec![value.expr]), ..value }
}

fn numbers(value: &Typed) -> Result<(), EngineError> {
    if value.data_type.is_number() {
        return Ok(());
    }
    let kind = kind(value.data_type);
    Err(invalid(format!("{} holds no numbers to add up: it is {kind}.", value.name)))
}
