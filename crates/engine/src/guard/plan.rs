//! The second gate: the logical plan. The first one read what is written; this one reads what it
//! means.

use std::collections::HashSet;

use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    error::{DataFusionError, Result},
    logical_expr::{Expr, LogicalPlan, Operator, WindowFunctionDefinition},
};
use pacioli_model::TableEntry;

use super::{Refusal, functions, refused};
use crate::EngineError;

/// Nodes of a plan. A name that WITH gives is counted each time it is used.
const MOST_NODES: usize = 5000;

/// Refuses a plan that has anything in it but the reading of `tables`.
pub(crate) fn check(plan: &LogicalPlan, tables: &[TableEntry]) -> Result<(), EngineError> {
    let tables: HashSet<&str> = tables.iter().map(|entry| entry.name.as_str()).collect();
    let (mut nodes, mut refusal) = (0, None);
    let walked = plan.apply_with_subqueries(|node| {
        nodes += 1;
        let checked = if nodes > MOST_NODES {
            Err("The statement is too large: its WITH names are used too often.".to_owned())
        } else {
            check_node(node, &tables).and_then(|()| check_expressions(node))
        };
        Ok(stop_at(checked, &mut refusal))
    });
    walked.map_err(EngineError::from)?;
    refusal.map_or(Ok(()), |refusal| Err(refused(refusal)))
}

fn stop_at(checked: Result<(), Refusal>, refusal: &mut Option<Refusal>) -> TreeNodeRecursion {
    match checked {
        Ok(()) => TreeNodeRecursion::Continue,
        Err(text) => {
            refusal.get_or_insert(text);
            TreeNodeRecursion::Stop
        }
    }
}

fn check_node(node: &LogicalPlan, tables: &HashSet<&str>) -> Result<(), Refusal> {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_) => Ok(()),
        LogicalPlan::TableScan(scan) => {
            let name = &scan.table_name;
            let ours = name.schema().is_none() && tables.contains(name.table());
            // The planner writes names out in full.
            let in_full = name.schema() == Some("public") && tables.contains(name.table());
            if ours || in_full { Ok(()) } else { Err(format!("There is no table {name}.")) }
        }
        LogicalPlan::Repartition(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => {
            let name = node.display().to_string();
            let name = name.split([':', ' ']).next().unwrap_or_default().to_owned();
            Err(format!("{name} is not allowed: only SELECT over tables is."))
        }
    }
}

fn check_expressions(node: &LogicalPlan) -> Result<(), Refusal> {
    let mut refusal = None;
    let walked = node.apply_expressions(|expr| {
        expr.apply(|expr| Ok::<_, DataFusionError>(stop_at(check_expression(expr), &mut refusal)))
    });
    match refusal {
        Some(refusal) => Err(refusal),
        None => walked.map(drop).map_err(|error| error.strip_backtrace()),
    }
}

fn check_expression(expr: &Expr) -> Result<(), Refusal> {
    let function = |name: &str, is_known: bool| {
        if is_known { Ok(()) } else { Err(format!("The function {name} is not allowed.")) }
    };
    match expr {
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        | Expr::InList(_)
        | Expr::Exists(_)
        | Expr::InSubquery(_)
        | Expr::ScalarSubquery(_)
        | Expr::GroupingSet(_)
        | Expr::OuterReferenceColumn(..) => Ok(()),
        Expr::BinaryExpr(binary) => check_operator(binary.op),
        Expr::Like(like) => match like.pattern.as_ref() {
            Expr::Literal(..) => Ok(()),
            _ => Err("The pattern of LIKE is a text in quotes.".to_owned()),
        },
        Expr::ScalarFunction(call) => function(call.name(), functions::is_scalar(call.name())),
        Expr::AggregateFunction(call) => {
            function(call.func.name(), functions::is_aggregate(call.func.name()))
        }
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(called) => {
                function(called.name(), functions::is_aggregate(called.name()))
            }
            WindowFunctionDefinition::WindowUDF(called) => {
                function(called.name(), functions::is_window(called.name()))
            }
        },
        other => Err(format!("{} is not allowed.", other.variant_name())),
    }
}

fn check_operator(operator: Operator) -> Result<(), Refusal> {
    match operator {
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::Plus
        | Operator::Minus
        | Operator::Multiply
        | Operator::Divide
        | Operator::Modulo
        | Operator::And
        | Operator::Or
        | Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom
        | Operator::StringConcat => Ok(()),
        other => Err(format!("The operator {other} is not allowed.")),
    }
}
