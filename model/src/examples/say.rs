//! An Ask as somebody would ask it, in one of several wordings.

mod conditions;

use pacioli_model::{
    Aggregate, Ask, ColumnRef, Comparison, Direction, GroupKey, Grouping, Literal, Measure,
    Predicate, TableName, Value,
};

use super::{
    company::{Company, Subject},
    names::{Kind, Noun},
};
use crate::random::Random;

/// A question for an Ask; nothing for one that no wording was written for.
pub fn question(ask: &Ask, company: &Company, random: &mut Random) -> Option<String> {
    let mut say = Say { company, random, ask };
    let text = say.question()?;
    let text = if say.random.happens(50) { text } else { capital(&text) };
    Some(text + *say.random.pick(&["?", "", ".", "?"]))
}

struct Say<'a> {
    company: &'a Company,
    random: &'a mut Random,
    ask: &'a Ask,
}

impl<'a> Say<'a> {
    fn question(&mut self) -> Option<String> {
        let nouns = self.nouns();
        let (groups, measures) = (self.ask.group_by.as_slice(), self.ask.measures.as_slice());
        if self.ask.each_row {
            return self.rows(&nouns);
        }
        let where_ = self.conditions()?;
        match (groups, measures) {
            ([], [one]) => self.single(one, &nouns, &where_),
            ([], several) => self.several(several, &nouns, &where_),
            ([group], []) => {
                let words = self.of_group(group)?;
                let many = &nouns.many;
                Some(self.one_of(&[
                    &format!("which different {words} are there among the {many}{where_}"),
                    &format!("list the distinct {words} of all {many}{where_}"),
                    &format!("show every {words} that the {many}{where_} have, each once"),
                ]))
            }
            ([group], [measure]) if self.ask.having.is_some() => {
                self.threshold(group, measure, &nouns, &where_)
            }
            ([group], [measure]) if measure.hidden => self.most(group, measure, &nouns, &where_),
            ([group], [measure]) => self.for_each(group, measure, &nouns, &where_),
            _ => None,
        }
    }

    /// How many; the total, mean, least, greatest of something.
    fn single(&mut self, measure: &Measure, nouns: &Noun, where_: &str) -> Option<String> {
        let many = &nouns.many;
        if Self::counts_rows(measure) {
            return Some(self.one_of(&[
                &format!("how many {many}{where_} are there"),
                &format!("count the {many}{where_}"),
                &format!("what is the number of {many}{where_}"),
                &format!("give me the count of {many}{where_}"),
            ]));
        }
        let figure = self.figure(measure)?;
        Some(self.one_of(&[
            &format!("what is the {figure} of {many}{where_}"),
            &format!("{figure} of all {many}{where_}"),
            &format!("find the {figure} over the {many}{where_}"),
            &format!("show me the {figure} of the {many}{where_}"),
        ]))
    }

    fn several(&mut self, measures: &[Measure], nouns: &Noun, where_: &str) -> Option<String> {
        let mut names = Vec::new();
        let mut of = String::new();
        for measure in measures {
            let aggregation = measure.aggregation()?;
            names.push(self.word(aggregation.aggregate));
            of = self.column(aggregation.column()?)?;
        }
        let (names, many) = (listed(&names), &nouns.many);
        Some(self.one_of(&[
            &format!("what are the {names} {of} of the {many}{where_}"),
            &format!("show the {names} {of} of all {many}{where_}"),
        ]))
    }

    fn for_each(
        &mut self,
        group: &Grouping,
        measure: &Measure,
        nouns: &Noun,
        where_: &str,
    ) -> Option<String> {
        let by = self.of_group(group)?;
        let many = &nouns.many;
        let figure = if Self::counts_rows(measure) {
            self.one_of(&[
                &format!("number of {many}{where_}"),
                &format!("count of {many}{where_}"),
            ])
        } else {
            format!("{} of {many}{where_}", self.figure(measure)?)
        };
        let end = match (self.ask.order.is_empty(), self.ask.limit) {
            (true, _) => String::new(),
            (false, None) => self.one_of(&[
                ", highest first",
                ", from the highest to the lowest",
                ", in descending order",
            ]),
            (false, Some(limit)) => {
                let few = self.one_of(&["the top", "only the first", "the best"]);
                format!(", {few} {limit}")
            }
        };
        let for_each = self.one_of(&["for each", "per", "by", "for every"]);
        let text = if for_each == "by" || for_each == "per" {
            format!("{figure} {for_each} {by}")
        } else {
            let start = self.one_of(&["what is the ", "show the ", "give the "]);
            format!("{start}{figure} {for_each} {by}")
        };
        Some(text + &end)
    }

    fn threshold(
        &mut self,
        group: &Grouping,
        measure: &Measure,
        nouns: &Noun,
        where_: &str,
    ) -> Option<String> {
        let Some(Predicate::Compare {
            comparison,
            right: Value::Literal(Literal::Integer(number)),
            ..
        }) = &self.ask.having
        else {
            return None;
        };
        let than = match comparison {
            Comparison::Greater => format!("more than {number}"),
            Comparison::GreaterOrEqual => format!("at least {number}"),
            Comparison::Less => format!("fewer than {number}"),
            _ => return None,
        };
        let by = self.of_group(group)?;
        let many = &nouns.many;
        let shown = if measure.hidden { "" } else { ", and how many" };
        Some(self.one_of(&[
            &format!("which {by} has {than} {many}{where_}{shown}"),
            &format!("show each {by} with {than} {many}{where_}{shown}"),
            &format!("find every {by} that has {than} {many}{where_}{shown}"),
        ]))
    }

    /// The group with the most.
    fn most(
        &mut self,
        group: &Grouping,
        measure: &Measure,
        nouns: &Noun,
        where_: &str,
    ) -> Option<String> {
        let least = self.ask.order.first()?.direction == Direction::Ascending;
        let by = self.of_group(group)?;
        let many = &nouns.many;
        if Self::counts_rows(measure) {
            let most = if least { "the fewest" } else { "the most" };
            return Some(self.one_of(&[
                &format!("which {by} has {most} {many}{where_}"),
                &format!("what is the {by} with {most} {many}{where_}"),
                &format!("name the {by} that {most} {many}{where_} belong to"),
            ]));
        }
        let figure = self.figure(measure)?;
        let most = if least { "lowest" } else { "highest" };
        Some(self.one_of(&[
            &format!("which {by} has the {most} {figure} of {many}{where_}"),
            &format!("find the {by} with the {most} {figure} over its {many}{where_}"),
        ]))
    }

    /// Rows, not groups.
    fn rows(&mut self, nouns: &Noun) -> Option<String> {
        let shown: Vec<&Grouping> = self.ask.shown_groups().collect();
        let mut columns = Vec::new();
        for group in shown {
            columns.push(self.column(group.column()?)?);
        }
        let (columns, many) = (listed(&columns), &nouns.many);
        let conditions = self.conditions()?;
        let Some(order) = self.ask.order.first() else {
            return Some(self.one_of(&[
                &format!("list the {columns} of {many}{conditions}"),
                &format!("show the {columns} of all {many}{conditions}"),
                &format!("what are the {columns} of the {many}{conditions}"),
                &format!("find the {columns} of {many}{conditions}"),
            ]));
        };
        let by = self.ask.group_by.iter().find(|group| group.name == order.name)?.column()?;
        let (of_time, key) = (self.is_time(by), self.column(by)?);
        let down = order.direction == Direction::Descending;
        let end = match (of_time, down) {
            (true, true) => "latest",
            (true, false) => "earliest",
            (false, true) => "highest",
            (false, false) => "lowest",
        };
        Some(match self.ask.limit {
            Some(1) => {
                let one = &nouns.one;
                self.one_of(&[
                    &format!("what is the {columns} of the {one}{conditions} with the {end} {key}"),
                    &format!(
                        "show the {columns} of the {one}{conditions} that has the {end} {key}"
                    ),
                ])
            }
            Some(limit) => self.one_of(&[
                &format!(
                    "list the {columns} of the {limit} {many}{conditions} with the {end} {key}"
                ),
                &format!(
                    "the {limit} {many}{conditions} with the {end} {key}: show their {columns}"
                ),
            ]),
            None => {
                let direction = if down { "descending" } else { "ascending" };
                self.one_of(&[
                    &format!(
                        "list the {columns} of {many}{conditions}, sorted by {key}, {end} first"
                    ),
                    &format!(
                        "show the {columns} of all {many}{conditions} in {direction} order of {key}"
                    ),
                    &format!("{columns} of the {many}{conditions} ordered by {key} {direction}"),
                ])
            }
        })
    }

    fn of_group(&mut self, group: &Grouping) -> Option<String> {
        if let GroupKey::Period { grain, .. } = &group.key {
            return Some(grain.as_str().to_owned());
        }
        self.column(group.column()?)
    }

    fn figure(&mut self, measure: &Measure) -> Option<String> {
        let aggregation = measure.aggregation()?;
        let of = self.column(aggregation.column()?)?;
        let word = self.word(aggregation.aggregate);
        Some(format!("{word} {of}"))
    }

    fn word(&mut self, aggregate: Aggregate) -> String {
        match aggregate {
            Aggregate::Count => "number of".to_owned(),
            Aggregate::CountDistinct => self.one_of(&["number of different", "number of distinct"]),
            Aggregate::Sum => self.one_of(&["total", "sum of", "overall", "total"]),
            Aggregate::Average => self.one_of(&["average", "mean", "average"]),
            Aggregate::Min => self.one_of(&["lowest", "minimum", "smallest"]),
            Aggregate::Max => self.one_of(&["highest", "maximum", "largest"]),
        }
    }

    fn counts_rows(measure: &Measure) -> bool {
        measure.aggregation().is_some_and(|one| one.value.is_none())
    }

    /// Words for a column; of another table, with that table's noun.
    fn column(&mut self, column: &ColumnRef) -> Option<String> {
        let (table, subject) = self.subject(&column.table)?;
        let columns = &self.company.catalog.tables[table].columns;
        let place = columns.iter().position(|one| one.name == column.column)?;
        let attribute = &subject.attributes[place];
        let first = self.random.happens(60);
        let words =
            if first { attribute.words.first()? } else { self.random.pick(&attribute.words) };
        if column.table == self.ask.table {
            return Some(words.clone());
        }
        let noun = self.random.pick(&subject.nouns).one.clone();
        // The name of a customer is the customer.
        let is_name =
            place == subject.title && matches!(attribute.kind, Some(Kind::Person | Kind::Thing));
        if is_name && self.random.happens(50) {
            return Some(noun);
        }
        Some(format!("{noun} {words}"))
    }

    fn is_time(&self, column: &ColumnRef) -> bool {
        let table = self.company.catalog.table(&column.table);
        let column = table.and_then(|table| table.column(&column.column));
        column.is_some_and(|column| column.data_type.is_time())
    }

    fn nouns(&mut self) -> Noun {
        let nouns = self.nouns_of(&self.ask.table);
        nouns.unwrap_or_else(|| Noun { one: "row".to_owned(), many: "rows".to_owned() })
    }

    fn nouns_of(&mut self, table: &TableName) -> Option<Noun> {
        let (_, subject) = self.subject(table)?;
        let first = self.random.happens(70);
        Some(if first {
            subject.nouns[0].clone()
        } else {
            self.random.pick(&subject.nouns).clone()
        })
    }

    fn subject(&self, table: &TableName) -> Option<(usize, &'a Subject)> {
        let company = self.company;
        let place = company.catalog.tables.iter().position(|one| one.name == *table)?;
        Some((place, &company.subjects[place]))
    }

    fn one_of(&mut self, wordings: &[&str]) -> String {
        (*self.random.pick(wordings)).to_owned()
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}
