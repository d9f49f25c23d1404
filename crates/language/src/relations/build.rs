//! A sketch to an Ask.

mod bounds;
mod change;
mod comparisons;
mod dates;
mod figures;
mod filters;
mod follow;
mod groups;
mod measures;
mod namesake;
mod outputs;
mod ranks;
mod sets;
mod shown;
mod siblings;
mod sorting;
mod whose;

use std::{collections::BTreeMap, ops::Range};

use chrono::NaiveDate;
use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnName, ColumnRef, Figure, GroupKey, Grouping, Measure,
    Predicate, Value,
};

use super::{
    resolve::{CLOSE, Misfit, Resolver, entity_of},
    schema::{ColumnId, Schema, TableId},
    sketch::{Measured, Noun, Sketch},
};
use crate::token::Token;

pub(crate) use follow::{Follow, follow};
pub(crate) use whose::whose_or_what;

/// Which of several readings is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    /// Among equally short ways that the words do not tell apart.
    pub(crate) way: Option<usize>,
    /// The words, by their first, that mean the second best column.
    pub(crate) instead: Option<usize>,
}

/// An Ask, and by how much each column that was chosen is the better one: by its words' first token.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) ask: Ask,
    pub(crate) margins: BTreeMap<usize, f64>,
}

impl Built {
    /// The words that could as well mean another column.
    pub(crate) fn doubts(&self) -> impl Iterator<Item = usize> {
        self.margins.iter().filter(|(_, margin)| **margin < CLOSE).map(|(at, _)| *at)
    }
}

/// Makes the Ask of a sketch.
pub(crate) fn build(
    sketch: &Sketch,
    schema: &Schema<'_>,
    tokens: &[Token],
    today: NaiveDate,
    reading: Reading,
) -> Result<Built, Misfit> {
    let built = fit(sketch, schema, tokens, today, reading)?;
    // "Hosts of competitions", where another table of competitions has all that is asked of them.
    let better = namesake::about_another(sketch, schema, &built.ask)
        .and_then(|sketch| fit(&sketch, schema, tokens, today, reading).ok());
    Ok(better.unwrap_or(built))
}

fn fit(
    sketch: &Sketch,
    schema: &Schema<'_>,
    tokens: &[Token],
    today: NaiveDate,
    reading: Reading,
) -> Result<Built, Misfit> {
    let Some(entity) = entity_of(sketch, schema) else {
        return Err(misfit(0..tokens.len(), "The question does not say what is asked for."));
    };
    let grouped = sketch.groups.iter().find_map(|group| match group {
        Noun::Table(table) => Some(*table),
        Noun::Column(_) | Noun::Period(_) => None,
    });
    let resolver = Resolver {
        schema,
        tokens,
        mentioned: &sketch.mentioned,
        entity,
        grouped,
        way: reading.way,
        instead: reading.instead,
        asked: None,
        margins: std::cell::RefCell::default(),
        distances: std::cell::RefCell::default(),
    };
    let mut builder =
        Builder { sketch, schema, resolver, outputs: Vec::new(), today, ranged: false };
    builder.resolve()?;
    if let [(Output::Column(column), _)] = builder.outputs.as_slice() {
        builder.resolver.asked = Some(*column);
    }
    if builder.outputs.is_empty() && sketch.best.is_some() && sketch.groups.is_empty() {
        // "who has the highest salary" asks for a row.
        builder.outputs.push((Output::Entity(entity), NOWHERE));
    }
    if let (true, [Noun::Table(table)]) = (builder.outputs.is_empty(), sketch.groups.as_slice()) {
        builder.outputs.push((Output::Entity(*table), NOWHERE));
    }
    if builder.outputs.is_empty() {
        return Err(misfit(0..tokens.len(), "The question does not say what is asked for."));
    }
    let mut ask = if builder.measures_groups() {
        builder.ranged = builder.can_range();
        builder.grouped()?
    } else {
        builder.listed()?
    };
    builder.add_defaults(&mut ask);
    let margins = builder.resolver.margins.take();
    Ok(Built { ask, margins })
}

pub(super) fn misfit(tokens: Range<usize>, reason: &str) -> Misfit {
    Misfit::new(tokens, reason)
}

/// A target, with its column settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Output {
    Column(ColumnId),
    /// The rows of a table, by their name.
    Entity(TableId),
    CountRows(TableId),
    CountValues(ColumnId, bool),
    Aggregate(Aggregate, ColumnId),
    Metric(usize),
}

pub(super) struct Builder<'a> {
    pub(super) sketch: &'a Sketch,
    pub(super) schema: &'a Schema<'a>,
    pub(super) resolver: Resolver<'a>,
    pub(super) outputs: Vec<(Output, Range<usize>)>,
    pub(super) today: NaiveDate,
    /// The question's days are the range of all measures, and no filter.
    pub(super) ranged: bool,
}

const NOWHERE: Range<usize> = 0..0;

impl Builder<'_> {
    fn measures_groups(&self) -> bool {
        let aggregated = self
            .outputs
            .iter()
            .any(|(output, _)| !matches!(output, Output::Column(_) | Output::Entity(_)));
        // "For each employee, the name and the city": rows, each by itself.
        let of_rows = self.sketch.best.is_none()
            && self.sketch.groups.iter().all(|group| matches!(group, Noun::Table(_)));
        aggregated
            || !(self.sketch.groups.is_empty() || of_rows)
            || self.ranked_by_count()
            || self.counted_attribute().is_some()
    }

    /// Lists rows.
    fn listed(&self) -> Result<Ask, Misfit> {
        let mut columns = self.shown_columns()?;
        let whose = self.tell_whose(&mut columns)?;
        let mut tables: Vec<TableId> =
            columns.iter().map(|(column, _)| self.schema.table_of(*column)).collect();
        let best = match &self.sketch.best {
            Some(best) => Some((best, self.ranking_column(best)?)),
            None => None,
        };
        // "All the stores in the district with the most people" are of one district.
        let (of_owner, best) = match best {
            Some((best, column)) if self.ranks_owner(column) => (Some(best), None),
            best => (None, best),
        };
        // A rank by a column of what belongs to many rows is one of those rows.
        tables.extend(best.iter().map(|(_, column)| self.schema.table_of(*column)));
        // In order of what only some have, or have several of: each of these is a row.
        for key in &self.sketch.sort {
            if let Measured::Column(pick) = &key.by {
                tables.push(self.schema.table_of(self.resolver.choose(pick)?));
            }
        }
        let entity = self.resolver.entity;
        let prefer =
            if tables.contains(&entity) || self.resolver.base(&tables, entity) == Some(entity) {
                self.with_parts(entity, &tables)
            } else {
                tables[0]
            };
        let base = self.resolver.base(&tables, prefer).ok_or_else(|| {
            misfit(
                self.outputs[0].1.clone(),
                "A row has several of these, so that they cannot stand in one list.",
            )
        })?;
        let mut ask = Ask::about(self.schema.tables[base].entry.name.clone());
        ask.each_row = !self.sketch.distinct && !self.lists_kinds(&columns);
        for (column, tokens) in &columns {
            self.add_group(&mut ask, base, *column, tokens, false)?;
        }
        if let Some((best, column)) = best {
            self.rank_rows(&mut ask, base, best, column)?;
        }
        self.sort_rows(&mut ask, base)?;
        ask.filter = self.filter(base, Some(&ask))?;
        if let Some(best) = of_owner {
            let ranked = self.best_filter(base, best)?;
            ask.filter = all(ask.filter.into_iter().chain([ranked]).collect());
        }
        if whose && !tables.contains(&base) {
            // What joins them may name what is not there.
            let there = self.rows_there(&tables, base)?;
            ask.filter = all(ask.filter.into_iter().chain(there).collect());
        }
        // What holds of a value in several rows is one answer.
        ask.each_row &= !(self.contradicts(base)? || self.denies_values(base));
        self.break_ties_of_rows(&mut ask, base)?;
        Ok(ask)
    }

    pub(super) fn add_group(
        &self,
        ask: &mut Ask,
        base: TableId,
        column: ColumnId,
        tokens: &Range<usize>,
        hidden: bool,
    ) -> Result<ColumnName, Misfit> {
        let reference = self.resolver.reference(base, column, tokens)?;
        if !self.resolver.is_single(base, self.schema.table_of(column)) {
            return Err(misfit(
                tokens.clone(),
                "A row has several of these, so that they cannot stand in one list.",
            ));
        }
        if let Some(known) = ask.group_by.iter().find(|group| group.column() == Some(&reference)) {
            return Ok(known.name.clone());
        }
        let name = free_name(ask, &self.output_name(column, ask));
        let mut grouping = Grouping::new(name.clone(), GroupKey::Value(Value::Column(reference)));
        grouping.hidden = hidden;
        ask.group_by.push(grouping);
        Ok(name)
    }

    /// A column's own name, with its table's where another output has it already.
    fn output_name(&self, column: ColumnId, ask: &Ask) -> String {
        let node = &self.schema.columns[column];
        let name = node.column.name.as_str();
        let taken = ask.group_by.iter().any(|group| group.name.as_str() == name);
        if taken {
            format!("{}_{name}", self.schema.tables[node.table].entry.name)
        } else {
            name.to_owned()
        }
    }

    pub(super) fn add_measure(
        ask: &mut Ask,
        name: &str,
        aggregation: Aggregation,
        hidden: bool,
    ) -> ColumnName {
        let figure = Figure::Aggregate(aggregation);
        if let Some(known) = ask.measures.iter_mut().find(|measure| measure.figure == figure) {
            known.hidden &= hidden;
            return known.name.clone();
        }
        let name = free_name(ask, name);
        ask.measures.push(Measure { name: name.clone(), figure, hidden });
        name
    }

    pub(super) fn column_value(
        &self,
        base: TableId,
        column: ColumnId,
        tokens: &Range<usize>,
    ) -> Result<Value, Misfit> {
        Ok(Value::Column(self.resolver.reference(base, column, tokens)?))
    }

    pub(super) fn own_value(&self, column: ColumnId) -> Value {
        let reference: ColumnRef = self.schema.reference(column);
        Value::Column(reference)
    }
}

/// A name that no output has yet.
pub(crate) fn free_name(ask: &Ask, wanted: &str) -> ColumnName {
    let taken = |name: &str| {
        ask.group_by.iter().any(|group| group.name.as_str() == name)
            || ask.measures.iter().any(|measure| measure.name.as_str() == name)
    };
    let short: String = wanted.chars().take(58).collect();
    let mut name = short.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{short}_{number}");
        number += 1;
    }
    ColumnName::parse(&name).unwrap_or_else(|_| fallback())
}

fn fallback() -> ColumnName {
    // The names of columns are valid and only ever made longer here.
    ColumnName::parse("value").unwrap_or_else(|_| unreachable!("a fixed name"))
}

/// All of some predicates; empty for none.
pub(crate) fn all(mut parts: Vec<Predicate>) -> Option<Predicate> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Predicate::All(parts)),
    }
}
