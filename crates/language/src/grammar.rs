//! Segments to a draft: one pass from left to right that knows what was said just before.

use std::ops::Range;

use pacioli_model::{Aggregate, ColumnType, Comparison, Decimal, Direction, TimeGrain};

use crate::{
    draft::{
        Condition, Draft, Group, GroupKey, GroupOrigin, Ranked, Subject, Target, Unplaced, Wanted,
    },
    keywords::Keyword,
    lexicon::TableWords,
    role::{KEY_TAILS, Role},
    segment::{Meaning, Segment},
    spelling::stem,
    synonyms,
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

const NESTED: &str = "Each row is only a part of it, so the average would need a total first, which is not possible yet.";

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
            Keyword::Stop | Keyword::And => {}
            Keyword::Preposition if self.mode == Mode::Group => self.mode = Mode::Free,
            Keyword::Preposition => {}
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

    /// "country Germany", "Nordics region", "channel is not online": the column only says where the
    /// value stands.
    fn introduces_values(&mut self, here: usize, column: usize) -> bool {
        if self.mode == Mode::Group {
            return false;
        }
        let same = |meaning: Option<&Meaning>| matches!(meaning, Some(Meaning::Values { column: other, .. }) if *other == column);
        if here > 0 && same(Some(&self.segments[here - 1].meaning)) {
            return true;
        }
        let Some(mut next) = self.next_solid(here) else { return false };
        let mut denies = false;
        if let Meaning::Key(word @ (Keyword::Not | Keyword::Compare(_))) =
            self.segments[next].meaning
        {
            denies = matches!(word, Keyword::Not | Keyword::Compare(Comparison::NotEqual));
            let equal = matches!(word, Keyword::Compare(Comparison::Equal));
            let Some(after) = self.next_solid(next).filter(|_| denies || equal) else {
                return false;
            };
            if same(Some(&self.segments[after].meaning)) {
                self.at = after;
            }
            next = after;
        }
        let introduces = same(Some(&self.segments[next].meaning));
        if introduces && denies {
            self.negation = Some((self.segments[here].tokens.clone(), true));
        }
        introduces
    }

    /// "amount over 10k", "quantity between 5 and 10".
    fn compared(&mut self, here: usize, column: usize) -> bool {
        let Some(next) = self.next_solid(here) else { return false };
        if !self.table.columns[column].column.data_type.is_number() || self.mode == Mode::Group {
            return false;
        }
        let Some((bounds, end)) = self.bounds(next) else { return false };
        self.signs(next..end);
        self.bounded(column, bounds, self.segments[here].tokens.start, end);
        self.at = end;
        true
    }

    /// Currencies named inside a comparison.
    fn signs(&mut self, segments: Range<usize>) {
        for index in segments {
            if let Meaning::Key(Keyword::Currency(code)) = self.segments[index].meaning {
                self.currency(code, self.segments[index].tokens.clone());
            }
        }
    }

    fn bounded(
        &mut self,
        column: usize,
        mut bounds: Vec<(Comparison, Decimal)>,
        start: usize,
        end: usize,
    ) {
        let tokens = start..self.segments[end - 1].tokens.end;
        if let Some((denied, _)) = self.negation.take() {
            match bounds.as_mut_slice() {
                [(comparison, _)] => *comparison = opposite(*comparison),
                _ => return self.misplaced(denied.start..tokens.end, None),
            }
        }
        let integer = self.table.columns[column].column.data_type == ColumnType::Integer;
        let whole = bounds.iter().all(|(_, value)| value.scale == 0 || !integer);
        if !whole {
            return self.misplaced(tokens, Some("The column holds whole numbers only."));
        }
        let of_rows = self.mode == Mode::Condition;
        self.draft.conditions.push(Condition::Numbers { column, bounds, tokens, of_rows });
    }

    /// The comparison that begins at segment `at`, and the segment after it.
    fn bounds(&self, at: usize) -> Option<(Vec<(Comparison, Decimal)>, usize)> {
        let number = |index: usize| match self.segments.get(index)?.meaning {
            Meaning::Number(value) => Some(value),
            _ => None,
        };
        // "$" stands before its number.
        let skip = |index: usize| {
            let sign = self.segments.get(index).map(|segment| &segment.meaning);
            index
                + usize::from(matches!(
                    sign,
                    Some(Meaning::Key(Keyword::Currency(_) | Keyword::Stop))
                ))
        };
        match self.segments.get(at)?.meaning {
            Meaning::Key(Keyword::Compare(comparison)) => {
                let at = skip(at + 1);
                Some((vec![(comparison, number(at)?)], at + 1))
            }
            Meaning::Key(Keyword::Between) => {
                let (low, high) = (number(at + 1)?, number(at + 3)?);
                let joined = matches!(self.segments[at + 2].meaning, Meaning::Key(Keyword::And));
                let bounds =
                    vec![(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)];
                joined.then_some((bounds, at + 4))
            }
            _ => None,
        }
    }

    /// "more than 5 units": the column comes after the number.
    fn comparison_first(&mut self, here: usize) {
        let start = self.segments[here].tokens.start;
        let Some((bounds, end)) = self.bounds(here) else {
            return self.misplaced(self.segments[here].tokens.clone(), None);
        };
        let unit = self.segments.get(end).map(|segment| &segment.meaning);
        let end = end + usize::from(matches!(unit, Some(Meaning::Key(Keyword::Currency(_)))));
        self.signs(here..end);
        match self.next_solid(end - 1).map(|next| (next, &self.segments[next].meaning)) {
            Some((next, Meaning::Column(column))) if self.role(*column).measures() => {
                let column = *column;
                self.at = next + 1;
                self.bounded(column, bounds, start, next + 1);
            }
            _ => {
                self.at = end;
                let reason = "The question does not say which column the number limits.";
                self.misplaced(start..self.segments[end - 1].tokens.end, Some(reason));
            }
        }
    }

    fn time_column(&mut self, here: usize, column: usize) {
        let tokens = self.segments[here].tokens.clone();
        let dates_follow = matches!(self.next_meaning(here), Some(Meaning::Dates(_)));
        match self.pending.take() {
            Some((aggregate @ (Aggregate::Min | Aggregate::Max), start)) => {
                self.want(Some(aggregate), Target::Column(column), start.start..tokens.end);
            }
            Some((Aggregate::Count | Aggregate::CountDistinct, start)) => {
                let distinct = Some(Aggregate::CountDistinct);
                self.want(distinct, Target::Column(column), start.start..tokens.end);
            }
            Some((_, start)) => self.misplaced(start.start..tokens.end, None),
            None if dates_follow => self.date_column = Some((column, tokens)),
            None if self.mode == Mode::Group => {
                self.group(GroupKey::Column(column), GroupOrigin::By, &tokens);
            }
            None if self.draft.list => {
                self.group(GroupKey::Column(column), GroupOrigin::Named, &tokens);
            }
            None => self.misplaced(tokens, None),
        }
    }

    fn flag(&mut self, column: usize, tokens: &Range<usize>) {
        if self.mode == Mode::Group {
            return self.group(GroupKey::Column(column), GroupOrigin::By, tokens);
        }
        let value = self.negation.take().is_none();
        self.draft.conditions.push(Condition::Flag { column, value });
        match self.pending.take() {
            Some((Aggregate::Count, start)) => {
                self.want(Some(Aggregate::Count), Target::Rows, start.start..tokens.end);
            }
            other => self.pending = other,
        }
        if value && self.draft.subject.is_none() && self.mode == Mode::Free {
            self.draft.subject =
                Some(Subject { target: Target::Rows, plural: true, tokens: tokens.clone() });
        }
    }

    fn measure(&mut self, here: usize, column: usize) {
        let tokens = self.segments[here].tokens.clone();
        let target = Target::Column(column);
        match self.pending.take() {
            Some((Aggregate::Count, start)) if self.role(column) == Role::Quantity => {
                self.want(Some(Aggregate::Sum), target, start.start..tokens.end);
            }
            Some((Aggregate::Count, start)) => self.misplaced(start.start..tokens.end, None),
            Some((_, start)) if self.speaks_of_time(&start) => {
                self.misplaced(start.start..tokens.end, None);
            }
            Some((aggregate, start)) => self.want(Some(aggregate), target, start.start..tokens.end),
            None => {
                let joined = matches!(self.meaning_before(here), Some(Meaning::Key(Keyword::And)));
                let last = self.draft.measures.last().and_then(|wanted| wanted.aggregate);
                self.want(last.filter(|_| joined), target, tokens);
            }
        }
        if self.mode == Mode::Group {
            self.mode = Mode::Free;
        }
    }

    fn want(&mut self, aggregate: Option<Aggregate>, target: Target, tokens: Range<usize>) {
        let same = |wanted: &Wanted| wanted.target == target && wanted.aggregate == aggregate;
        if !self.draft.measures.iter().any(same) {
            self.draft.measures.push(Wanted { aggregate, target, tokens });
        }
    }

    fn dimension(&mut self, here: usize, column: usize) {
        let tokens = self.segments[here].tokens.clone();
        let measure_follows = self.segments.get(here + 1).map(|segment| &segment.meaning);
        let measure_follows = self.is_measure(measure_follows);
        let key = GroupKey::Column(column);
        if self.ranks_by_count(here) {
            return self.want(Some(Aggregate::CountDistinct), Target::Column(column), tokens);
        }
        let unranked = self.draft.rank.is_some() && self.draft.groups.is_empty();
        match self.pending.take() {
            Some((Aggregate::Average | Aggregate::Min | Aggregate::Max, start))
                if measure_follows =>
            {
                if self.table.is_unique(column) {
                    self.pending = self.aggregate_at(here, start);
                } else {
                    self.misplaced(start.start..tokens.end, Some(NESTED));
                }
            }
            Some((Aggregate::Sum, start)) if measure_follows => {
                self.pending = Some((Aggregate::Sum, start));
            }
            Some((Aggregate::Average | Aggregate::Min | Aggregate::Max, start)) => {
                self.misplaced(start.start..tokens.end, None);
            }
            Some((Aggregate::Sum, start)) if self.says_key(&tokens) => {
                self.misplaced(start.start..tokens.end, Some("A key is not added up."));
            }
            Some((_, start)) => {
                let distinct = Some(Aggregate::CountDistinct);
                self.want(distinct, Target::Column(column), start.start..tokens.end);
            }
            None if self.mode == Mode::Group => self.group(key, GroupOrigin::By, &tokens),
            None if unranked || self.draft.list && self.after_listing(here) => {
                self.group(key, GroupOrigin::Named, &tokens);
            }
            None if measure_follows && self.role(column) == Role::Identifier => {}
            None => self.named(here, Target::Column(column), tokens),
        }
    }

    /// "The customer with the most orders": what follows the rank is counted.
    fn ranks_by_count(&self, here: usize) -> bool {
        let after_rank = matches!(self.meaning_before(here), Some(Meaning::Key(Keyword::Rank(_))));
        after_rank && (self.draft.subject.is_some() || !self.draft.groups.is_empty())
    }

    /// Whether the words are about a key as such: "order number", and not "orders".
    fn says_key(&self, tokens: &Range<usize>) -> bool {
        tokens
            .clone()
            .last()
            .is_some_and(|last| KEY_TAILS.contains(&stem(&self.tokens[last].word).as_str()))
    }

    /// "Total sales" is an amount, though the rows are sales too.
    fn says_revenue(&self, tokens: &Range<usize>) -> bool {
        tokens.clone().any(|token| synonyms::meaning(&self.tokens[token].word) == Some("revenue"))
    }

    /// Whether an aggregate was asked for in words of time: "first", "latest".
    fn speaks_of_time(&self, tokens: &Range<usize>) -> bool {
        let words = ["first", "last", "earliest", "latest", "oldest", "newest", "recent"];
        tokens.clone().any(|token| words.contains(&self.tokens[token].word.as_str()))
    }

    /// The aggregate that `start` was read as.
    fn aggregate_at(&self, here: usize, start: Range<usize>) -> Option<(Aggregate, Range<usize>)> {
        self.segments[..here].iter().rev().find_map(|segment| match segment.meaning {
            Meaning::Key(Keyword::Aggregate(aggregate)) if segment.tokens.start == start.start => {
                Some((aggregate, start.clone()))
            }
            _ => None,
        })
    }

    /// Nothing but small words, numbers and other listed columns since `list` or `which`.
    fn after_listing(&self, here: usize) -> bool {
        let before = self.segments[..here].iter().rev();
        let mut passed = before.skip_while(|segment| {
            let listed = |column| {
                self.draft.groups.iter().any(|group| group.key == GroupKey::Column(column))
            };
            match segment.meaning {
                Meaning::Key(Keyword::And | Keyword::Stop | Keyword::Distinct)
                | Meaning::Number(_) => !matches!(segment.meaning, Meaning::Key(Keyword::Distinct)),
                Meaning::Column(column) => listed(column),
                _ => false,
            }
        });
        matches!(
            passed.next().map(|segment| &segment.meaning),
            Some(Meaning::Key(Keyword::Which | Keyword::List | Keyword::Distinct))
        )
    }

    /// A noun that no verb asks for.
    fn named(&mut self, here: usize, target: Target, tokens: Range<usize>) {
        let is_value = |segment: &&Segment| matches!(segment.meaning, Meaning::Values { .. });
        let before = self.segments[..here].iter().rev().find(|segment| !is_value(segment));
        let narrowed = before
            .is_some_and(|segment| matches!(segment.meaning, Meaning::Key(Keyword::Preposition)));
        let after_what_is_asked = !self.draft.measures.is_empty() || !self.draft.groups.is_empty();
        if narrowed && after_what_is_asked {
            // "revenue of customers in Germany": whose revenue, and no breakdown.
            return;
        }
        if self.draft.subject.is_some() {
            self.misplaced(tokens, None);
        } else {
            let plural = self.plural(&tokens);
            self.draft.subject = Some(Subject { target, plural, tokens });
        }
    }

    /// What one row is called; `by_name` when it is the table's own name.
    fn rows(&mut self, here: usize, by_name: bool) {
        let tokens = self.segments[here].tokens.clone();
        let key = self.table.own_key().filter(|_| by_name);
        let measure_follows =
            self.is_measure(self.segments.get(here + 1).map(|next| &next.meaning));
        let in_parts = key.filter(|key| !self.table.is_unique(*key));
        if self.ranks_by_count(here) && !measure_follows {
            let target = in_parts.map_or(Target::Rows, Target::Column);
            let counting = in_parts.map_or(Aggregate::Count, |_| Aggregate::CountDistinct);
            return self.want(Some(counting), target, tokens);
        }
        match (self.pending.take(), in_parts) {
            (Some((Aggregate::Count | Aggregate::CountDistinct, start)), Some(key)) => {
                let distinct = Some(Aggregate::CountDistinct);
                self.want(distinct, Target::Column(key), start.start..tokens.end);
            }
            (Some((Aggregate::Count | Aggregate::CountDistinct, start)), None) => {
                self.want(Some(Aggregate::Count), Target::Rows, start.start..tokens.end);
            }
            (Some((Aggregate::Sum, start)), _)
                if !measure_follows && self.says_revenue(&tokens) =>
            {
                self.misplaced(start.start..tokens.end, None);
            }
            (Some((Aggregate::Sum, start)), _) if !measure_follows => {
                self.want(Some(Aggregate::Sum), Target::Rows, start.start..tokens.end);
            }
            (Some((Aggregate::Sum, start)), _) => self.pending = Some((Aggregate::Sum, start)),
            (Some(pending), None) if measure_follows => self.pending = Some(pending),
            (Some((_, start)), Some(_)) => self.misplaced(start.start..tokens.end, Some(NESTED)),
            (Some((_, start)), None) => self.misplaced(start.start..tokens.end, None),
            (None, _)
                if self.mode == Mode::Group || (self.draft.rank.is_some() && !measure_follows) =>
            {
                self.group_by_rows(self.table.own_name().filter(|_| by_name), tokens);
            }
            (None, _) if measure_follows => {}
            (None, _) => self.named(here, Target::Rows, tokens),
        }
    }

    fn group_by_rows(&mut self, key: Option<usize>, tokens: Range<usize>) {
        let origin = if self.mode == Mode::Group { GroupOrigin::By } else { GroupOrigin::Named };
        match key {
            Some(key) => self.group(GroupKey::Column(key), origin, &tokens),
            None if origin == GroupOrigin::Named && self.draft.groups.is_empty() => {
                self.misplaced(tokens, Some("Single rows cannot be listed yet."));
            }
            None => self.misplaced(tokens, None),
        }
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

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}
