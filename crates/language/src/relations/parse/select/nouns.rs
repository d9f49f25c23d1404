//! Nouns in what is asked for: columns to show, rows to list or count, and what only narrows them.

use super::super::{Parser, Zone};
use crate::relations::{
    pieces::{Item, Mention},
    schema::TableId,
    sketch::{Noun, Pick, Target, Test},
    thesaurus::measured_by,
    vocabulary::{self, Key},
};

impl Parser<'_> {
    pub(super) fn select_mention(&mut self, here: usize, mention: &Mention) {
        self.at = here + 1;
        if let Some(metric) = mention.metrics.first()
            && !self.names_value(here, mention)
            && !self.lists_rows(here, mention)
        {
            return self.target_metric(here, *metric);
        }
        let asked = !self.sketch.targets.is_empty() || self.sketch.entity.is_some();
        let values_win = mention.only_values()
            || self.names_value(here, mention)
            || self.narrowing && asked && is_better_value(mention);
        if values_win {
            self.count_rows_of(here, mention);
            self.at = here;
            return self.select_values(here, mention);
        }
        let next = here + 1;
        let within = std::mem::take(&mut self.within)
            && self.narrowing
            && mention.table_quality() + 0.2 < mention.column_quality();
        let bounded =
            self.bounds_next(next) && mention.column_quality() + 0.05 > mention.table_quality();
        let flagged = asked && self.says_flag(here, mention);
        if asked && !mention.columns.is_empty() && (bounded || within || flagged) {
            self.at = here;
            return self.enter(Zone::Condition);
        }
        let compound = self
            .mention_at(next)
            .is_some_and(|after| !after.columns.is_empty() && !self.pieces[next].pause)
            && !self.says_bound(next);
        let owner =
            mention.best_table().filter(|(_, quality)| *quality >= 0.7).map(|(table, _)| table);
        // "the number of films directed by each director": a verb, and no part of the noun.
        let verb = self.counting
            && self.pieces.get(next).is_some_and(|piece| {
                let word = self.words[piece.tokens.start].to_lowercase();
                vocabulary::key(&word) == Some(Key::Verb)
            });
        if compound && !verb && owner.is_some() && Self::is_table(mention) {
            self.sketch.entity = self.sketch.entity.or(owner);
            let after = self.mention_at(next).cloned().unwrap_or_default();
            if self.counting {
                return self.count_compound(here, mention, &after);
            }
            self.at = next + 1;
            let pick = self.pick(next, owner);
            return self.target_column(pick);
        }
        if self.prefers_table(mention) {
            let table = mention.tables[0].0;
            self.select_table(table);
        } else {
            if self.says_whose(here) {
                self.narrowing = false;
                return;
            }
            let owner = self.owner_after(next);
            let pick = self.pick(here, owner);
            self.target_column(pick);
        }
    }

    /// "Singers aged 43", "parcels weighing over 20": a bound, and no column of theirs to show.
    fn says_bound(&self, at: usize) -> bool {
        let word = self.words[self.pieces[at].tokens.start].to_lowercase();
        (word == "aged" || measured_by(&word).is_some()) && self.bounds_next(at + 1)
    }

    /// "Medicines that are approved": a yes or no that narrows, and nothing to show.
    fn says_flag(&self, here: usize, mention: &Mention) -> bool {
        let Some((column, quality)) = mention.columns.first() else { return false };
        let open = self.aggregates.is_empty() && !self.counting && !self.pieces[here].pause;
        let named = *quality > mention.table_quality() && self.schema.affirms(*column).is_some();
        let before = here.checked_sub(1).map(|before| &self.pieces[before]);
        let told = before.is_some_and(|before| match before.item {
            Item::Key(Key::That | Key::With | Key::In | Key::Verb) => true,
            Item::Key(Key::Stop) => {
                let said = self.words[before.tokens.clone()].iter();
                said.into_iter().any(|word| {
                    matches!(
                        word.to_lowercase().as_str(),
                        "who" | "that" | "is" | "are" | "was" | "were"
                    )
                })
            }
            _ => false,
        });
        open && named && told
    }

    /// "The average fee on a campus": whose it is, and not one column more. "The names of the states"
    /// are the states.
    fn says_whose(&mut self, here: usize) -> bool {
        let before =
            self.pieces[..here].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        let joined = before
            .is_some_and(|piece| matches!(piece.item, Item::Key(Key::Of | Key::In | Key::Each)));
        let plain = self.narrowing && self.aggregates.is_empty() && !self.counting;
        if !(joined && plain) {
            return false;
        }
        if let Some(Target::Column(pick)) = self.sketch.targets.last() {
            let said = &self.words[pick.tokens.clone()];
            let name = |word: &&str| matches!(word.to_lowercase().as_str(), "name" | "names");
            if said.iter().all(name) {
                self.sketch.targets.pop();
                return false;
            }
        }
        !self.sketch.targets.is_empty()
    }

    /// "How many car models", "bank branches", "movie directors": the last noun is what is counted; the
    /// key of the first only repeats whose rows they are.
    fn count_compound(&mut self, here: usize, mention: &Mention, after: &Mention) {
        let next = here + 1;
        let (table, _) = mention.tables[0];
        let node = &self.schema.tables[table];
        let best = after.column_quality();
        let of_own = |column: usize| self.schema.table_of(column) == table;
        let names_rows = after.columns.iter().any(|(column, quality)| {
            of_own(*column)
                && *quality >= best - 0.01
                && (node.key == Some(*column) || node.display == Some(*column))
        });
        let head = after.best_table().filter(|(_, quality)| *quality > 0.9 && *quality >= best);
        self.at = next + 1;
        if let Some((head, _)) = head.filter(|_| !names_rows) {
            return self.select_table(head);
        }
        if names_rows {
            return self.select_table(table);
        }
        let pick = self.pick(next, Some(table));
        self.target_column(pick);
    }

    /// Whether a column is at once compared: "teachers aged 32".
    pub(super) fn bounds_next(&self, at: usize) -> bool {
        let mut next = self.solid(at);
        let mut of = false;
        while matches!(self.key_at(next), Some(Key::Either | Key::Of | Key::Both)) {
            of = true;
            next = self.solid(next + 1);
        }
        match self.item(next) {
            Some(Item::Mention(mention)) => {
                (of || next == at) && self.narrowing && mention.only_values()
            }
            Some(Item::Number(_) | Item::Quoted(..)) => !self.pieces[next].pause,
            Some(Item::Key(Key::Between)) => true,
            Some(Item::Key(Key::In)) => self.holds_next(at.saturating_sub(1), next),
            Some(Item::Key(Key::Compare(_))) => matches!(
                self.item(self.solid(next + 1)),
                Some(Item::Number(_) | Item::Quoted(..) | Item::Key(Key::Aggregate(_) | Key::Than))
            ),
            _ => false,
        }
    }

    /// "headquartered in the US": a value of the column stands after the preposition.
    fn holds_next(&self, column: usize, preposition: usize) -> bool {
        let value = self.mention_at(self.solid(preposition + 1));
        let columns = self.mention_at(column).map(|mention| mention.columns.as_slice());
        value.filter(|value| value.only_values()).is_some_and(|value| {
            value.values.iter().any(|(value, _)| {
                columns.unwrap_or_default().iter().any(|(column, _)| *column == value.column)
            })
        })
    }

    fn prefers_table(&self, mention: &Mention) -> bool {
        if mention.tables.is_empty() {
            return false;
        }
        if mention.columns.is_empty() {
            return true;
        }
        let asked = !self.sketch.targets.is_empty();
        if !self.aggregates.is_empty() {
            return !self.quantifies(mention) && mention.table_quality() > 0.8;
        }
        if self.narrowing && asked {
            return mention.table_quality() >= mention.column_quality() - 0.2;
        }
        Self::is_table(mention)
    }

    pub(in crate::relations::parse) fn select_table(&mut self, table: TableId) {
        if self.counting {
            self.counting = false;
            let distinct = false;
            self.sketch.targets.push(Target::Count { what: Noun::Table(table), distinct });
            self.sketch.entity = self.sketch.entity.or(Some(table));
        } else if self.narrowing && !self.sketch.targets.is_empty() {
            self.narrow_to(table);
        } else if self.sketch.targets.is_empty() && self.sketch.entity.is_none() {
            self.sketch.entity = Some(table);
            let next = self.solid(self.at);
            // "students and their pets", "list the grape, winery and year"
            let listed = self.pieces.get(next).is_some_and(|piece| piece.pause)
                && self.mention_at(next).is_some_and(|mention| !mention.columns.is_empty())
                && self.asked_before(self.at - 1);
            if listed || matches!(self.key_at(next), Some(Key::And)) {
                self.sketch.targets.push(Target::Entity(table));
            }
        } else if self.sketch.entity != Some(table) {
            let joined = self.pieces[..self.at - 1]
                .iter()
                .rev()
                .find(|piece| !matches!(piece.item, Item::Key(Key::Stop | Key::Distinct)));
            let joined =
                joined.is_some_and(|piece| matches!(piece.item, Item::Key(Key::And | Key::Ask)));
            if joined
                || self
                    .sketch
                    .targets
                    .contains(&Target::Entity(self.sketch.entity.unwrap_or(table)))
            {
                self.sketch.targets.push(Target::Entity(table));
            } else {
                self.narrow_to(table);
            }
        }
        self.focus = Some(table);
        self.narrowing = false;
    }

    /// Whether a word that asks stands just before.
    fn asked_before(&self, at: usize) -> bool {
        let before =
            self.pieces[..at].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        before.is_some_and(|piece| piece.item == Item::Key(Key::Ask))
    }

    /// "names of the singers": whose names; "pets of the students": only those that have one.
    fn narrow_to(&mut self, table: TableId) {
        let counted = self
            .sketch
            .targets
            .iter()
            .any(|target| matches!(target, Target::Count { what: Noun::Table(_), .. }));
        match self.sketch.entity {
            None => self.sketch.entity = Some(table),
            Some(entity) if entity != table => {
                let tokens = self.tokens(self.at - 1);
                if counted
                    || self.sketch.targets.iter().any(|target| matches!(target, Target::Entity(_)))
                {
                    self.push(Test::Exists { table, tokens });
                }
            }
            Some(_) => {}
        }
    }

    pub(in crate::relations::parse) fn target_column(&mut self, pick: Option<Pick>) {
        let Some(pick) = pick else { return };
        if let Some(table) = self.counted_flag(&pick) {
            self.push(Test::Has { pick });
            return self.select_table(table);
        }
        if self.counting {
            self.counting = false;
            self.sketch.targets.push(Target::Count { what: Noun::Column(pick), distinct: true });
        } else if !self.aggregates.is_empty() || self.continues() {
            if !self.aggregates.is_empty() {
                self.taken = std::mem::take(&mut self.aggregates);
            }
            for aggregate in self.taken.clone() {
                self.sketch.targets.push(Target::Aggregate { aggregate, of: pick.clone() });
            }
        } else {
            self.taken.clear();
            self.sketch.targets.push(Target::Column(pick));
        }
        self.narrowing = false;
    }

    /// "How many first shows", where a column says of each whether it is one: the rows that are.
    fn counted_flag(&self, pick: &Pick) -> Option<TableId> {
        let (column, quality) = pick.candidates.first()?;
        let counts = self.counting && !self.sketch.distinct && self.sketch.entity.is_none();
        let flag = counts && *quality > 0.69 && self.schema.affirms(*column).is_some();
        flag.then(|| self.schema.table_of(*column))
    }

    /// "the average age and weight": the aggregate goes on over `and`.
    fn continues(&self) -> bool {
        let Some(before) = self.at.checked_sub(2) else { return false };
        let joined = matches!(self.key_at(before), Some(Key::And))
            || self.pieces.get(before + 1).is_some_and(|piece| piece.pause);
        let numeric = self.mention_at(before + 1).is_some_and(|mention| self.measures(mention));
        joined
            && numeric
            && !self.taken.is_empty()
            && matches!(self.sketch.targets.last(), Some(Target::Aggregate { .. }))
    }

    /// "How many dogs are raised": the rows that the value is a kind of, where no other noun follows.
    fn count_rows_of(&mut self, here: usize, mention: &Mention) {
        let first = self.sketch.targets.is_empty() && self.sketch.entity.is_none();
        let kinds = mention.only_values() && mention.values.iter().all(|(value, _)| value.few);
        let typed = self.words[self.pieces[here].tokens.start];
        let followed = self.mention_at(self.solid(here + 1)).is_some();
        if !self.counting || !first || !kinds || followed || !typed.ends_with('s') {
            return;
        }
        let mut tables: Vec<TableId> =
            mention.values.iter().map(|(value, _)| self.schema.table_of(value.column)).collect();
        tables.dedup();
        if let [table] = tables.as_slice() {
            self.select_table(*table);
        }
    }

    fn select_values(&mut self, here: usize, _mention: &Mention) {
        self.negated = false;
        self.at = here;
        self.values_here(here);
        if self.at == here {
            self.at = here + 1;
        }
    }
}

fn is_better_value(mention: &Mention) -> bool {
    let value = mention.values.first().map_or(0.0, |(_, quality)| *quality);
    value > mention.table_quality() && value > mention.column_quality()
}
