//! What is asked for.

mod bounds;
mod compounds;
mod nouns;
mod ranked;
mod states;

use pacioli_model::{Aggregate, Definition, Unit};

pub(super) use self::{nouns::has_value, ranked::extreme};
use super::{Parser, Zone};
use crate::relations::{
    pieces::{Degree, Item, Mention},
    sketch::{Measured, Noun, Target, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    pub(super) fn select(&mut self) {
        let here = self.at;
        let Some(item) = self.item(here).cloned() else { return };
        match item {
            Item::Key(key) => self.select_key(here, key),
            Item::Mention(mention) => self.select_mention(here, &mention),
            Item::Adjective { degree: Degree::Most, .. } => self.select_best(here),
            Item::Adjective { degree: Degree::Plain, columns, .. }
                if matches!(
                    here.checked_sub(1).and_then(|before| self.key_at(before)),
                    Some(Key::Ask)
                ) =>
            {
                let pick = self.adjective_pick(here, &columns, None);
                self.target_column(pick);
                self.at = here + 1;
            }
            Item::Number(_) if super::ranks(self.item(self.solid(here + 1))) => {
                self.select_best(here);
            }
            Item::Number(number) if self.ranks_so_many(here) => {
                self.so_many = u32::try_from(number.mantissa).ok().filter(|_| number.scale == 0);
                self.at = here + 1;
            }
            Item::Adjective { .. } | Item::Number(_) | Item::Quoted(..) | Item::Days(_) => {
                self.enter(Zone::Condition);
            }
            Item::Unknown => {
                self.at = here + 1;
                self.says_age(here);
            }
        }
    }

    fn select_key(&mut self, here: usize, key: Key) {
        self.at = here + 1;
        match key {
            // "The average price of rooms in different cities": of each.
            Key::Distinct if self.within && self.asks_only_figures() => self.enter(Zone::Group),
            Key::Distinct => self.sketch.distinct = true,
            // "the average number of pages" is the average of pages.
            Key::HowMany if !self.aggregates.is_empty() => self.total_too(here),
            // "List the number and the id": the count that was asked for already.
            Key::HowMany if self.sketch.counts() && self.names_nothing(here + 1) => {}
            Key::HowMany if self.counts_rows_too(here) => {
                self.rows_too = Some((here, self.sketch.targets.len()));
            }
            Key::HowMany => {
                self.counting = true;
                self.narrowing = false;
            }
            // "The number of total papers"
            Key::Aggregate(Aggregate::Sum) if self.counting => {}
            Key::Aggregate(aggregate) => {
                if !self.aggregates.contains(&aggregate) {
                    self.aggregates.push(aggregate);
                }
            }
            Key::Each => self.enter(Zone::Group),
            Key::Every(grain) => self.sketch.groups.push(Noun::Period(grain)),
            Key::Grain(grain) => self.period(here, grain),
            Key::Change(change) => self.sketch.change = Some(change),
            Key::Versus => {
                self.sketch.versus = true;
                self.alternative = !self.sketch.clauses.is_empty();
            }
            Key::By => self.by(here),
            Key::Verb if here == 0 && self.words[0].eq_ignore_ascii_case("order") => {
                self.sorts = true;
            }
            Key::Verb if self.says_state(here) => self.misplaced(here),
            Key::Of | Key::Verb => self.narrowing = true,
            Key::In => {
                self.narrowing = true;
                self.within = true;
            }
            Key::Ask if self.asks_for_others(here) => self.misplaced(here),
            Key::Ask if self.refers_back(here) => self.enter(Zone::Condition),
            Key::Ask | Key::And => self.narrowing = false,
            Key::That
                if self.sketch.targets.is_empty()
                    && self.sketch.entity.is_none()
                    && !self.counting => {}
            Key::Both
                if self
                    .mention_at(self.solid(here + 1))
                    .is_some_and(|mention| !mention.only_values()) => {}
            Key::That => self.enter(Zone::Condition),
            Key::With => self.select_with(here),
            Key::Most(_) | Key::Common(_) => self.select_best(here),
            Key::Compare(_) | Key::Between | Key::Not | Key::Text(_) | Key::Both | Key::Either => {
                self.at = here;
                self.enter(Zone::Condition);
            }
            // "Sort the rooms by price"
            Key::Order if self.sketch.targets.is_empty() && self.sketch.entity.is_none() => {
                self.sorts = here == 0;
            }
            Key::Everything => self.ask_everything(here),
            Key::Order | Key::OrderTowards(_) | Key::Alphabetical | Key::Towards(_) => {
                self.at = here;
                self.enter(Zone::Order);
            }
            Key::Or => self.alternative = !self.sketch.clauses.is_empty(),
            Key::Than | Key::Empty | Key::Beyond | Key::Stop => {}
        }
    }

    fn asks_only_figures(&self) -> bool {
        let figure = |it: &Target| matches!(it, Target::Aggregate { .. } | Target::Count { .. });
        !self.sketch.targets.is_empty() && self.sketch.targets.iter().all(figure)
    }

    /// "The maximum and total number of followers": of either.
    fn total_too(&mut self, here: usize) {
        let total = self.words[self.pieces[here].tokens.start].eq_ignore_ascii_case("total");
        if total && !self.aggregates.contains(&Aggregate::Sum) {
            self.aggregates.push(Aggregate::Sum);
        }
    }

    /// "The number and average age of the members": how many rows there are, beside a figure of theirs.
    fn counts_rows_too(&self, here: usize) -> bool {
        let and = self.solid(here + 1);
        let next = self.solid(and + 1);
        let figure = matches!(self.item(next), Some(Item::Key(Key::Aggregate(_))));
        figure && self.key_at(and) == Some(Key::And) && self.aggregates.is_empty()
    }

    /// Whether no noun follows that a count could be of.
    fn names_nothing(&self, at: usize) -> bool {
        let next = self.solid(at);
        matches!(self.key_at(next), Some(Key::And))
            || self.pieces.get(next).is_none_or(|piece| piece.pause)
    }

    /// "All newspapers, also list the magazines from Oslo" are two questions.
    pub(super) fn asks_for_others(&self, here: usize) -> bool {
        let start = self.pieces[here].tokens.start;
        let also = self.words[..start].last().is_some_and(|it| it.eq_ignore_ascii_case("also"));
        let asked = !self.sketch.targets.is_empty() || self.sketch.entity.is_some();
        let next = self.solid(here + 1);
        let rows = |mention: &Mention| mention.only_values() || Self::is_table(mention);
        let column = self.mention_at(next + 1).is_some_and(|it| !it.columns.is_empty())
            && !self.pieces[next + 1].pause;
        also && asked
            && !column
            && !self.theirs(next - 1)
            && self.mention_at(next).is_some_and(rows)
    }

    /// "employees who help customers": no new question.
    fn refers_back(&self, here: usize) -> bool {
        let word = self.words[self.pieces[here].tokens.start].to_lowercase();
        let asked = !self.sketch.targets.is_empty() || self.sketch.entity.is_some();
        let joined = here
            .checked_sub(1)
            .and_then(|before| self.key_at(before))
            .is_some_and(|before| matches!(before, Key::And | Key::Ask));
        asked
            && !joined
            && !self.pieces[here].pause
            && matches!(word.as_str(), "who" | "which" | "whom")
    }

    /// "How many pets does each student have", "how many rooms have a bed": the end of the noun.
    fn select_with(&mut self, here: usize) {
        let next = self.solid(here + 1);
        if self.sketch.targets.is_empty() && self.sketch.entity.is_none() && !self.counting {
            // "All tools with their price": the rows that have the value are what is listed.
            let theirs = self.theirs(here);
            let valued =
                self.sketch.clauses.iter().flat_map(|clause| &clause.tests).find_map(|test| {
                    match test {
                        Test::Values { values, .. } => {
                            Some(self.schema.table_of(values.first()?.first()?.0.column))
                        }
                        _ => None,
                    }
                });
            if let Some(table) = valued.filter(|_| theirs) {
                self.sketch.entity = Some(table);
                self.sketch.targets.push(Target::Entity(table));
            }
            self.narrowing = true;
            return;
        }
        if self.theirs(here) && !self.sketch.counts() {
            // "Suppliers with their lead days": one more thing to show.
            if self.sketch.targets.is_empty() {
                self.sketch.targets.extend(self.sketch.entity.map(Target::Entity));
            }
            self.narrowing = false;
            return;
        }
        if self.pieces.get(next).is_some() {
            self.having = true;
            self.enter(Zone::Condition);
        }
    }

    /// Whether "their" stands after `with`.
    fn theirs(&self, here: usize) -> bool {
        self.pieces.get(here + 1).is_some_and(|piece| {
            matches!(self.words[piece.tokens.start].to_lowercase().as_str(), "their" | "its")
        })
    }

    /// `by` groups what is measured; anything else it only narrows.
    fn by(&mut self, here: usize) {
        let directed = (here + 1..here + 5).find(|at| {
            !matches!(
                self.item(*at),
                Some(Item::Mention(_) | Item::Key(Key::Stop | Key::Of | Key::In))
            )
        });
        let declared = self.sketch.targets.iter().any(|it| matches!(it, Target::Metric(_)));
        if std::mem::take(&mut self.sorts) {
            self.at = here;
            return self.enter(Zone::Order);
        }
        let listed = !self.sketch.targets.is_empty() && !self.sketch.counts() && !declared;
        if !self.sketch.counts() && self.rank_by(here) {
            return;
        }
        if listed && directed.is_some_and(|at| matches!(self.key_at(at), Some(Key::Towards(_)))) {
            // "dates of games by home team in descending order"
            self.at = here;
            return self.enter(Zone::Order);
        }
        let measured = self.sketch.targets.iter().any(|target| {
            matches!(target, Target::Count { .. } | Target::Aggregate { .. } | Target::Metric(_))
        });
        let adds_up = |target: &Target| match target {
            Target::Column(pick) => super::usual_aggregate(pick, self.schema).is_some(),
            _ => false,
        };
        let plain = if self.sketch.targets.is_empty() {
            self.sketch.entity.is_some()
        } else {
            self.sketch.targets.iter().all(adds_up)
        };
        // "Quantity sold by category": the verb says nothing of who sold it.
        let figures = !self.sketch.targets.is_empty() && self.sketch.targets.iter().all(adds_up);
        let measured = measured || plain || self.sketch.change.is_some();
        let noun = self.solid(here + 1);
        let valued = matches!(self.item(noun + 1), Some(Item::Quoted(..)))
            || self.mention_at(noun + 1).is_some_and(Mention::only_values);
        let done_by = self.sketch.targets.iter().all(|target| !matches!(target, Target::Metric(_)))
            && self.is_agent(noun);
        // "Requested by all founders" leaves none out.
        let all = (here + 1..noun).any(|at| self.words[self.pieces[at].tokens.start] == "all");
        let groups = !valued
            && !done_by
            && !all
            && self.mention_at(noun).is_some_and(|mention| !mention.only_values())
            || matches!(self.key_at(noun), Some(Key::Grain(_) | Key::Every(_)));
        if measured
            && groups
            && (figures
                || !matches!(
                    here.checked_sub(1).and_then(|before| self.key_at(before)),
                    Some(Key::Verb)
                ))
        {
            self.sketch.by = true;
            self.enter(Zone::Group);
        } else if self.sketch.targets.is_empty() && self.sketch.entity.is_none() && !self.counting {
            self.misplaced(here);
        } else {
            self.narrowing = true;
        }
    }

    /// "The 5 clerks who have handled the most complaints": how many are shown stands before the noun.
    fn ranks_so_many(&self, here: usize) -> bool {
        let before = here
            .checked_sub(1)
            .and_then(|before| self.words.get(self.pieces[before].tokens.end - 1));
        let the = before.is_some_and(|word| {
            matches!(word.to_lowercase().as_str(), "the" | "of" | "those" | "which" | "what")
        });
        let noun = self.mention_at(here + 1).is_some_and(|mention| !mention.only_values());
        let mut later = here + 2..self.pieces.len();
        let ranked = later.find(|at| super::ranks(self.item(*at)));
        let paused = ranked.is_some_and(|ranked| {
            (here + 1..ranked).any(|at| self.pieces[at].pause || self.key_at(at) == Some(Key::And))
        });
        the && noun && ranked.is_some() && !paused && self.so_many.is_none()
    }

    /// "The three largest cities by population": what the rank is by.
    fn rank_by(&mut self, here: usize) -> bool {
        let noun = self.solid_noun(here + 1);
        let plain = self
            .sketch
            .targets
            .iter()
            .all(|target| matches!(target, Target::Entity(_) | Target::Column(_)));
        let figure = self.mention_at(noun).is_some_and(|mention| {
            self.quantifies(mention)
                && mention.column_quality() > mention.table_quality()
                && mention.metrics.is_empty()
        });
        let Some(pick) = self.figure(noun, self.owner_after(noun + 1)).filter(|_| figure) else {
            return false;
        };
        let Some(best) = self.sketch.best.as_mut().filter(|best| plain && best.number.is_some())
        else {
            return false;
        };
        best.by = Measured::Column(pick);
        self.at = noun + 1;
        true
    }

    /// "Books by authors born before 1950": whoever made them, and nothing to group by.
    fn is_agent(&self, noun: usize) -> bool {
        let Some((table, _)) = self
            .mention_at(noun)
            .filter(|mention| Self::is_table(mention))
            .and_then(Mention::best_table)
        else {
            return false;
        };
        let word = &self.words[self.pieces[noun].tokens.end - 1].to_lowercase();
        let plural = crate::relations::thesaurus::lemma(word) != *word;
        let own = self.sketch.targets.iter().any(|target| match target {
            Target::Aggregate { of, .. } => of
                .candidates
                .first()
                .is_some_and(|(column, _)| self.schema.table_of(*column) == table),
            _ => false,
        });
        let after = self.pieces.get(noun + 1).filter(|piece| !piece.pause);
        if plural && own && after.is_some() {
            // "The money requested by owners who …": each row is one of them, and no group.
            return true;
        }
        let narrowed = matches!(self.key_at(noun + 1), Some(Key::Verb | Key::That))
            && !self.pieces[noun + 1].pause;
        let made = self.sketch.entity.is_some_and(|entity| self.schema.refers_to(entity, table));
        plural && narrowed && made
    }

    /// "which month had …", "the last three months": a period that is asked for.
    fn period(&mut self, here: usize, grain: pacioli_model::TimeGrain) {
        let asked = here.checked_sub(1).and_then(|before| self.key_at(before));
        if matches!(asked, Some(Key::Ask | Key::And)) && self.sketch.targets.is_empty() {
            self.sketch.groups.push(Noun::Period(grain));
        } else {
            self.misplaced(here);
        }
    }

    /// "employees in Sales": written like a value, and where one stands.
    pub(super) fn names_value(&self, here: usize, mention: &Mention) -> bool {
        let typed = self.words[self.pieces[here].tokens.start];
        let after = matches!(
            here.checked_sub(1).and_then(|before| self.key_at(before)),
            Some(Key::In | Key::Of)
        );
        // "The Sales department": the column that the value is of stands after it.
        let said = !self.pieces.get(here + 1).is_none_or(|piece| piece.pause)
            && self.mention_at(here + 1).is_some_and(|next| {
                next.columns.iter().any(|(column, quality)| {
                    *quality > 0.9
                        && mention.values.iter().any(|(value, _)| value.column == *column)
                })
            });
        (after && here > 1 || said)
            && mention.values.iter().any(|(value, _)| value.text.starts_with(typed))
            && typed.starts_with(char::is_uppercase)
    }

    /// "Which orders were shipped": the rows, though a figure is called the same.
    fn lists_rows(&self, here: usize, mention: &Mention) -> bool {
        let asked =
            self.pieces[..here].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        let listed = asked.is_some_and(|piece| {
            let word = self.words[piece.tokens.start].to_lowercase();
            piece.item == Item::Key(Key::Ask)
                && matches!(word.as_str(), "which" | "list" | "show" | "display" | "find" | "give")
        });
        let measures = self.pieces.iter().any(|piece| {
            matches!(
                piece.item,
                Item::Key(Key::By | Key::Each | Key::Every(_) | Key::Most(_) | Key::Change(_))
            )
        });
        listed && !measures && mention.table_quality() > 0.94
    }

    fn target_metric(&mut self, here: usize, metric: usize) {
        // "total revenue" is revenue; an average of it would be another figure.
        // Two figures side by side are one that is not declared: "inventory turnover".
        let beside = here
            .checked_sub(1)
            .and_then(|before| self.mention_at(before))
            .is_some_and(|before| !before.metrics.is_empty() && !self.pieces[here].pause);
        if beside {
            self.misplaced(here);
        }
        let own = match &self.schema.catalog.semantics.metrics[metric].definition {
            Definition::Aggregate(one) => one.aggregate,
            Definition::Calculation(_) => Aggregate::Sum,
        };
        // "Average days to deliver" are days to deliver: their mean is what is declared.
        let mean = own == Aggregate::Average
            || self.schema.catalog.semantics.metrics[metric].unit == Unit::Percent;
        let summed = self.aggregates.iter().all(|aggregate| {
            *aggregate == Aggregate::Sum && !mean
                || *aggregate == Aggregate::Average && own == *aggregate
        });
        // "Revenue from new customers": one figure does not narrow another.
        let of_another = self.narrowing
            && self.sketch.targets.iter().any(|target| matches!(target, Target::Metric(_)));
        if of_another {
            self.misplaced(here);
        }
        self.aggregates.clear();
        let bounded = self.bounds_next(here + 1);
        if bounded {
            self.at = here;
            return self.enter(Zone::Condition);
        }
        if summed && !self.sketch.targets.contains(&Target::Metric(metric)) {
            self.sketch.targets.push(Target::Metric(metric));
        } else if !summed {
            self.misplaced(here);
        }
        self.counting = false;
        self.narrowing = false;
    }
}
