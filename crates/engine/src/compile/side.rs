//! Sub-plans, and how they stand side by side.

use pacioli_model::{Aggregation, Ask, OverTime, TableName};

use super::{
    fact::{self, Fact, Rule},
    names::Shared,
    nearest::invalid,
    slots::{Computed, Slots},
    statement::{Expr, Join, JoinKind, Relation, Select, Source},
    typed::Typed,
};
use crate::EngineError;

/// Sub-plans of one Ask.
const MOST_SIDES: usize = 24;

/// One sub-plan among those of an Ask.
#[derive(Debug)]
pub(super) struct Side {
    /// What it is called in the statement.
    pub(super) name: String,
    pub(super) fact: Fact,
    /// Which figures it computes.
    pub(super) positions: Vec<usize>,
    /// They are states or balances.
    pub(super) over_time: bool,
}

/// Figures over the same rows.
struct Shape<'a, 's> {
    rule: Rule<'a>,
    positions: Vec<usize>,
    figures: Vec<(&'s str, &'a Aggregation)>,
}

/// One sub-plan for all figures over the same rows; one without figures where there are none.
pub(super) fn sides<'a>(
    shared: &'a Shared<'a>,
    ask: &'a Ask,
    slots: &Slots<'a>,
) -> Result<Vec<Side>, EngineError> {
    let shapes = shapes(slots);
    if ask.each_row && !shapes.is_empty() {
        return Err(invalid(format!(
            "Every row of {} is listed, so nothing is counted or added up over several.",
            ask.table
        )));
    }
    if shapes.len() > MOST_SIDES {
        return Err(invalid(format!(
            "More than {MOST_SIDES} figures over different rows are asked for at once."
        )));
    }
    if shapes.is_empty() {
        let fact = groups_alone(shared, ask)?;
        return Ok(vec![Side::new(shared, &ask.table, fact, Vec::new(), false)]);
    }
    let rules: Vec<Rule<'a>> = shapes.iter().map(|shape| shape.rule.clone()).collect();
    let sides = shapes.into_iter().map(|shape| {
        let fact = fact::fact(shared, ask, (&shape.rule, &rules), &shape.figures)?;
        let over_time = shape.rule.over_time != OverTime::Within;
        Ok(Side::new(shared, shape.rule.table, fact, shape.positions, over_time))
    });
    sides.collect()
}

impl Side {
    fn new(
        shared: &Shared<'_>,
        table: &TableName,
        fact: Fact,
        positions: Vec<usize>,
        over_time: bool,
    ) -> Self {
        let name = shared.fresh(&format!("{table}_figures"));
        Self { name, fact, positions, over_time }
    }
}

fn shapes<'a, 's>(slots: &'s Slots<'a>) -> Vec<Shape<'a, 's>> {
    let mut shapes: Vec<Shape<'a, 's>> = Vec::new();
    for (position, slot) in slots.all.iter().enumerate() {
        let Computed::Aggregate { aggregation, shift } = &slot.figure else { continue };
        let rule = Rule::of(aggregation, *shift);
        let figure = (slot.name.as_str(), *aggregation);
        match shapes.iter_mut().find(|shape| shape.rule == rule) {
            Some(shape) => {
                shape.positions.push(position);
                shape.figures.push(figure);
            }
            None => shapes.push(Shape { rule, positions: vec![position], figures: vec![figure] }),
        }
    }
    shapes
}

/// The rows of the Ask's table, or the different groups of them.
fn groups_alone<'a>(shared: &'a Shared<'a>, ask: &'a Ask) -> Result<Fact, EngineError> {
    if ask.group_by.is_empty() {
        return Err(nothing());
    }
    if ask.each_row {
        return fact::listing(shared, ask);
    }
    fact::fact(shared, ask, (&Rule::about(shared, ask), &[]), &[])
}

fn nothing() -> EngineError {
    invalid("The question measures nothing and groups by nothing.")
}

/// Groups and figures by name.
type Outputs = Vec<(String, Typed)>;

/// All sub-plans joined by their groups, null with null: a group is there that any of them has.
pub(super) fn together(
    ask: &Ask,
    slots: &Slots<'_>,
    sides: &[Side],
) -> Result<(Select, Outputs), EngineError> {
    let groups: Vec<&str> = ask.group_by.iter().map(|group| group.name.as_str()).collect();
    let mut outputs = Vec::new();
    let (first, others) = sides.split_first().ok_or_else(nothing)?;
    let mut select = Select::of_named(&first.name);
    for (at, side) in others.iter().enumerate() {
        same_types(&groups, &first.fact, &side.fact)?;
        let same =
            |group: &&str| merged(&sides[..=at], group).same(Expr::column(&side.name, group));
        let on: Vec<Expr> = groups.iter().map(same).collect();
        let kind = if on.is_empty() { JoinKind::Cross } else { JoinKind::Full };
        let source = Source::Named(side.name.clone());
        select.joins.push(Join {
            kind,
            relation: Relation { source, alias: side.name.clone() },
            on,
        });
    }
    for (group, key) in groups.iter().zip(&first.fact.keys) {
        select.outputs.push((merged(sides, group), (*group).to_owned()));
        outputs.push(((*group).to_owned(), key.clone()));
    }
    for side in sides {
        for (position, figure) in side.positions.iter().zip(&side.fact.figures) {
            let slot = &slots.all[*position];
            let column = Expr::column(&side.name, &slot.name);
            // A group that only another side has is one of no rows here.
            let zero = Expr::Literal("0".to_owned());
            let counts = slot.counts() && !others.is_empty();
            let value = if counts { Expr::Call("coalesce", vec![column, zero]) } else { column };
            select.outputs.push((value, slot.name.clone()));
            outputs.push((slot.name.clone(), figure.clone()));
        }
    }
    Ok((select, outputs))
}

/// A group from whichever side has it.
fn merged(sides: &[Side], group: &str) -> Expr {
    let column = |side: &Side| Expr::column(&side.name, group);
    match sides {
        [only] => column(only),
        _ => Expr::Call("coalesce", sides.iter().map(column).collect()),
    }
}

fn same_types(groups: &[&str], one: &Fact, other: &Fact) -> Result<(), EngineError> {
    for (name, (one, other)) in groups.iter().zip(one.keys.iter().zip(&other.keys)) {
        if one.data_type != other.data_type {
            return Err(invalid(format!(
                "The figures are not grouped by the same kind of {name}."
            )));
        }
    }
    Ok(())
}
