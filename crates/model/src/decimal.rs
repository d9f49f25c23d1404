use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The text was not a plain decimal number, or had more than 38 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 38 digits")]
pub struct InvalidDecimal;

/// An exact number: `mantissa / 10^scale`. Books are kept in these, never in binary fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// All digits, signed; at most 38 of them.
    pub mantissa: i128,
    /// How many of the digits stand after the point, 0 to 38.
    pub scale: u8,
}

impl Decimal {
    /// A number from its digits and the position of its point.
    pub fn new(mantissa: i128, scale: u8) -> Self {
        Self { mantissa, scale }
    }

    /// The nearest binary fraction, for charts and estimates.
    #[expect(clippy::cast_precision_loss, reason = "documented: the nearest, not the same")]
    pub fn to_f64(self) -> f64 {
        // Parsing the text rounds once; dividing two rounded numbers would round three times.
        self.to_string().parse().unwrap_or(self.mantissa as f64)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        let scale = usize::from(self.scale);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction)
        {
            return Err(InvalidDecimal);
        }
        let digits = format!("{whole}{fraction}");
        if digits.trim_start_matches('0').len() > 38 || fraction.len() > 38 {
            return Err(InvalidDecimal);
        }
        let magnitude: i128 = digits.parse().map_err(|_| InvalidDecimal)?;
        let scale = u8::try_from(fraction.len()).map_err(|_| InvalidDecimal)?;
        Ok(Self { mantissa: if negative { -magnitude } else { magnitude }, scale })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_read_and_print_exactly() {
        for text in ["0", "-1", "12.50", "-0.05", "0.00", "99999999999999999999999999999999999999"]
        {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        for text in ["", ".", "-", "1e5", "1,000", "½", "1.2.3", &"9".repeat(39)] {
            assert_eq!(text.parse::<Decimal>(), Err(InvalidDecimal), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_survives_a_round_trip(mantissa in -(10_i128.pow(37))..10_i128.pow(37), scale in 0_u8..=37) {
            let number = Decimal::new(mantissa, scale);
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
        }
    }
}
