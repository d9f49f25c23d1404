//! Which rows count.

mod adjectives;
mod best;
mod compare;
mod figures;
mod nested;
mod numbers;
mod tables;
mod values;

use pacioli_model::Comparison;

use super::{Parser, Zone};
use crate::relations::{
    pieces::{Degree, Item, Mention, Piece},
    sketch::{Best, Measured, Noun, Pick, Side, Target, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    pub(super) fn condition(&mut self) {
        let here = self.at;
        let Some(item) = self.item(here).cloned() else { return };
        self.at = here + 1;
        self.from = here;
        self.inside &= !self.pieces[here].pause;
        match item {
            Item::Key(key) => self.condition_key(here, key),
            Item::Mention(mention) => self.condition_mention(here, &mention),
            Item::Adjective { degree: Degree::Most, .. } => self.condition_best(here),
            Item::Adjective { direction, columns, .. } => {
                self.adjective_compared(here, direction, &columns);
            }
            Item::Number(value) => self.number(here, value),
            Item::Quoted(text, values) => self.quoted(here, text, values),
            Item::Days(period) => {
                let period = self.or_beyond(period);
                let tokens = self.tokens(here);
                let timed = |pick: &Pick| {
                    pick.candidates.iter().any(|(column, _)| {
                        self.schema.columns[*column].column.data_type.is_time()
                            || self.schema.is_year(*column)
                    })
                };
                let of = self.column.as_ref().filter(|pick| !timed(pick));
                let of = of.and_then(|pick| pick.candidates.first());
                let near = of.map(|(column, _)| self.schema.table_of(*column)).or(self.focus);
                if of.is_some() {
                    // "Logged any hours in May": the days are of these rows.
                    self.close_column();
                }
                let pick = self.column.take();
                self.push(Test::Days { pick, period, near, tokens });
            }
            Item::Unknown => self.says_age(here),
        }
    }

    fn condition_key(&mut self, here: usize, key: Key) {
        match key {
            Key::And => self.and(here),
            Key::Or => self.or(here),
            Key::Not if self.column.is_some() => {
                self.open = false;
                self.negated = true;
                self.denied = false;
            }
            Key::Not if self.denies_before(here) => {}
            Key::Not => {
                self.break_clause();
                self.negated = true;
                self.denied = false;
                self.having = true;
            }
            // "With first names that end in m": of the column.
            Key::That
                if self.column.is_some()
                    && matches!(
                        self.key_at(self.solid(here + 1)),
                        Some(Key::Text(_) | Key::Common(_))
                    ) => {}
            Key::That if self.tells_of_denied(here) => {}
            Key::That => {
                if !self.negated || self.open {
                    self.break_clause();
                }
                self.having = false;
            }
            Key::With => self.having = true,
            Key::Both => self.sketch.both = true,
            Key::Each => self.enter(Zone::Group),
            Key::By => self.by_condition(here),
            Key::Ask | Key::HowMany | Key::Aggregate(_) => self.ask_again(here, key),
            Key::Most(_) | Key::Common(_) => self.condition_best(here),
            // "Who never filed one before"
            Key::Compare(Comparison::Less) if self.denied && self.ends_with(here, "before") => {}
            Key::Compare(comparison) => self.comparison(here, comparison),
            Key::Between => self.between(here),
            // "Never ordered by customers from Germany"
            Key::Order if self.is_done_by(here) => {}
            Key::Order | Key::OrderTowards(_) | Key::Alphabetical | Key::Towards(_) => {
                self.at = here;
                self.enter(Zone::Order);
            }
            Key::Text(place) => self.text(here, place),
            Key::Empty => self.empty(here),
            Key::Verb if self.says_state(here) => self.misplaced(here),
            Key::Everything => self.ask_everything(here),
            Key::Every(grain) => self.sketch.groups.push(Noun::Period(grain)),
            // "In all years" leaves none out.
            Key::Grain(_)
                if here > 0 && self.words[self.pieces[here - 1].tokens.end - 1] == "all" => {}
            Key::Grain(_) => self.misplaced(here),
            Key::Change(change) => self.sketch.change = Some(change),
            Key::Versus => {
                self.sketch.versus = true;
                self.or(here);
            }
            Key::Stop
            | Key::Verb
            | Key::Of
            | Key::In
            | Key::Either
            | Key::Distinct
            | Key::Than
            | Key::Beyond => {}
        }
    }

    /// "No stadium that was opened after 2006": of what is denied.
    fn tells_of_denied(&self, here: usize) -> bool {
        let start = self.pieces[here].tokens.start;
        let thing = matches!(&*self.words[start].to_lowercase(), "that" | "which");
        let last = self.sketch.clauses.last().filter(|clause| clause.negated && self.open);
        let denied = last.and_then(|clause| clause.tests.last());
        thing
            && self.negated
            && matches!(denied, Some(Test::Exists { tokens, .. }) if tokens.end == start)
    }

    /// Whether the question ends with a word.
    fn ends_with(&self, here: usize, word: &str) -> bool {
        let tokens = &self.pieces[here].tokens;
        here + 1 == self.pieces.len() && self.words[tokens.start].eq_ignore_ascii_case(word)
    }

    /// "whose date is null", "with a null value for the date".
    fn empty(&mut self, here: usize) {
        if let Some(pick) = self.column.take() {
            return self.push(Test::Empty { pick });
        }
        let next = self.solid_noun(here + 1);
        match self.pick(next, None) {
            Some(pick) => {
                self.at = next + 1;
                self.push(Test::Empty { pick });
            }
            None => self.misplaced(here),
        }
    }

    fn noun(&self, at: usize) -> Option<Noun> {
        let mention = self.mention_at(at)?;
        if Self::is_table(mention) {
            Some(Noun::Table(mention.tables[0].0))
        } else {
            self.pick(at, None).map(Noun::Column)
        }
    }

    /// A `not` that found nothing to deny before another part of the question begins.
    fn must_deny(&mut self) {
        if !self.negated || self.denied {
            return;
        }
        let denies = |piece: &&Piece| {
            matches!(piece.item, Item::Key(Key::Not | Key::Compare(Comparison::NotEqual)))
        };
        let not = self.pieces[..self.at.min(self.pieces.len())].iter().rev().find(denies);
        self.sketch.unplaced.extend(not.map(|piece| piece.tokens.clone()));
        self.denied = true;
    }

    /// What follows what was counted is of the rows that it was counted for.
    fn leave_counted(&mut self) {
        let counted = self.sketch.clauses.last().and_then(|clause| clause.tests.last());
        if matches!(counted, Some(Test::Count { .. })) {
            self.focus = self.sketch.entity.or(self.focus);
        }
    }

    fn break_clause(&mut self) {
        self.leave_counted();
        self.close_column();
        self.must_deny();
        self.open = false;
        self.negated = false;
    }

    fn and(&mut self, here: usize) {
        self.inside = false;
        let next = self.solid(here + 1);
        let new_question = match self.item(next) {
            Some(Item::Key(Key::Ask)) => {
                !matches!(self.key_at(self.solid(next + 1)), Some(Key::Compare(_)))
            }
            Some(Item::Key(Key::HowMany)) => true,
            _ => false,
        };
        // "The author with the most books and their country": one more thing to show.
        let owned = (here + 1..next).any(|at| {
            let word = self.words[self.pieces[at].tokens.start].to_lowercase();
            matches!(word.as_str(), "its" | "their" | "his" | "her")
        });
        let shown = owned
            && self.mention_at(next).is_some_and(|mention| !mention.only_values())
            && !self.compares_next(next + 1);
        if new_question || shown {
            self.break_clause();
            if self.sketch.targets.is_empty() {
                self.sketch.targets.extend(self.sketch.entity.map(Target::Entity));
            }
            self.at = next;
            self.enter(Zone::Select);
            return;
        }
        if self.column.is_some()
            && self.mention_at(next).is_some_and(|mention| !mention.only_values())
            && !self.having
        {
            // "whose name and age are": two columns for one test are not read.
            return self.close_column();
        }
        self.leave_counted();
        let goes_on = self.mention_at(next).is_some_and(Mention::only_values)
            || matches!(
                self.item(next),
                Some(Item::Quoted(..) | Item::Number(_) | Item::Key(Key::Compare(_)))
            );
        if !goes_on {
            self.close_column();
        }
        let having = self.having;
        let negated = self.negated;
        let pending = self.column.take();
        self.open = false;
        // "not from France and Germany" denies both; "does not have a cat and lives in Rome" only one.
        self.negated = negated && self.mention_at(next).is_some_and(Mention::only_values);
        self.having = having;
        // "Below 160 and two beds": the noun after the number says what is bound.
        let noun = self.solid(next + 1);
        let of_noun =
            self.mention_at(noun).is_some_and(|it| !it.only_values()) && !self.pieces[noun].pause;
        if self.mention_at(next).is_some_and(Mention::only_values)
            || matches!(self.item(next), Some(Item::Quoted(..)))
            || matches!(self.item(next), Some(Item::Number(_))) && !of_noun
        {
            self.column = pending.or_else(|| self.last_pick());
        }
        if matches!(self.key_at(next), Some(Key::Compare(_))) && self.column.is_none() {
            self.column = self.compared_again(next);
        }
    }

    fn or(&mut self, here: usize) {
        self.inside = false;
        let next = self.solid(here + 1);
        self.open = false;
        self.alternative = true;
        self.column = None;
        if matches!(
            self.item(next),
            Some(Item::Number(_) | Item::Quoted(..) | Item::Key(Key::Compare(_) | Key::Text(_)))
        ) {
            self.column = self.compared_again(next);
        }
    }

    /// The column of the last test, which the next one without a column is about too.
    pub(super) fn last_pick(&self) -> Option<Pick> {
        match self.sketch.clauses.last()?.tests.last()? {
            Test::Compare { pick, .. }
            | Test::Between { pick, .. }
            | Test::Empty { pick }
            | Test::Has { pick } => Some(pick.clone()),
            Test::Values { column, .. } => column.clone(),
            Test::Text { pick, .. } | Test::Days { pick, .. } => pick.clone(),
            _ => None,
        }
    }

    fn condition_mention(&mut self, here: usize, mention: &Mention) {
        let bounded = self.compares_next(here + 1);
        if let Some(metric) =
            mention.metrics.first().filter(|_| bounded || mention.tables.is_empty())
            && !self.names_value(here, mention)
        {
            self.close_column();
            if self.negated && !bounded {
                // "Without sales" asks for rows that have none, and for no figure.
                return self.misplaced(here);
            }
            self.metric = Some(*metric);
            return;
        }
        if self.names_value(here, mention) {
            return self.values_here(here);
        }
        if self.takes_value(here, mention) {
            return self.values_here(here);
        }
        let next = here + 1;
        let compound = self
            .mention_at(next)
            .is_some_and(|after| !after.columns.is_empty() && !self.pieces[next].pause);
        if compound && Self::is_table(mention) {
            let owner = mention.best_table().map(|(table, _)| table);
            self.close_column();
            self.column = self.pick(next, owner);
            self.focus = owner;
            self.at = next + 1;
            return;
        }
        let compared =
            self.compares_next(next) && mention.column_quality() + 0.05 > mention.table_quality();
        let table_first = Self::is_table(mention) && !compared || mention.columns.is_empty();
        if table_first && let Some((table, _)) = mention.best_table() {
            return self.table_condition(here, table);
        }
        self.close_column();
        let owner = self.owner_after(next);
        if owner.is_some() {
            self.at = self.solid(self.solid(next) + 1) + 1;
        }
        self.column = self.pick(here, owner);
    }

    /// Whether what follows a column is what it is compared with.
    fn compares_next(&self, at: usize) -> bool {
        let mut next = self.solid(at);
        while matches!(self.key_at(next), Some(Key::Of | Key::Either)) {
            next = self.solid(next + 1);
        }
        match self.item(next) {
            Some(
                Item::Number(_)
                | Item::Quoted(..)
                | Item::Key(Key::Compare(_) | Key::Between | Key::Text(_) | Key::Empty),
            ) => true,
            Some(Item::Mention(mention)) => mention.only_values() && at == next,
            _ => false,
        }
    }

    /// "Which was founded the earliest": by the column that stands before.
    fn ranked_before(&self, here: usize) -> Option<(Best, usize)> {
        let pick = self.column.clone()?;
        let (column, _) = pick.candidates.first().copied()?;
        let data_type = self.schema.columns[column].column.data_type;
        let alone = self.pieces.get(here + 1).is_none_or(|piece| {
            piece.pause || matches!(piece.item, Item::Key(Key::And | Key::Order | Key::Ask))
        });
        let direction = match self.item(here)? {
            Item::Key(Key::Most(direction))
            | Item::Adjective { direction, degree: Degree::Most, .. } => *direction,
            _ => return None,
        };
        (alone && (data_type.is_number() || data_type.is_time())).then(|| {
            let tokens = self.tokens(here);
            let by = Measured::Column(pick);
            (Best { direction, by, number: None, of: None, tokens }, here + 1)
        })
    }

    /// Whether a rank counts the very rows that have the column before it.
    fn counts_own(&self, best: &Best, pick: &Pick) -> bool {
        let column = pick.candidates.first().map(|(column, _)| *column);
        matches!(best.by, Measured::Count(Some(Noun::Table(counted)))
            if column.is_some_and(|column| self.schema.table_of(column) == counted))
    }

    fn condition_best(&mut self, here: usize) {
        match self.ranked_before(here).or_else(|| self.read_best(here)) {
            Some((best, end)) => {
                let common = matches!(self.key_at(here), Some(Key::Common(_)));
                let noun = self.solid(end);
                let of_value = self.commonest_value(&best, noun).filter(|_| common);
                if let Some(of_value) = of_value.filter(|_| self.column.is_none()) {
                    self.at = noun + 1;
                    return self.push(Test::Best(of_value));
                }
                // "Whose type is the most common", "in the type with the most members"
                let counts =
                    common || self.column.as_ref().is_some_and(|it| self.counts_own(&best, it));
                if let Some(pick) = self.column.take_if(|_| counts && best.number.is_none()) {
                    self.at = end;
                    let by = Measured::Count(Some(Noun::Column(pick)));
                    return self.push(Test::Best(Best { by, ..best }));
                }
                self.at = end;
                self.column = None;
                if self.negated {
                    // "that do not have the highest": only an aggregate can be denied.
                    if let Measured::Column(pick) = best.by {
                        let side = Side::Aggregate(
                            super::select::extreme(best.direction),
                            None,
                            Vec::new(),
                        );
                        self.push(Test::Compare { pick, comparison: Comparison::Equal, side });
                    } else {
                        self.misplaced(here);
                    }
                } else {
                    self.rank(best, here);
                }
            }
            None => self.misplaced(here),
        }
    }
}
