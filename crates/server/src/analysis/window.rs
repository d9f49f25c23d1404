//! Which days a report is about.

use chrono::{Datelike, NaiveDate};
use pacioli_insights::{first_day, step, step_back};
use pacioli_model::{TimeGrain, Window};

/// What a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compare {
    /// The same days a year before; the days just before where the data does not reach so far back.
    #[default]
    Usual,
    /// As many days just before.
    Previous,
    /// The same days a year before.
    YearBefore,
}

/// A run of whole months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// First day of the first.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
}

impl Periods {
    /// Reads `2025`, `2025-Q3`, `2025-11` and `2025-01/2025-06`; nothing where it is none of them, or
    /// ends before it begins.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((from, to)) = text.split_once('/') {
            let (from, to) = (Self::parse(from)?, Self::parse(to)?);
            return (from.from < to.to).then_some(Self { from: from.from, to: to.to });
        }
        let (year, rest) =
            text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
        let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
        let year: i32 = year.parse().ok().filter(|_| is_year)?;
        let (month, grain) = match rest {
            None => (1, TimeGrain::Year),
            Some(quarter) if quarter.starts_with(['Q', 'q']) => {
                let number: u32 = quarter[1..].parse().ok()?;
                ((1..=4).contains(&number).then_some(number * 3 - 2)?, TimeGrain::Quarter)
            }
            Some(month) if month.len() == 2 => (month.parse().ok()?, TimeGrain::Month),
            Some(_) => return None,
        };
        let from = NaiveDate::from_ymd_opt(year, month, 1)?;
        Some(Self { from, to: step(grain, from, 1) })
    }

    /// The last month that is over and that the data covers to its end.
    pub fn last_complete(today: NaiveDate, data_until: NaiveDate) -> Self {
        let to = first_day(TimeGrain::Month, edge(today, data_until));
        Self { from: step_back(TimeGrain::Month, to, 1), to }
    }

    /// How many months.
    pub fn months(self) -> usize {
        let months = |day: NaiveDate| day.year() * 12 + i32::try_from(day.month0()).unwrap_or(0);
        usize::try_from(months(self.to) - months(self.from)).unwrap_or(0)
    }

    /// These months, as a window of data that ends before `edge`.
    pub fn window(self, edge: NaiveDate) -> Window {
        Window { from: self.from, to: self.to, grain: TimeGrain::Month, complete: self.to <= edge }
    }

    /// What they are compared with, where data from `first` on reaches there.
    pub fn against(self, compare: Compare, first: NaiveDate) -> Option<Self> {
        let back = |months| Self {
            from: step_back(TimeGrain::Month, self.from, months),
            to: step_back(TimeGrain::Month, self.to, months),
        };
        // The same days of an earlier year, and never days of the period itself.
        let (year, previous) = (back(12 * self.months().div_ceil(12)), back(self.months()));
        let tried = match compare {
            Compare::Usual => vec![year, previous],
            Compare::Previous => vec![previous],
            Compare::YearBefore => vec![year],
        };
        tried.into_iter().find(|it| it.from >= first)
    }
}

/// The day that data and time both have come to: the first one that is not covered.
pub fn edge(today: NaiveDate, data_until: NaiveDate) -> NaiveDate {
    data_until.succ_opt().map_or(today, |next| next.min(today))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_they_are_written() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (text, expect) in [
            ("2025", Some(("2025-01-01", "2026-01-01"))),
            ("2025-Q3", Some(("2025-07-01", "2025-10-01"))),
            ("2025-11", Some(("2025-11-01", "2025-12-01"))),
            ("2024-11/2025-Q1", Some(("2024-11-01", "2025-04-01"))),
            ("2025-13", None),
            ("2025-Q5", None),
            ("25", None),
            ("2025-1", None),
            ("2025/2024", None),
            ("last year", None),
            ("2025-Qé", None),
            ("", None),
        ] {
            let expect = expect.map(|(from, to)| Periods { from: day(from), to: day(to) });
            assert_eq!(Periods::parse(text), expect, "{text}");
        }
    }

    #[test]
    fn a_period_is_compared_with_whole_earlier_ones() {
        let read = |text: &str| Periods::parse(text).unwrap();
        let first = "2024-01-01".parse().unwrap();
        let against = |text: &str, compare| read(text).against(compare, first);
        assert_eq!(against("2025-03", Compare::Usual), Some(read("2024-03")));
        assert_eq!(against("2024-03", Compare::Usual), Some(read("2024-02")));
        assert_eq!(against("2024-03", Compare::YearBefore), None);
        assert_eq!(against("2025", Compare::Previous), Some(read("2024")));
        let until = "2025-12-31".parse().unwrap();
        let last = Periods::last_complete("2026-11-26".parse().unwrap(), until);
        assert_eq!(last, read("2025-12"));
        let running = Periods::last_complete("2025-06-17".parse().unwrap(), until);
        assert_eq!(running, read("2025-05"));
    }
}
