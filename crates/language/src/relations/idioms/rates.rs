//! How many of rows are so: "what percentage of bookings were cancelled by hotel", "cancellation rate".

use pacioli_model::{
    Aggregation, Ask, Comparison, Direction, Figure, Literal, Measure, Operation, Predicate, Value,
};

use super::{Idioms, compare, first_by, hidden, output};
use crate::{
    relations::{
        build::{all, free_name},
        lexicon::{KnownValue, name_words},
        schema::TableId,
    },
    translation::Translation,
};

impl Idioms<'_> {
    /// "What percentage of jobs in 2025 were cancelled", "share of bookings that were no-shows by month".
    pub(super) fn share_that_are(&self) -> Option<Translation> {
        const BECAME: &[&str] = &["are", "were", "is", "was"];
        let share = self.find(&["percentage", "percent", "share", "proportion"])?;
        let lead = ["what", "whats", "which", "is", "the", "our", "show", "me"];
        ((0..share).all(|at| self.is(at, &lead)) && self.is(share + 1, &["of"])).then_some(())?;
        let became = (share + 3..self.tokens.len()).find(|at| self.is(*at, BECAME))?;
        let by = (became + 1..self.tokens.len()).find(|at| self.is(*at, &["by", "per"]));
        let end = by.unwrap_or(self.tokens.len());
        let that = usize::from(self.is(became - 1, &["that", "which", "who"]));
        let first = share + 2 + usize::from(self.is(share + 2, &["our", "the", "all"]));
        let (table, rows) = (1..=3).rev().find_map(|length| {
            let said = self.said(first..first + length);
            (first + length <= became - that).then_some(())?;
            Some((self.table_called(&said)?, first + length))
        })?;
        let named = self.said(first..rows);
        // "Were late" is of those that are done, too.
        let so = if self.is(became + 1, &["late", "overdue"]) && became + 2 == end {
            self.was_late(table)?
        } else {
            self.so(table, &format!("{named} that are {}", self.said(became + 1..end)))?
        };
        let within = self.said((rows..became - that).chain(end..self.tokens.len()));
        self.changed(&format!("number of {named} {within}"), |ask| {
            self.part_that_is(ask, table, &so)
        })
    }

    /// The condition that a question puts to the rows of a table.
    fn so(&self, table: TableId, question: &str) -> Option<Predicate> {
        let read = super::read(self.relations, question, self.today, self.rows);
        let read = read.unwrap_or_else(|| (self.rows)(question));
        let Translation::Understood(read) = read else { return None };
        let ask = read.ask;
        (ask.each_row && ask.limit.is_none() && self.table_named(&ask.table)? == table)
            .then_some(())?;
        ask.filter
    }

    /// A count of rows becomes the part of them that meets a condition.
    fn part_that_is(&self, ask: &mut Ask, table: TableId, so: &Predicate) -> Option<()> {
        (ask.measures.len() == 1 && self.table_of(&ask.measures[0])? == table).then_some(())?;
        let measure = ask.measures.remove(0);
        let whole = self.added_up(&measure)?;
        let own = whole.filter.clone().into_iter();
        let filter = all(own.chain([so.clone()]).collect());
        let part = free_name(ask, "part");
        let share = free_name(ask, "share");
        let divided = Value::Arithmetic {
            operation: Operation::Divide,
            left: Box::new(output(&part)),
            right: Box::new(output(&measure.name)),
        };
        ask.order
            .iter_mut()
            .filter(|by| by.name == measure.name)
            .for_each(|by| by.name = share.clone());
        ask.measures = vec![
            hidden(measure.name, measure.figure),
            hidden(part, Figure::Aggregate(Aggregation { filter, ..whole })),
            Measure::new(share, Figure::Calculation(divided)),
        ];
        Some(())
    }

    /// "Cancellation rate by hotel", "which hotel has the highest cancellation rate".
    pub(super) fn rate_of_value(&self) -> Option<Translation> {
        let rate = self.find(&["rate", "rates"]).filter(|rate| *rate > 0)?;
        let said = self.word(rate - 1);
        // A discount rate, where something is called a discount, may be how high that is.
        let names = self.relations.lexicon.names(&[said]);
        let named = names.iter().any(|(_, fit)| *fit > 0.9);
        (!named && self.relations.lexicon.names(&[said, "rate"]).is_empty()).then_some(())?;
        let value = self.value_like(said)?;
        let schema = &self.relations.schema;
        let table = schema.table_of(value.column);
        let rows = name_words(schema.tables[table].entry.name.as_str()).join(" ");
        let column = Value::Column(self.column(value.column));
        let is = compare(column, Comparison::Equal, Value::Literal(Literal::Text(value.text)));
        let tail = self.said(rate + 1..self.tokens.len());
        let rank = self.find(&["highest", "lowest"]).filter(|at| at + 2 == rate);
        let Some(rank) = rank else {
            let lead = ["what", "whats", "is", "our", "the", "show", "me", "s"];
            (0..rate - 1).all(|at| self.is(at, &lead)).then_some(())?;
            return self.changed(&format!("number of {rows} {tail}"), |ask| {
                self.part_that_is(ask, table, &is)
            });
        };
        let has = (1..rank).find(|at| self.is(*at, &["has", "have", "had"]))?;
        self.is(0, &["which", "what"]).then_some(())?;
        let down = self.is(rank, &["highest"]);
        self.changed(&format!("number of {rows} by {} {tail}", self.said(1..has)), |ask| {
            self.part_that_is(ask, table, &is)?;
            let share = ask.shown_measures().next()?.name.clone();
            let direction = if down { Direction::Descending } else { Direction::Ascending };
            ask.order = vec![first_by(share, direction)];
            ask.limit = Some(1);
            Some(())
        })
    }

    /// The one value of few that a noun is the deed of: cancelled of cancellation.
    fn value_like(&self, noun: &str) -> Option<KnownValue> {
        let schema = &self.relations.schema;
        let few = (0..schema.columns.len()).flat_map(|column| {
            let values =
                schema.columns[column].column.profile.values.as_deref().unwrap_or_default();
            let values = if values.len() > 20 { &[] } else { values };
            values.iter().map(move |text| KnownValue { column, text: text.clone(), few: true })
        });
        let mut found = few.filter(|value| is_deed(noun, &value.text));
        found.next().filter(|_| found.next().is_none())
    }
}

/// Whether a noun names what makes something so: cancellation of cancelled, approval of approved; and not
/// interest of international.
fn is_deed(noun: &str, state: &str) -> bool {
    let state = state.to_lowercase();
    let Some(stem) = state.strip_suffix("ed").filter(|stem| stem.len() > 3) else {
        return false;
    };
    let single = stem.len() - 1;
    let doubled = stem.is_char_boundary(single) && stem[..single].ends_with(&stem[single..]);
    let stem = if doubled { &stem[..single] } else { stem };
    noun.strip_prefix(stem).is_some_and(|end| end.len() <= "lation".len())
}

#[cfg(test)]
mod tests {
    use super::is_deed;

    #[test]
    fn a_deed_makes_something_so() {
        let deeds = ["cancellation", "return", "approval", "completion", "delivery"];
        let states = ["Cancelled", "returned", "Approved", "completed", "Delivered"];
        for (at, noun) in deeds.iter().enumerate() {
            for (other, state) in states.iter().enumerate() {
                assert_eq!(is_deed(noun, state), at == other, "{noun} {state}");
            }
        }
        assert!(!is_deed("interest", "International"));
        assert!(!is_deed("standard", "Standard"));
    }
}
