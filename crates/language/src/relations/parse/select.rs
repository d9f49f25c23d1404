//! What is asked for.

mod ranked;
mod states;

use pacioli_model::{Aggregate, Definition, Unit};

pub(super) use self::ranked::extreme;
use super::{Parser, Zone};
use crate::relations::{
    pieces::{Degree, Item, Mention},
    schema::TableId,
    sketch::{Noun, Pick, Target, Test},
    vocabulary::{self, Key},
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
            Key::Distinct => self.sketch.distinct = true,
            // "the average number of pages" is the average of pages.
            Key::HowMany if !self.aggregates.is_empty() => self.total_too(here),
            // "List the number and the id": the count that was asked for already.
            Key::HowMany if self.sketch.counts() && self.names_nothing(here + 1) => {}
            Key::HowMany => {
                self.counting = true;
                self.narrowing = false;
            }
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
            Key::Verb if self.says_state(here) => self.misplaced(here),
            Key::Of | Key::Verb => self.narrowing = true,
            Key::In => {
                self.narrowing = true;
                self.within = true;
            }
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
            Key::Order if self.sketch.targets.is_empty() && self.sketch.entity.is_none() => {}
            Key::Everything => self.everything = true,
            Key::Order | Key::OrderTowards(_) | Key::Alphabetical | Key::Towards(_) => {
                self.at = here;
                self.enter(Zone::Order);
            }
            Key::Or => self.alternative = !self.sketch.clauses.is_empty(),
            Key::Than | Key::Empty | Key::Beyond | Key::Stop => {}
        }
    }

    /// "The maximum and total number of followers": of either.
    fn total_too(&mut self, here: usize) {
        let total = self.words[self.pieces[here].tokens.start].eq_ignore_ascii_case("total");
        if total && !self.aggregates.contains(&Aggregate::Sum) {
            self.aggregates.push(Aggregate::Sum);
        }
    }

    /// Whether no noun follows that a count could be of.
    fn names_nothing(&self, at: usize) -> bool {
        let next = self.solid(at);
        matches!(self.key_at(next), Some(Key::And))
            || self.pieces.get(next).is_none_or(|piece| piece.pause)
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
        if self.theirs(here) {
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
        let listed = !self.sketch.targets.is_empty() && !self.sketch.counts() && !declared;
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
        let groups = !valued && self.mention_at(noun).is_some_and(|mention| !mention.only_values())
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

    /// "which month had …", "the last three months": a period that is asked for.
    fn period(&mut self, here: usize, grain: pacioli_model::TimeGrain) {
        let asked = here.checked_sub(1).and_then(|before| self.key_at(before));
        if matches!(asked, Some(Key::Ask | Key::And)) && self.sketch.targets.is_empty() {
            self.sketch.groups.push(Noun::Period(grain));
        } else {
            self.misplaced(here);
        }
    }

    fn select_mention(&mut self, here: usize, mention: &Mention) {
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
            .is_some_and(|after| !after.columns.is_empty() && !self.pieces[next].pause);
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
                    matches!(word.to_lowercase().as_str(), "who" | "that" | "is" | "are" | "was" | "were")
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
    fn bounds_next(&self, at: usize) -> bool {
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

    pub(super) fn select_table(&mut self, table: TableId) {
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

    pub(super) fn target_column(&mut self, pick: Option<Pick>) {
        let Some(pick) = pick else { return };
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
