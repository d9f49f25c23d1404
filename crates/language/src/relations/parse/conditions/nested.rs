//! What is compared with figures of other rows: their average, all of them, the one that ranks first.

use pacioli_model::{Aggregate, Comparison};

use super::super::Parser;
use crate::relations::{
    pieces::{Item, Mention},
    sketch::{Best, Pick, Side, Test},
    vocabulary::Key,
};

/// Rows that something is compared with.
#[derive(Debug)]
pub(super) struct Rows {
    /// With all of them, or with one at least.
    every: bool,
    /// The column of theirs, where it is said.
    column: Option<Pick>,
    /// Where the noun or the value stands that says which.
    at: usize,
}

impl Parser<'_> {
    /// "Than any of the instructors", "than that of some colleges", "than the rating of all English
    /// songs": rows whose values are meant, and no one figure.
    pub(super) fn rows_after(&self, from: usize) -> Option<Rows> {
        let (mut at, every, that) = self.quantifier(from);
        let mut every = every;
        let mut column = None;
        if let Some(mention) = self.mention_at(at).filter(|mention| self.quantifies(mention)) {
            let of = self.solid(at + 1);
            let alone = mention.column_quality() > mention.table_quality();
            if alone && matches!(self.key_at(of), Some(Key::Of | Key::In)) && !self.pieces[of].pause
            {
                column = self.pick(at, self.owner_after(at + 1));
                let (next, inner, _) = self.quantifier(of + 1);
                (at, every) = (next, every.or(inner));
            }
        }
        let noun = self.mention_at(at)?;
        let rows = Self::is_table(noun) || noun.only_values() && self.table_beside(at);
        let said = every.is_some() || that || column.is_some();
        (rows && said).then(|| Rows { every: every.unwrap_or(true), column, at })
    }

    /// Passes words that say whether all rows are meant or one at least.
    fn quantifier(&self, from: usize) -> (usize, Option<bool>, bool) {
        let (mut at, mut every, mut that) = (from, None, false);
        loop {
            let word =
                self.pieces.get(at).map(|piece| self.words[piece.tokens.start].to_lowercase());
            let word = word.as_deref().unwrap_or_default();
            match self.key_at(at) {
                Some(Key::Stop | Key::Each) if matches!(word, "any" | "all" | "every" | "each") => {
                    every = Some(true);
                }
                Some(Key::Stop) if word == "some" => every = Some(false),
                Some(Key::Compare(Comparison::GreaterOrEqual)) if self.is_one(at + 1) => {
                    every = Some(false);
                    at += 1;
                }
                Some(Key::Stop | Key::That) if matches!(word, "that" | "those") => that = true,
                Some(Key::Not) if word == "other" => {}
                Some(Key::Stop | Key::Than | Key::Of) => {}
                _ if self.is_one(at) && matches!(self.key_at(at + 1), Some(Key::Of)) => {
                    every = Some(false);
                }
                _ => return (at, every, that),
            }
            at += 1;
        }
    }

    fn is_one(&self, at: usize) -> bool {
        matches!(self.item(at), Some(Item::Number(number)) if number.scale == 0 && number.mantissa == 1)
    }

    /// "English songs": the noun stands after the value.
    fn table_beside(&self, at: usize) -> bool {
        let next = at + 1;
        self.mention_at(next).is_some_and(Self::is_table) && !self.pieces[next].pause
    }

    /// "Produced before any of the others": the column that says when.
    fn dated_by(&self, here: usize) -> Option<Pick> {
        let word = self.words[self.pieces[here].tokens.start].to_lowercase();
        let dated = matches!(word.as_str(), "before" | "after" | "earlier" | "later");
        let near = self.sketch.entity.or(self.focus).filter(|_| dated);
        self.adjective_pick(here, &["year", "date"], Some(near?)).filter(Self::is_own)
    }

    pub(super) fn against_rows(&mut self, here: usize, comparison: Comparison, rows: Rows) {
        let greater = match comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => true,
            Comparison::Less | Comparison::LessOrEqual => false,
            Comparison::Equal | Comparison::NotEqual => return self.misplaced(here),
        };
        // Above all is above the greatest, above one at least is above the least.
        let aggregate = if greater == rows.every { Aggregate::Max } else { Aggregate::Min };
        let value = self.mention_at(rows.at).is_some_and(Mention::only_values);
        self.at = if value { rows.at } else { rows.at + 1 };
        let named = self.column.take().or_else(|| rows.column.clone());
        let Some(pick) = named.or_else(|| self.dated_by(here)) else {
            return self.misplaced(here);
        };
        let side = Side::Aggregate(aggregate, rows.column, Vec::new());
        self.push(Test::Compare { pick, comparison, side });
        self.inside = true;
    }

    /// "than the car with the largest horsepower", "than the one with the most".
    pub(super) fn best_row(&self, at: usize) -> Option<(Best, usize)> {
        let mut next = at;
        if self.mention_at(next).is_some_and(Self::is_table) {
            next += 1;
        }
        next = self.solid(next);
        if !matches!(self.key_at(next), Some(Key::With | Key::That)) {
            return None;
        }
        let best = self.solid_noun(next + 1);
        super::super::ranks(self.item(best)).then(|| self.read_best(best)).flatten()
    }

    pub(super) fn against_aggregate(
        &mut self,
        here: usize,
        at: usize,
        comparison: Comparison,
        aggregate: pacioli_model::Aggregate,
    ) {
        let mut next = self.solid_noun(at + 1);
        if matches!(self.key_at(next), Some(Key::HowMany)) {
            // "The average number of points", where the row itself says how many.
            next = self.solid_noun(next + 1);
        }
        // "The longest" measures by itself, and of something else than what is compared.
        let measures = matches!(self.item(at), Some(Item::Adjective { .. }));
        let mut named = None;
        let mut end = at + 1;
        if let Some(mention) = self.mention_at(next) {
            if !mention.columns.is_empty() && (self.quantifies(mention) || !Self::is_table(mention))
            {
                named = self.pick(next, self.owner_after(next + 1));
                end = next + 1;
            } else if Self::is_table(mention)
                && self.mention_at(next + 1).is_some_and(|column| self.measures(column))
            {
                named = self.pick(next + 1, mention.best_table().map(|(table, _)| table));
                end = next + 2;
            }
        }
        // "of all singers" only says over what.
        let of = self.solid(end);
        if matches!(self.key_at(of), Some(Key::Of | Key::In)) {
            let noun = self.solid(of + 1);
            let plain = self.mention_at(noun).is_some_and(Self::is_table);
            let alone = plain
                && (noun + 1 >= self.pieces.len()
                    || self.pieces[noun + 1].pause
                    || matches!(self.key_at(noun + 1), Some(Key::And | Key::Order | Key::Or)));
            if alone {
                end = noun + 1;
            }
        }
        let known = self.column.take().filter(|_| !measures || named.is_some());
        // "Rooms that cost more than the average"
        let verb = || self.verb_pick(here);
        let Some(pick) = known.or_else(|| named.clone()).or_else(verb) else {
            self.at = end;
            return self.misplaced(here);
        };
        self.at = end;
        self.push(Test::Compare {
            pick,
            comparison,
            side: Side::Aggregate(aggregate, named, Vec::new()),
        });
        self.inside = true;
    }
}
