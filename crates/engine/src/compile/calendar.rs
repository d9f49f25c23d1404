//! Days: the first of a period, and days that lie back.

use chrono::{Datelike, Days, Months, NaiveDate};
use pacioli_model::{DayRange, Shift, TimeGrain};

use super::nearest::invalid;
use crate::EngineError;

/// The first day of the period that `day` falls in.
pub(super) fn first_day(grain: TimeGrain, day: NaiveDate) -> NaiveDate {
    let first = match grain {
        TimeGrain::Day => Some(day),
        TimeGrain::Week => {
            day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()))
        }
        TimeGrain::Month => day.with_day(1),
        TimeGrain::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
        TimeGrain::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
    };
    first.unwrap_or(day)
}

/// The days that lie `shift` before those of `range`. A range that ends with a month ends with the
/// month before; one that ends within a month ends with the day that its last day is compared with.
pub(super) fn before(range: DayRange, shift: Option<Shift>) -> Result<DayRange, EngineError> {
    let Some(shift) = shift else { return Ok(range) };
    let from = range.from.map(|day| back(day, shift)).transpose()?;
    let to = match range.to {
        Some(end) if end.day() == 1 => Some(back(end, shift)?),
        Some(end) => {
            let last = end.pred_opt().ok_or_else(|| past(end))?;
            Some(back(last, shift)?.succ_opt().ok_or_else(|| past(end))?)
        }
        None => None,
    };
    Ok(DayRange { from, to })
}

fn back(day: NaiveDate, shift: Shift) -> Result<NaiveDate, EngineError> {
    let month = day.checked_sub_months(Months::new(shift.months));
    let day = month.and_then(|month| month.checked_sub_days(Days::new(shift.days.into())));
    day.ok_or_else(|| invalid("The days to compare with lie before the calendar."))
}

fn past(day: NaiveDate) -> EngineError {
    invalid(format!("{day} is past the calendar."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_lie_back_by_whole_months_and_to_the_same_day() {
        let check = |from: &str, to: &str, shift: Shift, expect: (&str, &str)| {
            let range = DayRange { from: Some(day(from)), to: Some(day(to)) };
            let back = before(range, Some(shift)).unwrap();
            let expect = DayRange { from: Some(day(expect.0)), to: Some(day(expect.1)) };
            assert_eq!(back, expect, "{from} to {to}");
        };
        let month = Shift { months: 1, days: 0 };
        check("2025-02-01", "2025-03-01", month, ("2025-01-01", "2025-02-01"));
        check("2025-03-01", "2025-04-01", month, ("2025-02-01", "2025-03-01"));
        check("2025-03-01", "2025-03-31", month, ("2025-02-01", "2025-03-01"));
        check("2025-03-31", "2025-04-01", month, ("2025-02-28", "2025-03-01"));
        check("2025-06-01", "2025-06-18", month, ("2025-05-01", "2025-05-18"));
        check("2024-02-29", "2024-03-01", Shift::years(1), ("2023-02-28", "2023-03-01"));
        let week = Shift { months: 0, days: 7 };
        check("2025-06-09", "2025-06-16", week, ("2025-06-02", "2025-06-09"));
    }

    #[test]
    fn periods_begin_on_their_first_day() {
        for (grain, expect) in [
            (TimeGrain::Day, "2024-05-15"),
            (TimeGrain::Week, "2024-05-13"),
            (TimeGrain::Month, "2024-05-01"),
            (TimeGrain::Quarter, "2024-04-01"),
            (TimeGrain::Year, "2024-01-01"),
        ] {
            assert_eq!(first_day(grain, day("2024-05-15")), day(expect));
        }
    }
}
