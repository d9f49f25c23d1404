//! Time and chance, as the server gives them: a test moves the one and fixes the other.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use pacioli_model::Timestamp;

use super::http::Limits;
use crate::outgoing::AddressPolicy;

/// What time it is, waiting, and chance.
pub trait Pace: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Ends after `span`.
    fn wait(&self, span: Duration) -> BoxFuture<'_, ()>;

    /// Anything from 0 up to but not including 1.
    fn chance(&self) -> f64;
}

/// How long a source is tried before its load fails.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Requests for one answer, the first included.
    pub tries: u32,
    /// The first pause; each is about twice the one before, up to [`Patience::longest_pause`].
    pub first_pause: Duration,
    /// The longest pause that is not the source's own wish.
    pub longest_pause: Duration,
    /// Everything together. A source that asks for a longer pause is given up at once.
    pub in_all: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 6,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
            // Business Central counts requests over five minutes; longer than two of those is an outage.
            in_all: Duration::from_mins(10),
        }
    }
}

/// What every source needs to reach its system.
#[derive(Clone)]
pub struct Reach {
    /// Which addresses may be connected to.
    pub addresses: AddressPolicy,
    /// Time and chance.
    pub pace: Arc<dyn Pace>,
    /// How long to try.
    pub patience: Patience,
    /// How long one request may take and how much one answer may be.
    pub limits: Limits,
}

impl Reach {
    /// With the usual patience and limits.
    pub fn new(addresses: AddressPolicy, pace: Arc<dyn Pace>) -> Self {
        Self { addresses, pace, patience: Patience::default(), limits: Limits::default() }
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach")
            .field("addresses", &self.addresses)
            .field("patience", &self.patience)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
