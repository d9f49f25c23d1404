//! Whether a text is fit to be a signing secret. No test can prove a secret random; these catch the
//! ones that people really leave in: short ones, placeholders, the examples of well-known
//! documentation, and patterns.

use std::fmt;

/// The fewest bytes of an HS256 key (RFC 7518 §3.2).
const MIN_BYTES: usize = 32;

/// The least information, in bits, counted from how often each byte occurs. 32 random hexadecimal
/// digits have about 118.
const MIN_BITS: f64 = 80.0;

/// Words that stand in placeholders. A random text of 64 letters holds one of them less often than
/// once in ten million.
const PLACEHOLDERS: [&str; 12] = [
    "secret",
    "changeme",
    "changethis",
    "replace",
    "example",
    "password",
    "placeholder",
    "insecure",
    "default",
    "pacioli",
    "yourkey",
    "donotuse",
];

/// Published by the tutorial that many FastAPI programs began as.
const PUBLISHED: &str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";

/// Why a text is not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than 32 bytes.
    Short,
    /// A placeholder, or an example that was published.
    Placeholder,
    /// A repeated or counted-up pattern, or too few different bytes.
    Guessable,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Short => "it has fewer than 32 bytes",
            Self::Placeholder => "it is a placeholder or a published example",
            Self::Guessable => "it follows a pattern or has too few different bytes",
        };
        write!(f, "{words}; make one with `openssl rand -base64 48`")
    }
}

/// The first reason not to sign with `secret`.
pub fn weakness(secret: &str) -> Option<Weakness> {
    let letters: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| letters.contains(word)) || letters == PUBLISHED {
        return Some(Weakness::Placeholder);
    }
    let bytes = secret.as_bytes();
    if bytes.len() < MIN_BYTES {
        return Some(Weakness::Short);
    }
    let guessable = repeats(bytes) || counts(bytes) || bits(bytes) < MIN_BITS;
    guessable.then_some(Weakness::Guessable)
}

/// Whether it is one piece written at least twice.
fn repeats(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes[period..].iter().zip(bytes).all(|(a, b)| a == b))
}

/// Whether most neighbours are equal or one apart, as in `abcdef` or `987654`.
fn counts(bytes: &[u8]) -> bool {
    let close = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    close * 2 > bytes.len()
}

#[expect(clippy::cast_precision_loss, reason = "a secret has few bytes")]
fn bits(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let length = bytes.len() as f64;
    let share = |count: u32| f64::from(count) * (length / f64::from(count)).log2();
    counts.into_iter().filter(|count| *count > 0).map(share).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statement_28_secrets_that_people_leave_in_are_refused() {
        for (secret, expect) in [
            ("", Weakness::Short),
            ("k8Jq2mZx7Rv1Lp9Ts4Wn6Yb3Hd5Fg0C", Weakness::Short),
            ("changethis", Weakness::Placeholder),
            ("change-me", Weakness::Placeholder),
            ("secret", Weakness::Placeholder),
            ("change-me-change-me-change-me-change-me", Weakness::Placeholder),
            ("your-256-bit-secret-your-256-bit-secret", Weakness::Placeholder),
            ("a-string-secret-at-least-256-bits-long", Weakness::Placeholder),
            ("Replace_This_With_Forty_Random_Characters", Weakness::Placeholder),
            (PUBLISHED, Weakness::Placeholder),
            (&"\0".repeat(32), Weakness::Guessable),
            (&"a".repeat(64), Weakness::Guessable),
            ("12345678901234567890123456789012", Weakness::Guessable),
            ("abcdefghijklmnopqrstuvwxyz0123456789", Weakness::Guessable),
            (&"Xk29vQ7z".repeat(4), Weakness::Guessable),
            (&"Xk29vQ7zLp".repeat(4)[..39], Weakness::Guessable),
            (&format!("{}b{}", "a".repeat(20), "a".repeat(20)), Weakness::Guessable),
            ("0011010111010010001011010111010010101110", Weakness::Guessable),
        ] {
            assert_eq!(weakness(secret), Some(expect), "{secret:?}");
        }
    }

    proptest! {
        #[test]
        fn random_secrets_are_taken(bytes in any::<[u8; 32]>()) {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            // A generator of tests may come up with patterns on purpose; those are not random.
            prop_assume!(!counts(&bytes) && bits(&bytes) > 130.0);
            let hex = crate::auth::hex(&bytes);
            prop_assert_eq!(weakness(&hex), None);
            prop_assert_eq!(weakness(&STANDARD.encode(bytes)), None);
        }
    }
}
