use chrono::{DateTime, Duration, NaiveTime, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use pacioli_model::{QuietHours, Timestamp};

/// The moment itself, or the end of the quiet hours that it lies in.
pub fn after(quiet: &QuietHours, moment: Timestamp) -> Timestamp {
    let zone: Tz = quiet.time_zone.parse().unwrap_or(chrono_tz::UTC);
    let local = moment.utc().with_timezone(&zone);
    let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0);
    let (from, to) = (quiet.from, quiet.to);
    let (is_quiet, days) = if from <= to {
        ((from..to).contains(&minute), 0)
    } else {
        (minute >= from || minute < to, i64::from(minute >= from))
    };
    if !is_quiet {
        return moment;
    }
    let seconds = u32::from(to) * 60;
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default();
    let end = (local.date_naive() + Duration::days(days)).and_time(time);
    // An hour that clocks leave out ends an hour later.
    let end: Option<DateTime<Tz>> = zone
        .from_local_datetime(&end)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(end + Duration::hours(1))).earliest());
    end.map_or(moment, |end| Timestamp::new(end.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_quiet_hours_waits_for_their_end() {
        for (from, to, moment, expect) in [
            (22 * 60, 7 * 60, "2026-06-17T19:59:00Z", "2026-06-17T19:59:00Z"),
            (22 * 60, 7 * 60, "2026-06-17T20:00:00Z", "2026-06-18T05:00:00Z"),
            (22 * 60, 7 * 60, "2026-06-18T04:59:59Z", "2026-06-18T05:00:00Z"),
            (22 * 60, 7 * 60, "2026-06-18T05:00:00Z", "2026-06-18T05:00:00Z"),
            (12 * 60, 13 * 60 + 30, "2026-06-18T10:30:00Z", "2026-06-18T11:30:00Z"),
            (600, 600, "2026-06-18T08:00:00Z", "2026-06-18T08:00:00Z"),
            // Summer time begins at two.
            (60, 150, "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
        ] {
            let quiet = QuietHours { from, to, time_zone: "Europe/Berlin".to_owned() };
            let read =
                |text: &str| Timestamp::new(DateTime::parse_from_rfc3339(text).unwrap().into());
            assert_eq!(after(&quiet, read(moment)), read(expect), "{from} {to} {moment}");
        }
    }
}
