//! Figures by the members of their dimensions.

use std::collections::BTreeMap;

use pacioli_insights::study::{Breakdown, Member, Reach};
use pacioli_model::{
    Aggregation, Ask, Catalog, Cell, Dimension, Direction, Figure, GroupKey, Grouping, Literal,
    Measure, OrderBy, Predicate, ReportContent, TableName, Value,
};

use super::{
    Analyst, Wanted, both,
    dimensions::{dimensions, members},
    figures,
    report::{Looked, by_period, column, over_time},
    rows,
};
use crate::error::ApiResult;

/// Sums and ratios of a table that are looked at by their members, and tables.
const SUMS: usize = 4;
const RATIOS: usize = 2;
const TABLES: usize = 4;
/// Dimensions of a table's figures.
const DIMENSIONS: usize = 4;
/// Rows of an answer that are sure to be all of them.
pub(super) const ROWS: u64 = 9000;
/// Queries that are made for all of them, at a guess.
pub(super) const QUERIES: usize = TABLES * DIMENSIONS;
/// Members that are followed where they are too many to follow each.
const LARGEST: u32 = 30;

/// Asks for the most telling figures by the most telling dimensions of their tables.
pub(super) async fn by_members(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &ReportContent,
    studied: &mut [Looked],
) -> ApiResult<()> {
    let catalog = std::sync::Arc::clone(&analyst.seen.visible);
    for all in together(studied) {
        let lead = &studied[all[0]].0;
        let (table, periods) = (lead.table.clone(), lead.series.values.len() as u64);
        let of_table = dimensions(&catalog, &table, wanted.spec.kind, DIMENSIONS);
        let asked = of_table.into_iter().flat_map(|dimension| {
            let groups = reaching(analyst, studied, &all, &dimension);
            groups.into_iter().map(move |places| (dimension.clone(), places))
        });
        for (dimension, places) in asked.collect::<Vec<_>>() {
            let count = members(&catalog, &dimension);
            let found = if count.saturating_mul(periods) <= ROWS {
                broken_down(analyst, studied, &places, &dimension, None).await?
            } else {
                let sums = places.iter().copied().filter(|place| studied[*place].0.metric.adds_up);
                let sums: Vec<usize> = sums.collect();
                let mut found = in_spans(analyst, studied, &sums, &dimension, content).await?;
                let names = largest(analyst, studied, &places, &dimension).await?;
                let some = Some(names.as_slice());
                found.extend(broken_down(analyst, studied, &places, &dimension, some).await?);
                found
            };
            for (place, breakdown) in found {
                studied[place].0.breakdowns.push(breakdown);
            }
        }
    }
    Ok(())
}

/// The places of the most telling figures of each table that are asked for by one query, sums first: of one
/// currency and over the same periods. What is a state has no members over time.
fn together(studied: &[Looked]) -> Vec<Vec<usize>> {
    let fits = |it: &Looked| !it.1.figured.is_state;
    let mut tables: Vec<&TableName> = Vec::new();
    for one in studied.iter().filter(|it| fits(it)) {
        if !tables.contains(&&one.0.table) {
            tables.push(&one.0.table);
        }
    }
    let of_table = |table: &TableName| {
        let of = |adds_up: bool, most: usize| {
            let fit = move |it: &Looked| {
                fits(it) && it.0.table == *table && it.0.metric.adds_up == adds_up
            };
            (0..studied.len()).filter(move |place| fit(&studied[*place])).take(most)
        };
        let mut places: Vec<usize> = of(true, SUMS).chain(of(false, RATIOS)).collect();
        let lead = &studied[places[0]];
        places.retain(|place| {
            let one = &studied[*place];
            one.1.filter == lead.1.filter && one.0.series.from == lead.0.series.from
        });
        places
    };
    tables.into_iter().take(TABLES).map(of_table).collect()
}

/// The places of the figures that have values by a dimension, those together that one query gives. Of the others is
/// told that they have none: an average order has no products.
fn reaching(
    analyst: &mut Analyst<'_>,
    studied: &[Looked],
    places: &[usize],
    dimension: &Dimension,
) -> Vec<Vec<usize>> {
    let catalog = std::sync::Arc::clone(&analyst.seen.visible);
    let fits = |analyst: &Analyst<'_>, places: &[usize]| {
        analyst.can_compute(&by_periods(&catalog, studied, places, dimension, None).0)
    };
    let (reach, others): (Vec<usize>, Vec<usize>) =
        places.iter().partition(|place| fits(analyst, &[**place]));
    for place in others {
        analyst.not_broken_down(&studied[place].0.metric, dimension);
    }
    if reach.is_empty() {
        return Vec::new();
    }
    if fits(analyst, &reach) { vec![reach] } else { reach.into_iter().map(|it| vec![it]).collect() }
}

/// The names of the members with the most of the first figure, or with the most rows where it is a ratio.
async fn largest(
    analyst: &mut Analyst<'_>,
    studied: &[Looked],
    places: &[usize],
    dimension: &Dimension,
) -> ApiResult<Vec<Literal>> {
    let (lead, one) = &studied[places[0]];
    let figured = &one.figured;
    let date = Some(&figured.date);
    let count = || figures::rows_behind(&analyst.seen.visible, &figured.figure, date);
    let figure = match count().filter(|_| !lead.metric.adds_up) {
        Some(count) => Figure::Aggregate(count),
        None => one.figured.figure.clone(),
    };
    let ask = Ask {
        measures: vec![Measure::new(column("value"), figure)],
        group_by: vec![by_member(dimension)],
        order: vec![OrderBy { name: column("value"), direction: Direction::Descending }],
        limit: Some(LARGEST),
        ..over_time(one, lead.series.grain, lead.series.from, lead.series.to())
    };
    let asked = analyst.ask_by(&lead.metric, dimension, ask).await?;
    let Some((_, table)) = asked else { return Ok(Vec::new()) };
    let names = table.rows.into_iter().filter_map(|row| match row.into_iter().next() {
        Some(Cell::Text(name)) => Some(Literal::Text(name)),
        _ => None,
    });
    Ok(names.collect())
}

/// Figures by the members of a dimension and by periods: of all members, or of `some`.
async fn broken_down(
    analyst: &mut Analyst<'_>,
    studied: &[Looked],
    places: &[usize],
    dimension: &Dimension,
    some: Option<&[Literal]>,
) -> ApiResult<Vec<(usize, Breakdown)>> {
    let lead = &studied[places[0]];
    if some.is_some_and(<[_]>::is_empty) {
        return Ok(Vec::new());
    }
    let reach = if some.is_some() { Reach::Largest } else { Reach::Whole };
    let (ask, counted) = by_periods(&analyst.seen.visible, studied, places, dimension, some);
    let asked = analyst.ask_by(&lead.0.metric, dimension, ask).await?;
    let Some((query, table)) = asked else { return Ok(Vec::new()) };
    let each = places.iter().enumerate().map(|(at, place)| {
        let count = counted[at].map(|count| 2 + places.len() + count);
        let members = rows::members(&table, (2 + at, count), &studied[*place].0.series);
        let dimension = dimension.clone();
        (*place, Breakdown { dimension, members, cut: table.truncated, reach, query })
    });
    Ok(each.collect())
}

/// The Ask for figures by periods and the members of a dimension, and the place of the rows behind each figure.
fn by_periods(
    catalog: &Catalog,
    studied: &[Looked],
    places: &[usize],
    dimension: &Dimension,
    some: Option<&[Literal]>,
) -> (Ask, Vec<Option<usize>>) {
    let lead = &studied[places[0]];
    let value = Value::Column(dimension.column.clone());
    let narrowed = some.map(|names| Predicate::OneOf { value, values: names.to_vec() });
    let (counts, counted) = counts(catalog, studied, places);
    let ask = Ask {
        measures: measures(studied, places).into_iter().chain(counts).collect(),
        group_by: vec![by_period(lead.0.series.grain), by_member(dimension)],
        filter: both(lead.1.filter.clone(), narrowed),
        ..over_time(&lead.1, lead.0.series.grain, lead.0.series.from, lead.0.series.to())
    };
    (ask, counted)
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
    let (Some(lead), Some(against)) = (places.first(), content.comparison) else {
        return Ok(Vec::new());
    };
    let lead = &studied[*lead];
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
        let asked = analyst.ask_by(&lead.0.metric, dimension, ask).await?;
        let Some((query, table)) = asked else { return Ok(Vec::new()) };
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
            reach: Reach::Spans,
            query: last,
        };
        let member = Member { name, values, rows: Vec::new() };
        found.entry(place).or_insert_with(empty).members.push(member);
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

/// How many rows are behind each figure, every number asked for once: measures, and for each figure the place
/// of its own among them.
fn counts(
    catalog: &Catalog,
    studied: &[Looked],
    places: &[usize],
) -> (Vec<Measure>, Vec<Option<usize>>) {
    let mut asked: Vec<Aggregation> = Vec::new();
    let mut place_of = |place: &usize| {
        let figured = &studied[*place].1.figured;
        let count = figures::rows_behind(catalog, &figured.figure, Some(&figured.date))?;
        Some(asked.iter().position(|known| *known == count).unwrap_or_else(|| {
            asked.push(count);
            asked.len() - 1
        }))
    };
    let counted = places.iter().map(&mut place_of).collect();
    let each = asked.into_iter().enumerate();
    let measures = each
        .map(|(at, count)| Measure::new(column(&format!("rows_{at}")), Figure::Aggregate(count)));
    (measures.collect(), counted)
}

pub(super) fn by_member(dimension: &Dimension) -> Grouping {
    Grouping::new(column("member"), GroupKey::Value(Value::Column(dimension.column.clone())))
}
