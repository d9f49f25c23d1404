use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Keys for every purpose but access tokens, each derived from the one configured secret, so that
/// what is signed for one purpose means nothing for another.
#[derive(Clone)]
pub struct Keys {
    secret: Vec<u8>,
}

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The `kid` of an access token's key.
    KeyId,
    /// The successor of a refresh token.
    Refresh,
    /// The position in a list.
    Cursor,
    /// A device that an account has logged in from.
    Device,
    /// E-mail and network addresses in logs and limiter keys.
    Pseudonym,
    /// Idempotency keys and the fingerprints of their requests.
    Idempotency,
    /// What passwords of connected systems are encrypted with.
    Sealing,
    /// The name of the key that a password is encrypted with.
    SealingKeyId,
}

impl Keys {
    /// From the configured secret, at least 32 bytes of it.
    pub fn new(secret: &[u8]) -> Self {
        Self { secret: secret.to_vec() }
    }

    /// HMAC-SHA256 over `parts`, each preceded by its length, under the key for `purpose`.
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let key = one_mac(&self.secret, &[label(purpose).as_bytes()]);
        one_mac(&key, parts)
    }

    /// The same, as text for keys and logs: 128 bits in lower-case hex.
    pub fn pseudonym(&self, parts: &[&[u8]]) -> String {
        hex(&self.mac(Purpose::Pseudonym, parts)[..16])
    }

    /// `payload.signature` in URL-safe text; good only for the same purpose and scope.
    pub fn seal(&self, purpose: Purpose, scope: &[u8], payload: &[u8]) -> String {
        let mac = self.mac(purpose, &[scope, payload]);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(&mac[..16]))
    }

    /// The payload of a sealed text, if this server sealed it for this purpose and scope.
    pub fn open(&self, purpose: Purpose, scope: &[u8], text: &str) -> Option<Vec<u8>> {
        let (payload, signature) = text.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let expected = self.mac(purpose, &[scope, &payload]);
        bool::from(signature.ct_eq(&expected[..16])).then_some(payload)
    }
}

fn label(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::KeyId => "pacioli/kid/1",
        Purpose::Refresh => "pacioli/refresh/1",
        Purpose::Cursor => "pacioli/cursor/1",
        Purpose::Device => "pacioli/device/1",
        Purpose::Pseudonym => "pacioli/pseudonym/1",
        Purpose::Idempotency => "pacioli/idempotency/1",
        Purpose::Sealing => "pacioli/sealing/1",
        Purpose::SealingKeyId => "pacioli/sealing-key-id/1",
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn one_mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_is_good_for_its_own_purpose_scope_and_server_only() {
        let keys = Keys::new(&[7; 32]);
        let text = keys.seal(Purpose::Cursor, b"company a", b"position");
        assert_eq!(keys.open(Purpose::Cursor, b"company a", &text), Some(b"position".to_vec()));
        assert_eq!(keys.open(Purpose::Cursor, b"company b", &text), None);
        assert_eq!(keys.open(Purpose::Device, b"company a", &text), None);
        assert_eq!(Keys::new(&[8; 32]).open(Purpose::Cursor, b"company a", &text), None);
        for broken in ["", ".", "x", "a.b.c", &text[1..], &text[..text.len() - 1], "{\"$ne\":1}"] {
            assert_eq!(keys.open(Purpose::Cursor, b"company a", broken), None, "{broken}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let keys = Keys::new(&[7; 32]);
        assert_ne!(keys.pseudonym(&[b"ab", b"c"]), keys.pseudonym(&[b"a", b"bc"]));
    }
}
