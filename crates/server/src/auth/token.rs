//! Access tokens: HS256, short-lived, `typ: at+jwt` (RFC 9068), the algorithm pinned to the key
//! (RFC 8725 §3.1).
//!
//! The header of a token is one of the few texts that this server writes itself: one for the current
//! key and one for each key that rotation has left. A token with any other header is refused before
//! its signature is looked at, which leaves no room for `alg`, `typ`, `kid` or `jku` tricks.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use pacioli_model::{CompanyId, Role, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::{Keys, Purpose, hex};

/// How far the clocks of two replicas may be apart.
const LEEWAY_SECONDS: i64 = 5;

/// No token of ours is longer; longer ones are not looked at.
const MAX_BYTES: usize = 4096;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Whose it is.
    pub sub: UserId,
    /// Its own name.
    pub jti: Uuid,
    /// The session it belongs to.
    pub sid: SessionId,
    /// The company of `sub`.
    pub company: CompanyId,
    /// The role of `sub` when it was made.
    pub role: Role,
    /// Seconds since 1970 when it was made.
    pub iat: i64,
    /// Seconds since 1970 when it ends.
    pub exp: i64,
    /// Not good before, where a token says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
}

/// Why a token is refused: a label of the metric, never told to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenError {
    /// Not a token, or not one with a header of ours.
    Malformed,
    /// Its signature is not ours.
    Signature,
    /// Its claims are not for this server, or not yet good.
    Claims,
    /// It has ended.
    Expired,
    /// Its session or account has ended, or its role changed.
    Revoked,
}

impl TokenError {
    /// The metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

struct Key {
    header: Header,
    /// The header as every token of this key begins, up to its dot.
    encoded_header: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Key {
    fn new(secret: &[u8]) -> Result<Self, serde_json::Error> {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(hex(&Keys::new(secret).mac(Purpose::KeyId, &[])[..8]));
        let encoded_header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        let (encoding, decoding) =
            (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Ok(Self { header, encoded_header, encoding, decoding })
    }
}

/// Makes and checks access tokens.
pub struct AccessTokens {
    issuer: String,
    audience: String,
    lifetime: Duration,
    /// The current key first.
    keys: Vec<Key>,
}

impl AccessTokens {
    /// `secrets`: the current one first, then those whose tokens are still good until they end.
    pub fn new(
        issuer: &str,
        audience: &str,
        lifetime: Duration,
        secrets: &[&[u8]],
    ) -> Result<Self, serde_json::Error> {
        let keys = secrets.iter().map(|secret| Key::new(secret)).collect::<Result<_, _>>()?;
        Ok(Self { issuer: issuer.to_owned(), audience: audience.to_owned(), lifetime, keys })
    }

    /// How long a new token is good, in seconds.
    pub fn lifetime_seconds(&self) -> i64 {
        self.lifetime.num_seconds()
    }

    /// A new token.
    pub fn issue(
        &self,
        jti: Uuid,
        session: (CompanyId, UserId, SessionId),
        role: Role,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let (company, sub, sid) = session;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub,
            jti,
            sid,
            company,
            role,
            iat: now.seconds(),
            exp: (now + self.lifetime).seconds(),
            nbf: None,
        };
        let Some(key) = self.keys.first() else {
            return Err(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into());
        };
        jsonwebtoken::encode(&key.header, &claims, &key.encoding)
    }

    /// What a token says, if this server made it and it is good at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let key = self.keys.iter().find(|key| key.encoded_header == header);
        let key = key.ok_or(TokenError::Malformed)?;
        let holds = jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            &key.decoding,
            Algorithm::HS256,
        );
        if !holds.unwrap_or(false) {
            return Err(TokenError::Signature);
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Malformed)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenError::Claims)?;
        self.check(claims, now.seconds())
    }

    fn check(&self, claims: Claims, now: i64) -> Result<Claims, TokenError> {
        let begins = claims.iat.max(claims.nbf.unwrap_or(claims.iat));
        if claims.iss != self.issuer || claims.aud != self.audience || begins > now + LEEWAY_SECONDS
        {
            Err(TokenError::Claims)
        } else if claims.exp <= now {
            Err(TokenError::Expired)
        } else {
            Ok(claims)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &[u8] = b"one secret of more than thirty-two bytes";

    fn tokens(secrets: &[&[u8]]) -> AccessTokens {
        AccessTokens::new("pacioli", "pacioli", Duration::minutes(15), secrets).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000)
    }

    fn token(of: &AccessTokens) -> String {
        let ids = (CompanyId(Uuid::nil()), UserId(Uuid::nil()), SessionId(Uuid::nil()));
        of.issue(Uuid::nil(), ids, Role::User, now()).unwrap()
    }

    /// Signs any header and claims with the right key.
    fn forge(header: &Value, change: impl FnOnce(&mut Value)) -> String {
        let good = token(&tokens(&[SECRET]));
        let payload = good.split('.').nth(1).unwrap();
        let mut claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        change(&mut claims);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(&claims));
        let key = EncodingKey::from_secret(SECRET);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }

    /// Our own header, claims changed.
    fn with_claims(change: impl FnOnce(&mut Value)) -> String {
        let good = token(&tokens(&[SECRET]));
        let header = URL_SAFE_NO_PAD.decode(good.split('.').next().unwrap()).unwrap();
        let header = std::str::from_utf8(&header).unwrap().to_owned();
        let forged = forge(&Value::Null, change);
        let payload = forged.split('.').nth(1).unwrap();
        let message = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
        let key = EncodingKey::from_secret(SECRET);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }

    #[test]
    fn statement_25_only_our_algorithm_and_header_are_taken() {
        let tokens = tokens(&[SECRET]);
        let good = token(&tokens);
        assert!(tokens.verify(&good, now()).is_ok());
        for header in [
            json!({"alg": "none", "typ": "at+jwt"}),
            json!({"alg": "HS512", "typ": "at+jwt"}),
            json!({"alg": "RS256", "typ": "at+jwt"}),
            json!({"alg": "hs256", "typ": "at+jwt"}),
            json!({"alg": "HS256", "typ": "JWT"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "../../etc/passwd"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": {"$ne": null}}),
            json!({"alg": "HS256", "typ": "at+jwt", "jku": "http://127.0.0.1/"}),
        ] {
            let forged = forge(&header, |_| ());
            assert_eq!(tokens.verify(&forged, now()), Err(TokenError::Malformed), "{header}");
        }
        let (message, _) = good.rsplit_once('.').unwrap();
        for broken in [format!("{message}."), message.to_owned(), String::new(), "..".to_owned()] {
            assert!(tokens.verify(&broken, now()).is_err(), "{broken}");
        }
        assert_eq!(tokens.verify(&good.repeat(20), now()), Err(TokenError::Malformed));
    }

    #[test]
    fn statement_26_every_claim_is_required_and_checked() {
        let tokens = tokens(&[SECRET]);
        for name in ["iss", "aud", "sub", "jti", "sid", "company", "role", "iat", "exp"] {
            let without = with_claims(|claims| {
                claims.as_object_mut().unwrap().remove(name);
            });
            assert_eq!(tokens.verify(&without, now()), Err(TokenError::Claims), "{name}");
        }
        let (past, future) = (now().seconds() - 1, now().seconds() + 60);
        for (name, value, error) in [
            ("iss", json!("other"), TokenError::Claims),
            ("aud", json!("other"), TokenError::Claims),
            ("aud", json!(["pacioli", "other"]), TokenError::Claims),
            ("sub", json!({"$ne": null}), TokenError::Claims),
            ("role", json!("owner"), TokenError::Claims),
            ("iat", json!(future), TokenError::Claims),
            ("nbf", json!(future), TokenError::Claims),
            ("exp", json!(past), TokenError::Expired),
            ("exp", json!(now().seconds()), TokenError::Expired),
        ] {
            let changed = with_claims(|claims| claims[name] = value.clone());
            assert_eq!(tokens.verify(&changed, now()), Err(error), "{name}: {value}");
        }
    }

    #[test]
    fn statement_29_a_rotated_key_still_verifies_and_no_longer_signs() {
        let (old, new): (&[u8], &[u8]) = (SECRET, b"another secret of more than 32 bytes !!");
        let before = token(&tokens(&[old]));
        let after = token(&tokens(&[new, old]));
        assert!(tokens(&[new, old]).verify(&before, now()).is_ok());
        assert_ne!(before.split('.').next(), after.split('.').next());
        assert!(tokens(&[new]).verify(&before, now()).is_err());
        assert!(tokens(&[old]).verify(&after, now()).is_err());
    }
}
