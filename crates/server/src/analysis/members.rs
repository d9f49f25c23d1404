//! Figures by the members of their dimensions.

use std::collections::BTreeMap;

use pacioli_insights::study::{Breakdown, Member};
use pacioli_model::{
    Ask, Cell, Dimension, GroupKey, Grouping, Measure, ReportContent, TableName, Value,
};

use super::{
    Analyst, Wanted,
    dimensions::{dimensions, members},
    report::{Looked, by_period, column, over_time},
    rows,
};
use crate::error::ApiResult;

/// Figures that are looked at by their members, of each table, and tables.
const BY_MEMBERS: (usize, usize) = (3, 3);
/// Dimensions of a table's figures.
const DIMENSIONS: usize = 4;
/// Rows of an answer that are sure to be all of them.
const ROWS: u64 = 9000;
/// Queries that are made for all of them, at a guess.
pub(super) const QUERIES: usize = BY_MEMBERS.1 * DIMENSIONS;

/// Asks for the most telling figures by the most telling dimensions of their tables.
pub(super) async fn by_members(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &ReportContent,
    studied: &mut [Looked],
) -> ApiResult<()> {
    let mut tables: Vec<TableName> = Vec::new();
    for (figure, _) in studied.iter().filter(|(figure, _)| figure.adds_up) {
        if !tables.contains(&figure.table) && tables.len() < BY_MEMBERS.1 {
            tables.push(figure.table.clone());
        }
    }
    let catalog = std::sync::Arc::clone(&analyst.seen.visible);
    for table in tables {
        let places: Vec<usize> = (0..studied.len())
            .filter(|place| studied[*place].0.table == table && studied[*place].0.adds_up)
            .take(BY_MEMBERS.0)
            .collect();
        // Together they are one query: of one currency and over the same periods.
        let lead = places[0];
        let same = |place: &usize| {
            studied[*place].1.filter == studied[lead].1.filter
                && studied[*place].0.series.from == studied[lead].0.series.from
        };
        let places: Vec<usize> = places.into_iter().filter(same).collect();
        for dimension in dimensions(&catalog, &table, wanted.spec.kind, DIMENSIONS) {
            let count = members(&catalog, &dimension);
            let periods = studied[lead].0.series.values.len() as u64;
            let whole = count.saturating_mul(periods) <= ROWS;
            let found = if whole {
                broken_down(analyst, studied, &places, &dimension).await?
            } else {
                in_spans(analyst, studied, &places, &dimension, content).await?
            };
            for (place, breakdown) in found {
                studied[place].0.breakdowns.push(breakdown);
            }
        }
    }
    Ok(())
}

/// Figures by the members of a dimension and by periods.
async fn broken_down(
    analyst: &mut Analyst<'_>,
    studied: &[Looked],
    places: &[usize],
    dimension: &Dimension,
) -> ApiResult<Vec<(usize, Breakdown)>> {
    let lead = &studied[places[0]];
    let ask = Ask {
        measures: measures(studied, places),
        group_by: vec![by_period(lead.0.series.grain), by_member(dimension)],
        ..over_time(&lead.1, lead.0.series.grain, lead.0.series.from, lead.0.series.to())
    };
    let Some((query, table)) = analyst.ask(ask).await? else { return Ok(Vec::new()) };
    let each = places.iter().enumerate().map(|(at, place)| {
        let members = rows::members(&table, 2 + at, &studied[*place].0.series);
        let dimension = dimension.clone();
        (*place, Breakdown { dimension, members, cut: table.truncated, coarse: false, query })
    });
    Ok(each.collect())
}

/// Figures by the members of a dimension that has many, in three spans: all before the comparison, the
/// comparison, the window.
async fn in_spans(
    analyst: &mut Analyst<'_>,
    studied: &[Looked],
    places: &[usize],
    dimension: &Dimension,
    content: &ReportContent,
) -> ApiResult<Vec<(usize, Breakdown)>> {
    let (lead, Some(against)) = (&studied[places[0]], content.comparison) else {
        return Ok(Vec::new());
    };
    let window = content.period;
    let spans =
        [(lead.0.series.from, against.from), (against.from, against.to), (window.from, window.to)];
    let mut together: BTreeMap<(usize, String), Vec<Option<f64>>> = BTreeMap::new();
    let (mut cut, mut last) = (false, 0);
    for (from, to) in spans.into_iter().filter(|(from, to)| from < to) {
        let ask = Ask {
            measures: measures(studied, places),
            group_by: vec![by_member(dimension)],
            order: Vec::new(),
            ..over_time(&lead.1, window.grain, from, to)
        };
        let Some((query, table)) = analyst.ask(ask).await? else { return Ok(Vec::new()) };
        (cut, last) = (cut || table.truncated, query);
        for row in &table.rows {
            let name = row.first().map(rows::name).unwrap_or_default();
            for (at, place) in places.iter().enumerate() {
                let series = &studied[*place].0.series;
                let (Some(first), Some(value)) =
                    (series.place(from), row.get(1 + at).and_then(Cell::as_f64))
                else {
                    continue;
                };
                let empty = || vec![None; series.values.len()];
                let values = together.entry((*place, name.clone())).or_insert_with(empty);
                values[first] = Some(values[first].unwrap_or(0.0) + value);
            }
        }
    }
    let mut found: BTreeMap<usize, Breakdown> = BTreeMap::new();
    for ((place, name), values) in together {
        let empty = || Breakdown {
            dimension: dimension.clone(),
            members: Vec::new(),
            cut,
            coarse: true,
            query: last,
        };
        found.entry(place).or_insert_with(empty).members.push(Member { name, values });
    }
    Ok(found.into_iter().collect())
}

fn measures(studied: &[Looked], places: &[usize]) -> Vec<Measure> {
    let each = places.iter().enumerate();
    each.map(|(at, place)| {
        Measure::new(column(&format!("value_{at}")), studied[*place].1.figured.figure.clone())
    })
    .collect()
}

pub(super) fn by_member(dimension: &Dimension) -> Grouping {
    Grouping::new(column("member"), GroupKey::Value(Value::Column(dimension.column.clone())))
}
