//! Superlatives in what is asked for: the figure itself, or whoever has it.

use pacioli_model::{Aggregate, Definition, Direction};

use super::super::Parser;
use crate::relations::{
    pieces::{Degree, Item, Mention},
    schema::TableId,
    sketch::{Best, Measured, Noun, Pick, SortKey, Target, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    /// "the youngest singer", "the highest salary", "the most common type", "top 3 songs".
    pub(super) fn select_best(&mut self, here: usize) {
        let direction = match self.item(here) {
            Some(
                Item::Key(Key::Most(direction))
                | Item::Adjective { direction, degree: Degree::Most, .. },
            ) => Some(*direction),
            _ => None,
        };
        if let Some(direction) = direction
            && (self.aggregate_follows(here) || self.aggregate_waits(here))
        {
            // "the greatest and average capacity"
            self.aggregates.push(extreme(direction));
            self.at = here + 1;
            return;
        }
        if self.ranks_kinds(here) {
            return;
        }
        let Some((mut best, next)) = self.read_best(here) else {
            self.misplaced(here);
            self.at = here + 1;
            return;
        };
        self.at = next;
        let first =
            self.sketch.targets.is_empty() && self.sketch.entity.is_none() && best.number.is_none();
        let listed = best.number.is_none() && self.lists_figures(here);
        match &best.by {
            Measured::Column(pick)
                if (first || listed)
                    && pick.tokens != best.tokens
                    && self.reads_as_extreme(here) =>
            {
                let aggregate = extreme(best.direction);
                self.aggregates.push(aggregate);
                let pick = pick.clone();
                self.target_column(Some(pick));
                return;
            }
            // "The top 3 highest rates" are the rates themselves.
            Measured::Column(pick)
                if best.number.is_some()
                    && self.sketch.targets.is_empty()
                    && self.sketch.entity.is_none()
                    && best.of.is_none()
                    && pick.tokens != best.tokens
                    && !self.mention_at(self.solid(next)).is_some_and(Self::is_table) =>
            {
                let pick = pick.clone();
                self.target_column(Some(pick));
            }
            Measured::Count(None) => {
                // "the most common type": the noun that follows is asked for and counted.
                let noun = self.mention_at(self.solid(next)).filter(|noun| !noun.only_values());
                if let Some(mention) = noun.cloned() {
                    self.at = self.solid(next);
                    if first || !self.narrowing {
                        self.select_mention(self.at, &mention);
                    } else if let Some(of_value) = self.commonest_value(&best, self.at) {
                        self.at += 1;
                        self.narrowing = false;
                        return self.push(Test::Best(of_value));
                    } else {
                        self.at += 1;
                        best.of = mention.best_table().map(|(table, _)| table);
                    }
                }
            }
            _ => {}
        }
        if let Some(table) = best.of {
            let first_noun = self.sketch.targets.is_empty();
            self.sketch.entity = self.sketch.entity.or(Some(table));
            if first_noun {
                self.speak_of(table);
            }
        }
        self.rank(best, here);
    }

    /// "Top 5 regions by revenue": values of a column, ranked by a figure of their rows.
    fn ranks_kinds(&mut self, here: usize) -> bool {
        let (mut at, mut number, mut towards) = (here, None, None);
        loop {
            match self.item(at) {
                Some(Item::Number(value)) if number.is_none() && value.scale == 0 => {
                    number = u32::try_from(value.mantissa).ok().filter(|count| *count > 0);
                }
                Some(Item::Key(Key::Most(found))) if towards.is_none() => towards = Some(*found),
                _ => break,
            }
            at += 1;
        }
        let (Some(direction), Some(_), Some(mention)) = (towards, number, self.mention_at(at))
        else {
            return false;
        };
        let kinds = mention.column_quality() > mention.table_quality()
            && mention.metrics.is_empty()
            && !self.quantifies(mention);
        let first = self.sketch.targets.is_empty() && self.sketch.entity.is_none();
        let by = self.solid(at + 1);
        let told = kinds && first && !self.counting && self.key_at(by) == Some(Key::By);
        let measured = told.then(|| self.after_rank(self.solid_noun(by + 1))).flatten();
        let (Some(pick), Some((by, end))) = (self.pick(at, None), measured) else { return false };
        let by = match by {
            Measured::Column(pick) => match super::super::usual_aggregate(&pick, self.schema) {
                Some(usual) => Measured::Aggregate(usual, pick),
                None => return false,
            },
            by => by,
        };
        // "Countries by number of invoices": the invoices' own, where they have one.
        let near = match &by {
            Measured::Count(Some(Noun::Table(table))) => Some(*table),
            Measured::Aggregate(_, of) => {
                of.candidates.first().map(|(column, _)| self.schema.table_of(*column))
            }
            _ => None,
        };
        let tokens = self.tokens(here);
        self.target_column(Some(Pick { near, ..pick }));
        self.sketch.best = Some(Best { direction, by, number, of: None, tokens });
        self.at = end;
        true
    }

    /// "Customers under the most popular policy type": those with the value that most rows have, where
    /// something else is asked for.
    pub(in crate::relations::parse) fn commonest_value(
        &self,
        best: &Best,
        at: usize,
    ) -> Option<Best> {
        let mention = self.mention_at(at).filter(|_| !self.pieces[at].pause)?;
        let column = mention.column_quality() > mention.table_quality();
        let pick = if column { self.pick(at, None) } else { self.reference_to(at, mention) }?;
        let (of, _) = *pick.candidates.first()?;
        let other = |target: &Target| match target {
            Target::Column(known) => known.candidates.iter().all(|(it, _)| *it != of),
            _ => true,
        };
        let asked = !self.sketch.targets.is_empty() || self.sketch.entity.is_some();
        let grouped = !self.sketch.groups.is_empty() || best.number.is_some();
        let by = Measured::Count(Some(Noun::Column(pick)));
        (asked && !grouped && self.sketch.targets.iter().all(other)).then(|| Best {
            by,
            of: None,
            ..best.clone()
        })
    }

    /// "Users with the most popular role": the column by which they refer to roles.
    fn reference_to(&self, at: usize, mention: &Mention) -> Option<Pick> {
        let entity = self.sketch.entity?;
        let (table, _) = mention.best_table().filter(|(table, _)| *table != entity)?;
        let refers = |column: &usize| {
            self.schema.columns[*column].foreign
                && self.schema.table_of(self.schema.referenced(*column)) == table
        };
        let mut columns = self.schema.tables[entity].columns.clone().filter(refers);
        let column = columns.next().filter(|_| columns.next().is_none())?;
        let candidates = vec![(column, 1.0)];
        Some(Pick { candidates, owner: Some(entity), near: None, tokens: self.tokens(at) })
    }

    /// Whether an aggregate follows that shares the column.
    fn aggregate_follows(&self, here: usize) -> bool {
        let joint = self.solid(here + 1);
        let listed = self.pieces.get(joint).is_some_and(|piece| piece.pause);
        let and = matches!(self.key_at(joint), Some(Key::And));
        let next = if and { self.solid(joint + 1) } else { joint };
        (listed || and)
            && matches!(
                self.item(next),
                Some(
                    Item::Key(Key::Aggregate(_) | Key::Most(_))
                        | Item::Adjective { degree: Degree::Most, .. }
                )
            )
            && !matches!(
                self.item(here),
                Some(Item::Adjective { degree: Degree::Plain | Degree::More, .. })
            )
    }

    /// "The maximum and minimum number of rooms"
    fn aggregate_waits(&self, here: usize) -> bool {
        let joined =
            matches!(here.checked_sub(1).and_then(|before| self.key_at(before)), Some(Key::And));
        joined && !self.aggregates.is_empty()
    }

    /// "The highest support rate, lowest consider rate": one figure after another.
    fn lists_figures(&self, here: usize) -> bool {
        let before =
            self.pieces[..here].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        let joined = self.pieces[here].pause
            || before.is_some_and(|piece| piece.item == Item::Key(Key::And));
        let figure = |target: &Target| matches!(target, Target::Aggregate { .. });
        joined
            && self.sketch.entity.is_none()
            && !self.sketch.targets.is_empty()
            && self.sketch.targets.iter().all(figure)
    }

    /// Whether "the highest salary" is the figure itself and not whoever has it.
    fn reads_as_extreme(&self, here: usize) -> bool {
        let noun = self.solid(here + 1);
        // "The largest payment amount" is the amount.
        let amount = self.mention_at(noun + 1).is_some_and(|column| self.measures(column))
            && !self.pieces[noun + 1].pause;
        let adjective_of_table = matches!(self.item(here), Some(Item::Adjective { .. }))
            && self.mention_at(noun).is_some_and(Self::is_table)
            && !amount;
        // "The most recently published book" is a book.
        let mut said = self.words[self.pieces[here].tokens.start..].iter().take(2);
        let when = said.any(|word| word.eq_ignore_ascii_case("recently"));
        let who = self
            .words
            .first()
            .is_some_and(|word| matches!(word.to_lowercase().as_str(), "who" | "whom"));
        !adjective_of_table && !who && !when
    }

    /// Ranks what is asked for, or says which rows of another table count: "members who borrowed the book
    /// with the most pages", "songs of the youngest singer".
    pub(in crate::relations::parse) fn rank(&mut self, mut best: Best, here: usize) {
        if self.starts_with(here) && best.number.is_none() {
            let direction = Some(best.direction);
            return self.sketch.sort.push(SortKey { by: best.by, direction });
        }
        best.number = best.number.or(self.so_many.take());
        best.by = self.rows_flagged(best.by);
        let owner = best.of.or_else(|| self.noun_before(here));
        let other = owner.filter(|owner| {
            self.sketch.groups.is_empty()
                && self.sketch.entity.is_some_and(|entity| entity != *owner)
                && self.ranks_rows_of(&best, *owner)
        });
        if other.is_some() {
            self.push(Test::Best(Best { of: other, ..best }));
        } else if self.sketch.best.is_none() {
            self.sketch.best = Some(best);
        } else {
            self.push(Test::Best(best));
        }
    }

    /// "The sport with the most scholarship holders", where a column says of each whether one is: the rows
    /// that are.
    fn rows_flagged(&mut self, by: Measured) -> Measured {
        let Measured::Count(Some(Noun::Column(pick))) = &by else { return by };
        let flag = pick.candidates.first().map(|(column, _)| *column);
        let Some(flag) = flag.filter(|column| self.schema.affirms(*column).is_some()) else {
            return by;
        };
        self.push(Test::Has { pick: pick.clone() });
        Measured::Count(Some(Noun::Table(self.schema.table_of(flag))))
    }

    /// "Starting with the oldest": an order.
    fn starts_with(&self, here: usize) -> bool {
        let start = self.pieces[here].tokens.start;
        let before = &self.words[start.saturating_sub(3)..start];
        before.iter().any(|word| {
            matches!(word.to_lowercase().as_str(), "starting" | "beginning" | "start" | "begin")
        })
    }

    /// The table that the words just before a superlative name: "the book with the most".
    pub(in crate::relations::parse) fn noun_before(&self, here: usize) -> Option<TableId> {
        let mut at = here.checked_sub(1)?;
        let mut told = false;
        while matches!(self.key_at(at), Some(Key::Stop | Key::With | Key::That)) {
            told |= self.key_at(at) != Some(Key::Stop);
            at = at.checked_sub(1)?;
        }
        let paused = (at + 1..=here).any(|at| self.pieces[at].pause);
        let mention = self.mention_at(at).filter(|_| told && !paused)?;
        if let (true, Some(metric)) = (mention.tables.is_empty(), mention.metrics.first()) {
            return self.counted_by(*metric);
        }
        mention.best_table().filter(|_| Self::is_table(mention)).map(|(table, _)| table)
    }

    /// The table whose rows a declared figure counts: "number of orders".
    fn counted_by(&self, metric: usize) -> Option<TableId> {
        let declared = self.schema.catalog.semantics.metrics.get(metric)?;
        match &declared.definition {
            Definition::Aggregate(one)
                if matches!(one.aggregate, Aggregate::Count | Aggregate::CountDistinct) =>
            {
                self.schema.metric_table(metric)
            }
            _ => None,
        }
    }

    /// Whether a superlative is of the rows of a table: of a column of theirs, or of rows that they have.
    fn ranks_rows_of(&self, best: &Best, owner: TableId) -> bool {
        match &best.by {
            Measured::Column(pick) => {
                let fits = pick.candidates.first().map_or(0.0, |(_, quality)| *quality);
                pick.candidates.iter().any(|(column, quality)| {
                    self.schema.table_of(*column) == owner && *quality > fits - 0.15
                })
            }
            Measured::Count(Some(Noun::Table(counted))) => *counted != owner,
            Measured::Count(_) | Measured::Aggregate(..) | Measured::Metric(_) => false,
        }
    }
}

pub(in crate::relations::parse) fn extreme(direction: Direction) -> Aggregate {
    match direction {
        Direction::Ascending => Aggregate::Min,
        Direction::Descending => Aggregate::Max,
    }
}
