//! One sub-plan: figures over the rows of one table, filtered and grouped there, at its own grain.

use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnRef, ColumnType, Comparison, DayRange, GroupKey, Grouping,
    Literal, OverTime, Predicate, Shift, TableName, TimeGrain, Value,
};

use super::{
    balance, calendar, figure,
    literal::settle,
    names::{Names, Shared},
    nearest::invalid,
    predicate,
    rows::{Rows, columns_of},
    statement::{Expr, Query, Select, Source, Type},
    typed::Typed,
    value,
    way::repeats,
};
use crate::EngineError;

/// Whose rows are measured, and which of them. Figures that agree in this share a sub-plan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule<'a> {
    pub(super) table: &'a TableName,
    pub(super) date: Option<ColumnRef>,
    pub(super) shift: Option<Shift>,
    pub(super) filter: Option<&'a Predicate>,
    pub(super) over_time: OverTime,
}

impl<'a> Rule<'a> {
    /// What `aggregation` says of its rows.
    pub(super) fn of(aggregation: &'a Aggregation, shift: Option<Shift>) -> Self {
        Self {
            table: &aggregation.table,
            date: aggregation.date.clone(),
            shift: shift.filter(|shift| shift.months > 0 || shift.days > 0),
            filter: aggregation.filter.as_ref(),
            over_time: aggregation.over_time,
        }
    }

    /// The rows of the table that the Ask is about, with the date that is declared for it.
    pub(super) fn about(shared: &Shared<'a>, ask: &'a Ask) -> Self {
        let declared = shared.catalog.semantics.table(&ask.table);
        let date = declared.and_then(|meaning| meaning.date.clone());
        let date = date.map(|column| ColumnRef::new(ask.table.clone(), column));
        let over_time = OverTime::Within;
        Self { table: &ask.table, date, shift: None, filter: None, over_time }
    }

    /// Whether a grouping tells the rows' own times apart.
    pub(super) fn is_time(&self, grouping: &Grouping) -> bool {
        match &grouping.key {
            GroupKey::Period { column: None, .. } => true,
            GroupKey::Period { column, .. } => *column == self.date,
            GroupKey::Value(value) | GroupKey::Bucket { value, .. } => {
                let mut columns = Vec::new();
                columns_of(value, &mut columns);
                !columns.is_empty() && columns.iter().all(|of| self.date.as_ref() == Some(*of))
            }
        }
    }
}

/// A bound sub-plan.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) query: Query,
    /// In the order of the groupings.
    pub(super) keys: Vec<Typed>,
    pub(super) figures: Vec<Typed>,
    /// A row counts in several groups.
    pub(super) multiplied: bool,
    /// There are no more groups than this.
    pub(super) most_groups: u128,
    /// `having` can be put to the figures as they are computed.
    pub(super) plain: bool,
}

/// Measures the groups of `rule`'s rows; lists them without figures. Its `peers` are the rules of the
/// other sub-plans.
pub(super) fn fact<'a>(
    shared: &'a Shared<'a>,
    ask: &'a Ask,
    (rule, peers): (&Rule<'a>, &[Rule<'a>]),
    figures: &[(&str, &'a Aggregation)],
) -> Result<Fact, EngineError> {
    let mut rows = Rows::of(shared, rule.table)?;
    rows.may_multiply = true;
    let keys = keys(&mut rows, ask, rule)?;
    rows.may_multiply = false;
    let table = rows.table();
    let mut arguments = Vec::new();
    for (_, aggregation) in figures {
        let value = aggregation.value.as_ref();
        let bind = |value| rows.singly(|rows| value::bind(rows, value, 0));
        arguments.push(value.map(bind).transpose()?);
    }
    let filter = conditions(&mut rows, ask, rule)?;
    let multiplied = rows.multiplies() && !figures.is_empty();
    let mut named = Vec::new();
    for ((name, aggregation), argument) in figures.iter().zip(arguments) {
        named.push((*name, aggregation.aggregate, argument));
    }
    let count = u128::from(table.rows);
    let mut fact = if multiplied {
        once(shared, ask, rows, filter, keys, named)?
    } else {
        plain(ask, rows, filter, keys, named)?
    };
    fact.most_groups = if multiplied { count.saturating_mul(count) } else { count };
    if rule.over_time == OverTime::ToDate && ask.group_by.iter().any(|group| rule.is_time(group)) {
        return balance::so_far(shared, ask, (rule, peers), fact, figures);
    }
    Ok(fact)
}

/// Every row of the Ask's table, one by one.
pub(super) fn listing<'a>(shared: &'a Shared<'a>, ask: &'a Ask) -> Result<Fact, EngineError> {
    let rule = Rule::about(shared, ask);
    let mut rows = Rows::of(shared, rule.table)?;
    let keys = keys(&mut rows, ask, &rule)?;
    let filter = conditions(&mut rows, ask, &rule)?;
    let most_groups = rows.table().rows.into();
    let mut select = rows.into_select();
    select.filter = filter;
    select.outputs = outputs(ask, &keys);
    let query = select.into();
    Ok(Fact { query, keys, figures: Vec::new(), multiplied: false, most_groups, plain: false })
}

type Argument<'n> = (&'n str, Aggregate, Option<Typed>);

/// Each row stands in one group.
fn plain(
    ask: &Ask,
    rows: Rows<'_>,
    filter: Option<Expr>,
    keys: Vec<Typed>,
    arguments: Vec<Argument<'_>>,
) -> Result<Fact, EngineError> {
    let count = rows.table().rows.into();
    let figures = arguments
        .into_iter()
        .map(|(name, aggregate, value)| figure::aggregate(name, aggregate, value, count))
        .collect::<Result<Vec<_>, _>>()?;
    let mut select = rows.into_select();
    select.filter = filter;
    let query = grouped(select, ask, &keys, &figures).into();
    Ok(Fact { query, keys, figures, multiplied: false, most_groups: 0, plain: true })
}

/// A row may stand in several groups, and several times in one: it is told apart by its key, and
/// counts once in each.
fn once<'a>(
    shared: &'a Shared<'a>,
    ask: &Ask,
    rows: Rows<'a>,
    filter: Option<Expr>,
    keys: Vec<Typed>,
    arguments: Vec<Argument<'_>>,
) -> Result<Fact, EngineError> {
    let table = rows.table();
    let name = shared.fresh(&format!("{}_once", table.name));
    let (identity, number) = identity(&rows);
    let mut inner = rows.into_select();
    inner.distinct = true;
    inner.filter = filter;
    inner.outputs = identity;
    if let Some(number) = number {
        inner.from.source = Source::Numbered(table.name.clone(), number);
    }
    let mut take = |value: Typed, output: String| {
        let outer = value.as_expr(Expr::column(&name, &output));
        inner.outputs.push((value.expr, output));
        outer
    };
    let keys = keys.into_iter().enumerate();
    let keys: Vec<Typed> = keys.map(|(at, key)| take(key, format!("key_{}", at + 1))).collect();
    let mut figures = Vec::new();
    for (at, (figure, aggregate, value)) in arguments.into_iter().enumerate() {
        let value = value.map(|value| take(value, format!("value_{}", at + 1)));
        figures.push(figure::aggregate(figure, aggregate, value, table.rows.into())?);
    }
    shared.note(format!(
        "A row of {} counts once in every group that it belongs to, so the groups can add up to more than the total.",
        table.name
    ));
    let body = grouped(Select::of_named(&name), ask, &keys, &figures);
    let query = Query { with: vec![(name, inner)], body };
    Ok(Fact { query, keys, figures, multiplied: true, most_groups: 0, plain: true })
}

fn grouped(mut select: Select, ask: &Ask, keys: &[Typed], figures: &[Typed]) -> Select {
    select.outputs = outputs(ask, keys);
    select.outputs.extend(figures.iter().map(|one| (one.expr.clone(), one.name.clone())));
    select.groups = keys.iter().map(|key| key.expr.clone()).collect();
    select
}

/// What tells a row from all others: its key, or a number that it is given under this name.
fn identity(rows: &Rows<'_>) -> (Vec<(Expr, String)>, Option<String>) {
    let table = rows.table();
    let named = |(at, column): (usize, &str)| (rows.own(column), format!("row_{}", at + 1));
    let key: Vec<&str> = table.primary_key.iter().map(pacioli_model::ColumnName::as_str).collect();
    let known = table.primary_key.iter().all(|column| table.column(column).is_some());
    if known && !key.is_empty() && !repeats(table, &table.primary_key) {
        return (key.into_iter().enumerate().map(named).collect(), None);
    }
    let has = |name: &str| table.columns.iter().any(|column| column.name.as_str() == name);
    let numbered = (2_u32..).map(|number| format!("row_number_{number}"));
    let mut candidates = std::iter::once("row_number".to_owned()).chain(numbered);
    let number = candidates.find(|name| !has(name)).unwrap_or_default();
    (vec![named((0, &number))], Some(number))
}

fn outputs(ask: &Ask, keys: &[Typed]) -> Vec<(Expr, String)> {
    let names = ask.group_by.iter().map(|group| group.name.to_string());
    keys.iter().map(|key| key.expr.clone()).zip(names).collect()
}

/// What rows are told apart by.
pub(super) fn keys<'a>(
    rows: &mut Rows<'a>,
    ask: &Ask,
    rule: &Rule<'a>,
) -> Result<Vec<Typed>, EngineError> {
    let mut keys: Vec<Typed> = Vec::new();
    for grouping in &ask.group_by {
        let key = key(rows, grouping, rule)?;
        if !ask.each_row && keys.iter().any(|other| other.expr == key.expr) {
            return Err(invalid(format!("The answer is grouped by {} twice.", key.name)));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// What rows are told apart by in one grouping.
pub(super) fn key<'a>(
    rows: &mut Rows<'a>,
    grouping: &Grouping,
    rule: &Rule<'a>,
) -> Result<Typed, EngineError> {
    match &grouping.key {
        GroupKey::Period { column, grain } => {
            let of = column.as_ref().or(rule.date.as_ref()).ok_or_else(|| {
                invalid(format!("{} is counted by no date, so it has no periods.", rule.table))
            })?;
            let own = column.is_none();
            let date = if own { rows.singly(|rows| rows.column(of)) } else { rows.column(of) }?;
            if !date.data_type.is_time() {
                return Err(invalid(format!("{} is no date, so it has no periods.", date.name)));
            }
            Ok(period(shifted(date, of, rule), *grain))
        }
        GroupKey::Value(value) => by_value(rows, value, rule),
        GroupKey::Bucket { value, edges } => {
            let value = by_value(rows, value, rule)?;
            if !value.data_type.is_number() {
                return Err(invalid(format!("{} holds no numbers to part by size.", value.name)));
            }
            if edges.is_empty() || edges.windows(2).any(|pair| !ascending(pair[0], pair[1])) {
                return Err(invalid("The edges of buckets are numbers in ascending order."));
            }
            let edges = edges.iter().map(|edge| settle(&value, &Literal::Decimal(*edge)));
            let edges = edges.collect::<Result<Vec<_>, _>>()?;
            let (name, most) = (format!("the bucket of {}", value.name), edges.len());
            let expr = Expr::Bucket { value: Box::new(value.expr), edges };
            let largest = u128::try_from(most).unwrap_or(u128::MAX);
            Ok(Typed { largest, ..Typed::new(expr, ColumnType::Integer, name) })
        }
    }
}

fn ascending(one: pacioli_model::Decimal, other: pacioli_model::Decimal) -> bool {
    let scale = one.scale.max(other.scale);
    let aligned = |value: pacioli_model::Decimal| {
        10_i128
            .checked_pow((scale - value.scale).into())
            .and_then(|factor| value.mantissa.checked_mul(factor))
    };
    match (aligned(one), aligned(other)) {
        (Some(one), Some(other)) => one < other,
        _ => one.to_f64() < other.to_f64(),
    }
}

fn by_value<'a>(rows: &mut Rows<'a>, by: &Value, rule: &Rule<'a>) -> Result<Typed, EngineError> {
    let bound = value::bind(rows, by, 0)?;
    if !bound.expr.has_columns() {
        return Err(invalid("Rows are told apart by a column, not by a value that all share."));
    }
    let Some(date) = rule.date.as_ref().filter(|_| rule.shift.is_some()) else {
        return Ok(bound);
    };
    match by {
        Value::Column(of) if of == date => Ok(shifted(bound, of, rule)),
        Value::Part { part, of } => match of.as_ref() {
            Value::Column(of) if of == date => {
                let day = rows.column(of)?;
                value::part_of(*part, shifted(day, of, rule))
            }
            _ => Ok(bound),
        },
        _ => Ok(bound),
    }
}

/// The day that a row's own date is compared with.
fn shifted(date: Typed, of: &ColumnRef, rule: &Rule<'_>) -> Typed {
    match rule.shift {
        Some(shift) if rule.date.as_ref() == Some(of) => {
            let expr = Expr::Shifted(Box::new(date.expr.clone()), shift);
            let is_day = date.data_type == ColumnType::Date;
            date.as_expr(if is_day { expr.cast(Type::Date) } else { expr })
        }
        _ => date,
    }
}

/// The first day of a date's period.
fn period(date: Typed, grain: TimeGrain) -> Typed {
    let grain = match grain {
        TimeGrain::Day if date.data_type == ColumnType::Date => return date,
        TimeGrain::Day => "'day'",
        TimeGrain::Week => "'week'",
        TimeGrain::Month => "'month'",
        TimeGrain::Quarter => "'quarter'",
        TimeGrain::Year => "'year'",
    };
    let arguments = vec![Expr::Literal(grain.to_owned()), date.expr];
    let expr = Expr::Call("date_trunc", arguments).cast(Type::Date);
    Typed::new(expr, ColumnType::Date, date.name)
}

/// Which rows count: by the figure's own filter, the Ask's, and the days.
pub(super) fn conditions<'a>(
    rows: &mut Rows<'a>,
    ask: &Ask,
    rule: &Rule<'a>,
) -> Result<Option<Expr>, EngineError> {
    let range = ask.range;
    let mut parts = Vec::new();
    for filter in [rule.filter, ask.filter.as_ref()].into_iter().flatten() {
        parts.push(predicate::bind(rows, filter, 0)?);
    }
    let wanted = range.is_some_and(|range| range.from.or(range.to).is_some());
    if wanted || rule.over_time != OverTime::Within {
        let Some(date) = &rule.date else {
            return Err(invalid(format!(
                "{} is counted by no date, so no days of it can be chosen.",
                rule.table
            )));
        };
        let date = rows.singly(|rows| rows.column(date))?;
        if !date.data_type.is_time() {
            return Err(invalid(format!("{} is no date, so it has no days.", date.name)));
        }
        parts.extend(days(&date, range, rule)?);
        if rule.over_time == OverTime::Snapshot {
            let last = balance::last_days(rows.shared(), ask, rule)?;
            parts.push(Expr::Among(Box::new(date.into_day().expr), Box::new(last)));
        }
    }
    Ok(Expr::all(parts))
}

/// The days of the range, as far back as the figure is.
pub(super) fn days(
    date: &Typed,
    range: Option<DayRange>,
    rule: &Rule<'_>,
) -> Result<Vec<Expr>, EngineError> {
    let open = DayRange { from: None, to: None };
    let range = calendar::before(range.unwrap_or(open), rule.shift)?;
    let from = range.from.filter(|_| rule.over_time != OverTime::ToDate);
    let bound = |comparison, day: chrono::NaiveDate| {
        predicate::with_literal(date, comparison, &Literal::Date(day))
    };
    let from = from.map(|day| bound(Comparison::GreaterOrEqual, day));
    let to = range.to.map(|day| bound(Comparison::Less, day));
    from.into_iter().chain(to).collect()
}
