//! Which days a report is about.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use pacioli_insights::{cycle, first_day, step, step_back};
use pacioli_model::{Compare, TimeGrain, Window};

/// More months than these are looked at by quarters.
const MONTHLY: usize = 24;

/// A run of whole periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// First day of the first.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
    /// Which periods: weeks, months or quarters.
    pub grain: TimeGrain,
}

impl Periods {
    /// Reads `2025`, `2025-Q3`, `2025-11`, `2025-W23` (the weeks of ISO 8601), and two of them with a slash
    /// between. They are looked at by weeks where weeks are named, by quarters where they are more than two
    /// years of whole quarters, else by months. Nothing where the text is none of them, or ends before it
    /// begins.
    pub fn parse(text: &str) -> Option<Self> {
        let ((from, _, first), (_, to, last)) = match text.split_once('/') {
            Some((from, to)) => (named(from)?, named(to)?),
            None => (named(text)?, named(text)?),
        };
        let of_weeks = [first, last].contains(&TimeGrain::Week);
        // Weeks and months begin on other days.
        if from >= to || of_weeks && first != last {
            return None;
        }
        let by = |grain| Self { from, to, grain };
        if of_weeks {
            return Some(by(TimeGrain::Week));
        }
        let months = by(TimeGrain::Month);
        Some(months.by(TimeGrain::Quarter).filter(|_| months.count() > MONTHLY).unwrap_or(months))
    }

    /// The same days by other periods, where they are whole ones of these.
    pub fn by(self, grain: TimeGrain) -> Option<Self> {
        let whole = [self.from, self.to].into_iter().all(|day| first_day(grain, day) == day);
        whole.then_some(Self { grain, ..self })
    }

    /// The last period that is over and that the data covers to its end.
    pub fn last_complete(edge: NaiveDate, grain: TimeGrain) -> Self {
        let to = first_day(grain, edge);
        Self { from: step_back(grain, to, 1), to, grain }
    }

    /// How many periods.
    pub fn count(self) -> usize {
        let months = |day: NaiveDate| day.year() * 12 + i32::try_from(day.month0()).unwrap_or(0);
        let months = i64::from(months(self.to) - months(self.from));
        let count = match self.grain {
            TimeGrain::Day => (self.to - self.from).num_days(),
            TimeGrain::Week => (self.to - self.from).num_days() / 7,
            TimeGrain::Month => months,
            TimeGrain::Quarter => months / 3,
            TimeGrain::Year => months / 12,
        };
        usize::try_from(count).unwrap_or(0)
    }

    /// These periods, as a window of data that ends before `edge`.
    pub fn window(self, edge: NaiveDate) -> Window {
        Window { from: self.from, to: self.to, grain: self.grain, complete: self.to <= edge }
    }

    /// What they are compared with, where data from `first` on reaches there.
    pub fn against(self, compare: Compare, first: NaiveDate) -> Option<Self> {
        let back = |periods| Self {
            from: step_back(self.grain, self.from, periods),
            to: step_back(self.grain, self.to, periods),
            ..self
        };
        // The same days of an earlier year, and never days of the period itself.
        let in_year = cycle(self.grain);
        let year = back(in_year * self.count().div_ceil(in_year));
        let previous = back(self.count());
        let tried = match compare {
            Compare::Usual => vec![year, previous],
            Compare::Previous => vec![previous],
            Compare::YearBefore => vec![year],
        };
        tried.into_iter().find(|it| it.from >= first)
    }
}

/// A year, a quarter, a month or a week: its first day, the day after its last, and which of them it is.
fn named(text: &str) -> Option<(NaiveDate, NaiveDate, TimeGrain)> {
    let (year, rest) = text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let year: i32 = year.parse().ok().filter(|_| is_year)?;
    let (from, grain) = match rest {
        None => (NaiveDate::from_ymd_opt(year, 1, 1)?, TimeGrain::Year),
        Some(quarter) if quarter.starts_with(['Q', 'q']) => {
            let number: u32 = quarter[1..].parse().ok()?;
            let month = (1..=4).contains(&number).then_some(number * 3 - 2)?;
            (NaiveDate::from_ymd_opt(year, month, 1)?, TimeGrain::Quarter)
        }
        Some(week) if week.len() == 3 && week.starts_with(['W', 'w']) => {
            let number = week[1..].parse().ok()?;
            (NaiveDate::from_isoywd_opt(year, number, Weekday::Mon)?, TimeGrain::Week)
        }
        Some(month) if month.len() == 2 => {
            (NaiveDate::from_ymd_opt(year, month.parse().ok()?, 1)?, TimeGrain::Month)
        }
        Some(_) => return None,
    };
    Some((from, step(grain, from, 1), grain))
}

/// The day that data and time both have come to: the first one that is not covered.
pub fn edge(today: NaiveDate, data_until: NaiveDate) -> NaiveDate {
    data_until.succ_opt().map_or(today, |next| next.min(today))
}

/// The same, where a period is taken as covered though its last days have no rows.
pub fn lenient_edge(grain: TimeGrain, today: NaiveDate, data_until: NaiveDate) -> NaiveDate {
    edge(today, data_until.checked_add_days(slack(grain)).unwrap_or(data_until))
}

/// Days that the data of a period may lack at its end: weekends, holidays.
pub fn slack(grain: TimeGrain) -> Days {
    Days::new(match grain {
        TimeGrain::Day => 0,
        TimeGrain::Week => 2,
        TimeGrain::Month | TimeGrain::Quarter | TimeGrain::Year => 5,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn periods_are_read_as_they_are_written() {
        use TimeGrain::{Month, Quarter, Week};
        for (text, expect) in [
            ("2025", Some(("2025-01-01", "2026-01-01", Month, 12))),
            ("2025-Q3", Some(("2025-07-01", "2025-10-01", Month, 3))),
            ("2025-11", Some(("2025-11-01", "2025-12-01", Month, 1))),
            ("2024-11/2025-Q1", Some(("2024-11-01", "2025-04-01", Month, 5))),
            ("2023/2025", Some(("2023-01-01", "2026-01-01", Quarter, 12))),
            ("2023-02/2025-12", Some(("2023-02-01", "2026-01-01", Month, 35))),
            ("2025-W01", Some(("2024-12-30", "2025-01-06", Week, 1))),
            ("2025-W10/2025-W14", Some(("2025-03-03", "2025-04-07", Week, 5))),
            ("2025-W10/2025-04", None),
            ("2025-W54", None),
            ("2025-W1", None),
            ("2025-Wé", None),
            ("2025-13", None),
            ("2025-Q5", None),
            ("25", None),
            ("2025-1", None),
            ("2025/2024", None),
            ("last year", None),
            ("2025-Qé", None),
            ("", None),
        ] {
            let seen = Periods::parse(text);
            let expect = expect.map(|(from, to, grain, count)| {
                (Periods { from: day(from), to: day(to), grain }, count)
            });
            assert_eq!(seen.map(|it| (it, it.count())), expect, "{text}");
        }
    }

    #[test]
    fn days_are_looked_at_by_the_periods_that_they_are_whole_ones_of() {
        let by = |text, grain| Periods::parse(text).unwrap().by(grain);
        assert_eq!(by("2025", TimeGrain::Quarter).unwrap().count(), 4);
        assert_eq!(by("2025-11", TimeGrain::Quarter), None);
        assert_eq!(by("2025-11", TimeGrain::Week), None);
        // A month that begins on a Monday and has four weeks.
        assert_eq!(by("2021-02", TimeGrain::Week).unwrap().count(), 4);
    }

    #[test]
    fn a_period_is_compared_with_whole_earlier_ones() {
        let read = |text: &str| Periods::parse(text).unwrap();
        let first = day("2024-01-01");
        let against = |text: &str, compare| read(text).against(compare, first);
        assert_eq!(against("2025-03", Compare::Usual), Some(read("2024-03")));
        assert_eq!(against("2024-03", Compare::Usual), Some(read("2024-02")));
        assert_eq!(against("2024-03", Compare::YearBefore), None);
        assert_eq!(against("2025", Compare::Previous), Some(read("2024")));
        assert_eq!(against("2025-W20", Compare::Usual).unwrap().from, day("2024-05-13"));
        assert_eq!(against("2025-W20", Compare::Previous), Some(read("2025-W19")));
    }

    #[test]
    fn the_last_complete_period_is_covered_by_time_and_data() {
        let last = |today: &str, until: &str, grain| {
            let last = Periods::last_complete(lenient_edge(grain, day(today), day(until)), grain);
            last.from.to_string()
        };
        let month = TimeGrain::Month;
        assert_eq!(last("2026-11-26", "2025-12-31", month), "2025-12-01");
        assert_eq!(last("2026-11-26", "2025-12-24", month), "2025-11-01");
        assert_eq!(last("2026-11-26", "2025-12-29", month), "2025-12-01", "a holiday");
        assert_eq!(last("2025-06-17", "2025-12-31", month), "2025-05-01");
        assert_eq!(last("2025-06-17", "2025-12-31", TimeGrain::Quarter), "2025-01-01");
        assert_eq!(last("2025-06-16", "2025-06-13", TimeGrain::Week), "2025-06-09", "a weekend");
        assert_eq!(last("2025-06-15", "2025-06-13", TimeGrain::Week), "2025-06-02");
    }
}
