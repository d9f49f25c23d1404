//! One JSON value, as it was sent, to one value of a column. Numbers are read from their text, so that
//! an amount never passes through a binary fraction here.

use std::borrow::Cow;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// The value cannot be one of its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The most digits that an Arrow decimal holds.
const DIGITS: usize = 38;

/// A string's content, or any other value as its JSON.
pub(super) fn text(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.starts_with('"') {
        return Some(Cow::Borrowed(raw));
    }
    match raw.get(1..raw.len().checked_sub(1)?) {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        _ => serde_json::from_str(raw).ok().map(Cow::Owned),
    }
}

/// Whole numbers, also as strings (`IEEE754Compatible`) and with a fraction of zeros.
pub(super) fn integer(raw: &str) -> Option<i64> {
    let text = text(raw)?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => {
            let number = i64::try_from(decimal(raw, 0)?).ok()?;
            let thousandths = decimal(raw, 3)?;
            (i128::from(number) * 1000 == thousandths).then_some(number)
        }
    }
}

/// The digits of a number, rounded half away from zero to `scale` of them after the point.
pub(super) fn decimal(raw: &str, scale: u8) -> Option<i128> {
    let text = text(raw)?;
    let text = text.trim();
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let point = i32::try_from(fraction.len()).ok()?;
    let shift = i32::from(scale).checked_add(exponent)?.checked_sub(point)?;
    let magnitude = shifted(digits.trim_start_matches('0'), shift)?;
    Some(if negative { -magnitude } else { magnitude })
}

/// The digits times ten to the power of `shift`.
fn shifted(digits: &str, shift: i32) -> Option<i128> {
    if digits.is_empty() {
        return Some(0);
    }
    if shift >= 0 {
        let zeros = usize::try_from(shift).ok()?;
        if digits.len() + zeros > DIGITS {
            return None;
        }
        return format!("{digits}{}", "0".repeat(zeros)).parse().ok();
    }
    let cut = usize::try_from(shift.unsigned_abs()).ok()?;
    let (kept, dropped) = match digits.len().checked_sub(cut) {
        Some(end) => digits.split_at(end),
        None => ("", "0"),
    };
    if kept.len() > DIGITS {
        return None;
    }
    let kept: i128 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
    Some(kept + i128::from(dropped.as_bytes().first().is_some_and(|digit| *digit >= b'5')))
}

/// Binary fractions; `INF` and `NaN` as OData writes them are no numbers to sum and become nothing.
pub(super) fn float(raw: &str) -> Result<Option<f64>, Unreadable> {
    let text = text(raw).ok_or(Unreadable)?;
    if matches!(&*text, "INF" | "-INF" | "NaN") {
        return Ok(None);
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Some).ok_or(Unreadable)
}

/// Truth, also as 0 and 1.
pub(super) fn boolean(raw: &str) -> Option<bool> {
    match &*text(raw)? {
        "true" | "1" | "True" => Some(true),
        "false" | "0" | "False" => Some(false),
        _ => None,
    }
}

/// Days since 1970. The year 1 and the year 0 are how systems write that there is no date.
pub(super) fn date(raw: &str) -> Result<Option<i32>, Unreadable> {
    let text = text(raw).ok_or(Unreadable)?;
    if is_no_date(&text) {
        return Ok(None);
    }
    let day = day(&text).ok_or(Unreadable)?;
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).map(Some).map_err(|_| Unreadable)
}

/// Microseconds since 1970 in UTC. A time without an offset is of `zone`.
pub(super) fn timestamp(raw: &str, zone: Tz) -> Result<Option<i64>, Unreadable> {
    let text = text(raw).ok_or(Unreadable)?;
    if is_no_date(&text) {
        return Ok(None);
    }
    Ok(Some(moment(&text, zone).ok_or(Unreadable)?.timestamp_micros()))
}

fn is_no_date(text: &str) -> bool {
    text.is_empty() || text.starts_with("0001-01-01") || text.starts_with("0000-00-00")
}

fn day(text: &str) -> Option<NaiveDate> {
    let (day, rest) = text.split_at_checked(10)?;
    let ends = rest.is_empty() || rest.starts_with(['T', ' ']);
    ends.then(|| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()).flatten()
}

fn moment(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    let local = naive(text)?;
    // A clock that is put forward skips an hour: what was written in it is that much later.
    let found = zone.from_local_datetime(&local).earliest();
    let found =
        found.or_else(|| zone.from_local_datetime(&(local + Duration::hours(1))).earliest());
    found.map(|moment| moment.to_utc())
}

/// `2024-01-31 12:30:00`, with a fraction of a second or none, or a day alone.
pub(super) fn naive(text: &str) -> Option<NaiveDateTime> {
    let day = day(text)?;
    let time = text.get(11..).unwrap_or_default();
    if time.is_empty() {
        return Some(day.and_time(NaiveTime::MIN));
    }
    let time = ["%H:%M:%S%.f", "%H:%M"]
        .iter()
        .find_map(|form| NaiveTime::parse_from_str(time, form).ok())?;
    Some(day.and_time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_rounded_only_past_the_scale() {
        for (raw, scale, expect) in [
            ("12.5", 2, Some(1250)),
            ("-12.345", 2, Some(-1235)),
            (
                "\"79228162514264337593543950335\"",
                5,
                Some(7_922_816_251_426_433_759_354_395_033_500_000),
            ),
            ("0.1", 1, Some(1)),
            ("0.30000000000000004", 4, Some(3000)),
            ("1e3", 2, Some(100_000)),
            ("1.5E-3", 2, Some(0)),
            ("5E-3", 2, Some(1)),
            ("-0.0", 2, Some(0)),
            ("99999999999999999999999999999999999999", 0, Some(10_i128.pow(38) - 1)),
            ("999999999999999999999999999999999999999", 0, None),
            ("1e40", 0, None),
            ("1e-2147483648", 2, Some(0)),
            ("1e99999999999", 2, None),
            ("true", 2, None),
            ("\"\"", 2, None),
            ("[1]", 2, None),
        ] {
            assert_eq!(decimal(raw, scale), expect, "{raw}");
        }
    }

    #[test]
    fn whole_numbers_are_read_from_strings_and_never_rounded() {
        for (raw, expect) in [
            ("9223372036854775807", Some(i64::MAX)),
            ("\"-17\"", Some(-17)),
            ("3.0", Some(3)),
            ("3.5", None),
            ("9223372036854775808", None),
            ("false", None),
        ] {
            assert_eq!(integer(raw), expect, "{raw}");
        }
    }

    #[test]
    fn moments_are_in_utc_whatever_they_were_written_in() {
        let at = |text: &str, zone: Tz| {
            timestamp(&format!("\"{text}\""), zone).map(|micros| {
                micros.map(|micros| DateTime::from_timestamp_micros(micros).unwrap().to_rfc3339())
            })
        };
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(at("2024-01-02 03:04:05", Tz::UTC), some("2024-01-02T03:04:05+00:00"));
        assert_eq!(at("2024-01-02T03:04:05.123Z", Tz::UTC), some("2024-01-02T03:04:05.123+00:00"));
        assert_eq!(at("2024-01-02T03:04:05+02:00", Tz::UTC), some("2024-01-02T01:04:05+00:00"));
        assert_eq!(
            at("2024-07-01 12:00:00.5", Tz::Europe__Rome),
            some("2024-07-01T10:00:00.500+00:00")
        );
        assert_eq!(at("2024-03-31 02:30:00", Tz::Europe__Rome), some("2024-03-31T01:30:00+00:00"));
        assert_eq!(at("2024-10-27 02:30:00", Tz::Europe__Rome), some("2024-10-27T00:30:00+00:00"));
        assert_eq!(at("2024-01-02", Tz::UTC), some("2024-01-02T00:00:00+00:00"));
        assert_eq!(at("0001-01-01T00:00:00Z", Tz::UTC), Ok(None));
        assert_eq!(at("yesterday", Tz::UTC), Err(Unreadable));
        assert_eq!(date("\"2024-02-29\""), Ok(Some(19782)));
        assert_eq!(date("\"2024-02-29T00:00:00Z\""), Ok(Some(19782)));
        assert_eq!(date("\"0001-01-01\""), Ok(None));
        assert_eq!(date("\"2024-02-30\""), Err(Unreadable));
        assert_eq!(date("\"日本語日本語\""), Err(Unreadable));
    }

    #[test]
    fn text_is_what_was_written_and_other_values_are_their_json() {
        for (raw, expect) in [
            ("\"a\\\"b\\u00e9\"", "a\"bé"),
            ("\"plain\"", "plain"),
            ("{\"a\": 1}", "{\"a\": 1}"),
            ("12.50", "12.50"),
        ] {
            assert_eq!(text(raw).as_deref(), Some(expect));
        }
        assert_eq!(float("\"NaN\""), Ok(None));
        assert_eq!(float("1.5"), Ok(Some(1.5)));
        assert_eq!(float("1e999"), Err(Unreadable));
    }
}
