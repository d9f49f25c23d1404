//! The third gate: what will run. A join without an equality compares every row of one side with
//! every row of the other; it may, as long as that is little.

use std::{collections::HashMap, sync::Arc};

use datafusion::{
    common::{
        JoinType,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    error::DataFusionError,
    logical_expr::{Expr, FetchType, Join, LogicalPlan},
    physical_plan::ExecutionPlan,
};
use pacioli_model::TableEntry;

use super::refused;
use crate::EngineError;

/// Rows of the smaller side.
const MOST_ROWS: u128 = 5000;
/// Pairs of rows.
const MOST_PAIRS: u128 = 1_000_000_000;
/// As the first gate lets through.
const MOST_GROUPING_SETS: u128 = 16 * 16;

/// Answers how many joins without an equality the optimised plan has, none of them too large.
pub(crate) fn check(plan: &LogicalPlan, tables: &[TableEntry]) -> Result<usize, EngineError> {
    let rows: HashMap<&str, u64> =
        tables.iter().map(|entry| (entry.name.as_str(), entry.rows)).collect();
    let (mut joins, mut refusal) = (0, None);
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Join(join) = node
            && join.on.is_empty()
        {
            joins += 1;
            if !is_small(join, &rows) {
                refusal = Some(
                    "Two large tables are joined without an equality between their columns, which compares every row with every other. Add one to ON: a.id = b.id."
                        .to_owned(),
                );
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(EngineError::from)?;
    refusal.map_or(Ok(joins), |refusal| Err(refused(refusal)))
}

fn is_small(join: &Join, rows: &HashMap<&str, u64>) -> bool {
    let (left, right) = (most_rows(&join.left, rows), most_rows(&join.right, rows));
    let smaller = left.min(right);
    smaller <= 1 || (smaller <= MOST_ROWS && left.saturating_mul(right) <= MOST_PAIRS)
}

/// More rows than these the node cannot give.
fn most_rows(node: &LogicalPlan, rows: &HashMap<&str, u64>) -> u128 {
    let of = |input: &Arc<LogicalPlan>| most_rows(input, rows);
    let cut =
        |found: u128, fetch: Option<usize>| fetch.map_or(found, |most| found.min(most as u128));
    match node {
        LogicalPlan::TableScan(scan) => {
            let found = rows.get(scan.table_name.table()).copied();
            cut(found.map_or(u128::MAX, u128::from), scan.fetch)
        }
        LogicalPlan::EmptyRelation(_) => 1,
        LogicalPlan::Values(values) => values.values.len() as u128,
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => 1,
        LogicalPlan::Aggregate(aggregate) => {
            let sets = |expr: &Expr| matches!(expr, Expr::GroupingSet(_));
            let times = if aggregate.group_expr.iter().any(sets) { MOST_GROUPING_SETS } else { 1 };
            of(&aggregate.input).saturating_mul(times)
        }
        LogicalPlan::Limit(limit) => {
            let fetch = match limit.get_fetch_type() {
                Ok(FetchType::Literal(fetch)) => fetch,
                _ => None,
            };
            cut(of(&limit.input), fetch)
        }
        LogicalPlan::Sort(sort) => cut(of(&sort.input), sort.fetch),
        LogicalPlan::Union(union) => union.inputs.iter().map(of).fold(0, u128::saturating_add),
        LogicalPlan::Join(join) => {
            let (left, right) = (of(&join.left), of(&join.right));
            match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                    left.saturating_mul(right).saturating_add(left).saturating_add(right)
                }
            }
        }
        _ => {
            let inputs = node.inputs();
            match inputs.as_slice() {
                [input] => most_rows(input, rows),
                _ => u128::MAX,
            }
        }
    }
}

/// The physical plan has no more such joins than were found small, and nothing that writes.
pub(crate) fn check_physical(
    plan: &Arc<dyn ExecutionPlan>,
    small: usize,
) -> Result<(), EngineError> {
    let (mut joins, mut refusal) = (0, None);
    let walked = plan.apply(|node| {
        match node.name() {
            "NestedLoopJoinExec" | "CrossJoinExec" | "PiecewiseMergeJoinExec" => joins += 1,
            name @ ("DataSinkExec" | "AnalyzeExec" | "ExplainExec" | "RecursiveQueryExec"
            | "UnnestExec" | "LazyMemoryExec" | "StreamingTableExec") => {
                refusal = Some(format!("{name} is not allowed."));
                return Ok::<_, DataFusionError>(TreeNodeRecursion::Stop);
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(EngineError::from)?;
    match refusal {
        Some(refusal) => Err(refused(refusal)),
        None if joins > small => Err(refused(
            "The statement compares every row of a table with every row of another.".to_owned(),
        )),
        None => Ok(()),
    }
}
