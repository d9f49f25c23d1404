//! What a report tells beside series: doubtful data, open amounts by age, what runs out of stock.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use pacioli_insights::{
    Item, cover, days_outstanding, step,
    study::{Cells, actionability, table},
};
use pacioli_model::{
    AgeBucket, Aggregate, Aggregation, Ask, Better, Caveat, Cell, ColumnRef, ColumnType, DayRange,
    Decimal, Evidence, Fact, Finding, GroupKey, Grouping, Labels, Literal, Measure, MetricUsed,
    Predicate, ReportContent, ReportKind, Score, Side, Subject, TableName, TimeGrain, Unit, Value,
    Window,
};

use super::{
    Analyst, Wanted,
    dimensions::dimensions,
    figures::{self, Figured},
    report::{Looked, column},
    rows,
    window::slack,
};
use crate::error::ApiResult;

/// Days that stock is looked back over, and within which it shall not run out.
const TAKEN_DAYS: u32 = 90;
const SOON_DAYS: u32 = 14;
/// Kinds of reports that tell of open amounts.
const AGED: [ReportKind; 3] =
    [ReportKind::Overview, ReportKind::ReceivablesPayables, ReportKind::Cash];
/// Where open amounts are cut into ages, in days overdue.
const AGES: [u32; 4] = [1, 31, 61, 91];

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
pub(super) fn doubts(wanted: &Wanted, window: &Window, studied: &[Looked]) -> Vec<Finding> {
    let all = wanted.spec.kind == ReportKind::DataQuality;
    let concerns = |table: &TableName| all || studied.iter().any(|it| &it.0.table == table);
    let told = wanted
        .doubts
        .iter()
        .filter(|it| concerns(&it.table) && (all || it.severity.as_str() == "high"));
    let told = told.take(if all { 10 } else { 3 });
    let finding = |(place, it): (usize, &pacioli_sources::quality::Finding)| {
        let columns: Vec<String> = it.columns.iter().map(ToString::to_string).collect();
        let fact = Fact::DataQuality {
            problem: it.kind.to_owned(),
            severity: it.severity.as_str().to_owned(),
            columns: columns.clone(),
            rows: it.rows,
        };
        let text = |text: String| vec![Cell::Text(text)];
        let rows: Vec<Cells<'_>> = vec![
            ("table", ColumnType::Text, text(it.table.to_string())),
            ("columns", ColumnType::Text, text(columns.join(", "))),
            (
                "rows",
                ColumnType::Integer,
                vec![
                    it.rows
                        .and_then(|rows| i64::try_from(rows).ok())
                        .map_or(Cell::Null, Cell::Integer),
                ],
            ),
        ];
        let impact = match it.severity.as_str() {
            "high" => 0.9,
            "medium" => 0.5,
            _ => 0.25,
        };
        // In the order they came in, where equally bad.
        let place = f64::from(u32::try_from(place).unwrap_or(u32::MAX));
        let metric = MetricUsed {
            name: it.table.to_string(),
            label: it.table.to_string(),
            labels: Labels::new(),
            unit: Unit::Number,
            better: Better::Neither,
        };
        Finding {
            id: format!("data_quality:{}:{}:{}", it.table, columns.join("+"), it.kind),
            subject: Subject {
                metric,
                table: it.table.clone(),
                dimension: None,
                member: None,
                window: *window,
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
            evidence: Evidence { table: table(rows), queries: Vec::new() },
        }
    };
    told.enumerate().map(finding).collect()
}

fn declared(analyst: &Analyst<'_>, name: &str) -> Option<Figured> {
    let catalog = &analyst.seen.visible;
    let metrics = &catalog.semantics.metrics;
    let metric = metrics.iter().find(|metric| metric.name.as_str() == name)?;
    figures::figured(catalog, metric)
}

fn of_currency(figured: &Figured, code: Option<&str>) -> Option<Predicate> {
    let (column, code) = (figured.currency_of.clone()?, code?);
    let values = vec![Literal::Text(code.to_owned())];
    Some(Predicate::OneOf { value: Value::Column(column), values })
}

/// The dates of the documents that ageing is about.
pub(super) fn open_dates(analyst: &Analyst<'_>, kind: ReportKind) -> Vec<ColumnRef> {
    let names = if AGED.contains(&kind) { &["receivables", "payables"][..] } else { &[] };
    names.iter().filter_map(|name| Some(declared(analyst, name)?.date)).collect()
}

/// Open amounts by how long they are overdue, and how many days of sales or purchases they are: for
/// declared `receivables` and `payables` whose table has a due date.
pub(super) async fn ageing(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &ReportContent,
) -> ApiResult<Vec<Finding>> {
    let mut found = Vec::new();
    if !AGED.contains(&wanted.spec.kind) {
        return Ok(found);
    }
    for (side, name, billed) in
        [(Side::Receivable, "receivables", "revenue"), (Side::Payable, "payables", "spend")]
    {
        let Some(figured) = declared(analyst, name) else { continue };
        let code = content.currency.as_deref();
        if figured.currency_of.is_some() && code.is_none() {
            continue;
        }
        let on = content.data_until.map_or(content.today, |until| until.min(content.today));
        let Some((open, finding)) = aged(analyst, &figured, side, on, content).await? else {
            continue;
        };
        found.push(finding);
        if let Some(billed) = declared(analyst, billed) {
            found.extend(
                outstanding(analyst, (&figured, &billed), side, (open, on), content).await?,
            );
        }
    }
    Ok(found)
}

async fn aged(
    analyst: &mut Analyst<'_>,
    figured: &Figured,
    side: Side,
    on: NaiveDate,
    content: &ReportContent,
) -> ApiResult<Option<(f64, Finding)>> {
    let entry = analyst.seen.visible.table(&figured.table);
    let due = entry.and_then(|entry| {
        let dates = entry.columns.iter().filter(|column| column.data_type.is_time());
        dates
            .into_iter()
            .find(|column| column.name.as_str().contains("due"))
            .map(|it| it.name.clone())
    });
    let Some(due) = due else { return Ok(None) };
    let overdue = Value::Days {
        from: Box::new(Value::Column(ColumnRef::new(figured.table.clone(), due))),
        to: Box::new(Value::Literal(Literal::Date(on))),
    };
    let edges = AGES.map(|days| Decimal::new(days.into(), 0)).to_vec();
    let count = Aggregation::new(Aggregate::Count, figured.table.clone());
    let ask = Ask {
        measures: vec![
            Measure::new(column("amount"), figured.figure.clone()),
            Measure::new(column("items"), pacioli_model::Figure::Aggregate(count)),
        ],
        group_by: vec![Grouping::new(column("bucket"), GroupKey::Bucket { value: overdue, edges })],
        filter: of_currency(figured, content.currency.as_deref()),
        ..Ask::about(figured.table.clone())
    };
    let Some((query, answer)) = analyst.ask(ask).await? else { return Ok(None) };
    let at = |place: usize| AGES.get(place).copied();
    let mut buckets: Vec<AgeBucket> = (0..=AGES.len())
        .map(|place| AgeBucket {
            from_days: place.checked_sub(1).and_then(at),
            to_days: if place == 0 { Some(0) } else { at(place).map(|days| days - 1) },
            amount: 0.0,
            items: 0,
        })
        .collect();
    for row in &answer.rows {
        let [Cell::Integer(place), amount, Cell::Integer(items)] = row.as_slice() else { continue };
        let bucket = usize::try_from(*place).ok().and_then(|place| buckets.get_mut(place));
        if let Some(bucket) = bucket {
            bucket.amount = amount.as_f64().unwrap_or(0.0);
            bucket.items = u64::try_from(*items).unwrap_or(0);
        }
    }
    let open: f64 = buckets.iter().map(|it| it.amount).sum();
    let late: f64 = buckets[1..].iter().map(|it| it.amount).sum();
    if open <= 0.0 {
        return Ok(None);
    }
    let fact = Fact::Ageing { side, on, buckets, open, overdue: late };
    let impact = (late / open).clamp(0.0, 1.0).sqrt();
    Ok(Some((
        open,
        finding(figured, fact, impact, Evidence { table: answer, queries: vec![query] }, content),
    )))
}

/// The metric of the open amount, at the end of the data, in days of what was billed in the last quarter.
async fn outstanding(
    analyst: &mut Analyst<'_>,
    (figured, billed): (&Figured, &Figured),
    side: Side,
    (open, on): (f64, NaiveDate),
    content: &ReportContent,
) -> ApiResult<Option<Finding>> {
    const DAYS: u32 = 90;
    // Amounts in two currencies have no quotient.
    let code = content.currency.clone();
    let same = match &billed.metric.unit {
        Unit::Currency(is) => Some(is) == code.as_ref(),
        Unit::CompanyCurrency => true,
        _ => false,
    };
    if !same || figured.currency_of.is_some() {
        return Ok(None);
    }
    let to = on.succ_opt().unwrap_or(on);
    let from = to - chrono::Days::new(DAYS.into());
    let ask = Ask {
        measures: vec![Measure::new(column("value"), billed.figure.clone())],
        range: Some(DayRange { from: Some(from), to: Some(to) }),
        ..Ask::about(billed.table.clone())
    };
    let Some((query, answer)) = analyst.ask(ask).await? else { return Ok(None) };
    let billed = answer.rows.first().and_then(|row| row.first()?.as_f64()).unwrap_or(0.0);
    let Some(days) = days_outstanding(open, billed, f64::from(DAYS)) else { return Ok(None) };
    let fact = Fact::DaysOutstanding { side, days, before: None, open };
    let evidence = Evidence { table: answer, queries: vec![query] };
    Ok(Some(finding(figured, fact, 0.3, evidence, content)))
}

/// An item, and the days that its stock lasts where anybody takes of it.
type Listed<'a> = (&'a String, &'a Item, Option<f64>);

/// Items that run out soon or that nobody takes: for declared `stock_on_hand` and `units_sold` that share a
/// dimension of items.
pub(super) async fn stock(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &ReportContent,
) -> ApiResult<Option<Finding>> {
    if ![ReportKind::Overview, ReportKind::Inventory, ReportKind::Products]
        .contains(&wanted.spec.kind)
    {
        return Ok(None);
    }
    let (Some(stock), Some(sold)) =
        (declared(analyst, "stock_on_hand"), declared(analyst, "units_sold"))
    else {
        return Ok(None);
    };
    let catalog = std::sync::Arc::clone(&analyst.seen.visible);
    let items = |table: &TableName| dimensions(&catalog, table, ReportKind::Products, 3);
    let shared = items(&stock.table).into_iter().find(|it| {
        let is_item = ["product", "item"].iter().any(|word| {
            it.column.table.as_str().contains(word) || it.column.column.as_str().contains(word)
        });
        is_item && items(&sold.table).contains(it)
    });
    let (Some(item), Some(until)) = (shared, content.data_until) else { return Ok(None) };
    let to = until.min(content.today).succ_opt().unwrap_or(until);
    let from = to - chrono::Days::new(TAKEN_DAYS.into());
    let by_item = |figured: &Figured, from: Option<NaiveDate>| Ask {
        measures: vec![Measure::new(column("value"), figured.figure.clone())],
        group_by: vec![Grouping::new(
            column("item"),
            GroupKey::Value(Value::Column(item.column.clone())),
        )],
        range: Some(DayRange { from, to: Some(to) }),
        ..Ask::about(figured.table.clone())
    };
    let Some((on_hand_query, on_hand)) = analyst.ask(by_item(&stock, None)).await? else {
        return Ok(None);
    };
    let Some((taken_query, taken)) = analyst.ask(by_item(&sold, Some(from))).await? else {
        return Ok(None);
    };
    if on_hand.truncated || taken.truncated {
        return Ok(None);
    }
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut add = |rows: &pacioli_model::Table, set: fn(&mut Item, f64)| {
        for row in &rows.rows {
            let [name, value] = row.as_slice() else { continue };
            let item = items.entry(rows::name(name)).or_insert(Item { on_hand: 0.0, taken: 0.0 });
            set(item, value.as_f64().unwrap_or(0.0));
        }
    };
    add(&on_hand, |item, value| item.on_hand += value);
    add(&taken, |item, value| item.taken += value.max(0.0));
    let each: Vec<Item> = items.values().cloned().collect();
    let Some(found) = cover(&each, f64::from(TAKEN_DAYS), f64::from(SOON_DAYS)) else {
        return Ok(None);
    };
    if found.short == 0 && found.dead == 0 {
        return Ok(None);
    }
    let mut listed: Vec<Listed<'_>> =
        items.iter().map(|(name, item)| (name, item, item.cover(f64::from(TAKEN_DAYS)))).collect();
    listed.sort_by(|one, other| {
        one.2
            .unwrap_or(f64::MAX)
            .total_cmp(&other.2.unwrap_or(f64::MAX))
            .then_with(|| one.0.cmp(other.0))
    });
    let float = |of: &dyn Fn(&Listed<'_>) -> Option<f64>| {
        listed.iter().map(|it| of(it).map_or(Cell::Null, Cell::Float)).collect::<Vec<_>>()
    };
    let rows: Vec<Cells<'_>> = vec![
        ("item", ColumnType::Text, listed.iter().map(|it| Cell::Text(it.0.clone())).collect()),
        ("on_hand", ColumnType::Float, float(&|it| Some(it.1.on_hand))),
        ("per_day", ColumnType::Float, float(&|it| Some(it.1.taken / f64::from(TAKEN_DAYS)))),
        ("days", ColumnType::Float, float(&|it| it.2)),
    ];
    let evidence = Evidence { table: table(rows), queries: vec![on_hand_query, taken_query] };
    let share = f64::from(u32::try_from(found.short + found.dead).unwrap_or(u32::MAX))
        / f64::from(u32::try_from(found.items.max(1)).unwrap_or(u32::MAX));
    let fact = Fact::StockCover {
        items: found.items,
        short: found.short,
        within_days: SOON_DAYS,
        dead: found.dead,
        median_days: found.median_days,
    };
    let mut finding = finding(&stock, fact, share.clamp(0.0, 1.0).sqrt(), evidence, content);
    finding.subject.dimension = Some(item);
    Ok(Some(finding))
}

fn finding(
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
