//! What is open and how long it is overdue.

use chrono::NaiveDate;
use pacioli_model::{
    AgeBucket, Aggregate, Aggregation, Ask, Catalog, Cell, ColumnRef, Comparison, Decimal,
    Evidence, Fact, Figure, Finding, GroupKey, Grouping, Literal, Measure, Predicate,
    ReportContent, ReportKind, Side, Table, Value,
};

use super::{
    Analyst, Wanted, both,
    extras::{declared, finding, of_currency},
    figures::{self, Figured},
    outstanding,
    report::column,
};
use crate::error::ApiResult;

/// Kinds of reports that tell of open amounts.
const AGED: [ReportKind; 3] =
    [ReportKind::Overview, ReportKind::ReceivablesPayables, ReportKind::Cash];
/// Where open amounts are cut into ages, in days overdue.
const AGES: [u32; 4] = [1, 31, 61, 91];

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
        let behind = finding.evidence.queries.clone();
        found.push(finding);
        if let Some(billed) = declared(analyst, billed) {
            let of = (&figured, &billed);
            let so_far = outstanding::Open { side, on, amount: open, queries: behind };
            found.extend(outstanding::outstanding(analyst, of, so_far, content).await?);
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
    let Some(ask) = by_age(&analyst.seen.visible, figured, on, content.currency.as_deref()) else {
        return Ok(None);
    };
    let Some((query, answer)) = analyst.ask(ask).await? else { return Ok(None) };
    let buckets = buckets(&answer);
    let open: f64 = buckets.iter().map(|it| it.amount).sum();
    let late: f64 = buckets[1..].iter().map(|it| it.amount).sum();
    if open <= 0.0 {
        return Ok(None);
    }
    let fact = Fact::Ageing { side, on, buckets, open, overdue: late };
    let impact = (late / open).clamp(0.0, 1.0).sqrt();
    let evidence = Evidence { table: answer, queries: vec![query] };
    Ok(Some((open, finding(figured, fact, impact, evidence, content))))
}

/// What is open, and of how many documents, by the days that it is overdue on a day; nothing where no
/// column says when it is due.
fn by_age(
    catalog: &Catalog,
    figured: &Figured,
    on: NaiveDate,
    currency: Option<&str>,
) -> Option<Ask> {
    let entry = catalog.table(&figured.table)?;
    let mut dates = entry.columns.iter().filter(|column| column.data_type.is_time());
    let due = dates.find(|column| column.name.as_str().contains("due"))?.name.clone();
    let overdue = Value::Days {
        from: Box::new(Value::Column(ColumnRef::new(figured.table.clone(), due))),
        to: Box::new(Value::Literal(Literal::Date(on))),
    };
    let edges = AGES.map(|days| Decimal::new(days.into(), 0)).to_vec();
    Some(Ask {
        measures: vec![
            Measure::new(column("amount"), figured.figure.clone()),
            Measure::new(column("items"), Figure::Aggregate(items(catalog, figured))),
        ],
        group_by: vec![Grouping::new(column("bucket"), GroupKey::Bucket { value: overdue, edges })],
        filter: of_currency(figured, currency),
        ..Ask::about(figured.table.clone())
    })
}

/// Documents of which something is open: what is paid is no open item any more.
fn items(catalog: &Catalog, figured: &Figured) -> Aggregation {
    let count = Aggregation::new(Aggregate::Count, figured.table.clone());
    let metrics = &catalog.semantics.metrics;
    let metric = metrics.iter().find(|metric| metric.name.as_str() == figured.metric.name);
    let sum = metric.and_then(|metric| figures::base(catalog, &metric.definition, 0));
    match sum {
        Some(Aggregation { aggregate: Aggregate::Sum, value: Some(value), filter, .. }) => {
            let is_open = Predicate::Compare {
                left: value.clone(),
                comparison: Comparison::NotEqual,
                right: Value::Literal(Literal::Decimal(Decimal::new(0, 0))),
            };
            Aggregation { filter: both(filter.clone(), Some(is_open)), ..count }
        }
        _ => count,
    }
}

/// The buckets of all ages, those without rows among them.
fn buckets(answer: &Table) -> Vec<AgeBucket> {
    let at = |place: usize| AGES.get(place).copied();
    let empty = |place: usize| AgeBucket {
        from_days: place.checked_sub(1).and_then(at),
        to_days: if place == 0 { Some(0) } else { at(place).map(|days| days - 1) },
        amount: 0.0,
        items: 0,
    };
    let mut buckets: Vec<AgeBucket> = (0..=AGES.len()).map(empty).collect();
    for row in &answer.rows {
        let [Cell::Integer(place), amount, Cell::Integer(items)] = row.as_slice() else { continue };
        let bucket = usize::try_from(*place).ok().and_then(|place| buckets.get_mut(place));
        if let Some(bucket) = bucket {
            bucket.amount = amount.as_f64().unwrap_or(0.0);
            bucket.items = u64::try_from(*items).unwrap_or(0);
        }
    }
    buckets
}
