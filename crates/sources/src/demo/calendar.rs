use chrono::{Datelike, NaiveDate};

use super::rng::Rng;

/// The days the company's books cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) first: NaiveDate,
    pub(super) last: NaiveDate,
}

impl Period {
    /// Whole years; `None` outside of what the calendar holds.
    pub(super) fn new(first_year: i32, years: u32) -> Option<Self> {
        let end = first_year.checked_add_unsigned(years)?;
        let first = NaiveDate::from_ymd_opt(first_year, 1, 1)?;
        let last = NaiveDate::from_ymd_opt(end, 1, 1)?.pred_opt()?;
        (first < last).then_some(Self { first, last })
    }

    pub(super) fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.first.iter_days().take_while(move |day| *day <= self.last)
    }

    pub(super) fn contains(self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }

    /// The day's place in the period, from 0.
    pub(super) fn index(self, day: NaiveDate) -> i64 {
        (day - self.first).num_days()
    }
}

/// Trade grows steadily by nine per cent of the first day's volume a year; in thousandths.
pub(super) fn growth(days: i64) -> i64 {
    1000 + 90 * days / 365
}

/// A year's shape, given for the middles of its months, on one day: straight lines in between.
pub(super) fn season(months: &[i64; 12], day: NaiveDate) -> i64 {
    let month = day.month0() as usize;
    let length = i64::from(day.num_days_in_month());
    let halves = i64::from(day.day()) * 2 - 1;
    let (neighbour, away) = if halves < length {
        (months[(month + 11) % 12], length - halves)
    } else {
        (months[(month + 1) % 12], halves - length)
    };
    months[month] + (neighbour - months[month]) * away / (2 * length)
}

/// The few days on which next to nobody orders.
pub(super) fn is_holiday(day: NaiveDate) -> bool {
    matches!((day.month(), day.day()), (1 | 5, 1) | (12, 25 | 26))
}

pub(super) fn is_month_end(day: NaiveDate) -> bool {
    u32::from(day.num_days_in_month()) == day.day()
}

/// What a euro cost in dollars, day by day, in ten-thousandths.
pub(super) struct Rates {
    period: Period,
    dollars_per_euro: Vec<i64>,
}

impl Rates {
    /// A walk that never strays far from its middle.
    pub(super) fn new(seed: u64, period: Period) -> Self {
        let mut rng = Rng::new(seed, "rates");
        let mut rate = 10_800;
        let dollars_per_euro = period
            .days()
            .map(|_| {
                rate += rng.between(-45, 45) + (10_850 - rate) / 60;
                rate
            })
            .collect();
        Self { period, dollars_per_euro }
    }

    /// The rate of a day of the period.
    pub(super) fn on(&self, day: NaiveDate) -> i64 {
        let index = usize::try_from(self.period.index(day)).unwrap_or(0);
        self.dollars_per_euro[index.min(self.dollars_per_euro.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn a_season_runs_in_straight_lines_between_the_middles_of_months() {
        let months = [1000, 2000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000];
        for (date, expect) in [
            (day(2025, 1, 16), 1000),
            (day(2025, 1, 31), 1483),
            (day(2025, 2, 1), 1518),
            (day(2025, 2, 14), 1983),
            (day(2025, 6, 1), 1000),
        ] {
            assert_eq!(season(&months, date), expect, "{date}");
        }
    }

    #[test]
    fn a_period_is_whole_years() {
        let period = Period::new(2023, 3).unwrap();
        assert_eq!((period.first, period.last), (day(2023, 1, 1), day(2025, 12, 31)));
        assert_eq!(period.days().count(), 1096);
        assert!(Period::new(2023, 0).is_none() && Period::new(i32::MAX, 1).is_none());
    }

    #[test]
    fn rates_stay_near_their_middle() {
        let period = Period::new(2023, 20).unwrap();
        let rates = Rates::new(1, period);
        for day in period.days() {
            assert!((9_500..12_500).contains(&rates.on(day)), "{day}: {}", rates.on(day));
        }
    }
}
