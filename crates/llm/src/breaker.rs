//! A circuit breaker: a server that fails again and again is left alone for a while, so that questions do
//! not wait for it one after the other.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Failures in a row after which a server is left alone.
const FAILURES: u32 = 3;
/// For how long. Then one prompt tries it.
const REST: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Whether a prompt may be sent at `now`. After a rest only the first may, and the others rest on until
    /// it has been answered.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.rests_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.rests_until = Some(now + REST);
                true
            }
        }
    }

    /// The server answered.
    pub(crate) fn answered(&self) {
        *self.state() = State::default();
    }

    /// The server did not answer, or answered that it cannot.
    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.state();
        state.failures += 1;
        if state.failures >= FAILURES {
            state.rests_until = Some(now + REST);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_is_left_alone_and_tried_by_one() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for _ in 1..FAILURES {
            breaker.failed(at(0));
            assert!(breaker.admits(at(0)));
        }
        breaker.failed(at(0));
        assert!(!breaker.admits(at(0)) && !breaker.admits(at(14)));
        assert!(breaker.admits(at(15)), "one tries it");
        assert!(!breaker.admits(at(15)), "and the others wait for what comes of that");
        // Whoever tried it may have gone away.
        assert!(breaker.admits(at(30)));
        breaker.failed(at(31));
        assert!(!breaker.admits(at(45)));
        assert!(breaker.admits(at(46)));
        breaker.answered();
        assert!(breaker.admits(at(46)) && breaker.admits(at(46)));
        breaker.failed(at(47));
        assert!(breaker.admits(at(47)), "failures count in a row");
    }
}
