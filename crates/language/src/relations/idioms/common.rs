//! What all rows of a table have in common.

use pacioli_model::{
    Aggregate, Aggregation, Ask, Comparison, Figure, GroupKey, Grouping, Measure, Predicate, Value,
};

use super::{Idioms, bound, compare, hidden, narrow, output};
use crate::{
    judge::NOT_TOGETHER,
    relations::{build::free_name, schema::TableId},
    translation::Translation,
};

const TO: &[&str] =
    &["to", "for", "across", "among", "amongst", "by", "on", "at", "in", "of", "between", "with"];
const HELPERS: &[&str] =
    &["that", "which", "are", "is", "do", "does", "have", "has", "being", "be", "the"];

impl Idioms<'_> {
    /// "What services do all banks have in common", "rules common to all branches": what belongs to each.
    pub(super) fn in_common(&self) -> Option<Translation> {
        let mut taken = self.says_common()?;
        let (all, mut named) = self.all_of()?;
        taken.append(&mut named);
        taken.sort_unstable();
        let (first, last) = (*taken.first()?, *taken.last()?);
        let inner = (first..last).filter(|at| self.is(*at, HELPERS)).collect::<Vec<_>>();
        taken.extend(inner);
        let mut before = first;
        while before > 1 && self.is(before - 1, HELPERS) && !self.is(before - 1, &["the"]) {
            before -= 1;
            taken.push(before);
        }
        let rest = self.said(self.without(&taken));
        let read = self.changed(&rest, |ask| {
            let shared = self.belongs_to_each(self.table_named(&ask.table)?, all)?;
            (ask.measures.is_empty() && ask.limit.is_none()).then(|| narrow(ask, shared))
        });
        read.or_else(|| Some(Self::refused(&self.said(first..=last), NOT_TOGETHER)))
    }

    /// The words that say so: "in common", "common to", "the same for", "shared by".
    fn says_common(&self) -> Option<Vec<usize>> {
        let at = self.find(&["common", "same", "shared", "consistent", "equally"])?;
        let before = at.checked_sub(1)?;
        let follows = usize::from(self.is(at + 1, TO));
        let mut taken: Vec<usize> = (at..=at + follows).collect();
        let fits = match self.word(at) {
            "common" => !self.is(before, &["most", "least", "more", "less", "how"]),
            "same" if self.is(at + 1, &["time"]) && self.is(before, &["the"]) => {
                taken.extend([before, before.checked_sub(1)?, at + 1]);
                self.is(before - 1, &["at"])
            }
            "same" => {
                taken.push(before);
                follows == 1 && self.is(before, &["the"])
            }
            "equally" => true,
            _ => follows == 1,
        };
        if self.is(before, &["in"]) {
            taken.push(before);
        }
        fits.then_some(taken)
    }

    /// The table of "all banks", "every branch", and the words that say so.
    fn all_of(&self) -> Option<(TableId, Vec<usize>)> {
        let found =
            (0..self.tokens.len()).rev().filter(|at| self.is(*at, &["all", "every", "each"]));
        found.into_iter().find_map(|at| {
            let first = at + 1 + usize::from(self.is(at + 1, &["the"]));
            let start = at.checked_sub(1).filter(|before| self.is(*before, TO)).unwrap_or(at);
            (1..=4).rev().map(|length| first + length).find_map(|end| {
                let named = (end <= self.tokens.len()).then(|| self.said(first..end))?;
                Some((self.table_called(&named)?, (start..end).collect()))
            })
        })
    }

    /// As many different rows of `all` belong to it as there are.
    fn belongs_to_each(&self, table: TableId, all: TableId) -> Option<Predicate> {
        let schema = &self.relations.schema;
        let (key, of) = (schema.tables[table].key?, schema.tables[all].key?);
        let tables = 0..schema.tables.len();
        let joins = tables.filter(|it| {
            schema.refers_to(*it, table) && schema.refers_to(*it, all) && ![table, all].contains(it)
        });
        let apart = |it: &TableId| schema.distance(*it, table).zip(schema.distance(*it, all));
        let join =
            joins.min_by_key(|it| apart(it).map_or(usize::MAX, |(one, other)| one + other))?;
        let mut every = Ask::about(schema.tables[all].entry.name.clone());
        let count = Aggregation::new(Aggregate::Count, every.table.clone());
        every.measures.push(Measure::new(free_name(&every, "count"), Figure::Aggregate(count)));
        let mut shared = Ask::about(schema.tables[join].entry.name.clone());
        let key = Value::Column(self.column(key));
        let name = free_name(&shared, "key");
        shared.group_by.push(Grouping::new(name, GroupKey::Value(key.clone())));
        let different = Aggregation {
            value: Some(Value::Column(self.column(of))),
            ..Aggregation::new(Aggregate::CountDistinct, shared.table.clone())
        };
        let count = free_name(&shared, "count");
        shared.measures.push(hidden(count.clone(), Figure::Aggregate(different)));
        let figure = Value::Figure(Box::new(every));
        bound(&mut shared, compare(output(&count), Comparison::Equal, figure));
        Some(Predicate::Among { values: vec![key], ask: Box::new(shared) })
    }
}
