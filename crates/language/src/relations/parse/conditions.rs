//! Which rows count.

mod best;
mod compare;
mod numbers;
mod values;

use pacioli_model::{Aggregate, Comparison, Decimal};

pub(super) use self::best::opposite;
use super::{Parser, Zone};
use crate::relations::{
    pieces::{Degree, Item, Mention},
    sketch::{Best, Measured, Noun, Pick, Side, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    pub(super) fn condition(&mut self) {
        let here = self.at;
        let Some(item) = self.item(here).cloned() else { return };
        self.at = here + 1;
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
                let tokens = self.tokens(here);
                let timed = |pick: &Pick| {
                    pick.candidates
                        .iter()
                        .any(|(column, _)| self.schema.columns[*column].column.data_type.is_time())
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
            }
            Key::Not => {
                self.break_clause();
                self.negated = true;
                self.having = true;
            }
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
            Key::Compare(comparison) => self.comparison(here, comparison),
            Key::Between => self.between(here),
            Key::Order | Key::OrderTowards(_) | Key::Alphabetical | Key::Towards(_) => {
                self.at = here;
                self.enter(Zone::Order);
            }
            Key::Text(place) => self.text(here, place),
            Key::Empty => self.empty(here),
            Key::Verb if self.says_state(here) => self.misplaced(here),
            Key::Everything => self.everything = true,
            Key::Every(grain) => self.sketch.groups.push(Noun::Period(grain)),
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

    /// A count or an aggregate in a condition: "with the number of pets above 2"; else a new question.
    fn ask_again(&mut self, here: usize, key: Key) {
        let before =
            self.pieces[..here].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        let joined =
            before.is_none_or(|piece| matches!(piece.item, Item::Key(Key::And | Key::Ask)));
        let started = self.pieces[here].pause || joined;
        // "that has the minimum horsepower": a rank, unless a bound follows.
        let possessed = before.is_some_and(|piece| piece.item == Item::Key(Key::With));
        if possessed
            && matches!(key, Key::Aggregate(Aggregate::Min | Aggregate::Max))
            && self.aggregated_after(here + 1).is_none()
        {
            return self.condition_best(here);
        }
        if key == Key::Ask && !started {
            return;
        }
        if started || self.sketch.targets.is_empty() {
            self.break_clause();
            self.at = here;
            self.enter(Zone::Select);
            return;
        }
        match key {
            Key::HowMany => {
                let next = self.solid_noun(here + 1);
                if let Some((comparison, number, noun, end)) = self.counted_after(next) {
                    self.at = end;
                    self.push(Test::Count {
                        what: Measured::Count(Some(noun)),
                        comparison,
                        number,
                    });
                } else {
                    self.misplaced(here);
                }
            }
            Key::Aggregate(aggregate) => match self.aggregated_after(here + 1) {
                Some((pick, comparison, number, end)) => {
                    self.at = end;
                    self.push(Test::Count {
                        what: Measured::Aggregate(aggregate, pick),
                        comparison,
                        number,
                    });
                }
                None => self.misplaced(here),
            },
            _ => self.misplaced(here),
        }
    }

    /// "with an average salary above 1000".
    fn aggregated_after(&self, from: usize) -> Option<(Pick, Comparison, Decimal, usize)> {
        let at = self.solid_noun(from);
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
    fn counted_after(&self, next: usize) -> Option<(Comparison, Decimal, Noun, usize)> {
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

    fn break_clause(&mut self) {
        self.close_column();
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
        if new_question {
            self.break_clause();
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
        let having = self.having;
        let negated = self.negated;
        let pending = self.column.clone();
        self.column = None;
        self.open = false;
        // "not from France and Germany" denies both; "does not have a cat and lives in Rome" only one.
        self.negated = negated && self.mention_at(next).is_some_and(Mention::only_values);
        self.having = having;
        if self.mention_at(next).is_some_and(Mention::only_values)
            || matches!(self.item(next), Some(Item::Quoted(..) | Item::Number(_)))
        {
            self.column = pending.or_else(|| self.last_pick());
        }
        if matches!(self.key_at(next), Some(Key::Compare(_))) && self.column.is_none() {
            self.column = self.last_pick();
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
            self.column = self.last_pick();
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

    fn by_condition(&mut self, here: usize) {
        let measured = self.sketch.targets.iter().any(|target| {
            !matches!(
                target,
                crate::relations::sketch::Target::Column(_)
                    | crate::relations::sketch::Target::Entity(_)
            )
        });
        let groups =
            self.mention_at(self.solid(here + 1)).is_some_and(|mention| !mention.only_values())
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
                self.sketch.targets.push(crate::relations::sketch::Target::Metric(metric));
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

    fn table_condition(&mut self, here: usize, table: usize) {
        let pending = self.column.take();
        if let Some(mut pick) = pending {
            // "the name of the stadium", with the noun after: the column is that table's.
            pick.owner = Some(table);
            self.column = Some(pick);
            self.focus = Some(table);
            return;
        }
        self.focus = Some(table);
        let next = self.solid(self.at);
        let named = self.mention_at(next).is_some_and(|mention| {
            mention.values.iter().any(|(value, _)| self.schema.table_of(value.column) == table)
        }) || matches!(self.item(next), Some(Item::Quoted(_, values)) if values.iter().any(|(value, _)| self.schema.table_of(value.column) == table));
        if named && self.sketch.entity.is_some() && !self.pieces[next].pause {
            return;
        }
        if self.sketch.entity.is_none() && self.sketch.groups.is_empty() {
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

    fn condition_best(&mut self, here: usize) {
        match self.ranked_before(here).or_else(|| self.read_best(here)) {
            Some((best, end)) => {
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
                    self.rank(best);
                }
            }
            None => self.misplaced(here),
        }
    }
}
