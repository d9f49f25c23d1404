use base64::{
    Engine as _,
    alphabet::BCRYPT,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};

/// The highest cost that is followed: a stored hash that asks for more would block a thread for
/// minutes.
const MAX_COST: u32 = 16;

/// Some programs leave bits in the salt's last character that mean nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
);

/// What bcrypt was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// The password itself, cut at 72 bytes, as passlib does.
    Plain,
    /// Its HMAC-SHA384.
    Hmac,
    /// Its HMAC-SHA384 with the configured pepper.
    Peppered,
}

impl Scheme {
    fn marker(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Hmac => "$hmac-sha384.v1",
            Self::Peppered => "$hmac-sha384.v1p",
        }
    }
}

/// A stored hash, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) scheme: Scheme,
    pub(super) cost: u32,
    pub(super) salt: [u8; 16],
    pub(super) hash: [u8; 23],
}

impl Stored {
    /// Reads what [`Self::write`] or passlib wrote; nothing if it is damaged or asks for an absurd
    /// cost.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest =
            ["$2a$", "$2b$", "$2y$"].iter().find_map(|version| text.strip_prefix(version))?;
        let (cost, rest) = rest.split_once('$')?;
        let is_written_out = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost: u32 = cost.parse().ok().filter(|_| is_written_out)?;
        let (encoded, marker) = rest.split_at_checked(53)?;
        let (salt, hash) = encoded.split_at_checked(22)?;
        let schemes = [Scheme::Plain, Scheme::Hmac, Scheme::Peppered];
        let scheme = schemes.into_iter().find(|scheme| scheme.marker() == marker)?;
        let salt = BASE64.decode(salt).ok()?.try_into().ok()?;
        let hash = BASE64.decode(hash).ok()?.try_into().ok()?;
        (4..=MAX_COST).contains(&cost).then_some(Self { scheme, cost, salt, hash })
    }

    pub(super) fn write(&self) -> String {
        let (salt, hash) = (BASE64.encode(self.salt), BASE64.encode(self.hash));
        format!("$2b${:02}${salt}{hash}{}", self.cost, self.scheme.marker())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whole_hashes_of_a_sane_cost_are_read() {
        let good = "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for (text, scheme) in [
            (good.to_owned(), Some(Scheme::Plain)),
            (good.replace("2b", "2a"), Some(Scheme::Plain)),
            (good.replace("2b", "2y"), Some(Scheme::Plain)),
            (format!("{good}$hmac-sha384.v1"), Some(Scheme::Hmac)),
            (format!("{good}$hmac-sha384.v1p"), Some(Scheme::Peppered)),
            (format!("{good}$hmac-sha384.v2"), None),
            (format!("{good}x"), None),
            (good.replace("2b", "2x"), None),
            (good.replace("$12$", "$17$"), None),
            (good.replace("$12$", "$31$"), None),
            (good.replace("$12$", "$3$"), None),
            (good.replace("$12$", "$+9$"), None),
            (good.replace("E5", "!5"), None),
            (good.replace("E5", "é"), None),
            (good[..good.len() - 1].to_owned(), None),
            (String::new(), None),
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned(), None),
        ] {
            assert_eq!(Stored::parse(&text).map(|stored| stored.scheme), scheme, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(cost in 4_u32..=16, salt: [u8; 16], hash: [u8; 23]) {
            for scheme in [Scheme::Plain, Scheme::Hmac, Scheme::Peppered] {
                let stored = Stored { scheme, cost, salt, hash };
                prop_assert_eq!(Stored::parse(&stored.write()), Some(stored));
            }
        }

        #[test]
        fn no_text_makes_reading_fail_otherwise(text: String) {
            let _ = Stored::parse(&text);
            let _ = Stored::parse(&format!("$2b$12${text}"));
        }
    }
}
