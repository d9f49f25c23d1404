//! What a question asks of rows, before its nouns are fitted to columns.

use std::ops::Range;

use pacioli_model::{Aggregate, Comparison, Decimal, Direction, Shift, TextPlace, TimeGrain};

use super::{
    lexicon::KnownValue,
    schema::{ColumnId, TableId},
};
use crate::calendar::Period;

/// A column that the words may mean one of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pick {
    pub(crate) candidates: Vec<(ColumnId, f64)>,
    /// The table that the words put it to: "stadium name", "name of the stadium".
    pub(crate) owner: Option<TableId>,
    /// The table that the words before it speak of.
    pub(crate) near: Option<TableId>,
    pub(crate) tokens: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Noun {
    Table(TableId),
    Column(Pick),
    /// A calendar period; only grouped by.
    Period(TimeGrain),
}

/// What the question wants to know about a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The part of the whole.
    Share,
    /// The total so far.
    Running,
    /// The same of days that lie back.
    Beside(Option<Shift>),
    /// How much it grew since then.
    Growth(Option<Shift>),
}

/// One column of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    Column(Pick),
    /// The rows of a table, by their name.
    Entity(TableId),
    Count {
        what: Noun,
        distinct: bool,
    },
    Aggregate {
        aggregate: Aggregate,
        of: Pick,
    },
    /// Every column of a table.
    Everything(TableId),
    /// A declared figure.
    Metric(usize),
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Side {
    Number(Decimal),
    Text(String),
    /// An aggregate of the same or another column over all rows.
    Aggregate(Aggregate, Option<Pick>, Vec<Test>),
    /// The value in the row that ranks first.
    Best(Box<Best>),
    /// Another column of the same row.
    Column(Pick),
}

/// `the youngest`, `with the most pets`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Best {
    pub(crate) direction: Direction,
    pub(crate) by: Measured,
    pub(crate) number: Option<u32>,
    /// Whose rows are ranked, where the words say it.
    pub(crate) of: Option<TableId>,
    pub(crate) tokens: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Measured {
    Column(Pick),
    /// How many rows of a table; of whatever belongs to it where none is named.
    Count(Option<Noun>),
    Aggregate(Aggregate, Pick),
    /// A declared figure.
    Metric(usize),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Compare {
        pick: Pick,
        comparison: Comparison,
        side: Side,
    },
    Between {
        pick: Pick,
        low: Decimal,
        high: Decimal,
    },
    /// Any of these; each may be a value of several columns.
    Values {
        values: Vec<Vec<(KnownValue, f64)>>,
        column: Option<Pick>,
        near: Option<TableId>,
        tokens: Range<usize>,
    },
    Text {
        pick: Option<Pick>,
        place: TextPlace,
        text: String,
        tokens: Range<usize>,
    },
    Empty {
        pick: Pick,
    },
    /// It has a value.
    Has {
        pick: Pick,
    },
    /// So many rows of a table, or such an average, belong to it.
    Count {
        what: Measured,
        comparison: Comparison,
        number: Decimal,
        /// Whose: the table that the words before it name.
        of: Option<TableId>,
    },
    Exists {
        table: TableId,
        tokens: Range<usize>,
    },
    /// A year without a column.
    Year {
        comparison: Comparison,
        year: i32,
        near: Option<TableId>,
        tokens: Range<usize>,
    },
    Days {
        pick: Option<Pick>,
        period: Period,
        near: Option<TableId>,
        tokens: Range<usize>,
    },
    Best(Best),
}

/// Tests that stand together: under one `not`, after one `or`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Clause {
    pub(crate) negated: bool,
    /// Joined to the one before by `or`.
    pub(crate) alternative: bool,
    pub(crate) tests: Vec<Test>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) by: Measured,
    pub(crate) direction: Option<Direction>,
}

#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word that was said or not")]
pub(crate) struct Sketch {
    pub(crate) targets: Vec<Target>,
    pub(crate) distinct: bool,
    /// What the question is about.
    pub(crate) entity: Option<TableId>,
    pub(crate) groups: Vec<Noun>,
    pub(crate) clauses: Vec<Clause>,
    /// `both … and …`: each clause may hold for a row of its own.
    pub(crate) both: bool,
    pub(crate) best: Option<Best>,
    pub(crate) sort: Vec<SortKey>,
    pub(crate) change: Option<Change>,
    /// Groups were asked for with `by`.
    pub(crate) by: bool,
    /// Values stand against each other: each is a group.
    pub(crate) versus: bool,
    pub(crate) limit: Option<u32>,
    pub(crate) mentioned: Vec<TableId>,
    /// Pieces that found no place.
    pub(crate) unplaced: Vec<Range<usize>>,
}

impl Sketch {
    /// Whether rows are counted.
    pub(crate) fn counts(&self) -> bool {
        self.targets.iter().any(|target| matches!(target, Target::Count { .. }))
    }

    /// "The maximum power and the make": asked of no group, the row that has it is meant.
    pub(crate) fn settled(mut self) -> Self {
        let extreme = |target: &Target| match target {
            Target::Aggregate { aggregate: Aggregate::Max, of } => {
                Some((Direction::Descending, of.clone()))
            }
            Target::Aggregate { aggregate: Aggregate::Min, of } => {
                Some((Direction::Ascending, of.clone()))
            }
            _ => None,
        };
        let plain = |target: &Target| matches!(target, Target::Column(_) | Target::Entity(_));
        let extremes = self.targets.iter().filter_map(extreme).collect::<Vec<_>>();
        let others = self.targets.iter().filter(|target| plain(target)).count();
        let ungrouped = self.groups.is_empty() && self.best.is_none() && self.change.is_none();
        if let ([(direction, of)], true) = (extremes.as_slice(), ungrouped && others > 0)
            && others + 1 == self.targets.len()
        {
            for target in &mut self.targets {
                if extreme(target).is_some() {
                    *target = Target::Column(of.clone());
                }
            }
            self.best = Some(Best {
                direction: *direction,
                by: Measured::Column(of.clone()),
                number: None,
                of: None,
                tokens: of.tokens.clone(),
            });
        }
        self
    }
}
