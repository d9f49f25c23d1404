//! Conditions that no one row can meet: what is listed must meet each in some row. "Countries with a
//! singer above 40 and one below 30", "customers who bought in 2024 but not in 2025".

use pacioli_model::{Ask, Comparison, GroupKey, Predicate, Value};

use super::{Builder, NOWHERE, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Clause, Side, Test},
};

/// What a test says of its column.
#[derive(Debug, PartialEq)]
enum Said {
    Values(Vec<String>),
    Year(i32),
    Above(f64),
    Below(f64),
}

impl Said {
    fn excludes(&self, other: &Self, both: bool) -> bool {
        match (self, other) {
            (Self::Values(one), Self::Values(two)) => one != two,
            (Self::Year(one), Self::Year(two)) => one != two,
            (Self::Above(least), Self::Below(most)) | (Self::Below(most), Self::Above(least)) => {
                both || least >= most
            }
            _ => false,
        }
    }
}

impl Builder<'_> {
    /// Whether two clauses that must both hold cannot hold for one row, so that the listed value is
    /// what both must be true of.
    pub(super) fn contradicts(&self, base: TableId) -> Result<bool, Misfit> {
        let mut seen: Vec<(ColumnId, Said, bool)> = Vec::new();
        let own_rows = self.lists_own_rows(base);
        // "Studios that never worked with …": none of their rows does.
        let never = self.resolver.tokens.iter().any(|token| token.word == "never");
        let denied = self.sketch.clauses.iter().any(|clause| {
            let value = |test: &Test| matches!(test, Test::Values { .. });
            clause.negated && !clause.alternative && clause.tests.iter().all(value)
        });
        let of_rows = self.shown_columns()?.iter().all(|(column, _)| {
            let table = self.schema.table_of(*column);
            let unique = self.schema.tables[table].key == Some(*column);
            !unique && (table == base || self.resolver.is_single(base, table))
        });
        if never && denied && !own_rows && of_rows {
            return Ok(true);
        }
        for clause in self
            .sketch
            .clauses
            .iter()
            .filter(|clause| !(clause.alternative || clause.negated && own_rows))
        {
            for test in &clause.tests {
                let Some((column, said)) = self.said(base, test)? else { continue };
                let clash = seen.iter().any(|(known, other, denied)| {
                    *known == column
                        && !(*denied && clause.negated)
                        && said.excludes(other, self.sketch.both)
                });
                if clash {
                    return Ok(true);
                }
                seen.push((column, said, clause.negated));
            }
        }
        Ok(false)
    }

    /// What a test says, where each row of `base` has one such value.
    fn said(&self, base: TableId, test: &Test) -> Result<Option<(ColumnId, Said)>, Misfit> {
        let said = match test {
            Test::Compare { comparison, side: Side::Number(number), .. } => match comparison {
                Comparison::Greater | Comparison::GreaterOrEqual => Said::Above(number.to_f64()),
                Comparison::Less | Comparison::LessOrEqual => Said::Below(number.to_f64()),
                Comparison::Equal => Said::Values(vec![number.to_string()]),
                Comparison::NotEqual => return Ok(None),
            },
            Test::Values { values, column, near, tokens } => {
                Said::Values(self.resolver.choose_values(values, column.as_ref(), *near, tokens)?.1)
            }
            Test::Year { comparison: Comparison::Equal, year, .. } => Said::Year(*year),
            Test::Year { comparison: Comparison::Less | Comparison::LessOrEqual, year, .. } => {
                Said::Below(f64::from(*year))
            }
            Test::Year {
                comparison: Comparison::Greater | Comparison::GreaterOrEqual,
                year,
                ..
            } => Said::Above(f64::from(*year)),
            _ => return Ok(None),
        };
        let settled = self.settle(base, test)?;
        let column = settled
            .filter(|settled| self.resolver.is_single(base, settled.table))
            .and_then(|settled| settled.column);
        Ok(column.map(|column| (column, said)))
    }

    /// "Locations where no cinema has 800 seats": the rows that a listed value must have none of. It is a
    /// value that is asked for and no row, and the rows are named where they are denied.
    pub(super) fn denied_table(&self, base: TableId, clause: &Clause) -> Option<TableId> {
        let Some(Test::Exists { table, .. }) = clause.tests.first() else { return None };
        let about = self.sketch.entity.is_none_or(|entity| entity == *table);
        let apart = clause.negated && !clause.alternative && about;
        (apart && !self.lists_own_rows(base)).then_some(*table)
    }

    /// Whether some clause denies listed values rather than rows.
    pub(super) fn denies_values(&self, base: TableId) -> bool {
        self.sketch.clauses.iter().any(|clause| self.denied_table(base, clause).is_some())
    }

    /// The listed values that no row of the denied table has with what the clause says of it.
    pub(super) fn difference(
        &self,
        base: TableId,
        clause: &Clause,
        listed: &Ask,
    ) -> Result<Predicate, Misfit> {
        let columns = self.shown_columns()?;
        let tokens = clause.tests.first().map_or(NOWHERE, super::filters::tokens_of);
        let denied = self.denied_table(base, clause);
        let mut tables: Vec<TableId> =
            columns.iter().map(|(column, _)| self.schema.table_of(*column)).collect();
        tables.extend(denied);
        let from = denied.and_then(|denied| self.resolver.base(&tables, denied));
        let from = from.ok_or_else(|| misfit(tokens.clone(), "Nothing relates these tables."))?;
        if from == base && clause.tests.len() == 1 {
            // Its own rows are never without any.
            return Err(misfit(tokens, "These words are known, but not what is denied of what."));
        }
        let mut inner = Ask::about(self.schema.tables[from].entry.name.clone());
        for (column, tokens) in &columns {
            self.add_group(&mut inner, from, *column, tokens, false)?;
        }
        let said = Clause { tests: clause.tests[1..].to_vec(), ..Clause::default() };
        inner.filter = self.clause(from, &said, false, false)?;
        let shown = listed.group_by.iter().filter(|group| !group.hidden);
        let values = shown.filter_map(|group| match &group.key {
            GroupKey::Value(value) => Some(value.clone()),
            _ => None,
        });
        let values = values.take(columns.len()).collect();
        Ok(Predicate::Not(Box::new(Predicate::Among { values, ask: Box::new(inner) })))
    }

    /// Whether each listed value stands for one row of `base`.
    fn lists_own_rows(&self, base: TableId) -> bool {
        let node = &self.schema.tables[base];
        let names = |column: ColumnId| node.key == Some(column) || node.display == Some(column);
        self.shown_columns().is_ok_and(|columns| columns.iter().any(|(column, _)| names(*column)))
    }

    /// The listed values for which each part holds in some row, and no denied part in any.
    pub(super) fn intersection(ask: &Ask, parts: Vec<Predicate>) -> Predicate {
        let shown = ask.group_by.iter().filter(|group| !group.hidden);
        let values: Vec<Value> = shown
            .filter_map(|group| match &group.key {
                GroupKey::Value(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        let among = |part: Predicate| {
            let (part, denied) = match part {
                Predicate::Not(part) => (*part, true),
                part => (part, false),
            };
            let mut inner = Ask::about(ask.table.clone());
            inner.group_by = ask.group_by.iter().filter(|group| !group.hidden).cloned().collect();
            inner.filter = Some(part);
            let among = Predicate::Among { values: values.clone(), ask: Box::new(inner) };
            if denied { Predicate::Not(Box::new(among)) } else { among }
        };
        Predicate::All(parts.into_iter().map(among).collect())
    }
}
