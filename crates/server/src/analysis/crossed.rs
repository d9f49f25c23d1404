//! Which combination of two members a change lies in, where it does so more clearly than in either.

use std::{collections::BTreeMap, sync::Arc};

use pacioli_insights::{Crossing, pair, study::Figure as Studied};
use pacioli_model::{
    Aggregation, Ask, Cell, Crossed, Dimension, Fact, Figure, Finding, GroupKey, Grouping, Measure,
    Test, Value,
};

use super::{
    Analyst,
    dimensions::members,
    members::{ROWS, by_member},
    report::column,
    rows,
};
use crate::error::ApiResult;

/// A figure that has changed, and how it is asked for.
pub(super) struct Of<'a> {
    /// With the dimensions that it was broken down by.
    pub(super) figure: &'a Studied,
    pub(super) asked: &'a Figure,
    /// Of how many rows.
    pub(super) count: Option<&'a Aggregation>,
    /// Asks for it with all that narrows it: in the days before, and in those that it is about.
    pub(super) asks: [Ask; 2],
}

/// Adds to a finding of drivers the combination of a member of its dimension with one of another that explains
/// most, where one does so clearly.
pub(super) async fn add(
    analyst: &mut Analyst<'_>,
    of: &Of<'_>,
    finding: &mut Finding,
) -> ApiResult<()> {
    let Fact::Drivers { value, before, .. } = &finding.fact else { return Ok(()) };
    let whole = (*before, *value);
    let (Some(own), Some(count)) = (&finding.subject.dimension, of.count) else { return Ok(()) };
    let catalog = Arc::clone(&analyst.seen.visible);
    let fits = |other: &&Dimension| {
        *other != own && members(&catalog, own).saturating_mul(members(&catalog, other)) <= ROWS
    };
    let by = of.figure.breakdowns.iter().filter(|it| it.is_whole()).map(|it| &it.dimension);
    let mut others: Vec<&Dimension> = by.filter(fits).collect();
    others.dedup();
    let tried = f64::from(u32::try_from(others.len()).unwrap_or(u32::MAX));
    let mut best: Option<(Crossed, Vec<usize>)> = None;
    for other in others {
        let Some((cells, queries)) = cells(analyst, of, count, (own, other)).await? else {
            continue;
        };
        let sum = |of: fn(&Crossing) -> f64| cells.iter().map(of).sum::<f64>();
        let is_whole = |sum: f64, whole: f64| (sum - whole).abs() <= 1e-6 * whole.abs().max(1.0);
        if !is_whole(sum(|it| it.before), whole.0) || !is_whole(sum(|it| it.after), whole.1) {
            continue;
        }
        let Some(found) = pair(&cells, tried) else { continue };
        if best.as_ref().is_none_or(|(known, _)| found.explained > known.explained) {
            let Crossing { first, second, before, after, .. } = cells[found.place].clone();
            let test = Test {
                name: "robust_z".to_owned(),
                statistic: found.test.statistic,
                p_value: found.test.p_value,
                n: cells.len(),
            };
            let crossed = Crossed {
                member: first,
                dimension: other.clone(),
                other: second,
                before,
                after,
                rest: found.rest,
                explained: found.explained,
                single: found.single,
                test,
            };
            best = Some((crossed, queries));
        }
    }
    if let (Fact::Drivers { crossed, .. }, Some((found, queries))) = (&mut finding.fact, best) {
        *crossed = Some(Box::new(found));
        finding.evidence.queries.extend(queries);
    }
    Ok(())
}

/// The figure by the members of two dimensions in two windows, and the places of its queries; nothing where it
/// cannot be asked for so, or not all combinations come.
async fn cells(
    analyst: &mut Analyst<'_>,
    of: &Of<'_>,
    count: &Aggregation,
    (own, other): (&Dimension, &Dimension),
) -> ApiResult<Option<(Vec<Crossing>, Vec<usize>)>> {
    let mut cells: BTreeMap<(String, String), Crossing> = BTreeMap::new();
    let mut queries = Vec::new();
    for (place, ask) in of.asks.iter().enumerate() {
        let key = GroupKey::Value(Value::Column(other.column.clone()));
        let ask = Ask {
            measures: vec![
                Measure::new(column("value"), of.asked.clone()),
                Measure::new(column("rows"), Figure::Aggregate(count.clone())),
            ],
            group_by: vec![by_member(own), Grouping::new(column("other"), key)],
            order: Vec::new(),
            ..ask.clone()
        };
        let asked = analyst.ask(ask).await?.filter(|(_, table)| !table.truncated);
        let Some((query, table)) = asked else { return Ok(None) };
        queries.push(query);
        for row in &table.rows {
            let [first, second, value, rows] = row.as_slice() else { continue };
            let (first, second) = (rows::name(first), rows::name(second));
            let empty = Crossing {
                first: first.clone(),
                second: second.clone(),
                before: 0.0,
                after: 0.0,
                rows: 0.0,
            };
            let cell = cells.entry((first, second)).or_insert(empty);
            let value = value.as_f64().unwrap_or(0.0);
            *(if place == 0 { &mut cell.before } else { &mut cell.after }) += value;
            cell.rows += Cell::as_f64(rows).unwrap_or(0.0);
        }
    }
    Ok(Some((cells.into_values().collect(), queries)))
}
