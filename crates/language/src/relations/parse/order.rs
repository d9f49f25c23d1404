//! In what order.

use pacioli_model::Direction;

use super::{Parser, Zone};
use crate::relations::{
    pieces::{Degree, Item},
    sketch::{Measured, Noun, Pick, SortKey, Target},
    thesaurus::adjective,
    vocabulary::Key,
};

impl Parser<'_> {
    pub(super) fn order(&mut self) {
        let here = self.at;
        self.at = here + 1;
        match self.item(here).cloned() {
            Some(Item::Key(Key::Towards(direction))) => self.towards(direction),
            Some(Item::Key(Key::OrderTowards(direction))) => {
                self.towards = Some(direction);
                self.sort_by(here + 1, Some(direction));
            }
            Some(Item::Key(Key::Alphabetical)) => self.alphabetical(here),
            Some(Item::Key(Key::Order)) => self.order_by(here),
            Some(Item::Key(Key::By)) if self.sketch.sort.is_empty() => self.sort_by(here + 1, None),
            Some(Item::Key(Key::Stop | Key::Of | Key::In | Key::And | Key::By | Key::Verb)) => {}
            Some(Item::Mention(mention))
                if !mention.only_values() && !self.sketch.sort.is_empty() =>
            {
                self.sort_by(here, self.towards);
            }
            Some(Item::Key(Key::Ask | Key::HowMany | Key::Aggregate(_))) => {
                self.at = here;
                self.enter(Zone::Select);
            }
            _ => {
                self.at = here;
                self.enter(Zone::Condition);
            }
        }
    }

    fn order_by(&mut self, here: usize) {
        let next = self.solid_noun(here + 1);
        match self.item(next) {
            Some(Item::Key(Key::Towards(_) | Key::OrderTowards(_) | Key::Alphabetical)) => {
                self.at = next;
            }
            Some(Item::Key(Key::By)) => self.sort_by(next + 1, None),
            _ => self.sort_by(here + 1, None),
        }
    }

    /// A direction belongs to the key before it, or to the answer's first column.
    fn towards(&mut self, direction: Direction) {
        let aged = self.sketch.sort.last().and_then(|last| match &last.by {
            Measured::Column(pick) => self.tells_age(pick),
            _ => None,
        });
        let first = aged.and_then(|aged| self.oldest_first(self.at - 1, aged));
        let direction = first.unwrap_or(direction);
        if let Some(last) = self.sketch.sort.last_mut() {
            last.direction = last.direction.or(Some(direction));
            return;
        }
        let next = self.solid_noun(self.at);
        // "How many are in each town, biggest first": the figure that is shown.
        let sizes = ["biggest", "largest", "highest", "smallest", "lowest", "fewest"];
        let sized = sizes.contains(&self.words[self.pieces[self.at - 1].tokens.start]);
        let shown = self.sketch.targets.iter().any(|target| {
            matches!(target, Target::Count { .. } | Target::Aggregate { .. } | Target::Metric(_))
        });
        if let Some((by, direction)) =
            self.told_by_direction(self.at - 1).filter(|_| !(sized && shown))
            && self.mention_at(next).is_none()
        {
            self.sketch.sort.push(SortKey { by: Measured::Column(by), direction: Some(direction) });
            return;
        }
        if self.mention_at(next).is_some()
            || matches!(self.key_at(next), Some(Key::HowMany | Key::Aggregate(_) | Key::By))
        {
            return self.sort_by(self.at, Some(direction));
        }
        let said = &self.words[self.pieces[self.at - 1].tokens.clone()];
        let counted = said.iter().any(|word| matches!(*word, "most" | "fewest" | "least"))
            && self.sketch.counts();
        let first = self.sketch.targets.first();
        if let Some(Target::Column(pick)) = first.filter(|_| !counted) {
            let by = Measured::Column(pick.clone());
            self.sketch.sort.push(SortKey { by, direction: Some(direction) });
        } else if first.is_some() {
            self.sketch
                .sort
                .push(SortKey { by: Measured::Count(None), direction: Some(direction) });
        } else {
            self.misplaced(self.at - 1);
        }
    }

    /// "By date of birth from the oldest to the youngest": the oldest has the earliest day, and the
    /// greatest age.
    fn oldest_first(&self, here: usize, aged: bool) -> Option<Direction> {
        let words = &self.words[self.pieces[here].tokens.clone()];
        let place = |bases: &[&str]| {
            let begins =
                |word: &&str| bases.iter().any(|base| word.to_lowercase().starts_with(base));
            words.iter().position(begins)
        };
        // "Oldest first" says as much as from the oldest to the youngest.
        let first = words.last().is_some_and(|word| word.eq_ignore_ascii_case("first"));
        let new = place(&["young", "new", "late", "recent"]).or(first.then_some(words.len()))?;
        let old_first = place(&["old"])? < new;
        Some(if old_first == aged { Direction::Descending } else { Direction::Ascending })
    }

    /// Whether what is sorted by says how old something is; when it was, if not; or neither.
    fn tells_age(&self, pick: &Pick) -> Option<bool> {
        let said = &self.words[pick.tokens.clone()];
        let age = said.iter().any(|word| word.to_lowercase().starts_with("age"));
        let (column, _) = pick.candidates.first()?;
        let time = self.schema.columns[*column].column.data_type.is_time();
        let when = time || self.schema.is_year(*column) || self.schema.is_birth(*column);
        (age || when).then_some(age)
    }

    /// "From the oldest to the youngest": by what old measures, though nothing says so.
    fn told_by_direction(&self, here: usize) -> Option<(Pick, Direction)> {
        let words = &self.words[self.pieces[here].tokens.clone()];
        let (direction, columns) = words.iter().find_map(|word| {
            let word = word.to_lowercase();
            let telling = [
                "old",
                "young",
                "cheap",
                "expensive",
                "short",
                "long",
                "light",
                "heavy",
                "earl",
                "late",
                "new",
                "recent",
                "big",
                "small",
                "large",
            ];
            telling.iter().any(|base| word.starts_with(base)).then(|| adjective(&word)).flatten()
        })?;
        let pick = self.adjective_pick(here, &columns, self.focus.or(self.sketch.entity))?;
        let (column, _) = pick.candidates.first()?;
        let aged = words.iter().any(|word| word.to_lowercase().starts_with("old"));
        let backwards = self.schema.is_birth(*column)
            || aged && self.schema.columns[*column].column.data_type.is_time();
        Some((pick, if backwards { direction.reversed() } else { direction }))
    }

    fn alphabetical(&mut self, here: usize) {
        let next = self.solid_noun(here + 1);
        let next = if matches!(self.key_at(next), Some(Key::By | Key::Order)) {
            self.solid_noun(next + 1)
        } else {
            next
        };
        if self
            .mention_at(next)
            .is_some_and(|mention| !mention.columns.is_empty() || !mention.tables.is_empty())
        {
            self.sort_by(next, Some(Direction::Ascending));
            if self.sketch.targets.is_empty() && self.sketch.entity.is_none() {
                // "List in alphabetical order the names of …": what is asked for comes after its order.
                self.at = next;
                self.enter(Zone::Select);
            }
            return;
        }
        if let Some(last) = self.sketch.sort.last_mut() {
            last.direction = last.direction.or(Some(Direction::Ascending));
            return;
        }
        let by = match (
            self.sketch.targets.iter().find(|target| matches!(target, Target::Column(_))),
            self.sketch.entity,
        ) {
            (Some(Target::Column(pick)), _) => Some(Measured::Column(pick.clone())),
            (_, Some(entity)) => self.shown(entity, here).map(Measured::Column),
            _ => None,
        };
        match by {
            Some(by) => {
                self.sketch.sort.push(SortKey { by, direction: Some(Direction::Ascending) });
            }
            None => self.misplaced(here),
        }
    }

    /// Reads what is sorted by.
    fn sort_by(&mut self, from: usize, direction: Option<Direction>) {
        let mut next = self.solid_noun(from);
        let (mut counting, mut aggregate, mut direction) = (false, None, direction);
        let mut total = false;
        loop {
            match self.item(next) {
                Some(Item::Key(Key::HowMany)) => {
                    counting = true;
                    total = self
                        .pick(self.solid_noun(next + 1), None)
                        .is_some_and(|pick| self.totals(next, &pick));
                }
                Some(Item::Key(Key::Aggregate(found))) => aggregate = Some(*found),
                Some(Item::Key(Key::Towards(found) | Key::OrderTowards(found))) => {
                    direction = direction.or(Some(*found));
                }
                Some(Item::Key(Key::Distinct | Key::By | Key::Each)) => {}
                _ => break,
            }
            next = self.solid_noun(next + 1);
        }
        // "Ordered by how old they are".
        let adjective = if matches!(self.key_at(next), Some(Key::Ask)) { next + 1 } else { next };
        if let Some(Item::Adjective { columns, degree: Degree::Plain, .. }) =
            self.item(adjective).cloned()
        {
            let near = self.focus.or(self.sketch.entity);
            if let Some(pick) = self.adjective_pick(adjective, &columns, near) {
                // Whoever was born last is least old.
                let direction = if self.born(adjective, &pick) {
                    Some(direction.unwrap_or(Direction::Ascending).reversed())
                } else {
                    direction
                };
                self.sketch.sort.push(SortKey { by: Measured::Column(pick), direction });
                self.at = adjective + 1;
                return;
            }
        }
        if total {
            // "The total number of stocks" of each.
            (counting, aggregate) = (false, Some(pacioli_model::Aggregate::Sum));
        }
        let by = self.sorted(next, counting, aggregate);
        if let Some((by, end)) = by {
            self.sketch.sort.push(SortKey { by, direction });
            self.at = end;
        } else {
            self.misplaced(from.min(self.pieces.len().saturating_sub(1)));
            self.at = next.max(from);
        }
    }

    fn sorted(
        &self,
        next: usize,
        counting: bool,
        aggregate: Option<pacioli_model::Aggregate>,
    ) -> Option<(Measured, usize)> {
        let Some(mention) = self.mention_at(next) else {
            // "sorted by frequency" has no noun of its own.
            return counting.then_some((Measured::Count(None), next));
        };
        if let Some(metric) = mention.metrics.first() {
            return Some((Measured::Metric(*metric), next + 1));
        }
        let after = next + 1;
        let qualifies = Self::is_table(mention)
            && self
                .mention_at(after)
                .is_some_and(|column| !column.columns.is_empty() && !self.pieces[after].pause);
        if let Some(table) = self.rows_told(mention).filter(|_| counting) {
            return Some((Measured::Count(Some(Noun::Table(table))), after));
        }
        let own = self.quantifies(mention) && mention.column_quality() > mention.table_quality();
        if counting && own {
            // "By the number of floors", where the row itself says how many.
            return Some((Measured::Column(self.figure(next, self.owner_after(after))?), after));
        }
        if counting {
            let noun = if mention.table_quality() > 0.0 {
                Noun::Table(mention.tables[0].0)
            } else {
                Noun::Column(self.pick(next, None)?)
            };
            return Some((Measured::Count(Some(noun)), after));
        }
        if qualifies {
            let pick = self.pick(after, mention.best_table().map(|(table, _)| table))?;
            return Some((
                aggregate
                    .map_or(Measured::Column(pick.clone()), |how| Measured::Aggregate(how, pick)),
                after + 1,
            ));
        }
        if let Some(pick) = self.age_of(next) {
            return Some((Measured::Column(pick), after));
        }
        let owner = self.owner_after(after);
        let end = if owner.is_some() { self.solid(self.solid(after) + 1) + 1 } else { after };
        let pick =
            self.pick(next, owner).or_else(|| self.shown(mention.tables.first()?.0, next))?;
        Some((
            aggregate.map_or(Measured::Column(pick.clone()), |how| Measured::Aggregate(how, pick)),
            end,
        ))
    }

    /// "In order of age", where the rows only tell when they began.
    fn age_of(&self, at: usize) -> Option<Pick> {
        let mention = self.mention_at(at)?;
        let word = &self.words[self.pieces[at].tokens.start].to_lowercase();
        let near = self.sketch.entity.filter(|_| matches!(word.as_str(), "age" | "ages"))?;
        let own = |(column, _): &(usize, f64)| self.schema.table_of(*column) == near;
        if mention.columns.iter().any(own) {
            return None;
        }
        let (_, columns) = adjective("old")?;
        self.adjective_pick(at, &columns, Some(near)).filter(|pick| pick.owner == Some(near))
    }

    pub(super) fn shown(
        &self,
        table: usize,
        here: usize,
    ) -> Option<crate::relations::sketch::Pick> {
        let column = self.schema.shown_as(table)?;
        Some(crate::relations::sketch::Pick {
            candidates: vec![(column, 1.0)],
            owner: Some(table),
            near: None,
            tokens: self.tokens(here),
        })
    }
}
