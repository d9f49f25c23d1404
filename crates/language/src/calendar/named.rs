//! Months, parts of years and years by their names.

use chrono::{Datelike as _, NaiveDate};

use super::{Reader, Single, closed, month_number, months_before, words};

impl Reader<'_> {
    /// `Q2 2025`, `2025 Q2`, `second quarter of last year`, `H1 2025`.
    pub(super) fn part_of_year(&self, at: usize) -> Option<(usize, Single)> {
        if let Some(year) = self.year(at)
            && let Some((length, months, index)) = self.part(at + 1)
        {
            let from = NaiveDate::from_ymd_opt(year, index * months + 1, 1)?;
            return closed(1 + length, from, months, false, false, Vec::new());
        }
        let (length, months, index) = self.part(at)?;
        let (more, year, relative) =
            self.trailing_year(at + length).unwrap_or((0, self.today.year(), true));
        let from = NaiveDate::from_ymd_opt(year, index * months + 1, 1)?;
        self.settled(length + more, from, months, more == 0, relative)
    }

    fn part(&self, at: usize) -> Option<(usize, u32, u32)> {
        let names = ["q1", "q2", "q3", "q4", "h1", "h2"];
        if let Some(found) = names.iter().position(|name| *name == self.word(at)) {
            let found = u32::try_from(found).ok()?;
            return Some(if found < 4 { (1, 3, found) } else { (1, 6, found - 4) });
        }
        let ordinals = ["first", "second", "third", "fourth"];
        let spelled = ordinals.iter().position(|word| *word == self.word(at));
        let typed = |at| self.integer(at).filter(|n| (1..=4).contains(n)).map(|n| n - 1);
        let index = spelled.and_then(|n| u32::try_from(n).ok()).or_else(|| typed(at))?;
        match self.word(at + 1) {
            "quarter" => Some((2, 3, index)),
            "half" if index < 2 => Some((2, 6, index)),
            _ => None,
        }
    }

    /// `March`, `March 2025`, `3 March 2025`, `March 3rd 2025`, `2025-03`.
    pub(super) fn month(&self, at: usize) -> Option<(usize, Single)> {
        if let Some(year) = self.year(at)
            && self.any(at + 1, &["-"])
            && self.word(at + 2).len() == 2
        {
            let from = NaiveDate::from_ymd_opt(year, self.integer(at + 2)?, 1)?;
            return closed(3, from, 1, false, false, Vec::new());
        }
        let day_first = self.integer(at).filter(|day| *day <= 31);
        let mut next = at + usize::from(day_first.is_some());
        next += usize::from(day_first.is_some() && self.any(next, &["of"]));
        let month = month_number(self.word(next))?;
        next += 1;
        let day_after = self.integer(next).filter(|day| day_first.is_none() && *day <= 31);
        next += usize::from(day_after.is_some());
        let (more, year, relative) =
            self.trailing_year(next).unwrap_or((0, self.today.year(), true));
        let months = u32::from(day_first.or(day_after).is_none());
        let from = NaiveDate::from_ymd_opt(year, month, day_first.or(day_after).unwrap_or(1))?;
        self.settled(next + more - at, from, months, more == 0, relative)
    }

    /// Without a year, the latest such period that has begun is meant; the answer says so.
    fn settled(
        &self,
        length: usize,
        from: NaiveDate,
        months: u32,
        bare: bool,
        relative: bool,
    ) -> Option<(usize, Single)> {
        let from = if bare && from > self.today { months_before(from, 12)? } else { from };
        let (length, mut single) = closed(length, from, months, bare, relative, Vec::new())?;
        if bare {
            let read = words(Some(single.from), Some(single.to));
            single.notes.push(format!("No year was named: read as {read}."));
        }
        Some((length, single))
    }

    pub(super) fn year_alone(&self, at: usize) -> Option<(usize, Single)> {
        let lead = match (self.word(at), self.word(at + 1)) {
            ("year", _) => 1,
            ("calendar", "year") => 2,
            _ => 0,
        };
        let from = NaiveDate::from_ymd_opt(self.year(at + lead)?, 1, 1)?;
        closed(lead + 1, from, 12, false, false, Vec::new())
    }

    fn year(&self, at: usize) -> Option<i32> {
        self.year_since(at, 1990)
    }

    /// A year of four digits. By itself an early one may as well be another number; after a month it is
    /// none.
    fn year_since(&self, at: usize, first: u32) -> Option<i32> {
        let plain = self.word(at).len() == 4 && self.word(at).bytes().all(|b| b.is_ascii_digit());
        self.integer(at).filter(|year| plain && (first..=2100).contains(year))?.try_into().ok()
    }

    /// `2025`, `of 2025`, `last year`: how many tokens, which year, whether today decides it.
    fn trailing_year(&self, at: usize) -> Option<(usize, i32, bool)> {
        let skip = usize::from(self.any(at, &["of", "in"]));
        if let Some(year) = self.year_since(at + skip, 1800) {
            return Some((skip + 1, year, false));
        }
        if !self.any(at + skip + 1, &["year"]) {
            return None;
        }
        match self.word(at + skip) {
            "this" | "current" => Some((skip + 2, self.today.year(), true)),
            "last" | "previous" => Some((skip + 2, self.today.year() - 1, true)),
            _ => None,
        }
    }
}
