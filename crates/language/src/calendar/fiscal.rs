//! The company's own year: it starts in a month of its own, and is named after the year it ends in.

use chrono::{Datelike as _, Days, NaiveDate};
use pacioli_model::TimeGrain;

use super::{Reader, Single, months_after, months_before, words};

impl Reader<'_> {
    /// `this fiscal year`, `last fiscal quarter`, `fiscal year 2026`, `FY2026`, `Q1 of fiscal 2026`,
    /// `fiscal year to date`.
    pub(super) fn fiscal(&self, at: usize) -> Option<(usize, Single)> {
        let company = self.company?;
        let (length, from, months, relative) = self
            .relative_fiscal(at, company.fiscal_year_start)
            .or_else(|| self.named_fiscal(at, company.fiscal_year_start))?;
        let to_date = self.any(at + length, &["to"]) && self.any(at + length + 1, &["date"]);
        let (length, to) = if to_date {
            (length + 2, self.today.checked_add_days(Days::new(1))?)
        } else {
            (length, months_after(from, months)?)
        };
        let notes = vec![format!("The fiscal period is {}.", words(Some(from), Some(to)))];
        Some((length, Single { from, to, relative, bare: false, notes }))
    }

    /// Counted from today: its first day and its months.
    fn relative_fiscal(&self, at: usize, start: u8) -> Option<(usize, NaiveDate, u32, bool)> {
        let (lead, back) = match self.word(at) {
            "this" | "current" => (1, 0),
            "last" | "previous" | "prior" => (1, 1),
            _ => (0, 0),
        };
        if !self.any(at + lead, &["fiscal", "financial"]) {
            return None;
        }
        let months = match self.word(at + lead + 1) {
            "year" => 12,
            "quarter" => 3,
            _ => return None,
        };
        // "fiscal year 2026" is no relative one.
        if lead == 0 && !self.any(at + 2, &["to"]) {
            return None;
        }
        let year = Self::fiscal_year_of(self.today, start)?;
        let quarter = (self.today.month0() + 12 - year.month0()) % 12 / 3 * 3;
        let current = if months == 3 { months_after(year, quarter)? } else { year };
        Some((lead + 2, months_before(current, back * months)?, months, true))
    }

    /// By its number.
    fn named_fiscal(&self, at: usize, start: u8) -> Option<(usize, NaiveDate, u32, bool)> {
        let part = match self.word(at) {
            "q1" => Some(0),
            "q2" => Some(3),
            "q3" => Some(6),
            "q4" => Some(9),
            _ => None,
        };
        let mut next = at + usize::from(part.is_some());
        next += usize::from(part.is_some() && self.any(next, &["of"]));
        let (length, number) = self.fiscal_number(next)?;
        let ends = i32::try_from(number).ok()?;
        let begins = if start <= 1 { ends } else { ends - 1 };
        let year = NaiveDate::from_ymd_opt(begins, u32::from(start.max(1)), 1)?;
        let from = months_after(year, part.unwrap_or(0))?;
        Some((next + length - at, from, if part.is_some() { 3 } else { 12 }, false))
    }

    /// `FY2026`, `FY 26`, `fiscal year 2026`, `fiscal 2026`.
    fn fiscal_number(&self, at: usize) -> Option<(usize, u32)> {
        let full = |number: u32| if number < 100 { 2000 + number } else { number };
        if let Some(digits) = self.word(at).strip_prefix("fy").filter(|digits| !digits.is_empty()) {
            return digits.parse().ok().map(|number| (1, full(number)));
        }
        let lead = match (self.word(at), self.word(at + 1)) {
            ("fiscal" | "financial", "year") => 2,
            ("fiscal" | "financial" | "fy", _) => 1,
            _ => return None,
        };
        self.integer(at + lead).map(|number| (lead + 1, full(number)))
    }

    /// The first day of the fiscal year that holds a day.
    fn fiscal_year_of(day: NaiveDate, start: u8) -> Option<NaiveDate> {
        let month = u32::from(start.clamp(1, 12));
        let year = if day.month() >= month { day.year() } else { day.year() - 1 };
        NaiveDate::from_ymd_opt(year, month, 1)
    }

    /// `next month`: the whole one to come. `the next 14 days`: from today on, today and the days after
    /// it.
    pub(super) fn next(&self, at: usize) -> Option<(usize, Single)> {
        self.company?;
        if !self.any(at, &["next", "coming"]) {
            return None;
        }
        if let Some(grain) = super::grain(self.word(at + 1)) {
            let from = super::step(self.floor(grain)?, grain, 1)?;
            let to = super::step(from, grain, 1)?;
            return Some((2, Single { from, to, relative: true, bare: false, notes: Vec::new() }));
        }
        let count = self.integer(at + 1).filter(|count| (1..=10_000).contains(count))?;
        let grain = super::grain(self.word(at + 2))?;
        let to = super::step(self.today, grain, i64::from(count))?;
        let to = if grain == TimeGrain::Day || grain == TimeGrain::Week {
            to.checked_add_days(Days::new(1))?
        } else {
            to
        };
        Some((3, Single { from: self.today, to, relative: true, bare: false, notes: Vec::new() }))
    }
}

#[cfg(test)]
mod tests {
    use pacioli_model::WeekStart;

    use super::super::{Company, read_for, words};
    use crate::token::tokenise;

    fn read(text: &str, fiscal_year_start: u8, week_start: WeekStart) -> String {
        let company =
            Company { today: "2026-06-17".parse().unwrap(), fiscal_year_start, week_start };
        read_for(&tokenise(text), company).map_or(String::new(), |(length, period)| {
            format!("{length}: {}", words(period.from, period.to))
        })
    }

    #[test]
    fn a_company_has_a_year_and_a_week_of_its_own() {
        let monday = WeekStart::Monday;
        for (text, start, week, expect) in [
            ("this fiscal year", 4, monday, "3: 1 April 2026 to 31 March 2027"),
            ("last fiscal year", 4, monday, "3: 1 April 2025 to 31 March 2026"),
            ("fiscal year 2026", 4, monday, "3: 1 April 2025 to 31 March 2026"),
            ("FY2026", 1, monday, "1: 2026"),
            ("FY 26", 10, monday, "2: 1 October 2025 to 30 September 2026"),
            ("Q1 of fiscal year 2026", 4, monday, "5: 1 April 2025 to 30 June 2025"),
            ("last fiscal quarter", 4, monday, "3: 1 January 2026 to 31 March 2026"),
            ("fiscal year to date", 4, monday, "4: 1 April 2026 to 17 June 2026"),
            ("this week", 1, monday, "2: 15 June 2026 to 21 June 2026"),
            ("this week", 1, WeekStart::Sunday, "2: 14 June 2026 to 20 June 2026"),
            ("last week", 1, WeekStart::Saturday, "2: 6 June 2026 to 12 June 2026"),
            ("next 14 days", 1, monday, "3: 17 June 2026 to 1 July 2026"),
            ("next quarter", 1, monday, "2: 1 July 2026 to 30 September 2026"),
            ("last full month", 1, monday, "3: May 2026"),
        ] {
            assert_eq!(read(text, start, week), expect, "{text}");
        }
    }
}
