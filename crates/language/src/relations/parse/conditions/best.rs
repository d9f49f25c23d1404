//! Superlatives.

use pacioli_model::{Aggregate, Direction};

use super::super::Parser;
use crate::relations::{
    pieces::{Degree, Item, Mention},
    schema::{ColumnId, TableId},
    sketch::{Best, Measured, Noun, Pick, Target},
    thesaurus::measured_by,
    vocabulary::Key,
};

impl Parser<'_> {
    /// Reads a superlative from `here`: what it is, and where it ends.
    pub(in crate::relations::parse) fn read_best(&self, here: usize) -> Option<(Best, usize)> {
        let mut at = here;
        let mut number = None;
        let mut direction = None;
        let mut by = None;
        loop {
            match self.item(at)? {
                Item::Number(value) if number.is_none() => {
                    number = u32::try_from(value.mantissa)
                        .ok()
                        .filter(|count| value.scale == 0 && *count > 0);
                    number?;
                }
                Item::Key(Key::Most(found)) if direction.is_none() => direction = Some(*found),
                Item::Key(Key::Aggregate(Aggregate::Max)) if direction.is_none() => {
                    direction = Some(Direction::Descending);
                }
                Item::Key(Key::Aggregate(Aggregate::Min)) if direction.is_none() => {
                    direction = Some(Direction::Ascending);
                }
                Item::Key(Key::Common(found)) if direction.is_none() => {
                    direction = Some(*found);
                    by = Some(Measured::Count(None));
                }
                Item::Adjective { direction: found, degree, columns }
                    if by.is_none()
                        && (*degree == Degree::Most
                            || *degree == Degree::Plain && direction.is_some()) =>
                {
                    // "least expensive" points the other way.
                    let flipped = direction == Some(Direction::Ascending);
                    direction = Some(if flipped { found.reversed() } else { *found });
                    let next = self.solid(at + 1);
                    let direction = direction?;
                    // "highest revenue" is of the figure; "the oldest order" is of the rows.
                    let word = self.words[self.pieces[at].tokens.start].to_lowercase();
                    let of_figures = ["high", "low", "large", "big", "great", "small"]
                        .iter()
                        .any(|base| word.starts_with(base) || word.starts_with("larg"));
                    let metric = of_figures
                        && self.mention_at(next).is_some_and(|mention| !mention.metrics.is_empty());
                    let sized = if metric {
                        None
                    } else {
                        self.adjective_best(at, next, direction, columns, number)
                    };
                    return sized.or_else(|| {
                        // "The oldest coaster", where nothing tells an age, is no count of coasters.
                        self.measured_best(here, next, direction, number).filter(|(best, _)| {
                            let counts = matches!(best.by, Measured::Count(_));
                            // Nor is the lowest rating, where nothing tells how low one is.
                            let height = word.starts_with("high") || word.starts_with("low");
                            !counts || of_figures && !height
                        })
                    });
                }
                Item::Key(Key::Stop) => {
                    // "that can accommodate the most people"
                    if let (Some(direction), Some(pick)) = (direction, self.unit_at(at)) {
                        let (by, tokens) = (Measured::Column(pick), self.tokens(here));
                        return Some((Best { direction, by, number, of: None, tokens }, at + 1));
                    }
                }
                _ => break,
            }
            at += 1;
            if at >= self.pieces.len() {
                break;
            }
        }
        let direction = direction?;
        let tokens = self.pieces[here].tokens.start..self.pieces[at.max(here + 1) - 1].tokens.end;
        if by.is_some() {
            return Some((
                Best { direction, by: Measured::Count(None), number, of: None, tokens },
                at,
            ));
        }
        self.measured_best(here, at, direction, number)
    }

    /// The column that holds numbers of the unit at `at`, of what the question speaks of.
    pub(super) fn unit_at(&self, at: usize) -> Option<Pick> {
        let piece = self.pieces.get(at).filter(|piece| piece.item == Item::Key(Key::Stop))?;
        let unit = self.words[piece.tokens.start].to_lowercase();
        let columns = crate::relations::thesaurus::measured_in(&unit)?;
        self.adjective_pick(at, &columns, self.focus).filter(Self::is_own)
    }

    /// `highest salary`, `most pets`, `the most`.
    fn measured_best(
        &self,
        here: usize,
        at: usize,
        direction: Direction,
        number: Option<u32>,
    ) -> Option<(Best, usize)> {
        let tokens = self.pieces[here].tokens.start..self.pieces[at.max(here + 1) - 1].tokens.end;
        let made = |by: Measured, end: usize| {
            Some((Best { direction, by, number, of: None, tokens: tokens.clone() }, end))
        };
        match self.item(at) {
            Some(Item::Key(Key::HowMany)) => {
                let next = self.solid_noun(at + 1);
                let mention = self.mention_at(next)?;
                let noun = self.counted(next, mention)?;
                made(Measured::Count(Some(noun)), next + 1)
            }
            Some(Item::Key(Key::Aggregate(aggregate))) => {
                let next = self.solid_noun(at + 1);
                // "The highest total expenses amount": the noun says whose.
                let of = self.mention_at(next).filter(|mention| Self::is_table(mention));
                let amount = self.mention_at(next + 1).is_some_and(|after| self.measures(after))
                    && !self.pieces[next + 1].pause;
                if let Some((table, _)) = of.and_then(Mention::best_table).filter(|_| amount) {
                    let pick = self.pick(next + 1, Some(table))?;
                    return made(Measured::Aggregate(*aggregate, pick), next + 2);
                }
                let owner = self.owner_after(next + 1);
                made(Measured::Aggregate(*aggregate, self.pick(next, owner)?), next + 1)
            }
            Some(Item::Mention(mention)) if !mention.metrics.is_empty() => {
                made(Measured::Metric(mention.metrics[0]), at + 1)
            }
            Some(Item::Mention(mention)) if !mention.only_values() => {
                self.named_best(here, at, mention, direction, number)
            }
            _ => match self.verb_pick(here) {
                // "Who earns the most", "the lamp that costs the least".
                Some(pick) => made(Measured::Column(pick), at),
                // What earns or weighs the most is told by no count of rows.
                None if self.verb_of_amount(here) => None,
                None => made(Measured::Count(None), at),
            },
        }
    }

    /// `highest salary`, `most pets`: by what the noun names, or by how many there are of it.
    fn named_best(
        &self,
        here: usize,
        at: usize,
        mention: &Mention,
        direction: Direction,
        number: Option<u32>,
    ) -> Option<(Best, usize)> {
        let tokens = self.pieces[here].tokens.start..self.pieces[at.max(here + 1) - 1].tokens.end;
        let made = |by: Measured, end: usize| {
            Some((Best { direction, by, number, of: None, tokens: tokens.clone() }, end))
        };
        let after = at + 1;
        let compound = Self::is_table(mention)
            && self
                .mention_at(after)
                .is_some_and(|next| self.measures(next) && !self.pieces[after].pause);
        let said = &self.words[tokens.start..self.pieces[at].tokens.start];
        let counts = said.iter().any(|word| {
            matches!(&*word.to_lowercase(), "most" | "fewest" | "least" | "number" | "numbers")
        });
        let last = if compound { self.mention_at(after)? } else { mention };
        if let Some(table) = self.rows_told(last).filter(|_| counts) {
            let end = if compound { after + 1 } else { after };
            return made(Measured::Count(Some(Noun::Table(table))), end);
        }
        if compound {
            let owner = mention.best_table().map(|(table, _)| table);
            return made(Measured::Column(self.pick(after, owner)?), after + 1);
        }
        if let Some(pick) = self.amount_of(at, mention) {
            // "Who has the highest amount of loans": of all that belong to one.
            let total = self.adds_up_for(&pick, self.sketch.entity);
            let by = if total {
                Measured::Aggregate(Aggregate::Sum, pick)
            } else {
                Measured::Column(pick)
            };
            return made(by, after);
        }
        if let Some(found) = self.sized(here, at, mention, direction, number) {
            return Some(found);
        }
        if number.is_some() && Self::is_table(mention) {
            return Some(self.numbered(at, mention, direction, number, tokens.clone()));
        }
        if self.quantifies(mention) && mention.column_quality() + 0.051 > mention.table_quality() {
            let owner = self.owner_after(after);
            let pick = self.figure(at, owner)?;
            // "Who logged the most hours": of all that belong to one.
            let word = self.words[self.pieces[here].tokens.start].to_lowercase();
            let total = matches!(word.as_str(), "most" | "least" | "fewest")
                && number.is_none()
                && self.adds_up_for(&pick, self.sketch.entity);
            return if total {
                made(Measured::Aggregate(Aggregate::Sum, pick), after)
            } else {
                made(Measured::Column(pick), after)
            };
        }
        if let Some(pick) = self.number_of(at, self.sketch.entity.filter(|_| number.is_none())) {
            return made(Measured::Column(pick), after);
        }
        // "The highest expenses" are no number of them.
        let word = self.words[self.pieces[at.max(1) - 1].tokens.start].to_lowercase();
        let amounts = mention.best_table().is_some_and(|(table, _)| {
            let mut columns = self.schema.tables[table].columns.clone();
            columns.any(|it| self.schema.columns[it].role == crate::role::Role::Amount)
        });
        if matches!(word.as_str(), "highest" | "lowest") && amounts {
            return None;
        }
        made(Measured::Count(Some(self.counted(at, mention)?)), after)
    }

    /// The column of its own rows that the verb before says the measure of: "earns more than 5000".
    pub(super) fn verb_pick(&self, here: usize) -> Option<Pick> {
        let mut before = self.pieces[..here].iter().enumerate().rev();
        let (at, piece) =
            before.find(|(_, piece)| piece.item != Item::Key(Key::Stop) || piece.pause)?;
        let verb = self.words[piece.tokens.end - 1].to_lowercase();
        let columns = measured_by(&verb)?;
        let asked = || match self.sketch.targets.first()? {
            Target::Column(pick) => {
                pick.candidates.first().map(|(it, _)| self.schema.table_of(*it))
            }
            _ => None,
        };
        let own = self.focus.or(self.sketch.entity).or_else(asked);
        let pick = self.adjective_pick(at, &columns, own)?;
        let table = |(column, _): &(ColumnId, f64)| self.schema.table_of(*column);
        let first = pick.candidates.first().map(table)?;
        // "Who earns the most", where one table alone tells what somebody earns.
        let one = pick.candidates.iter().all(|candidate| table(candidate) == first);
        let fits = own.map_or(one, |own| pick.owner == Some(own) && own == first);
        fits.then_some(Pick { owner: Some(first), ..pick })
    }

    fn verb_of_amount(&self, here: usize) -> bool {
        const VERBS: &[&str] = &["earn", "earns", "earned", "cost", "costs", "weigh", "weighs"];
        let before = self.words[..self.pieces[here].tokens.start].iter().rev();
        let mut verbs = before.filter(|word| !word.eq_ignore_ascii_case("the"));
        verbs.next().is_some_and(|word| VERBS.contains(&word.to_lowercase().as_str()))
    }

    /// "the largest stadium": by what large measures of it, and not by a count.
    fn sized(
        &self,
        here: usize,
        at: usize,
        mention: &Mention,
        direction: Direction,
        number: Option<u32>,
    ) -> Option<(Best, usize)> {
        let (table, _) = mention.best_table().filter(|_| Self::is_table(mention))?;
        let words = self.pieces[here].tokens.start..self.pieces[at].tokens.start;
        // "The largest number of institutions" is no size of one.
        let counts = self.words[words.clone()]
            .iter()
            .any(|word| matches!(word.to_lowercase().as_str(), "number" | "amount" | "count"));
        if counts {
            return None;
        }
        let (_, columns) = self.words[words]
            .iter()
            .find_map(|word| crate::relations::thesaurus::adjective(&word.to_lowercase()))?;
        let pick = self
            .adjective_pick(here, &columns, Some(table))
            .filter(|pick| pick.owner == Some(table) && self.is_theirs(pick, Some(table)))?;
        let tokens = pick.tokens.clone();
        Some((
            Best { direction, by: Measured::Column(pick), number, of: Some(table), tokens },
            at + 1,
        ))
    }

    fn counted(&self, at: usize, mention: &Mention) -> Option<Noun> {
        let table =
            mention.best_table().filter(|(_, quality)| *quality + 0.2 > mention.column_quality());
        table.map_or_else(
            || self.pick(at, None).map(Noun::Column),
            |(table, _)| Some(Noun::Table(table)),
        )
    }

    /// "the top 3 songs by sales".
    fn numbered(
        &self,
        at: usize,
        mention: &Mention,
        direction: Direction,
        number: Option<u32>,
        tokens: std::ops::Range<usize>,
    ) -> (Best, usize) {
        let table = mention.best_table().map(|(table, _)| table);
        let by = self.solid(at + 1);
        let named = matches!(self.key_at(by), Some(Key::By | Key::Order | Key::In | Key::With))
            .then(|| self.solid_noun(by + 1))
            .and_then(|next| self.after_rank(next));
        let (by, end) = named.unwrap_or((Measured::Count(None), at + 1));
        let by = match by {
            Measured::Column(pick) if self.adds_up_for(&pick, table) => {
                Measured::Aggregate(pacioli_model::Aggregate::Sum, pick)
            }
            by => by,
        };
        (Best { direction, by, number, of: table, tokens }, end)
    }

    /// "Top 5 clients by invoice amount": amounts of which a row has several are added up.
    pub(in crate::relations::parse) fn adds_up_for(
        &self,
        pick: &Pick,
        table: Option<TableId>,
    ) -> bool {
        let Some((column, _)) = pick.candidates.first() else { return false };
        let of = self.schema.table_of(*column);
        self.schema.columns[*column].role.adds_up()
            && table.is_some_and(|table| of != table && self.schema.reaches_one(of, table))
    }

    pub(in crate::relations::parse) fn after_rank(
        &self,
        mut next: usize,
    ) -> Option<(Measured, usize)> {
        let (mut counting, mut aggregate) = (false, None);
        while let Some(Item::Key(
            key @ (Key::HowMany | Key::Most(_) | Key::Of | Key::Aggregate(_)),
        )) = self.item(next)
        {
            match key {
                Key::HowMany => counting = true,
                Key::Aggregate(found) => aggregate = Some(*found),
                _ => {}
            }
            next = self.solid_noun(next + 1);
        }
        let mention = self.mention_at(next)?;
        if let Some(metric) = mention.metrics.first() {
            return Some((Measured::Metric(*metric), next + 1));
        }
        let amount = next + 1;
        let compound = !counting
            && Self::is_table(mention)
            && self.mention_at(amount).is_some_and(|after| self.quantifies(after))
            && !self.pieces[amount].pause;
        if compound {
            let owner = mention.best_table().map(|(table, _)| table);
            return Some((Measured::Column(self.pick(amount, owner)?), amount + 1));
        }
        if let Some(aggregate) = aggregate.filter(|_| self.quantifies(mention)) {
            // "By total number of pages", "by average age"
            let pick = self.figure(next, self.owner_after(next + 1))?;
            return Some((Measured::Aggregate(aggregate, pick), next + 1));
        }
        if counting || !self.quantifies(mention) {
            return Some((Measured::Count(Some(self.counted(next, mention)?)), next + 1));
        }
        Some((Measured::Column(self.pick(next, None)?), next + 1))
    }

    /// `the youngest dog`, `the earliest date`.
    fn adjective_best(
        &self,
        here: usize,
        next: usize,
        direction: Direction,
        columns: &[&'static str],
        number: Option<u32>,
    ) -> Option<(Best, usize)> {
        let tokens = self.tokens(here);
        let mention = self.mention_at(next);
        if let Some(mention) = mention.filter(|mention| {
            self.quantifies(mention) && mention.column_quality() + 0.051 > mention.table_quality()
        }) {
            let direction = if mention.columns.iter().any(|(column, _)| self.ages(here, *column)) {
                direction.reversed()
            } else {
                direction
            };
            let pick = self.figure(next, self.owner_after(next + 1))?;
            return Some((
                Best { direction, by: Measured::Column(pick), number, of: None, tokens },
                next + 1,
            ));
        }
        let of = mention
            .filter(|mention| mention.table_quality() > 0.0)
            .and_then(Mention::best_table)
            .map(|(table, _)| table);
        let after = next + 1;
        if of.is_some()
            && let Some(column) = self
                .mention_at(after)
                .filter(|column| self.measures(column) && !self.pieces[after].pause)
        {
            let _ = column;
            let pick = self.pick(after, of)?;
            return Some((
                Best { direction, by: Measured::Column(pick), number, of, tokens },
                after + 1,
            ));
        }
        let pick = self.adjective_pick(here, columns, of.or(self.focus).or(self.sketch.entity))?;
        if !self.is_theirs(&pick, of) {
            return None;
        }
        let birth = pick.candidates.first().is_some_and(|(column, _)| self.ages(here, *column));
        let direction = if birth { direction.reversed() } else { direction };
        let end = if of.is_some() { next + 1 } else { here + 1 };
        Some((Best { direction, by: Measured::Column(pick), number, of, tokens }, end))
    }

    /// Whether a column that an adjective measures is one of theirs: "the oldest employee" has no age here,
    /// and is not whoever has the oldest order.
    fn is_theirs(&self, pick: &Pick, of: Option<TableId>) -> bool {
        pick.candidates.iter().any(|(column, quality)| {
            let table = self.schema.table_of(*column);
            *quality > 0.9 || of.is_none_or(|of| self.schema.reaches_one(of, table))
        })
    }
}
