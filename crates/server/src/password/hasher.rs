use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret as _;
use sha2::Sha384;
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;

use super::{
    MAX_BYTES,
    pool::{Pool, Work},
    stored::{Scheme, Stored},
};
use crate::{clock::Random, config::AuthConfig, telemetry::Metrics};

/// The HMAC's key where no pepper is configured: no secret, but a name for what is hashed, so that
/// hashes leaked by other programs cannot be tried here.
const DOMAIN: &[u8] = b"pacioli/password/1";

/// Where bcrypt stops to look at what other programs gave it.
const PLAIN_BYTES: usize = 72;

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full.
    #[error("too many passwords wait to be hashed")]
    Busy {
        /// When it makes sense to try again; at least a second.
        retry_after: Duration,
    },
    /// The password has more than 1 KiB, which the policy refuses before.
    #[error("the password is too long to be hashed")]
    TooLong,
    /// The hashing threads have ended.
    #[error("the hashing threads have ended")]
    Stopped,
}

/// What comparing a password with a stored hash says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// It is the password.
    pub matches: bool,
    /// It is, and should be stored anew: another program wrote the hash, or the cost or the pepper
    /// has changed since.
    pub needs_upgrade: bool,
}

/// Hashes passwords on threads of their own.
pub struct Hasher {
    pool: Pool,
    cost: u32,
    pepper: Option<Vec<u8>>,
}

impl Hasher {
    /// Starts the threads.
    pub fn new(config: &AuthConfig) -> Self {
        let pepper = config.pepper.as_ref().map(|pepper| pepper.expose_secret().into());
        let pool = Pool::start(config.hashing_threads(), config.hashing_queue);
        Self { pool, cost: config.bcrypt_cost, pepper }
    }

    /// Counts from now on what waits, what is hashed and what is turned away.
    pub fn report_to(&self, metrics: Metrics) {
        self.pool.report_to(metrics);
    }

    /// The text to store for a new password.
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        if password.len() > MAX_BYTES {
            return Err(HashError::TooLong);
        }
        let salt = Random.bytes();
        let key = self.key(self.scheme(), &password);
        let hash = self.pool.run(Work { cost: self.cost, salt, key }).await?;
        Ok(Stored { scheme: self.scheme(), cost: self.cost, salt, hash }.write())
    }

    /// Whether `password` is the one that `stored` was made from. Takes no less time than
    /// [`Self::verify_dummy`] where it is not.
    pub async fn verify(&self, password: String, stored: &str) -> Result<Verified, HashError> {
        let refused = Verified { matches: false, needs_upgrade: false };
        let Some(stored) = self.usable(stored) else {
            self.verify_dummy(password).await?;
            return Ok(refused);
        };
        let Stored { scheme, cost, salt, hash: expected } = stored;
        let is_possible = password.len() <= MAX_BYTES
            && (scheme != Scheme::Plain || !password.as_bytes().contains(&0));
        let key = self.key(scheme, &password);
        let hash = self.pool.run(Work { cost, salt, key }).await?;
        if is_possible && bool::from(hash.ct_eq(&expected)) {
            let needs_upgrade = scheme != self.scheme() || cost < self.cost;
            return Ok(Verified { matches: true, needs_upgrade });
        }
        // A hash of a lower cost took less time than an unknown account takes. These add what is
        // missing: 2^c + 2^c + 2^(c+1) + … + 2^(live-1) = 2^live.
        for cost in cost..self.cost {
            self.pool.run(self.dummy(cost, &password)).await?;
        }
        Ok(refused)
    }

    /// The same work for an account that does not exist.
    pub async fn verify_dummy(&self, password: String) -> Result<Verified, HashError> {
        self.pool.run(self.dummy(self.cost, &password)).await?;
        Ok(Verified { matches: false, needs_upgrade: false })
    }

    fn dummy(&self, cost: u32, password: &str) -> Work {
        Work { cost, salt: [0x5a; 16], key: self.key(self.scheme(), password) }
    }

    fn usable(&self, stored: &str) -> Option<Stored> {
        let read = Stored::parse(stored);
        let usable = read.filter(|read| read.scheme != Scheme::Peppered || self.pepper.is_some());
        if usable.is_none() {
            tracing::error!(
                event = "password.unusable_hash",
                "a stored password hash is damaged, asks for an absurd cost, or needs a pepper that \
                 is not configured: nobody can log in with it"
            );
        }
        usable
    }

    /// What new hashes are made with.
    fn scheme(&self) -> Scheme {
        if self.pepper.is_some() { Scheme::Peppered } else { Scheme::Hmac }
    }

    /// What bcrypt is given. Of an over-long password only the beginning, so that its length costs
    /// nothing.
    fn key(&self, scheme: Scheme, password: &str) -> Vec<u8> {
        let password = &password[..password.floor_char_boundary(MAX_BYTES)];
        let pepper = match scheme {
            Scheme::Plain => return plain(password),
            Scheme::Hmac => None,
            Scheme::Peppered => self.pepper.as_deref(),
        };
        let normal: String = password.nfkc().collect();
        let mac = hmac(&[DOMAIN, pepper.unwrap_or_default()].concat(), normal.as_bytes());
        STANDARD_NO_PAD.encode(mac).into_bytes()
    }
}

/// The bytes that passlib gave to bcrypt.
fn plain(password: &str) -> Vec<u8> {
    password.bytes().take(PLAIN_BYTES).collect()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac(key: &[u8], message: &[u8]) -> [u8; 48] {
    let mut mac = Hmac::<Sha384>::new_from_slice(key).expect("any length is a key");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").field("cost", &self.cost).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
