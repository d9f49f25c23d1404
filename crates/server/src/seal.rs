//! Passwords of connected systems, encrypted at rest with XChaCha20-Poly1305. What is sealed for one
//! connection of one company opens for no other, and only with the key that it was sealed with.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use pacioli_model::{CompanyId, ConnectionId, SealedSecret, WebhookId};
use pacioli_store::PageRequest;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::{
    app::App,
    auth::{Keys, Purpose, hex},
    clock::Random,
    config::EncryptionKeys,
    delivery,
    error::ApiResult,
};

const NONCE_BYTES: usize = 24;

/// The keys that seal and open. Its clones share nothing.
#[derive(Clone)]
pub struct Sealer {
    /// The one in force first.
    keys: Vec<SealingKey>,
}

#[derive(Clone)]
struct SealingKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// Whose secret it is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    kind: &'static str,
    company: CompanyId,
    id: Uuid,
}

impl From<(CompanyId, ConnectionId)> for Place {
    fn from((company, ConnectionId(id)): (CompanyId, ConnectionId)) -> Self {
        Self { kind: "pacioli/connection/1", company, id }
    }
}

impl From<(CompanyId, WebhookId)> for Place {
    fn from((company, WebhookId(id)): (CompanyId, WebhookId)) -> Self {
        Self { kind: "pacioli/webhook/1", company, id }
    }
}

/// The secret cannot be read any more: its key is gone, or it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// None of the keys is the one that it was sealed with.
    #[error("the secret was encrypted with a key that is not configured any more")]
    KeyLost,
    /// The key is there, but the text is not what was sealed for this connection.
    #[error("the secret is damaged")]
    Damaged,
}

impl Sealer {
    /// From the configured keys. Each is derived for this purpose alone, so that the same text may
    /// serve another one too.
    pub fn new(keys: &EncryptionKeys) -> Self {
        let all = std::iter::once(&keys.current).chain(&keys.previous);
        Self { keys: all.map(SealingKey::derive).collect() }
    }

    /// Encrypts a secret for one place, under a nonce that was never used before.
    pub fn seal(
        &self,
        random: Random,
        place: impl Into<Place>,
        secret: &SecretString,
    ) -> Result<SealedSecret, SealError> {
        let key = self.keys.first().ok_or(SealError::KeyLost)?;
        let nonce = random.bytes::<NONCE_BYTES>();
        let aad = bound_to(place.into());
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &aad };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| SealError::Damaged)?;
        let sealed = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        Ok(SealedSecret { key_id: key.id.clone(), sealed })
    }

    /// Decrypts what was sealed for this place.
    pub fn open(
        &self,
        place: impl Into<Place>,
        secret: &SealedSecret,
    ) -> Result<SecretString, SealError> {
        let key = self.keys.iter().find(|key| key.id == secret.key_id);
        let key = key.ok_or(SealError::KeyLost)?;
        let bytes = URL_SAFE_NO_PAD.decode(&secret.sealed).map_err(|_| SealError::Damaged)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Damaged)?;
        let payload = Payload { msg: text, aad: &bound_to(place.into()) };
        let opened = key.cipher.decrypt(&XNonce::from(*nonce), payload);
        let opened = opened.map_err(|_| SealError::Damaged)?;
        String::from_utf8(opened).map(Into::into).map_err(|_| SealError::Damaged)
    }

    /// Whether the key in force sealed it.
    pub fn is_current(&self, secret: &SealedSecret) -> bool {
        self.keys.first().is_some_and(|key| key.id == secret.key_id)
    }
}

impl SealingKey {
    fn derive(secret: &SecretString) -> Self {
        let keys = Keys::new(secret.expose_secret().as_bytes());
        let id = hex(&keys.mac(Purpose::SealingKeyId, &[])[..8]);
        let cipher = XChaCha20Poly1305::new(&keys.mac(Purpose::Sealing, &[]).into());
        Self { id, cipher }
    }
}

/// Encrypts every secret that another key than the one in force has encrypted anew. Says how many, and
/// how many cannot be decrypted any more.
pub async fn reseal_all(app: &App) -> ApiResult<(u64, u64)> {
    let (mut resealed, mut lost) = delivery::reseal(app).await?;
    let mut request = PageRequest { after: None, limit: 100 };
    loop {
        let page = app.store.connections(&request).await?;
        for connection in page.items {
            let Some(before) = &connection.secret else { continue };
            if app.sealer.is_current(before) {
                continue;
            }
            let place = (connection.company_id, connection.id);
            let Ok(secret) = app.sealer.open(place, before) else {
                lost += 1;
                continue;
            };
            let after = app.sealer.seal(app.random, place, &secret)?;
            let data = app.store.tenant(connection.company_id);
            // One that was changed meanwhile was encrypted by the key in force.
            resealed += u64::from(data.reseal_connection(connection.id, before, &after).await?);
        }
        match page.next {
            Some(after) => request.after = Some(after),
            None => return Ok((resealed, lost)),
        }
    }
}

/// What goes with the text without being in it.
fn bound_to(place: Place) -> Vec<u8> {
    [place.kind.as_bytes(), &place.company.0.as_bytes()[..], &place.id.as_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn keys(current: &str, previous: &[&str]) -> Sealer {
        let previous = previous.iter().map(|key| (*key).into()).collect();
        Sealer::new(&EncryptionKeys { current: current.into(), previous })
    }

    fn place(company: u128, connection: u128) -> (CompanyId, ConnectionId) {
        (CompanyId(Uuid::from_u128(company)), ConnectionId(Uuid::from_u128(connection)))
    }

    #[test]
    fn a_secret_opens_for_its_own_connection_and_with_its_own_key_only() {
        let ours = keys("one", &[]);
        let secret: SecretString = "pass wörd".into();
        let sealed = ours.seal(Random, place(1, 2), &secret).unwrap();
        let open = |sealer: &Sealer, place, sealed: &SealedSecret| {
            sealer.open(place, sealed).map(|it| it.expose_secret().to_owned())
        };
        assert_eq!(open(&ours, place(1, 2), &sealed).unwrap(), "pass wörd");
        assert!(!sealed.sealed.contains("pass"));
        for other in [place(1, 3), place(2, 2), place(2, 1)] {
            assert_eq!(open(&ours, other, &sealed), Err(SealError::Damaged));
        }
        assert_eq!(open(&keys("two", &[]), place(1, 2), &sealed), Err(SealError::KeyLost));
        let renamed =
            SealedSecret { key_id: keys("two", &[]).keys[0].id.clone(), ..sealed.clone() };
        assert_eq!(open(&keys("two", &[]), place(1, 2), &renamed), Err(SealError::Damaged));
        assert_eq!(open(&keys("two", &["one"]), place(1, 2), &sealed).unwrap(), "pass wörd");
    }

    #[test]
    fn two_seals_of_one_secret_differ_and_a_changed_one_does_not_open() {
        let sealer = keys("one", &[]);
        let (one, two) = (
            sealer.seal(Random, place(1, 2), &"same".into()).unwrap(),
            sealer.seal(Random, place(1, 2), &"same".into()).unwrap(),
        );
        assert_ne!(one.sealed, two.sealed);
        let mut bytes = URL_SAFE_NO_PAD.decode(&one.sealed).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let changed = SealedSecret { sealed: URL_SAFE_NO_PAD.encode(&bytes), ..one.clone() };
            assert_eq!(sealer.open(place(1, 2), &changed).err(), Some(SealError::Damaged), "{at}");
            bytes[at] ^= 1;
        }
        for broken in ["", "AA", "not base64 !"] {
            let changed = SealedSecret { sealed: broken.into(), ..one.clone() };
            assert_eq!(sealer.open(place(1, 2), &changed).err(), Some(SealError::Damaged));
        }
    }

    #[test]
    fn rotating_leaves_what_the_key_in_force_sealed() {
        let (old, new) = (keys("one", &[]), keys("two", &["one"]));
        let sealed = old.seal(Random, place(1, 2), &"same".into()).unwrap();
        assert!(old.is_current(&sealed) && !new.is_current(&sealed));
        let secret = new.open(place(1, 2), &sealed).unwrap();
        assert!(new.is_current(&new.seal(Random, place(1, 2), &secret).unwrap()));
    }
}
