//! What is counted and computed for each group.

use std::ops::Range;

use pacioli_model::{Aggregate, Aggregation, Ask, Literal};

use super::{Builder, NOWHERE, Output, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Measured, Noun},
};

impl Builder<'_> {
    pub(super) fn measure_output(
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
        if let Some(part) = self.part_of(table) {
            return Ok(part);
        }
        self.resolver.base(&tables, table).ok_or_else(|| {
            misfit(NOWHERE, "Nothing relates what is counted and what it is counted for.")
        })
    }

    /// "The average age of gymnasts", whose ages stand with all people: those who are gymnasts alone.
    fn part_of(&self, table: TableId) -> Option<TableId> {
        let entity =
            self.sketch.entity.filter(|it| *it != table && self.sketch.groups.is_empty())?;
        let ways = self.schema.ways(entity, table);
        let [way] = ways.as_slice() else { return None };
        let [step] = way.as_slice() else { return None };
        let one = self.schema.relationships[step.relationship].one_to_one;
        (one && self.schema.is_forward(step)).then_some(entity)
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
                && !self.schema.refers_to(of, *table)
                && self.schema.distance(of, *table).is_some()
        });
        many.next().or_else(|| if own_name { self.only_many(of) } else { Some(of) })
    }

    /// The one table that has many rows for each row of `table`.
    fn only_many(&self, table: TableId) -> Option<TableId> {
        let steps = self.schema.tables[table].steps.iter();
        let mut many = steps.filter(|step| !self.schema.is_forward(step)).map(|step| step.to);
        many.next().filter(|first| many.all(|other| other == *first))
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
