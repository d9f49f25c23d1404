//! What is computed of finished groups: calculations, shares, running totals.

use std::collections::BTreeSet;

use pacioli_model::{
    Aggregate, Ask, ColumnName, ColumnRef, Direction, MetricName, Operation, Predicate, Shift,
    Value,
};

use super::{
    answer::{is_period, within},
    figure,
    names::{Names, Shared},
    nearest::{invalid, missing},
    side::Side,
    slots::{Computed, Slots},
    statement::Expr,
    typed::Typed,
    value,
    way::Hop,
    width,
};
use crate::EngineError;

/// What has been computed so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Groups and figures by name.
    pub(super) all: Vec<(String, Typed)>,
    /// Figures whose rows stand in several groups.
    pub(super) repeated: BTreeSet<usize>,
    /// Figures that are states or balances.
    pub(super) over_time: BTreeSet<usize>,
    /// There are no more rows than this.
    pub(super) most_groups: u128,
}

impl Known {
    /// Takes up what sets the figures of a sub-plan apart.
    pub(super) fn learn(&mut self, side: &Side) {
        self.most_groups = self.most_groups.saturating_add(side.fact.most_groups);
        if side.fact.multiplied {
            self.repeated.extend(&side.positions);
        }
        if side.over_time {
            self.over_time.extend(&side.positions);
        }
    }

    /// A group or figure.
    pub(super) fn get(&self, name: &str) -> Option<&Typed> {
        self.all.iter().find(|(known, _)| known == name).map(|(_, typed)| typed)
    }
}

/// Groups and figures as what values may name.
pub(super) struct Outputs<'a, 'k> {
    shared: &'a Shared<'a>,
    known: &'k Known,
    slots: &'k Slots<'a>,
    /// How far back metrics are meant.
    shift: Option<Shift>,
}

impl<'a, 'k> Outputs<'a, 'k> {
    /// All that is known.
    pub(super) fn new(shared: &'a Shared<'a>, known: &'k Known, slots: &'k Slots<'a>) -> Self {
        Self { shared, known, slots, shift: None }
    }

    /// The figure at `position`, which is computed of others.
    pub(super) fn compute(&mut self, ask: &Ask, position: usize) -> Result<Typed, EngineError> {
        let slot = &self.slots.all[position];
        let computed = match slot.figure.clone() {
            Computed::Calculation { value, shift, .. } => {
                self.shift = shift;
                value::bind(self, value, 0)
            }
            Computed::Share { of, within } => self.share(ask, of, within),
            Computed::Running { of, within } => self.running(ask, of, within),
            Computed::Across { aggregate, of, within } => {
                self.across(ask, &slot.name, aggregate, of, within)
            }
            Computed::Aggregate { .. } => {
                Err(EngineError::Failed { detail: format!("{} is computed over rows", slot.name) })
            }
        };
        computed.map(|typed| Typed { name: slot.name.clone(), ..typed })
    }

    fn known(&self, name: &str) -> Result<Typed, EngineError> {
        self.known.get(name).cloned().ok_or_else(|| {
            let names = self.known.all.iter().map(|(name, _)| name.as_str());
            missing("There is no output", name, names)
        })
    }

    fn partition(&self, names: &[ColumnName]) -> Result<Vec<Expr>, EngineError> {
        names.iter().map(|name| self.known(name.as_str()).map(|typed| typed.expr)).collect()
    }

    fn share(
        &self,
        ask: &Ask,
        of: &ColumnName,
        names: &[ColumnName],
    ) -> Result<Typed, EngineError> {
        let (part, total) = self.total(ask, of, names, Vec::new())?;
        let part = part.into_float();
        let total = total.into_float();
        let zero = Expr::Literal("0".to_owned());
        let total_or_null = Expr::Call("NULLIF", vec![total.expr, zero]);
        let (left, right) = (Box::new(part.expr), Box::new(total_or_null));
        let expr = Expr::Arithmetic(Operation::Divide, left, right);
        Ok(Typed::new(expr, part.data_type, format!("the share of {of}")))
    }

    fn running(
        &self,
        ask: &Ask,
        of: &ColumnName,
        names: &[ColumnName],
    ) -> Result<Typed, EngineError> {
        let groups = ask.group_by.iter().map(|group| &group.name);
        let periods: Vec<&ColumnName> = groups.filter(|name| is_period(ask, name)).collect();
        let [period] = periods.as_slice() else {
            return Err(invalid(format!(
                "A running total of {of} goes by one calendar period, and the answer is grouped by {}.",
                periods.len()
            )));
        };
        let order = vec![(self.known(period.as_str())?.expr, Direction::Ascending)];
        let (_, total) = self.total(ask, of, names, order)?;
        Ok(total)
    }

    /// An output that adds up, and its total over the rows that share `names`.
    fn total(
        &self,
        ask: &Ask,
        of: &ColumnName,
        names: &[ColumnName],
        order: Vec<(Expr, Direction)>,
    ) -> Result<(Typed, Typed), EngineError> {
        within(ask, names)?;
        let over_time = !order.is_empty();
        self.adds_up(ask, self.slots.output(of)?, names, over_time)?;
        let part = self.known(of.as_str())?;
        // What adds up has room for its total: the largest total of all rows bounds that of groups.
        let widened = part.clone().with(width::for_sum(part.data_type, part.largest));
        let call = Box::new(Expr::Call("sum", vec![widened.expr.clone()]));
        let expr = Expr::Over { call, partition: self.partition(names)?, order };
        let total = widened.as_expr(expr);
        Ok((part, total))
    }

    fn across(
        &self,
        ask: &Ask,
        name: &str,
        aggregate: Aggregate,
        of: &ColumnName,
        names: &[ColumnName],
    ) -> Result<Typed, EngineError> {
        within(ask, names)?;
        if aggregate == Aggregate::CountDistinct {
            return Err(invalid(format!(
                "The different values of {of} cannot be counted across rows: count them in a question of its own."
            )));
        }
        let value = self.known(of.as_str())?;
        let typed = figure::aggregate(name, aggregate, Some(value), self.known.most_groups)?;
        let partition = self.partition(names)?;
        let expr = Expr::Over { call: Box::new(typed.expr.clone()), partition, order: Vec::new() };
        Ok(typed.as_expr(expr))
    }

    /// Refuses what is not the sum of its parts.
    fn adds_up(
        &self,
        ask: &Ask,
        position: usize,
        names: &[ColumnName],
        over_time: bool,
    ) -> Result<(), EngineError> {
        let slot = &self.slots.all[position];
        let refuse = |why: &str| Err(invalid(format!("{} does not add up: {why}.", slot.name)));
        if self.known.repeated.contains(&position) {
            return refuse("its rows count in several groups");
        }
        if self.known.over_time.contains(&position) {
            let periods = ask.group_by.iter().filter(|group| is_period(ask, &group.name));
            let within_periods = periods.clone().all(|group| names.contains(&group.name));
            if over_time || !within_periods {
                return refuse("it is a state, not a change, and is never added up over time");
            }
        }
        match &slot.figure {
            Computed::Aggregate { aggregation, .. } => match aggregation.aggregate {
                Aggregate::Sum | Aggregate::Count => Ok(()),
                Aggregate::CountDistinct => refuse("one value can be in several groups"),
                Aggregate::Average => refuse("it is an average"),
                Aggregate::Min | Aggregate::Max => refuse("it is a least or greatest value"),
            },
            Computed::Calculation { value, .. } if is_linear(value) => {
                let parts = self.slots.computed_of(position)?;
                parts.into_iter().try_for_each(|part| self.adds_up(ask, part, names, over_time))
            }
            _ => refuse("it is computed of totals, and is computed anew for each of them"),
        }
    }
}

/// Whether the value of sums is the sum of the values.
fn is_linear(value: &Value) -> bool {
    match value {
        Value::Output(_) | Value::Metric(_) => true,
        Value::Arithmetic { operation, left, right } => {
            let number = |value: &Value| matches!(value, Value::Literal(_));
            match operation {
                Operation::Add | Operation::Subtract => is_linear(left) && is_linear(right),
                Operation::Multiply => {
                    (number(left) && is_linear(right)) || (is_linear(left) && number(right))
                }
                Operation::Divide => is_linear(left) && number(right),
            }
        }
        _ => false,
    }
}

impl<'a> Names<'a> for Outputs<'a, '_> {
    fn shared(&self) -> &'a Shared<'a> {
        self.shared
    }

    fn column(&mut self, of: &ColumnRef) -> Result<Typed, EngineError> {
        Err(invalid(format!(
            "{} of {} is a column of single rows: a calculation is of the answer's own columns.",
            of.column, of.table
        )))
    }

    fn output(&mut self, name: &ColumnName) -> Result<Typed, EngineError> {
        self.known(name.as_str())
    }

    fn metric(&mut self, name: &MetricName) -> Result<Typed, EngineError> {
        match self.slots.metric(name, self.shift) {
            Some(position) => self.known(&self.slots.all[position].name),
            None => Err(invalid(format!("The metric {name} is not computed here."))),
        }
    }

    fn several(&mut self, _: &Predicate) -> Result<Option<Vec<Hop<'a>>>, EngineError> {
        Ok(None)
    }

    fn exists(&mut self, _: Vec<Hop<'a>>, _: &[&Predicate], _: usize) -> Result<Expr, EngineError> {
        Err(invalid("Groups have no rows that belong to them: choose rows by the filter."))
    }

    fn related(&mut self, _: &Predicate, _: usize) -> Result<Expr, EngineError> {
        Err(invalid("Groups have no rows that belong to them: choose rows by the filter."))
    }

    fn negate(&mut self, _: bool) {}
}
