//! Counts and figures that bound what is listed: "with more than 2 pets", "with revenue over 10,000".

use pacioli_model::{Ask, ColumnType, Comparison, DatePart, Decimal, Literal, Predicate, Value};

use super::{Builder, NOWHERE, Output, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
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
        if data_type == ColumnType::Text
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
        let (what, comparison, number): (Measured, Comparison, Decimal) =
            counts.find_map(|test| match test {
                Test::Count { what, comparison, number } => {
                    Some((what.clone(), *comparison, *number))
                }
                _ => None,
            })?;
        // "cities with more than one airport and the number of airports"
        let counts = |output: &Output| matches!((output, &what), (Output::CountRows(rows), Measured::Count(Some(Noun::Table(counted)))) if rows == counted);
        let only_columns = self
            .outputs
            .iter()
            .all(|(output, _)| matches!(output, Output::Column(_)) || counts(output));
        let attribute = self.outputs.iter().any(|(output, _)| matches!(output, Output::Column(_)))
            && self.outputs.iter().all(|(output, _)| match output {
                Output::Column(column) => {
                    let table = self.schema.table_of(*column);
                    self.schema.tables[table].display != Some(*column)
                        && self.schema.tables[table].key != Some(*column)
                        && match &what {
                            Measured::Count(Some(Noun::Table(counted))) => *counted == table,
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
        ((only_columns && attribute) || grouped && self.counts_groups(&what))
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

    /// A count of what belongs to the rows of `owner`, as a condition on them.
    pub(super) fn count_filter(
        &self,
        base: TableId,
        clause: &Clause,
        what: &Measured,
        comparison: Comparison,
        number: Decimal,
    ) -> Result<Predicate, Misfit> {
        let owner = self.counting_owner(what);
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
        ask.table = self.schema.tables[table].entry.name.clone();
        self.add_group(&mut ask, table, key, &NOWHERE, false)?;
        let name = self.measure_of(&mut ask, what, &[owner], true)?;
        ask.having = Some(Predicate::Compare {
            left: Value::Output(name),
            comparison,
            right: Value::Literal(Self::number_literal(number)),
        });
        let _ = clause;
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
