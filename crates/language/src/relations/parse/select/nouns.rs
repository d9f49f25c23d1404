//! Nouns in what is asked for: columns to show, rows to list or count, and what only narrows them.

use pacioli_model::Aggregate;

use super::super::{Parser, Zone};
use crate::relations::{
    pieces::{Item, Mention},
    schema::TableId,
    sketch::{Noun, Pick, Target, Test},
    vocabulary::{self, Key},
};

impl Parser<'_> {
    pub(super) fn select_mention(&mut self, here: usize, mention: &Mention) {
        self.at = here + 1;
        if let Some(metric) = mention.metrics.first()
            && !self.names_value(here, mention)
            && !self.lists_rows(here, mention)
        {
            return self.target_metric(here, *metric);
        }
        let asked = !self.sketch.targets.is_empty() || self.sketch.entity.is_some();
        if self.prefers_value(here, mention, asked) {
            self.count_rows_of(here, mention);
            self.at = here;
            return self.select_values(here, mention);
        }
        if let Some(pick) = self.switch_before(here, mention) {
            return self.push(Test::Has { pick });
        }
        let next = here + 1;
        let within = std::mem::take(&mut self.within)
            && self.narrowing
            && mention.table_quality() + 0.2 < mention.column_quality();
        let bounded =
            self.bounds_next(next) && mention.column_quality() + 0.05 > mention.table_quality();
        let flagged = asked && self.says_flag(here, mention);
        let named = asked && self.says_which(mention, next);
        if asked && !mention.columns.is_empty() && (bounded || within || flagged || named) {
            self.at = here;
            return self.enter(Zone::Condition);
        }
        let compound = self.mention_at(next).is_some_and(|after| {
            let table = mention.best_table().map(|(table, _)| table);
            let value =
                is_better_value(after) && table.is_some_and(|table| has_value(self, after, table));
            let which = self.says_which(after, next + 1);
            !after.columns.is_empty() && !self.pieces[next].pause && !value && !which
        }) && !self.says_bound(next);
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
            return self.compound_column(next, owner.unwrap_or_default(), &after);
        }
        if let Some(table) = self.rows_told(mention).filter(|it| self.names_rows_before(*it, next))
        {
            // "Book publishers" are publishers of books.
            self.sketch.entity = self.sketch.entity.or(Some(table));
            return self.at = next;
        }
        if let Some(pick) = self.amount_of(here, mention) {
            self.counting = false;
            self.sketch.entity = self.sketch.entity.or(pick.owner);
            return self.target_column(Some(pick));
        }
        if self.prefers_table(mention) {
            let table = mention.tables[0].0;
            self.counts_amount(here, table);
            self.select_table(table);
        } else if let Some(table) = self.subject(here, mention) {
            self.select_table(table);
        } else {
            self.select_column(here, mention, asked);
        }
    }

    fn select_column(&mut self, here: usize, mention: &Mention, asked: bool) {
        if self.says_whose(here) {
            self.narrowing = false;
            if self.is_of_each(here, mention) {
                self.sketch.by = true;
                self.sketch.groups.extend(self.pick(here, None).map(Noun::Column));
            }
            return;
        }
        let owner = self.owner_after(here + 1);
        let pick = self.pick(here, owner);
        if asked && self.says_what_they_are(here, pick.as_ref()) {
            return self.misplaced(here);
        }
        self.counting |= self.counts_named(here, mention);
        let counts = self.counting && !self.sketch.distinct;
        match self.rows_told(mention).filter(|_| counts) {
            Some(table) => self.select_table(table),
            None => self.target_column(pick),
        }
    }

    /// "The total amounts of regions": of each, where the figures add up and several are named.
    fn is_of_each(&self, here: usize, mention: &Mention) -> bool {
        let word = self.words[self.pieces[here].tokens.end - 1].to_lowercase();
        let several = crate::relations::thesaurus::lemma(&word) != word;
        let kinds = mention.columns.first().is_some_and(|(column, _)| {
            let node = &self.schema.columns[*column];
            let name = self.schema.tables[node.table].display == Some(*column);
            node.column.data_type == pacioli_model::ColumnType::Text && !name
        });
        // "The highest fee of all schools" is one.
        let start = self.pieces[here].tokens.start;
        let before = &self.words[start.saturating_sub(3)..start];
        let together = before.iter().any(|word| matches!(&*word.to_lowercase(), "all" | "across"));
        let figure = |target: &Target| match target {
            Target::Column(pick) => {
                super::super::usual_aggregate(pick, self.schema) == Some(Aggregate::Sum)
            }
            target => !together && matches!(target, Target::Aggregate { .. }),
        };
        several && kinds && self.sketch.groups.is_empty() && self.sketch.targets.iter().all(figure)
    }

    /// Whether what stands where something is asked for is a value that narrows it.
    fn prefers_value(&self, here: usize, mention: &Mention, asked: bool) -> bool {
        let known = self.focus.into_iter().chain(self.sketch.entity);
        let mut spoken =
            known.filter(|table| is_better_value(mention) && has_value(self, mention, *table));
        let kind = self.mention_at(here + 1).filter(|_| !self.pieces[here + 1].pause);
        let kind = kind.filter(|next| is_better_value(mention) && Self::is_table(next));
        let of_kind = kind
            .and_then(Mention::best_table)
            .is_some_and(|(table, _)| has_value(self, mention, table));
        mention.only_values()
            || self.names_value(here, mention)
            || asked && is_better_value(mention) && (self.narrowing || spoken.next().is_some())
            || of_kind
            || self.is_value_of_named(mention)
    }

    /// "Male members", where whether one is male is told of pets alone: a value of the rows that are named.
    fn is_value_of_named(&self, mention: &Mention) -> bool {
        let named = |table: TableId| self.sketch.mentioned.contains(&table);
        let few = mention.values.iter().filter(|(value, quality)| value.few && *quality > 0.9);
        mention.tables.is_empty()
            && mention.columns.iter().all(|(column, _)| !named(self.schema.table_of(*column)))
            && few.into_iter().any(|(value, _)| named(self.schema.table_of(value.column)))
    }

    /// "The number of rooms", where a column that tells rooms apart is called nearly so.
    fn counts_named(&self, here: usize, mention: &Mention) -> bool {
        let said = &self.words[self.pieces[here].tokens.clone()];
        let number = said.len() > 2
            && said[0].eq_ignore_ascii_case("number")
            && said[1].eq_ignore_ascii_case("of");
        number && self.aggregates.is_empty() && !self.quantifies(mention)
    }

    /// "Which building does the instructor live in": who it is asked of, though only a reference to them is
    /// called so.
    fn subject(&mut self, here: usize, mention: &Mention) -> Option<TableId> {
        let before = here.checked_sub(1)?;
        let asked = self.pieces[..here].iter().rev();
        let mut passed = asked.take_while(|piece| piece.item == Item::Key(Key::Stop));
        let does = passed.any(|piece| {
            let word = self.words[piece.tokens.start].to_lowercase();
            matches!(word.as_str(), "does" | "do" | "did")
        });
        let (column, _) = *mention.columns.first()?;
        let to = self.schema.table_of(self.schema.referenced(column));
        let plain = does
            && self.schema.columns[column].foreign
            && matches!(self.sketch.targets.as_slice(), [Target::Column(_)])
            && self.key_at(before) == Some(Key::Stop);
        plain.then(|| self.narrowing = true);
        plain.then_some(to)
    }

    /// "VIP guests", "discontinued parts": a yes or no just before the rows that it is told of.
    fn switch_before(&self, here: usize, mention: &Mention) -> Option<Pick> {
        let next = here + 1;
        let rows = self.mention_at(next).filter(|_| !self.pieces[next].pause)?;
        let (table, _) = rows.best_table().filter(|_| Self::is_table(rows))?;
        let (column, quality) = *mention.columns.first()?;
        let told = self.schema.affirms(column).is_some()
            && (self.schema.table_of(column) == table
                || self.schema.refers_to(self.schema.table_of(column), table))
            && quality > mention.table_quality().max(0.69);
        (told && self.aggregates.is_empty()).then(|| self.pick(here, None)).flatten()
    }

    /// "Medicines that are approved": a yes or no that narrows, and nothing to show.
    fn says_flag(&self, here: usize, mention: &Mention) -> bool {
        let Some((column, quality)) = mention.columns.first() else { return false };
        let open = self.aggregates.is_empty() && !self.counting && !self.pieces[here].pause;
        let named = *quality > mention.table_quality() && self.schema.affirms(*column).is_some();
        let before = here.checked_sub(1).map(|before| &self.pieces[before]);
        let told = before.is_some_and(|before| match before.item {
            Item::Key(Key::That | Key::With | Key::In | Key::Verb | Key::By) => true,
            Item::Key(Key::Stop) => {
                let said = self.words[before.tokens.clone()].iter();
                said.into_iter().any(|word| {
                    matches!(
                        word.to_lowercase().as_str(),
                        "who" | "that" | "those" | "is" | "are" | "was" | "were" | "been"
                    )
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

    fn prefers_table(&self, mention: &Mention) -> bool {
        if mention.tables.is_empty() {
            return false;
        }
        if mention.columns.is_empty() {
            return true;
        }
        if self.counting && mention.table_quality() > 0.6 && mention.column_quality() < 0.9 {
            // "The number of transactions" counts rows, though a column is called more like it.
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

    pub(in crate::relations::parse) fn select_table(&mut self, table: TableId) {
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
            // "All approved drugs, their makers and prices"
            let theirs = self.pieces.get(self.at).is_some_and(|piece| piece.pause)
                && self.theirs(self.at - 1);
            if listed || theirs || matches!(self.key_at(next), Some(Key::And)) {
                self.sketch.targets.push(Target::Entity(table));
            }
        } else if self.sketch.entity != Some(table) {
            let joined = self.pieces[..self.at - 1]
                .iter()
                .rev()
                .find(|piece| !matches!(piece.item, Item::Key(Key::Stop | Key::Distinct)));
            let and = joined.is_some_and(|piece| piece.item == Item::Key(Key::And));
            let joined = and || joined.is_some_and(|piece| piece.item == Item::Key(Key::Ask));
            let counts = |target: &Target| {
                matches!(target, Target::Count { what: Noun::Table(_), distinct: false })
            };
            let owned = self.theirs(self.at.saturating_sub(3));
            let only_counts =
                !self.sketch.targets.is_empty() && self.sketch.targets.iter().all(counts);
            if and && only_counts && !owned {
                // "How many customers and suppliers": of either.
                let what = Noun::Table(table);
                self.sketch.targets.push(Target::Count { what, distinct: false });
            } else if joined
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
        if self.sketch.entity == Some(table) {
            self.must_say_more(table);
        }
        self.speak_of(table);
        self.narrowing = false;
    }

    /// "Employees who are managers": another word for the rows that are asked for is meant to tell them
    /// apart, and nothing here does. "Show the city and its mayor" asks for the rows once more.
    fn must_say_more(&mut self, table: TableId) {
        let Some(here) = self.at.checked_sub(1).filter(|here| *here > 0) else { return };
        let told = self.words[..self.pieces[here].tokens.start].iter().rev().take(1);
        let told =
            told.into_iter().any(|word| matches!(word.to_lowercase().as_str(), "are" | "is"));
        let asked = self
            .sketch
            .targets
            .iter()
            .any(|target| matches!(target, Target::Entity(_) | Target::Everything(_)))
            || self.everything
            || !self.sketch.targets.is_empty();
        if told && asked && self.pieces[here].quality < 0.9 {
            return self.misplaced(here);
        }
        let next = self.solid(self.at);
        let anew = self.sketch.targets.is_empty()
            && self.asked_before(here)
            && here > 2
            && matches!(self.key_at(next), Some(Key::And));
        if anew {
            self.sketch.targets.push(Target::Entity(table));
        }
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
                // "The depots of customers": only theirs.
                let mut before = self.pieces[..self.at - 1].iter().rev();
                let before = before.find(|piece| piece.item != Item::Key(Key::Stop));
                let open = self.sketch.targets.is_empty()
                    && before
                        .is_some_and(|piece| matches!(piece.item, Item::Key(Key::Of | Key::In)));
                if open
                    || counted
                    || self.sketch.targets.iter().any(|target| matches!(target, Target::Entity(_)))
                {
                    self.push(Test::Exists { table, tokens });
                }
            }
            Some(_) => {}
        }
    }

    pub(in crate::relations::parse) fn target_column(&mut self, pick: Option<Pick>) {
        let Some(pick) = pick else { return };
        if let Some(table) = self.counted_flag(&pick) {
            self.push(Test::Has { pick });
            return self.select_table(table);
        }
        if self.counting {
            self.counting = false;
            if self.is_part_of_price(&pick) {
                return self.sketch.unplaced.push(pick.tokens);
            }
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
            let all = self.family(&pick);
            self.sketch.targets.extend(all.into_iter().map(Target::Column));
        }
        self.narrowing = false;
    }

    /// "How many nights", where only a price per night is called nearly so: nobody counts prices.
    fn is_part_of_price(&self, pick: &Pick) -> bool {
        pick.candidates.first().is_some_and(|(column, quality)| {
            self.schema.columns[*column].role == crate::role::Role::Rate && *quality < 0.8
        })
    }

    /// "How many first shows", where a column says of each whether it is one: the rows that are.
    fn counted_flag(&self, pick: &Pick) -> Option<TableId> {
        let (column, quality) = pick.candidates.first()?;
        let counts = self.counting && !self.sketch.distinct && self.sketch.entity.is_none();
        let flag = counts && *quality > 0.69 && self.schema.affirms(*column).is_some();
        flag.then(|| self.schema.table_of(*column))
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
        let typed = self.words[self.pieces[here].tokens.end - 1];
        let followed = self.mention_at(self.solid(here + 1)).is_some();
        let asked = self.counting || self.asked_before(here);
        if !asked || !first || !kinds || followed || !typed.ends_with('s') {
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

/// Whether the best value that is meant is one of a table.
pub(in crate::relations::parse) fn has_value(
    parser: &Parser<'_>,
    mention: &Mention,
    table: TableId,
) -> bool {
    let best = mention.values.first().map_or(0.0, |(_, quality)| *quality);
    mention.values.iter().any(|(value, quality)| {
        *quality >= best - 0.001 && parser.schema.table_of(value.column) == table
    })
}

fn is_better_value(mention: &Mention) -> bool {
    let value = mention.values.first().map_or(0.0, |(_, quality)| *quality);
    value > mention.table_quality() && value > mention.column_quality()
}
