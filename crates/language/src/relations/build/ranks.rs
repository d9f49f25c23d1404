//! Superlatives: of groups, of rows, and as conditions.

use pacioli_model::{Aggregate, Ask, Comparison, OrderBy, Predicate, Value};

use super::{Builder, NOWHERE, Output, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Best, Measured, Noun, Pick},
};

/// How many are shown of a plural that is ranked, where no number is named.
const SEVERAL: u32 = 10;

impl Builder<'_> {
    pub(super) fn rank_groups(
        &self,
        ask: &mut Ask,
        best: &Best,
        groups: &[TableId],
    ) -> Result<(), Misfit> {
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
                let column = self.numeric(pick, *aggregate)?;
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

    /// "the stadium with the largest capacity" where it is not the stadiums that are listed.
    pub(super) fn best_filter(&self, base: TableId, best: &Best) -> Result<Predicate, Misfit> {
        if let (Measured::Count(Some(Noun::Table(counted))), Some(owner)) = (&best.by, best.of) {
            return self.best_by_count(base, best, *counted, owner);
        }
        if let Measured::Count(Some(Noun::Column(pick))) = &best.by {
            return self.commonest_value(base, best, pick);
        }
        let Measured::Column(pick) = &best.by else {
            return Err(misfit(best.tokens.clone(), "Two ranks at once are not understood."));
        };
        let pick = Pick { owner: pick.owner.or(best.of), ..pick.clone() };
        let column = self.resolver.choose(&pick)?;
        let table = self.schema.table_of(column);
        let key = self.schema.tables[table]
            .key
            .ok_or_else(|| misfit(best.tokens.clone(), "These rows have no key."))?;
        let mut ask = Ask::about(self.schema.tables[table].entry.name.clone());
        ask.each_row = true;
        self.add_group(&mut ask, table, key, &NOWHERE, false)?;
        let name = self.add_group(&mut ask, table, column, &NOWHERE, true)?;
        ask.order.push(OrderBy { name, direction: best.direction });
        ask.limit = Some(best.number.unwrap_or(1));
        let value = self.column_value(base, key, &best.tokens)?;
        Ok(Predicate::Among { values: vec![value], ask: Box::new(ask) })
    }

    /// "Customers under the most popular policy type": the value that most rows of its table have.
    fn commonest_value(
        &self,
        base: TableId,
        best: &Best,
        pick: &Pick,
    ) -> Result<Predicate, Misfit> {
        let column = self.resolver.choose(pick)?;
        let table = self.schema.table_of(column);
        let named = self.schema.tables[table].key == Some(column)
            || self.schema.tables[table].display == Some(column);
        if named || !self.resolver.is_single(base, table) {
            let reason = "The question does not say what is counted.";
            return Err(misfit(best.tokens.clone(), reason));
        }
        let mut ask = Ask::about(self.schema.tables[table].entry.name.clone());
        self.add_group(&mut ask, table, column, &NOWHERE, false)?;
        let counted = Measured::Count(Some(Noun::Table(table)));
        let name = self.measure_of(&mut ask, &counted, &[table], true)?;
        ask.order.push(OrderBy { name, direction: best.direction });
        ask.limit = Some(1);
        let value = self.column_value(base, column, &pick.tokens)?;
        Ok(Predicate::Among { values: vec![value], ask: Box::new(ask) })
    }

    /// "The author with the most books": the rows of `owner` that have the most of what is counted.
    fn best_by_count(
        &self,
        base: TableId,
        best: &Best,
        counted: TableId,
        owner: TableId,
    ) -> Result<Predicate, Misfit> {
        let key = self.schema.tables[owner]
            .key
            .ok_or_else(|| misfit(best.tokens.clone(), "These rows have no key."))?;
        let from = self.measuring(counted, &[owner])?;
        let mut ask = Ask::about(self.schema.tables[from].entry.name.clone());
        self.add_group(&mut ask, from, key, &best.tokens, false)?;
        let name = self.measure_of(&mut ask, &best.by, &[owner], true)?;
        ask.order.push(OrderBy { name, direction: best.direction });
        ask.limit = Some(best.number.unwrap_or(1));
        let value = self.column_value(base, key, &best.tokens)?;
        Ok(Predicate::Among { values: vec![value], ask: Box::new(ask) })
    }

    /// "heavier than the car with the most horsepower".
    pub(super) fn against_best(
        &self,
        value: Value,
        column: ColumnId,
        comparison: Comparison,
        best: &Best,
    ) -> Result<Predicate, Misfit> {
        let Measured::Column(by) = &best.by else {
            return Err(misfit(best.tokens.clone(), "Two ranks at once are not understood."));
        };
        let by = self.resolver.choose(by)?;
        let tables = [self.schema.table_of(column), self.schema.table_of(by)];
        let base = self
            .resolver
            .base(&tables, tables[0])
            .ok_or_else(|| misfit(best.tokens.clone(), "Nothing relates these tables."))?;
        let mut ask = Ask::about(self.schema.tables[base].entry.name.clone());
        ask.each_row = true;
        self.add_group(&mut ask, base, column, &NOWHERE, false)?;
        let name = self.add_group(&mut ask, base, by, &NOWHERE, true)?;
        ask.order.push(OrderBy { name, direction: best.direction });
        ask.limit = Some(1);
        Ok(Predicate::Compare { left: value, comparison, right: Value::Figure(Box::new(ask)) })
    }
}
