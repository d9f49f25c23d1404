//! Where time and randomness come from. Both are passed in, so that a test moves the clock instead
//! of sleeping.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::Duration;
use pacioli_model::Timestamp;
use uuid::{Builder, Uuid};

/// How often a standing clock is looked at by whoever waits for it to be moved.
const LOOK: std::time::Duration = std::time::Duration::from_millis(5);

/// What time it is.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's own.
    System,
    /// One that stands until it is moved; milliseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn standing_at(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.millis())))
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::new(chrono::Utc::now()),
            Self::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Waits until so much time has passed on this clock; one that stands must be moved meanwhile.
    pub async fn sleep(&self, span: Duration) {
        match self {
            Self::System => tokio::time::sleep(span.to_std().unwrap_or_default()).await,
            Self::Manual(_) => {
                let end = self.now() + span;
                while self.now() < end {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Moves a standing clock; the machine's own stays as it is.
    pub fn advance(&self, span: Duration) {
        if let Self::Manual(millis) = self {
            millis.fetch_add(span.num_milliseconds(), Ordering::SeqCst);
        }
    }
}

/// Unpredictable bytes from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Random;

impl Random {
    /// Fresh bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can be done then.
    #[expect(clippy::expect_used, reason = "without randomness no secret is a secret")]
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// A fresh version 4 UUID.
    pub fn uuid(self) -> Uuid {
        Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}
