//! Values and texts: what a column is, contains or starts with.

use std::ops::Range;

use pacioli_model::Comparison;

use super::super::Parser;
use crate::relations::{
    lexicon::KnownValue,
    pieces::{Item, Mention},
    sketch::{Pick, Side, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    pub(super) fn takes_value(&self, here: usize, mention: &Mention) -> bool {
        if mention.values.is_empty() {
            return false;
        }
        if mention.only_values() {
            return true;
        }
        let wanted = self.column.as_ref();
        let fits = |value: &KnownValue| {
            wanted.is_some_and(|pick| {
                pick.candidates.iter().any(|(column, _)| *column == value.column)
            })
        };
        if mention.values.iter().any(|(value, _)| fits(value)) && !self.compares_next(here + 1) {
            return true;
        }
        // "Having an order", though something is in the state of order, too.
        let start = self.pieces[here].tokens.start;
        let one = self.words[..start].last().is_some_and(|word| matches!(*word, "a" | "an"));
        let best = mention.values.first().map_or(0.0, |(_, quality)| *quality);
        !(one && mention.table_quality() > 0.6)
            && best > mention.table_quality().max(mention.column_quality())
    }

    /// Values from `here` on, joined by `or` or `and`, as one test.
    pub(in crate::relations::parse) fn values_here(&mut self, here: usize) {
        let mut values = Vec::new();
        let mut at = here;
        while let Some(mention) =
            self.mention_at(at).filter(|mention| at == here || mention.only_values())
        {
            values.push(mention.values.clone());
            self.at = at + 1;
            let mut next = at + 1;
            let versus = matches!(self.key_at(next), Some(Key::Versus));
            self.sketch.versus |= versus;
            if (versus || matches!(self.key_at(next), Some(Key::Or))) && !self.alternative {
                next = self.solid(next + 1);
            } else {
                break;
            }
            at = next;
        }
        let own = |pick: &Pick| {
            let of =
                |column: usize| values.iter().flatten().any(|(value, _)| value.column == column);
            pick.candidates.iter().any(|(column, _)| of(*column))
        };
        let mut column = self.column.take();
        // "With a sea view in Oslo": a yes or no, and where.
        if let Some(pick) = column.take_if(|pick| self.is_switch(pick) && !own(pick)) {
            self.push(Test::Has { pick });
        }
        let tokens = self.pieces[here].tokens.start..self.pieces[self.at - 1].tokens.end;
        self.pass_as(&values);
        // "Prague city": what the value is stands after it.
        let after =
            self.mention_at(self.at).filter(|_| column.is_none() && !self.pieces[self.at].pause);
        let says = |mention: &Mention| {
            values.iter().flatten().any(|(value, _)| {
                mention
                    .columns
                    .iter()
                    .any(|(column, quality)| *column == value.column && *quality >= 0.7)
                    && (mention.table_quality() < 0.9 || !self.sketch.targets.is_empty())
                    || mention.tables.iter().any(|(table, quality)| {
                        *quality > 0.9
                            && *table == self.schema.table_of(value.column)
                            && Some(*table) != self.sketch.entity
                            && !self.sketch.targets.is_empty()
                    })
            })
        };
        if let Some(after) = after.filter(|after| says(after)) {
            // "The average age of female members": whose it is, too.
            let whose = after
                .best_table()
                .filter(|(table, quality)| *quality > 0.9 && self.asked_column_is_of(*table));
            let told = self.sketch.entity.or(whose.map(|(table, _)| table));
            column = self.pick(self.at, None);
            self.sketch.entity = told;
            self.at += 1;
        }
        self.of_one_row(&mut values, &tokens);
        let near = self.focus;
        let mut tables: Vec<usize> =
            values.iter().flatten().map(|(value, _)| self.schema.table_of(value.column)).collect();
        tables.dedup();
        if let [only] = tables.as_slice() {
            self.by_value |= self.focus != Some(*only);
            self.focus = Some(*only);
        }
        self.push(Test::Values { values, column, near, tokens });
    }

    fn is_switch(&self, pick: &Pick) -> bool {
        let best = pick.candidates.first();
        best.is_some_and(|(column, _)| self.schema.affirms(*column).is_some())
    }

    /// "Oslo as their home town": the column that a value is of is told after it.
    fn pass_as(&mut self, values: &[Vec<(KnownValue, f64)>]) {
        let noun = self.solid(self.at);
        let told = self.pieces.get(self.at).is_some_and(|piece| {
            !piece.pause && self.words[piece.tokens.start].eq_ignore_ascii_case("as")
        });
        let of = |(column, _): &(usize, f64)| {
            values.iter().flatten().any(|(value, _)| value.column == *column)
        };
        if told && self.mention_at(noun).is_some_and(|mention| mention.columns.iter().any(of)) {
            self.at = noun;
        }
    }

    /// "Ann Berg": the first and the last name of one row, and of none that is only called like half of it.
    fn of_one_row(&mut self, values: &mut [Vec<(KnownValue, f64)>], tokens: &Range<usize>) {
        let name = |tokens: &Range<usize>| self.words[tokens.start].starts_with(char::is_uppercase);
        let last = self.sketch.clauses.last_mut().and_then(|clause| clause.tests.last_mut());
        let (Some(Test::Values { values: before, tokens: known, .. }), [own]) = (last, values)
        else {
            return;
        };
        let ([first], true) = (before.as_mut_slice(), known.end == tokens.start) else { return };
        if !(name(known) && name(tokens)) {
            return;
        }
        let table = |value: &(KnownValue, f64)| self.schema.table_of(value.0.column);
        let other = |one: &(KnownValue, f64), all: &[(KnownValue, f64)]| {
            all.iter().any(|it| table(it) == table(one) && it.0.column != one.0.column)
        };
        let kept: Vec<_> = own.iter().filter(|it| other(it, first)).cloned().collect();
        if !kept.is_empty() {
            first.retain(|it| other(it, own));
            *own = kept;
        }
    }

    pub(super) fn quoted(&mut self, here: usize, text: String, values: Vec<(KnownValue, f64)>) {
        let tokens = self.tokens(here);
        let column = self.column.take();
        let after = self.solid(self.at + 1);
        let inside = matches!(self.key_at(self.at), Some(Key::In))
            && self.mention_at(after).is_some_and(|mention| {
                !mention.columns.is_empty() && mention.table_quality() < 0.9
            });
        if inside {
            // "having 'Hey' in its title"
            // "A song having 'Hey' in its title": of the song, if both are.
            let pick = column.or_else(|| self.pick(after, None));
            self.at = after + 1;
            return self.push(Test::Text {
                pick,
                place: pacioli_model::TextPlace::Anywhere,
                text,
                tokens,
            });
        }
        let again = match self.sketch.clauses.last().and_then(|clause| clause.tests.last()) {
            // "Contains 'a' or 'b'": the second as the first.
            Some(Test::Text { pick, place, .. }) if self.alternative => {
                Some((pick.clone(), *place))
            }
            _ => None,
        };
        if let Some((pick, place)) = again {
            return self.push(Test::Text { pick, place, text, tokens });
        }
        let holds = here.checked_sub(1).is_some_and(|before| {
            self.words[self.pieces[before].tokens.clone()].iter().any(|word| {
                let word = word.to_lowercase();
                word.starts_with("contain") || word.starts_with("includ")
            })
        });
        // "Whose name has 'Mar'": a part, where it is no value of its own.
        let part = values.is_empty() && self.key_at(here.wrapping_sub(1)) == Some(Key::With);
        if (holds || part) && column.is_some() {
            return self.push(Test::Text {
                pick: column,
                place: pacioli_model::TextPlace::Anywhere,
                text,
                tokens,
            });
        }
        let mut all = vec![values];
        self.pass_as(&all);
        let column = column.or_else(|| self.column_behind(&all[0]));
        if all[0].is_empty() {
            return match column.or_else(|| self.name_before(here)) {
                Some(pick) => self.push(Test::Compare {
                    pick,
                    comparison: Comparison::Equal,
                    side: Side::Text(text),
                }),
                None => self.misplaced(here),
            };
        }
        let next = self.solid(self.at + 1);
        if let (Some(Key::Or), Some(Item::Quoted(_, more))) =
            (self.key_at(self.at), self.item(next).cloned())
            && !more.is_empty()
        {
            self.at = next + 1;
            // "'Banking' industry or 'Insurance' industry"
            self.column_behind(&more);
            all.push(more);
        }
        let near = self.focus;
        self.push(Test::Values { values: all, column, near, tokens });
    }

    /// "The track 'Blue Day'": the name of the rows that stand just before, where not all names are known.
    fn name_before(&self, here: usize) -> Option<Pick> {
        let passed = |at: &usize| {
            let word = self.words[self.pieces[*at].tokens.start].to_lowercase();
            !matches!(word.as_str(), "the" | "is" | "are" | "named" | "called" | "titled")
        };
        let at = (0..here).rev().find(passed).filter(|_| !self.pieces[here].pause)?;
        let mention = self.mention_at(at).filter(|mention| Self::is_table(mention))?;
        let (table, _) = mention.best_table().filter(|(_, quality)| *quality > 0.9)?;
        let name = self.schema.tables[table].display?;
        let all = self.schema.columns[name].column.profile.values.is_some();
        (!all).then(|| Pick {
            candidates: vec![(name, 1.0)],
            owner: Some(table),
            near: None,
            tokens: self.tokens(at),
        })
    }

    /// "'Banking' industry": the column that a quoted value is of stands after it.
    fn column_behind(&mut self, values: &[(KnownValue, f64)]) -> Option<Pick> {
        let at = self.at;
        let behind = self.mention_at(at).filter(|_| !self.pieces[at].pause)?;
        let of = |column: usize| values.iter().any(|(value, _)| value.column == column);
        let said = behind.columns.iter().any(|(column, fit)| *fit >= 0.7 && of(*column));
        let pick = self.pick(at, None).filter(|_| said && behind.table_quality() < 0.9)?;
        self.at = at + 1;
        Some(pick)
    }

    /// "Languages that contain …": the column of texts that stands just before.
    fn told_before(&self, here: usize) -> Option<Pick> {
        let passed = [Key::Stop, Key::That, Key::With, Key::Verb];
        let mut before = self.pieces[..here].iter().rposition(|piece| {
            !matches!(piece.item, Item::Key(key) if passed.contains(&key)) || piece.pause
        });
        before = before.filter(|at| !self.pieces[at + 1..=here].iter().any(|piece| piece.pause));
        let pick = self.pick(before?, None)?;
        let mention = self.mention_at(before?)?;
        let texts = |(column, _): &(usize, f64)| {
            let data_type = self.schema.columns[*column].column.data_type;
            data_type == pacioli_model::ColumnType::Text
        };
        (mention.column_quality() > mention.table_quality() && pick.candidates.iter().any(texts))
            .then_some(pick)
    }

    pub(super) fn text(&mut self, here: usize, place: pacioli_model::TextPlace) {
        let mut next = here + 1;
        let skipped = |next: usize| {
            self.pieces.get(next).is_some_and(|piece| {
                matches!(
                    self.words[piece.tokens.start],
                    "the"
                        | "letter"
                        | "word"
                        | "with"
                        | "letters"
                        | "words"
                        | "capital"
                        | "substring"
                        | "string"
                )
            })
        };
        while skipped(next) {
            next += 1;
        }
        // "Trips that end in Oslo" are of a place, and of no letters.
        let place_named = self.mention_at(next).is_some_and(Mention::only_values)
            && self.words[self.pieces[next].tokens.start].starts_with(char::is_uppercase)
            && self.words[self.pieces[here].tokens.end - 1].eq_ignore_ascii_case("in");
        if place_named {
            return;
        }
        let text = match self.item(next) {
            Some(Item::Quoted(text, _)) => Some(text.clone()),
            Some(Item::Mention(_) | Item::Unknown | Item::Number(_) | Item::Key(_))
                if self.pieces.len() > next =>
            {
                self.read.push(next);
                let start = self.pieces[next].tokens.start;
                Some(self.words[start..self.pieces[next].tokens.end].join(" "))
            }
            _ => None,
        };
        let tokens = here..next + 1;
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            // "that includes a pool": the word joins two things.
            return;
        };
        self.at = next + 1;
        let mut pick = self.column.take();
        if pick.is_none() {
            let after = self.solid_noun(next + 1);
            let named = self.mention_at(after).is_some_and(|mention| !mention.columns.is_empty());
            if named && matches!(self.key_at(self.solid(next + 1)), Some(Key::In)) {
                pick = self.pick(after, None);
                self.at = after + 1;
            }
        }
        let pick = pick
            .or_else(|| self.alternative.then(|| self.last_pick()).flatten())
            .or_else(|| self.told_before(here));
        let tokens = self.pieces[tokens.start].tokens.start..self.pieces[tokens.end - 1].tokens.end;
        self.push(Test::Text { pick, place, text, tokens });
    }
}
