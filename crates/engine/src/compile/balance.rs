//! Figures that do not add up over time: states on a day, and balances of changes.

use pacioli_model::{Aggregate, Aggregation, Ask, DayRange, Direction, GroupKey, Grouping};

use super::{
    calendar::first_day,
    fact::{self, Fact, Rule},
    literal,
    names::{Names, Shared},
    nearest::invalid,
    rows::Rows,
    statement::{Expr, Join, JoinKind, Query, Relation, Select, Source},
    typed::Typed,
};
use crate::EngineError;

/// The condition that a row is of the last day of its period that has any row. Which day is the last
/// depends on the figure's own rows and the range, not on the Ask's filter: else a product that is
/// gone would be shown with what there was of it before.
pub(super) fn last_days<'a>(
    shared: &'a Shared<'a>,
    ask: &Ask,
    rule: &Rule<'a>,
) -> Result<Query, EngineError> {
    let mut rows = Rows::of(shared, rule.table)?;
    let mut periods = Vec::new();
    for grouping in ask.group_by.iter().filter(|grouping| rule.is_time(grouping)) {
        periods.push(fact::key(&mut rows, grouping, rule)?.expr);
    }
    let filter = own_rows(&mut rows, ask.range, rule)?;
    let day = own_date(&mut rows, rule)?.into_day();
    let mut select = rows.into_select();
    select.filter = filter;
    select.outputs = vec![(Expr::Call("max", vec![day.expr]), "day".to_owned())];
    select.groups = periods;
    Ok(select.into())
}

fn own_date<'a>(rows: &mut Rows<'a>, rule: &Rule<'a>) -> Result<Typed, EngineError> {
    let date = rule.date.as_ref().ok_or_else(|| {
        invalid(format!("{} is counted by no date, so it has no periods.", rule.table))
    })?;
    rows.column(date)
}

/// The rows of a figure that count by its own filter and the range.
fn own_rows<'a>(
    rows: &mut Rows<'a>,
    range: Option<DayRange>,
    rule: &Rule<'a>,
) -> Result<Option<Expr>, EngineError> {
    let mut parts = Vec::new();
    if let Some(filter) = rule.filter {
        parts.push(super::predicate::bind(rows, filter, 0)?);
    }
    let date = own_date(rows, rule)?;
    parts.extend(fact::days(&date, range, rule)?);
    Ok(Expr::all(parts))
}

/// Turns the changes of each period into what they have come to by its end.
///
/// The periods are those in which the table has any change or another figure has rows, and the one in
/// which the range starts, so that a balance is shown where nothing changed.
pub(super) fn so_far<'a>(
    shared: &'a Shared<'a>,
    ask: &'a Ask,
    (rule, peers): (&Rule<'a>, &[Rule<'a>]),
    mut changes: Fact,
    figures: &[(&str, &'a Aggregation)],
) -> Result<Fact, EngineError> {
    let period = period_of(ask, rule)?;
    let rules = in_the_same_time(rule, peers, &ask.group_by[period]);
    let parts = Parts::new(shared, rule);
    let count = unused("changes", ask, figures);
    let every = unused("every", ask, figures);
    let periods = periods(shared, ask, &rules, (period, &every))?;
    changes.query.body.outputs.push((Expr::CountRows, count.clone()));
    let groups: Vec<&str> = ask.group_by.iter().map(|group| group.name.as_str()).collect();
    let filled = filled(&parts, &groups, (period, &every), figures, &count);
    let running = running(&parts, &groups, period, figures, &count)?;
    let body = shown(ask, &parts, period, figures, &count);
    let mut with = changes.query.with;
    with.push((parts.changes.clone(), changes.query.body));
    with.push((parts.periods.clone(), periods));
    if groups.len() > 1 {
        with.push((parts.groups.clone(), groups_of(&parts, &groups, (period, &every))));
    }
    with.push((parts.filled.clone(), filled));
    with.push((parts.balances.clone(), running));
    let rename = |typed: &Typed, name: &str| typed.as_expr(Expr::column(&parts.balances, name));
    let keys = changes.keys.iter().zip(&groups).map(|(key, name)| rename(key, name)).collect();
    let figures =
        changes.figures.iter().zip(figures).map(|(one, (name, _))| rename(one, name)).collect();
    Ok(Fact {
        query: Query { with, body },
        keys,
        figures,
        plain: false,
        most_groups: changes.most_groups.saturating_mul(changes.most_groups),
        multiplied: changes.multiplied,
    })
}

/// The balances of the periods in the range, of groups that have had any change.
fn shown(
    ask: &Ask,
    parts: &Parts,
    period: usize,
    figures: &[(&str, &Aggregation)],
    count: &str,
) -> Select {
    let column = |name: &str| Expr::column(&parts.balances, name);
    let mut select = Select::of_named(&parts.balances);
    let groups = ask.group_by.iter().map(|group| group.name.as_str());
    let names = groups.chain(figures.iter().map(|(name, _)| *name));
    select.outputs = names.map(|name| (column(name), name.to_owned())).collect();
    let mut conditions = vec![column(count).compare(">", Expr::Literal("0".to_owned()))];
    let grouping = &ask.group_by[period];
    if let (Some(from), Some(grain)) = (ask.range.and_then(|range| range.from), grouping.grain()) {
        let from = literal::date(first_day(grain, from));
        conditions.push(column(grouping.name.as_str()).compare(">=", from));
    }
    select.filter = Expr::all(conditions);
    select
}

/// The rule, and those of its peers that have rows of their own in these periods.
fn in_the_same_time<'a, 'r>(
    rule: &'r Rule<'a>,
    peers: &'r [Rule<'a>],
    grouping: &Grouping,
) -> Vec<&'r Rule<'a>> {
    let peers = peers.iter().filter(|peer| {
        let same = (peer.table, &peer.date, peer.shift) == (rule.table, &rule.date, rule.shift);
        !same && peer.date.is_some() && peer.is_time(grouping)
    });
    std::iter::once(rule).chain(peers).collect()
}

/// What the parts of a balance are called.
struct Parts {
    changes: String,
    periods: String,
    groups: String,
    filled: String,
    balances: String,
}

impl Parts {
    fn new(shared: &Shared<'_>, rule: &Rule<'_>) -> Self {
        let fresh = |part: &str| shared.fresh(&format!("{}_{part}", rule.table));
        Self {
            changes: fresh("changes"),
            periods: fresh("periods"),
            groups: fresh("groups"),
            filled: fresh("filled"),
            balances: fresh("balances"),
        }
    }
}

/// The position of the one grouping by periods of the figure's own date.
fn period_of(ask: &Ask, rule: &Rule<'_>) -> Result<usize, EngineError> {
    let times: Vec<usize> =
        (0..ask.group_by.len()).filter(|at| rule.is_time(&ask.group_by[*at])).collect();
    match times.as_slice() {
        [only] if matches!(ask.group_by[*only].key, GroupKey::Period { .. }) => Ok(*only),
        _ => Err(invalid(format!(
            "A balance of {} is shown by one calendar period of its date: by day, week, month, quarter or year.",
            rule.table
        ))),
    }
}

/// A name like `base` that no output has.
fn unused(base: &str, ask: &Ask, figures: &[(&str, &Aggregation)]) -> String {
    let taken = |name: &str| {
        ask.group_by.iter().any(|group| group.name.as_str() == name)
            || figures.iter().any(|(figure, _)| *figure == name)
    };
    let numbered = (2_u32..).map(|number| format!("{base}_{number}"));
    let mut candidates = std::iter::once(base.to_owned()).chain(numbered);
    candidates.find(|name| !taken(name)).unwrap_or_default()
}

/// Every period that is shown: those in which the table or another one of the answer's has rows. Each
/// is joined with all groups by a column that is 1 in every row, for joins without an equality are
/// refused.
fn periods<'a>(
    shared: &'a Shared<'a>,
    ask: &Ask,
    rules: &[&Rule<'a>],
    (period, every): (usize, &str),
) -> Result<Select, EngineError> {
    let grouping = &ask.group_by[period];
    let outputs = |first| {
        let one = (ask.group_by.len() > 1).then(|| (one(), every.to_owned()));
        [(first, grouping.name.to_string())].into_iter().chain(one).collect()
    };
    let mut selects = Vec::new();
    for rule in rules {
        let mut rows = Rows::of(shared, rule.table)?;
        let key = fact::key(&mut rows, grouping, rule)?;
        let date = own_date(&mut rows, rule)?;
        let mut parts = fact::days(&date, ask.range, rule)?;
        parts.push(Expr::IsNull(Box::new(date.expr)).negated());
        let mut select = rows.into_select();
        select.distinct = true;
        select.filter = Expr::all(parts);
        select.outputs = outputs(key.expr);
        selects.push(select);
    }
    if let (Some(from), Some(grain)) = (ask.range.and_then(|range| range.from), grouping.grain()) {
        let mut first = Select::of(Relation { source: Source::OneRow, alias: String::new() });
        first.outputs = outputs(literal::date(first_day(grain, from)));
        selects.push(first);
    }
    let joined = selects.into_iter().rev().reduce(|rest, mut select| {
        select.union = Some(Box::new(rest));
        select
    });
    joined.ok_or_else(|| EngineError::Failed { detail: "a balance without periods".to_owned() })
}

/// The combinations of the other groupings.
fn groups_of(parts: &Parts, groups: &[&str], (period, every): (usize, &str)) -> Select {
    let mut select = Select::of_named(&parts.changes);
    select.distinct = true;
    let columns = others(groups, period).map(|name| (Expr::column(&parts.changes, name), name));
    let columns = columns.chain([(one(), every)]);
    select.outputs = columns.map(|(expr, name)| (expr, name.to_owned())).collect();
    select
}

fn one() -> Expr {
    Expr::Literal("1".to_owned())
}

fn others<'g>(groups: &'g [&'g str], period: usize) -> impl Iterator<Item = &'g str> {
    groups.iter().enumerate().filter(move |(at, _)| *at != period).map(|(_, name)| *name)
}

/// The changes of every period and combination, null where there are none.
fn filled(
    parts: &Parts,
    groups: &[&str],
    (period, every): (usize, &str),
    figures: &[(&str, &Aggregation)],
    count: &str,
) -> Select {
    let relation =
        |name: &String| Relation { source: Source::Named(name.clone()), alias: name.clone() };
    let mut select = Select::of_named(&parts.periods);
    let from = |at: usize| if at == period { &parts.periods } else { &parts.groups };
    if groups.len() > 1 {
        let side = |name: &str| Expr::column(name, every);
        let on = vec![side(&parts.periods).compare("=", side(&parts.groups))];
        select.joins.push(Join { kind: JoinKind::Inner, relation: relation(&parts.groups), on });
    }
    let on = groups
        .iter()
        .enumerate()
        .map(|(at, name)| Expr::column(&parts.changes, name).same(Expr::column(from(at), name)));
    select.joins.push(Join {
        kind: JoinKind::Left,
        relation: relation(&parts.changes),
        on: on.collect(),
    });
    let keys = groups.iter().enumerate().map(|(at, name)| (Expr::column(from(at), name), *name));
    let figures = figures.iter().map(|(name, _)| *name).chain([count]);
    let figures = figures.map(|name| (Expr::column(&parts.changes, name), name));
    select.outputs = keys.chain(figures).map(|(expr, name)| (expr, name.to_owned())).collect();
    select
}

/// What the changes have come to by each period.
fn running(
    parts: &Parts,
    groups: &[&str],
    period: usize,
    figures: &[(&str, &Aggregation)],
    count: &str,
) -> Result<Select, EngineError> {
    let column = |name: &str| Expr::column(&parts.filled, name);
    let over = |function, name: &str| Expr::Over {
        call: Box::new(Expr::Call(function, vec![column(name)])),
        partition: others(groups, period).map(column).collect(),
        order: vec![(column(groups[period]), Direction::Ascending)],
    };
    let mut select = Select::of_named(&parts.filled);
    select.outputs = groups.iter().map(|name| (column(name), (*name).to_owned())).collect();
    for (name, aggregation) in figures {
        let function = match aggregation.aggregate {
            Aggregate::Sum | Aggregate::Count => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::Average | Aggregate::CountDistinct => {
                return Err(invalid(format!(
                    "{name} cannot be carried from period to period: a balance is a sum, a count, a least or a greatest value."
                )));
            }
        };
        select.outputs.push((over(function, name), (*name).to_owned()));
    }
    select.outputs.push((over("sum", count), count.to_owned()));
    Ok(select)
}
