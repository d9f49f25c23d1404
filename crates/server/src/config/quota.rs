use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// How often something may be tried: `count` at once, refilled evenly over `span`. Written
/// `10/1m`, with `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// At least one.
    pub count: u32,
    /// At least one second.
    pub span: Duration,
}

impl Quota {
    /// The bucket that holds it.
    pub fn quota(self) -> pacioli_store::Quota {
        pacioli_store::Quota { burst: self.count, period: self.span / self.count }
    }
}

/// A text that is no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write it as `10/1m`: a count, a slash, a span in s, m, h or d")]
pub struct InvalidQuota;

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let (count, span) = text.split_once('/').ok_or(InvalidQuota)?;
        let span = span.trim();
        let unit = match span.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86400,
            _ => return Err(InvalidQuota),
        };
        let number: u32 = span[..span.len() - 1].parse().map_err(|_| InvalidQuota)?;
        let count: u32 = count.trim().parse().map_err(|_| InvalidQuota)?;
        if count == 0 || number == 0 || number > 366 * 86400 / unit {
            return Err(InvalidQuota);
        }
        Ok(Self { count, span: Duration::from_secs(u64::from(number) * u64::from(unit)) })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.count, self.span.as_secs())
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_as_written() {
        for (text, expect) in [
            ("10/1m", Some((10, 60))),
            (" 5 / 30s ", Some((5, 30))),
            ("1/2h", Some((1, 7200))),
            ("100/1d", Some((100, 86400))),
            ("0/1m", None),
            ("1/0m", None),
            ("10", None),
            ("10/m", None),
            ("-1/1m", None),
            ("10/1w", None),
            ("10/999999999d", None),
            ("10/1é", None),
            ("", None),
        ] {
            let quota = text.parse::<Quota>().ok().map(|quota| (quota.count, quota.span.as_secs()));
            assert_eq!(quota, expect, "{text}");
        }
    }
}
