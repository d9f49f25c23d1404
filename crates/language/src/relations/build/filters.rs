//! Clauses to predicates.

use std::ops::Range;

use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnType, Comparison, Decimal, Figure, Literal, Measure,
    OrderBy, Predicate, Value,
};

use super::{Builder, NOWHERE, all, free_name, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Best, Clause, Measured, Noun, Pick, Side, Test},
};
use crate::{role::HeaderWord, token::Kind};

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
            let Some(predicate) = self.clause(base, clause, skip_counts, apart.contains(&index))?
            else {
                continue;
            };
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
        let mut far: Option<TableId> = None;
        for test in &clause.tests {
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
        let inner_base = far.filter(|_| clause.negated || apart);
        let from = inner_base.unwrap_or(base);
        let mut parts = Vec::new();
        let range = self.range_test().map(|(_, tokens)| tokens);
        for test in &clause.tests {
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
            parts.extend(self.test(from, clause, test)?);
        }
        if let Some(table) = inner_base {
            let tokens = clause.tests.first().map_or(NOWHERE, tokens_of);
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
            Test::Days { pick, near, tokens, .. } => {
                Some(of(self.day_column(base, pick.as_ref(), *near, tokens)?, tokens))
            }
            Test::Count { .. } | Test::Best(_) => None,
        })
    }

    fn test(
        &self,
        base: TableId,
        clause: &Clause,
        test: &Test,
    ) -> Result<Option<Predicate>, Misfit> {
        if let Test::Count { what, comparison, number } = test {
            return self.count_filter(base, clause, what, *comparison, *number).map(Some);
        }
        if let Test::Best(best) = test {
            return self.best_filter(base, best).map(Some);
        }
        let Some(settled) = self.settle(base, test)? else { return Ok(None) };
        let Some(column) = settled.column else {
            if settled.table == base || self.resolver.is_single(base, settled.table) {
                return Ok(None);
            }
            let via = self.resolver.via(base, settled.table, &settled.tokens)?;
            let table = self.schema.tables[settled.table].entry.name.clone();
            return Ok(Some(Predicate::Related { table, via, filter: None }));
        };
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
            Test::Has { .. } => match self.schema.affirms(column) {
                Some(yes) => self.equals(value, column, vec![yes.to_owned()]),
                None => Predicate::Not(Box::new(Predicate::IsNull { value })),
            },
            Test::Year { comparison, year, .. } => {
                self.bound(value, column, *comparison, Decimal::new(i128::from(*year), 0))?
            }
            Test::Days { period, .. } => self.days(&value, column, period),
            Test::Exists { .. } | Test::Count { .. } | Test::Best(_) => return Ok(None),
        }))
    }

    fn compare(
        &self,
        value: Value,
        column: ColumnId,
        comparison: Comparison,
        side: &Side,
        pick: &Pick,
    ) -> Result<Predicate, Misfit> {
        let turned = self.turns_back(pick, column);
        let comparison = if turned { opposite(comparison) } else { comparison };
        match side {
            Side::Number(_) | Side::Text(_) if turned => Err(misfit(
                pick.tokens.clone(),
                "Only when somebody was born is known, and no age.",
            )),
            Side::Number(number) => {
                let bound = self.bound(value, column, comparison, *number);
                bound.map_err(|unfit| unfit.of(&pick.tokens))
            }
            Side::Text(text) => {
                let right = Value::Literal(self.written(column, text, pick)?);
                Ok(Predicate::Compare { left: value, comparison, right })
            }
            Side::Best(best) => self.against_best(value, column, comparison, best),
            Side::Column(other) => {
                let table = self.schema.table_of(column);
                let pick = Pick { owner: Some(table), ..other.clone() };
                let other = self.resolver.choose(&pick)?;
                let Value::Column(mut reference) = value.clone() else {
                    return Err(misfit(pick.tokens, "Only columns are compared with columns."));
                };
                let of = |column: ColumnId| self.schema.columns[column].column.data_type;
                let fits =
                    of(column) == of(other) || of(column).is_number() && of(other).is_number();
                if other == column || !fits || self.schema.table_of(other) != table {
                    return Err(misfit(
                        pick.tokens,
                        "These columns cannot be compared with each other.",
                    ));
                }
                reference.column = self.schema.columns[other].column.name.clone();
                Ok(Predicate::Compare { left: value, comparison, right: Value::Column(reference) })
            }
            Side::Aggregate(aggregate, named, tests) => {
                let of = match named {
                    Some(named) => self.resolver.choose(&Pick {
                        owner: named.owner.or(Some(self.schema.table_of(column))),
                        ..named.clone()
                    })?,
                    None => column,
                };
                let data_type = self.schema.columns[of].column.data_type;
                if matches!(aggregate, Aggregate::Sum | Aggregate::Average)
                    && !data_type.is_number()
                {
                    let tokens = named.as_ref().unwrap_or(pick).tokens.clone();
                    return Err(misfit(tokens, "Only numbers have a mean or a total."));
                }
                let table = self.schema.tables[self.schema.table_of(of)].entry.name.clone();
                let mut ask = Ask::about(table.clone());
                let mut aggregation = Aggregation::new(*aggregate, table);
                aggregation.value = Some(self.own_value(of));
                let name = free_name(&ask, "value");
                ask.measures.push(Measure::new(name, Figure::Aggregate(aggregation)));
                let inner = Clause { tests: tests.clone(), ..Clause::default() };
                ask.filter = self.clause(self.schema.table_of(of), &inner, false, false)?;
                Ok(Predicate::Compare {
                    left: value,
                    comparison,
                    right: Value::Figure(Box::new(ask)),
                })
            }
        }
    }

    /// "heavier than the car with the most horsepower".
    fn against_best(
        &self,
        value: Value,
        column: ColumnId,
        comparison: Comparison,
        best: &Best,
    ) -> Result<Predicate, Misfit> {
        let Measured::Column(by) = &best.by else {
            return Err(misfit(best.tokens.clone(), "Two ranks at once are not understood."));
        };
        let by = self.resolver.choose(by)?;
        let tables = [self.schema.table_of(column), self.schema.table_of(by)];
        let base = self
            .resolver
            .base(&tables, tables[0])
            .ok_or_else(|| misfit(best.tokens.clone(), "Nothing relates these tables."))?;
        let mut ask = Ask::about(self.schema.tables[base].entry.name.clone());
        ask.each_row = true;
        self.add_group(&mut ask, base, column, &NOWHERE, false)?;
        let name = self.add_group(&mut ask, base, by, &NOWHERE, true)?;
        ask.order.push(OrderBy { name, direction: best.direction });
        ask.limit = Some(1);
        Ok(Predicate::Compare { left: value, comparison, right: Value::Figure(Box::new(ask)) })
    }

    /// What is written between quotation marks, as the column holds it.
    fn written(&self, column: ColumnId, text: &str, pick: &Pick) -> Result<Literal, Misfit> {
        let unfit = || misfit(pick.tokens.clone(), "This column holds no such value.");
        let data_type = self.schema.columns[column].column.data_type;
        if data_type.is_number() {
            return crate::token::tokenise(text)
                .first()
                .and_then(|token| match token.kind {
                    Kind::Number(number) => Some(Self::number_literal(number)),
                    _ => None,
                })
                .ok_or_else(unfit);
        }
        match (data_type, text.to_lowercase().as_str()) {
            (ColumnType::Boolean, "yes" | "true" | "y" | "t") => Ok(Literal::Boolean(true)),
            (ColumnType::Boolean, "no" | "false" | "n" | "f") => Ok(Literal::Boolean(false)),
            (ColumnType::Text, _) => Ok(Literal::Text(self.spelled(column, text))),
            _ => Err(unfit()),
        }
    }

    /// A text as the column spells it.
    fn spelled(&self, column: ColumnId, text: &str) -> String {
        let values =
            self.schema.columns[column].column.profile.values.as_deref().unwrap_or_default();
        let folded = crate::spelling::fold(text);
        let known = values
            .iter()
            .find(|value| value.as_str() == text)
            .or_else(|| values.iter().find(|value| crate::spelling::fold(value) == folded));
        known.map_or_else(|| text.to_owned(), Clone::clone)
    }

    fn equals(&self, value: Value, column: ColumnId, mut texts: Vec<String>) -> Predicate {
        let boolean = self.schema.columns[column].column.data_type == ColumnType::Boolean;
        let literal = |text: &String| match text.as_str() {
            "true" | "false" if boolean => Literal::Boolean(text == "true"),
            _ => Literal::Text(text.clone()),
        };
        texts.dedup();
        if let [only] = texts.as_slice() {
            return Predicate::Compare {
                left: value,
                comparison: Comparison::Equal,
                right: Value::Literal(literal(only)),
            };
        }
        Predicate::OneOf { value, values: texts.iter().map(literal).collect() }
    }

    fn text_column(&self, pick: Option<&Pick>, tokens: &Range<usize>) -> Result<ColumnId, Misfit> {
        match pick {
            Some(pick) => self.resolver.choose(pick),
            None => self.schema.tables[self.resolver.entity].display.ok_or_else(|| {
                misfit(tokens.clone(), "The question does not say where this text stands.")
            }),
        }
    }

    /// "the stadium with the largest capacity" where it is not the stadiums that are listed.
    pub(super) fn best_filter(&self, base: TableId, best: &Best) -> Result<Predicate, Misfit> {
        let Measured::Column(pick) = &best.by else {
            return Err(misfit(best.tokens.clone(), "Two ranks at once are not understood."));
        };
        let column = self.resolver.choose(pick)?;
        let table = self.schema.table_of(column);
        let key = self.schema.tables[table]
            .key
            .ok_or_else(|| misfit(best.tokens.clone(), "These rows have no key."))?;
        let mut ask = Ask::about(self.schema.tables[table].entry.name.clone());
        ask.each_row = true;
        self.add_group(&mut ask, table, key, &NOWHERE, false)?;
        let name = self.add_group(&mut ask, table, column, &NOWHERE, true)?;
        ask.order.push(OrderBy { name, direction: best.direction });
        ask.limit = Some(best.number.unwrap_or(1));
        let value = self.column_value(base, key, &best.tokens)?;
        Ok(Predicate::Among { values: vec![value], ask: Box::new(ask) })
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

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        equal => equal,
    }
}

fn deny(predicate: Predicate) -> Predicate {
    match predicate {
        Predicate::Not(inner) => *inner,
        other => Predicate::Not(Box::new(other)),
    }
}

fn tokens_of(test: &Test) -> Range<usize> {
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
