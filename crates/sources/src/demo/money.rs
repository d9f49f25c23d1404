use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub},
};

use pacioli_model::Decimal;

/// An amount of money in hundredths of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Cents(pub(super) i64);

impl Cents {
    /// The amount for this many pieces.
    pub(super) fn times(self, quantity: i64) -> Self {
        Self(self.0 * quantity)
    }

    /// This many thousandths of the amount, to the nearest cent.
    pub(super) fn per_mille(self, share: i64) -> Self {
        Self(divide(self.0 * share, 1000))
    }

    /// Euro in dollars, at ten-thousandths of a dollar per euro.
    pub(super) fn to_dollars(self, rate: i64) -> Self {
        Self(divide(self.0 * rate, 10_000))
    }

    /// Dollars in euro, at the same kind of rate.
    pub(super) fn to_euro(self, rate: i64) -> Self {
        Self(divide(self.0 * 10_000, rate))
    }
}

/// The nearest whole number, halves away from zero, as a bookkeeper rounds.
fn divide(amount: i64, by: i64) -> i64 {
    (amount.abs() * 2 + by) / (by * 2) * amount.signum()
}

impl Add for Cents {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Cents {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Cents {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Cents {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self(0), Add::add)
    }
}

impl From<Cents> for Decimal {
    fn from(amount: Cents) -> Self {
        Self::new(amount.0.into(), 2)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_rounds_to_the_nearest_cent_and_prints_two_digits() {
        for (amount, share, expect) in [
            (1_005, 100, "1.01"),
            (-1_005, 100, "-1.01"),
            (1_004, 100, "1.00"),
            (-5, 1000, "-0.05"),
        ] {
            assert_eq!(Cents(amount).per_mille(share).to_string(), expect);
        }
        assert_eq!(Cents(10_000).to_dollars(10_850), Cents(10_850));
        assert_eq!(Cents(10_850).to_euro(10_850), Cents(10_000));
    }
}
