//! Counts and aggregates in a condition, and where they begin a new thing to show.

use pacioli_model::{Aggregate, Comparison, Decimal};

use super::super::{Parser, Zone};
use crate::relations::{
    pieces::Item,
    sketch::{Measured, Noun, Pick, Target, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    /// A count or an aggregate in a condition: "with the number of pets above 2"; else a new question.
    pub(super) fn ask_again(&mut self, here: usize, key: Key) {
        let before =
            self.pieces[..here].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        let joined =
            before.is_none_or(|piece| matches!(piece.item, Item::Key(Key::And | Key::Ask)));
        // "Also list": the stop stands before the word that says nothing.
        let stops = self.pieces[..=here].iter().rev();
        let paused = stops
            .take_while(|piece| {
                piece.tokens == self.pieces[here].tokens || piece.item == Item::Key(Key::Stop)
            })
            .any(|piece| piece.pause);
        let started = paused && key == Key::Ask || self.pieces[here].pause || joined;
        // "that has the minimum horsepower": a rank, unless a bound follows.
        let possessed = before.is_some_and(|piece| piece.item == Item::Key(Key::With));
        if possessed
            && matches!(key, Key::Aggregate(Aggregate::Min | Aggregate::Max))
            && self.aggregated_after(here + 1).is_none()
        {
            return self.condition_best(here);
        }
        if key == Key::Ask && self.asks_for_others(here) {
            return self.misplaced(here);
        }
        if key == Key::Ask && !started {
            return;
        }
        if key == Key::HowMany && self.is_suffix(here) {
            return;
        }
        if possessed && key != Key::Ask && self.sketch.targets.is_empty() {
            // "All clubs with the number of members": of each.
            self.sketch.targets.extend(self.sketch.entity.map(Target::Entity));
            self.break_clause();
            self.at = here;
            return self.enter(Zone::Select);
        }
        if started || self.sketch.targets.is_empty() {
            if self.pieces[here].pause && key == Key::Ask {
                self.forget_tested();
                self.forget_named(here);
            }
            self.break_clause();
            if self.pieces[here].pause && self.sketch.entity.is_some() {
                // A new sentence is of what the question is about.
                self.focus = self.sketch.entity;
                self.by_value = false;
            }
            self.at = here;
            self.enter(Zone::Select);
            return;
        }
        match key {
            Key::HowMany => self.count_again(here, possessed),
            Key::Aggregate(aggregate) => match self.aggregated_after(here + 1) {
                Some((pick, comparison, number, end)) => {
                    self.at = end;
                    self.push(Test::Count {
                        what: Measured::Aggregate(aggregate, pick),
                        comparison,
                        number,
                        of: None,
                    });
                }
                None if possessed => self.show_too(here),
                None => self.misplaced(here),
            },
            _ => self.misplaced(here),
        }
    }

    /// A count with its bound; else one that is shown too.
    fn count_again(&mut self, here: usize, possessed: bool) {
        let next = self.solid_noun(here + 1);
        if let Some((comparison, number, noun, end)) = self.counted_after(next) {
            self.at = end;
            let what = match noun {
                Noun::Column(pick) if self.totals(here, &pick) => {
                    Measured::Aggregate(Aggregate::Sum, pick)
                }
                noun => Measured::Count(Some(noun)),
            };
            self.push(Test::Count { what, comparison, number, of: None });
        } else if possessed {
            self.show_too(here);
        } else {
            self.misplaced(here);
        }
    }

    /// "The total number of stocks", where rows that belong to what is asked for say how many.
    pub(in crate::relations::parse) fn totals(&self, here: usize, pick: &Pick) -> bool {
        let said = &self.words[self.pieces[here].tokens.clone()];
        let total = said.iter().any(|word| word.eq_ignore_ascii_case("total"));
        total && self.adds_up_for(pick, self.sketch.entity)
    }

    /// "The department number": the end of a noun.
    fn is_suffix(&self, here: usize) -> bool {
        let noun = here.checked_sub(1).is_some_and(|before| {
            self.mention_at(before).is_some_and(|mention| !mention.only_values())
        });
        let word = self.words[self.pieces[here].tokens.start].to_lowercase();
        let ends = self.pieces.get(here + 1).is_none_or(|piece| piece.pause);
        noun && ends && !self.pieces[here].pause && word == "number"
    }

    /// "Which makers have more than 3 models? List the id": what the rows are called is not asked for too.
    fn forget_named(&mut self, here: usize) {
        let [Target::Column(pick)] = self.sketch.targets.as_slice() else { return };
        let which = |word: &str| matches!(word.to_lowercase().as_str(), "which" | "what");
        let also = |word: &&str| matches!(word.to_lowercase().as_str(), "also" | "too" | "and");
        let first = pick.tokens.start < 3 && which(self.words[0]);
        let best = pick.candidates.first().map_or(0.0, |(_, quality)| *quality);
        let mut tables = pick.candidates.iter().filter(|(_, quality)| *quality >= best - 0.01);
        let rows = tables.find_map(|(column, _)| {
            let table = self.schema.table_of(*column);
            (self.schema.tables[table].display == Some(*column)).then_some(table)
        });
        let start = self.pieces[here].tokens.start;
        let more = self.words[start.saturating_sub(1)..=start].iter().any(also);
        if let Some(table) = rows.filter(|_| first && !more) {
            self.sketch.entity = self.sketch.entity.or(Some(table));
            self.sketch.targets.clear();
        }
    }

    /// "Which programs' origin is not Beijing? Give me …": what was only tested is not what is asked for.
    fn forget_tested(&mut self) {
        let column = |pick: &Pick| pick.candidates.first().map(|(column, _)| *column);
        let tested: Vec<usize> = self
            .sketch
            .clauses
            .iter()
            .flat_map(|clause| &clause.tests)
            .flat_map(|test| match test {
                Test::Compare { pick, .. }
                | Test::Between { pick, .. }
                | Test::Text { pick: Some(pick), .. } => {
                    column(pick).into_iter().collect::<Vec<_>>()
                }
                Test::Values { values, .. } => {
                    values.iter().flatten().map(|(value, _)| value.column).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        let only_tested = |target: &Target| matches!(target, Target::Column(pick) if column(pick).is_some_and(|it| tested.contains(&it)));
        if let [Target::Column(pick)] = self.sketch.targets.as_slice()
            && self.sketch.targets.iter().all(only_tested)
        {
            let owner = pick.owner.or_else(|| column(pick).map(|it| self.schema.table_of(it)));
            self.sketch.entity = self.sketch.entity.or(owner);
            self.sketch.targets.clear();
        }
    }

    /// "Types with the number of artworks of each", where no bound follows: one more thing to show.
    pub(super) fn show_too(&mut self, here: usize) {
        self.break_clause();
        self.having = false;
        if self.sketch.targets.is_empty() {
            self.sketch.targets.extend(self.sketch.entity.map(Target::Entity));
        }
        self.at = here;
        self.enter(Zone::Select);
    }

    /// "with an average salary above 1000".
    pub(super) fn aggregated_after(
        &self,
        from: usize,
    ) -> Option<(Pick, Comparison, Decimal, usize)> {
        let mut at = self.solid_noun(from);
        if let Some(Key::Compare(comparison)) = self.key_at(at) {
            // "An average of more than 200 pages"
            let number = self.solid(at + 1);
            let noun = self.solid_noun(number + 1);
            let Some(Item::Number(value)) = self.item(number) else { return None };
            let pick = self.pick(noun, self.owner_after(noun + 1))?;
            return Some((pick, comparison, *value, noun + 1));
        }
        if matches!(self.key_at(at), Some(Key::HowMany)) {
            at = self.solid_noun(at + 1);
        }
        let pick = self.pick(at, self.owner_after(at + 1))?;
        let mut next = self.solid_noun(at + 1);
        if pick.owner.is_some() {
            next = self.solid_noun(next + 1);
        }
        let Some(Key::Compare(comparison)) = self.key_at(next) else { return None };
        let number = self.solid(next + 1);
        match self.item(number) {
            Some(Item::Number(value)) => Some((pick, comparison, *value, number + 1)),
            _ => None,
        }
    }

    /// "the number of pets is more than 2".
    pub(super) fn counted_after(&self, next: usize) -> Option<(Comparison, Decimal, Noun, usize)> {
        let noun = self.noun(next)?;
        let mut at = self.solid_noun(next + 1);
        let comparison = match self.key_at(at) {
            Some(Key::Compare(comparison)) => {
                at = self.solid(at + 1);
                comparison
            }
            _ => Comparison::Equal,
        };
        match self.item(at) {
            Some(Item::Number(number)) => Some((comparison, *number, noun, at + 1)),
            _ => None,
        }
    }
}
