use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use unicode_normalization::UnicodeNormalization;

/// The longest address that mail can carry (RFC 5321 §4.5.3.1, as erratum 1690 counts it), in bytes.
const MAX_BYTES: usize = 254;

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// No `@`, or nothing on one side of it, or a character that an address cannot have.
    #[error("not an e-mail address")]
    Malformed,
    /// More than 254 bytes.
    #[error("an e-mail address has at most 254 bytes")]
    TooLong,
}

/// An e-mail address in its one canonical spelling: NFKC, lower case, the domain in its ASCII form.
/// Two spellings of one mailbox are one account, one rate limit, one unique-index entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// Reads an address in any spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        if text.len() > 4 * MAX_BYTES {
            return Err(InvalidEmail::TooLong);
        }
        let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let (local, domain) = folded.rsplit_once('@').ok_or(InvalidEmail::Malformed)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail::Malformed)?;
        let labels_hold = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
        if !local_part_holds(local) || !labels_hold {
            return Err(InvalidEmail::Malformed);
        }
        let canonical = format!("{local}@{domain}");
        if canonical.len() > MAX_BYTES {
            return Err(InvalidEmail::TooLong);
        }
        Ok(Self(canonical))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with its domain in the letters that people write, as other systems may store it.
    pub fn with_unicode_domain(&self) -> String {
        match self.0.rsplit_once('@') {
            Some((local, domain)) => format!("{local}@{}", idna::domain_to_unicode(domain).0),
            None => self.0.clone(),
        }
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

/// RFC 5322's dot-atom, with letters of any script (RFC 6532); quoted local parts are not taken.
fn local_part_holds(local: &str) -> bool {
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.len() <= 64
        && local.split('.').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| atom(c) || unicode_normalization::char::is_combining_mark(c))
        })
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        Self::parse(text)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_mailbox_are_one_address() {
        for (given, canonical) in [
            (" Ada@Example.COM ", "ada@example.com"),
            ("ａｄａ@example.com", "ada@example.com"),
            ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
            ("ada+books@example.com", "ada+books@example.com"),
            ("\u{41}\u{30a}sa@example.com", "\u{e5}sa@example.com"),
        ] {
            assert_eq!(
                Email::parse(given).map(|e| e.to_string()),
                Ok(canonical.to_owned()),
                "{given}"
            );
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for given in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a b@example.com",
            "a..b@example.com",
            "ada@exa mple.com",
            "ada@example..com",
            "ada\0@example.com",
            "ada@example.com\nbcc: x@y.zz",
        ] {
            assert_eq!(Email::parse(given), Err(InvalidEmail::Malformed), "{given:?}");
        }
        assert_eq!(
            Email::parse(&format!("{}@example.com", "a".repeat(2000))),
            Err(InvalidEmail::TooLong)
        );
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(text in "\\PC{0,40}@\\PC{1,20}\\.[a-z]{2,4}") {
            if let Ok(once) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(once.as_str()), Ok(once));
            }
        }
    }
}
