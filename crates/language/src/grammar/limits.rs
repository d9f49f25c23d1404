//! Filters: a column and its value, a column and its limits.

use std::ops::Range;

use pacioli_model::{ColumnType, Comparison, Decimal};

use super::{Mode, Reader};
use crate::{draft::Condition, keywords::Keyword, segment::Meaning};

impl Reader<'_> {
    /// "country Germany", "Nordics region", "channel is not online": the column only says where the
    /// value stands.
    pub(super) fn introduces_values(&mut self, here: usize, column: usize) -> bool {
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
    pub(super) fn compared(&mut self, here: usize, column: usize) -> bool {
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
    pub(super) fn signs(&mut self, segments: Range<usize>) {
        for index in segments {
            if let Meaning::Key(Keyword::Currency(code)) = self.segments[index].meaning {
                self.currency(code, self.segments[index].tokens.clone());
            }
        }
    }

    pub(super) fn bounded(
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
    pub(super) fn bounds(&self, at: usize) -> Option<(Vec<(Comparison, Decimal)>, usize)> {
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
    pub(super) fn comparison_first(&mut self, here: usize) {
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
