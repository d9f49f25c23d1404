//! What a question asks for, before it is fitted to a table.

use std::ops::Range;

use pacioli_model::{Aggregate, Comparison, Decimal, Direction, TimeGrain};

use crate::calendar::Period;

/// What a measure is computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The table's rows.
    Rows,
    /// A column by its place.
    Column(usize),
}

/// A figure that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// How; empty where the column decides.
    pub(crate) aggregate: Option<Aggregate>,
    pub(crate) target: Target,
    /// Which tokens ask for it.
    pub(crate) tokens: Range<usize>,
}

/// How a grouping came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupOrigin {
    /// `by region`.
    By,
    /// `which region`, `list regions`, `top 5 regions`.
    Named,
}

/// What is grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKey {
    Column(usize),
    /// The table's main date by period.
    Period(TimeGrain),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) key: GroupKey,
    pub(crate) origin: GroupOrigin,
    /// The word was a plural.
    pub(crate) plural: bool,
    pub(crate) tokens: Range<usize>,
}

/// `top 5`, `highest`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranked {
    pub(crate) direction: Direction,
    pub(crate) number: Option<u32>,
    /// A measure follows at once: "highest revenue", as opposed to "top customers".
    pub(crate) of_measure: bool,
    pub(crate) tokens: Range<usize>,
}

/// A filter on rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Values {
        column: usize,
        values: Vec<String>,
        negated: bool,
    },
    Flag {
        column: usize,
        value: bool,
    },
    Numbers {
        column: usize,
        bounds: Vec<(Comparison, Decimal)>,
        tokens: Range<usize>,
        /// It was introduced by `with` or `where`, so that it speaks of rows and not of a total.
        of_rows: bool,
    },
}

/// Something that is named without being asked for by a verb: "customers in Germany".
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    pub(crate) target: Target,
    pub(crate) plural: bool,
    pub(crate) tokens: Range<usize>,
}

/// Words that found no place, and why where that is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unplaced {
    pub(crate) tokens: Range<usize>,
    pub(crate) reason: Option<String>,
}

/// How the answer is sorted.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sorting {
    pub(crate) by: Option<GroupKey>,
    pub(crate) direction: Option<Direction>,
    /// By the names of the groups.
    pub(crate) by_name: bool,
}

/// Everything that a question asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Draft {
    pub(crate) measures: Vec<Wanted>,
    pub(crate) groups: Vec<Group>,
    pub(crate) subject: Option<Subject>,
    pub(crate) conditions: Vec<Condition>,
    /// Days that count, with the date column where the question names one.
    pub(crate) periods: Vec<(Period, Option<usize>)>,
    /// The date column that periods are those of; chosen by the binder where the question is silent.
    pub(crate) time: Option<usize>,
    /// What the question says happened: `sold`, `shipped`.
    pub(crate) event: Option<&'static [&'static str]>,
    pub(crate) rank: Option<Ranked>,
    pub(crate) sorting: Sorting,
    /// `list`, `which`: the names themselves are asked for.
    pub(crate) list: bool,
    /// `per`, `each`, `monthly`: an average may be one of totals.
    pub(crate) each: bool,
    pub(crate) currency: Option<(&'static str, Range<usize>)>,
    pub(crate) unplaced: Vec<Unplaced>,
    pub(crate) notes: Vec<String>,
}
