//! A report: its figures, its findings, and what it cannot tell.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use pacioli_insights::{
    Series, first_day, step_back,
    study::{Breakdown, Figure as Studied, Study, findings, forecast_of, rank},
};
use pacioli_model::{
    Ask, Caveat, Cell, ColumnName, DayRange, DefinitionUsed, Dimension, Direction, Evidence, Fact,
    Finding, GroupKey, Grouping, Kpi, Measure, Missing, OrderBy, Point, Predicate, ReportContent,
    ReportKind, Score, Subject, TableEntry, TableName, TableUsed, TimeGrain, Value, Window,
};

use super::{
    Analyst, Compare, Periods,
    dimensions::{dimensions, members},
    extras,
    figures::{self, Figured},
    rows,
    window::edge,
};
use crate::error::ApiResult;

/// Months that are looked back over.
const MONTHS: usize = 60;
/// Figures of an overview, and of other kinds.
const FIGURES: (usize, usize) = (12, 8);
/// Figures that are looked at by their members, of each table, and tables.
const BY_MEMBERS: (usize, usize) = (3, 3);
/// Dimensions of a table's figures.
const DIMENSIONS: usize = 4;
/// Rows of an answer that are sure to be all of them.
const ROWS: u64 = 9000;
/// Figures at the head.
const HEAD: usize = 6;
/// Months that are forecast.
const AHEAD: usize = 6;
/// Days that the data of a month may lack at its end: weekends, holidays.
const SLACK: i64 = 5;

/// What a report shall be about.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What about.
    pub kind: ReportKind,
    /// Which months; the last complete one where none are named.
    pub period: Option<Periods>,
    /// What they are compared with.
    pub compare: Compare,
    /// Amounts in this currency alone.
    pub currency: Option<String>,
    /// The day that time has come to.
    pub today: NaiveDate,
    /// Which rows count, in words.
    pub filters: Vec<String>,
    /// Ids of what the last report of this kind said.
    pub said: BTreeSet<String>,
    /// What is doubtful in the data, the worst first.
    pub doubts: Vec<pacioli_sources::quality::Finding>,
}

/// A figure that is asked for, with what narrows it.
struct Chosen {
    figured: Figured,
    /// Rows of one currency alone.
    filter: Option<Predicate>,
    caveats: Vec<Caveat>,
}

/// What a person's company can tell about what they want to know.
pub async fn report(analyst: &mut Analyst<'_>, wanted: &Wanted) -> ApiResult<ReportContent> {
    let catalog = std::sync::Arc::clone(&analyst.seen.visible);
    let mut missing = figures::missing(&catalog, wanted.kind);
    let most = if wanted.kind == ReportKind::Overview { FIGURES.0 } else { FIGURES.1 };
    let figured = figures::figures(&catalog, &analyst.seen.whole, wanted.kind, most);
    let chosen = choose(figured, wanted, &catalog, &mut missing);
    analyst.progress.foreseen.store(
        (chosen.len() * 2 + BY_MEMBERS.1 * DIMENSIONS) as u64,
        std::sync::atomic::Ordering::Relaxed,
    );
    let open = extras::open_dates(analyst, wanted.kind);
    let dates = chosen.iter().map(|it| &it.figured.date).chain(&open);
    let spans = extras::spans(analyst, dates).await?;
    let span = |it: &Chosen| spans.get(&extras::key(&it.figured.date)).copied();
    let until =
        chosen.iter().filter_map(|it| Some(span(it)?.1)).filter(|day| *day < wanted.today).max();
    let of_open = || open.iter().filter_map(|it| Some(spans.get(&extras::key(it))?.1)).max();
    let data_until = until.or_else(|| chosen.iter().filter_map(|it| Some(span(it)?.1)).max());
    let data_until = data_until.or_else(of_open);
    let first = chosen.iter().filter_map(|it| Some(span(it)?.0)).min();
    let today = wanted.today;
    let period =
        wanted.period.unwrap_or_else(|| Periods::last_complete(today, data_until.unwrap_or(today)));
    let edge = edge(today, data_until.unwrap_or(today));
    let against =
        first.and_then(|first| period.against(wanted.compare, first_day(TimeGrain::Month, first)));
    let mut content = ReportContent {
        kind: wanted.kind,
        period: period.window(edge),
        comparison: against.map(|it| it.window(edge)),
        currency: wanted.currency.clone().or_else(|| figures::currency(&catalog)),
        today,
        data_until,
        filters: wanted.filters.clone(),
        headline: Vec::new(),
        findings: Vec::new(),
        answers: Vec::new(),
        definitions: Vec::new(),
        tables: Vec::new(),
        queries: Vec::new(),
        missing,
        tests_made: 0,
    };
    if data_until.is_none() && wanted.kind != ReportKind::DataQuality {
        let what = if chosen.is_empty() { figures::need(wanted.kind) } else { "rows" };
        content.missing.insert(0, Missing { what: what.to_owned(), names: Vec::new() });
    }
    let studied = study(analyst, wanted, &mut content, chosen, &spans).await?;
    let mut found = extras::doubts(wanted, &content.period, &studied);
    if wanted.kind != ReportKind::DataQuality {
        let study = Study {
            window: content.period,
            against: content.comparison,
            figures: studied,
            said: wanted.said.clone(),
        };
        let outcome = findings(&study);
        content.tests_made = outcome.tests_made;
        found.extend(outcome.findings);
        found.extend(study.figures.first().and_then(|figure| next(figure, &study)));
        found.extend(extras::ageing(analyst, wanted, &content).await?);
        found.extend(extras::stock(analyst, wanted, &content).await?);
    }
    content.findings = rank(found);
    content.queries = std::mem::take(&mut analyst.queries);
    content.tables = tables_used(&content, &catalog);
    Ok(content)
}

/// Sets apart the figures whose amounts are in another currency than the one that is wanted, and narrows
/// those in several to one.
fn choose(
    figured: Vec<Figured>,
    wanted: &Wanted,
    catalog: &pacioli_model::Catalog,
    missing: &mut Vec<Missing>,
) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    for mut figured in figured {
        let code = wanted.currency.clone().or_else(|| figures::currency(catalog));
        let mut caveats = Vec::new();
        let mut filter = None;
        let other = match (&figured.metric.unit, &wanted.currency) {
            (pacioli_model::Unit::Currency(is), Some(wanted)) => is != wanted,
            _ => false,
        };
        match (&figured.currency_of, code) {
            (Some(column), Some(code)) => {
                filter = Some(Predicate::OneOf {
                    value: Value::Column(column.clone()),
                    values: vec![pacioli_model::Literal::Text(code.clone())],
                });
                figured.metric.unit = pacioli_model::Unit::Currency(code);
                caveats.push(Caveat::OneCurrency);
            }
            (Some(column), None) => {
                let names = vec![format!("{}.{}", column.table, column.column)];
                missing.push(Missing { what: figured.metric.label, names });
                continue;
            }
            (None, _) if other => {
                missing.push(Missing { what: figured.metric.label, names: Vec::new() });
                continue;
            }
            (None, _) => {}
        }
        chosen.push(Chosen { figured, filter, caveats });
    }
    chosen
}

/// Asks for every figure over the months, for the head and for its members.
async fn study(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &mut ReportContent,
    chosen: Vec<Chosen>,
    spans: &BTreeMap<String, (NaiveDate, NaiveDate)>,
) -> ApiResult<Vec<Studied>> {
    let window = content.period;
    let from = step_back(TimeGrain::Month, window.to, MONTHS);
    let mut studied: Vec<(Studied, Chosen)> = Vec::new();
    for mut one in chosen {
        let Some((first, last)) = spans.get(&extras::key(&one.figured.date)).copied() else {
            continue;
        };
        let first = extras::first_whole_month(first).max(from);
        let ask = over_time(&one, first, window.to);
        let Some((query, table)) = analyst.ask(ask).await? else {
            content.missing.push(Missing { what: one.figured.metric.label, names: Vec::new() });
            continue;
        };
        content.definitions.push(DefinitionUsed {
            metric: one.figured.metric.clone(),
            description: one.figured.description.clone(),
            formula: one.figured.formula.clone(),
        });
        let found =
            rows::series(&table, 1, TimeGrain::Month, (first, window.to), one.figured.adds_up);
        let Some(series) = found else { continue };
        let kpi = kpi(analyst, &one, &series, query, content).await?;
        if content.headline.len() < HEAD {
            content.headline.extend(kpi);
        }
        // What ends before the window does would look like a fall.
        let covered = (window.to - last).num_days() <= SLACK + 1;
        if !covered {
            one.caveats.push(Caveat::DataEndsEarly);
            continue;
        }
        if !window.complete {
            one.caveats.push(Caveat::DataEndsEarly);
        }
        let figured = &one.figured;
        if wanted
            .doubts
            .iter()
            .any(|it| it.table == figured.table && it.severity.as_str() == "high")
        {
            one.caveats.push(Caveat::DoubtfulData);
        }
        if analyst.seen.access.table(&figured.table).is_some_and(|it| it.rows.is_some()) {
            one.caveats.push(Caveat::PartOfRows);
        }
        let figure = Studied {
            metric: figured.metric.clone(),
            table: figured.table.clone(),
            series,
            adds_up: figured.adds_up,
            weight: figured.weight,
            query,
            breakdowns: Vec::new(),
            caveats: one.caveats.clone(),
        };
        studied.push((figure, one));
    }
    by_members(analyst, wanted, content, &mut studied).await?;
    Ok(studied.into_iter().map(|(figure, _)| figure).collect())
}

/// A figure by months.
fn over_time(one: &Chosen, from: NaiveDate, to: NaiveDate) -> Ask {
    Ask {
        measures: vec![Measure::new(column("value"), one.figured.figure.clone())],
        group_by: vec![by_month()],
        filter: one.filter.clone(),
        range: Some(DayRange { from: Some(from), to: Some(to) }),
        order: vec![OrderBy { name: column("period"), direction: Direction::Ascending }],
        ..Ask::about(one.figured.table.clone())
    }
}

fn by_month() -> Grouping {
    Grouping::new(column("period"), GroupKey::Period { column: None, grain: TimeGrain::Month })
}

/// A name that is known to be one.
#[expect(clippy::expect_used, reason = "names written here are names")]
pub(super) fn column(name: &str) -> ColumnName {
    ColumnName::parse(name).expect("a name written here is one")
}

/// The figure in the window, before it and a year before.
async fn kpi(
    analyst: &mut Analyst<'_>,
    one: &Chosen,
    series: &Series,
    query: usize,
    content: &ReportContent,
) -> ApiResult<Option<Kpi>> {
    let window = content.period;
    let periods = Periods { from: window.from, to: window.to };
    let previous = periods.against(Compare::Previous, series.from);
    let year = periods.against(Compare::YearBefore, series.from);
    let mut queries = vec![query];
    let mut values = Vec::new();
    for wanted in [Some(periods), previous, year] {
        let Some(wanted) = wanted else {
            values.push(None);
            continue;
        };
        let range = pacioli_insights::study::range(series, &wanted.window(window.to));
        values.push(match range {
            Some(range) if one.figured.adds_up || range.len() == 1 => {
                Some(series.values[range].iter().sum())
            }
            Some(range) if one.figured.is_state => series.values[range].last().copied(),
            // A ratio over several months is none of its months' ratios.
            _ => {
                let range = DayRange { from: Some(wanted.from), to: Some(wanted.to) };
                let ask = Ask {
                    group_by: vec![],
                    order: vec![],
                    range: Some(range),
                    ..over_time(one, wanted.from, wanted.to)
                };
                match analyst.ask(ask).await? {
                    Some((query, table)) => {
                        queries.push(query);
                        table.rows.first().and_then(|row| row.first()?.as_f64())
                    }
                    None => None,
                }
            }
        });
    }
    let shown = series.values.len().saturating_sub(24.max(periods.months()));
    let points = (shown..series.values.len()).map(|place| Point {
        at: series.at(place),
        value: Some(series.values[place]),
        partial: content
            .data_until
            .is_some_and(|until| until.succ_opt().is_some_and(|edge| series.at(place + 1) > edge)),
    });
    Ok(Some(Kpi {
        metric: one.figured.metric.clone(),
        value: values[0],
        previous: values[1],
        year_before: values[2],
        series: points.collect(),
        queries,
    }))
}

/// Asks for the most telling figures by the most telling dimensions of their tables.
async fn by_members(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &ReportContent,
    studied: &mut [(Studied, Chosen)],
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
        // Together they are one query: of one currency and over the same months.
        let lead = places[0];
        let same = |place: &usize| {
            studied[*place].1.filter == studied[lead].1.filter
                && studied[*place].0.series.from == studied[lead].0.series.from
        };
        let places: Vec<usize> = places.into_iter().filter(same).collect();
        for dimension in dimensions(&catalog, &table, wanted.kind, DIMENSIONS) {
            let count = members(&catalog, &dimension);
            let months = studied[lead].0.series.values.len() as u64;
            let whole = count.saturating_mul(months) <= ROWS;
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

/// Figures by the members of a dimension and by months.
async fn broken_down(
    analyst: &mut Analyst<'_>,
    studied: &[(Studied, Chosen)],
    places: &[usize],
    dimension: &Dimension,
) -> ApiResult<Vec<(usize, Breakdown)>> {
    let lead = &studied[places[0]];
    let ask = Ask {
        measures: measures(studied, places),
        group_by: vec![by_month(), by_member(dimension)],
        ..over_time(&lead.1, lead.0.series.from, lead.0.series.to())
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
    studied: &[(Studied, Chosen)],
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
            ..over_time(&lead.1, from, to)
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
        found
            .entry(place)
            .or_insert_with(empty)
            .members
            .push(pacioli_insights::study::Member { name, values });
    }
    Ok(found.into_iter().collect())
}

fn measures(studied: &[(Studied, Chosen)], places: &[usize]) -> Vec<Measure> {
    let each = places.iter().enumerate();
    each.map(|(at, place)| {
        Measure::new(column(&format!("value_{at}")), studied[*place].1.figured.figure.clone())
    })
    .collect()
}

fn by_member(dimension: &Dimension) -> Grouping {
    Grouping::new(column("member"), GroupKey::Value(Value::Column(dimension.column.clone())))
}

/// What comes after the most important figure.
fn next(figure: &Studied, study: &Study) -> Option<Finding> {
    let (fact, table) = forecast_of(figure, AHEAD)?;
    let Fact::Forecast { beats_naive, .. } = &fact else { return None };
    let id = format!("forecast:{}:-:-", figure.metric.name);
    let mut caveats = figure.caveats.clone();
    if !beats_naive {
        caveats.push(Caveat::NaiveNotBeaten);
    }
    let score = Score {
        impact: 0.6 * figure.weight,
        significance: if *beats_naive { 1.0 } else { 0.5 },
        novelty: if study.said.contains(&id) { 0.8 } else { 1.0 },
        actionability: pacioli_insights::study::actionability(&fact),
    };
    let subject = Subject {
        metric: figure.metric.clone(),
        table: figure.table.clone(),
        dimension: None,
        member: None,
        window: Window { ..study.window },
    };
    let evidence = Evidence { table, queries: vec![figure.query] };
    Some(Finding { id, subject, fact, test: None, score, caveats, evidence })
}

/// The tables that the queries name.
fn tables_used(content: &ReportContent, catalog: &pacioli_model::Catalog) -> Vec<TableUsed> {
    let named: BTreeSet<&TableName> =
        content.queries.iter().map(|query| &query.ask.table).collect();
    let of_findings = content.findings.iter().map(|it| &it.subject.table);
    let named: BTreeSet<&TableName> = named.into_iter().chain(of_findings).collect();
    let used = |entry: &TableEntry| TableUsed {
        table: entry.name.clone(),
        label: catalog
            .semantics
            .table(&entry.name)
            .and_then(|it| it.label.clone())
            .unwrap_or_else(|| entry.name.to_string()),
        version: entry.version,
        loaded_at: entry.loaded_at,
        rows: entry.rows,
    };
    named.into_iter().filter_map(|name| catalog.table(name)).map(used).collect()
}
