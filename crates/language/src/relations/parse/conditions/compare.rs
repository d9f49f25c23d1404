//! Numbers and what they bound.

use pacioli_model::{Comparison, Decimal};

use super::super::Parser;
use crate::{
    relations::{
        pieces::{Degree, Item},
        schema::{ColumnId, TableId},
        sketch::{Measured, Noun, Pick, Side, Test},
        thesaurus::{adjective, lemma},
        vocabulary::Key,
    },
    role::{KEY_TAILS, Role},
};

impl Parser<'_> {
    /// `more than 20`, `above the average age`, `more than 2 pets`.
    pub(super) fn comparison(&mut self, here: usize, comparison: Comparison) {
        self.column = self.higher_or_lower(here).or_else(|| self.column.take());
        let mut at = self.solid(here + 1);
        while matches!(self.key_at(at), Some(Key::Than | Key::Of | Key::Stop | Key::In)) {
            at += 1;
        }
        if let Some((best, end)) = self.best_row(at) {
            self.at = end;
            return match self.column.take() {
                Some(pick) => {
                    self.push(Test::Compare { pick, comparison, side: Side::Best(Box::new(best)) });
                }
                None => self.misplaced(here),
            };
        }
        if let Some(rows) = self.rows_after(here + 1) {
            return self.against_rows(here, comparison, rows);
        }
        if self.against_column(at, comparison) {
            return;
        }
        if let Some(one) = self.single_before(at) {
            return self.bounded(here, one, comparison, Decimal::new(1, 0));
        }
        match self.item(at).cloned() {
            Some(Item::Number(number)) => self.bounded(here, at, comparison, number),
            Some(Item::Key(Key::Aggregate(aggregate))) => {
                self.against_aggregate(here, at, comparison, aggregate);
            }
            Some(
                Item::Key(Key::Most(direction))
                | Item::Adjective { direction, degree: Degree::Most, .. },
            ) => {
                let aggregate = super::super::select::extreme(direction);
                self.against_aggregate(here, at, comparison, aggregate);
            }
            Some(Item::Mention(_))
                if matches!(comparison, Comparison::Equal | Comparison::NotEqual) =>
            {
                if comparison == Comparison::NotEqual {
                    (self.negated, self.denied) = (true, false);
                }
                self.at = at;
            }
            Some(Item::Quoted(text, _)) => self.against_text(at, comparison, text),
            Some(Item::Mention(mention)) if !mention.columns.is_empty() => {
                self.column_between(here, at, comparison);
            }
            Some(Item::Days(period)) => {
                self.at = at + 1;
                let pick = self.column.take();
                let tokens = self.tokens(at);
                self.push(Test::Days {
                    pick,
                    period: beyond(period, comparison),
                    near: self.dated_near(),
                    tokens,
                });
            }
            _ => self.misplaced(here),
        }
    }

    /// "More than a single shop", "at least one": where a noun stands after an article that counts.
    fn single_before(&self, at: usize) -> Option<usize> {
        let one = at.checked_sub(1).filter(|one| self.key_at(*one) == Some(Key::Stop))?;
        let said = self.words[self.pieces[one].tokens.clone()].iter();
        let counts =
            said.into_iter().any(|word| matches!(&*word.to_lowercase(), "single" | "a" | "an"));
        let noun =
            self.mention_at(at).filter(|noun| !noun.only_values() && noun.metrics.is_empty());
        // "Above an age of 20" bounds a column.
        let rows = noun.is_some_and(|noun| Self::is_table(noun) || !self.quantifies(noun));
        (counts && rows && self.column.is_none()).then_some(one)
    }

    /// "Longer than 3000 or higher than 100": as "longer" is of the length, "higher" is of the height.
    fn higher_or_lower(&self, here: usize) -> Option<Pick> {
        let said = |tokens: &std::ops::Range<usize>| self.words[tokens.start].to_lowercase();
        let word = said(&self.pieces[here].tokens);
        let (_, columns) = adjective(&word).filter(|_| matches!(&word[..], "higher" | "lower"))?;
        let told = self.column.as_ref().filter(|_| self.alternative)?;
        adjective(&said(&told.tokens))?;
        self.adjective_pick(here, &columns, told.owner).filter(Self::is_own)
    }

    /// "More losses than wins", "an address different from the billing address": two columns of a row.
    fn against_column(&mut self, at: usize, comparison: Comparison) -> bool {
        let column = |at: usize| {
            let mention = self.mention_at(at)?;
            let plain = mention.values.is_empty()
                && mention.metrics.is_empty()
                && mention.column_quality() > mention.table_quality();
            plain.then(|| self.pick(at, None)).flatten()
        };
        let Some(first) = column(at) else { return false };
        let next = self.solid(at + 1);
        let (pick, other, end) = match (self.column.clone(), self.key_at(next)) {
            (None, Some(Key::Than)) => match column(self.solid(next + 1)) {
                Some(other) => (first, other, self.solid(next + 1) + 1),
                None => return false,
            },
            (Some(pick), _) if self.ends_clause(next) => (pick, first, at + 1),
            _ => return false,
        };
        let same = pick.candidates.first().map(|(column, _)| column)
            == other.candidates.first().map(|(column, _)| column);
        if same {
            return false;
        }
        self.at = end;
        self.column = None;
        self.push(Test::Compare { pick, comparison, side: Side::Column(other) });
        true
    }

    /// Whether a number is one of times: "twice", "3 times".
    fn is_times(&self, at: usize) -> bool {
        let word = |at: usize| self.words.get(at).map(|word| word.to_lowercase());
        let tokens = self.tokens(at);
        let is = |word: Option<String>, known: &[&str]| {
            word.is_some_and(|word| known.contains(&word.as_str()))
        };
        is(word(tokens.start), &["once", "twice", "thrice"])
            || is(word(tokens.end), &["time", "times"])
    }

    fn pass_times(&mut self) {
        let unit = self.pieces.get(self.at).is_some_and(|piece| {
            let word = self.words[piece.tokens.start].to_lowercase();
            piece.tokens.len() == 1 && matches!(word.as_str(), "time" | "times")
        });
        self.at += usize::from(unit);
    }

    /// The table whose rows say that something happened: of the column just before, where it only
    /// refers to the rows that are asked for.
    fn repeated(&self) -> Option<TableId> {
        let (column, _) = *self.column.as_ref()?.candidates.first()?;
        let node = &self.schema.columns[column];
        let other = self.sketch.entity.is_some_and(|entity| entity != node.table);
        (node.foreign && other).then_some(node.table)
    }

    /// "Higher than 5600": what the comparison itself measures of what the words speak of.
    fn measured_by(&self, here: usize) -> Option<Pick> {
        let word = self.words[self.pieces[here].tokens.start].to_lowercase();
        let (_, columns) = crate::relations::thesaurus::adjective(&word)?;
        // "Later than 1990" is of a day, and which one is told otherwise.
        let dated = columns.contains(&"date");
        let near = self.focus.or(self.sketch.entity).filter(|_| !dated)?;
        self.adjective_pick(here, &columns, Some(near)).filter(Self::is_own)
    }

    /// The column that a comparison after `and` or `or` is of: the one before, unless neither needs to
    /// name one: "longer than 300 or higher than 100".
    pub(super) fn compared_again(&self, next: usize) -> Option<Pick> {
        let last = self.last_pick()?;
        let named = self
            .pieces
            .iter()
            .any(|piece| piece.tokens == last.tokens && matches!(piece.item, Item::Mention(_)));
        let number = self.solid(next + 1);
        let noun = self.solid(number + 1);
        // "Less than 10 factories or more than 10 shops": the noun stands after the number.
        let of_noun = matches!(self.item(number), Some(Item::Number(_)))
            && self.mention_at(noun).is_some_and(|mention| !mention.only_values())
            && !self.pieces[noun].pause;
        let measured = matches!(self.key_at(next), Some(Key::Compare(_)))
            && (of_noun || !named && self.measured_by(next).is_some());
        (!measured).then_some(last)
    }

    /// "At least two loans with …": what follows is of what is counted.
    pub(super) fn speak_of_counted(&mut self, test: &Test) {
        if let Test::Count { what: Measured::Count(Some(Noun::Table(table))), .. } = test {
            self.speak_of(*table);
        }
    }

    /// Whether nothing follows that a column could be compared with.
    fn ends_clause(&self, at: usize) -> bool {
        self.pieces.get(at).is_none_or(|piece| {
            piece.pause
                || matches!(piece.item, Item::Key(Key::And | Key::Or | Key::Order | Key::Ask))
        })
    }

    /// "above age 20", "a larger capacity than 500": the column stands between.
    fn column_between(&mut self, here: usize, at: usize, comparison: Comparison) {
        let owner = self.owner_after(at + 1);
        let mut next = self.solid_noun(at + 1);
        if owner.is_some() && self.mention_at(next).is_some() {
            next = self.solid_noun(next + 1);
        }
        while matches!(
            self.key_at(next),
            Some(Key::Than | Key::Of | Key::Stop | Key::Compare(Comparison::Equal))
        ) {
            next += 1;
        }
        let pick = self.pick(at, owner);
        if let Some(rows) = pick.as_ref().and_then(|_| self.rows_after(at + 1)) {
            self.column = pick;
            return self.against_rows(here, comparison, rows);
        }
        match (self.item(next).cloned(), pick) {
            (Some(Item::Number(number)), Some(pick)) => {
                self.at = next + 1;
                self.column = None;
                self.push(Test::Compare { pick, comparison, side: Side::Number(number) });
            }
            (Some(Item::Key(Key::Aggregate(aggregate))), Some(pick)) => {
                self.column = Some(pick);
                self.against_aggregate(here, next, comparison, aggregate);
            }
            (_, Some(pick)) if self.best_row(next).is_some() => {
                self.column = Some(pick);
                self.comparison(next - 1, comparison);
            }
            _ => {
                self.misplaced(here);
                self.at = at + 1;
            }
        }
    }

    fn against_text(&mut self, at: usize, comparison: Comparison, text: String) {
        self.at = at + 1;
        match self.column.take() {
            Some(pick) => self.push(Test::Compare { pick, comparison, side: Side::Text(text) }),
            None => self.misplaced(at),
        }
    }

    fn bounded(&mut self, here: usize, at: usize, comparison: Comparison, number: Decimal) {
        self.at = at + 1;
        let (comparison, number) = self.or_more(comparison, number);
        if let Some(metric) = self.metric.take() {
            let what = Measured::Metric(metric);
            return self.push(Test::Count { what, comparison, number, of: None });
        }
        if self.is_times(at) {
            // "Served as hosts more than once": so many rows, whatever the column before holds.
            let other = self.focus.filter(|table| Some(*table) != self.sketch.entity);
            if let Some(table) = self.repeated().or(other) {
                self.column = None;
                self.pass_times();
                let what = Measured::Count(Some(Noun::Table(table)));
                return self.push(Test::Count { what, comparison, number, of: None });
            }
        }
        if self.bounds_year(at, comparison, number) {
            return;
        }
        if let Some(pick) = self.column.take() {
            if self.names_rows(&pick) && !matches!(comparison, Comparison::Equal) {
                return self.misplaced(here);
            }
            self.pass_unit();
            return self.push(Test::Compare { pick, comparison, side: Side::Number(number) });
        }
        if self.aged(comparison, number) {
            return;
        }
        if let Some(pick) = self.unit_at(at + 1).or_else(|| self.verb_measures(here, at + 1)) {
            return self.push(Test::Compare { pick, comparison, side: Side::Number(number) });
        }
        let next = self.solid_noun(self.at);
        let spoken = self.mention_at(next).is_some_and(|mention| !mention.only_values())
            && !self.pieces[next].pause
            && next - self.at < 3
            && !self.dated_next(next);
        let counting = matches!(self.key_at(self.at), Some(Key::Distinct));
        let next = if counting { self.solid_noun(self.at + 1) } else { next };
        if (spoken || counting)
            && let Some(test) = self.test_of(next, comparison, number)
        {
            self.at = self.end_of_noun(next);
            self.speak_of_counted(&test);
            return self.push(test);
        }
        if let Some(pick) = self.measured_by(here) {
            return self.push(Test::Compare { pick, comparison, side: Side::Number(number) });
        }
        if let Some(year) = year_of(number) {
            let tokens = self.tokens(at);
            return self.push(Test::Year { comparison, year, near: self.dated_near(), tokens });
        }
        if matches!(
            here.checked_sub(1).map(|before| self.item(before)),
            Some(Some(Item::Mention(_)))
        ) && !self.sketch.clauses.is_empty()
            && let Some(pick) = self.last_pick()
        {
            return self.push(Test::Compare { pick, comparison, side: Side::Number(number) });
        }
        // "more than one", "at least 3 times": of whatever belongs to the row.
        if (matches!(self.key_at(self.at), Some(Key::Stop | Key::In))
            || self.at >= self.pieces.len())
            && let Some(entity) = self.sketch.entity
        {
            return self.bounded_whole((here, at), entity, comparison, number);
        }
        self.misplaced(here);
    }

    /// A year of rows that only a reference or a text before it names.
    fn bounds_year(&mut self, at: usize, comparison: Comparison, number: Decimal) -> bool {
        let (Some(pick), Some(year)) = (&self.column, year_of(number)) else { return false };
        let refers = |(column, _): &(ColumnId, f64)| self.schema.columns[*column].foreign;
        let refers = pick.candidates.iter().all(refers);
        let named = comparison != Comparison::Equal && (refers || self.is_of_texts(pick));
        if named && refers {
            // "a host city after 2010": of the row's year, for a reference is no number.
            self.column = None;
            let (near, tokens) = (self.dated_near(), self.tokens(at));
            self.push(Test::Year { comparison, year, near, tokens });
        } else if named {
            self.year_of_rows(at, comparison, year);
        }
        named
    }

    /// A number of nothing that is named: "invoices over 20000" is of an amount, "more than one" of rows.
    fn bounded_whole(
        &mut self,
        (here, at): (usize, usize),
        entity: TableId,
        comparison: Comparison,
        number: Decimal,
    ) {
        if number.to_f64().abs() < 100.0 {
            let table = self.focus.filter(|table| Some(*table) != self.sketch.entity);
            let what = Measured::Count(table.map(Noun::Table));
            return self.push(Test::Count { what, comparison, number, of: None });
        }
        let of = self.focus.unwrap_or(entity);
        let is_amount = |column: &ColumnId| self.schema.columns[*column].role == Role::Amount;
        let mut amounts = self.schema.tables[of].columns.clone().filter(is_amount);
        let (Some(column), None) = (amounts.next(), amounts.next()) else {
            return self.misplaced(here);
        };
        let candidates = vec![(column, 1.0)];
        let pick = Pick { candidates, owner: Some(of), near: None, tokens: self.tokens(at) };
        self.push(Test::Compare { pick, comparison, side: Side::Number(number) });
    }

    /// "Departments with managers managing more than 3": who it is, and no number of anything, unless the
    /// words ask for the number itself.
    pub(super) fn names_rows(&self, pick: &Pick) -> bool {
        let said = self.words[pick.tokens.clone()].iter().any(|word| {
            let word = lemma(&word.to_lowercase());
            KEY_TAILS.contains(&word.as_str()) || word == "number"
        });
        let refers =
            |(column, _): &(ColumnId, f64)| self.is_key(*column) && !self.schema.is_year(*column);
        !said && pick.candidates.first().is_some_and(refers)
    }

    /// "Sold more than 300", "weighing over 20 of them": no noun follows, and the verb says of what.
    fn verb_measures(&self, here: usize, after: usize) -> Option<Pick> {
        let noun = self.mention_at(self.solid(after)).is_some_and(|next| !next.only_values());
        if noun { None } else { self.verb_pick(here) }
    }

    /// "Above 3000 in year 2001": the year has a number of its own.
    fn dated_next(&self, next: usize) -> bool {
        let apart = (self.at..next).any(|at| matches!(self.key_at(at), Some(Key::In)));
        apart && matches!(self.item(self.solid(next + 1)), Some(Item::Number(_)))
    }

    pub(super) fn end_of_noun(&self, at: usize) -> usize {
        let compound = self.mention_at(at).is_some_and(Self::is_table)
            && self
                .mention_at(at + 1)
                .is_some_and(|next| self.measures(next) && !self.pieces[at + 1].pause);
        if compound { at + 2 } else { at + 1 }
    }

    /// A number before its noun: a bound of a column, or a count of rows.
    pub(super) fn test_of(
        &self,
        at: usize,
        comparison: Comparison,
        number: Decimal,
    ) -> Option<Test> {
        let mention = self.mention_at(at)?;
        if let Some(metric) = mention.metrics.first() {
            return Some(Test::Count {
                what: Measured::Metric(*metric),
                comparison,
                number,
                of: None,
            });
        }
        let compound = self.end_of_noun(at) == at + 2;
        let last = if compound { self.mention_at(at + 1)? } else { mention };
        if let Some(table) = self.rows_told(last).filter(|_| year_of(number).is_none()) {
            let what = Measured::Count(Some(Noun::Table(table)));
            return Some(Test::Count { what, comparison, number, of: None });
        }
        if compound {
            let pick = self.pick(at + 1, mention.best_table().map(|(table, _)| table))?;
            return Some(Test::Compare { pick, comparison, side: Side::Number(number) });
        }
        let table = mention.best_table();
        let column_wins =
            self.quantifies(mention) && mention.column_quality() + 0.051 > mention.table_quality();
        if column_wins {
            let pick = self.pick(at, self.owner_after(at + 1))?;
            let bounds = comparison != Comparison::Equal;
            if let Some(total) = self.total_of(&pick).filter(|_| bounds) {
                let what = Measured::Aggregate(pacioli_model::Aggregate::Sum, total);
                return Some(Test::Count { what, comparison, number, of: None });
            }
            return Some(Test::Compare { pick, comparison, side: Side::Number(number) });
        }
        let own = self.sketch.entity.filter(|entity| self.focus.is_none_or(|it| it == *entity));
        if let Some(pick) = self.number_of(at, own) {
            return Some(Test::Compare { pick, comparison, side: Side::Number(number) });
        }
        let what = match table {
            Some((table, quality)) if quality + 0.2 > mention.column_quality() => {
                Noun::Table(table)
            }
            _ => Noun::Column(self.pick(at, None)?),
        };
        Some(Test::Count { what: Measured::Count(Some(what)), comparison, number, of: None })
    }

    /// "Projects with more than 100 hours": hours are what rows of theirs hold, and only nearly what a
    /// column of their own is called.
    fn total_of(&self, pick: &Pick) -> Option<Pick> {
        let entity = self.sketch.entity.filter(|_| self.having && pick.owner.is_none())?;
        let own =
            pick.candidates.iter().filter(|(column, _)| self.schema.table_of(*column) == entity);
        let own = own.map(|(_, quality)| *quality).fold(0.0, f64::max);
        let (column, quality) = pick.candidates.first()?;
        let total = Pick { candidates: vec![(*column, *quality)], ..pick.clone() };
        (*quality > 0.99 && own < 0.8 && self.adds_up_for(&total, Some(entity))).then_some(total)
    }
}

pub(super) fn year_of(number: Decimal) -> Option<i32> {
    let whole = (number.scale == 0).then_some(number.mantissa)?;
    i32::try_from(whole).ok().filter(|year| (1500..=2200).contains(year))
}

/// Everything before, or after, a period.
pub(super) fn beyond(
    mut period: crate::calendar::Period,
    comparison: Comparison,
) -> crate::calendar::Period {
    match comparison {
        Comparison::Greater => (period.from, period.to) = (period.to, None),
        Comparison::GreaterOrEqual => period.to = None,
        Comparison::Less => (period.from, period.to) = (None, period.from),
        Comparison::LessOrEqual => period.from = None,
        Comparison::Equal | Comparison::NotEqual => {}
    }
    period
}
