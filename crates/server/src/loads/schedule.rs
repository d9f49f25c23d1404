//! When connections are loaded by themselves. Every server looks for what is due; the store lets one of
//! them begin each run. What was missed while no server ran is run once.

use std::time::Duration as Wait;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use pacioli_model::{Connection, ConnectionId, Rhythm, Schedule, Timestamp, Trigger};
use sha2::{Digest as _, Sha256};

use super::runs::{NewRun, resume_run, start_run};
use crate::{
    app::App,
    error::{ApiResult, chain},
};

/// How often is looked for what is due.
const LOOK: Wait = Wait::from_secs(2);

/// Runs that are started at one look.
const AT_ONCE: u32 = 64;

/// The shortest time between two runs, in seconds.
const SHORTEST: u32 = 60;

/// The longest time between two runs, and the most that one is shifted by: a year, in seconds.
const LONGEST: u32 = 366 * 24 * 60 * 60;

/// Why a schedule is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSchedule {
    /// Which member.
    pub field: &'static str,
    /// What it must be.
    pub text: &'static str,
}

/// Refuses a schedule whose times cannot be told.
pub fn check_schedule(schedule: &Schedule, now: Timestamp) -> Result<(), InvalidSchedule> {
    let invalid = |field, text| Err(InvalidSchedule { field, text });
    match &schedule.rhythm {
        Rhythm::Every { seconds } if !(SHORTEST..=LONGEST).contains(seconds) => {
            return invalid("every_seconds", "Must be 60 seconds to a year.");
        }
        Rhythm::Every { .. } => {}
        Rhythm::Cron { expression, time_zone } => {
            let Ok(zone) = time_zone.parse::<Tz>() else {
                return invalid("time_zone", "Must be an IANA time zone, such as Europe/Berlin.");
            };
            let Some(cron) = parse(expression) else {
                return invalid(
                    "cron",
                    "Must be five fields: minute, hour, day, month, day of the week, as `0 6 * * 1-5`.",
                );
            };
            if cron.find_next_occurrence(&now.utc().with_timezone(&zone), false).is_err() {
                return invalid("cron", "Must name a time that comes.");
            }
        }
    }
    if schedule.jitter_seconds > LONGEST {
        return invalid("jitter_seconds", "Must be at most a year.");
    }
    Ok(())
}

/// When the connection is loaded next after a moment; nothing where it is not loaded by itself.
pub fn next_run(connection: &Connection, after: Timestamp) -> Option<Timestamp> {
    let schedule = connection.schedule.as_ref().filter(|_| !connection.is_paused)?;
    let shift = shift(connection.id, schedule.jitter_seconds);
    let next = next(&schedule.rhythm, connection.created_at.utc(), (after - shift).utc())?;
    Some(Timestamp::new(next) + shift)
}

/// The first moment of the rhythm after another; intervals are counted from when it began.
pub fn next(rhythm: &Rhythm, began: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match rhythm {
        Rhythm::Every { seconds } => {
            let step = i64::from(*seconds).max(1) * 1000;
            let passed = (after - began).num_milliseconds().div_euclid(step) + 1;
            began.checked_add_signed(Duration::milliseconds(step.checked_mul(passed)?))
        }
        Rhythm::Cron { expression, time_zone } => {
            let zone: Tz = time_zone.parse().ok()?;
            let next = parse(expression)?.find_next_occurrence(&after.with_timezone(&zone), false);
            next.ok().map(|next| next.with_timezone(&Utc))
        }
    }
}

fn parse(expression: &str) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(expression).ok()
}

/// Always the same for a connection, and different for most.
fn shift(id: ConnectionId, jitter_seconds: u32) -> Duration {
    let digest = Sha256::digest(id.0.as_bytes());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let seconds = number % (u64::from(jitter_seconds) + 1);
    Duration::seconds(i64::try_from(seconds).unwrap_or(0))
}

/// Looks for what is due until the server stops.
pub fn keep_schedule(app: &App) {
    let app = app.clone();
    app.background.clone().spawn(async move {
        loop {
            if let Err(error) = start_due(&app).await {
                tracing::warn!(
                    event = "schedule.failed",
                    cause = chain(&error),
                    "connections that are due were not looked for"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = app.stopping.cancelled() => return,
            }
        }
    });
}

/// Starts every run that is due now, and goes on with those whose servers died; says how many. What
/// fails for one connection keeps no other from its turn.
pub async fn start_due(app: &App) -> ApiResult<usize> {
    let now = app.clock.now();
    let mut started = 0;
    for connection in app.store.interrupted_connections(now, AT_ONCE).await? {
        let id = connection.id;
        started += usize::from(heard(id, resume_run(app, connection).await).unwrap_or(false));
    }
    for connection in app.store.due_connections(now, AT_ONCE).await? {
        let id = connection.id;
        started += usize::from(heard(id, start_scheduled(app, connection, now).await).is_some());
    }
    Ok(started)
}

async fn start_scheduled(app: &App, connection: Connection, now: Timestamp) -> ApiResult<bool> {
    let Some(due) = connection.next_run_at else { return Ok(false) };
    let next = next_run(&connection, now);
    let new = NewRun {
        data: app.store.tenant(connection.company_id),
        trigger: Trigger::Schedule,
        user: connection.created_by,
        is_full: false,
        due: Some((due, next)),
        event: None,
        connection,
    };
    Ok(start_run(app, new).await?.is_some())
}

fn heard(id: ConnectionId, done: ApiResult<bool>) -> Option<bool> {
    match done {
        Ok(done) => done.then_some(true),
        Err(error) => {
            tracing::warn!(
                event = "schedule.run_failed", connection_id = %id, cause = chain(&error),
                "a run of connection {id} was not started"
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::new(DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    fn cron(expression: &str, time_zone: &str) -> Rhythm {
        Rhythm::Cron { expression: expression.into(), time_zone: time_zone.into() }
    }

    #[test]
    fn the_next_time_is_told_on_the_clocks_of_the_zone() {
        let every = |seconds| Rhythm::Every { seconds };
        for (rhythm, after, expect) in [
            (cron("0 6 * * 1-5", "UTC"), "2026-06-19T06:00:00Z", "2026-06-22T06:00:00Z"),
            (cron("0 6 * * *", "Europe/Berlin"), "2026-06-17T00:00:00Z", "2026-06-17T04:00:00Z"),
            (cron("0 6 * * *", "Europe/Berlin"), "2026-12-17T00:00:00Z", "2026-12-17T05:00:00Z"),
            (cron("*/15 * * * *", "UTC"), "2026-06-17T12:00:00Z", "2026-06-17T12:15:00Z"),
            (every(3600), "2026-06-17T12:30:00Z", "2026-06-17T13:10:00Z"),
            (every(3600), "2026-06-17T13:10:00Z", "2026-06-17T14:10:00Z"),
            (every(3600), "2026-06-01T00:00:00Z", "2026-06-01T00:10:00Z"),
        ] {
            let began = moment("2026-06-17T12:10:00Z").utc();
            let next = next(&rhythm, began, moment(after).utc()).map(Timestamp::new);
            assert_eq!(next, Some(moment(expect)), "{rhythm:?} after {after}");
        }
    }

    #[test]
    fn a_shift_is_the_same_every_time_and_within_its_bound() {
        let ids = (0..200).map(|number| ConnectionId(uuid::Uuid::from_u128(number)));
        let shifts: Vec<i64> = ids.clone().map(|id| shift(id, 60).num_seconds()).collect();
        assert!(shifts.iter().all(|shift| (0..=60).contains(shift)));
        assert_eq!(shifts, ids.clone().map(|id| shift(id, 60).num_seconds()).collect::<Vec<_>>());
        let mut different = shifts.clone();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() > 30, "{different:?}");
        assert!(ids.into_iter().all(|id| shift(id, 0).is_zero()));
    }

    #[test]
    fn a_schedule_that_never_comes_or_comes_too_often_is_refused() {
        let now = moment("2026-06-17T12:10:00Z");
        let check = |rhythm, jitter_seconds| {
            let schedule = Schedule { rhythm, jitter_seconds };
            check_schedule(&schedule, now).map_err(|invalid| invalid.field)
        };
        assert_eq!(check(cron("0 6 * * 1-5", "Europe/Berlin"), 300), Ok(()));
        assert_eq!(check(Rhythm::Every { seconds: 60 }, 0), Ok(()));
        for (rhythm, field) in [
            (Rhythm::Every { seconds: 59 }, "every_seconds"),
            (Rhythm::Every { seconds: u32::MAX }, "every_seconds"),
            (cron("0 6 * * *", "Mars/Olympus"), "time_zone"),
            (cron("", "UTC"), "cron"),
            (cron("every day", "UTC"), "cron"),
            (cron("0 0 6 * * *", "UTC"), "cron"),
            (cron("61 6 * * *", "UTC"), "cron"),
            (cron("0 6 31 2 *", "UTC"), "cron"),
        ] {
            assert_eq!(check(rhythm.clone(), 0), Err(field), "{rhythm:?}");
        }
    }
}
