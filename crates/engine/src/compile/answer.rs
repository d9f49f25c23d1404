//! A whole Ask: its sub-plans side by side by their groups, what is computed of them, and which of
//! the groups are shown in which order.

use std::collections::HashSet;

use pacioli_model::{Aggregation, Ask, ColumnName, Direction, GroupKey};

use super::{
    fact::{self, Fact, Rule},
    identifier::identifier,
    names::Shared,
    nearest::{invalid, missing},
    outputs::{Known, Outputs},
    predicate,
    rows::find,
    slots::{Computed, Slots},
    statement::{Expr, Join, JoinKind, Query, Relation, Select, Source},
    typed::Typed,
};
use crate::EngineError;

const MOST_OUTPUTS: usize = 64;
/// Sub-plans of one Ask.
const MOST_FACTS: usize = 24;

/// A compiled Ask.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) query: Query,
    /// The columns of the answer.
    pub(super) outputs: Vec<(String, Typed)>,
}

/// Compiles `ask`.
pub(super) fn answer<'a>(shared: &'a Shared<'a>, ask: &'a Ask) -> Result<Answered, EngineError> {
    find(shared, &ask.table)?;
    check(ask)?;
    let slots = Slots::of(shared, ask)?;
    let facts = facts(shared, ask, &slots)?;
    if is_plain(ask, &slots, &facts) {
        if let Some(answered) = plain(shared, ask, &slots, &facts)? {
            return Ok(answered);
        }
    }
    let mut composed = Composed::of(shared, ask, &slots, facts)?;
    for level in 1..=slots.levels() {
        let last = level == slots.levels();
        let inline = last && ask.having.is_none() && ask.limit_per.is_empty() && {
            let mut new = slots.all.iter().filter(|slot| slot.level == level);
            new.all(|slot| !slot.hidden)
        };
        composed.compute(level, inline)?;
    }
    composed.finish()
}

/// What needs no catalog.
fn check(ask: &Ask) -> Result<(), EngineError> {
    let shown = ask.outputs().count();
    let outputs = ask.group_by.len() + ask.measures.len();
    if shown == 0 || outputs > MOST_OUTPUTS {
        return Err(invalid(format!("An answer has 1 to {MOST_OUTPUTS} columns, not {shown}.")));
    }
    let mut names = HashSet::new();
    for name in all_names(ask) {
        if !names.insert(name) {
            return Err(invalid(format!("Two columns of the answer are called {name}.")));
        }
    }
    for key in &ask.order {
        if !names.contains(&key.name) {
            let what = "The answer is not to be sorted by";
            let names = all_names(ask).map(ColumnName::as_str);
            return Err(missing(what, key.name.as_str(), names));
        }
    }
    if ask.limit.is_none() && !ask.limit_per.is_empty() {
        return Err(invalid("So many of each group are shown, but it is not said how many."));
    }
    within(ask, &ask.limit_per)
}

fn all_names(ask: &Ask) -> impl Iterator<Item = &ColumnName> {
    let groups = ask.group_by.iter().map(|group| &group.name);
    groups.chain(ask.measures.iter().map(|measure| &measure.name))
}

/// That all of `names` are groupings.
pub(super) fn within(ask: &Ask, names: &[ColumnName]) -> Result<(), EngineError> {
    let groups = || ask.group_by.iter().map(|group| &group.name);
    match names.iter().find(|name| groups().all(|group| group != *name)) {
        None => Ok(()),
        Some(name) => {
            let what = "The answer is not grouped by";
            Err(missing(what, name.as_str(), groups().map(ColumnName::as_str)))
        }
    }
}

/// A sub-plan and the positions of its figures.
type Planned = (Fact, Vec<usize>, bool);

/// One sub-plan for all figures over the same rows.
fn facts<'a>(
    shared: &'a Shared<'a>,
    ask: &'a Ask,
    slots: &Slots<'a>,
) -> Result<Vec<Planned>, EngineError> {
    let mut rules: Vec<(Rule<'a>, Vec<usize>, Vec<(&str, &'a Aggregation)>)> = Vec::new();
    for (position, slot) in slots.all.iter().enumerate() {
        let Computed::Aggregate { aggregation, shift } = &slot.figure else { continue };
        let rule = Rule::of(aggregation, *shift);
        let figure = (slot.name.as_str(), *aggregation);
        match rules.iter_mut().find(|(other, _, _)| *other == rule) {
            Some((_, positions, figures)) => {
                positions.push(position);
                figures.push(figure);
            }
            None => rules.push((rule, vec![position], vec![figure])),
        }
    }
    if ask.each_row && !rules.is_empty() {
        return Err(invalid(format!(
            "Every row of {} is listed, so nothing is counted or added up over several.",
            ask.table
        )));
    }
    if rules.len() > MOST_FACTS {
        return Err(invalid(format!(
            "More than {MOST_FACTS} figures over different rows are asked for at once."
        )));
    }
    if rules.is_empty() {
        if ask.group_by.is_empty() {
            return Err(invalid("The question measures nothing and groups by nothing."));
        }
        let fact = if ask.each_row {
            fact::listing(shared, ask)?
        } else {
            fact::fact(shared, ask, &Rule::about(shared, ask), &[])?
        };
        return Ok(vec![(fact, Vec::new(), false)]);
    }
    let facts = rules.into_iter().map(|(rule, positions, figures)| {
        let adds_up = rule.over_time == pacioli_model::OverTime::Within;
        Ok((fact::fact(shared, ask, &rule, &figures)?, positions, adds_up))
    });
    facts.collect()
}

fn is_plain(ask: &Ask, slots: &Slots<'_>, facts: &[Planned]) -> bool {
    let [(fact, _, _)] = facts else { return false };
    let hidden =
        ask.group_by.iter().any(|group| group.hidden) || slots.all.iter().any(|slot| slot.hidden);
    let having = ask.having.is_some() && !fact.plain;
    slots.levels() == 0 && !hidden && !having && ask.limit_per.is_empty()
}

/// One sub-plan is all: its own text, sorted and cut. Nothing where `having` reads rows of its own,
/// which stands beside finished groups alone.
fn plain<'a>(
    shared: &'a Shared<'a>,
    ask: &'a Ask,
    slots: &Slots<'a>,
    facts: &[Planned],
) -> Result<Option<Answered>, EngineError> {
    let [(fact, positions, _)] = facts else { return Ok(None) };
    let mut known = Known::default();
    let groups = ask.group_by.iter().map(|group| group.name.to_string());
    known.all.extend(groups.zip(fact.keys.iter().cloned()));
    let names = positions.iter().map(|position| slots.all[*position].name.clone());
    known.all.extend(names.zip(fact.figures.iter().cloned()));
    let mut query = fact.query.clone();
    if let Some(having) = &ask.having {
        let mut outputs = Outputs::new(shared, &known, slots);
        let having = predicate::bind(&mut outputs, having, 0)?;
        if having.reads_rows() {
            return Ok(None);
        }
        if positions.is_empty() {
            query.body.only(Some(having));
        } else {
            query.body.having = Some(having);
        }
    }
    query.body.order = order(ask);
    if ask.each_row && (ask.limit.is_some() || !ask.order.is_empty()) {
        query.body.order.extend(row_order(shared, ask, &query.body));
    }
    query.body.limit = ask.limit;
    Ok(Some(Answered { query, outputs: known.all }))
}

/// The sort keys as they are named in the answer; every group is among them, so that equal answers
/// come in equal order.
fn order(ask: &Ask) -> Vec<(Expr, Direction)> {
    let named = ask.order.iter().map(|key| (&key.name, key.direction));
    let groups = ask.group_by.iter().filter(|_| !ask.each_row);
    let groups = groups.map(|group| (&group.name, Direction::Ascending));
    let mut seen = HashSet::new();
    let keys = named.chain(groups).filter(|(name, _)| seen.insert(*name));
    keys.map(|(name, direction)| (Expr::Literal(identifier(name.as_str())), direction)).collect()
}

/// The key of the rows, where none of its columns could be taken for an output.
fn row_order(shared: &Shared<'_>, ask: &Ask, select: &Select) -> Vec<(Expr, Direction)> {
    let key = shared.catalog.table(&ask.table).map(|table| table.primary_key.as_slice());
    let key = key.unwrap_or_default();
    if key.iter().any(|column| all_names(ask).any(|name| name == column)) {
        return Vec::new();
    }
    let column = |name: &ColumnName| Expr::column(&select.from.alias, name.as_str());
    key.iter().map(|name| (column(name), Direction::Ascending)).collect()
}

/// Named queries, each over the one before.
struct Composed<'a, 's> {
    shared: &'a Shared<'a>,
    ask: &'a Ask,
    slots: &'s Slots<'a>,
    with: Vec<(String, Select)>,
    /// The last of them.
    name: String,
    /// Its columns.
    known: Known,
    /// Computed in the final SELECT.
    inline: Vec<(Expr, String)>,
}

impl<'a, 's> Composed<'a, 's> {
    /// The sub-plans side by side.
    fn of(
        shared: &'a Shared<'a>,
        ask: &'a Ask,
        slots: &'s Slots<'a>,
        facts: Vec<Planned>,
    ) -> Result<Self, EngineError> {
        let mut with = Vec::new();
        let mut sides = Vec::new();
        let mut known = Known::default();
        for (fact, positions, adds_up) in facts {
            let table = positions.first().map_or(&ask.table, |position| {
                match slots.all[*position].figure {
                    Computed::Aggregate { aggregation, .. } => &aggregation.table,
                    _ => &ask.table,
                }
            });
            let name = shared.fresh(&format!("{table}_figures"));
            with.extend(fact.query.with.clone());
            with.push((name.clone(), fact.query.body.clone()));
            known.most_groups = known.most_groups.saturating_add(fact.most_groups);
            if !adds_up || fact.multiplied {
                known.repeated.extend(positions.iter().copied().filter(|_| fact.multiplied));
                known.over_time.extend(positions.iter().copied().filter(|_| !adds_up));
            }
            sides.push((name, fact, positions));
        }
        let mut composed =
            Self { shared, ask, slots, with, name: String::new(), known, inline: Vec::new() };
        composed.put_together(&sides)?;
        Ok(composed)
    }

    fn put_together(&mut self, sides: &[(String, Fact, Vec<usize>)]) -> Result<(), EngineError> {
        let groups: Vec<String> =
            self.ask.group_by.iter().map(|group| group.name.to_string()).collect();
        let alone = sides.len() == 1;
        let Some((first, fact, _)) = sides.first() else { return Ok(()) };
        let mut select = Select::of_named(first);
        for (at, (name, side, _)) in sides.iter().enumerate().skip(1) {
            same_types(&groups, fact, side)?;
            let on = groups.iter().map(|group| {
                let left = merged(&sides[..at], group);
                left.same(Expr::column(name, group))
            });
            let on: Vec<Expr> = on.collect();
            let kind = if on.is_empty() { JoinKind::Cross } else { JoinKind::Full };
            let relation = Relation { source: Source::Named(name.clone()), alias: name.clone() };
            select.joins.push(Join { kind, relation, on });
        }
        for (group, key) in groups.iter().zip(&fact.keys) {
            select.outputs.push((merged(sides, group), group.clone()));
            self.known.all.push((group.clone(), key.clone()));
        }
        for (name, side, positions) in sides {
            for (position, figure) in positions.iter().zip(&side.figures) {
                let output = &self.slots.all[*position].name;
                let column = Expr::column(name, output);
                // A group that only another side has is one of no rows here.
                let counts = !alone && self.slots.all[*position].counts();
                let zero = Expr::Literal("0".to_owned());
                let value =
                    if counts { Expr::Call("coalesce", vec![column, zero]) } else { column };
                select.outputs.push((value, output.clone()));
                self.known.all.push((output.clone(), figure.clone()));
            }
        }
        if alone {
            self.name.clone_from(first);
        } else {
            self.push("figures", select);
        }
        self.rename();
        Ok(())
    }

    fn push(&mut self, base: &str, select: Select) {
        self.name = self.shared.fresh(base);
        self.with.push((self.name.clone(), select));
    }

    /// All that is known is now a column of the last query.
    fn rename(&mut self) {
        for (name, typed) in &mut self.known.all {
            typed.expr = Expr::column(&self.name, name);
            typed.name.clone_from(name);
        }
    }

    /// What is computed of the figures so far.
    fn compute(&mut self, level: usize, inline: bool) -> Result<(), EngineError> {
        let mut computed = Vec::new();
        for (position, slot) in self.slots.all.iter().enumerate() {
            if slot.level == level {
                let mut outputs = Outputs::new(self.shared, &self.known, self.slots);
                let typed = outputs.compute(self.ask, position)?;
                computed.push((slot.name.clone(), typed));
            }
        }
        if inline {
            self.inline =
                computed.iter().map(|(n, typed)| (typed.expr.clone(), n.clone())).collect();
            self.known.all.extend(computed);
            return Ok(());
        }
        let mut select = Select::of_named(&self.name);
        self.known.all.extend(computed);
        select.outputs =
            self.known.all.iter().map(|(name, typed)| (typed.expr.clone(), name.clone())).collect();
        self.push("computed", select);
        self.rename();
        Ok(())
    }

    fn finish(mut self) -> Result<Answered, EngineError> {
        let mut filter = None;
        if let Some(having) = &self.ask.having {
            let mut outputs = Outputs::new(self.shared, &self.known, self.slots);
            filter = Some(predicate::bind(&mut outputs, having, 0)?);
        }
        let mut limit = self.ask.limit;
        if let (Some(most), false) = (limit, self.ask.limit_per.is_empty()) {
            self.rank(filter.take());
            let place = Expr::column(&self.name, PLACE);
            filter = Some(place.compare("<=", Expr::Literal(most.to_string())));
            limit = None;
        }
        let mut select = Select::of_named(&self.name);
        let mut outputs = Vec::new();
        for name in self.ask.outputs() {
            let typed = self.known.get(name.as_str()).cloned().ok_or_else(|| {
                EngineError::Failed { detail: format!("{name} was not computed") }
            })?;
            select.outputs.push((typed.expr.clone(), name.to_string()));
            outputs.push((name.to_string(), typed));
        }
        select.filter = filter;
        select.order = order(self.ask);
        select.limit = limit;
        Ok(Answered { query: Query { with: self.with, body: select }, outputs })
    }

    /// Numbers the rows of each of the groups that a limit holds for.
    fn rank(&mut self, filter: Option<Expr>) {
        let mut select = Select::of_named(&self.name);
        select.filter = filter;
        let all = &self.known.all;
        select.outputs = all.iter().map(|(name, one)| (one.expr.clone(), name.clone())).collect();
        let place = Expr::Over {
            call: Box::new(Expr::Call("row_number", Vec::new())),
            partition: self.ask.limit_per.iter().map(|name| self.column(name.as_str())).collect(),
            order: order(self.ask),
        };
        select.outputs.push((place, PLACE.to_owned()));
        self.push("ranked", select);
        self.rename();
    }

    fn column(&self, name: &str) -> Expr {
        Expr::column(&self.name, name)
    }
}

/// The place of a row among those that a limit holds for; no output can be called so.
const PLACE: &str = "_place";

/// A group from whichever side has it.
fn merged(sides: &[(String, Fact, Vec<usize>)], group: &str) -> Expr {
    let mut columns: Vec<Expr> = sides.iter().map(|(name, ..)| Expr::column(name, group)).collect();
    match columns.len() {
        1 => columns.remove(0),
        _ => Expr::Call("coalesce", columns),
    }
}

fn same_types(groups: &[String], one: &Fact, other: &Fact) -> Result<(), EngineError> {
    for (name, (one, other)) in groups.iter().zip(one.keys.iter().zip(&other.keys)) {
        if one.data_type != other.data_type {
            return Err(invalid(format!(
                "The figures are not grouped by the same kind of {name}."
            )));
        }
    }
    Ok(())
}

/// Whether a grouping is a calendar period.
pub(super) fn is_period(ask: &Ask, name: &ColumnName) -> bool {
    let group = ask.group_by.iter().find(|group| group.name == *name);
    group.is_some_and(|group| matches!(group.key, GroupKey::Period { .. }))
}
