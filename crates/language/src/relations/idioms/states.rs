//! States that depend on today: overdue, unpaid, late, out of stock, how old a debt is.

use pacioli_model::{
    Aggregate, Comparison, Decimal, Definition, Direction, GroupKey, Grouping, Literal, Predicate,
    Value,
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
/// That this day is over.
const PAST_DUE: &[&[&str]] = &[
    &["past", "their", "due", "date"],
    &["past", "the", "due", "date"],
    &["past", "its", "due", "date"],
    &["past", "due", "date"],
    &["past", "due"],
];
/// Words between rows and what became of them.
const BECAME: &[&str] = &[
    "that", "which", "are", "were", "is", "was", "have", "has", "been", "be", "not", "never",
    "still", "yet", "havent", "hasnt", "arent", "werent", "isnt", "wasnt",
];
const DENIES: &[&str] = &["not", "never", "havent", "hasnt", "arent", "werent", "isnt", "wasnt"];
/// That it has happened.
const DONE: &[&str] =
    &["paid", "received", "delivered", "finished", "completed", "closed", "returned", "bezahlt"];
/// The same as values of a column.
const DONE_VALUES: &[&str] =
    &["paid", "received", "delivered", "finished", "completed", "closed", "done", "bezahlt"];
pub(super) const STOCK: &[&str] =
    &["stock on hand", "units in stock", "stock quantity", "pieces in stock"];

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
        let past = self.one_of(PAST_DUE);
        let said = self.find(&["overdue", "late", "unpaid"]);
        let at = said.or_else(|| past.as_ref()?.first().copied())?;
        let unpaid = self.word(at) == "unpaid" && past.is_none();
        let mut taken: Vec<usize> = past.into_iter().flatten().chain(said).collect();
        let mut rest = self.said(self.without(&taken));
        if let Some(read) = self.with_overdue(at, unpaid) {
            return Some(read);
        }
        let sum = said.filter(|at| self.is(at + 1, &["amount", "amounts", "balance", "sum"]));
        if sum.is_some() {
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
        read.or_else(|| late.then(|| Self::refused(&self.said([at]), &self.not_late(at))))
    }

    /// What would have to be known of the rows that are called late at `at`.
    fn not_late(&self, at: usize) -> String {
        let named = |length: usize| self.table_called(&self.said(at + 1..at + 1 + length));
        let Some(table) = (1..=3).rev().find_map(named) else {
            return "It is not known here by when these should have come, or whether they did."
                .to_owned();
        };
        let name = &self.relations.schema.tables[table].entry.name;
        if self.date_called(table, DUE).is_none() {
            return format!("The table {name} has no column that says by when its rows are due.");
        }
        if self.not_done(table).is_none() {
            return format!("The table {name} has no column that says which of its rows are done.");
        }
        format!(
            "Which rows of {name} are late is known, but not how the rest of the question belongs to them."
        )
    }

    /// "Which customers still owe us money and how much": those of whom something is left to pay.
    pub(super) fn debtors(&self) -> Option<Translation> {
        let owe = self.find(&["owe", "owes"]).filter(|owe| self.is(owe + 1, &["us"]))?;
        let first = self.after_lead(0);
        let hollow = ["still", "that", "who", "which", "currently", "do", "does", "money"];
        let said = self.said((first..owe).filter(|at| !self.is(*at, &hollow)));
        let entity = if said.is_empty() && self.is(0, &["who"]) { "customers" } else { &said };
        self.table_called(entity)?;
        let figure = self.metric_called(&["receivables", "outstanding amount"])?;
        let hollow = ["money", "and", "how", "much", "still", "anything", "something", "now"];
        let rest = (owe + 2..self.tokens.len()).find(|at| !self.is(*at, &hollow));
        let rest = rest.unwrap_or(self.tokens.len());
        if self.is(rest, &["the"]) && self.is(rest + 1, &["most"]) {
            let tail = self.said(rest + 2..self.tokens.len());
            return Some((self.rows)(&format!("which {entity} has the highest {figure} {tail}")));
        }
        let tail = self.said(rest..self.tokens.len());
        self.changed(&format!("{figure} by {entity} {tail}"), |ask| {
            let left = output(&first_figure(ask)?);
            let nothing = Value::Literal(Literal::Integer(0));
            bound(ask, compare(left, Comparison::Greater, nothing));
            Some(())
        })
    }

    /// "Received but not invoiced by supplier": what has come and no bill names.
    pub(super) fn received_not_billed(&self) -> Option<Translation> {
        const CAME: &[&str] = &["received", "delivered", "arrived"];
        let but = self.phrase(&["but", "not"])?;
        let came = but.checked_sub(1).filter(|came| self.is(*came, CAME))?;
        let billed = but + 2 + usize::from(self.is(but + 2, &["yet"]));
        self.is(billed, &["invoiced", "billed"]).then_some(())?;
        let schema = &self.relations.schema;
        let named = |table: TableId| schema.tables[table].entry.name.clone();
        let bills = |table: &TableId| {
            let is_bill = |name: &str| name.contains("bill") || name.contains("invoice");
            let mut steps = schema.tables[*table].steps.iter();
            steps.find(|step| is_bill(named(step.to).as_str())).map(|step| step.to)
        };
        let (table, date, bills) = (0..schema.tables.len())
            .filter(|table| !schema.tables[*table].hidden)
            .find_map(|table| Some((table, self.date_called(table, CAME)?, bills(&table)?)))?;
        let first = self.after_lead(0);
        let said =
            self.said((first..came).filter(|at| !self.is(*at, &["that", "we", "have", "been"])));
        (said.is_empty() || self.table_called(&said) == Some(table)).then_some(())?;
        let figure = self.sum_declared_over(table).map_or_else(
            || format!("number of {}", named(table).as_str().replace('_', " ")),
            str::to_owned,
        );
        self.changed(&format!("{figure} {}", self.said(billed + 1..self.tokens.len())), |ask| {
            let missing = Predicate::IsNull { value: Value::Column(self.column(date)) };
            narrow(ask, Predicate::Not(Box::new(missing)));
            let billed = Predicate::Related { table: named(bills), via: Vec::new(), filter: None };
            narrow(ask, Predicate::Not(Box::new(billed)));
            Some(())
        })
    }

    /// The label of the one sum that is declared over all rows of a table.
    pub(super) fn sum_declared_over(&self, table: TableId) -> Option<&str> {
        let schema = &self.relations.schema;
        let metrics = &schema.catalog.semantics.metrics;
        let mut sums = metrics.iter().enumerate().filter(|(at, metric)| {
            schema.metric_table(*at) == Some(table)
                && matches!(&metric.definition, Definition::Aggregate(one)
                    if one.aggregate == Aggregate::Sum && one.filter.is_none())
        });
        let (_, only) = sums.next()?;
        sums.next().is_none().then_some(only.label.as_str())
    }

    /// "Vendors with late purchase orders": who has rows that are.
    fn with_overdue(&self, at: usize, unpaid: bool) -> Option<Translation> {
        let with = at.checked_sub(1).filter(|with| self.is(*with, &["with", "having"]))?;
        let rows = self.table_called(&self.said(at + 1..self.tokens.len()))?;
        let mut filter = vec![self.not_done(rows)?];
        if !unpaid {
            let due = Value::Column(self.column(self.date_called(rows, DUE)?));
            filter.push(compare(due, Comparison::Less, self.today()));
        }
        let schema = &self.relations.schema;
        let related = Predicate::Related {
            table: schema.tables[rows].entry.name.clone(),
            via: Vec::new(),
            filter: Some(Box::new(Predicate::All(filter))),
        };
        self.changed(&self.said(0..with), |ask| {
            let listed = self.table_named(&ask.table)?;
            (ask.each_row && listed != rows && schema.reaches_one(rows, listed)).then_some(())?;
            narrow(ask, related.clone());
            Some(())
        })
    }

    /// "Invoices that are not paid yet", "orders that were delivered", "invoices that were paid late", of
    /// rows that have the day on which it happened.
    pub(super) fn done_or_not(&self) -> Option<Translation> {
        let at = (2..self.tokens.len()).find(|at| self.is(*at, DONE))?;
        let late = self.is(at + 1, &["late"]);
        let mut end = at + 1 + usize::from(late);
        end += usize::from(self.is(end, &["yet", "already"]));
        let mut start = at;
        while start > 1 && self.is(start - 1, BECAME) {
            start -= 1;
        }
        (start < at && (late || end == self.tokens.len())).then_some(())?;
        let denied = (start..at).any(|at| self.is(at, DENIES));
        let table = self.table_called(&self.said(self.after_lead(0)..start))?;
        let done = self.word(at);
        let schema = &self.relations.schema;
        // Where it is a state of these rows, that is what is meant.
        let is_state = schema.tables[table].columns.clone().any(|column| {
            let values = schema.columns[column].column.profile.values.as_deref();
            values.unwrap_or_default().iter().any(|value| value.eq_ignore_ascii_case(done))
        });
        (!(is_state || late && denied)).then_some(())?;
        let date = Value::Column(self.column(self.date_called(table, &[done])?));
        let missing = Predicate::IsNull { value: date.clone() };
        let condition = if late {
            let due = Value::Column(self.column(self.date_called(table, DUE)?));
            compare(date, Comparison::Greater, due)
        } else if denied {
            missing
        } else {
            Predicate::Not(Box::new(missing))
        };
        let rest = format!("{} {}", self.said(0..start), self.said(end..self.tokens.len()));
        self.changed(&rest, |ask| {
            (self.table_named(&ask.table)? == table).then_some(())?;
            narrow(ask, condition.clone());
            Some(())
        })
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

    /// The same where nothing is declared and one column alone holds what is on hand: what has a row
    /// of nothing.
    fn none_on_hand(&self, at: usize, end: usize) -> Option<Translation> {
        let schema = &self.relations.schema;
        let on_hand = |column: &usize| {
            let node = &schema.columns[*column];
            let words = crate::relations::lexicon::name_words(&node.column.label);
            let said = |word: &str| words.iter().any(|other| other == word);
            node.column.data_type.is_number() && (said("on") && said("hand") || said("stock"))
        };
        let mut columns = (0..schema.columns.len()).filter(on_hand);
        let column = columns.next().filter(|_| columns.next().is_none())?;
        let levels = schema.table_of(column);
        let first = self.after_lead(0);
        let what = (first..at).filter(|at| !self.is(*at, &["are", "that", "is", "which"]));
        let entity = self.table_called(&self.said(what))?;
        (end == self.tokens.len() && schema.reaches_one(levels, entity)).then_some(())?;
        let nothing = Value::Literal(Literal::Integer(0));
        let empty = compare(Value::Column(self.column(column)), Comparison::LessOrEqual, nothing);
        let related = if levels == entity {
            empty
        } else {
            Predicate::Related {
                table: schema.tables[levels].entry.name.clone(),
                via: Vec::new(),
                filter: Some(Box::new(empty)),
            }
        };
        self.changed(&format!("list {}", schema.tables[entity].entry.name), |ask| {
            (ask.each_row && self.table_named(&ask.table)? == entity).then_some(())?;
            narrow(ask, related.clone());
            Some(())
        })
    }

    /// "Which items are out of stock?": of which nothing is on hand.
    pub(super) fn out_of_stock(&self) -> Option<Translation> {
        let phrases: [&[&str]; 4] = [
            &["out", "of", "stock"],
            &["with", "no", "stock"],
            &["with", "zero", "stock"],
            &["without", "stock"],
        ];
        let said = self.one_of(&phrases)?;
        let (at, length) = (*said.first()?, said.len());
        let words = self.said(said);
        let Some(figure) = self.metric_called(STOCK) else {
            let reason = "It is not declared which figure is the stock on hand.";
            let read = self.none_on_hand(at, at + length);
            return Some(read.unwrap_or_else(|| Self::refused(&words, reason)));
        };
        let first = self.after_lead(0);
        let what =
            self.said((first..at).filter(|at| !self.is(*at, &["are", "that", "is", "which"])));
        let rest = format!("{figure} by {what} {}", self.said(at + length..self.tokens.len()));
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
