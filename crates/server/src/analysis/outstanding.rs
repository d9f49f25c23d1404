//! How many days of sales or purchases an open amount is (DSO, DPO), and how many it was.

use chrono::{Days, NaiveDate};
use pacioli_insights::{
    days_outstanding,
    study::{Cells, table},
};
use pacioli_model::{
    Aggregate, Aggregation, Ask, Catalog, Cell, ColumnRef, ColumnType, Compare, Comparison,
    DayRange, Definition, Evidence, Fact, Figure, Finding, Literal, Measure, Operation, OverTime,
    Predicate, ReportContent, Side, Unit, Value, Window,
};

use super::{
    Analyst, Periods, both,
    extras::{finding, key, spans},
    figures::Figured,
    report::column,
};
use crate::error::ApiResult;

/// Days of sales or purchases that an open amount is compared with.
const BILLED_DAYS: u32 = 90;
/// Words of columns that say when something was paid.
const PAID: [&str; 4] = ["paid", "payment", "settled", "cleared"];
/// What is open now must come out as it is by what was open then, but for so much.
const SAME: f64 = 0.005;

/// What is open now.
pub(super) struct Open {
    pub(super) side: Side,
    pub(super) on: NaiveDate,
    pub(super) amount: f64,
    pub(super) queries: Vec<usize>,
}

/// The open amount at the end of the data in days of what was billed in the days before it; and the same at the
/// end of the days that the report compares with, where the tables tell what was open then.
pub(super) async fn outstanding(
    analyst: &mut Analyst<'_>,
    (figured, billed): (&Figured, &Figured),
    open: Open,
    content: &ReportContent,
) -> ApiResult<Option<Finding>> {
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
    let Open { side, on, amount, mut queries } = open;
    let Some((query, turnover)) = billed_before(analyst, billed, on).await? else {
        return Ok(None);
    };
    let Some(days) = days_outstanding(amount, turnover, f64::from(BILLED_DAYS)) else {
        return Ok(None);
    };
    queries.push(query);
    let earlier = earlier(analyst, (figured, billed), (on, amount), content, &mut queries).await?;
    let before = earlier.and_then(|(_, amount, turnover)| {
        days_outstanding(amount, turnover, f64::from(BILLED_DAYS))
    });
    let before_on = earlier.map(|it| it.0).filter(|_| before.is_some());
    let fact = Fact::DaysOutstanding { side, days, before, before_on, open: amount };
    let rows = earlier.into_iter().chain([(on, amount, turnover)]);
    let (mut day, mut open, mut billed) = (Vec::new(), Vec::new(), Vec::new());
    for (on, amount, turnover) in rows {
        day.push(Cell::Date(on));
        open.push(Cell::Float(amount));
        billed.push(Cell::Float(turnover));
    }
    let cells: Vec<Cells<'_>> = vec![
        ("day", ColumnType::Date, day),
        ("open", ColumnType::Float, open),
        ("billed", ColumnType::Float, billed),
    ];
    let evidence = Evidence { table: table(cells), queries };
    Ok(Some(finding(figured, fact, 0.3, evidence, content)))
}

/// What was billed in the days up to one, that one among them.
async fn billed_before(
    analyst: &mut Analyst<'_>,
    billed: &Figured,
    on: NaiveDate,
) -> ApiResult<Option<(usize, f64)>> {
    let to = on.succ_opt().unwrap_or(on);
    let range = DayRange { from: Some(to - Days::new(BILLED_DAYS.into())), to: Some(to) };
    let ask = Ask {
        measures: vec![Measure::new(column("value"), billed.figure.clone())],
        range: Some(range),
        ..Ask::about(billed.table.clone())
    };
    let answer = analyst.ask(ask).await?;
    Ok(answer.map(|(query, rows)| {
        (query, rows.rows.first().and_then(|row| row.first()?.as_f64()).unwrap_or(0.0))
    }))
}

/// The last of the days that the report compares with, what was open then and what was billed in the days before.
/// Nothing where the tables do not tell, or begin too late, or where what they tell in this way is not what is open
/// now.
async fn earlier(
    analyst: &mut Analyst<'_>,
    (figured, billed): (&Figured, &Figured),
    (on, amount): (NaiveDate, f64),
    content: &ReportContent,
    queries: &mut Vec<usize>,
) -> ApiResult<Option<(NaiveDate, f64, f64)>> {
    let begins = spans(analyst, [&figured.date, &billed.date].into_iter()).await?;
    let Window { from, to, grain, .. } = content.period;
    let first = begins.values().map(|it| it.0).max();
    // A report of open items alone compares nothing else.
    let usual = || Periods { from, to, grain }.against(Compare::Usual, first?).map(|it| it.to);
    let Some(end) = content.comparison.map(|it| it.to).or_else(usual) else { return Ok(None) };
    let day = on - (to - end);
    let reaches = |date: &ColumnRef| {
        let first = begins.get(&key(date)).map(|it| it.0);
        first.is_some_and(|first| first <= day - Days::new(BILLED_DAYS.into()))
    };
    if !reaches(&figured.date) || !reaches(&billed.date) {
        return Ok(None);
    }
    // As of now, whatever the last document's day is.
    let now = open_on(analyst, figured, content.today).await?;
    let Some((_, now)) = now else { return Ok(None) };
    if (now - amount).abs() > SAME * amount.abs() {
        return Ok(None);
    }
    let Some((open_query, then)) = open_on(analyst, figured, day).await? else { return Ok(None) };
    let Some((query, turnover)) = billed_before(analyst, billed, day).await? else {
        return Ok(None);
    };
    queries.extend([open_query, query]);
    Ok(Some((day, then, turnover)))
}

/// What was open at the end of a day.
async fn open_on(
    analyst: &mut Analyst<'_>,
    figured: &Figured,
    day: NaiveDate,
) -> ApiResult<Option<(usize, f64)>> {
    let Some(ask) = open_ask(&analyst.seen.visible, figured, day) else { return Ok(None) };
    let answer = analyst.ask(ask).await?;
    Ok(answer.map(|(query, rows)| {
        let value = |place: usize| rows.rows.first().and_then(|row| row.get(place)?.as_f64());
        (query, value(0).unwrap_or(0.0) - value(1).unwrap_or(0.0))
    }))
}

/// A balance has a value on each day. Of documents with what was paid of them, those that were not paid by then
/// are open with all of their amount, where a column says when each was paid; of what is not paid to the end, what
/// was paid is taken off. Nothing of others: what is open now is not what was open then.
fn open_ask(catalog: &Catalog, figured: &Figured, day: NaiveDate) -> Option<Ask> {
    let Figure::Metric { metric, .. } = &figured.figure else { return None };
    let Definition::Aggregate(of) = &catalog.semantics.metric(metric)?.definition else {
        return None;
    };
    let end = day.succ_opt()?;
    if of.over_time == OverTime::ToDate {
        return Some(Ask {
            measures: vec![Measure::new(column("value"), figured.figure.clone())],
            range: Some(DayRange { from: None, to: Some(end) }),
            ..Ask::about(figured.table.clone())
        });
    }
    let Some(Value::Arithmetic { operation: Operation::Subtract, left, right }) = &of.value else {
        return None;
    };
    let entry = catalog.table(&of.table)?;
    let is_paid = |name: &str| PAID.iter().any(|word| name.contains(word));
    let mut days = entry.columns.iter().filter(|it| it.data_type.is_time());
    let paid = days.find(|it| is_paid(it.name.as_str()))?;
    if of.aggregate != Aggregate::Sum || of.over_time != OverTime::Within {
        return None;
    }
    let midnight = |of: ColumnType| match of {
        ColumnType::Timestamp => Literal::Timestamp(end.and_time(chrono::NaiveTime::MIN).and_utc()),
        _ => Literal::Date(end),
    };
    let issued = catalog.table(&figured.date.table)?.column(&figured.date.column)?.data_type;
    let issued = Predicate::compare(figured.date.clone(), Comparison::Less, midnight(issued));
    let column_of = ColumnRef::new(of.table.clone(), paid.name.clone());
    let unpaid = Predicate::IsNull { value: Value::Column(column_of.clone()) };
    let later = Predicate::compare(column_of, Comparison::GreaterOrEqual, midnight(paid.data_type));
    let part = |value: &Value, rows: Predicate| {
        let filter = both(both(of.filter.clone(), Some(issued.clone())), Some(rows));
        Figure::Aggregate(Aggregation { value: Some(value.clone()), filter, ..of.clone() })
    };
    let open = part(left, Predicate::Any(vec![unpaid.clone(), later]));
    Some(Ask {
        measures: vec![
            Measure::new(column("value"), open),
            Measure::new(column("paid"), part(right, unpaid)),
        ],
        ..Ask::about(figured.table.clone())
    })
}
