//! Clauses to predicates.

use std::ops::Range;

use pacioli_model::{Ask, Comparison, Decimal, Predicate, Value};

use super::{Builder, NOWHERE, all, misfit};
use crate::{
    relations::{
        resolve::Misfit,
        schema::{ColumnId, TableId},
        sketch::{Clause, Measured, Noun, Pick, Test},
    },
    role::HeaderWord,
};

/// A test with its column settled.
pub(super) struct Settled {
    pub(super) column: Option<ColumnId>,
    /// The table that must be reached.
    pub(super) table: TableId,
    pub(super) tokens: Range<usize>,
}

impl Builder<'_> {
    /// All clauses as one predicate on the rows of `base`.
    pub(super) fn filter(
        &self,
        base: TableId,
        listed: Option<&Ask>,
    ) -> Result<Option<Predicate>, Misfit> {
        let skip_counts = self.counted_attribute().is_some();
        let mut parts: Vec<Predicate> = Vec::new();
        let apart = self.stand_apart(base)?;
        for (index, clause) in self.sketch.clauses.iter().enumerate() {
            let predicate = match listed.filter(|_| self.denied_table(base, clause).is_some()) {
                Some(ask) => Some(self.difference(base, clause, ask)?),
                None => self.clause(base, clause, skip_counts, apart.contains(&index))?,
            };
            let Some(predicate) = predicate else { continue };
            if clause.alternative && !parts.is_empty() {
                let before = parts.pop().into_iter().chain([predicate]).collect();
                parts.push(Predicate::Any(before));
            } else {
                parts.push(predicate);
            }
        }
        if let Some(ask) = listed
            && self.contradicts(base)?
        {
            return Ok(Some(Self::intersection(ask, parts)));
        }
        Ok(all(parts))
    }

    /// Clauses about several rows that belong to one: each may hold for a row of its own.
    fn stand_apart(&self, base: TableId) -> Result<Vec<usize>, Misfit> {
        let mut far: Vec<(usize, Option<ColumnId>, TableId)> = Vec::new();
        for (index, clause) in self
            .sketch
            .clauses
            .iter()
            .enumerate()
            .filter(|(_, clause)| !clause.negated && !clause.alternative)
        {
            for test in &clause.tests {
                if let Some(settled) = self
                    .settle(base, test)?
                    .filter(|settled| !self.resolver.is_single(base, settled.table))
                {
                    far.push((index, settled.column, settled.table));
                }
            }
        }
        let repeated = |index: usize, column: Option<ColumnId>| {
            far.iter()
                .any(|(other, known, _)| *other != index && *known == column && column.is_some())
        };
        Ok(far
            .iter()
            .filter(|(index, column, _)| self.sketch.both || repeated(*index, *column))
            .map(|(index, ..)| *index)
            .collect())
    }

    pub(super) fn clause(
        &self,
        base: TableId,
        clause: &Clause,
        skip_counts: bool,
        apart: bool,
    ) -> Result<Option<Predicate>, Misfit> {
        let tests = if skip_counts {
            clause.tests.iter().map(|test| (test.clone(), Vec::new())).collect()
        } else {
            self.counted_tests(base, &clause.tests)?
        };
        let mut far: Option<TableId> = None;
        for (test, _) in &tests {
            if let Some(settled) = self.settle(base, test)? {
                let exists = matches!(test, Test::Exists { .. });
                if settled.table != base
                    && (exists || !self.resolver.is_single(base, settled.table))
                {
                    // The first that is far is what is denied; the others belong to it.
                    far = far
                        .filter(|known| !self.resolver.is_single(base, *known) || !exists)
                        .or(Some(settled.table));
                }
            }
        }
        let itself = |test: &Test| matches!(test, Test::Exists { table, .. } if *table == base);
        if clause.negated && !tests.is_empty() && tests.iter().all(|(test, _)| itself(test)) {
            let tokens = tests.first().map_or(NOWHERE, |(test, _)| tokens_of(test));
            return Err(misfit(tokens, "These words are known, but not what is denied of what."));
        }
        let inner_base = far.filter(|_| clause.negated || apart);
        let from = inner_base.unwrap_or(base);
        let mut parts = Vec::new();
        let range = self.range_test().map(|(_, tokens)| tokens);
        for (test, within) in &tests {
            let is_range = matches!(test, Test::Days { tokens, .. } | Test::Year { tokens, .. } if Some(tokens) == range.as_ref());
            if is_range && !clause.negated {
                continue;
            }
            if skip_counts && matches!(test, Test::Count { .. }) && !clause.negated {
                continue;
            }
            if inner_base.is_some()
                && matches!(test, Test::Exists { table, .. } if Some(*table) == inner_base)
            {
                continue;
            }
            parts.extend(self.test(from, within, test)?);
        }
        if let Some(table) = inner_base {
            let tokens = tests.first().map_or(NOWHERE, |(test, _)| tokens_of(test));
            let via = self.resolver.via(base, table, &tokens)?;
            let related = Predicate::Related {
                table: self.schema.tables[table].entry.name.clone(),
                via,
                filter: all(parts).map(Box::new),
            };
            return Ok(Some(if clause.negated {
                Predicate::Not(Box::new(related))
            } else {
                related
            }));
        }
        if clause.negated {
            let denied: Vec<Predicate> = parts.into_iter().map(deny).collect();
            return Ok(all(denied));
        }
        Ok(all(parts))
    }

    /// The column of a test and the table it is in.
    pub(super) fn settle(&self, base: TableId, test: &Test) -> Result<Option<Settled>, Misfit> {
        let of = |column: ColumnId, tokens: &Range<usize>| Settled {
            column: Some(column),
            table: self.schema.table_of(column),
            tokens: tokens.clone(),
        };
        Ok(match test {
            Test::Compare { pick, .. }
            | Test::Between { pick, .. }
            | Test::Empty { pick }
            | Test::Has { pick } => {
                let column = self.resolver.choose(pick)?;
                self.resolver.must_be_near(pick, column)?;
                Some(of(column, &pick.tokens))
            }
            Test::Values { values, column, near, tokens } => Some(of(
                self.resolver.choose_values(values, column.as_ref(), *near, tokens)?.0,
                tokens,
            )),
            Test::Text { pick, tokens, .. } => {
                Some(of(self.text_column(pick.as_ref(), tokens)?, tokens))
            }
            Test::Exists { table, tokens } => {
                Some(Settled { column: None, table: *table, tokens: tokens.clone() })
            }
            Test::Year { near, tokens, .. } => {
                Some(of(self.dated(base, true, *near, tokens)?, tokens))
            }
            Test::Days { pick, period, near, tokens } => {
                let years = self.year_column(base, period, *near, tokens);
                let own = years.filter(|column| self.has_only_years(*column, *near));
                let told = own.filter(|column| {
                    pick.as_ref().is_none_or(|pick| self.resolver.choose(pick) == Ok(*column))
                });
                let days = || self.day_column(base, pick.as_ref(), *near, tokens);
                let column = told.map_or_else(days, Ok).or_else(|unfit| years.ok_or(unfit))?;
                Some(of(column, tokens))
            }
            Test::Count { .. } | Test::Best(_) => None,
        })
    }

    fn test(
        &self,
        base: TableId,
        within: &[Test],
        test: &Test,
    ) -> Result<Option<Predicate>, Misfit> {
        if let Test::Count { what, comparison, number, of } = test {
            // Rows are counted for those that the words before name, unless they are what is counted.
            let of = of.filter(|of| {
                matches!(what, Measured::Count(Some(Noun::Table(counted))) if counted != of)
                    && self.resolver.is_single(base, *of)
            });
            return self.count_filter(base, within, what, *comparison, *number, of).map(Some);
        }
        if let Test::Best(best) = test {
            return self.best_filter(base, best).map(Some);
        }
        let Some(settled) = self.settle(base, test)? else { return Ok(None) };
        let Some(column) = settled.column else {
            let one = self.resolver.is_single(base, settled.table);
            if settled.table == base || one && self.schema.always_has(base, settled.table) {
                return Ok(None);
            }
            if self.schema.only_share(base, settled.table) {
                // "Football players and rugby players with a cup": these are no rows of theirs.
                return Err(misfit(settled.tokens, "Nothing relates these tables."));
            }
            let via = self.resolver.via(base, settled.table, &settled.tokens)?;
            let table = self.schema.tables[settled.table].entry.name.clone();
            return Ok(Some(Predicate::Related { table, via, filter: None }));
        };
        if matches!(test, Test::Has { .. }) && !self.resolver.is_single(base, settled.table) {
            return self.has_some(base, column, &settled).map(Some);
        }
        let value = self.column_value(base, column, &settled.tokens)?;
        Ok(Some(match test {
            Test::Compare { comparison, side, pick } => {
                self.compare(value, column, *comparison, side, pick)?
            }
            Test::Between { low, high, pick } => {
                let bound = |comparison, number| {
                    let bound = self.bound(value.clone(), column, comparison, number);
                    bound.map_err(|unfit| unfit.of(&pick.tokens))
                };
                Predicate::All(vec![
                    bound(Comparison::GreaterOrEqual, *low)?,
                    bound(Comparison::LessOrEqual, *high)?,
                ])
            }
            Test::Values { values, column: pick, near, tokens } => {
                let (_, texts) =
                    self.resolver.choose_values(values, pick.as_ref(), *near, tokens)?;
                self.equals(value, column, texts)
            }
            Test::Text { place, text, .. } => {
                Predicate::Matches { value, place: *place, text: text.clone() }
            }
            Test::Empty { .. } => Predicate::IsNull { value },
            Test::Has { .. } => self.holds(value, column),
            Test::Year { comparison, year, .. } => {
                self.bound(value, column, *comparison, Decimal::new(i128::from(*year), 0))?
            }
            Test::Days { period, .. } => self.days(&value, column, period)?,
            Test::Exists { .. } | Test::Count { .. } | Test::Best(_) => return Ok(None),
        }))
    }

    /// It has a value, or says yes.
    fn holds(&self, value: Value, column: ColumnId) -> Predicate {
        match self.schema.affirms(column) {
            Some(yes) => self.equals(value, column, vec![yes.to_owned()]),
            None => Predicate::Not(Box::new(Predicate::IsNull { value })),
        }
    }

    /// "Students who have votes for president": some row that belongs to them has a value.
    fn has_some(
        &self,
        base: TableId,
        column: ColumnId,
        settled: &Settled,
    ) -> Result<Predicate, Misfit> {
        let via = self.resolver.via(base, settled.table, &settled.tokens)?;
        let filter = self.holds(self.own_value(column), column);
        let table = self.schema.tables[settled.table].entry.name.clone();
        Ok(Predicate::Related { table, via, filter: Some(Box::new(filter)) })
    }

    fn text_column(&self, pick: Option<&Pick>, tokens: &Range<usize>) -> Result<ColumnId, Misfit> {
        match pick {
            Some(pick) => self.resolver.choose(pick),
            None => self.schema.tables[self.resolver.entity].display.ok_or_else(|| {
                misfit(tokens.clone(), "The question does not say where this text stands.")
            }),
        }
    }
}

/// Whether a word of the question speaks of a column: itself, the same stem, or a word like it.
pub(super) fn speaks_of(words: &[HeaderWord], said: &str) -> bool {
    let same: Vec<&str> = crate::relations::thesaurus::same(said).collect();
    let begins = |word: &str| {
        word.chars().zip(said.chars()).take(4).filter(|(one, two)| one == two).count() == 4
    };
    words
        .iter()
        .any(|word| word.stem == said || begins(&word.stem) || same.contains(&word.stem.as_str()))
}

fn deny(predicate: Predicate) -> Predicate {
    match predicate {
        Predicate::Not(inner) => *inner,
        other => Predicate::Not(Box::new(other)),
    }
}

pub(super) fn tokens_of(test: &Test) -> Range<usize> {
    match test {
        Test::Compare { pick, .. }
        | Test::Between { pick, .. }
        | Test::Empty { pick }
        | Test::Has { pick }
        | Test::Count {
            what: Measured::Count(Some(Noun::Column(pick))) | Measured::Aggregate(_, pick),
            ..
        } => pick.tokens.clone(),
        Test::Values { tokens, .. }
        | Test::Text { tokens, .. }
        | Test::Exists { tokens, .. }
        | Test::Year { tokens, .. }
        | Test::Days { tokens, .. } => tokens.clone(),
        Test::Count { .. } => NOWHERE,
        Test::Best(best) => best.tokens.clone(),
    }
}
