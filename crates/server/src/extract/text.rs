use std::ops::Deref;

use serde::{Deserialize, Deserializer, de};

/// One line of text that people read: 1 to `MAX` characters after trimming, none of them a control
/// character or a direction override, so that it can be shown and logged as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    /// Checks and trims.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 || length > MAX {
            return Err(format!("1 to {MAX} characters"));
        }
        if text.chars().any(is_unprintable) {
            return Err("one line without control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The text itself.
    pub fn into_inner(self) -> String {
        self.0
    }
}

fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<const MAX: usize> Deref for Line<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Line<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A member of a merge patch (RFC 7396): absent leaves, `null` removes, a value replaces. Use with
/// `#[serde(default, deserialize_with = "given")]`.
pub type Patch<T> = Option<Option<T>>;

/// Tells a `null` from an absent member.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> Result<Patch<T>, D::Error> {
    Option::deserialize(reader).map(Some)
}

/// A member that may be absent but not `null`. Use like [`given`].
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}
