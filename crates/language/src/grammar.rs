//! Segments to a draft: one pass from left to right that knows what was said just before.

mod limits;
mod nouns;

use std::ops::Range;

use pacioli_model::{Aggregate, Decimal, Direction, TimeGrain};

use crate::{
    draft::{Condition, Draft, Group, GroupKey, GroupOrigin, Ranked, Target, Unplaced, Wanted},
    keywords::Keyword,
    lexicon::TableWords,
    role::Role,
    segment::{Meaning, Segment},
    spelling::stem,
    token::Token,
};

/// What the words just read make of the next ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Free,
    /// After `by`.
    Group,
    /// After `with` or `where`.
    Condition,
    /// After `sorted by`.
    Sort,
}

/// Reads one choice of segments.
pub(crate) fn read(segments: &[Segment], tokens: &[Token], table: &TableWords<'_>) -> Draft {
    let mut reader = Reader {
        segments,
        tokens,
        table,
        draft: Draft::default(),
        mode: Mode::Free,
        pending: None,
        negation: None,
        number: None,
        date_column: None,
        at: 0,
    };
    while reader.at < segments.len() {
        let here = reader.at;
        reader.at += 1;
        reader.step(here);
    }
    reader.finish()
}

struct Reader<'a> {
    segments: &'a [Segment],
    tokens: &'a [Token],
    table: &'a TableWords<'a>,
    draft: Draft,
    mode: Mode,
    /// An aggregate that waits for its column.
    pending: Option<(Aggregate, Range<usize>)>,
    /// A `not` that waits for what it denies, and whether it has found some already.
    negation: Option<(Range<usize>, bool)>,
    /// A number that waits for its rank: "which 3 products sell best".
    number: Option<(u32, Range<usize>)>,
    /// A date column that waits for its dates.
    date_column: Option<(usize, Range<usize>)>,
    at: usize,
}

impl Reader<'_> {
    fn step(&mut self, here: usize) {
        let segments = self.segments;
        let segment = &segments[here];
        self.end_negation(&segment.meaning);
        match &segment.meaning {
            Meaning::Key(keyword) => self.keyword(here, *keyword),
            Meaning::Dates(period) => self.dates(here, period),
            Meaning::Number(value) => self.number(here, *value),
            Meaning::Column(column) => self.column(here, *column),
            Meaning::Values { column, values } => self.values(*column, values),
            Meaning::Rows => self.rows(here, true),
            Meaning::Unknown => self.misplaced(segment.tokens.clone(), None),
        }
    }

    /// "not in Germany and France" denies both; "not Germany by month" stops at "by".
    fn end_negation(&mut self, meaning: &Meaning) {
        let goes_on = matches!(
            meaning,
            Meaning::Values { .. }
                | Meaning::Column(_)
                | Meaning::Key(Keyword::And | Keyword::Or | Keyword::Stop | Keyword::Preposition)
        );
        if !goes_on && self.negation.as_ref().is_some_and(|(_, used)| *used) {
            self.negation = None;
        }
    }

    fn misplaced(&mut self, tokens: Range<usize>, reason: Option<&str>) {
        self.draft.unplaced.push(Unplaced { tokens, reason: reason.map(str::to_owned) });
    }

    /// The next segment after `here` that is more than a stop word.
    fn next_solid(&self, here: usize) -> Option<usize> {
        let silent = |segment: &Segment| {
            matches!(segment.meaning, Meaning::Key(Keyword::Stop | Keyword::Preposition))
        };
        (here + 1..self.segments.len()).find(|index| !silent(&self.segments[*index]))
    }

    fn next_meaning(&self, here: usize) -> Option<&Meaning> {
        self.next_solid(here).map(|index| &self.segments[index].meaning)
    }

    fn meaning_before(&self, here: usize) -> Option<&Meaning> {
        let silent = |meaning: &Meaning| matches!(meaning, Meaning::Key(Keyword::Stop));
        self.segments[..here].iter().rev().map(|segment| &segment.meaning).find(|m| !silent(m))
    }

    fn is_measure(&self, meaning: Option<&Meaning>) -> bool {
        matches!(meaning, Some(Meaning::Column(column)) if self.role(*column).measures())
    }

    fn role(&self, column: usize) -> Role {
        self.table.columns[column].role
    }

    fn plural(&self, tokens: &Range<usize>) -> bool {
        tokens.clone().last().is_some_and(|last| {
            let word = &self.tokens[last].word;
            stem(word) != *word || word.ends_with("people") || word == "staff"
        })
    }

    fn keyword(&mut self, here: usize, keyword: Keyword) {
        let tokens = self.segments[here].tokens.clone();
        match keyword {
            Keyword::Preposition if self.mode == Mode::Group => self.mode = Mode::Free,
            Keyword::Stop | Keyword::And | Keyword::Preposition => {}
            Keyword::Or => self.or(here),
            Keyword::By | Keyword::Each => self.by(here, keyword == Keyword::Each),
            Keyword::Not => {
                self.negation = Some((tokens, false));
                if self.mode == Mode::Group {
                    self.mode = Mode::Free;
                }
            }
            Keyword::With | Keyword::Where => self.mode = Mode::Condition,
            Keyword::Which | Keyword::List | Keyword::Distinct => self.listing(keyword),
            Keyword::HowMany => self.aggregate(Aggregate::Count, tokens),
            Keyword::Aggregate(aggregate) => self.aggregate(aggregate, tokens),
            Keyword::Rank(direction) => self.rank(here, direction),
            Keyword::Compare(_) | Keyword::Between => self.comparison_first(here),
            Keyword::Grain(grain) => self.grain(here, grain),
            Keyword::Every(grain) => {
                self.draft.each = true;
                self.group(GroupKey::Period(grain), GroupOrigin::By, &tokens);
            }
            Keyword::Trend => {
                self.draft.notes.push("Over time was read as by month.".to_owned());
                self.group(GroupKey::Period(TimeGrain::Month), GroupOrigin::By, &tokens);
            }
            Keyword::Sort => self.mode = Mode::Sort,
            Keyword::Alphabetical => self.draft.sorting.by_name = true,
            Keyword::Towards(direction) => self.draft.sorting.direction = Some(direction),
            Keyword::Rows => self.rows(here, false),
            Keyword::Event(names) => self.draft.event = Some(names),
            Keyword::Currency(code) => self.currency(code, tokens),
            Keyword::Beyond(reason) => self.misplaced(tokens, Some(reason)),
        }
    }

    fn listing(&mut self, keyword: Keyword) {
        match &mut self.pending {
            Some((aggregate @ Aggregate::Count, _)) if keyword == Keyword::Distinct => {
                *aggregate = Aggregate::CountDistinct;
            }
            _ => self.draft.list = true,
        }
    }

    fn currency(&mut self, code: &'static str, tokens: Range<usize>) {
        match &self.draft.currency {
            Some((known, _)) if *known != code => self.misplaced(tokens, None),
            _ => self.draft.currency = Some((code, tokens)),
        }
    }

    /// "Or" joins values of one column, or periods; nothing else yet.
    fn or(&mut self, here: usize) {
        let joins = match (self.meaning_before(here), self.next_meaning(here)) {
            (
                Some(Meaning::Values { column: left, .. }),
                Some(Meaning::Values { column: right, .. } | Meaning::Column(right)),
            ) => left == right,
            (Some(Meaning::Dates(_)), Some(Meaning::Dates(_))) => true,
            _ => false,
        };
        if !joins {
            let reason = "\"Or\" is understood between values of one column only.";
            self.misplaced(self.segments[here].tokens.clone(), Some(reason));
        }
    }

    fn by(&mut self, here: usize, each: bool) {
        let follows = matches!(
            self.next_meaning(here),
            Some(
                Meaning::Column(_)
                    | Meaning::Rows
                    | Meaning::Unknown
                    | Meaning::Key(
                        Keyword::Grain(_)
                            | Keyword::Every(_)
                            | Keyword::HowMany
                            | Keyword::Aggregate(_)
                            | Keyword::Rank(_)
                            | Keyword::Rows
                            | Keyword::Distinct
                    )
            )
        );
        if follows {
            self.mode = Mode::Group;
            self.draft.each |= each;
        } else {
            self.misplaced(self.segments[here].tokens.clone(), None);
        }
    }

    fn aggregate(&mut self, aggregate: Aggregate, tokens: Range<usize>) {
        if self.mode == Mode::Group {
            self.mode = Mode::Free;
        }
        match self.pending.take() {
            Some((Aggregate::Sum, before)) if aggregate == Aggregate::Count => {
                self.pending = Some((aggregate, before.start..tokens.end));
            }
            Some((_, before)) => {
                let reason = "A figure of figures cannot be computed yet.";
                self.misplaced(before.start..tokens.end, Some(reason));
            }
            None => self.pending = Some((aggregate, tokens)),
        }
    }

    fn rank(&mut self, here: usize, direction: Direction) {
        let tokens = self.segments[here].tokens.clone();
        if self.draft.rank.is_some() {
            return self.misplaced(tokens, None);
        }
        if self.mode == Mode::Group {
            self.mode = Mode::Free;
        }
        let next = self.next_meaning(here);
        let counts = matches!(next, Some(Meaning::Key(Keyword::HowMany | Keyword::Aggregate(_))));
        let of_measure = counts || self.is_measure(next);
        let number = self.number.take().map(|(number, _)| number);
        self.draft.rank = Some(Ranked { direction, number, of_measure, tokens });
    }

    fn number(&mut self, here: usize, value: Decimal) {
        let tokens = self.segments[here].tokens.clone();
        let count = u32::try_from(value.mantissa).ok().filter(|n| value.scale == 0 && *n > 0);
        let after_rank = matches!(self.meaning_before(here), Some(Meaning::Key(Keyword::Rank(_))));
        let rank_comes = self.segments[here..]
            .iter()
            .any(|segment| matches!(segment.meaning, Meaning::Key(Keyword::Rank(_))));
        match (count, &mut self.draft.rank) {
            (Some(count), Some(rank)) if after_rank && rank.number.is_none() => {
                rank.number = Some(count);
                rank.of_measure = false;
            }
            (Some(count), None) if rank_comes && self.number.is_none() => {
                self.number = Some((count, tokens));
            }
            _ => self.misplaced(tokens, None),
        }
    }

    fn grain(&mut self, here: usize, grain: TimeGrain) {
        let tokens = self.segments[here].tokens.clone();
        let named = self.draft.list || self.draft.rank.is_some();
        if self.mode == Mode::Sort {
            self.draft.sorting.by = Some(GroupKey::Period(grain));
            self.mode = Mode::Free;
        } else if self.mode == Mode::Group {
            self.group(GroupKey::Period(grain), GroupOrigin::By, &tokens);
        } else if named && self.pending.is_none() {
            self.group(GroupKey::Period(grain), GroupOrigin::Named, &tokens);
        } else if matches!(self.next_meaning(here), Some(Meaning::Key(Keyword::With))) {
            // "the month with the highest revenue"
            self.group(GroupKey::Period(grain), GroupOrigin::Named, &tokens);
        } else {
            self.misplaced(tokens, None);
        }
    }

    fn group(&mut self, key: GroupKey, origin: GroupOrigin, tokens: &Range<usize>) {
        if !self.draft.groups.iter().any(|group| group.key == key) {
            let plural = self.plural(tokens);
            self.draft.groups.push(Group { key, origin, plural, tokens: tokens.clone() });
        }
    }

    fn dates(&mut self, here: usize, period: &crate::calendar::Period) {
        if let Some((tokens, _)) = self.negation.take() {
            let reason = "Leaving out a period is not possible yet.";
            return self.misplaced(tokens.start..self.segments[here].tokens.end, Some(reason));
        }
        let column = self.date_column.take().map(|(column, _)| column);
        self.draft.periods.push((period.clone(), column));
        if self.mode == Mode::Group {
            self.mode = Mode::Free;
        }
    }

    fn values(&mut self, column: usize, values: &[String]) {
        let negated = match &mut self.negation {
            Some((_, used)) => {
                *used = true;
                true
            }
            None => false,
        };
        if self.mode == Mode::Group {
            self.mode = Mode::Free;
        }
        for condition in &mut self.draft.conditions {
            if let Condition::Values { column: known, values: all, negated: denied } = condition
                && *known == column
                && *denied == negated
            {
                all.extend(
                    values.iter().filter(|value| !all.contains(value)).cloned().collect::<Vec<_>>(),
                );
                return;
            }
        }
        self.draft.conditions.push(Condition::Values { column, values: values.to_vec(), negated });
    }

    fn column(&mut self, here: usize, column: usize) {
        let tokens = self.segments[here].tokens.clone();
        if self.mode == Mode::Sort {
            return self.sort_by(column, tokens);
        }
        if self.introduces_values(here, column) || self.compared(here, column) {
            return;
        }
        match self.role(column) {
            Role::Time => self.time_column(here, column),
            Role::Flag => self.flag(column, &tokens),
            role if role.measures() => self.measure(here, column),
            _ => self.dimension(here, column),
        }
    }

    fn sort_by(&mut self, column: usize, tokens: Range<usize>) {
        let aggregate = self.pending.take().map(|(aggregate, _)| aggregate);
        let is_known =
            self.draft.measures.iter().any(|wanted| wanted.target == Target::Column(column));
        if self.role(column).measures() && !is_known {
            self.draft.measures.push(Wanted { aggregate, target: Target::Column(column), tokens });
        }
        self.draft.sorting.by = Some(GroupKey::Column(column));
        self.mode = Mode::Free;
    }

    fn finish(mut self) -> Draft {
        let waiting = [
            self.pending.take().map(|(_, tokens)| tokens),
            self.negation.take().filter(|(_, used)| !used).map(|(tokens, _)| tokens),
            self.number.take().map(|(_, tokens)| tokens),
            self.date_column.take().map(|(_, tokens)| tokens),
        ];
        for tokens in waiting.into_iter().flatten() {
            self.misplaced(tokens, None);
        }
        self.draft.unplaced.sort_by_key(|unplaced| unplaced.tokens.start);
        self.draft
    }
}
