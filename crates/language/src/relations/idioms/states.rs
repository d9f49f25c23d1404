//! States that depend on today: overdue, unpaid, late, out of stock, how old a debt is.

use pacioli_model::{
    Comparison, Decimal, Direction, GroupKey, Grouping, Literal, Predicate, Value,
};

use super::{Idioms, bound, compare, first_by, first_figure, narrow, output};
use crate::{
    calendar,
    relations::{build::free_name, schema::TableId},
    translation::Translation,
};

/// By when something should have happened.
const DUE: &[&str] =
    &["due", "deadline", "expected", "exp", "promised", "planned", "maturity", "fällig", "faellig"];
/// That it has happened.
const DONE: &[&str] =
    &["paid", "received", "delivered", "finished", "completed", "closed", "returned", "bezahlt"];
/// The same as values of a column.
const DONE_VALUES: &[&str] =
    &["paid", "received", "delivered", "finished", "completed", "closed", "done", "bezahlt"];
const STOCK: &[&str] = &["stock on hand", "units in stock", "stock quantity", "pieces in stock"];

impl Idioms<'_> {
    /// "Receivables ageing by customer in 30/60/90 day buckets": the figure by how many days its due
    /// date lies back. Bucket 0 is not due yet.
    pub(super) fn ageing(&self) -> Option<Translation> {
        let at = self.find(&["ageing", "aging"])?;
        let mut taken = vec![at];
        let mut limits: Vec<u32> = Vec::new();
        for place in 0..self.tokens.len() {
            if let Some(number) = self.number(place).filter(|number| *number < 1000) {
                limits.push(number);
                taken.push(place);
            } else if self.is(place, &["day", "days", "bucket", "buckets", "report", "analysis"])
                || self.is(place, &["in", "of", "with"]) && self.number(place + 1).is_some()
                || self.is(place, &["in", "into"]) && self.is(place + 1, &["buckets"])
                || self.is(place, &["and"]) && self.number(place + 1).is_some()
            {
                taken.push(place);
            }
        }
        if limits.is_empty() {
            limits = vec![30, 60, 90];
        }
        limits.sort_unstable();
        limits.dedup();
        let rest = self.said(self.without(&taken));
        self.changed(&rest, |ask| {
            let name = first_figure(ask)?;
            let measure = ask.shown_measures().next()?.clone();
            let due = self.date_called(self.table_of(&measure)?, DUE)?;
            let days = Value::Days {
                from: Box::new(Value::Column(self.column(due))),
                to: Box::new(self.today()),
            };
            let edge = |days: u32| Decimal::new(i128::from(days), 0);
            let edges = std::iter::once(edge(1)).chain(limits.iter().map(|days| edge(days + 1)));
            let key = GroupKey::Bucket { value: days, edges: edges.collect() };
            let bucket = free_name(ask, "overdue_bucket");
            ask.group_by.push(Grouping::new(bucket, key));
            let nothing = Value::Literal(Literal::Integer(0));
            bound(ask, compare(output(&name), Comparison::NotEqual, nothing));
            ask.order = ask
                .shown_groups()
                .map(|group| first_by(group.name.clone(), Direction::Ascending))
                .collect();
            Some(())
        })
    }

    /// "Overdue invoices", "late purchase orders", "unpaid bills".
    pub(super) fn overdue(&self) -> Option<Translation> {
        let at = self.find(&["overdue", "late", "unpaid"])?;
        let past = self.phrase(&["past", "due"]);
        let unpaid = self.word(at) == "unpaid";
        let mut taken = vec![at];
        taken.extend(past.into_iter().flat_map(|at| [at, at + 1]));
        let mut rest = self.said(self.without(&taken));
        if self.is(at + 1, &["amount", "amounts", "balance", "sum"]) {
            let figure = self.metric_called(&["receivables", "outstanding amount"])?;
            taken.push(at + 1);
            rest = format!("{figure} {}", self.said(self.without(&taken)));
        }
        let read = self.changed(&rest, |ask| {
            let measured = ask.shown_measures().next().and_then(|one| self.table_of(one));
            let table = measured.or_else(|| self.table_named(&ask.table))?;
            let open = self.not_done(table)?;
            narrow(ask, open);
            if !unpaid {
                let due = Value::Column(self.column(self.date_called(table, DUE)?));
                narrow(ask, compare(due, Comparison::Less, self.today()));
            }
            Some(())
        });
        let late = self.word(at) == "late";
        let reason = "It is not known here by when these should have come, or whether they did.";
        read.or_else(|| late.then(|| Self::refused(&self.said([at]), reason)))
    }

    /// "Billable hours", "non-billable hours": a column of ones and zeros that tells figures apart.
    pub(super) fn flagged(&self) -> Option<Translation> {
        let schema = &self.relations.schema;
        let (at, column) = (0..self.tokens.len().saturating_sub(1)).find_map(|at| {
            let names = self.relations.lexicon.names(&[self.word(at)]);
            let column = names.into_iter().find_map(|(name, quality)| match name {
                crate::relations::lexicon::Name::Column(column) if quality > 0.94 => Some(column),
                _ => None,
            })?;
            let profile = &schema.columns[column].column.profile;
            let flag = profile.min == Some(pacioli_model::Cell::Integer(0))
                && profile.max == Some(pacioli_model::Cell::Integer(1));
            let next = self.relations.lexicon.names(&[self.word(at + 1)]);
            let counts = next.into_iter().any(|(name, quality)| match name {
                crate::relations::lexicon::Name::Column(next) => {
                    let node = &schema.columns[next];
                    quality > 0.94
                        && node.table == schema.columns[column].table
                        && node.role.adds_up()
                }
                _ => false,
            });
            (flag && counts).then_some((at, column))
        })?;
        let not = at.checked_sub(1).filter(|before| self.is(*before, &["non", "not"]));
        let taken: Vec<usize> = not.into_iter().chain([at]).collect();
        let wanted = Value::Literal(Literal::Integer(i64::from(not.is_none())));
        self.changed(&format!("total {}", self.said(self.without(&taken))), |ask| {
            first_figure(ask)?;
            let flag = Value::Column(self.column(column));
            narrow(ask, compare(flag, Comparison::Equal, wanted.clone()));
            Some(())
        })
    }

    /// "Which bills must we pay in the next 14 days?": not paid, and due then.
    pub(super) fn to_pay(&self) -> Option<Translation> {
        const PHRASES: &[&[&str]] = &[
            &["must", "we", "pay"],
            &["do", "we", "have", "to", "pay"],
            &["have", "to", "be", "paid"],
            &["need", "to", "be", "paid"],
            &["must", "be", "paid"],
            &["fall", "due"],
            &["are", "due"],
        ];
        let (at, phrase) =
            PHRASES.iter().find_map(|phrase| Some((self.phrase(phrase)?, *phrase)))?;
        let mut next = at + phrase.len();
        next += usize::from(self.is(next, &["in", "within", "during"]));
        next += usize::from(self.is(next, &["the"]));
        let company = self.relations.company(self.today);
        let (length, days) = calendar::read_for(&self.tokens[next..], company)?;
        (next + length == self.tokens.len()).then_some(())?;
        self.changed(&self.said(0..at), |ask| {
            let measured = ask.shown_measures().next().and_then(|one| self.table_of(one));
            let table = measured.or_else(|| self.table_named(&ask.table))?;
            let due = Value::Column(self.column(self.date_called(table, DUE)?));
            narrow(ask, self.not_done(table)?);
            let day = |day| Value::Literal(Literal::Date(day));
            if let Some(from) = days.from {
                narrow(ask, compare(due.clone(), Comparison::GreaterOrEqual, day(from)));
            }
            if let Some(to) = days.to {
                narrow(ask, compare(due, Comparison::Less, day(to)));
            }
            Some(())
        })
    }

    /// That what is due has not happened: a date that is missing, or a state.
    fn not_done(&self, table: TableId) -> Option<Predicate> {
        if let Some(column) = self.date_called(table, DONE) {
            return Some(Predicate::IsNull { value: Value::Column(self.column(column)) });
        }
        let schema = &self.relations.schema;
        schema.tables[table].columns.clone().find_map(|column| {
            let values = schema.columns[column].column.profile.values.as_deref()?;
            let done =
                values.iter().find(|value| DONE_VALUES.contains(&value.to_lowercase().as_str()))?;
            let right = Value::Literal(Literal::Text(done.clone()));
            let is = compare(Value::Column(self.column(column)), Comparison::Equal, right);
            Some(Predicate::Not(Box::new(is)))
        })
    }

    /// "Which items are out of stock?": of which nothing is on hand.
    pub(super) fn out_of_stock(&self) -> Option<Translation> {
        let at = self.phrase(&["out", "of", "stock"])?;
        let words = self.said(at..at + 3);
        let Some(figure) = self.metric_called(STOCK) else {
            let reason = "It is not declared which figure is the stock on hand.";
            return Some(Self::refused(&words, reason));
        };
        let first = self.after_lead(0);
        let what =
            self.said((first..at).filter(|at| !self.is(*at, &["are", "that", "is", "which"])));
        let rest = format!("{figure} by {what} {}", self.said(at + 3..self.tokens.len()));
        let read = self.changed(&rest, |ask| {
            let name = first_figure(ask)?;
            let nothing = Value::Literal(Literal::Integer(0));
            bound(ask, compare(output(&name), Comparison::LessOrEqual, nothing));
            Some(())
        });
        let reason = "It is not clear of what nothing is left.";
        Some(read.unwrap_or_else(|| Self::refused(&words, reason)))
    }
}
