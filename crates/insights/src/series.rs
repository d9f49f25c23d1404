use chrono::{Datelike, Days, Months, NaiveDate};
use pacioli_model::TimeGrain;

/// Values of complete periods that follow each other without a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The periods.
    pub grain: TimeGrain,
    /// First day of the first.
    pub from: NaiveDate,
    /// One for each; all are finite.
    pub values: Vec<f64>,
}

impl Series {
    /// First day of the period at a place, which may lie behind the last.
    pub fn at(&self, place: usize) -> NaiveDate {
        step(self.grain, self.from, place)
    }

    /// The day after the last period.
    pub fn to(&self) -> NaiveDate {
        self.at(self.values.len())
    }

    /// The place of the period that begins on a day.
    pub fn place(&self, day: NaiveDate) -> Option<usize> {
        (0..self.values.len()).find(|&place| self.at(place) == day)
    }

    /// Periods in a year, or days in a week; 1 where nothing repeats.
    pub fn cycle(&self) -> usize {
        cycle(self.grain)
    }

    /// The place in its cycle of a period, from 0: January is 0.
    pub fn phase(&self, place: usize) -> usize {
        let at = self.at(place);
        match self.grain {
            TimeGrain::Day => at.weekday().num_days_from_monday() as usize,
            TimeGrain::Week => (at.iso_week().week0() as usize).min(51),
            TimeGrain::Month => at.month0() as usize,
            TimeGrain::Quarter => at.month0() as usize / 3,
            TimeGrain::Year => 0,
        }
    }
}

/// Periods in a year, or days in a week; 1 where nothing repeats.
pub fn cycle(grain: TimeGrain) -> usize {
    match grain {
        TimeGrain::Day => 7,
        TimeGrain::Week => 52,
        TimeGrain::Month => 12,
        TimeGrain::Quarter => 4,
        TimeGrain::Year => 1,
    }
}

/// The first day of the period that a day lies in.
pub fn first_day(grain: TimeGrain, day: NaiveDate) -> NaiveDate {
    let back = match grain {
        TimeGrain::Day => 0,
        TimeGrain::Week => day.weekday().num_days_from_monday(),
        TimeGrain::Month => day.day0(),
        TimeGrain::Quarter => {
            let month = day.with_day(1).unwrap_or(day) - Months::new(day.month0() % 3);
            return month;
        }
        TimeGrain::Year => day.ordinal0(),
    };
    day - Days::new(back.into())
}

/// The first day of the period so many after the one that begins on `from`.
pub fn step(grain: TimeGrain, from: NaiveDate, periods: usize) -> NaiveDate {
    let count = u32::try_from(periods).unwrap_or(u32::MAX);
    let months = |each: u32| from.checked_add_months(Months::new(count.saturating_mul(each)));
    let days = |each: u64| from.checked_add_days(Days::new(u64::from(count) * each));
    let day = match grain {
        TimeGrain::Day => days(1),
        TimeGrain::Week => days(7),
        TimeGrain::Month => months(1),
        TimeGrain::Quarter => months(3),
        TimeGrain::Year => months(12),
    };
    day.unwrap_or(NaiveDate::MAX)
}

/// The first day of the period so many before the one that begins on `from`.
pub fn step_back(grain: TimeGrain, from: NaiveDate, periods: usize) -> NaiveDate {
    let count = u32::try_from(periods).unwrap_or(u32::MAX);
    let months = |each: u32| from.checked_sub_months(Months::new(count.saturating_mul(each)));
    let days = |each: u64| from.checked_sub_days(Days::new(u64::from(count) * each));
    let day = match grain {
        TimeGrain::Day => days(1),
        TimeGrain::Week => days(7),
        TimeGrain::Month => months(1),
        TimeGrain::Quarter => months(3),
        TimeGrain::Year => months(12),
    };
    day.unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_calendar() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(first_day(TimeGrain::Quarter, day("2025-06-30")), day("2025-04-01"));
        assert_eq!(first_day(TimeGrain::Week, day("2025-06-18")), day("2025-06-16"));
        assert_eq!(step(TimeGrain::Month, day("2024-12-01"), 2), day("2025-02-01"));
        assert_eq!(step_back(TimeGrain::Quarter, day("2025-01-01"), 1), day("2024-10-01"));
        let values = vec![1.0; 14];
        let series = Series { grain: TimeGrain::Month, from: day("2024-03-01"), values };
        assert_eq!((series.phase(0), series.phase(11), series.cycle()), (2, 1, 12));
        assert_eq!(series.place(day("2025-01-01")), Some(10));
    }
}
