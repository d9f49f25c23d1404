//! Values that stand side by side: of one row, of either, or each by itself.

use std::ops::Range;

use pacioli_model::Aggregate;

use super::super::Parser;
use crate::relations::{
    lexicon::KnownValue,
    schema::ColumnId,
    sketch::{Clause, Noun, Pick, Target, Test},
};

impl Parser<'_> {
    /// "The budgets of Marketing and Finance": no row is both, so either counts. Where rows that belong
    /// to what is asked for have the values, each may have one of them.
    pub(super) fn values_side_by_side(&mut self) {
        if self.sketch.both {
            return;
        }
        let joins = self.asks_rows() || self.asks_figures();
        let mut clauses: Vec<Clause> = Vec::new();
        for clause in std::mem::take(&mut self.sketch.clauses) {
            let (mut kept, apart) = self.joined(clause, joins);
            let alone = matches!(kept.tests.as_slice(), [Test::Values { .. }])
                && !kept.negated
                && !kept.alternative
                && joins;
            let told = clauses.iter().flat_map(|known| &known.tests).cloned().collect::<Vec<_>>();
            let ends = kept.tests.first().is_some_and(|test| self.apart_by_ends(&told, test));
            let alone = alone && !ends;
            let earlier = clauses.iter_mut().filter(|known| !known.negated && !known.alternative);
            let same = earlier
                .flat_map(|known| &mut known.tests)
                .find(|known| alone && self.share_column(known, &kept.tests[0]));
            match (same, kept.tests.first_mut()) {
                (Some(Test::Values { values, .. }), Some(Test::Values { values: more, .. })) => {
                    values.append(more);
                }
                _ => clauses.push(kept),
            }
            clauses.extend(apart);
        }
        self.sketch.clauses = clauses;
    }

    /// A clause with tests of one column made one where `joins`, and those that no one row can meet, each
    /// by itself.
    fn joined(&self, clause: Clause, joins: bool) -> (Clause, Vec<Clause>) {
        let mut kept = Clause { tests: Vec::new(), ..clause };
        let mut apart = Vec::new();
        for test in clause.tests {
            let ends = self.apart_by_ends(&kept.tests, &test);
            let known = kept.tests.iter_mut().find(|known| {
                valued(&test).is_some() && valued(known) == valued(&test)
                    || self.share_column(known, &test)
            });
            let alike = known.as_ref().is_some_and(|known| self.share_column(known, &test));
            match (known, test) {
                (Some(Test::Values { values, .. }), Test::Values { values: more, .. })
                    if !kept.negated && !ends && alike && joins =>
                {
                    values.extend(more);
                }
                (Some(_), test) if !kept.negated && !kept.alternative => {
                    apart.push(Clause { tests: vec![test], ..Clause::default() });
                }
                (_, test) => kept.tests.push(test),
            }
        }
        (kept, apart)
    }

    /// "Marketing and Finance", which are values of the same column, whichever is meant, and each of what is
    /// asked for has one.
    fn share_column(&self, one: &Test, other: &Test) -> bool {
        let (Test::Values { values: one, .. }, Test::Values { values: other, .. }) = (one, other)
        else {
            return false;
        };
        let asked = self.sketch.targets.first().and_then(|target| match target {
            Target::Column(pick) | Target::Aggregate { of: pick, .. } => pick.candidates.first(),
            _ => None,
        });
        let asked = asked.map(|(column, _)| self.schema.table_of(*column));
        let entity = self.sketch.entity.or(asked);
        let one_each = |column: usize| {
            let table = self.schema.table_of(column);
            entity.is_some_and(|entity| self.schema.reaches_one(entity, table))
        };
        let of = |values: &[Vec<(KnownValue, f64)>], column: usize| {
            values.iter().all(|one| one.iter().any(|(value, _)| value.column == column))
        };
        one.iter().flatten().any(|(value, _)| {
            of(one, value.column) && of(other, value.column) && one_each(value.column)
        })
    }

    /// Whether rows, or what names them, are asked for.
    fn asks_rows(&self) -> bool {
        let names = |pick: &Pick| {
            pick.candidates.first().is_some_and(|(column, _)| {
                let node = &self.schema.tables[self.schema.table_of(*column)];
                node.key == Some(*column) || node.display == Some(*column)
            })
        };
        self.sketch.targets.iter().any(|target| match target {
            Target::Column(pick) => names(pick),
            Target::Entity(_) | Target::Everything(_) => true,
            _ => false,
        })
    }

    /// Whether nothing but figures is asked for.
    fn asks_figures(&self) -> bool {
        self.sketch.targets.iter().all(|target| {
            matches!(target, Target::Count { .. } | Target::Aggregate { .. } | Target::Metric(_))
        })
    }

    /// "The average age of male and female students": of either, each by itself, for none is both.
    pub(super) fn kinds_side_by_side(&mut self) {
        // A total of both is one.
        let figure = |target: &Target| match target {
            Target::Aggregate { aggregate, .. } => *aggregate != Aggregate::Sum,
            target => matches!(target, Target::Count { what: Noun::Table(_), .. }),
        };
        let alone = !self.sketch.both && self.sketch.best.is_none();
        // "The number of male and female members of each rank": what is grouped by may be shown too.
        let grouped = |target: &Target| match target {
            Target::Column(pick) => self.sketch.groups.iter().any(|group| {
                matches!(group, Noun::Column(known)
                    if known.candidates.first() == pick.candidates.first())
            }),
            _ => false,
        };
        let figures = self.sketch.targets.iter().any(figure)
            && self.sketch.targets.iter().all(|target| figure(target) || grouped(target));
        let Some((column, tokens)) = (alone && figures).then(|| self.join_kinds()).flatten() else {
            return;
        };
        let candidates = vec![(column, 1.0)];
        let kinds = Pick { candidates, owner: None, near: None, tokens };
        self.sketch.groups.push(Noun::Column(kinds));
    }

    /// Makes "male and female" one test, and says what column of the rows asked about it is of.
    fn join_kinds(&mut self) -> Option<(ColumnId, Range<usize>)> {
        let plain = |clause: &&Clause| !clause.negated && !clause.alternative;
        let tests = self.sketch.clauses.iter().filter(plain).flat_map(|clause| &clause.tests);
        let values: Vec<_> = tests.filter_map(columns_of).collect();
        let own = |column: &ColumnId| self.sketch.entity == Some(self.schema.table_of(*column));
        let (column, one, other) = values.windows(2).find_map(|pair| {
            let [(columns, one), (others, other)] = pair else { return None };
            let joined = one.end + 1 == other.start && self.words[one.end] == "and";
            let column = columns.iter().find(|column| own(column) && others.contains(column))?;
            joined.then(|| (*column, one.clone(), other.clone()))
        })?;
        let mut more = Vec::new();
        for clause in &mut self.sketch.clauses {
            clause.tests.retain_mut(|test| match test {
                Test::Values { values, tokens, .. } if *tokens == other => {
                    more.append(values);
                    false
                }
                _ => true,
            });
        }
        self.sketch.clauses.retain(|clause| !clause.tests.is_empty());
        for test in self.sketch.clauses.iter_mut().flat_map(|clause| &mut clause.tests) {
            if let Test::Values { values, tokens, .. } = test
                && *tokens == one
            {
                values.append(&mut more);
            }
        }
        Some((column, one))
    }

    /// "Revenue in Germany and in France": rows of either, for none is in both.
    pub(super) fn either_value(&mut self) {
        let mut known: Vec<(usize, usize)> = Vec::new();
        for at in 0..self.sketch.clauses.len() {
            if self.sketch.clauses[at].negated || self.sketch.clauses[at].alternative {
                continue;
            }
            for test in std::mem::take(&mut self.sketch.clauses[at].tests) {
                let same = known.iter().copied().find(|(clause, place)| {
                    valued(&test).is_some()
                        && valued(&self.sketch.clauses[*clause].tests[*place]) == valued(&test)
                });
                if let (Some((clause, place)), Test::Values { values: more, .. }) = (same, &test) {
                    if let Test::Values { values, .. } =
                        &mut self.sketch.clauses[clause].tests[place]
                    {
                        values.extend(more.iter().cloned());
                    }
                    continue;
                }
                if valued(&test).is_some() {
                    known.push((at, self.sketch.clauses[at].tests.len()));
                }
                self.sketch.clauses[at].tests.push(test);
            }
        }
        self.sketch.clauses.retain(|clause| !clause.tests.is_empty());
    }
}

/// The column of the values that a test asks for.
fn valued(test: &Test) -> Option<ColumnId> {
    match test {
        Test::Values { values, .. } => Some(values.first()?.first()?.0.column),
        _ => None,
    }
}

/// The columns that the values of a test may be of, and its words.
fn columns_of(test: &Test) -> Option<(Vec<ColumnId>, Range<usize>)> {
    let Test::Values { values, tokens, .. } = test else { return None };
    let columns = values.iter().flatten().map(|(value, _)| value.column).collect();
    Some((columns, tokens.clone()))
}
