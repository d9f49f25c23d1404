//! A clock that is moved by waiting.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use pacioli_model::Timestamp;
use pacioli_sources::apis::Pace;

/// Stands until somebody waits.
pub struct Moved {
    millis: AtomicI64,
    waits: Mutex<Vec<Duration>>,
}

impl Default for Moved {
    /// At 2026-11-25T10:00:00Z.
    fn default() -> Self {
        Self { millis: AtomicI64::new(1_795_600_800_000), waits: Mutex::default() }
    }
}

impl Moved {
    /// The pauses that were made.
    pub fn waits(&self) -> Vec<f64> {
        self.waits.lock().unwrap().iter().map(Duration::as_secs_f64).collect()
    }

    pub fn advance(&self, span: Duration) {
        self.millis.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Pace for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        self.advance(span);
        self.waits.lock().unwrap().push(span);
        async {}.boxed()
    }

    fn chance(&self) -> f64 {
        0.0
    }
}
