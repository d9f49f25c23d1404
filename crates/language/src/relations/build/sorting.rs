//! Ranks and orders.

use pacioli_model::{Ask, Direction, OrderBy};

use super::{Builder, NOWHERE, misfit};
use crate::relations::{
    lexicon::name_words,
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Best, Measured},
};

impl Builder<'_> {
    /// Whether a rank is one of the table that many of the listed rows belong to, and these are asked
    /// for in the plural.
    pub(super) fn ranks_owner(&self, column: ColumnId) -> bool {
        let owner = self.schema.table_of(column);
        let entity = self.resolver.entity;
        let ways = self.schema.ways(entity, owner);
        let belongs = owner != entity
            && ways.iter().any(|way| {
                way.iter().all(|step| {
                    !step.many && !self.schema.relationships[step.relationship].one_to_one
                })
            });
        let words = name_words(self.schema.tables[entity].entry.name.as_str());
        let plural = self.resolver.tokens.iter().any(|token| {
            let stem = crate::relations::thesaurus::lemma(&token.word);
            stem != token.word && words.contains(&stem)
        });
        belongs && plural && self.resolver.mentioned.contains(&owner)
    }

    /// The table whose rows each tell more of one row of `entity`, where they are shown: "books and
    /// when they were published" are the publications, each with its book.
    pub(super) fn with_parts(&self, entity: TableId, tables: &[TableId]) -> TableId {
        let tells = |table: &TableId| {
            *table != entity
                && self.schema.tables[*table].steps.iter().any(|step| {
                    let relationship = self.schema.relationships[step.relationship];
                    step.to == entity
                        && relationship.one_to_one
                        && relationship.table == self.schema.tables[*table].entry.name
                })
                && self.resolver.base(tables, *table) == Some(*table)
        };
        tables.iter().copied().find(tells).unwrap_or(entity)
    }

    pub(super) fn ranking_column(&self, best: &Best) -> Result<ColumnId, Misfit> {
        match &best.by {
            Measured::Column(pick) => {
                let column = self.resolver.choose(pick)?;
                let node = &self.schema.columns[column];
                let said = self.resolver.tokens[pick.tokens.clone()].iter().any(|token| {
                    let stem = crate::relations::thesaurus::lemma(&token.word);
                    node.words.last().is_some_and(|word| word.stem == stem)
                });
                if self.schema.tables[node.table].key == Some(column) && !said {
                    let reason = "Nothing here says how much that is.";
                    return Err(misfit(pick.tokens.clone(), reason));
                }
                Ok(column)
            }
            Measured::Count(_) | Measured::Aggregate(..) | Measured::Metric(_) => {
                Err(misfit(best.tokens.clone(), "Rows have no count."))
            }
        }
    }

    pub(super) fn rank_rows(
        &self,
        ask: &mut Ask,
        base: TableId,
        best: &Best,
        column: ColumnId,
    ) -> Result<(), Misfit> {
        let name = self.add_group(ask, base, column, &best.tokens, true)?;
        // "The youngest" points the right way already.
        let said = self.resolver.tokens.get(best.tokens.start).map_or("", |token| &token.word);
        let turned = !(said.starts_with("old") || said.starts_with("young"))
            && matches!(&best.by, Measured::Column(pick) if self.turns_back(pick, column));
        ask.order.push(OrderBy { name, direction: directed(best.direction, turned) });
        ask.limit = Some(best.number.unwrap_or(1));
        Ok(())
    }

    pub(super) fn sort_rows(&self, ask: &mut Ask, base: TableId) -> Result<(), Misfit> {
        if ask.limit.is_some() {
            return Ok(());
        }
        for key in &self.sketch.sort {
            let Measured::Column(pick) = &key.by else { continue };
            let column = self.resolver.choose(pick)?;
            let name = self.add_group(ask, base, column, &pick.tokens, true)?;
            let direction = key.direction.unwrap_or(Direction::Ascending);
            let direction = directed(direction, self.turns_back(pick, column));
            ask.order.push(OrderBy { name, direction });
        }
        Ok(())
    }

    pub(super) fn sort_groups(
        &self,
        ask: &mut Ask,
        base: TableId,
        groups: &[TableId],
    ) -> Result<(), Misfit> {
        if ask.limit.is_some() {
            return Ok(());
        }
        for key in &self.sketch.sort {
            let direction = key.direction.unwrap_or(Direction::Ascending);
            let name = match &key.by {
                Measured::Count(noun) => {
                    let known = ask
                        .measures
                        .first()
                        .map(|measure| measure.name.clone())
                        .filter(|_| noun.is_none());
                    match known {
                        Some(name) => name,
                        None => self.measure_count(ask, noun.as_ref(), groups, true)?,
                    }
                }
                Measured::Aggregate(aggregate, pick) => {
                    let column = self.resolver.choose(pick)?;
                    self.measure_column(ask, *aggregate, column, &pick.tokens, groups, true)?
                }
                Measured::Metric(metric) => self.measure_metric(ask, *metric, true)?,
                Measured::Column(pick) => {
                    let column = self.resolver.choose(pick)?;
                    match self.known_measure(ask, column) {
                        Some(name) => name,
                        None => self.add_group(ask, base, column, &pick.tokens, true)?,
                    }
                }
            };
            ask.order.push(OrderBy { name, direction });
        }
        Ok(())
    }

    /// Rows that rank the same come in the order of their key, so that equal questions have equal
    /// answers. Where nothing is hidden the engine does so itself.
    pub(super) fn break_ties_of_rows(&self, ask: &mut Ask, base: TableId) -> Result<(), Misfit> {
        let hidden = ask.group_by.iter().any(|group| group.hidden);
        if let Some(key) =
            self.schema.tables[base].key.filter(|_| ask.each_row && hidden && !ask.order.is_empty())
        {
            let name = self.add_group(ask, base, key, &NOWHERE, true)?;
            if ask.order.iter().all(|known| known.name != name) {
                ask.order.push(OrderBy { name, direction: Direction::Ascending });
            }
        }
        Ok(())
    }
}

fn directed(direction: Direction, turned: bool) -> Direction {
    match direction {
        Direction::Ascending if turned => Direction::Descending,
        Direction::Descending if turned => Direction::Ascending,
        direction => direction,
    }
}
