//! Who did something: "who has the most vehicles", "who left this year", "who works as a receptionist".

use std::ops::Range;

use pacioli_model::{Comparison, Literal, Predicate, Value};

use super::{Idioms, compare, narrow};
use crate::{
    calendar,
    relations::{
        lexicon::{Name, name_words},
        schema::TableId,
    },
    translation::Translation,
};

const CAME: &[&str] = &["joined", "started", "join", "start"];
const WENT: &[&str] = &["left", "quit", "leave"];

impl Idioms<'_> {
    /// "Who has the most vehicles", "who logged the fewest hours": of whoever these are.
    pub(super) fn who_the_most(&self) -> Option<String> {
        self.is(0, &["who"]).then_some(())?;
        let the = (1..4).find(|at| self.is(*at, &["the"]))?;
        self.is(the + 1, &["most", "fewest", "least", "highest", "lowest"]).then_some(())?;
        let most = self.said([the + 1]);
        let last = self.tokens.len();
        if self.is(1, &["bought", "ordered", "buys", "buy", "spent", "spends"]) {
            let figure = self.metric_called(&["revenue", "sales", "turnover"])?;
            let with = self.is(the + 2, &["from", "with"]) && self.is(the + 3, &["us"]);
            let rest = self.said(the + 2 + 2 * usize::from(with)..last);
            let rank = if self.is(the + 1, &["most"]) { "highest" } else { "lowest" };
            return Some(format!("which customer has the {rank} {figure} {rest}"));
        }
        let (of, end) =
            (1..=3).rev().filter(|length| the + 2 + length <= last).find_map(|length| {
                Some((self.rows_or_figure(the + 2..the + 2 + length)?, the + 2 + length))
            })?;
        let people = self.people_of(of)?;
        let with = self.is(end, &["with", "from", "at"]) && self.is(end + 1, &["us"]);
        let rest = self.said(end + 2 * usize::from(with)..last);
        Some(format!("which {people} has the {most} {} {rest}", self.said(the + 2..end)))
    }

    /// The table that words name, or that a figure which they name is of.
    fn rows_or_figure(&self, said: Range<usize>) -> Option<TableId> {
        let words: Vec<&str> = said.map(|at| self.word(at)).collect();
        let schema = &self.relations.schema;
        self.relations.lexicon.names(&words).into_iter().find_map(|(name, quality)| match name {
            Name::Table(table) if quality > 0.9 => Some(table),
            Name::Column(column) if quality > 0.9 && schema.columns[column].role.adds_up() => {
                Some(schema.table_of(column))
            }
            _ => None,
        })
    }

    /// What the only people are called to whom rows of a table belong, the nearest of several.
    fn people_of(&self, table: TableId) -> Option<String> {
        let schema = &self.relations.schema;
        let theirs = |people: &&TableId| {
            **people != table
                && schema.reaches_one(table, **people)
                && !schema.tables[**people].hidden
        };
        let steps = |people: TableId| schema.ways(table, people).iter().map(Vec::len).min();
        let people: Vec<TableId> =
            self.relations.lexicon.people().iter().filter(theirs).copied().collect();
        let nearest = people.iter().filter_map(|it| steps(*it)).min()?;
        let mut near = people.iter().filter(|it| steps(**it) == Some(nearest));
        let only = near.next().filter(|_| near.next().is_none())?;
        Some(name_words(schema.tables[*only].entry.name.as_str()).join(" "))
    }

    /// "Who left the company this year", "who joined us in May": of the only people that have such a day.
    pub(super) fn who_came_or_went(&self) -> Option<Translation> {
        let many = self.is(0, &["how"]) && self.is(1, &["many"]);
        let asked = if many { 2 } else { 0 };
        let people = ["people", "persons", "employees", "staff"];
        let who = self.is(0, &["who"]) || many && self.is(asked, &people);
        let verb = asked + 1 + usize::from(self.is(asked + 1, &["has", "have"]));
        who.then_some(())?;
        let days: &[&str] = if self.is(verb, CAME) {
            &["hire", "hired", "joined", "start", "started", "join"]
        } else if self.is(verb, WENT) {
            &["left", "leaving", "end", "ended", "exit", "quit", "termination", "terminated"]
        } else {
            return None;
        };
        let hollow =
            ["the", "company", "us", "firm", "team", "in", "during", "here", "our", "since"];
        let mut at = verb + 1;
        while self.is(at, &hollow)
            && calendar::read_for(&self.tokens[at..], self.relations.company(self.today)).is_none()
        {
            at += 1;
        }
        let company = self.relations.company(self.today);
        let (length, period) = calendar::read_for(self.tokens.get(at..)?, company)?;
        (at + length == self.tokens.len()).then_some(())?;
        let schema = &self.relations.schema;
        let people = self.relations.lexicon.people().iter().copied();
        let mut dated = people.filter_map(|table| Some((table, self.date_called(table, days)?)));
        let (table, date) = dated.next().filter(|_| dated.next().is_none())?;
        let rows = name_words(schema.tables[table].entry.name.as_str()).join(" ");
        let day = |day| Value::Literal(Literal::Date(day));
        let lead = if many { "number of" } else { "list" };
        self.changed(&format!("{lead} {rows}"), |ask| {
            (self.table_named(&ask.table)? == table).then_some(())?;
            let column = || Value::Column(self.column(date));
            if let Some(from) = period.from {
                narrow(ask, compare(column(), Comparison::GreaterOrEqual, day(from)));
            }
            if let Some(to) = period.to {
                narrow(ask, compare(column(), Comparison::Less, day(to)));
            }
            Some(())
        })
    }

    /// "Staff who left", "mechanics that have not left": those that have such a day, or none.
    pub(super) fn those_who_left(&self) -> Option<Translation> {
        let last = self.tokens.len().checked_sub(1)?;
        let left = self.is(last, &["left", "quit"]).then_some(last)?;
        let mut end = left;
        while end > 1 && self.is(end - 1, &["have", "has", "not", "already", "who", "that"]) {
            end -= 1;
        }
        (end < left).then_some(())?;
        let denied = (end..left).any(|at| self.is(at, &["not"]));
        let table = self.table_called(&self.said(self.after_lead(0)..end))?;
        let date =
            self.date_called(table, &["left", "leaving", "end", "ended", "exit", "termination"])?;
        let missing = Predicate::IsNull { value: Value::Column(self.column(date)) };
        let so = if denied { missing } else { Predicate::Not(Box::new(missing)) };
        self.changed(&self.said(0..end), |ask| {
            (self.table_named(&ask.table)? == table).then_some(())?;
            narrow(ask, so.clone());
            Some(())
        })
    }

    /// "Who works as a receptionist in Oslo": those of whom a column says so.
    pub(super) fn who_works_as(&self) -> Option<String> {
        self.is(0, &["who"]).then_some(())?;
        let works = self.is(1, &["works", "work", "worked"]) && self.is(2, &["as"]);
        let is = self.is(1, &["is", "are"]) && self.is(2, &["a", "an"]);
        (works || is).then_some(())?;
        let first = if works { 3 + usize::from(self.is(3, &["a", "an"])) } else { 3 };
        let schema = &self.relations.schema;
        let people = self.relations.lexicon.people();
        let owner = (1..=3).rev().filter(|length| first + length <= self.tokens.len()).find_map(
            |length| {
                let words: Vec<&str> = (first..first + length).map(|at| self.word(at)).collect();
                let values = self.relations.lexicon.values(&words);
                let (value, _) = values.into_iter().find(|(value, _)| {
                    value.few && people.contains(&schema.table_of(value.column))
                })?;
                Some(schema.table_of(value.column))
            },
        )?;
        let rows = name_words(schema.tables[owner].entry.name.as_str()).join(" ");
        Some(format!("list {rows} {}", self.said(first..self.tokens.len())))
    }

    /// "What do people earn on average in each position": the average of what they are paid.
    pub(super) fn earned_on_average(&self) -> Option<String> {
        (self.is(0, &["what"]) && self.is(1, &["do", "does"])).then_some(())?;
        let earn = self.find(&["earn", "make", "cost"])?;
        let average = self.phrase(&["on", "average"])?;
        let columns = crate::relations::thesaurus::measured_by(self.word(earn))?;
        let column = columns.into_iter().find(|name| {
            let words: Vec<&str> = name.split(' ').collect();
            let names = self.relations.lexicon.names(&words);
            names.iter().any(|(name, fit)| matches!(name, Name::Column(_)) && *fit > 0.69)
        })?;
        let said = self.said((2..earn).filter(|at| !self.is(*at, &["our", "the", "people"])));
        (said.is_empty() || self.table_called(&said).is_some()).then_some(())?;
        let rest = (earn + 1..self.tokens.len()).filter(|at| *at != average && *at != average + 1);
        let rest = self.said(rest).replace("in each ", "by ").replace("per ", "by ");
        Some(format!("average {column} {said} {rest}"))
    }
}
