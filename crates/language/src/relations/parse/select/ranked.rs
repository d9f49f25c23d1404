//! Superlatives in what is asked for: the figure itself, or whoever has it.

use pacioli_model::{Aggregate, Direction};

use super::super::Parser;
use crate::relations::{
    pieces::Item,
    sketch::{Best, Measured, Target, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    /// "the youngest singer", "the highest salary", "the most common type", "top 3 songs".
    pub(super) fn select_best(&mut self, here: usize) {
        if let Some(Key::Most(direction)) = self.key_at(here)
            && self.aggregate_follows(here)
        {
            // "the greatest and average capacity"
            self.aggregates.push(extreme(direction));
            self.at = here + 1;
            return;
        }
        let Some((mut best, next)) = self.read_best(here) else {
            self.misplaced(here);
            self.at = here + 1;
            return;
        };
        self.at = next;
        let first =
            self.sketch.targets.is_empty() && self.sketch.entity.is_none() && best.number.is_none();
        let listed = best.number.is_none() && self.lists_figures(here);
        match &best.by {
            Measured::Column(pick)
                if (first || listed)
                    && pick.tokens != best.tokens
                    && self.reads_as_extreme(here) =>
            {
                let aggregate = extreme(best.direction);
                self.aggregates.push(aggregate);
                let pick = pick.clone();
                self.target_column(Some(pick));
                return;
            }
            // "The top 3 highest rates" are the rates themselves.
            Measured::Column(pick)
                if best.number.is_some()
                    && self.sketch.targets.is_empty()
                    && self.sketch.entity.is_none()
                    && best.of.is_none()
                    && pick.tokens != best.tokens
                    && !self.mention_at(self.solid(next)).is_some_and(Self::is_table) =>
            {
                let pick = pick.clone();
                self.target_column(Some(pick));
            }
            Measured::Count(None) => {
                // "the most common type": the noun that follows is asked for and counted.
                if let Some(mention) = self.mention_at(self.solid(next)).cloned() {
                    self.at = self.solid(next);
                    if first || !self.narrowing {
                        self.select_mention(self.at, &mention);
                    } else {
                        self.at += 1;
                        best.of = mention.best_table().map(|(table, _)| table);
                    }
                }
            }
            _ => {}
        }
        if let Some(table) = best.of {
            let first_noun = self.sketch.targets.is_empty();
            self.sketch.entity = self.sketch.entity.or(Some(table));
            if first_noun {
                self.focus = Some(table);
            }
        }
        self.rank(best);
    }

    /// Whether an aggregate follows that shares the column.
    fn aggregate_follows(&self, here: usize) -> bool {
        let and = self.solid(here + 1);
        let next = self.solid(and + 1);
        matches!(self.key_at(and), Some(Key::And))
            && matches!(self.key_at(next), Some(Key::Aggregate(_) | Key::Most(_)))
    }

    /// "The highest support rate, lowest consider rate": one figure after another.
    fn lists_figures(&self, here: usize) -> bool {
        let before =
            self.pieces[..here].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        let joined = self.pieces[here].pause
            || before.is_some_and(|piece| piece.item == Item::Key(Key::And));
        let figure = |target: &Target| matches!(target, Target::Aggregate { .. });
        joined
            && self.sketch.entity.is_none()
            && !self.sketch.targets.is_empty()
            && self.sketch.targets.iter().all(figure)
    }

    /// Whether "the highest salary" is the figure itself and not whoever has it.
    fn reads_as_extreme(&self, here: usize) -> bool {
        let adjective_of_table = matches!(self.item(here), Some(Item::Adjective { .. }))
            && self.mention_at(self.solid(here + 1)).is_some_and(Self::is_table);
        let who = self
            .words
            .first()
            .is_some_and(|word| matches!(word.to_lowercase().as_str(), "who" | "whom"));
        !adjective_of_table && !who
    }

    pub(in crate::relations::parse) fn rank(&mut self, best: Best) {
        if self.sketch.best.is_none() {
            self.sketch.best = Some(best);
        } else {
            self.push(Test::Best(best));
        }
    }
}

pub(in crate::relations::parse) fn extreme(direction: Direction) -> Aggregate {
    match direction {
        Direction::Ascending => Aggregate::Min,
        Direction::Descending => Aggregate::Max,
    }
}
