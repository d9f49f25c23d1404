//! Tables in a condition: what must exist, what is denied, and by whom something was done.

use super::super::{Parser, Zone};
use crate::relations::{
    pieces::{Item, Mention},
    sketch::{Noun, Pick, Target, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    /// "Which Anna visited but Ben did not visit": who is denied stands before.
    pub(super) fn denies_before(&mut self, here: usize) -> bool {
        let mut end = here + 1;
        while matches!(self.key_at(end), Some(Key::Stop | Key::Verb))
            || end == here + 1 && self.mention_at(end).is_some_and(Self::is_table)
        {
            end += 1;
        }
        let ends = self.pieces.get(end).is_none_or(|piece| {
            piece.pause || matches!(piece.item, Item::Key(Key::And | Key::Order))
        });
        let before = here.checked_sub(1).and_then(|before| self.mention_at(before));
        let value = before.is_some_and(Mention::only_values);
        let several = self.sketch.clauses.len() > 1;
        match self.sketch.clauses.last_mut() {
            Some(clause)
                if ends
                    && value
                    && several
                    && !clause.alternative
                    && matches!(clause.tests.as_slice(), [Test::Values { .. }]) =>
            {
                clause.negated = true;
                self.at = end;
                self.open = false;
                true
            }
            _ => false,
        }
    }

    /// Whether "ordered by" tells who did it.
    pub(super) fn is_done_by(&self, here: usize) -> bool {
        let passive = here.checked_sub(1).is_some_and(|before| {
            let word = self.words[self.pieces[before].tokens.end - 1].to_lowercase();
            self.key_at(before) == Some(Key::Not)
                || matches!(word.as_str(), "was" | "were" | "been" | "never" | "not")
        });
        let said = self.words[self.pieces[here].tokens.start].to_lowercase();
        said == "ordered" && passive
    }

    pub(super) fn by_condition(&mut self, here: usize) {
        let measured = self
            .sketch
            .targets
            .iter()
            .any(|target| !matches!(target, Target::Column(_) | Target::Entity(_)));
        // "Bookings in 2025 vs the year before by hotel": how many.
        let measured = measured || self.sketch.change.is_some();
        let noun = self.mention_at(self.solid(here + 1));
        let again = |pick: &Pick| {
            let best = pick.candidates.first().map(|(column, _)| *column);
            noun.and_then(|noun| noun.columns.first()).is_some_and(|(it, _)| Some(*it) == best)
        };
        if self.column.as_ref().is_some_and(again) {
            // "Not approved by the FDA" says once more what is tested.
            self.at = self.solid(here + 1) + 1;
            return;
        }
        let groups = noun.is_some_and(|mention| !mention.only_values())
            || matches!(self.key_at(self.solid(here + 1)), Some(Key::Grain(_) | Key::Every(_)));
        // "Approved by the agency" says who did it.
        let done = here.checked_sub(1).is_some_and(|before| {
            let word = self.words[self.pieces[before].tokens.end - 1].to_lowercase();
            self.key_at(before) == Some(Key::Verb)
                || self.mention_at(before).is_some_and(|mention| self.is_flag(mention))
                    && word.ends_with("ed")
        });
        if measured && groups && !done {
            self.enter(Zone::Group);
        } else if groups && !self.schema.catalog.semantics.metrics.is_empty() && !done {
            // "Quotes that were never confirmed, by month": how many.
            let noun = self.solid(here + 1);
            let figure = self.mention_at(noun).and_then(|mention| mention.metrics.first().copied());
            if let (Some(table), Some(metric), true) =
                (self.sketch.entity, figure, self.sketch.targets.is_empty())
            {
                // "Customers outside Germany by revenue": a figure of each.
                self.close_column();
                self.sketch.by = true;
                self.sketch.groups.push(Noun::Table(table));
                self.sketch.targets.push(Target::Metric(metric));
                self.at = noun + 1;
            } else if self.sketch.targets.is_empty() && self.sketch.entity.is_some() {
                self.sketch.by = true;
                self.enter(Zone::Group);
            } else {
                self.misplaced(here);
            }
        }
    }

    /// Whether a column of yes and no is meant.
    fn is_flag(&self, mention: &Mention) -> bool {
        let best = mention.columns.first();
        best.is_some_and(|(column, _)| self.schema.affirms(*column).is_some())
    }

    pub(super) fn table_condition(&mut self, here: usize, table: usize) {
        let pending = self.column.take();
        if let Some(mut pick) = pending {
            // "the name of the stadium", with the noun after: the column is that table's.
            pick.owner = Some(table);
            self.column = Some(pick);
            self.speak_of(table);
            return;
        }
        self.speak_of(table);
        let next = self.solid(self.at);
        let named = self.mention_at(next).is_some_and(|mention| {
            mention.values.iter().any(|(value, _)| self.schema.table_of(value.column) == table)
        }) || matches!(self.item(next), Some(Item::Quoted(_, values)) if values.iter().any(|(value, _)| self.schema.table_of(value.column) == table));
        if named && self.sketch.entity.is_some() && !self.pieces[next].pause {
            return;
        }
        if self.sketch.entity.is_none() && self.sketch.groups.is_empty() {
            let sure = self.pieces[here].quality > 0.8;
            if sure && self.negated && !self.open && self.asks_for_columns() {
                // "Locations where no cinema …": what the values must have none of.
                if self.asked_column_is_of(table) {
                    self.sketch.entity = Some(table);
                }
                let tokens = self.tokens(here);
                return self.push(Test::Exists { table, tokens });
            }
            self.sketch.entity = Some(table);
            return;
        }
        let own =
            self.sketch.entity == Some(table) || self.sketch.groups.contains(&Noun::Table(table));
        if !own || self.negated && self.having && !self.open {
            let tokens = self.tokens(here);
            self.push(Test::Exists { table, tokens });
        }
    }

    pub(in crate::relations::parse) fn asks_for_columns(&self) -> bool {
        !self.sketch.targets.is_empty()
            && self.sketch.targets.iter().all(|target| matches!(target, Target::Column(_)))
    }

    /// Whether the first column that is asked for can be one of a table.
    pub(in crate::relations::parse) fn asked_column_is_of(&self, table: usize) -> bool {
        let pick = match self.sketch.targets.first() {
            Some(Target::Column(pick) | Target::Aggregate { of: pick, .. }) => pick,
            Some(Target::Count { what: Noun::Table(counted), .. }) => return *counted == table,
            _ => return false,
        };
        let best = pick.candidates.first().map_or(0.0, |(_, quality)| *quality);
        pick.candidates.iter().any(|(column, quality)| {
            self.schema.table_of(*column) == table && *quality > best - 0.1
        })
    }
}
