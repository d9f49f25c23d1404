//! A report: its figures, its findings, and what it cannot tell.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use pacioli_insights::{
    Series, step_back,
    study::{Figure as Studied, Study, findings, forecast_of, rank},
};
use pacioli_model::{
    Ask, Caveat, ColumnName, Compare, DayRange, DefinitionUsed, Direction, Evidence, Fact, Finding,
    GroupKey, Grouping, Kpi, Measure, MetricUsed, Missing, OrderBy, Point, Predicate,
    ReportContent, ReportKind, ReportSpec, Score, Subject, TableEntry, TableName, TableUsed,
    TimeGrain, Value, Votes, Window,
};

use super::{
    Analyst, Periods, crossed, extras,
    figures::{self, Figured},
    members::by_members,
    open_items, pace, ratios, rows, stock,
    window::{lenient_edge, slack},
};
use crate::error::ApiResult;

/// Figures of an overview, and of other kinds.
const FIGURES: (usize, usize) = (12, 8);
/// Figures at the head.
const HEAD: usize = 6;

/// Periods that are looked back over.
fn looked_back(grain: TimeGrain) -> usize {
    match grain {
        TimeGrain::Day | TimeGrain::Week => 156,
        TimeGrain::Month => 60,
        TimeGrain::Quarter | TimeGrain::Year => 40,
    }
}

/// Periods that are forecast.
fn ahead(grain: TimeGrain) -> usize {
    match grain {
        TimeGrain::Day | TimeGrain::Week => 8,
        TimeGrain::Month => 6,
        TimeGrain::Quarter | TimeGrain::Year => 4,
    }
}

/// What a report shall be about.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What was asked for.
    pub spec: ReportSpec,
    /// Which days; the last complete period where none are named.
    pub period: Option<Periods>,
    /// The day that time has come to.
    pub today: NaiveDate,
    /// Which rows count, in words.
    pub filters: Vec<String>,
    /// Ids of what the last report of this kind said.
    pub said: BTreeSet<String>,
    /// What readers of the company think of what they were told.
    pub votes: Votes,
    /// What is doubtful in the data, the worst first.
    pub doubts: Vec<pacioli_sources::quality::Finding>,
}

/// A figure that is asked for, with what narrows it.
pub(super) struct Chosen {
    pub(super) figured: Figured,
    /// Rows of one currency alone.
    pub(super) filter: Option<Predicate>,
    caveats: Vec<Caveat>,
}

/// A figure with its series, and how it is asked for.
pub(super) type Looked = (Studied, Chosen);

/// What a person's company can tell about what they want to know.
pub async fn report(analyst: &mut Analyst<'_>, wanted: &Wanted) -> ApiResult<ReportContent> {
    let catalog = std::sync::Arc::clone(&analyst.seen.visible);
    let mut missing = figures::missing(&catalog, wanted.spec.kind);
    let most = if wanted.spec.kind == ReportKind::Overview { FIGURES.0 } else { FIGURES.1 };
    let figured = figures::figures(&catalog, &analyst.seen.whole, wanted.spec.kind, most);
    let chosen = choose(figured, wanted, &catalog, &mut missing);
    analyst.progress.foreseen.store(
        (chosen.len() * 2 + super::members::QUERIES) as u64,
        std::sync::atomic::Ordering::Relaxed,
    );
    let open = open_items::open_dates(analyst, wanted.spec.kind);
    let dates = chosen.iter().map(|it| &it.figured.date).chain(&open);
    let spans = extras::spans(analyst, dates).await?;
    let span = |it: &Chosen| spans.get(&extras::key(&it.figured.date)).copied();
    let today = wanted.today;
    let ends = chosen.iter().filter_map(|it| Some(span(it)?.1));
    let of_open = || open.iter().filter_map(|it| Some(spans.get(&extras::key(it))?.1)).max();
    let data_until = match ends.clone().next() {
        // The most telling figure goes on: what there is of today is not a day yet.
        Some(last) if last >= today => today.pred_opt(),
        Some(_) => ends.filter(|day| *day < today).max(),
        None => of_open(),
    };
    let first = chosen.iter().filter_map(|it| Some(span(it)?.0)).min();
    let grain = wanted.period.map(|it| it.grain).or(wanted.spec.grain).unwrap_or(TimeGrain::Month);
    let edge = lenient_edge(grain, today, data_until.unwrap_or(today));
    let period = wanted.period.unwrap_or_else(|| Periods::last_complete(edge, grain));
    let against = first
        .and_then(|first| period.against(wanted.spec.compare, extras::first_whole(grain, first)));
    let mut content = ReportContent {
        comparison: against.map(|it| it.window(edge)),
        currency: wanted.spec.currency.clone().or_else(|| figures::currency(&catalog)),
        data_until,
        filters: wanted.filters.clone(),
        missing,
        ..ReportContent::about(wanted.spec.kind, period.window(edge), today)
    };
    if data_until.is_none() && wanted.spec.kind != ReportKind::DataQuality {
        let what = if chosen.is_empty() { figures::need(wanted.spec.kind) } else { "rows" };
        content.missing.insert(0, Missing { what: what.to_owned(), ..Missing::default() });
    }
    let studied = study(analyst, wanted, &mut content, chosen, &spans).await?;
    let mut found = extras::doubts(&catalog, wanted, &content.period, &studied);
    let mut muted = Vec::new();
    if wanted.spec.kind != ReportKind::DataQuality {
        let (figures, chosen): (Vec<Studied>, Vec<Chosen>) = studied.into_iter().unzip();
        let (said, votes) = (wanted.said.clone(), wanted.votes.clone());
        let (window, against) = (content.period, content.comparison);
        let study = Study { window, against, figures, said, votes };
        let outcome = findings(&study);
        content.tests_made = outcome.tests_made;
        muted = outcome.muted;
        found.extend(outcome.findings);
        crossings(analyst, &study, &chosen, &mut found).await?;
        found.extend(study.figures.first().and_then(|figure| next(figure, &study)));
        found.extend(ratios::explained(analyst, &study, &chosen, &found, wanted.spec.kind).await?);
        let running = pace::Running::of(wanted, &content, grain);
        if let Some(running) = running {
            let figures = study.figures.iter().zip(&chosen);
            found.extend(running.paces(analyst, figures, &content).await?);
        }
        found.extend(open_items::ageing(analyst, wanted, &content).await?);
        found.extend(stock::stock(analyst, wanted, &content).await?);
    }
    caution(&mut found, wanted);
    let (more, found) = found.into_iter().partition(|it| wanted.votes.is_muted(it));
    muted.extend::<Vec<Finding>>(more);
    if !muted.is_empty() {
        let names: BTreeSet<String> = muted.into_iter().map(|it| it.subject.metric.label).collect();
        let (what, names) = ("muted".to_owned(), names.into_iter().collect());
        content.missing.push(Missing { what, names, ..Missing::default() });
    }
    content.findings = rank(found);
    content.missing.extend(analyst.take_unbroken());
    content.queries = std::mem::take(&mut analyst.queries);
    content.tables = tables_used(&content, &catalog, &BTreeSet::new());
    Ok(content)
}

/// Adds to changes whose drivers were found the combination of members that they lie in.
async fn crossings(
    analyst: &mut Analyst<'_>,
    study: &Study,
    chosen: &[Chosen],
    found: &mut [Finding],
) -> ApiResult<()> {
    let Some(against) = study.against else { return Ok(()) };
    for finding in found.iter_mut().filter(|it| matches!(it.fact, Fact::Drivers { .. })) {
        let mut figures = study.figures.iter().zip(chosen);
        let of = figures.find(|(it, _)| it.metric.name == finding.subject.metric.name);
        let Some((figure, one)) = of else { continue };
        let (asked, date) = (&one.figured.figure, Some(&one.figured.date));
        let count = figures::rows_behind(&analyst.seen.visible, asked, date);
        let asks = [against, study.window].map(|it| over_time(one, it.grain, it.from, it.to));
        let of = crossed::Of { figure, asked, count: count.as_ref(), asks };
        crossed::add(analyst, &of, finding).await?;
    }
    Ok(())
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
        let code = wanted.spec.currency.clone().or_else(|| figures::currency(catalog));
        let mut caveats = Vec::new();
        let mut filter = None;
        let other = match (&figured.metric.unit, &wanted.spec.currency) {
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
                missing.push(Missing {
                    what: figured.metric.label,
                    labels: figured.metric.labels,
                    names,
                    reason: None,
                });
                continue;
            }
            (None, _) if other => {
                missing.push(without(figured.metric));
                continue;
            }
            (None, _) => {}
        }
        chosen.push(Chosen { figured, filter, caveats });
    }
    chosen
}

/// A figure that cannot be told.
fn without(metric: MetricUsed) -> Missing {
    Missing { what: metric.label, labels: metric.labels, ..Missing::default() }
}

/// Asks for every figure over the months, for the head and for its members.
async fn study(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &mut ReportContent,
    chosen: Vec<Chosen>,
    spans: &BTreeMap<String, (NaiveDate, NaiveDate)>,
) -> ApiResult<Vec<Looked>> {
    let window = content.period;
    let grain = window.grain;
    let last_day = window.to.pred_opt().unwrap_or(window.to);
    let from = step_back(grain, window.to, looked_back(grain));
    let mut studied: Vec<Looked> = Vec::new();
    for mut one in chosen {
        let Some((first, last)) = spans.get(&extras::key(&one.figured.date)).copied() else {
            continue;
        };
        let first = extras::first_whole(grain, first).max(from);
        let ask = over_time(&one, grain, first, window.to);
        let Some((query, table)) = analyst.ask(ask).await? else {
            content.missing.push(without(one.figured.metric));
            continue;
        };
        content.definitions.push(DefinitionUsed {
            metric: one.figured.metric.clone(),
            description: one.figured.description.clone(),
            formula: one.figured.formula.clone(),
        });
        let found = rows::series(&table, 1, grain, (first, window.to), one.figured.metric.adds_up);
        let Some(series) = found else { continue };
        let kpi = kpi(analyst, &one, &series, query, content).await?;
        if content.headline.len() < HEAD {
            content.headline.extend(kpi);
        }
        // What ends before the window does would look like a fall.
        let covered = last.checked_add_days(slack(grain)).is_none_or(|day| day >= last_day);
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
            weight: figured.weight,
            query,
            breakdowns: Vec::new(),
            caveats: one.caveats.clone(),
        };
        studied.push((figure, one));
    }
    by_members(analyst, wanted, content, &mut studied).await?;
    Ok(studied)
}

/// A figure by periods.
pub(super) fn over_time(one: &Chosen, grain: TimeGrain, from: NaiveDate, to: NaiveDate) -> Ask {
    Ask {
        measures: vec![Measure::new(column("value"), one.figured.figure.clone())],
        group_by: vec![by_period(grain)],
        filter: one.filter.clone(),
        range: Some(DayRange { from: Some(from), to: Some(to) }),
        order: vec![OrderBy { name: column("period"), direction: Direction::Ascending }],
        ..Ask::about(one.figured.table.clone())
    }
}

pub(super) fn by_period(grain: TimeGrain) -> Grouping {
    Grouping::new(column("period"), GroupKey::Period { column: None, grain })
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
    let periods = Periods { from: window.from, to: window.to, grain: window.grain };
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
            Some(range) if one.figured.metric.adds_up || range.len() == 1 => {
                Some(series.values[range].iter().sum())
            }
            Some(range) if one.figured.is_state => series.values[range].last().copied(),
            // A ratio over several periods is none of its periods' ratios.
            _ => {
                let range = DayRange { from: Some(wanted.from), to: Some(wanted.to) };
                let ask = Ask {
                    group_by: vec![],
                    order: vec![],
                    range: Some(range),
                    ..over_time(one, window.grain, wanted.from, wanted.to)
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
    let shown = series.values.len().saturating_sub(24.max(periods.count()));
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

/// What comes after the most important figure.
fn next(figure: &Studied, study: &Study) -> Option<Finding> {
    let (fact, table) = forecast_of(figure, ahead(figure.series.grain))?;
    let Fact::Forecast { beats_naive, .. } = &fact else { return None };
    let id = format!("forecast:{}:-:-", figure.metric.name);
    let mut caveats = figure.caveats.clone();
    if !beats_naive {
        caveats.push(Caveat::NaiveNotBeaten);
    }
    let score = Score {
        impact: 0.6 * figure.weight,
        significance: if *beats_naive { 1.0 } else { 0.5 },
        novelty: study.votes.novelty(&fact, &figure.metric.name, study.said.contains(&id)).max(0.8),
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

/// Says with every finding that rests on badly doubtful tables that it does.
fn caution(found: &mut [Finding], wanted: &Wanted) {
    let doubtful = wanted.doubts.iter().filter(|it| it.severity.as_str() == "high");
    let doubtful: BTreeSet<&TableName> = doubtful.map(|it| &it.table).collect();
    for finding in found {
        let dimension = finding.subject.dimension.as_ref().map(|it| &it.column.table);
        let rests = [Some(&finding.subject.table), dimension].into_iter().flatten();
        let is_told = finding.caveats.contains(&Caveat::DoubtfulData)
            || matches!(finding.fact, Fact::DataQuality { .. });
        if !is_told && { rests }.any(|table| doubtful.contains(table)) {
            finding.caveats.push(Caveat::DoubtfulData);
        }
    }
}

/// The tables that the queries name, and `others` that are known to be behind it.
pub(super) fn tables_used(
    content: &ReportContent,
    catalog: &pacioli_model::Catalog,
    others: &BTreeSet<TableName>,
) -> Vec<TableUsed> {
    let of_queries = content.queries.iter().filter_map(|query| Some(&query.ask.as_ref()?.table));
    let of_findings = content.findings.iter().map(|it| &it.subject.table);
    let named: BTreeSet<&TableName> = others.iter().chain(of_queries).chain(of_findings).collect();
    let used = |entry: &TableEntry| {
        let (label, labels) = extras::called(catalog, &entry.name);
        TableUsed {
            table: entry.name.clone(),
            label,
            labels,
            version: entry.version,
            loaded_at: entry.loaded_at,
            rows: entry.rows,
        }
    };
    named.into_iter().filter_map(|name| catalog.table(name)).map(used).collect()
}
