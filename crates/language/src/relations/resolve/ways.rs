//! Columns to the ways that lead there.

use std::{collections::VecDeque, ops::Range};

use pacioli_model::{ColumnRef, RelationshipName};

use super::{Misfit, Resolver};
use crate::relations::{
    schema::{ColumnId, Step, TableId},
    thesaurus::{lemma, same},
};

impl Resolver<'_> {
    /// The way from one table to another, and whether it must be said. One that leads to one row is
    /// preferred; among equally short ones, the one that the words around `tokens` speak of.
    pub(crate) fn way(
        &self,
        from: TableId,
        to: TableId,
        tokens: &Range<usize>,
    ) -> Result<(Vec<Step>, bool), Misfit> {
        let ways = self.schema.ways(from, to);
        let apart = || Misfit::new(tokens.clone(), "Nothing relates these tables.");
        match ways.len() {
            0 => return Err(apart()),
            1 => {
                let said = |way: &Vec<Step>| !self.schema.goes_unsaid(from, to, way);
                return ways
                    .into_iter()
                    .next()
                    .map(|way| (way.clone(), said(&way)))
                    .ok_or_else(apart);
            }
            _ => {}
        }
        let single: Vec<Vec<Step>> =
            ways.iter().filter(|way| way.iter().all(|step| !step.many)).cloned().collect();
        let ways = if single.is_empty() { ways } else { single };
        if let [only] = ways.as_slice() {
            return Ok((only.clone(), true));
        }
        let near = self.near_hints(tokens);
        let overlap = |way: &Vec<Step>| self.spoken(way, &near);
        let mut scores: Vec<usize> = ways.iter().map(overlap).collect();
        if scores.iter().all(|score| *score == scores[0]) && tokens.len() < self.tokens.len() {
            // Nothing near: the one way that any word of the question speaks of.
            let wide = self.wide_hints();
            scores = ways.iter().map(|way| self.spoken(way, &wide)).collect();
        }
        let best = scores.iter().copied().max().unwrap_or(0);
        let leading = ways.iter().zip(&scores).filter(|(_, score)| **score == best);
        let leading: Vec<&Vec<Step>> = leading.map(|(way, _)| way).collect();
        match (leading.as_slice(), self.way.and_then(|way| leading.get(way))) {
            ([only], _) => Ok(((*only).clone(), true)),
            (_, Some(chosen)) => Ok(((*chosen).clone(), true)),
            _ => Err(Misfit {
                ways: leading.len(),
                labels: leading.iter().map(|way| self.said(way)).collect(),
                ..Misfit::new(
                    tokens.clone(),
                    "These tables belong together in several ways, and the question does not say which.",
                )
            }),
        }
    }

    /// What tells a way from others: the columns that it follows.
    fn said(&self, way: &[Step]) -> String {
        let step = |step: &Step| {
            let relationship = self.schema.relationships[step.relationship];
            let columns: Vec<String> =
                relationship.columns.iter().map(ToString::to_string).collect();
            relationship
                .label
                .clone()
                .unwrap_or_else(|| format!("{} of {}", columns.join(" and "), relationship.table))
        };
        way.iter().map(step).collect::<Vec<_>>().join(", ")
    }

    /// How much some words speak of a way.
    fn spoken(&self, way: &[Step], hints: &[(String, usize)]) -> usize {
        let mut score = 0;
        for step in way {
            let relationship = self.schema.relationships[step.relationship];
            let mut words: Vec<String> = relationship
                .columns
                .iter()
                .flat_map(|column| crate::relations::lexicon::name_words(column.as_str()))
                .collect();
            words.extend(
                relationship
                    .label
                    .iter()
                    .flat_map(|label| crate::relations::lexicon::name_words(label)),
            );
            let said = |hint: &str| {
                words.iter().any(|word| word == hint || hint.len() > 3 && word.starts_with(hint))
            };
            score += hints
                .iter()
                .filter(|(hint, _)| said(hint))
                .map(|(_, weight)| *weight)
                .sum::<usize>();
        }
        score
    }

    fn wide_hints(&self) -> Vec<(String, usize)> {
        let mut hints = Vec::new();
        for token in self.tokens {
            let stem = lemma(&token.word);
            hints.extend(same(&stem).chain(same(&token.word)).map(|other| (other.to_owned(), 1)));
            hints.push((stem, 1));
        }
        hints.sort();
        hints.dedup();
        hints
    }

    /// Words before some tokens; those next to them count most.
    fn near_hints(&self, tokens: &Range<usize>) -> Vec<(String, usize)> {
        let mut hints = Vec::new();
        let start = tokens.start.saturating_sub(6);
        for at in (start..tokens.start).chain(tokens.end..(tokens.end + 2).min(self.tokens.len())) {
            let weight = if at < tokens.start {
                7_usize.saturating_sub(tokens.start - at).max(1)
            } else {
                1
            };
            let word = &self.tokens[at].word;
            let stem = lemma(word.strip_suffix("ly").unwrap_or(word));
            hints.extend(same(&stem).chain(same(word)).map(|other| (other.to_owned(), weight)));
            hints.push((stem, weight));
        }
        // The nearest word that speaks of one end of a way says most.
        hints.extend(self.end_before(tokens).map(|word| (word.to_owned(), 8)));
        hints.sort_by(|left, right| left.0.cmp(&right.0).then(right.1.cmp(&left.1)));
        hints.dedup_by(|next, kept| next.0 == kept.0);
        hints
    }

    /// A column as a table refers to it.
    pub(crate) fn reference(
        &self,
        from: TableId,
        column: ColumnId,
        tokens: &Range<usize>,
    ) -> Result<ColumnRef, Misfit> {
        let (way, said) = self.way(from, self.schema.table_of(column), tokens)?;
        let mut reference = self.schema.reference(column);
        if said {
            reference.via = self.schema.names(&way);
        }
        Ok(reference)
    }

    pub(crate) fn via(
        &self,
        from: TableId,
        to: TableId,
        tokens: &Range<usize>,
    ) -> Result<Vec<RelationshipName>, Misfit> {
        let (way, said) = self.way(from, to, tokens)?;
        Ok(if said { self.schema.names(&way) } else { Vec::new() })
    }

    /// Whether each row of `from` has at most one value there.
    pub(crate) fn is_single(&self, from: TableId, to: TableId) -> bool {
        self.schema.reaches_one(from, to)
    }

    /// The closest table from whose rows all these are single.
    pub(crate) fn base(&self, tables: &[TableId], prefer: TableId) -> Option<TableId> {
        let mut total: Vec<Option<usize>> = vec![Some(0); self.schema.tables.len()];
        for table in tables {
            let reach = self.reached_by(*table);
            for (sum, steps) in total.iter_mut().zip(reach) {
                *sum = sum.zip(steps).map(|(sum, steps)| sum + steps);
            }
        }
        let cost = |table: &TableId| {
            (total[*table], *table != prefer, !self.mentioned.contains(table), *table)
        };
        let link = tables.first().and_then(|one| {
            let other = tables.iter().find(|other| *other != one)?;
            // Rows that only happen to have one each so far are not led past what is there to link them.
            let named = self.schema.refers_to(*one, *other) || self.schema.refers_to(*other, *one);
            self.schema.link_of(*one, *other).filter(|link| !named && total[*link].is_some())
        });
        if let Some(link) = link {
            return Some(link);
        }
        if total.get(prefer).copied().flatten().is_some() {
            return Some(prefer);
        }
        (0..total.len()).filter(|table| total[*table].is_some()).min_by_key(cost)
    }

    /// How many steps each table takes to its one row of `table`; empty where it has none or several.
    fn reached_by(&self, table: TableId) -> Vec<Option<usize>> {
        let mut steps = vec![None; self.schema.tables.len()];
        steps[table] = Some(0);
        let mut queue = VecDeque::from([table]);
        while let Some(at) = queue.pop_front() {
            for step in &self.schema.tables[at].steps {
                // The step back must lead to one row.
                let relationship = self.schema.relationships[step.relationship];
                let forward = self.schema.tables[step.to].entry.name == relationship.table
                    && self.schema.tables[at].entry.name == relationship.to;
                if (forward || relationship.one_to_one) && steps[step.to].is_none() {
                    steps[step.to] = steps[at].map(|count: usize| count + 1);
                    queue.push_back(step.to);
                }
            }
        }
        steps
    }
}
