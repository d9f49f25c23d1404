//! Numbers by themselves, and what they are of.

use pacioli_model::{ColumnType, Comparison, Decimal};

use super::{
    super::{Parser, compared},
    compare::{beyond, year_of},
};
use crate::{
    calendar::Period,
    relations::{
        pieces::{Degree, Item},
        sketch::{Pick, Side, Target, Test},
        vocabulary::Key,
    },
};

impl Parser<'_> {
    /// A number without a comparison: of the column before it, of the noun after it, or a year.
    pub(super) fn number(&mut self, here: usize, value: Decimal) {
        self.at = here + 1;
        let (comparison, value) = self.or_more(Comparison::Equal, value);
        if let Some(year) = year_of(value)
            && self.column.as_ref().is_some_and(|pick| self.is_of_texts(pick))
            && self.stands_in(here)
        {
            return self.year_of_rows(here, comparison, year);
        }
        if let Some(pick) = self.column.take() {
            if comparison != Comparison::Equal && self.names_rows(&pick) {
                return self.misplaced(here);
            }
            self.pass_unit();
            return self.numbers(here, pick, comparison, value);
        }
        if super::super::ranks(self.item(self.solid(here + 1))) {
            return self.condition_best(here);
        }
        if self.either_number(here) || self.aged(comparison, value) {
            return;
        }
        if let Some(pick) = self.unit_at(here + 1) {
            return self.push(Test::Compare { pick, comparison, side: Side::Number(value) });
        }
        if let Some(pick) = self.numbered_row(here) {
            return self.push(Test::Compare { pick, comparison, side: Side::Number(value) });
        }
        let next = self.solid(self.at);
        let spoken = self.mention_at(next).is_some_and(|mention| !mention.only_values())
            && !self.pieces[next].pause;
        if let Some(year) = year_of(value).filter(|_| !spoken) {
            let tokens = self.tokens(here);
            let comparison = match self.key_at(self.at) {
                // "2014 or after" is read by `or_more`; "2014 and later" here.
                Some(Key::And)
                    if matches!(
                        self.key_at(self.at + 1),
                        Some(Key::Compare(Comparison::Greater))
                    ) =>
                {
                    self.at += 2;
                    Comparison::GreaterOrEqual
                }
                _ => comparison,
            };
            return self.push(Test::Year { comparison, year, near: self.dated_near(), tokens });
        }
        let carried = self.carried(here).filter(|_| comparison == Comparison::Equal);
        let comparison = carried.unwrap_or(comparison);
        match spoken.then(|| self.test_of(next, comparison, value)).flatten() {
            Some(test) => {
                self.at = self.end_of_noun(next);
                self.speak_of_counted(&test);
                self.push(test);
            }
            None => self.misplaced(here),
        }
    }

    /// Whether `in` stands before: "in both 1989 and 1990".
    fn stands_in(&self, here: usize) -> bool {
        let passed = [Key::Stop, Key::Both, Key::Either].map(Item::Key);
        let before = self.pieces[..here].iter().rev().find(|piece| !passed.contains(&piece.item));
        before.is_some_and(|piece| piece.item == Item::Key(Key::In))
    }

    /// "A book in 1989": of the year of the row that the text before names.
    pub(super) fn year_of_rows(&mut self, at: usize, comparison: Comparison, year: i32) {
        let named = self.column.take().and_then(|pick| pick.candidates.first().copied());
        if let Some((column, _)) = named.filter(|_| self.negated && self.asks_for_columns()) {
            let table = self.schema.table_of(column);
            self.push(Test::Exists { table, tokens: self.tokens(at) });
        }
        let (near, tokens) = (self.dated_near(), self.tokens(at));
        self.push(Test::Year { comparison, year, near, tokens });
    }

    /// Whether texts that are no years are all that some words may mean, of rows that have a year.
    pub(super) fn is_of_texts(&self, pick: &Pick) -> bool {
        let Some((best, _)) = pick.candidates.first() else { return false };
        let mut own = self.schema.tables[self.schema.table_of(*best)].columns.clone();
        let dated = own.any(|column| {
            self.schema.columns[column].column.data_type.is_time() || self.schema.is_year(column)
        });
        dated
            && pick.candidates.iter().all(|(column, _)| {
                self.schema.columns[*column].column.data_type == ColumnType::Text
                    && !self.schema.is_year(*column)
            })
    }

    /// "At least two regions and 10 cities": what bounds the first count bounds the second.
    fn carried(&self, here: usize) -> Option<Comparison> {
        let and = self.pieces[..here].iter().rposition(|it| it.item != Item::Key(Key::Stop))?;
        let last = self.sketch.clauses.last().and_then(|clause| clause.tests.last());
        match last.filter(|_| self.key_at(and) == Some(Key::And))? {
            Test::Count { comparison, .. } => Some(*comparison),
            _ => None,
        }
    }

    fn says_old(&self, at: usize) -> bool {
        let last = self.mention_at(at).map(|_| self.words[self.pieces[at].tokens.end - 1]);
        last.is_some_and(|word| word.eq_ignore_ascii_case("old"))
    }

    /// "Either 32 or 33", "32 or 33 years old": ages, where nothing else is said.
    fn either_number(&mut self, here: usize) -> bool {
        let or = self.solid(here + 1);
        let second = self.solid(or + 1);
        let (Some(Item::Number(one)), Some(Item::Number(other))) =
            (self.item(here).cloned(), self.item(second).cloned())
        else {
            return false;
        };
        if !matches!(self.key_at(or), Some(Key::Or)) {
            return false;
        }
        let adjective = (second + 1..second + 4).find(|at| {
            matches!(self.item(*at), Some(Item::Adjective { degree: Degree::Plain, .. }))
        });
        let (at, columns) = match adjective.map(|at| (at, self.item(at))) {
            Some((at, Some(Item::Adjective { columns, .. }))) => (at, columns.clone()),
            // "Years old" may be another word for the age itself.
            _ => (second + usize::from(self.says_old(second + 1)), vec!["age"]),
        };
        if adjective.is_none() && (year_of(one).is_some() || year_of(other).is_some()) {
            return false;
        }
        let ends = self.pieces.get(at + 1).is_none_or(|piece| {
            piece.pause || matches!(piece.item, Item::Key(Key::And | Key::Order | Key::In))
        });
        let near = self.focus.or(self.sketch.entity);
        let Some(pick) = self
            .adjective_pick(at, &columns, near)
            .filter(|pick| Self::is_own(pick) && (adjective.is_some() || at > second || ends))
        else {
            return false;
        };
        self.at = at + 1;
        // "Aged either 36 or 37": the word says what the numbers are, and asks for nothing.
        let start = self.pieces[here].tokens.start;
        let same = |known: &Pick| {
            known.candidates.first().map(|(column, _)| *column)
                == pick.candidates.first().map(|(column, _)| *column)
                && known.tokens.end + 2 > start
        };
        if matches!(self.sketch.targets.last(), Some(Target::Column(known)) if same(known)) {
            self.sketch.targets.pop();
        }
        for number in [one, other] {
            let pick = pick.clone();
            let side = Side::Number(number);
            self.push(Test::Compare { pick, comparison: Comparison::Equal, side });
            self.alternative = true;
        }
        self.alternative = false;
        self.open = false;
        true
    }

    /// "course 301": the number is the row's own.
    fn numbered_row(&self, here: usize) -> Option<Pick> {
        let before = here.checked_sub(1)?;
        let mention = self.mention_at(before).filter(|mention| Self::is_table(mention))?;
        let (table, _) = mention.best_table()?;
        let key = self.schema.tables[table].key.filter(|_| !self.pieces[here].pause)?;
        self.schema.columns[key].column.data_type.is_number().then(|| Pick {
            candidates: vec![(key, 1.0)],
            owner: Some(table),
            near: None,
            tokens: self.tokens(before),
        })
    }

    /// "32 or 33".
    fn numbers(&mut self, here: usize, pick: Pick, comparison: Comparison, value: Decimal) {
        let _ = here;
        self.push(Test::Compare { pick, comparison, side: Side::Number(value) });
    }

    /// "20 years old".
    pub(super) fn aged(&mut self, comparison: Comparison, number: Decimal) -> bool {
        let adjective = (self.at..self.at + 3).find(|at| {
            matches!(self.item(*at), Some(Item::Adjective { degree: Degree::Plain, .. }))
        });
        let Some(at) = adjective else { return false };
        let Some(Item::Adjective { columns, .. }) = self.item(at).cloned() else { return false };
        let Some(pick) = self.adjective_pick(at, &columns, self.focus) else { return false };
        self.at = at + 1;
        self.push(Test::Compare { pick, comparison, side: Side::Number(number) });
        true
    }

    /// "2 or more".
    pub(super) fn or_more(
        &mut self,
        comparison: Comparison,
        number: Decimal,
    ) -> (Comparison, Decimal) {
        let next = self.at;
        if matches!(self.key_at(next), Some(Key::Or)) {
            let found = match self.item(next + 1) {
                Some(Item::Key(Key::Compare(Comparison::Greater))) => {
                    Some(Comparison::GreaterOrEqual)
                }
                Some(Item::Key(Key::Compare(Comparison::Less))) => Some(Comparison::LessOrEqual),
                // "2011 or later", "30 or younger".
                Some(Item::Adjective { degree: Degree::More, direction, .. }) => {
                    Some(match compared(*direction) {
                        Comparison::Less => Comparison::LessOrEqual,
                        _ => Comparison::GreaterOrEqual,
                    })
                }
                _ => None,
            };
            if let Some(found) = found {
                let open = self
                    .item(next + 2)
                    .is_none_or(|item| !matches!(item, Item::Number(_) | Item::Key(Key::Than)));
                if open {
                    self.at = next + 2;
                    return (found, number);
                }
            }
        }
        if let Some(Key::Compare(Comparison::GreaterOrEqual)) = self.key_at(next)
            && comparison == Comparison::Equal
        {
            self.at = next + 1;
            return (Comparison::GreaterOrEqual, number);
        }
        (comparison, number)
    }

    /// "In 2011 or later".
    pub(super) fn or_beyond(&mut self, period: Period) -> Period {
        let (comparison, _) = self.or_more(Comparison::Equal, Decimal::new(0, 0));
        if comparison == Comparison::Equal { period } else { beyond(period, comparison) }
    }

    pub(super) fn pass_unit(&mut self) {
        let next = self.at;
        let unit = matches!(self.item(next), Some(Item::Adjective { degree: Degree::Plain, .. }));
        if unit {
            self.at = next + 1;
        }
    }

    pub(super) fn between(&mut self, here: usize) {
        let low_at = self.solid_noun(here + 1);
        let and = self.solid(low_at + 1);
        let high_at = self.solid_noun(and + 1);
        let (Some(Item::Number(low)), Some(Item::Number(high))) =
            (self.item(low_at).cloned(), self.item(high_at).cloned())
        else {
            return self.misplaced(here);
        };
        self.at = high_at + 1;
        let mut pick = self.column.take();
        if pick.is_none() {
            let next = self.solid_noun(self.at);
            if self.mention_at(next).is_some_and(|mention| self.measures(mention)) {
                pick = self.pick(next, None);
                self.at = next + 1;
            } else {
                pick = self.unit_at(high_at + 1).or_else(|| self.verb_pick(here));
            }
        }
        match (pick, year_of(low), year_of(high)) {
            (Some(pick), ..) => self.push(Test::Between { pick, low, high }),
            (None, Some(from), Some(to)) => {
                let tokens = self.tokens(low_at);
                self.push(Test::Year {
                    comparison: Comparison::GreaterOrEqual,
                    year: from,
                    near: self.dated_near(),
                    tokens,
                });
                let tokens = self.tokens(high_at);
                self.push(Test::Year {
                    comparison: Comparison::LessOrEqual,
                    year: to,
                    near: self.dated_near(),
                    tokens,
                });
            }
            _ => self.misplaced(here),
        }
    }
}
