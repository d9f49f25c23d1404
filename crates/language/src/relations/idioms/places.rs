//! "The second oldest", "the third highest salary": the first of what is left without those before it.

use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnName, Comparison, Direction, Figure, GroupKey, Measure,
    Value,
};

use super::{Idioms, bound, compare, hidden, narrow, output};
use crate::{
    relations::{
        build::free_name,
        thesaurus::adjective,
        vocabulary::{Key, key},
    },
    translation::Translation,
};

const PLACES: &[(&str, u32)] = &[
    ("second", 2),
    ("2nd", 2),
    ("third", 3),
    ("3rd", 3),
    ("fourth", 4),
    ("4th", 4),
    ("fifth", 5),
    ("5th", 5),
];

impl Idioms<'_> {
    /// What equals rank the same, so that the second highest salary is never the highest once more.
    pub(super) fn in_place(&self) -> Option<Translation> {
        let known = |at: usize| PLACES.iter().find(|(word, _)| self.is(at, &[word]));
        let (at, (_, place)) =
            (0..self.tokens.len()).find_map(|at| Some((at, known(at)?))).filter(|(at, _)| {
                let next = self.word(at + 1);
                matches!(key(next), Some(Key::Most(_)))
                    || self.is(at + 1, &["most", "least"])
                    || next.ends_with("est") && adjective(next).is_some()
            })?;
        self.changed(&self.said(self.without(&[at])), |ask| after_the_first(ask, place - 1))
    }
}

/// Leaves the first `left_out` out of what is ranked.
fn after_the_first(ask: &mut Ask, left_out: u32) -> Option<()> {
    if ask.limit.is_none() && ask.group_by.is_empty() {
        return past_the_extreme(ask, left_out);
    }
    let one = ask.limit == Some(1) && ask.limit_per.is_empty();
    let first = ask.order.first().filter(|_| one)?.clone();
    if ask.measures.iter().any(|measure| measure.name == first.name) {
        // Of groups only the very first can be told from the others.
        (left_out == 1).then_some(())?;
        past_the_top(ask, &first.name, first.direction);
        return Some(());
    }
    let group = ask.group_by.iter().find(|group| group.name == first.name)?;
    let GroupKey::Value(value) = group.key.clone() else { return None };
    ask.each_row.then_some(())?;
    past(ask, &value, first.direction, left_out);
    Some(())
}

/// "The second highest salary": an extreme by itself.
fn past_the_extreme(ask: &mut Ask, left_out: u32) -> Option<()> {
    let [measure] = ask.measures.as_slice() else { return None };
    let one = measure.aggregation().filter(|one| one.table == ask.table)?;
    let direction = match one.aggregate {
        Aggregate::Max => Direction::Descending,
        Aggregate::Min => Direction::Ascending,
        _ => return None,
    };
    let value = one.value.clone()?;
    // What only this figure counts, only its first values are of.
    let own = one.filter.clone();
    if let Figure::Aggregate(one) = &mut ask.measures[0].figure {
        one.filter = None;
    }
    if let Some(own) = own {
        narrow(ask, own);
    }
    past(ask, &value, direction, left_out);
    Some(())
}

/// Only rows whose value comes after the `left_out` first values of all rows that count.
fn past(ask: &mut Ask, value: &Value, direction: Direction, left_out: u32) {
    let counted = ask.filter.clone();
    let (aggregate, comparison) = match direction {
        Direction::Descending => (Aggregate::Max, Comparison::Less),
        Direction::Ascending => (Aggregate::Min, Comparison::Greater),
    };
    for _ in 0..left_out {
        let mut first = Ask::about(ask.table.clone());
        let of = Aggregation {
            value: Some(value.clone()),
            ..Aggregation::new(aggregate, ask.table.clone())
        };
        let name = free_name(&first, "first");
        first.measures.push(Measure::new(name, Figure::Aggregate(of)));
        first.filter = ask.filter.take();
        ask.filter.clone_from(&counted);
        narrow(ask, compare(value.clone(), comparison, Value::Figure(Box::new(first))));
    }
}

/// Only groups whose figure comes after the first of all.
fn past_the_top(ask: &mut Ask, figure: &ColumnName, direction: Direction) {
    let (aggregate, comparison) = match direction {
        Direction::Descending => (Aggregate::Max, Comparison::Less),
        Direction::Ascending => (Aggregate::Min, Comparison::Greater),
    };
    let top = free_name(ask, &format!("first_{figure}"));
    let across = Figure::Across { aggregate, of: figure.clone(), within: Vec::new() };
    ask.measures.push(hidden(top.clone(), across));
    bound(ask, compare(output(figure), comparison, output(&top)));
}
