//! Where the change of a ratio lies: what the members' own ratios did, and what their weights did.

use std::{collections::BTreeMap, sync::Arc};

use pacioli_insights::{
    Fraction, ratio_drivers,
    study::{Cells, Figure as Studied, Study, actionability, table},
};
use pacioli_model::{
    Aggregate, Aggregation, Ask, Catalog, Cell, ColumnType, DayRange, Definition, Dimension,
    Evidence, Fact, Figure, Finding, Measure, MetricName, MetricUsed, Operation, OverTime,
    Predicate, RatioComponent, ReportKind, Score, Subject, Table, TableName, Value, Window,
};

use super::{
    Analyst,
    dimensions::{dimensions, members},
    members::by_member,
    report::{Chosen, column},
    rows,
};
use crate::error::ApiResult;

/// Dimensions that a ratio's change is looked for in.
const DIMENSIONS: usize = 3;
/// Members of a dimension, at most: of many no part is large.
const MEMBERS: u64 = 500;

/// A ratio of two figures whose members add up.
pub(super) struct Ratio {
    above: Figure,
    below: Figure,
}

impl Ratio {
    /// A declared metric as a ratio: a quotient of sums, counts, and sums and differences of them, or an
    /// average. Nothing where it is none: what does not add up over members has no parts.
    pub(super) fn of(catalog: &Catalog, metric: &MetricName) -> Option<Self> {
        match &catalog.semantics.metric(metric)?.definition {
            Definition::Aggregate(average) if average.aggregate == Aggregate::Average => {
                let part =
                    |aggregate| Figure::Aggregate(Aggregation { aggregate, ..average.clone() });
                Some(Self { above: part(Aggregate::Sum), below: part(Aggregate::Count) })
            }
            Definition::Calculation(Value::Arithmetic {
                operation: Operation::Divide,
                left,
                right,
            }) if adds_up(catalog, left) && adds_up(catalog, right) => Some(Self {
                above: Figure::Calculation((**left).clone()),
                below: Figure::Calculation((**right).clone()),
            }),
            _ => None,
        }
    }
}

/// Whether an expression of metrics adds up over members.
fn adds_up(catalog: &Catalog, value: &Value) -> bool {
    match value {
        Value::Metric(name) => {
            let metric = catalog.semantics.metric(name);
            metric.is_some_and(|metric| match &metric.definition {
                Definition::Aggregate(it) => {
                    matches!(it.aggregate, Aggregate::Sum | Aggregate::Count)
                        && it.over_time == OverTime::Within
                }
                Definition::Calculation(_) => false,
            })
        }
        Value::Arithmetic { operation: Operation::Add | Operation::Subtract, left, right } => {
            adds_up(catalog, left) && adds_up(catalog, right)
        }
        _ => false,
    }
}

/// A ratio's change by the members of one dimension.
pub(super) struct Explained {
    pub(super) dimension: Dimension,
    pub(super) fact: Fact,
    pub(super) rows: Table,
    pub(super) queries: Vec<usize>,
}

/// The change of a ratio between two windows by the dimension that tells most: whose few largest parts
/// make up more of all movement than as many members of it would by chance.
pub(super) async fn explain(
    analyst: &mut Analyst<'_>,
    ratio: &Ratio,
    (metric, table, kind): (&MetricUsed, &TableName, ReportKind),
    filter: Option<&Predicate>,
    (window, against): (&Window, &Window),
) -> ApiResult<Option<Explained>> {
    let catalog = Arc::clone(&analyst.seen.visible);
    let mut best: Option<(f64, Explained)> = None;
    for dimension in dimensions(&catalog, table, kind, DIMENSIONS) {
        if members(&catalog, &dimension) > MEMBERS {
            continue;
        }
        let mut fractions: BTreeMap<String, Fraction> = BTreeMap::new();
        let mut queries = Vec::new();
        for (days, is_after) in [(against, false), (window, true)] {
            let ask = Ask {
                measures: vec![
                    Measure::new(column("above"), ratio.above.clone()),
                    Measure::new(column("below"), ratio.below.clone()),
                ],
                group_by: vec![by_member(&dimension)],
                filter: filter.cloned(),
                range: Some(DayRange { from: Some(days.from), to: Some(days.to) }),
                ..Ask::about(table.clone())
            };
            let asked = analyst.ask_by(metric, &dimension, ask).await?;
            let Some((query, rows)) = asked.filter(|it| !it.1.truncated) else { break };
            queries.push(query);
            for row in &rows.rows {
                let [member, above, below] = row.as_slice() else { continue };
                let name = rows::name(member);
                let fraction = fractions.entry(name.clone()).or_insert(Fraction {
                    member: name,
                    before: (0.0, 0.0),
                    after: (0.0, 0.0),
                });
                let part = if is_after { &mut fraction.after } else { &mut fraction.before };
                part.0 += above.as_f64().unwrap_or(0.0);
                part.1 += below.as_f64().unwrap_or(0.0);
            }
        }
        let members: Vec<Fraction> = fractions.into_values().collect();
        let Some(found) = (queries.len() == 2).then(|| parts(&members, against)).flatten() else {
            continue;
        };
        let (worth, fact) = found;
        if best.as_ref().is_none_or(|(known, _)| worth > *known) {
            let rows = evidence(&members);
            best = Some((worth, Explained { dimension, fact, rows, queries }));
        }
    }
    Ok(best.map(|(_, explained)| explained))
}

/// The parts of a ratio's change, and how much the dimension tells. Nothing where there is only one member,
/// or where the ratio has no value or did not change.
fn parts(members: &[Fraction], against: &Window) -> Option<(f64, Fact)> {
    if members.len() < 2 {
        return None;
    }
    let mut parts = ratio_drivers(members)?;
    let sum = |of: fn(&Fraction) -> f64| members.iter().map(of).sum::<f64>();
    let before = sum(|it| it.before.0) / sum(|it| it.before.1);
    let value = sum(|it| it.after.0) / sum(|it| it.after.1);
    let size = |it: &RatioComponent| (it.rate + it.mix).abs();
    parts.sort_by(|one, other| {
        size(other).total_cmp(&size(one)).then_with(|| one.member.cmp(&other.member))
    });
    let moved: f64 = parts.iter().map(size).sum();
    if moved <= 0.0 {
        return None;
    }
    let first: f64 = parts.iter().take(3).map(size).sum();
    let count = f64::from(u32::try_from(members.len()).unwrap_or(u32::MAX));
    let worth = first / moved - (3.0 / count).min(1.0);
    let fact = Fact::RatioDrivers { value, before, against: *against, components: parts };
    Some((worth, fact))
}

fn evidence(members: &[Fraction]) -> Table {
    let names = members.iter().map(|it| Cell::Text(it.member.clone())).collect();
    let numbers = |of: fn(&Fraction) -> f64| members.iter().map(|it| Cell::Float(of(it))).collect();
    let columns: Vec<Cells<'_>> = vec![
        ("member", ColumnType::Text, names),
        ("numerator_before", ColumnType::Float, numbers(|it| it.before.0)),
        ("numerator_after", ColumnType::Float, numbers(|it| it.after.0)),
        ("denominator_before", ColumnType::Float, numbers(|it| it.before.1)),
        ("denominator_after", ColumnType::Float, numbers(|it| it.after.1)),
    ];
    table(columns)
}

/// The parts of every change of a ratio that was found.
pub(super) async fn explained(
    analyst: &mut Analyst<'_>,
    study: &Study,
    chosen: &[Chosen],
    found: &[Finding],
    kind: ReportKind,
) -> ApiResult<Vec<Finding>> {
    let Some(against) = study.against else { return Ok(Vec::new()) };
    let catalog = Arc::clone(&analyst.seen.visible);
    let mut explained = Vec::new();
    for (figure, chosen) in study.figures.iter().zip(chosen) {
        let has_moved = found.iter().any(|it| {
            it.subject.metric.name == figure.metric.name
                && it.subject.member.is_none()
                && matches!(
                    it.fact,
                    Fact::Change { .. } | Fact::OutlierPoint { .. } | Fact::ChangePoint { .. }
                )
        });
        let Figure::Metric { metric, .. } = &chosen.figured.figure else { continue };
        let Some(ratio) = has_moved.then(|| Ratio::of(&catalog, metric)).flatten() else {
            continue;
        };
        let windows = (&study.window, &against);
        let table = (&figure.metric, &figure.table, kind);
        let parts = explain(analyst, &ratio, table, chosen.filter.as_ref(), windows).await?;
        explained.extend(parts.map(|it| finding(figure, study, it)));
    }
    Ok(explained)
}

fn finding(figure: &Studied, study: &Study, parts: Explained) -> Finding {
    let Explained { dimension, fact, rows, queries } = parts;
    let id = format!("{}:{}:{}:-", fact.kind(), figure.metric.name, dimension.column.column);
    let (value, before) = match &fact {
        Fact::RatioDrivers { value, before, .. } => (*value, *before),
        _ => (0.0, 0.0),
    };
    let moved = ((value - before) / before.abs().max(f64::MIN_POSITIVE)).abs().min(1.0);
    let score = Score {
        impact: moved.sqrt() * figure.weight,
        significance: 1.0,
        novelty: study.votes.novelty(&fact, &figure.metric.name, study.said.contains(&id)),
        actionability: actionability(&fact),
    };
    Finding {
        id,
        subject: Subject {
            metric: figure.metric.clone(),
            table: figure.table.clone(),
            dimension: Some(dimension),
            member: None,
            window: study.window,
        },
        fact,
        test: None,
        score,
        caveats: figure.caveats.clone(),
        evidence: Evidence { table: rows, queries },
    }
}

#[cfg(test)]
mod tests {
    use pacioli_model::TimeGrain;

    use super::*;

    #[test]
    fn the_parts_of_a_ratio_add_up_to_its_change() {
        let member = |place: u32| Fraction {
            member: format!("member {place:02}"),
            before: (f64::from(place), 10.0),
            after: (f64::from(place * 2), 12.0 + f64::from(place)),
        };
        let members: Vec<Fraction> = (1..=15).map(member).collect();
        let day = |text: &str| text.parse().unwrap();
        let against = Window {
            from: day("2025-01-01"),
            to: day("2025-02-01"),
            grain: TimeGrain::Month,
            complete: true,
        };
        let (_, fact) = parts(&members, &against).unwrap();
        let Fact::RatioDrivers { value, before, components, .. } = fact else { panic!("{fact:?}") };
        assert_eq!(components.len(), 15);
        let sum: f64 = components.iter().map(|it| it.rate + it.mix).sum();
        assert!((sum - (value - before)).abs() < 1e-12, "{sum}");
        assert!((before - 0.8).abs() < 1e-12 && (value - 0.8).abs() < 1e-12);
        assert!(parts(&members[..1], &against).is_none());
        assert_eq!(evidence(&members).rows[0].len(), 5);
    }
}
