//! What must not be seen in an error, whoever repeats it.

use secrecy::{ExposeSecret, SecretString};

/// The secrets of one source.
#[derive(Default)]
pub(super) struct Secrets(std::sync::Mutex<Vec<SecretString>>);

/// Shorter ones would black out ordinary words.
const SHORTEST: usize = 4;

/// Remembered at most: tokens are renewed, the oldest are long dead.
const MOST: usize = 32;

impl Secrets {
    /// Hides this from now on.
    pub(super) fn hide(&self, secret: &SecretString) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() >= MOST {
            known.remove(1); // the first is the configured one
        }
        known.push(secret.clone());
    }

    /// The text without any of them, in the forms in which they travel, without control characters,
    /// and not long.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &*self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            let secret = secret.expose_secret();
            if secret.len() >= SHORTEST {
                clean = clean.replace(secret, "…").replace(&super::url::encode(secret), "…");
            }
        }
        let line: String = clean.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(300) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_blacked_out_however_it_is_written() {
        let secrets = Secrets::default();
        secrets.hide(&SecretString::from("p&ss w/rd"));
        secrets.hide(&SecretString::from("abc"));
        let text = secrets.redact("no p&ss w/rd,\n\u{7}p%26ss%20w%2Frd abc");
        assert_eq!(text, "no …, … abc");
        assert_eq!(secrets.redact(&"x".repeat(400)).chars().count(), 301);
    }
}
