//! A column against a number, a text, a figure or another column.

use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnType, Comparison, Figure, Literal, Measure, Predicate, Value,
};

use super::{Builder, free_name, misfit};
use crate::{
    relations::{
        resolve::Misfit,
        schema::ColumnId,
        sketch::{Clause, Pick, Side},
    },
    token::Kind,
};

impl Builder<'_> {
    pub(super) fn compare(
        &self,
        value: Value,
        column: ColumnId,
        comparison: Comparison,
        side: &Side,
        pick: &Pick,
    ) -> Result<Predicate, Misfit> {
        let turned = self.turns_back(pick, column);
        let comparison = if turned { comparison.mirrored() } else { comparison };
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

    pub(super) fn equals(
        &self,
        value: Value,
        column: ColumnId,
        mut texts: Vec<String>,
    ) -> Predicate {
        let data_type = self.schema.columns[column].column.data_type;
        let literal = |text: &String| match text.as_str() {
            "true" | "false" if data_type == ColumnType::Boolean => {
                Literal::Boolean(text == "true")
            }
            "1" | "0" if data_type == ColumnType::Integer => {
                Literal::Integer(i64::from(text == "1"))
            }
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
}
