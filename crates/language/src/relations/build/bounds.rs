//! Counts and figures that bound what is listed: "with more than 2 pets", "with revenue over 10,000".

use pacioli_model::{Ask, ColumnType, Comparison, DatePart, Decimal, Literal, Predicate, Value};

use super::{Builder, NOWHERE, Output, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId, holds_years},
    sketch::{Clause, Measured, Noun, Test},
};
use crate::token::Kind;

impl Builder<'_> {
    /// A comparison of a column with a number, as its type takes it; a year of days.
    pub(super) fn bound(
        &self,
        value: Value,
        column: ColumnId,
        comparison: Comparison,
        number: Decimal,
    ) -> Result<Predicate, Misfit> {
        let profiled = &self.schema.columns[column].column;
        let data_type = profiled.data_type;
        // "09700166582" is no 9700166582 where it is a text.
        let typed = self.resolver.tokens.iter().find(|token| token.kind == Kind::Number(number));
        let text = typed.map_or_else(|| number.to_string(), |token| token.word.clone());
        // Texts of as many digits stand in the order of their numbers: years.
        let ordered = |values: &[String]| {
            let digits = |value: &String| value.bytes().all(|byte| byte.is_ascii_digit());
            !matches!(comparison, Comparison::Equal | Comparison::NotEqual)
                && values.iter().all(|value| value.len() == text.len() && digits(value))
        };
        // A year that no row has is a year all the same.
        let year = self.schema.is_year(column) && (1000.0..2300.0).contains(&number.to_f64());
        if data_type == ColumnType::Text
            && !(year && holds_years(profiled))
            && profiled
                .profile
                .values
                .as_ref()
                .is_some_and(|values| !values.contains(&text) && !ordered(values))
        {
            return Err(misfit(NOWHERE, "This column holds no such number."));
        }
        if data_type.is_time() && !(1000.0..2300.0).contains(&number.to_f64()) {
            return Err(misfit(
                NOWHERE,
                "This column holds days: only a year is a number of them.",
            ));
        }
        let right = Value::Literal(match data_type {
            ColumnType::Text => Literal::Text(text),
            _ => Self::number_literal(number),
        });
        let left = match data_type {
            ColumnType::Date | ColumnType::Timestamp => {
                Value::Part { part: DatePart::Year, of: Box::new(value) }
            }
            ColumnType::Boolean => return Err(misfit(NOWHERE, "A yes or no is no number.")),
            _ => value,
        };
        Ok(Predicate::Compare { left, comparison, right })
    }

    /// "hometowns with at least two teachers": a count that is of the listed value and not of a row.
    pub(super) fn counted_attribute(&self) -> Option<(Measured, Comparison, Decimal)> {
        let mut counts = self
            .sketch
            .clauses
            .iter()
            .filter(|clause| !clause.negated)
            .flat_map(|clause| &clause.tests);
        let (what, comparison, number, of) = counts.find_map(|test| match test {
            Test::Count { what, comparison, number, of } => {
                Some((what.clone(), *comparison, *number, *of))
            }
            _ => None,
        })?;
        // "cities with more than one airport and the number of airports"
        let counts = |output: &Output| matches!((output, &what), (Output::CountRows(rows), Measured::Count(Some(Noun::Table(counted)))) if rows == counted);
        let only_columns = self
            .outputs
            .iter()
            .all(|(output, _)| matches!(output, Output::Column(_)) || counts(output));
        // "Hometowns shared by two gymnasts": of a table that each of these has one row of.
        let about = self.sketch.entity;
        let of_counted = |counted: TableId, table: TableId| {
            counted == table
                || about.is_none_or(|entity| entity == counted)
                    && self.schema.reaches_one(counted, table)
        };
        let attribute = self.outputs.iter().any(|(output, _)| matches!(output, Output::Column(_)))
            && self.outputs.iter().all(|(output, _)| match output {
                Output::Column(column) => {
                    let table = self.schema.table_of(*column);
                    // Rows that count themselves are counted by what is asked for of them.
                    let own = matches!(&what, Measured::Count(Some(Noun::Table(counted))) if *counted == table);
                    (own || self.schema.tables[table].display != Some(*column))
                        && self.schema.tables[table].key != Some(*column)
                        && match &what {
                            Measured::Count(Some(Noun::Table(counted))) => {
                                of_counted(*counted, table)
                            }
                            Measured::Aggregate(_, pick) => self
                                .resolver
                                .choose(pick)
                                .is_ok_and(|of| self.schema.table_of(of) == table),
                            _ => false,
                        }
                }
                other => counts(other),
            });
        if matches!(what, Measured::Metric(_)) {
            return Some((what, comparison, number));
        }
        let grouped = !self.sketch.groups.is_empty();
        // "The number of orders with more than 3 lines for each customer" bounds orders.
        let of_measured = of.is_some_and(|of| {
            let counted = |output: &Output| match output {
                Output::CountRows(table) => *table == of,
                Output::Metric(metric) => self.metric_table(*metric) == Some(of),
                _ => false,
            };
            self.outputs.iter().any(|(output, _)| counted(output))
                && matches!(&what, Measured::Count(Some(Noun::Table(table))) if *table != of)
        });
        ((only_columns && attribute) || grouped && !of_measured && self.counts_groups(&what))
            .then_some((what, comparison, number))
    }

    /// The table of a declared figure among the measures, ranks and bounds.
    pub(super) fn measured_metric(&self) -> Option<TableId> {
        let shown = self.outputs.iter().find_map(|(output, _)| match output {
            Output::Metric(metric) => Some(*metric),
            _ => None,
        });
        let ranked = self.sketch.best.as_ref().and_then(|best| match best.by {
            Measured::Metric(metric) => Some(metric),
            _ => None,
        });
        let bounded = self.sketch.clauses.iter().flat_map(|clause| &clause.tests).find_map(
            |test| match test {
                Test::Count { what: Measured::Metric(metric), .. } => Some(*metric),
                _ => None,
            },
        );
        shown.or(ranked).or(bounded).and_then(|metric| self.metric_table(metric))
    }

    /// Whether a count bounds the groups themselves: "for each country with more than 3 airports".
    pub(super) fn counts_groups(&self, what: &Measured) -> bool {
        matches!(what, Measured::Count(Some(Noun::Table(table))) if !self.sketch.groups.contains(&Noun::Table(*table)))
    }

    /// The tests of a clause, each with those after it that say which rows it counts: "two institutions
    /// founded after 1880".
    pub(super) fn counted_tests(
        &self,
        base: TableId,
        tests: &[Test],
    ) -> Result<Vec<(Test, Vec<Test>)>, Misfit> {
        let mut parted: Vec<(Test, Vec<Test>)> = Vec::new();
        for test in tests {
            let counted = parted.iter_mut().rev().find_map(|(known, within)| match known {
                Test::Count { what: Measured::Count(Some(Noun::Table(table))), of, .. } => {
                    Some((*table, *of, within))
                }
                _ => None,
            });
            if let Some((table, of, within)) = counted
                && let Some(settled) = self.settle(base, test)?
            {
                let of = of.filter(|of| *of != table && self.resolver.is_single(base, *of));
                let what = Measured::Count(Some(Noun::Table(table)));
                let owner = of.unwrap_or_else(|| self.counting_owner(&what));
                let measured = self.measuring(table, &[owner])?;
                let theirs = [table, measured].contains(&settled.table)
                    || settled.table != base
                        && settled.table != owner
                        && self.schema.reaches_one(measured, settled.table)
                        && !self.schema.reaches_one(owner, settled.table);
                if theirs && table != owner {
                    within.push(test.clone());
                    continue;
                }
            }
            parted.push((test.clone(), Vec::new()));
        }
        Ok(parted)
    }

    /// A count of what belongs to the rows of `owner`, as a condition on them.
    pub(super) fn count_filter(
        &self,
        base: TableId,
        within: &[Test],
        what: &Measured,
        comparison: Comparison,
        number: Decimal,
        of: Option<TableId>,
    ) -> Result<Predicate, Misfit> {
        let owner = of.unwrap_or_else(|| self.counting_owner(what));
        if let Measured::Count(Some(Noun::Column(pick))) = what {
            let column = self.resolver.choose(pick)?;
            if self.schema.table_of(column) == owner {
                // "5 star ratings": a row has one of its own, and says itself how many.
                let value = self.column_value(base, column, &pick.tokens)?;
                return self.bound(value, column, comparison, number);
            }
        }
        let key = self.schema.tables[owner].key.or(self.schema.tables[owner].display);
        let key = key.ok_or_else(|| misfit(NOWHERE, "These rows have no key to count by."))?;
        if let (Measured::Count(Some(Noun::Table(table))), true) =
            (what, comparison == Comparison::Equal && number == Decimal::new(0, 0))
        {
            // "With 0 loans": nothing that has none is found among those that are counted.
            let within = Clause { tests: within.to_vec(), ..Clause::default() };
            let filter = self.clause(*table, &within, false, false)?.map(Box::new);
            let via = self.resolver.via(base, *table, &NOWHERE)?;
            let table = self.schema.tables[*table].entry.name.clone();
            return Ok(Predicate::Not(Box::new(Predicate::Related { table, via, filter })));
        }
        let counted = match what {
            Measured::Count(Some(Noun::Table(table))) => *table,
            Measured::Count(Some(Noun::Column(pick)))
            | Measured::Aggregate(_, pick)
            | Measured::Column(pick) => self.schema.table_of(self.resolver.choose(pick)?),
            Measured::Count(None) => self.belonging(),
            Measured::Count(Some(Noun::Period(_))) | Measured::Metric(_) => {
                return Err(misfit(NOWHERE, "This figure does not belong to one row."));
            }
        };
        let mut ask = Ask::about(self.schema.tables[counted].entry.name.clone());
        let table = self.measuring(counted, &[owner])?;
        if table == owner && matches!(what, Measured::Count(_)) {
            return Err(misfit(NOWHERE, "A row is not counted for itself."));
        }
        ask.table = self.schema.tables[table].entry.name.clone();
        self.add_group(&mut ask, table, key, &NOWHERE, false)?;
        let name = self.measure_of(&mut ask, what, &[owner], true)?;
        ask.having = Some(Predicate::Compare {
            left: Value::Output(name),
            comparison,
            right: Value::Literal(Self::number_literal(number)),
        });
        let within = Clause { tests: within.to_vec(), ..Clause::default() };
        ask.filter = self.clause(table, &within, false, false)?;
        Ok(Predicate::Among {
            values: vec![self.column_value(base, key, &NOWHERE)?],
            ask: Box::new(ask),
        })
    }

    /// Whose rows are counted for: what is listed or grouped, unless that is what is counted.
    pub(super) fn counting_owner(&self, what: &Measured) -> TableId {
        let counted = match what {
            Measured::Count(Some(Noun::Table(table))) => Some(*table),
            Measured::Count(Some(Noun::Column(pick)))
            | Measured::Aggregate(_, pick)
            | Measured::Column(pick) => {
                self.resolver.choose(pick).ok().map(|column| self.schema.table_of(column))
            }
            Measured::Count(None | Some(Noun::Period(_))) | Measured::Metric(_) => None,
        };
        let entity = self.resolver.entity;
        let listed = self.outputs.iter().find_map(|(output, _)| match output {
            Output::Column(column) => Some(self.schema.table_of(*column)),
            Output::Entity(table) => Some(*table),
            _ => None,
        });
        if Some(entity) != counted {
            return entity;
        }
        listed
            .filter(|table| Some(*table) != counted)
            .or(self.sketch.mentioned.iter().copied().find(|table| Some(*table) != counted))
            .unwrap_or(entity)
    }
}
