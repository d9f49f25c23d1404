//! Dates that are compared with moments meet in microseconds, in which tables have moments. DataFusion has them
//! meet in nanoseconds, which end in 2262 and so fail on days that books are full of (`9999-12-31` for "no end").

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::{
    common::{
        DFSchema, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{
        Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, cast, expr::InList,
        expr_rewriter::NamePreserver, utils::merge_schema,
    },
    optimizer::AnalyzerRule,
};

/// Comes before DataFusion's own coercion, which then finds nothing to do.
#[derive(Debug)]
pub(crate) struct DatesAsMoments;

impl AnalyzerRule for DatesAsMoments {
    fn name(&self) -> &'static str {
        "dates_as_moments"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let expr = expr.transform_up(|expr| Ok(compared(expr, &schema)))?;
                Ok(expr.update_data(|expr| name.restore(expr)))
            })
        });
        Ok(rewritten?.data)
    }
}

fn compared(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let mut operands: Vec<&mut Expr> = match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            vec![left, right]
        }
        Expr::Between(Between { expr, low, high, .. }) => vec![expr, low, high],
        Expr::InList(InList { expr, list, .. }) => {
            std::iter::once(expr.as_mut()).chain(list).collect()
        }
        _ => return Transformed::no(expr),
    };
    let has = |is: fn(&DataType) -> bool| {
        operands.iter().any(|operand| operand.get_type(schema).is_ok_and(|found| is(&found)))
    };
    if !has(|found| *found == DataType::Date32) || !has(is_moment) {
        return Transformed::no(expr);
    }
    for operand in &mut operands {
        if operand.get_type(schema).is_ok_and(|it| it == DataType::Date32 || is_moment(&it)) {
            let given = std::mem::take(*operand);
            **operand = cast(given, DataType::Timestamp(TimeUnit::Microsecond, None));
        }
    }
    Transformed::yes(expr)
}

/// In UTC, as all that are stored are.
fn is_moment(found: &DataType) -> bool {
    matches!(found, DataType::Timestamp(_, zone) if zone.as_deref().is_none_or(|it| it == "+00:00"))
}
