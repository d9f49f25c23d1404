//! Trying again what may pass by itself.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::settings::DatabaseSettings;
use crate::SourceError;

/// How often and after how long a lost connection is tried again. Rows that arrive start the count anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many times after the first.
    pub times: u32,
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Retry {
    /// About a minute in all: long enough for a server to restart.
    fn default() -> Self {
        Self { times: 7, first: Duration::from_millis(500), longest: Duration::from_secs(20) }
    }
}

impl Retry {
    /// How long to wait before the given try, counted from 0: between half of the doubled time and all
    /// of it. `spread` decides where, so that connections that lost one server come back apart.
    pub(super) fn wait(&self, tried: u32, spread: u64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32 << tried.min(20)).min(self.longest);
        let part = mixed(spread ^ u64::from(tried)) % 1_000;
        let half = doubled / 2;
        half + half.mul_f64(f64::from(u32::try_from(part).unwrap_or(0)) / 1_000.0)
    }
}

/// What keeps the waits of one connection of one process apart from others'.
pub(super) fn spread(settings: &DatabaseSettings) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&settings.host, &settings.database, &settings.user, std::process::id()).hash(&mut hasher);
    hasher.finish()
}

/// The finaliser of SplitMix64: near numbers give far ones.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Why a step at a database failed, by whether it is worth another try.
#[derive(Debug)]
pub(super) enum Failure {
    /// A lost connection, a server that starts or is full.
    Passing(SourceError),
    /// No answer came in time: from a server that is out of reach, or one that is still at it.
    Silent(SourceError),
    /// It would fail again.
    Lasting(SourceError),
}

impl Failure {
    pub(super) fn into_error(self) -> SourceError {
        match self {
            Self::Passing(error) | Self::Silent(error) | Self::Lasting(error) => error,
        }
    }

    pub(super) fn silent(seconds: u64) -> Self {
        Self::Silent(unreachable(format!("the database did not answer within {seconds} seconds")))
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Lasting(error)
    }
}

pub(super) fn unreachable(detail: impl Into<String>) -> SourceError {
    SourceError::Unreachable { detail: detail.into(), retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ_by_connection() {
        let retry = Retry::default();
        for (tried, least, most) in [(0, 250, 500), (1, 500, 1_000), (4, 4_000, 8_000)] {
            for spread in 0..50 {
                let wait = retry.wait(tried, spread).as_millis();
                assert!((least..=most).contains(&wait), "{tried}: {wait}");
            }
        }
        assert!(retry.wait(u32::MAX, 9) <= retry.longest);
        let first = retry.wait(3, 1);
        assert!((2..20).any(|spread| retry.wait(3, spread) != first));
        assert_eq!(retry.wait(3, 1), first);
    }
}
