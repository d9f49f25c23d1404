//! Columns and rows: whether a noun is measured, counted, grouped, listed or only named.

use std::ops::Range;

use pacioli_model::Aggregate;

use super::{Mode, Reader};
use crate::{
    draft::{Condition, GroupKey, GroupOrigin, Subject, Target, Wanted},
    keywords::Keyword,
    role::{KEY_TAILS, Role},
    segment::{Meaning, Segment},
    spelling::stem,
    synonyms,
};

/// Why an average of parts is refused.
const NESTED: &str = "Each row is only a part of it, so the average would need a total first, which is not possible yet.";

impl Reader<'_> {
    pub(super) fn time_column(&mut self, here: usize, column: usize) {
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

    pub(super) fn flag(&mut self, column: usize, tokens: &Range<usize>) {
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

    pub(super) fn measure(&mut self, here: usize, column: usize) {
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

    pub(super) fn want(
        &mut self,
        aggregate: Option<Aggregate>,
        target: Target,
        tokens: Range<usize>,
    ) {
        let same = |wanted: &Wanted| wanted.target == target && wanted.aggregate == aggregate;
        if !self.draft.measures.iter().any(same) {
            self.draft.measures.push(Wanted { aggregate, target, tokens });
        }
    }

    pub(super) fn dimension(&mut self, here: usize, column: usize) {
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
    pub(super) fn ranks_by_count(&self, here: usize) -> bool {
        let after_rank = matches!(self.meaning_before(here), Some(Meaning::Key(Keyword::Rank(_))));
        after_rank && (self.draft.subject.is_some() || !self.draft.groups.is_empty())
    }

    /// Whether the words are about a key as such: "order number", and not "orders".
    pub(super) fn says_key(&self, tokens: &Range<usize>) -> bool {
        tokens
            .clone()
            .last()
            .is_some_and(|last| KEY_TAILS.contains(&stem(&self.tokens[last].word).as_str()))
    }

    /// "Total sales" is an amount, though the rows are sales too.
    pub(super) fn says_revenue(&self, tokens: &Range<usize>) -> bool {
        tokens.clone().any(|token| synonyms::meaning(&self.tokens[token].word) == Some("revenue"))
    }

    /// Whether an aggregate was asked for in words of time: "first", "latest".
    pub(super) fn speaks_of_time(&self, tokens: &Range<usize>) -> bool {
        let words = ["first", "last", "earliest", "latest", "oldest", "newest", "recent"];
        tokens.clone().any(|token| words.contains(&self.tokens[token].word.as_str()))
    }

    /// The aggregate that `start` was read as.
    pub(super) fn aggregate_at(
        &self,
        here: usize,
        start: Range<usize>,
    ) -> Option<(Aggregate, Range<usize>)> {
        self.segments[..here].iter().rev().find_map(|segment| match segment.meaning {
            Meaning::Key(Keyword::Aggregate(aggregate)) if segment.tokens.start == start.start => {
                Some((aggregate, start.clone()))
            }
            _ => None,
        })
    }

    /// Nothing but small words, numbers and other listed columns since `list` or `which`.
    pub(super) fn after_listing(&self, here: usize) -> bool {
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
    pub(super) fn named(&mut self, here: usize, target: Target, tokens: Range<usize>) {
        let is_value = |segment: &&Segment| matches!(segment.meaning, Meaning::Values { .. });
        let before = self.segments[..here].iter().rev().find(|segment| !is_value(segment));
        let narrowed = before
            .is_some_and(|segment| matches!(segment.meaning, Meaning::Key(Keyword::Preposition)));
        let after_what_is_asked = !self.draft.measures.is_empty() || !self.draft.groups.is_empty();
        if narrowed && after_what_is_asked {
            // "revenue of customers in Germany" says whose revenue; "revenue of regions", where nothing
            // tells which ones, of each.
            let of = here.checked_sub(1).map(|before| self.segments[before].tokens.clone());
            if let Target::Column(column) = target
                && of.is_some_and(|it| self.tokens[it].iter().any(|token| token.word == "of"))
                && self.segments[here + 1..].is_empty()
                && self.plural(&tokens)
            {
                self.group(GroupKey::Column(column), GroupOrigin::By, &tokens);
            }
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
    pub(super) fn rows(&mut self, here: usize, by_name: bool) {
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

    pub(super) fn group_by_rows(&mut self, key: Option<usize>, tokens: Range<usize>) {
        let origin = if self.mode == Mode::Group { GroupOrigin::By } else { GroupOrigin::Named };
        match key {
            Some(key) => self.group(GroupKey::Column(key), origin, &tokens),
            None if origin == GroupOrigin::Named && self.draft.groups.is_empty() => {
                self.misplaced(tokens, Some("Single rows cannot be listed yet."));
            }
            None => self.misplaced(tokens, None),
        }
    }
}
