//! Figures of groups.

use std::ops::Range;

use pacioli_model::{Aggregate, Aggregation, Ask, Literal, OrderBy, Predicate, Value};

use super::{Builder, NOWHERE, Output, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Best, Measured, Noun, Test},
};

/// How many are shown of a plural that is ranked, where no number is named.
const SEVERAL: u32 = 10;

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

    pub(super) fn table_named(&self, name: &pacioli_model::TableName) -> TableId {
        (0..self.schema.tables.len())
            .find(|table| self.schema.tables[*table].entry.name == *name)
            .unwrap_or(self.resolver.entity)
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
                Noun::Period(_) => {}
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
        let measured = self.measured_tables();
        let elsewhere = !measured.contains(&table) || measured.is_empty();
        elsewhere && (named || self.sketch.entity == Some(table))
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

    fn measure_output(
        &self,
        ask: &mut Ask,
        output: Output,
        tokens: &Range<usize>,
        groups: &[TableId],
    ) -> Result<(), Misfit> {
        match output {
            Output::Column(_) | Output::Entity(_) => {}
            Output::Metric(metric) => {
                self.measure_metric(ask, metric, false)?;
            }
            Output::CountRows(table) => {
                self.measure_count(ask, Some(&Noun::Table(table)), groups, false)?;
            }
            Output::CountValues(column, distinct) => {
                let base = self.measuring(self.schema.table_of(column), groups)?;
                let how = if distinct { Aggregate::CountDistinct } else { Aggregate::Count };
                let mut aggregation =
                    Aggregation::new(how, self.schema.tables[base].entry.name.clone());
                aggregation.value = Some(self.column_value(base, column, tokens)?);
                let name = format!("distinct_{}", self.schema.columns[column].column.name);
                Self::add_measure(ask, &name, aggregation, false);
            }
            Output::Aggregate(aggregate, column) => {
                self.measure_column(ask, aggregate, column, tokens, groups, false)?;
            }
        }
        Ok(())
    }

    pub(super) fn measure_column(
        &self,
        ask: &mut Ask,
        aggregate: Aggregate,
        column: ColumnId,
        tokens: &Range<usize>,
        groups: &[TableId],
        hidden: bool,
    ) -> Result<pacioli_model::ColumnName, Misfit> {
        let base = self.measuring(self.schema.table_of(column), groups)?;
        let mut aggregation =
            Aggregation::new(aggregate, self.schema.tables[base].entry.name.clone());
        aggregation.value = Some(self.column_value(base, column, tokens)?);
        let word = match aggregate {
            Aggregate::Average => "average",
            Aggregate::Min => "minimum",
            Aggregate::Max => "maximum",
            _ => "total",
        };
        let name = format!("{word}_{}", self.schema.columns[column].column.name);
        Ok(Self::add_measure(ask, &name, aggregation, hidden))
    }

    /// The table whose rows are measured: `table` itself, or what joins it to the groups.
    pub(super) fn measuring(&self, table: TableId, groups: &[TableId]) -> Result<TableId, Misfit> {
        let mut tables = groups.to_vec();
        tables.push(table);
        self.resolver.base(&tables, table).ok_or_else(|| {
            misfit(NOWHERE, "Nothing relates what is counted and what it is counted for.")
        })
    }

    /// Counts rows of a table, or of whatever belongs to the groups.
    pub(super) fn measure_count(
        &self,
        ask: &mut Ask,
        noun: Option<&Noun>,
        groups: &[TableId],
        hidden: bool,
    ) -> Result<pacioli_model::ColumnName, Misfit> {
        let table = match noun {
            Some(Noun::Table(table)) => *table,
            Some(Noun::Column(pick)) => {
                let column = self.resolver.choose(pick)?;
                let own = self.schema.table_of(column);
                let base = self.measuring(own, groups)?;
                let mut aggregation = Aggregation::new(
                    Aggregate::CountDistinct,
                    self.schema.tables[base].entry.name.clone(),
                );
                aggregation.value = Some(self.column_value(base, column, &pick.tokens)?);
                return Ok(Self::add_measure(ask, "count", aggregation, hidden));
            }
            Some(Noun::Period(_)) => return Err(misfit(NOWHERE, "Periods are not counted.")),
            None => self
                .belonging_or()
                .ok_or_else(|| misfit(NOWHERE, "The question does not say what is counted."))?,
        };
        let base = self.measuring(table, groups)?;
        let aggregation =
            Aggregation::new(Aggregate::Count, self.schema.tables[base].entry.name.clone());
        Ok(Self::add_measure(ask, "count", aggregation, hidden))
    }

    /// What rows are counted where the question names none: another table that it names and that has
    /// many of them, else the entity's own.
    pub(super) fn belonging(&self) -> TableId {
        self.belonging_or().unwrap_or(self.resolver.entity)
    }

    pub(super) fn belonging_or(&self) -> Option<TableId> {
        let entity = self.resolver.entity;
        let shown = self.outputs.iter().find_map(|(output, _)| match output {
            Output::Column(column) => Some(self.schema.table_of(*column)),
            Output::Entity(table) => Some(*table),
            _ => None,
        });
        let of = shown.unwrap_or(entity);
        if of != entity && self.schema.reaches_one(entity, of) {
            return Some(entity);
        }
        let own_name = self.outputs.iter().any(|(output, _)| match output {
            Output::Entity(_) => true,
            Output::Column(column) => {
                self.schema.tables[of].display == Some(*column)
                    || self.schema.tables[of].key == Some(*column)
            }
            _ => false,
        });
        let others = self.sketch.mentioned.iter().copied().filter(|table| *table != of);
        let mut many = others.filter(|table| {
            own_name
                && !self.schema.reaches_one(of, *table)
                && self.schema.distance(of, *table).is_some()
        });
        many.next().or_else(|| if own_name { self.only_many(of) } else { Some(of) })
    }

    /// The one table that has many rows for each row of `table`.
    fn only_many(&self, table: TableId) -> Option<TableId> {
        let mut many =
            self.schema.tables[table].steps.iter().filter(|step| step.many).map(|step| step.to);
        many.next().filter(|first| many.all(|other| other == *first))
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

    /// The measure that a bound or a rank speaks of.
    pub(super) fn measure_of(
        &self,
        ask: &mut Ask,
        what: &Measured,
        groups: &[TableId],
        hidden: bool,
    ) -> Result<pacioli_model::ColumnName, Misfit> {
        match what {
            Measured::Count(noun) => self.measure_count(ask, noun.as_ref(), groups, hidden),
            Measured::Aggregate(aggregate, pick) => {
                let column = self.numeric(pick, *aggregate)?;
                self.measure_column(ask, *aggregate, column, &pick.tokens, groups, hidden)
            }
            Measured::Metric(metric) => self.measure_metric(ask, *metric, hidden),
            Measured::Column(pick) => {
                Err(misfit(pick.tokens.clone(), "A column by itself is no figure of a group."))
            }
        }
    }

    fn rank_groups(&self, ask: &mut Ask, best: &Best, groups: &[TableId]) -> Result<(), Misfit> {
        let name = match &best.by {
            Measured::Count(noun) => {
                let known = ask.measures.iter().find(|measure| {
                    measure.aggregation().is_some_and(|one| one.aggregate == Aggregate::Count)
                });
                match known.filter(|_| noun.is_none()) {
                    Some(measure) => measure.name.clone(),
                    None => self.measure_count(ask, noun.as_ref(), groups, true)?,
                }
            }
            Measured::Aggregate(aggregate, pick) => {
                let column = self.resolver.choose(pick)?;
                // "Top 5 clients by invoice amount": so that it can be seen.
                let shown = best.number.is_some()
                    && *aggregate == Aggregate::Sum
                    && ask.measures.is_empty();
                self.measure_column(ask, *aggregate, column, &pick.tokens, groups, !shown)?
            }
            Measured::Metric(metric) => {
                let shown =
                    !self.outputs.iter().any(|(output, _)| matches!(output, Output::Metric(_)));
                self.measure_metric(ask, *metric, !shown)?
            }
            Measured::Column(pick) => {
                let column = self.resolver.choose(pick)?;
                if let Some(known) = self.known_measure(ask, column) {
                    known
                } else if ask.group_by.is_empty() {
                    return Err(misfit(best.tokens.clone(), "A total has no rank."));
                } else {
                    let adds_up = best.number.is_some()
                        && self.schema.columns[column].role.adds_up()
                        && !groups.contains(&self.schema.table_of(column));
                    let how = if adds_up {
                        Aggregate::Sum
                    } else if best.direction == pacioli_model::Direction::Ascending {
                        Aggregate::Min
                    } else {
                        Aggregate::Max
                    };
                    self.measure_column(ask, how, column, &pick.tokens, groups, true)?
                }
            }
        };
        if ask.group_by.is_empty() {
            return Err(misfit(best.tokens.clone(), "A total has no rank."));
        }
        ask.order.push(OrderBy { name, direction: best.direction });
        let usual = if self.ranks_several(best) { SEVERAL } else { 1 };
        ask.limit = Some(best.number.unwrap_or(usual));
        self.limit_each(ask)
    }

    /// "Customers with the highest revenue": a plural, ranked by a declared figure.
    fn ranks_several(&self, best: &Best) -> bool {
        let lead = ["which", "what", "list", "show", "me", "the", "our", "give", "find"];
        let mut said = self.resolver.tokens.iter().map(|token| token.word.as_str());
        let first = said.find(|word| !lead.contains(word)).unwrap_or_default();
        matches!(best.by, Measured::Metric(_))
            && first.ends_with('s')
            && !first.ends_with("ss")
            && crate::relations::thesaurus::lemma(first) != first
    }

    /// "The top 3 products in each country": so many of every group that the question names.
    fn limit_each(&self, ask: &mut Ask) -> Result<(), Misfit> {
        let mut each = Vec::new();
        for group in &self.sketch.groups {
            let column = match group {
                Noun::Column(pick) => self.resolver.choose(pick)?,
                Noun::Table(table) => {
                    self.schema.tables[*table].key.map_or_else(|| self.shown(*table), Ok)?
                }
                Noun::Period(_) => continue,
            };
            let reference = self.schema.reference(column);
            let same = |known: &pacioli_model::ColumnRef| {
                known.table == reference.table && known.column == reference.column
            };
            each.extend(
                ask.group_by
                    .iter()
                    .filter(|group| group.column().is_some_and(same))
                    .map(|group| group.name.clone()),
            );
        }
        let others = ask.shown_groups().any(|group| !each.contains(&group.name));
        if others && each.len() < ask.group_by.len() {
            ask.limit_per = each;
        }
        Ok(())
    }

    /// The shown measure over a column.
    pub(super) fn known_measure(
        &self,
        ask: &Ask,
        column: ColumnId,
    ) -> Option<pacioli_model::ColumnName> {
        let name = &self.schema.columns[column].column.name;
        let known = ask.measures.iter().find(|measure| {
            measure
                .aggregation()
                .and_then(|one| one.column())
                .is_some_and(|reference| reference.column == *name)
        });
        known.map(|measure| measure.name.clone())
    }

    pub(super) fn number_literal(number: pacioli_model::Decimal) -> Literal {
        let whole = (number.scale == 0).then(|| i64::try_from(number.mantissa).ok()).flatten();
        whole.map_or(Literal::Decimal(number), Literal::Integer)
    }
}
