//! A whole Ask: its sub-plans side by side by their groups, what is computed of them, and which of
//! the groups are shown in which order.

use std::collections::HashSet;

use pacioli_model::{Ask, ColumnName, Direction, GroupKey};

use super::{
    identifier::identifier,
    names::Shared,
    nearest::{invalid, missing},
    outputs::{Known, Outputs},
    predicate,
    rows::find,
    side::{self, Side},
    slots::Slots,
    statement::{Expr, Query, Select},
    typed::Typed,
};
use crate::EngineError;

const MOST_OUTPUTS: usize = 64;

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
    let sides = side::sides(shared, ask, &slots)?;
    if is_plain(ask, &slots, &sides)
        && let Some(answered) = plain(shared, ask, &slots, &sides)?
    {
        return Ok(answered);
    }
    let mut composed = Composed::of(shared, ask, &slots, sides)?;
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

fn is_plain(ask: &Ask, slots: &Slots<'_>, sides: &[Side]) -> bool {
    let [Side { fact, .. }] = sides else { return false };
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
    sides: &[Side],
) -> Result<Option<Answered>, EngineError> {
    let [Side { fact, positions, .. }] = sides else { return Ok(None) };
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
/// come in equal order: ties by what tells groups apart first, in the direction of what was asked for.
fn order(ask: &Ask) -> Vec<(Expr, Direction)> {
    let named = ask.order.iter().map(|key| (&key.name, key.direction));
    let towards = ask.order.last().map_or(Direction::Ascending, |key| key.direction);
    let (hidden, shown): (Vec<_>, Vec<_>) = ask.group_by.iter().partition(|group| group.hidden);
    let groups = hidden.into_iter().chain(shown).filter(|_| !ask.each_row);
    let groups = groups.map(|group| (&group.name, towards));
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
}

impl<'a, 's> Composed<'a, 's> {
    /// The sub-plans side by side.
    fn of(
        shared: &'a Shared<'a>,
        ask: &'a Ask,
        slots: &'s Slots<'a>,
        mut sides: Vec<Side>,
    ) -> Result<Self, EngineError> {
        let (mut with, mut known) = (Vec::new(), Known::default());
        for side in &mut sides {
            with.append(&mut side.fact.query.with);
            with.push((side.name.clone(), side.fact.query.body.clone()));
            known.learn(side);
        }
        let first = sides.first().map(|side| side.name.clone()).unwrap_or_default();
        let mut composed = Self { shared, ask, slots, with, name: first, known };
        let (select, outputs) = side::together(ask, slots, &sides)?;
        composed.known.all = outputs;
        if sides.len() > 1 {
            composed.push("figures", select);
        }
        composed.rename();
        Ok(composed)
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

/// Whether a grouping is a calendar period.
pub(super) fn is_period(ask: &Ask, name: &ColumnName) -> bool {
    let group = ask.group_by.iter().find(|group| group.name == *name);
    group.is_some_and(|group| matches!(group.key, GroupKey::Period { .. }))
}
