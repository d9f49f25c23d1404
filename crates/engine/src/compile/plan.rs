//! A bound Ask as DataFusion's logical plan, built node by node: no text of anybody's reaches a
//! parser.

use std::sync::Arc;

use datafusion::{
    common::ScalarValue,
    error::Result,
    functions_aggregate::expr_fn::{avg, count, count_distinct, max, min, sum},
    logical_expr::{
        Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, TableSource, cast, ident, in_list, lit,
        not,
    },
};
use pacioli_model::{Aggregate, Column, Comparison, Direction};

use super::{
    bind::{Bound, Group, Measured},
    condition::{Condition, Value},
    width::Width,
};
use crate::{period::period_start, schema::decimal_type};

/// The plan of `bound` over `source`, which has the columns of its table; at most `fetch` rows.
pub(crate) fn plan(
    bound: &Bound<'_>,
    source: Arc<dyn TableSource>,
    fetch: usize,
) -> Result<LogicalPlan> {
    let mut plan = LogicalPlanBuilder::scan(bound.table.name.as_str(), source, None)?;
    if let Some(filter) = &bound.filter {
        plan = plan.filter(condition(filter))?;
    }
    // Output names may be those of columns: until the last projection outputs go by position.
    let groups = bound.groups.iter().enumerate().map(|(at, one)| group(one).alias(output(at)));
    let after = bound.groups.len();
    let measures = bound.measures.iter().enumerate();
    let measures = measures.map(|(at, one)| measure(one).alias(output(after + at)));
    plan = plan.aggregate(groups.collect::<Vec<_>>(), measures.collect::<Vec<_>>())?;
    let keys = bound.order.iter().map(|(position, direction)| {
        let ascending = *direction == Direction::Ascending;
        SortExpr::new(ident(output(*position)), ascending, false)
    });
    let keys: Vec<SortExpr> = keys.collect();
    if !keys.is_empty() {
        plan = plan.sort(keys)?;
    }
    let outputs = 0..after + bound.measures.len();
    let named = outputs.map(|at| ident(output(at)).alias(bound.output_name(at).as_str()));
    plan.limit(0, Some(fetch))?.project(named.collect::<Vec<_>>())?.build()
}

fn output(position: usize) -> String {
    format!("output_{position}")
}

fn named(column: &Column) -> Expr {
    ident(column.name.as_str())
}

fn group(group: &Group<'_>) -> Expr {
    match group.grain {
        None => named(group.column),
        Some(grain) => period_start(grain, named(group.column)),
    }
}

fn measure(measure: &Measured<'_>) -> Expr {
    let values = match (measure.column, measure.width) {
        (None, _) => lit(1_i64),
        (Some(column), Width::AsItIs) => named(column),
        (Some(column), Width::Decimal(precision, scale)) => {
            cast(named(column), decimal_type(precision, scale))
        }
    };
    match measure.aggregate {
        Aggregate::Count => count(values),
        Aggregate::CountDistinct => count_distinct(values),
        Aggregate::Sum => sum(values),
        Aggregate::Average => avg(values),
        Aggregate::Min => min(values),
        Aggregate::Max => max(values),
    }
}

fn condition(filter: &Condition<'_>) -> Expr {
    match filter {
        Condition::All(parts) => parts.iter().map(condition).reduce(Expr::and).unwrap_or(lit(true)),
        Condition::Any(parts) => parts.iter().map(condition).reduce(Expr::or).unwrap_or(lit(false)),
        Condition::Not(part) => not(condition(part)),
        Condition::IsNull { column } => named(column).is_null(),
        Condition::OneOf { column, values } => {
            in_list(named(column), values.iter().map(value).collect(), false)
        }
        Condition::Compare { column, comparison, value: against } => {
            let (column, against) = (named(column), value(against));
            match comparison {
                Comparison::Equal => column.eq(against),
                Comparison::NotEqual => column.not_eq(against),
                Comparison::Less => column.lt(against),
                Comparison::LessOrEqual => column.lt_eq(against),
                Comparison::Greater => column.gt(against),
                Comparison::GreaterOrEqual => column.gt_eq(against),
            }
        }
    }
}

fn value(value: &Value<'_>) -> Expr {
    match value {
        Value::Boolean(value) => lit(*value),
        Value::Integer(value) => lit(*value),
        Value::Decimal(value) => {
            let digits = value.mantissa.unsigned_abs().to_string().len();
            let precision = u8::try_from(digits).unwrap_or(38).max(value.scale);
            let scale = value.scale.cast_signed();
            lit(ScalarValue::Decimal128(Some(value.mantissa), precision, scale))
        }
        Value::Float(value) => lit(value.to_f64()),
        Value::Text(value) => lit(*value),
        Value::Date(value) => lit(ScalarValue::Date32(Some(value.to_epoch_days()))),
        Value::Timestamp(value) => {
            lit(ScalarValue::TimestampMicrosecond(Some(value.timestamp_micros()), None))
        }
    }
}
