//! Dates and times as people and programs write them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// Which of a date's three numbers stands first; where it is the day, the month follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The year: `2024-12-31`.
    Year,
    /// The day: `31/12/2024`.
    Day,
    /// The month: `12/31/2024`.
    Month,
}

/// A cell with the form of a date, and perhaps of a time after it.
#[derive(Debug)]
pub(crate) struct Moment {
    parts: [u32; 3],
    year_first: bool,
    /// `31.12.2024`: nobody writes the month first with points.
    dotted: bool,
    pub(crate) short_year: bool,
    time: Option<NaiveTime>,
    /// Seconds east of Greenwich.
    zone: Option<i64>,
}

impl Moment {
    pub(crate) fn parse(cell: &str) -> Option<Self> {
        let (date, clock) = match cell.split_once(['T', 't', ' ']) {
            Some((date, clock)) => (date, Some(clock.trim())),
            None => (cell, None),
        };
        let separator = date.chars().find(|c| !c.is_ascii_digit())?;
        let mut numbers = date.split(separator);
        let texts = [numbers.next()?, numbers.next()?, numbers.next()?];
        let digits = texts.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        if numbers.next().is_some() || !digits || !matches!(separator, '-' | '/' | '.') {
            return None;
        }
        let (year_first, short_year) = match texts.map(str::len) {
            [4, 1..=2, 1..=2] => (true, false),
            [1..=2, 1..=2, 4] => (false, false),
            [2, 2, 2] if separator != '-' => (false, true),
            _ => return None,
        };
        let [first, second, third] = texts.map(|text| text.parse().unwrap_or(0));
        let (time, zone) = match clock {
            Some(clock) => parse_clock(clock).map(|(time, zone)| (Some(time), zone))?,
            None => (None, None),
        };
        let dotted = separator == '.';
        Some(Self { parts: [first, second, third], year_first, dotted, short_year, time, zone })
    }

    pub(crate) fn has_time(&self) -> bool {
        self.time.is_some()
    }

    pub(crate) fn has_zone(&self) -> bool {
        self.zone.is_some()
    }

    /// The day, where there is one in this order.
    pub(crate) fn date(&self, order: Order) -> Option<NaiveDate> {
        let [first, second, third] = self.parts;
        let (year, month, day) = match (order, self.year_first) {
            (Order::Year, true) => (first, second, third),
            (Order::Day, false) => (third, second, first),
            (Order::Month, false) if !self.dotted => (third, first, second),
            _ => return None,
        };
        let century = match (self.short_year, year) {
            (false, _) => 0,
            (true, 0..70) => 2000,
            (true, _) => 1900,
        };
        NaiveDate::from_ymd_opt(i32::try_from(century + year).ok()?, month, day)
    }

    /// Microseconds since 1970 in UTC; what names no zone is read as UTC.
    pub(crate) fn micros(&self, order: Order) -> Option<i64> {
        let moment = NaiveDateTime::new(self.date(order)?, self.time.unwrap_or_default());
        Some(moment.and_utc().timestamp_micros() - self.zone.unwrap_or(0) * 1_000_000)
    }
}

/// `14:05`, `14:05:09.123456 +02:00`, `2:05 PM`.
fn parse_clock(text: &str) -> Option<(NaiveTime, Option<i64>)> {
    let (text, zone) = split_zone(text)?;
    let upper = text.to_ascii_uppercase();
    let (clock, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(clock), _) => (clock.trim_end(), Some(0)),
        (_, Some(clock)) => (clock.trim_end(), Some(12)),
        _ => (upper.as_str(), None),
    };
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let mut numbers = clock.split(':').map(two_digits);
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    let fraction_holds =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if numbers.next().is_some() || !fraction_holds {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    // Finer than a microsecond is cut off.
    Some((NaiveTime::from_hms_micro_opt(hour, minute, second, nanos / 1000)?, zone))
}

/// Splits `Z`, `UTC`, `+02`, `+0200` or `+02:00` off; the offset is in seconds.
fn split_zone(text: &str) -> Option<(&str, Option<i64>)> {
    let utc = text.strip_suffix(['Z', 'z']).or_else(|| text.strip_suffix("UTC"));
    if let Some(clock) = utc {
        return Some((clock.trim_end(), Some(0)));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at(at);
    let (sign, digits) = offset.split_at(1);
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 if digits.is_ascii() => digits.split_at(2),
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let seconds = i64::from(hours * 3600 + minutes * 60);
    let holds = hours <= 15 && minutes < 60;
    holds.then(|| (clock.trim_end(), Some(if sign == "-" { -seconds } else { seconds })))
}

fn two_digits(text: &str) -> Option<u32> {
    let holds = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    holds.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn check(cell: &str, order: Order, expect: Option<&str>) {
        let micros = Moment::parse(cell).and_then(|moment| moment.micros(order));
        let text =
            micros.and_then(DateTime::from_timestamp_micros).map(|moment| moment.to_rfc3339());
        let expect =
            expect.map(|text| DateTime::parse_from_rfc3339(text).unwrap().to_utc().to_rfc3339());
        assert_eq!(text, expect, "{cell:?} {order:?}");
    }

    #[test]
    fn dates_are_read_in_three_orders() {
        check("2024-02-29", Order::Year, Some("2024-02-29T00:00:00Z"));
        check("2024/2/9", Order::Year, Some("2024-02-09T00:00:00Z"));
        check("9999-12-31", Order::Year, Some("9999-12-31T00:00:00Z"));
        check("03/04/2024", Order::Day, Some("2024-04-03T00:00:00Z"));
        check("03/04/2024", Order::Month, Some("2024-03-04T00:00:00Z"));
        check("13/04/2024", Order::Month, None);
        check("3.4.2024", Order::Day, Some("2024-04-03T00:00:00Z"));
        check("3.4.2024", Order::Month, None);
        check("31.12.69", Order::Day, Some("2069-12-31T00:00:00Z"));
        check("31.12.70", Order::Day, Some("1970-12-31T00:00:00Z"));
        check("2024-01-02", Order::Day, None);
    }

    #[test]
    fn times_are_read_to_the_microsecond_in_utc() {
        let day = Order::Year;
        check("2024-01-02 03:04", day, Some("2024-01-02T03:04:00Z"));
        check("2024-01-02T03:04:05.123456789Z", day, Some("2024-01-02T03:04:05.123456Z"));
        check("2024-01-02T03:04:05,5+02:00", day, Some("2024-01-02T01:04:05.5Z"));
        check("2024-01-02 03:04:05 -0530", day, Some("2024-01-02T08:34:05Z"));
        check("2024-01-02 03:04:05 UTC", day, Some("2024-01-02T03:04:05Z"));
        check("2024-01-02T23:00+02", day, Some("2024-01-02T21:00:00Z"));
        check("1/31/2024 12:05 AM", Order::Month, Some("2024-01-31T00:05:00Z"));
        check("1/31/2024 2:05:06 pm", Order::Month, Some("2024-01-31T14:05:06Z"));
    }

    #[test]
    fn what_is_no_date_is_not_made_one() {
        for cell in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "1.2.3",
            "24-01-02",
            "2024-01",
            "20240102",
            "2024-01-02-03",
            "2024-01-02 24:00",
            "2024-01-02 10:60",
            "2024-01-02 10:00:60",
            "2024-01-02 13:00 PM",
            "2024-01-02 10",
            "2024-01-02T",
            "2024-01-02 10:00:00.",
            "2024-01-02 10:00+99",
            "2024–01–02",
            "-2024-01-02",
            "2024-1-é",
            "2024-01-02 10:00+é1",
        ] {
            check(cell, Order::Year, None);
            check(cell, Order::Day, None);
        }
    }
}
