//! A sketch to an Ask.

mod bounds;
mod change;
mod dates;
mod figures;
mod filters;
mod follow;
mod groups;
mod namesake;
mod sets;
mod shown;
mod sorting;
mod whose;

use std::{collections::BTreeMap, ops::Range};

use chrono::NaiveDate;
use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnName, ColumnRef, Definition, Figure, GroupKey, Grouping,
    Measure, Predicate, Value,
};

use super::{
    resolve::{CLOSE, Misfit, Resolver, entity_of},
    schema::{ColumnId, Schema, TableId},
    sketch::{Noun, Pick, Sketch, Target},
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
        margins: std::cell::RefCell::default(),
        distances: std::cell::RefCell::default(),
    };
    let mut builder =
        Builder { sketch, schema, resolver, outputs: Vec::new(), today, ranged: false };
    builder.resolve()?;
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
    fn resolve(&mut self) -> Result<(), Misfit> {
        for target in &self.sketch.targets {
            if let Target::Column(pick) = target
                && let Some(parts) = self.whole_name(pick)
            {
                self.outputs.extend(
                    parts.into_iter().map(|column| (Output::Column(column), pick.tokens.clone())),
                );
                continue;
            }
            let (output, tokens) = match target {
                Target::Column(pick) => {
                    // "the name and the number of songs for each singer": the name of what is
                    // grouped, not of what is counted.
                    let near = self.resolver.grouped.filter(|_| self.sketch.counts()).or(pick.near);
                    let pick = Pick { near, ..pick.clone() };
                    let column = self.resolver.choose(&pick)?;
                    self.must_be_kept(&pick, column)?;
                    (Output::Column(column), pick.tokens)
                }
                Target::Entity(table) => (Output::Entity(*table), NOWHERE),
                Target::Metric(metric) => (self.declared(*metric)?, NOWHERE),
                Target::Count { what: Noun::Table(table), .. } if self.sketch.distinct => {
                    let counted = self.schema.tables[*table]
                        .key
                        .map_or(Output::CountRows(*table), |key| Output::CountValues(key, true));
                    (
                        if self.sketch.groups.is_empty() {
                            Output::CountRows(*table)
                        } else {
                            counted
                        },
                        NOWHERE,
                    )
                }
                Target::Count { what: Noun::Table(table), .. } => {
                    (Output::CountRows(*table), NOWHERE)
                }
                Target::Count { what: Noun::Column(pick), distinct } => {
                    self.counted(pick, *distinct)?
                }
                Target::Count { what: Noun::Period(_), .. } => continue,
                Target::Everything(table) => {
                    for column in self.schema.tables[*table]
                        .columns
                        .clone()
                        .filter(|column| !self.schema.columns[*column].hidden)
                    {
                        self.outputs.push((Output::Column(column), NOWHERE));
                    }
                    continue;
                }
                Target::Aggregate { aggregate, of } => (
                    Output::Aggregate(*aggregate, self.numeric(of, *aggregate)?),
                    of.tokens.clone(),
                ),
            };
            if !self.outputs.iter().any(|(known, _)| *known == output) {
                self.outputs.push((output, tokens));
            }
        }
        Ok(())
    }

    /// A count of a column's values; of rows where the column is the rows' own key.
    fn counted(
        &self,
        pick: &super::sketch::Pick,
        distinct: bool,
    ) -> Result<(Output, Range<usize>), Misfit> {
        let column = self.resolver.choose(pick)?;
        let table = self.schema.table_of(column);
        let own = self.schema.tables[table].key == Some(column)
            || self.schema.tables[table].display == Some(column) && !self.sketch.distinct;
        let data_type = self.schema.columns[column].column.data_type;
        let output = if own {
            Output::CountRows(table)
        } else if data_type.is_number()
            && !self.schema.columns[column].foreign
            && self.schema.columns[column].role.adds_up()
            && !self.sketch.distinct
        {
            // "the number of seats" is a number that stands in the row.
            let before = pick.tokens.start.saturating_sub(4)..pick.tokens.start;
            let total = self.resolver.tokens[before].iter().any(|token| token.word == "total");
            let of_others = self.sketch.groups.iter().any(|group| {
                let group = match group {
                    Noun::Table(group) => Some(*group),
                    Noun::Column(pick) => {
                        self.resolver.choose(pick).ok().map(|column| self.schema.table_of(column))
                    }
                    Noun::Period(_) => None,
                };
                group.is_some_and(|group| group != table && self.schema.reaches_one(table, group))
            });
            // "Total hours and number of games": figures side by side.
            let figures = self.sketch.targets.len() > 1
                && self.sketch.groups.is_empty()
                && self.sketch.targets.iter().all(|target| {
                    matches!(target, Target::Count { .. } | Target::Aggregate { .. })
                });
            let in_all = self.sketch.groups.is_empty()
                && self.sketch.targets.len() == 1
                && self.resolver.tokens.iter().any(|token| token.word == "total");
            if total
                || of_others
                || figures
                || in_all
                || self.sketch.groups.is_empty()
                    && self.sketch.targets.len() == 1
                    && self.sketch.entity.is_none()
            {
                Output::Aggregate(Aggregate::Sum, column)
            } else {
                Output::Column(column)
            }
        } else {
            Output::CountValues(column, distinct)
        };
        Ok((output, pick.tokens.clone()))
    }

    /// The column of an aggregate: one that holds numbers or days, where there is a choice.
    pub(super) fn numeric(
        &self,
        pick: &super::sketch::Pick,
        aggregate: Aggregate,
    ) -> Result<ColumnId, Misfit> {
        let fits = |column: &ColumnId| {
            let data_type = self.schema.columns[*column].column.data_type;
            data_type.is_number()
                || matches!(aggregate, Aggregate::Min | Aggregate::Max) && data_type.is_time()
        };
        let mut numbers = pick.clone();
        numbers.candidates.retain(|(column, _)| fits(column));
        if matches!(aggregate, Aggregate::Sum | Aggregate::Average) {
            // Keys are numbers that mean nothing together.
            numbers.candidates.retain(|(column, _)| !self.is_key(*column));
        }
        if !numbers.candidates.is_empty() {
            let column = self.resolver.choose(&numbers)?;
            return self.must_be_kept(pick, column).map(|()| column);
        }
        match aggregate {
            Aggregate::Min | Aggregate::Max => self.resolver.choose(pick),
            _ => Err(misfit(pick.tokens.clone(), "This column holds no numbers.")),
        }
    }

    /// Whether the age that is asked for is only told by when somebody was born: the order of the one is
    /// that of the other backwards.
    pub(super) fn turns_back(&self, pick: &Pick, column: ColumnId) -> bool {
        let said = &self.resolver.tokens[pick.tokens.clone()];
        said.iter().any(|token| matches!(token.word.as_str(), "age" | "ages" | "aged"))
            && self.schema.is_birth(column)
    }

    /// A date of birth is no age to be shown or averaged.
    fn must_be_kept(&self, pick: &Pick, column: ColumnId) -> Result<(), Misfit> {
        if self.turns_back(pick, column) {
            return Err(misfit(
                pick.tokens.clone(),
                "Only when somebody was born is known, and no age.",
            ));
        }
        Ok(())
    }

    fn is_key(&self, column: ColumnId) -> bool {
        let node = &self.schema.columns[column];
        let key = self.schema.tables[node.table].key == Some(column);
        key || node.foreign
    }

    /// A declared figure; where the question itself narrows what its declaration narrows already, the
    /// same of all rows: "how many orders were cancelled" is not among those that were not.
    fn declared(&self, metric: usize) -> Result<Output, Misfit> {
        let declared =
            self.schema.catalog.semantics.metrics.get(metric).map(|metric| &metric.definition);
        let Some(Definition::Aggregate(aggregation)) = declared else {
            return Ok(Output::Metric(metric));
        };
        let mut own = Vec::new();
        aggregation.filter.iter().for_each(|filter| figures::columns_in(filter, &mut own));
        let table = self.table_named(&aggregation.table);
        let mut narrowed = false;
        for test in self.sketch.clauses.iter().flat_map(|clause| &clause.tests) {
            let column = self.settle(table, test)?.and_then(|settled| settled.column);
            narrowed |= column.is_some_and(|column| {
                let node = &self.schema.columns[column];
                // "How many orders were returned": a state that the declaration may rule out.
                let state =
                    node.words.iter().any(|word| matches!(word.stem.as_str(), "status" | "state"));
                self.schema.table_of(column) == table
                    && (own.contains(&node.column.name) || state && !own.is_empty())
            });
        }
        for group in &self.sketch.groups {
            if let Noun::Column(pick) = group {
                let column = self.resolver.choose(pick)?;
                narrowed |= self.schema.table_of(column) == table
                    && own.contains(&self.schema.columns[column].column.name);
            }
        }
        let column = aggregation.column().and_then(|reference| {
            let of = self.table_named(&reference.table);
            self.schema.tables[of]
                .columns
                .clone()
                .find(|column| self.schema.columns[*column].column.name == reference.column)
        });
        Ok(match (narrowed, aggregation.aggregate, column) {
            (true, Aggregate::Count, None) => Output::CountRows(table),
            (true, aggregate, Some(column)) => Output::Aggregate(aggregate, column),
            _ => Output::Metric(metric),
        })
    }

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
        let columns = self.shown_columns()?;
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
        // What holds of a value in several rows is one answer.
        ask.each_row &= !self.contradicts(base)?;
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
        if let Some(known) = ask.measures.iter().find(|measure| measure.figure == figure) {
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
