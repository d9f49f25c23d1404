//! Two columns of the same row, set against each other: "parts below their minimum", "jobs closed after the
//! promised date", "how long does a job take".

use std::ops::Range;

use pacioli_model::{Comparison, Predicate, Value};

use super::{Idioms, compare, narrow};
use crate::{
    judge::NOT_TOGETHER,
    relations::{
        lexicon::{Name, name_words},
        schema::{ColumnId, TableId},
        thesaurus::lemma,
    },
    role::Role,
    translation::Translation,
};

/// What happens to rows, in the words that people and columns have for it.
const HAPPENS: &[&[&str]] = &[
    &["open", "opened", "opening", "start", "started", "starting", "begin", "began"],
    &[
        "close",
        "closed",
        "closing",
        "finish",
        "finished",
        "complete",
        "completed",
        "completion",
        "end",
        "ended",
        "done",
    ],
    &[
        "receive",
        "received",
        "receipt",
        "arrive",
        "arrived",
        "arrival",
        "come",
        "came",
        "delivered",
        "delivery",
    ],
    &[
        "promise", "promised", "due", "expect", "expected", "plan", "planned", "agree", "agreed",
        "deadline", "exp",
    ],
    &["pay", "paid", "payment", "settle", "settled"],
    &["order", "ordered", "place", "placed"],
    &["ship", "shipped", "shipping", "send", "sent", "dispatch", "dispatched"],
    &["book", "booked", "booking", "reserve", "reserved"],
    &["check in", "checkin"],
    &["check out", "checkout"],
    &["issue", "issued", "invoiced", "billed"],
    &["return", "returned"],
];
/// By when it should have happened, among the above.
const DUE: usize = 3;
/// Where something begins, and where the same ends: columns that tell how long it took.
const SPANS: &[(&[&str], &[&str])] = &[
    (&["check in"], &["check out"]),
    (&["open", "start", "begin", "created"], &["close", "finish", "complete", "end"]),
    (&["open", "start", "created", "order"], &["receive", "return"]),
];
/// Words between rows and what happened to them.
const HOLLOW: &[&str] = &[
    "that", "which", "who", "are", "were", "was", "is", "have", "has", "had", "been", "with", "a",
    "an", "the", "their", "its", "we", "our",
];
/// Words of a limit that the amount on hand is held against.
const LIMITS: &[&str] = &["minimum", "reorder", "maximum", "safety", "target"];
/// Words of a comparison: of days or not, how many words, what it says.
type Versus = (bool, usize, Comparison);

impl Idioms<'_> {
    /// "Parts below their minimum quantity", "invoices paid after their due date", "jobs closed late".
    pub(super) fn against_own(&self) -> Option<Translation> {
        (1..self.tokens.len()).find_map(|at| {
            let (days, length, comparison) = self.versus(at)?;
            let (table, named) = self.rows_before(at)?;
            let after = if self.is(at, &["late", "early"]) { at + 1 } else { at + length };
            let (right, end) =
                self.own_column(table, after, days, self.is(at, &["late", "early"]))?;
            let left = if days {
                (named.end..at).rev().find_map(|verb| self.happened(table, self.word(verb)))
            } else {
                self.held_against(table, named.end..at, right)
            }?;
            (left != right && !self.names_more(table, named.end..at, left)).then_some(())?;
            let value = |column| Value::Column(self.column(column));
            let rest = self.said((0..named.end).chain(end..self.tokens.len()));
            self.changed(&rest, |ask| {
                let measured = ask.shown_measures().next().and_then(|one| self.table_of(one));
                (measured.or_else(|| self.table_named(&ask.table))? == table).then_some(())?;
                narrow(ask, compare(value(left), comparison, value(right)));
                Some(())
            })
        })
    }

    /// The comparison whose words stand at `at`.
    fn versus(&self, at: usize) -> Option<Versus> {
        let than = usize::from(self.is(at + 1, &["than"]));
        Some(match self.word(at) {
            "after" | "late" => (true, 1, Comparison::Greater),
            "before" | "early" => (true, 1, Comparison::Less),
            "later" if than > 0 => (true, 2, Comparison::Greater),
            "earlier" | "sooner" if than > 0 => (true, 2, Comparison::Less),
            "below" | "under" => (false, 1, Comparison::Less),
            "above" | "over" | "exceeding" => (false, 1, Comparison::Greater),
            "less" | "lower" | "fewer" if than > 0 => (false, 2, Comparison::Less),
            "more" | "higher" | "greater" if than > 0 => (false, 2, Comparison::Greater),
            _ => return None,
        })
    }

    /// The rows that a question begins with, and where their name stands.
    fn rows_before(&self, at: usize) -> Option<(TableId, Range<usize>)> {
        let first = self.after_lead(0);
        let first = if self.is(first, &["how"]) && self.is(first + 1, &["many"]) {
            first + 2
        } else {
            first
        };
        let first = if self.is(first, &["number"]) && self.is(first + 1, &["of"]) {
            first + 2
        } else {
            first
        };
        (first + 1..=at.min(first + 4)).rev().find_map(|end| {
            let table = self.table_called(&self.said(first..end))?;
            Some((table, first..end))
        })
    }

    /// The column of a table that stands at `at`, and where its words end: "their due date", "promised"; by
    /// when it was due, where it is only said that it was late.
    fn own_column(
        &self,
        table: TableId,
        at: usize,
        days: bool,
        late: bool,
    ) -> Option<(ColumnId, usize)> {
        if late {
            return Some((self.happening(table, DUE)?, at));
        }
        let first = at + usize::from(self.is(at, &["their", "the", "its", "own"]));
        let schema = &self.relations.schema;
        (1..=4).rev().filter(|length| first + length <= self.tokens.len()).find_map(|length| {
            let words: Vec<&str> = (first..first + length).map(|at| self.word(at)).collect();
            let mut names = self.relations.lexicon.names(&words).into_iter();
            let column = names.find_map(|(name, quality)| match name {
                Name::Column(column) if quality > 0.6 && schema.table_of(column) == table => {
                    let data_type = schema.columns[column].column.data_type;
                    let fits = if days { data_type.is_time() } else { data_type.is_number() };
                    fits.then_some(column)
                }
                _ => None,
            });
            let column = column.or_else(|| {
                (days && length == 1).then(|| self.happened(table, self.word(first)))?
            })?;
            let date = usize::from(length == 1 && self.is(first + length, &["date", "day"]));
            Some((column, first + length + date))
        })
    }

    /// The day on which what a word says happened to the rows of a table.
    fn happened(&self, table: TableId, word: &str) -> Option<ColumnId> {
        let (_, own) = (0..HAPPENS.len())
            .map(|group| (group, HAPPENS[group]))
            .find(|(_, words)| words.contains(&word))?;
        self.dated(table, &[word]).or_else(|| self.dated(table, own))
    }

    fn happening(&self, table: TableId, group: usize) -> Option<ColumnId> {
        self.dated(table, HAPPENS[group])
    }

    /// That it happened after it should have: closed, received or paid.
    pub(super) fn was_late(&self, table: TableId) -> Option<Predicate> {
        let due = self.happening(table, DUE)?;
        let done = ["closed", "received", "paid"].iter().find_map(|it| self.happened(table, it))?;
        let value = |column| Value::Column(self.column(column));
        Some(compare(value(done), Comparison::Greater, value(due)))
    }

    /// The one day of a table whose name begins with one of some words.
    fn dated(&self, table: TableId, words: &[&str]) -> Option<ColumnId> {
        let schema = &self.relations.schema;
        let called = |column: &ColumnId| {
            let node = &schema.columns[*column];
            let name = name_words(&node.column.label).join(" ");
            let begins = |word: &&str| {
                name.strip_prefix(*word)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            };
            node.column.data_type.is_time() && words.iter().any(begins)
        };
        let mut columns = schema.tables[table].columns.clone().filter(called);
        columns.next().filter(|_| columns.next().is_none())
    }

    /// What is held against a limit: the number that is named, else the amount on hand beside its minimum.
    fn held_against(
        &self,
        table: TableId,
        said: Range<usize>,
        limit: ColumnId,
    ) -> Option<ColumnId> {
        let schema = &self.relations.schema;
        let own = |column: &ColumnId| {
            let node = &schema.columns[*column];
            *column != limit
                && node.column.data_type.is_number()
                && !node.foreign
                && node.role.measures()
        };
        let words: Vec<&str> =
            said.filter(|at| !self.is(*at, HOLLOW)).map(|at| self.word(at)).collect();
        if !words.is_empty() {
            let names = self.relations.lexicon.names(&words).into_iter();
            return names.into_iter().find_map(|(name, quality)| match name {
                Name::Column(column) if quality > 0.6 && schema.table_of(column) == table => {
                    Some(column).filter(own)
                }
                _ => None,
            });
        }
        let called = |column: ColumnId| name_words(&schema.columns[column].column.label);
        called(limit).iter().any(|word| LIMITS.contains(&word.as_str())).then_some(())?;
        let held = |column: &ColumnId| {
            let kept = ["hand", "stock", "available", "inventory"];
            own(column)
                && schema.columns[*column].role == Role::Quantity
                && called(*column).iter().any(|word| kept.contains(&word.as_str()))
        };
        let mut columns = schema.tables[table].columns.clone().filter(held);
        columns.next().filter(|_| columns.next().is_none())
    }

    /// Whether some words before a comparison say more than the column that it is of.
    fn names_more(&self, table: TableId, said: Range<usize>, column: ColumnId) -> bool {
        said.into_iter().any(|at| {
            let word = lemma(self.word(at));
            let own = name_words(&self.relations.schema.columns[column].column.label);
            !self.is(at, HOLLOW)
                && !own.contains(&word)
                && self.happened(table, self.word(at)) != Some(column)
        })
    }

    /// "How long does a job take on average", "average days from opening to closing", "length of stay".
    pub(super) fn how_long(&self) -> Option<Translation> {
        self.takes_long()
            .or_else(|| self.average_stay())
            .or_else(|| self.length_of_stay())
            .or_else(|| self.days_from_to())
    }

    fn takes_long(&self) -> Option<Translation> {
        (self.is(0, &["how"]) && self.is(1, &["long"]) && self.is(2, &["does", "do", "did"]))
            .then_some(())?;
        let verb = self.find(&["take", "takes", "last", "stay"])?;
        let said = self.said((3..verb).filter(|at| !self.is(*at, HOLLOW)));
        let table = self.table_called(&said)?;
        let mean = self.phrase(&["on", "average"]).map_or([0, 0], |at| [at, at + 1]);
        let usual = ["usually", "typically", "normally"];
        let tail =
            (verb + 1..self.tokens.len()).filter(|at| !mean.contains(at) && !self.is(*at, &usual));
        let tail = self.said(tail);
        self.mean_span(table, &tail).or_else(|| {
            self.is(verb, &["stay"]).then_some(())?;
            // Whatever else takes its time is no stay.
            let stays = self.stays().and_then(|stays| self.mean_span(stays, &tail));
            Some(stays.unwrap_or_else(|| Self::refused("stay", NOT_TOGETHER)))
        })
    }

    /// The only rows that come and go: bookings with the days of check-in and check-out.
    fn stays(&self) -> Option<TableId> {
        let tables = 0..self.relations.schema.tables.len();
        let mut stays = tables.filter(|table| self.dated(*table, &["check in"]).is_some());
        stays.next().filter(|_| stays.next().is_none())
    }

    /// "Average stay by hotel", "how long is the average stay".
    fn average_stay(&self) -> Option<Translation> {
        let at = self.find(&["stay", "stays"])?;
        let lead =
            ["how", "long", "what", "whats", "is", "the", "our", "an", "average", "mean", "avg"];
        let means = (0..at).any(|at| self.is(at, &["average", "mean", "avg"]));
        (means && (0..at).all(|at| self.is(at, &lead))).then_some(())?;
        self.table_called(self.word(at)).is_none().then_some(())?;
        self.mean_span(self.stays()?, &self.said(at + 1..self.tokens.len()))
    }

    /// "Average length of stay by hotel", "average duration of jobs".
    fn length_of_stay(&self) -> Option<Translation> {
        let at = self.find(&["length", "duration"]).filter(|at| self.is(at + 1, &["of"]))?;
        let lead = ["average", "mean", "avg", "the", "what", "whats", "is", "our", "typical"];
        (at > 0 && (0..at).all(|at| self.is(at, &lead))).then_some(())?;
        let next = at + 2 + usize::from(self.is(at + 2, &["a", "the", "our"]));
        let tail = self.said(next + 1..self.tokens.len());
        if self.is(next, &["stay", "stays"]) {
            return self.mean_span(self.stays()?, &tail);
        }
        self.mean_span(self.table_called(&self.said([next]))?, &tail)
    }

    /// The mean of days between where the rows of a table begin and where they end.
    fn mean_span(&self, table: TableId, tail: &str) -> Option<Translation> {
        let (from, to) = SPANS.iter().find_map(|(begin, end)| {
            let one = |words: &[&str]| {
                words.iter().find_map(|word| {
                    let group = HAPPENS.iter().find(|group| group[0] == *word);
                    self.dated(table, group.copied().unwrap_or(&[*word]))
                })
            };
            Some((one(begin)?, one(end)?))
        })?;
        self.mean_between(table, from, to, tail)
    }

    fn mean_between(
        &self,
        table: TableId,
        from: ColumnId,
        to: ColumnId,
        tail: &str,
    ) -> Option<Translation> {
        let day = |column| Box::new(Value::Column(self.column(column)));
        let days = Value::Days { from: day(from), to: day(to) };
        self.mean_of_days(table, &days, tail)
    }

    /// "Average days from opening to closing by job type": of the one table that has both days.
    fn days_from_to(&self) -> Option<Translation> {
        let at = self.find(&["days", "time"])?;
        let (from, to) = match self.word(at + 1) {
            "from" => (at + 2, self.find(&["to", "until"])?),
            "between" => (at + 2, self.find(&["and"])?),
            _ => return None,
        };
        let lead = ["average", "mean", "avg", "the", "what", "is", "number", "of", "our"];
        let single = |from: usize, to: usize| {
            (from..to).find(|at| !self.is(*at, HOLLOW)).map(|at| self.word(at))
        };
        ((0..at).all(|at| self.is(at, &lead)) && from < to).then_some(())?;
        let (one, other) = (single(from, to)?, single(to + 1, self.tokens.len())?);
        let schema = &self.relations.schema;
        let only = |day: &dyn Fn(TableId, &str) -> Option<ColumnId>| {
            let mut both = (0..schema.tables.len()).filter_map(|table| {
                let both = (day(table, one)?, day(table, other)?);
                (both.0 != both.1 && !schema.tables[table].hidden).then_some((table, both))
            });
            both.next().filter(|_| both.next().is_none())
        };
        // Days that are called so themselves come before those that are called so in other words.
        let named = |table: TableId, word: &str| {
            let base = base_of(word);
            let forms =
                [base.to_owned(), format!("{base}ed"), format!("{base}e"), format!("{base}ing")];
            self.dated(table, &forms.each_ref().map(String::as_str))
        };
        let other_words = |table: TableId, word: &str| self.happened(table, word);
        let (table, (from, end)) = only(&named).or_else(|| only(&other_words))?;
        let rest = (to + 1..self.tokens.len()).find(|at| self.word(*at) == other)? + 1;
        self.mean_between(table, from, end, &self.said(rest..self.tokens.len()))
    }
}

/// A verb without its ending: `clos` of closing.
fn base_of(word: &str) -> &str {
    ["ing", "ed", "e"].iter().find_map(|tail| word.strip_suffix(tail)).unwrap_or(word)
}
