//! For each what.

use super::{Parser, Zone};
use crate::relations::{
    pieces::{Item, Mention},
    sketch::{Noun, Target},
    vocabulary::Key,
};

impl Parser<'_> {
    /// `for each country, …`, `by country`.
    pub(super) fn group(&mut self) {
        let start = self.at;
        let here = self.solid_noun(start);
        self.at = here + 1;
        let Some(item) = self.item(here) else { return };
        match item {
            Item::Key(Key::Distinct | Key::Each) => {}
            Item::Key(Key::HowMany) if !self.pieces[here].pause => {}
            Item::Key(Key::Grain(grain) | Key::Every(grain)) => {
                self.sketch.groups.push(Noun::Period(*grain));
                self.after_group();
            }
            Item::Mention(mention) if !mention.only_values() => {
                let mention = mention.clone();
                self.group_mention(here, &mention);
            }
            // "Of each male member"
            Item::Mention(mention) if self.narrows_group(here, mention) => self.values_here(here),
            // "In each warehouse", where nothing but a value is called so.
            Item::Mention(_) => self.misplaced(here),
            _ => {
                // "For each place", where nothing is called so: no group may be passed over.
                let each = start.checked_sub(1).and_then(|before| self.key_at(before));
                let verb = (start..here).find(|at| self.key_at(*at) == Some(Key::Verb));
                if let Some(verb) = verb.filter(|_| each == Some(Key::Each)) {
                    self.misplaced(verb);
                }
                self.at = here;
                self.leave_group();
            }
        }
    }

    /// Whether a value says which rows of the table after it are the groups.
    fn narrows_group(&self, here: usize, mention: &Mention) -> bool {
        let table = self.mention_at(here + 1).filter(|next| Self::is_table(next));
        let table = table.and_then(Mention::best_table).map(|(table, _)| table);
        table.is_some_and(|table| super::select::has_value(self, mention, table))
    }

    fn group_mention(&mut self, here: usize, mention: &Mention) {
        let qualifies = self
            .mention_at(here + 1)
            .is_some_and(|next| !next.columns.is_empty() && !self.pieces[here + 1].pause);
        if Self::is_table(mention) && qualifies && !mention.tables.is_empty() {
            let owner = mention.tables[0].0;
            let rows = self
                .mention_at(here + 1)
                .is_some_and(|next| self.names_rows_of(owner, here + 1, next));
            // "Each bank branch": the rows, and not their key.
            let group = if rows {
                Some(Noun::Table(owner))
            } else {
                self.pick(here + 1, Some(owner)).map(Noun::Column)
            };
            self.sketch.groups.extend(group);
            self.at = here + 2;
        } else if Self::is_table(mention) {
            let table = mention.tables[0].0;
            self.sketch.groups.push(Noun::Table(table));
            self.focus = self.focus.or(Some(table));
        } else if let Some(pick) = self.pick(here, self.owner_after(here + 1)) {
            self.forget_name();
            if pick.owner.is_some() {
                self.at = self.solid(self.solid(here + 1) + 1) + 1;
            }
            // "The number of records of each type": rows of the table that has it.
            if let Some((column, _)) = pick.candidates.first().filter(|_| self.counting) {
                self.counting = false;
                let what = Noun::Table(self.schema.table_of(*column));
                self.sketch.targets.push(Target::Count { what, distinct: false });
            }
            self.sketch.groups.push(Noun::Column(pick));
        }
        self.after_group();
    }

    /// "The name of each industry", where an industry is a value and has no name but itself.
    fn forget_name(&mut self) {
        let Some(Target::Column(pick)) = self.sketch.targets.last() else { return };
        let said = &self.words[pick.tokens.clone()];
        let bare = said.iter().all(|word| matches!(word.to_lowercase().as_str(), "name" | "names"));
        let of = self.words.get(pick.tokens.end).is_some_and(|word| *word == "of");
        let each = self.words.get(pick.tokens.end + 1);
        if bare && of && each.is_some_and(|word| matches!(*word, "each" | "every")) {
            self.sketch.targets.pop();
        }
    }

    /// "by country and month": groups go on over `and`.
    fn after_group(&mut self) {
        let next = self.solid(self.at);
        let noun = self.solid(next + 1);
        let groups = self.mention_at(noun).is_some_and(|mention| !mention.only_values())
            || matches!(self.key_at(noun), Some(Key::Grain(_)));
        // "for each race and its track": what follows is asked for.
        let owned = self.pieces.get(next + 1).is_some_and(|piece| {
            let word = self.words[piece.tokens.start].to_lowercase();
            matches!(word.as_str(), "its" | "their" | "his" | "her")
        });
        let goes_on = matches!(self.key_at(next), Some(Key::And | Key::By | Key::Each))
            && groups
            && !owned
            && (!self.sketch.targets.is_empty() || self.sketch.entity.is_some());
        if goes_on {
            self.at = next + 1;
        } else {
            self.leave_group();
        }
    }

    fn leave_group(&mut self) {
        let asked = self.sketch.targets.iter().any(|target| !matches!(target, Target::Entity(_)));
        let zone = if asked { Zone::Condition } else { Zone::Select };
        self.enter(zone);
    }
}
