//! An Ask against its table: every name found, every type fitting, every total with room.

use std::collections::HashSet;

use pacioli_model::{
    Aggregate, Ask, Column, ColumnName, ColumnRef, ColumnType, Direction, GroupKey, TableEntry,
    TimeGrain, Value,
};

use super::{
    condition::{self, Condition},
    width::{self, Width},
};
use crate::EngineError;

const MOST_OUTPUTS: usize = 64;

/// An Ask that holds over its table.
#[derive(Debug)]
pub(crate) struct Bound<'a> {
    pub(super) table: &'a TableEntry,
    pub(super) groups: Vec<Group<'a>>,
    pub(super) measures: Vec<Measured<'a>>,
    pub(super) filter: Option<Condition<'a>>,
    /// Positions among the outputs, groups first; every group is among them, so that equal answers
    /// come in equal order.
    pub(super) order: Vec<(usize, Direction)>,
    pub(crate) limit: Option<u32>,
}

/// A bound grouping.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: &'a ColumnName,
    pub(super) column: &'a Column,
    /// Empty where the column's own values are the groups, days of a date among them.
    pub(super) grain: Option<TimeGrain>,
}

/// A bound measure.
#[derive(Debug)]
pub(super) struct Measured<'a> {
    pub(super) name: &'a ColumnName,
    pub(super) aggregate: Aggregate,
    pub(super) column: Option<&'a Column>,
    pub(super) width: Width,
}

/// Checks `ask` against `table`.
pub(crate) fn bind<'a>(table: &'a TableEntry, ask: &'a Ask) -> Result<Bound<'a>, EngineError> {
    if ask.table != table.name {
        return Err(invalid(format!("The question is about {}, not {}.", ask.table, table.name)));
    }
    let outputs = ask.group_by.len() + ask.measures.len();
    if outputs == 0 || outputs > MOST_OUTPUTS {
        return Err(invalid(format!("An answer has 1 to {MOST_OUTPUTS} columns, not {outputs}.")));
    }
    let groups = bind_groups(table, ask)?;
    let measures = bind_measures(table, ask)?;
    let mut names = HashSet::new();
    let group_names = groups.iter().map(|group| group.name);
    for name in group_names.chain(measures.iter().map(|measure| measure.name)) {
        if !names.insert(name) {
            return Err(invalid(format!("Two columns of the answer are called {name}.")));
        }
    }
    let filter = ask.filter.as_ref().map(|filter| condition::bind(table, filter, 0)).transpose()?;
    let order = bind_order(ask)?;
    Ok(Bound { table, groups, measures, filter, order, limit: ask.limit })
}

fn bind_groups<'a>(table: &'a TableEntry, ask: &'a Ask) -> Result<Vec<Group<'a>>, EngineError> {
    let mut groups: Vec<Group<'a>> = Vec::with_capacity(ask.group_by.len());
    for grouping in &ask.group_by {
        let (of, grain) = match &grouping.key {
            GroupKey::Value(Value::Column(of)) => (of, None),
            GroupKey::Period { column: Some(of), grain } => (of, Some(*grain)),
            _ => return Err(unsupported()),
        };
        let column = reference(table, of)?;
        if grain.is_some() && !column.data_type.is_time() {
            return Err(invalid(format!("{} is no date, so it has no periods.", column.name)));
        }
        let is_day = column.data_type == ColumnType::Date && grain == Some(TimeGrain::Day);
        let grain = if is_day { None } else { grain };
        if groups.iter().any(|other| other.column.name == column.name && other.grain == grain) {
            return Err(invalid(format!("The answer is grouped by {} twice.", column.name)));
        }
        groups.push(Group { name: &grouping.name, column, grain });
    }
    Ok(groups)
}

fn bind_measures<'a>(
    table: &'a TableEntry,
    ask: &'a Ask,
) -> Result<Vec<Measured<'a>>, EngineError> {
    let measures = ask.measures.iter().map(|measure| {
        let aggregation = measure.aggregation().ok_or_else(unsupported)?;
        let column = match &aggregation.value {
            None => None,
            Some(Value::Column(of)) => Some(reference(table, of)?),
            Some(_) => return Err(unsupported()),
        };
        let width = match (aggregation.aggregate, column) {
            (Aggregate::Count, _)
            | (Aggregate::CountDistinct | Aggregate::Min | Aggregate::Max, Some(_)) => {
                Width::AsItIs
            }
            (aggregate @ (Aggregate::Sum | Aggregate::Average), Some(column)) => {
                if !column.data_type.is_number() {
                    return Err(invalid(format!("{} holds no numbers to add up.", column.name)));
                }
                let is_sum = aggregate == Aggregate::Sum;
                let width = if is_sum { width::for_sum } else { width::for_average };
                width(column, table.rows)
            }
            (_, None) => return Err(invalid(format!("{} is over no column.", measure.name))),
        };
        Ok(Measured { name: &measure.name, aggregate: aggregation.aggregate, column, width })
    });
    measures.collect()
}

fn bind_order(ask: &Ask) -> Result<Vec<(usize, Direction)>, EngineError> {
    let names = ask.group_by.iter().map(|group| &group.name);
    let names: Vec<&ColumnName> = names.chain(ask.measures.iter().map(|m| &m.name)).collect();
    let mut order = Vec::new();
    for key in &ask.order {
        let position = names.iter().position(|name| **name == key.name).ok_or_else(|| {
            invalid(format!("The answer is sorted by {}, which it does not have.", key.name))
        })?;
        order.push((position, key.direction));
    }
    order.extend((0..ask.group_by.len()).map(|group| (group, Direction::Ascending)));
    let mut seen = HashSet::new();
    order.retain(|(position, _)| seen.insert(*position));
    Ok(order)
}

pub(super) fn reference<'a>(
    table: &'a TableEntry,
    of: &ColumnRef,
) -> Result<&'a Column, EngineError> {
    if of.table == table.name { column(table, &of.column) } else { Err(unsupported()) }
}

pub(super) fn unsupported() -> EngineError {
    invalid("This cannot be computed over one table.".to_owned())
}

pub(super) fn column<'a>(
    table: &'a TableEntry,
    name: &ColumnName,
) -> Result<&'a Column, EngineError> {
    let found = table.column(name);
    found.ok_or_else(|| invalid(format!("{} has no column {name}.", table.name)))
}

pub(super) fn invalid(detail: String) -> EngineError {
    EngineError::Invalid { detail }
}

impl Bound<'_> {
    pub(super) fn output_name(&self, position: usize) -> &ColumnName {
        match position.checked_sub(self.groups.len()) {
            None => self.groups[position].name,
            Some(measure) => self.measures[measure].name,
        }
    }

    /// Which outputs are totals of whole numbers, and so are shown as whole numbers where they fit.
    pub(crate) fn whole_outputs(&self) -> Vec<bool> {
        let groups = self.groups.iter().map(|_| false);
        let measures = self.measures.iter().map(|measure| {
            let column = measure.column.map(|column| column.data_type);
            measure.aggregate == Aggregate::Sum && column == Some(ColumnType::Integer)
        });
        groups.chain(measures).collect()
    }
}
