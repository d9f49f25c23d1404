//! What rows must fulfil, in words.

use chrono::{Datelike, NaiveDate};
use pacioli_model::{ColumnRef, Comparison, DatePart, Literal, Predicate, TextPlace, Value};

use super::Say;

impl Say<'_> {
    /// What rows must fulfil, with a space before it.
    pub(super) fn conditions(&mut self) -> Option<String> {
        let Some(filter) = &self.ask.filter else { return Some(String::new()) };
        Some(format!(" {}", self.condition(filter)?))
    }

    fn condition(&mut self, predicate: &Predicate) -> Option<String> {
        match predicate {
            Predicate::All(parts) => {
                if let Some(month) = of_month(parts) {
                    let (column, month) = month;
                    let column = self.column(column)?;
                    return Some(self.one_of(&[
                        &format!("with {column} in {month}"),
                        &format!("whose {column} is in {month}"),
                    ]));
                }
                let parts = parts.iter().map(|part| self.condition(part));
                Some(parts.collect::<Option<Vec<_>>>()?.join(" and "))
            }
            Predicate::Any(parts) => {
                let parts = parts.iter().map(|part| self.condition(part));
                Some(parts.collect::<Option<Vec<_>>>()?.join(" or "))
            }
            Predicate::Not(inner) => match inner.as_ref() {
                Predicate::Among { ask, .. } => {
                    let many = self.nouns_of(&ask.table)?.many;
                    Some(self.one_of(&[
                        &format!("without {many}"),
                        &format!("that have no {many}"),
                        &format!("with no {many} at all"),
                    ]))
                }
                _ => None,
            },
            Predicate::Among { ask, .. } => {
                let many = self.nouns_of(&ask.table)?.many;
                Some(self.one_of(&[
                    &format!("that have {many}"),
                    &format!("with at least one of the {many}"),
                ]))
            }
            Predicate::Matches { value: Value::Column(column), place: TextPlace::Start, text } => {
                let column = self.column(column)?;
                Some(self.one_of(&[
                    &format!("whose {column} starts with {text}"),
                    &format!("with a {column} beginning with '{text}'"),
                ]))
            }
            Predicate::Compare { left, comparison, right } => {
                self.comparison(left, *comparison, right)
            }
            _ => None,
        }
    }

    fn comparison(
        &mut self,
        left: &Value,
        comparison: Comparison,
        right: &Value,
    ) -> Option<String> {
        match (left, right) {
            (Value::Part { part: DatePart::Year, of }, Value::Literal(Literal::Integer(year))) => {
                let Value::Column(column) = of.as_ref() else { return None };
                let column = self.column(column)?;
                Some(self.one_of(&[
                    &format!("with {column} in {year}"),
                    &format!("whose {column} is in the year {year}"),
                ]))
            }
            (Value::Column(column), Value::Figure(ask)) => {
                let of = ask.measures.first()?.aggregation()?.column()?;
                let (column, of) = (self.column(column)?, self.column(of)?);
                let more = if comparison == Comparison::Greater { "above" } else { "below" };
                Some(self.one_of(&[
                    &format!("with a {column} {more} the average"),
                    &format!("whose {column} is {more} the average {of}"),
                ]))
            }
            (Value::Column(column), Value::Literal(literal)) => {
                self.against(column, comparison, literal)
            }
            _ => None,
        }
    }

    fn against(
        &mut self,
        column: &ColumnRef,
        comparison: Comparison,
        literal: &Literal,
    ) -> Option<String> {
        let words = self.column(column)?;
        Some(match (literal, comparison) {
            (Literal::Text(text), Comparison::Equal) => self.one_of(&[
                &format!("with {words} {text}"),
                &format!("whose {words} is {text}"),
                &format!("where the {words} is \"{text}\""),
            ]),
            (Literal::Text(text), _) => self.one_of(&[
                &format!("whose {words} is not {text}"),
                &format!("with a {words} other than {text}"),
            ]),
            (Literal::Boolean(true), _) => {
                self.one_of(&[&format!("that are {words}"), &format!("with {words} true")])
            }
            (Literal::Boolean(false), _) => {
                self.one_of(&[&format!("that are not {words}"), &format!("with {words} false")])
            }
            (Literal::Date(day), comparison) => {
                let day = self.day(*day);
                match comparison {
                    Comparison::GreaterOrEqual => self.one_of(&[
                        &format!("with {words} on or after {day}"),
                        &format!("whose {words} is {day} or later"),
                    ]),
                    Comparison::Less => self.one_of(&[
                        &format!("with {words} before {day}"),
                        &format!("whose {words} is before {day}"),
                    ]),
                    _ => return None,
                }
            }
            (Literal::Integer(number), comparison) => {
                let than = match comparison {
                    Comparison::Greater => {
                        self.one_of(&["more than", "greater than", "above", "over"])
                    }
                    Comparison::Less => self.one_of(&["less than", "below", "under"]),
                    Comparison::GreaterOrEqual => "at least".to_owned(),
                    Comparison::LessOrEqual => "at most".to_owned(),
                    _ => return None,
                };
                self.one_of(&[
                    &format!("with a {words} of {than} {number}"),
                    &format!("whose {words} is {than} {number}"),
                ])
            }
            _ => return None,
        })
    }

    fn day(&mut self, day: NaiveDate) -> String {
        let long = day.format("%-d %B %Y").to_string();
        self.one_of(&[&day.to_string(), &long])
    }
}

/// The month that two comparisons are the first and the last day of.
fn of_month(parts: &[Predicate]) -> Option<(&ColumnRef, String)> {
    let day =
        |predicate: &Predicate, wanted| match predicate {
            Predicate::Compare {
                comparison, right: Value::Literal(Literal::Date(day)), ..
            } if *comparison == wanted => Some(*day),
            _ => None,
        };
    let [first, last] = parts else { return None };
    let from = day(first, Comparison::GreaterOrEqual)?;
    let to = day(last, Comparison::Less)?;
    (from.checked_add_months(chrono::Months::new(1))? == to && from.day() == 1).then_some(())?;
    let Predicate::Compare { left: Value::Column(column), .. } = first else { return None };
    Some((column, from.format("%B %Y").to_string()))
}
