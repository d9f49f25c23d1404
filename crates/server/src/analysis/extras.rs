//! What reports tell beside series: which days there are, and what is doubtful in the data.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use pacioli_insights::{
    step,
    study::{Cells, actionability, table},
};
use pacioli_model::{
    Aggregate, Aggregation, Ask, Better, Catalog, Caveat, Cell, ColumnRef, ColumnType, Evidence,
    Fact, Finding, Labels, Literal, Measure, MetricUsed, Predicate, ReportContent, ReportKind,
    Score, Subject, TableName, TimeGrain, Unit, Value, Window,
};
use pacioli_sources::quality;

use super::{
    Analyst, Wanted,
    figures::{self, Figured},
    report::{Looked, column},
    window::slack,
};
use crate::error::ApiResult;

/// How a date column is found again.
pub(super) fn key(date: &ColumnRef) -> String {
    format!("{}.{}", date.table, date.column)
}

/// The first and last day of each of these columns, of the rows that the person sees: as the load saw
/// them, and asked for where that is not told.
pub(super) async fn spans<'a>(
    analyst: &mut Analyst<'_>,
    dates: impl Iterator<Item = &'a ColumnRef>,
) -> ApiResult<BTreeMap<String, (NaiveDate, NaiveDate)>> {
    let mut spans = BTreeMap::new();
    let catalog = std::sync::Arc::clone(&analyst.seen.visible);
    for date in dates {
        if spans.contains_key(&key(date)) {
            continue;
        }
        let profile =
            catalog.table(&date.table).and_then(|it| it.column(&date.column)).map(|it| &it.profile);
        let known = profile.and_then(|it| Some((day(it.min.as_ref()?)?, day(it.max.as_ref()?)?)));
        if known.is_some() && analyst.filter.is_none() {
            spans.extend(known.map(|known| (key(date), known)));
            continue;
        }
        let measure = |name: &str, aggregate| {
            let value =
                Some(Value::Column(ColumnRef::new(date.table.clone(), date.column.clone())));
            let figure = Aggregation { value, ..Aggregation::new(aggregate, date.table.clone()) };
            Measure::new(column(name), pacioli_model::Figure::Aggregate(figure))
        };
        let ask = Ask {
            measures: vec![measure("first", Aggregate::Min), measure("last", Aggregate::Max)],
            ..Ask::about(date.table.clone())
        };
        // A filter that this table does not reach says nothing of its days.
        let asked = analyst.ask(ask).await?.and_then(|(_, table)| {
            let row = table.rows.into_iter().next()?;
            Some((day(row.first()?)?, day(row.get(1)?)?))
        });
        spans.extend(asked.or(known).map(|span| (key(date), span)));
    }
    Ok(spans)
}

fn day(cell: &Cell) -> Option<NaiveDate> {
    match cell {
        Cell::Date(day) => Some(*day),
        Cell::Timestamp(moment) => Some(moment.date_naive()),
        _ => None,
    }
}

/// The first period that the data covers from its beginning, or nearly.
pub(super) fn first_whole(grain: TimeGrain, first: NaiveDate) -> NaiveDate {
    let period = pacioli_insights::first_day(grain, first);
    let is_whole = period.checked_add_days(slack(grain)).is_none_or(|day| first < day);
    if is_whole { period } else { step(grain, period, 1) }
}

/// What is doubtful in the tables that figures rest on, the worst three; in all tables, for a report on
/// that.
pub(super) fn doubts(
    catalog: &Catalog,
    wanted: &Wanted,
    window: &Window,
    studied: &[Looked],
) -> Vec<Finding> {
    let all = wanted.spec.kind == ReportKind::DataQuality;
    let concerns = |table: &TableName| all || studied.iter().any(|it| &it.0.table == table);
    let told = wanted
        .doubts
        .iter()
        .filter(|it| concerns(&it.table) && (all || it.severity.as_str() == "high"));
    let told = told.take(if all { 10 } else { 3 });
    told.enumerate().map(|(place, it)| doubt(catalog, *window, place, it)).collect()
}

fn doubt(catalog: &Catalog, window: Window, place: usize, it: &quality::Finding) -> Finding {
    let columns: Vec<String> = it.columns.iter().map(ToString::to_string).collect();
    let fact = Fact::DataQuality {
        problem: it.kind.to_owned(),
        severity: it.severity.as_str().to_owned(),
        columns: columns.clone(),
        rows: it.rows,
        detail: it.detail.clone(),
    };
    let text = |text: String| vec![Cell::Text(text)];
    let rows = it.rows.and_then(|rows| i64::try_from(rows).ok());
    let cells: Vec<Cells<'_>> = vec![
        ("table", ColumnType::Text, text(it.table.to_string())),
        ("columns", ColumnType::Text, text(columns.join(", "))),
        ("rows", ColumnType::Integer, vec![rows.map_or(Cell::Null, Cell::Integer)]),
    ];
    let impact = match it.severity.as_str() {
        "high" => 0.9,
        "medium" => 0.5,
        _ => 0.25,
    };
    // In the order they came in, where equally bad.
    let place = f64::from(u32::try_from(place).unwrap_or(u32::MAX));
    let (label, labels) = called(catalog, &it.table);
    let (name, unit, better) = (it.table.to_string(), Unit::Number, Better::Neither);
    Finding {
        id: format!("data_quality:{}:{}:{}", it.table, columns.join("+"), it.kind),
        subject: Subject {
            metric: MetricUsed { name, label, labels, unit, better, adds_up: false },
            table: it.table.clone(),
            dimension: None,
            member: None,
            window,
        },
        score: Score {
            impact: impact - 0.01 * place,
            significance: 1.0,
            novelty: 1.0,
            actionability: actionability(&fact),
        },
        fact,
        test: None,
        caveats: Vec::new(),
        evidence: Evidence { table: table(cells), queries: Vec::new() },
    }
}

/// What a table is called, in English and in other languages.
pub(super) fn called(catalog: &Catalog, table: &TableName) -> (String, Labels) {
    let meaning = catalog.semantics.table(table);
    let label = meaning.and_then(|it| it.label.clone()).unwrap_or_else(|| table.to_string());
    (label, meaning.map(|it| it.labels.clone()).unwrap_or_default())
}

/// A declared figure that reports know by its name.
pub(super) fn declared(analyst: &Analyst<'_>, name: &str) -> Option<Figured> {
    let catalog = &analyst.seen.visible;
    let metrics = &catalog.semantics.metrics;
    let metric = metrics.iter().find(|metric| metric.name.as_str() == name)?;
    figures::figured(catalog, metric)
}

/// Rows in the report's currency, where a figure's rows say which they are in.
pub(super) fn of_currency(figured: &Figured, code: Option<&str>) -> Option<Predicate> {
    let (column, code) = (figured.currency_of.clone()?, code?);
    let values = vec![Literal::Text(code.to_owned())];
    Some(Predicate::OneOf { value: Value::Column(column), values })
}

/// A finding beside series: its figure, what was found and the rows behind it.
pub(super) fn finding(
    figured: &Figured,
    fact: Fact,
    impact: f64,
    evidence: Evidence,
    content: &ReportContent,
) -> Finding {
    let mut metric = figured.metric.clone();
    let mut caveats = Vec::new();
    if figured.currency_of.is_some() {
        caveats.push(Caveat::OneCurrency);
        metric.unit = content.currency.clone().map_or(Unit::Number, Unit::Currency);
    }
    if !matches!(fact, Fact::StockCover { .. }) {
        caveats.push(Caveat::AsOfNow);
    }
    Finding {
        id: format!("{}:{}:-:-", fact.kind(), figured.metric.name),
        subject: Subject {
            metric,
            table: figured.table.clone(),
            dimension: None,
            member: None,
            window: content.period,
        },
        score: Score {
            impact,
            significance: 1.0,
            novelty: 1.0,
            actionability: actionability(&fact),
        },
        fact,
        test: None,
        caveats,
        evidence,
    }
}
