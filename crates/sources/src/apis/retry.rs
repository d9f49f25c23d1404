//! Trying again: when, how often, how long.

use std::time::Duration;

use pacioli_model::Timestamp;
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use super::pace::{Pace, Patience};
use crate::SourceError;

/// Why one request gave no answer to use.
#[derive(Debug)]
pub(super) enum Failure {
    /// It will not pass by itself.
    Lasting(SourceError),
    /// It may pass.
    Passing {
        /// What happened.
        detail: String,
        /// When the source said to come again.
        retry_after: Option<Duration>,
        /// Whether the source certainly did nothing: it may be asked again whatever was asked.
        undone: bool,
    },
}

/// One answer's tries.
pub(super) struct Tries<'a> {
    pace: &'a dyn Pace,
    patience: Patience,
    started: Timestamp,
    made: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(pace: &'a dyn Pace, patience: Patience) -> Self {
        Self { pace, patience, started: pace.now(), made: 0 }
    }

    /// Waits until it is time to try again, or says why no more is tried.
    pub(super) async fn again(
        &mut self,
        failure: Failure,
        repeatable: bool,
    ) -> Result<(), SourceError> {
        let (detail, retry_after) = match failure {
            Failure::Lasting(error) => return Err(error),
            Failure::Passing { detail, retry_after, undone } if repeatable || undone => {
                (detail, retry_after)
            }
            Failure::Passing { detail, retry_after, .. } => {
                return Err(SourceError::Unreachable { detail, retry_after });
            }
        };
        self.made += 1;
        let pause = self.pause(retry_after);
        let spent = (self.pace.now() - self.started).to_std().unwrap_or_default();
        if self.made >= self.patience.tries || spent + pause > self.patience.in_all {
            let times = if self.made == 1 { "once" } else { "several times" };
            let detail = format!("{detail} (tried {times})");
            return Err(SourceError::Unreachable { detail, retry_after });
        }
        self.pace.wait(pause).await;
        Ok(())
    }

    /// What the source asked for and a little more, or twice the pause before, both spread by chance
    /// so that many loads do not come again in the same moment.
    fn pause(&self, retry_after: Option<Duration>) -> Duration {
        let chance = self.pace.chance().clamp(0.0, 1.0);
        if let Some(asked) = retry_after {
            return asked + self.patience.first_pause.mul_f64(chance);
        }
        let doubled = self.patience.first_pause.saturating_mul(1 << (self.made - 1).min(16));
        doubled.min(self.patience.longest_pause).mul_f64(0.5 + chance / 2.0)
    }
}

/// Whether the status says to come again. A gateway that timed out may have done the work.
pub(super) fn passes(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504)
}

/// The pause that the source asks for, in seconds or until a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = chrono::DateTime::parse_from_rfc2822(text).ok()?.to_utc();
    Some((until - now.utc()).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::{FutureExt, future::BoxFuture};

    use super::*;

    struct Still(Mutex<Vec<Duration>>, f64);

    impl Pace for Still {
        fn now(&self) -> Timestamp {
            let waited: Duration = self.0.lock().unwrap().iter().sum();
            Timestamp::from_millis(i64::try_from(waited.as_millis()).unwrap())
        }

        fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
            self.0.lock().unwrap().push(span);
            async {}.boxed()
        }

        fn chance(&self) -> f64 {
            self.1
        }
    }

    fn passing(seconds: Option<u64>, undone: bool) -> Failure {
        let retry_after = seconds.map(Duration::from_secs);
        Failure::Passing { detail: "429".into(), retry_after, undone }
    }

    fn waits(chance: f64, failures: &[Option<u64>]) -> (Vec<f64>, bool) {
        let pace = Still(Mutex::default(), chance);
        let mut tries = Tries::new(&pace, Patience::default());
        let mut given_up = false;
        for seconds in failures {
            let again = tries.again(passing(*seconds, false), true).now_or_never().unwrap();
            given_up = again.is_err();
            if given_up {
                break;
            }
        }
        let waited = pace.0.lock().unwrap().iter().map(Duration::as_secs_f64).collect();
        (waited, given_up)
    }

    #[test]
    fn pauses_double_and_end_with_the_tries() {
        assert_eq!(waits(0.0, &[None; 9]), (vec![0.5, 1.0, 2.0, 4.0, 8.0], true));
        let almost = waits(0.999, &[None; 3]).0;
        assert!(
            (0.99..=1.0).contains(&almost[0]) && (3.9..=4.0).contains(&almost[2]),
            "{almost:?}"
        );
    }

    #[test]
    fn the_pause_that_the_source_asks_for_is_kept_and_never_shortened() {
        assert_eq!(waits(0.5, &[Some(30), None]), (vec![30.5, 1.5], false));
    }

    #[test]
    fn a_source_that_asks_for_more_than_there_is_is_given_up_at_once() {
        assert_eq!(waits(0.0, &[Some(601)]), (vec![], true));
        assert_eq!(waits(0.0, &[Some(400), Some(400)]), (vec![400.0], true));
    }

    #[test]
    fn what_may_have_been_done_is_not_repeated() {
        let pace = Still(Mutex::default(), 0.0);
        for (undone, again) in [(true, true), (false, false)] {
            let mut tries = Tries::new(&pace, Patience::default());
            let outcome = tries.again(passing(None, undone), false).now_or_never().unwrap();
            assert_eq!(outcome.is_ok(), again, "{undone}");
        }
    }

    #[test]
    fn the_wish_is_read_as_seconds_and_as_a_date() {
        let now = Timestamp::new("2026-11-25T10:00:00Z".parse().unwrap());
        for (text, seconds) in [
            ("120", Some(120)),
            ("Wed, 25 Nov 2026 10:01:30 GMT", Some(90)),
            ("Wed, 25 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
