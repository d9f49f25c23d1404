//! Figures of groups.

use std::ops::Range;

use pacioli_model::{Ask, Predicate, Value};

use super::{Builder, NOWHERE, Output, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Measured, Noun, Test},
};

/// A group of the answer: a column, or the rows of a table.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    column: ColumnId,
    tokens: Range<usize>,
    hidden: bool,
}

impl Builder<'_> {
    pub(super) fn grouped(&self) -> Result<Ask, Misfit> {
        let keys = self.keys()?;
        if let Some(metric) = self.measured_metric() {
            let apart = keys
                .iter()
                .find(|key| !self.schema.reaches_one(metric, self.schema.table_of(key.column)));
            if let Some(key) = apart {
                let reason = "Nothing relates what is counted and what it is counted for.";
                return Err(misfit(key.tokens.clone(), reason));
            }
        }
        let first = self.first_table(&keys)?;
        let mut ask = Ask::about(self.schema.tables[first].entry.name.clone());
        let tables: Vec<TableId> =
            keys.iter().map(|key| self.schema.table_of(key.column)).collect();
        for key in &keys {
            self.add_group(&mut ask, first, key.column, &key.tokens, key.hidden)?;
        }
        // "the average weight and year for each year": no average of what is grouped by.
        let grouped = |output: &Output| matches!(output, Output::Aggregate(_, column) if keys.iter().any(|key| key.column == *column));
        let alone = self.outputs.iter().all(|(output, _)| {
            grouped(output) || matches!(output, Output::Column(_) | Output::Entity(_))
        });
        for (output, tokens) in &self.outputs {
            if alone || !grouped(output) {
                self.measure_output(&mut ask, *output, tokens, &tables)?;
            }
        }
        let mut filter_from = first;
        if let Some(aggregation) = ask.measures.first().and_then(|measure| measure.aggregation()) {
            filter_from = self.table_named(&aggregation.table);
        }
        if let Some((noun, comparison, number)) = self.counted_attribute() {
            let hidden = !matches!(noun, Measured::Metric(_));
            let name = self.measure_of(&mut ask, &noun, &tables, hidden)?;
            let literal = Self::number_literal(number);
            ask.having = Some(Predicate::Compare {
                left: Value::Output(name),
                comparison,
                right: Value::Literal(literal),
            });
        }
        let best = self.sketch.best.as_ref();
        let alone = ask.group_by.is_empty()
            && matches!(best.map(|best| &best.by), Some(Measured::Column(_)));
        if let Some(best) = best.filter(|_| !alone) {
            self.rank_groups(&mut ask, best, &tables)?;
        }
        if let Some(aggregation) = ask.measures.first().and_then(|measure| measure.aggregation()) {
            filter_from = self.table_named(&aggregation.table);
        }
        if let Some(metric) = self.measured_metric() {
            filter_from = metric;
        }
        self.sort_groups(&mut ask, filter_from, &tables)?;
        self.add_periods(&mut ask);
        self.add_days(&mut ask)?;
        ask.filter = self.filter(filter_from, None)?;
        if (best.is_some() || self.counts_for_rows()) && !alone {
            let tables: Vec<TableId> =
                keys.iter().map(|key| self.schema.table_of(key.column)).collect();
            let there = self.rows_there(&tables, filter_from)?;
            ask.filter = super::all(ask.filter.into_iter().chain(there).collect());
        }
        self.add_versus(&mut ask, filter_from)?;
        self.part_currencies(&mut ask)?;
        self.add_change(&mut ask)?;
        Self::order_figures(&mut ask);
        if let Some(best) = best.filter(|_| alone) {
            // "the number of concerts in the largest stadium": the rank says which rows count.
            let ranked = self.best_filter(filter_from, best)?;
            ask.filter = super::all(ask.filter.into_iter().chain([ranked]).collect());
        }
        Ok(ask)
    }

    /// "How many members each club has", where nothing but rows is counted for rows that are shown.
    fn counts_for_rows(&self) -> bool {
        let counts =
            |output: &Output| matches!(output, Output::CountRows(_) | Output::CountValues(..));
        let names = |output: &Output| match output {
            Output::Entity(_) => true,
            Output::Column(column) => {
                let table = &self.schema.tables[self.schema.table_of(*column)];
                table.display == Some(*column) || table.key == Some(*column)
            }
            other => counts(other),
        };
        let rows = |group: &Noun| matches!(group, Noun::Table(_));
        self.outputs.iter().any(|(output, _)| counts(output))
            && self.outputs.iter().all(|(output, _)| names(output))
            && self.sketch.groups.iter().all(rows)
    }

    /// "The club with the most members" is a club: whoever is in none counts for none.
    pub(super) fn rows_there(
        &self,
        tables: &[TableId],
        from: TableId,
    ) -> Result<Vec<Predicate>, Misfit> {
        let mut tables = tables.to_vec();
        tables.sort_unstable();
        tables.dedup();
        tables.retain(|table| !self.schema.always_has(from, *table));
        let there = |table: TableId| {
            let Some(key) = self.schema.tables[table].key else { return Ok(None) };
            if self.resolver.is_single(from, table) {
                let value = self.column_value(from, key, &NOWHERE)?;
                return Ok(Some(Predicate::Not(Box::new(Predicate::IsNull { value }))));
            }
            let via = self.resolver.via(from, table, &NOWHERE)?;
            let table = self.schema.tables[table].entry.name.clone();
            Ok(Some(Predicate::Related { table, via, filter: None }))
        };
        tables.into_iter().filter_map(|table| there(table).transpose()).collect()
    }

    pub(super) fn table_named(&self, name: &pacioli_model::TableName) -> TableId {
        (0..self.schema.tables.len())
            .find(|table| self.schema.tables[*table].entry.name == *name)
            .unwrap_or(self.resolver.entity)
    }

    /// "Vehicles by year", of which no day is known and one column alone is called a year.
    pub(super) fn year_told(&self, grain: pacioli_model::TimeGrain) -> Option<ColumnId> {
        let entity = &self.schema.tables[self.resolver.entity];
        let dated = |column: ColumnId| self.schema.columns[column].column.data_type.is_time();
        (grain == pacioli_model::TimeGrain::Year && !entity.columns.clone().any(dated))
            .then_some(())?;
        let mut years = entity.columns.clone().filter(|column| self.schema.is_year(*column));
        years.next().filter(|_| years.next().is_none())
    }

    /// What is grouped by: what the question says, and the plain columns that it asks for.
    fn keys(&self) -> Result<Vec<Key>, Misfit> {
        let mut keys: Vec<Key> = Vec::new();
        let mut add = |column: ColumnId, tokens: &Range<usize>, hidden: bool| {
            // A reference and the key that it names are one group.
            let same = |key: &&mut Key| {
                self.schema.referenced(key.column) == self.schema.referenced(column)
            };
            match keys.iter_mut().find(same) {
                Some(known) => known.hidden &= hidden,
                None => keys.push(Key { column, tokens: tokens.clone(), hidden }),
            }
        };
        let columns = self.shown_columns()?;
        for (column, tokens) in &columns {
            add(*column, tokens, false);
        }
        for group in &self.sketch.groups {
            match group {
                Noun::Period(grain) => {
                    if let Some(column) = self.year_told(*grain) {
                        add(column, &NOWHERE, false);
                    }
                }
                Noun::Column(pick) => add(self.resolver.choose(pick)?, &pick.tokens, false),
                Noun::Table(table) => {
                    let shown = columns.iter().any(|(column, _)| {
                        self.schema.table_of(self.schema.referenced(*column)) == *table
                    });
                    let display = self.shown(*table)?;
                    if !shown {
                        add(display, &NOWHERE, false);
                    }
                    if let Some(key) = self.schema.tables[*table].key {
                        add(key, &NOWHERE, true);
                    }
                }
            }
        }
        let mut hidden = Vec::new();
        for (column, _) in &columns {
            let table = self.schema.table_of(*column);
            if let Some(key) =
                self.schema.tables[table].key.filter(|_| self.tells_rows_apart(table, *column))
            {
                hidden.push(key);
            }
        }
        for key in hidden {
            add(key, &NOWHERE, true);
        }
        Ok(keys)
    }

    /// Whether a listed column stands for the rows of its table, so that equal names stay apart.
    fn tells_rows_apart(&self, table: TableId, column: ColumnId) -> bool {
        let named = self.schema.tables[table].display == Some(column)
            || self.schema.tables[table].key == Some(column);
        // "Cities in order of the number of shops", asked of shops: each by itself is one.
        let measured = self.measured_tables();
        let counted = |by: &Measured| match by {
            Measured::Count(Some(Noun::Table(counted))) => *counted == table,
            // "Kinds of devices by frequency": how often each kind is there.
            Measured::Count(None) => measured.is_empty(),
            _ => false,
        };
        let counts_itself = self.sketch.sort.iter().any(|key| counted(&key.by));
        let elsewhere = !measured.contains(&table) || measured.is_empty();
        elsewhere && !counts_itself && (named || self.sketch.entity == Some(table))
    }

    pub(super) fn measured_tables(&self) -> Vec<TableId> {
        let mut tables: Vec<TableId> = self
            .outputs
            .iter()
            .filter_map(|(output, _)| match output {
                Output::CountRows(table) => Some(*table),
                Output::CountValues(column, _) | Output::Aggregate(_, column) => {
                    Some(self.schema.table_of(*column))
                }
                Output::Metric(metric) => self.metric_table(*metric),
                Output::Column(_) | Output::Entity(_) => None,
            })
            .collect();
        match self.sketch.best.as_ref().map(|best| &best.by) {
            Some(Measured::Count(Some(Noun::Table(table)))) => tables.push(*table),
            Some(Measured::Count(Some(Noun::Column(pick)))) if tables.is_empty() => {
                let column = self.resolver.choose(pick).ok();
                tables.extend(column.map(|column| self.schema.table_of(column)));
            }
            Some(Measured::Count(None)) => tables.push(self.belonging()),
            Some(Measured::Metric(metric)) => tables.extend(self.metric_table(*metric)),
            Some(Measured::Aggregate(_, pick)) if tables.is_empty() => {
                let column = self.resolver.choose(pick).ok();
                tables.extend(column.map(|column| self.schema.table_of(column)));
            }
            _ => {}
        }
        if let Some((noun, ..)) = self.counted_attribute() {
            tables.push(match noun {
                Measured::Count(Some(Noun::Table(table))) => table,
                Measured::Aggregate(_, pick) => self
                    .resolver
                    .choose(&pick)
                    .map_or_else(|_| self.belonging(), |column| self.schema.table_of(column)),
                _ => self.belonging(),
            });
        }
        tables
    }

    /// The table that groups are found in before a measure says more.
    fn first_table(&self, keys: &[Key]) -> Result<TableId, Misfit> {
        let mut tables: Vec<TableId> =
            keys.iter().map(|key| self.schema.table_of(key.column)).collect();
        let measured = self.measured_tables();
        tables.extend(measured.first());
        let prefer = measured.first().copied().unwrap_or(self.resolver.entity);
        self.resolver.base(&tables, prefer).ok_or_else(|| {
            misfit(NOWHERE, "Nothing relates what is counted and what it is counted for.")
        })
    }

    pub(super) fn ranked_by_count(&self) -> bool {
        matches!(
            self.sketch.best.as_ref().map(|best| &best.by),
            Some(Measured::Count(_) | Measured::Aggregate(..) | Measured::Metric(_))
        ) || self.sketch.sort.iter().any(|key| {
            matches!(key.by, Measured::Count(_) | Measured::Aggregate(..) | Measured::Metric(_))
        })
    }

    /// "Germany vs France": the values that stand against each other are groups.
    fn add_versus(&self, ask: &mut Ask, base: TableId) -> Result<(), Misfit> {
        if !self.sketch.versus {
            return Ok(());
        }
        let mut tests = self.sketch.clauses.iter().flat_map(|clause| &clause.tests);
        let values = tests.find_map(|test| match test {
            Test::Values { values, column, near, tokens } => Some((values, column, near, tokens)),
            _ => None,
        });
        let (values, column, near, tokens) =
            values.ok_or_else(|| misfit(NOWHERE, "The question does not say what is compared."))?;
        let (column, _) = self.resolver.choose_values(values, column.as_ref(), *near, tokens)?;
        self.add_group(ask, base, column, tokens, false)?;
        Ok(())
    }
}
