//! Numbers as people and programs write them: signs on either side, parentheses, currencies, per
//! cent, thousands, a decimal point or a decimal comma.

use std::borrow::Cow;

/// Which character stands before the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `1,234.50`
    Point,
    /// `1.234,50`
    Comma,
}

impl Mark {
    fn decimal(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }

    fn parts_thousands(self, c: char) -> bool {
        let other = match self {
            Self::Point => ',',
            Self::Comma => '.',
        };
        c == other || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’')
    }
}

/// Longer spellings stand before those they begin with.
const CURRENCIES: [&str; 39] = [
    "US$", "R$", "$", "€", "£", "¥", "₹", "₺", "₽", "₩", "zł", "Kč", "kr", "Ft", "USD", "EUR",
    "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK",
    "HUF", "RON", "BRL", "MXN", "ZAR", "TRY", "AED", "SGD", "HKD", "KRW",
];
/// A plus before more digits than this begins a telephone number.
const DIGITS_AFTER_PLUS: usize = 6;

/// A cell with everything taken off that is not the number itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare<'a> {
    body: &'a str,
    negative: bool,
    plus: bool,
    pub(crate) currency: Option<&'static str>,
    pub(crate) percent: bool,
}

impl<'a> Bare<'a> {
    /// Takes off signs, currency and per cent; nothing where they contradict each other.
    pub(crate) fn strip(cell: &'a str) -> Option<Self> {
        let mut bare =
            Self { body: cell, negative: false, plus: false, currency: None, percent: false };
        if let Some(inner) = cell.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            bare.body = inner.trim();
            bare.negative = true;
        }
        while !bare.body.starts_with(|c: char| c.is_ascii_digit()) && bare.strip_front()? {}
        while !bare.body.ends_with(|c: char| c.is_ascii_digit()) && bare.strip_back()? {}
        let share_of_money = bare.percent && bare.currency.is_some();
        (!bare.body.is_empty() && !share_of_money).then_some(bare)
    }

    /// Whether something was taken off; nothing where it may not stand twice.
    fn strip_front(&mut self) -> Option<bool> {
        if let Some(rest) = self.body.strip_prefix(['-', '−']) {
            return self.minus(rest);
        }
        if let Some(rest) = self.body.strip_prefix('+') {
            self.body = rest.trim_start();
            let twice = std::mem::replace(&mut self.plus, true) || self.negative;
            return (!twice).then_some(true);
        }
        let found = CURRENCIES.iter().find_map(|code| Some((*code, self.body.strip_prefix(code)?)));
        self.currency_or_nothing(found)
    }

    fn strip_back(&mut self) -> Option<bool> {
        if let Some(rest) = self.body.strip_suffix(['-', '−']) {
            return self.minus(rest);
        }
        if let Some(rest) = self.body.strip_suffix('%') {
            self.body = rest.trim_end();
            return (!std::mem::replace(&mut self.percent, true)).then_some(true);
        }
        let found = CURRENCIES.iter().find_map(|code| Some((*code, self.body.strip_suffix(code)?)));
        self.currency_or_nothing(found)
    }

    fn minus(&mut self, rest: &'a str) -> Option<bool> {
        self.body = rest.trim();
        let twice = std::mem::replace(&mut self.negative, true) || self.plus;
        (!twice).then_some(true)
    }

    fn currency_or_nothing(&mut self, found: Option<(&'static str, &'a str)>) -> Option<bool> {
        let Some((code, rest)) = found else { return Some(false) };
        self.body = rest.trim();
        self.currency.replace(code).is_none().then_some(true)
    }

    /// Whether a mark or a separator stands in it, so that its reading may depend on [`Mark`].
    pub(crate) fn is_marked(&self) -> bool {
        self.body.contains([',', '.'])
    }

    /// Reads it with this decimal mark.
    pub(crate) fn read(&self, mark: Mark) -> Option<Number<'a>> {
        let (plain, exponent) = match self.body.split_once(['e', 'E']) {
            Some((plain, exponent)) => (plain, Some(exponent)),
            None => (self.body, None),
        };
        let (whole, fraction) = match plain.rsplit_once(mark.decimal()) {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (plain, ""),
        };
        let grouped = !all_digits(whole);
        let whole = if grouped { Cow::Owned(ungroup(whole, mark)?) } else { Cow::Borrowed(whole) };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        let no_digits = whole.is_empty() && fraction.is_empty();
        let telephone = self.plus && fraction.is_empty() && whole.len() > DIGITS_AFTER_PLUS;
        if leading_zero || no_digits || telephone || !all_digits(fraction) {
            return None;
        }
        if let Some(exponent) = exponent {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if grouped || digits.is_empty() || digits.len() > 3 || !all_digits(digits) {
                return None;
            }
        }
        Some(Number { negative: self.negative, whole, fraction, exponent })
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits of `1,234,567`: one separator throughout, groups of three after the first.
fn ungroup(whole: &str, mark: Mark) -> Option<String> {
    let separator = whole.chars().find(|c| !c.is_ascii_digit())?;
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let first_holds = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let rest_holds = groups.clone().all(|group| group.len() == 3 && all_digits(group));
    let holds = mark.parts_thousands(separator) && first_holds && all_digits(first) && rest_holds;
    holds.then(|| first.chars().chain(groups.flat_map(str::chars)).collect())
}

/// A number's digits.
#[derive(Debug)]
pub(crate) struct Number<'a> {
    negative: bool,
    whole: Cow<'a, str>,
    fraction: &'a str,
    exponent: Option<&'a str>,
}

impl Number<'_> {
    /// Digits before and after the mark.
    pub(crate) fn digits(&self) -> (usize, usize) {
        (self.whole.len(), self.fraction.len())
    }

    pub(crate) fn has_exponent(&self) -> bool {
        self.exponent.is_some()
    }

    /// All digits as one whole number, with `scale` of them after the mark.
    pub(crate) fn mantissa(&self, scale: u8) -> Option<i128> {
        let padding = usize::from(scale).checked_sub(self.fraction.len())?;
        if self.exponent.is_some() {
            return None;
        }
        let digits = self.whole.bytes().chain(self.fraction.bytes());
        let digits =
            digits.map(|byte| i128::from(byte - b'0')).chain(std::iter::repeat_n(0, padding));
        let mut sum = 0_i128;
        for digit in digits {
            sum = sum.checked_mul(10)?.checked_add(digit)?;
        }
        Some(if self.negative { -sum } else { sum })
    }

    /// The nearest binary fraction; nothing where there is none but infinity.
    pub(crate) fn to_f64(&self) -> Option<f64> {
        let sign = if self.negative { "-" } else { "" };
        let (whole, fraction) = (&self.whole, self.fraction);
        let text = format!("{sign}0{whole}.{fraction}0e{}", self.exponent.unwrap_or("0"));
        text.parse().ok().filter(|value: &f64| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, point: Option<&str>, comma: Option<&str>) {
        for (mark, expect) in [(Mark::Point, point), (Mark::Comma, comma)] {
            let number = Bare::strip(cell).and_then(|bare| {
                let number = bare.read(mark)?;
                let scale = u8::try_from(number.digits().1).ok()?;
                Some(pacioli_model::Decimal::new(number.mantissa(scale)?, scale).to_string())
            });
            assert_eq!(number.as_deref(), expect, "{cell:?} with {mark:?}");
        }
    }

    #[test]
    fn numbers_are_read_with_either_mark() {
        check("0", Some("0"), Some("0"));
        check("1234", Some("1234"), Some("1234"));
        check("12.5", Some("12.5"), None);
        check("12,5", None, Some("12.5"));
        check("1,234", Some("1234"), Some("1.234"));
        check("1.234", Some("1.234"), Some("1234"));
        check("1,234.50", Some("1234.50"), None);
        check("1.234.567,8", None, Some("1234567.8"));
        check("1 234 567,80", None, Some("1234567.80"));
        check("1'234.5", Some("1234.5"), None);
        check("1\u{a0}234", Some("1234"), Some("1234"));
        check(".5", Some("0.5"), None);
        check("0.500", Some("0.500"), None);
    }

    #[test]
    fn signs_stand_where_people_put_them() {
        for cell in [
            "-12", "12-", "(12)", "−12", "-$12", "$-12", "$ 12-", "($12)", "EUR 12-", "-12 €",
            "12 %-",
        ] {
            check(cell, Some("-12"), Some("-12"));
        }
        for cell in ["+12", "$12", "12 EUR", "12%", "€ 12"] {
            check(cell, Some("12"), Some("12"));
        }
    }

    #[test]
    fn what_is_no_number_is_not_made_one() {
        for cell in [
            "00123",
            "01",
            "-",
            "(-12)",
            "--12",
            "-12-",
            "+-12",
            "1,23,456",
            "1,2345,678",
            "1 234,567 8",
            "12.",
            "$12%",
            "$12€",
            "+4915112345678",
            "1e",
            "1e5.2",
            "0x1F",
            "Infinity",
            "NaN",
            "1_000",
            "٣",
            "12a",
            "()",
            "$",
            "%",
            "1.2.3",
            "01,234",
        ] {
            check(cell, None, None);
        }
    }

    #[test]
    fn exponents_are_binary_fractions() {
        for (cell, mark, value) in [
            ("1e5", Mark::Point, Some(1e5)),
            ("-1.5E-3", Mark::Point, Some(-1.5e-3)),
            ("1,5E+03", Mark::Comma, Some(1500.0)),
            ("0.1", Mark::Point, Some(0.1)),
            ("1e999", Mark::Point, None),
        ] {
            let read = Bare::strip(cell).and_then(|bare| bare.read(mark)?.to_f64());
            assert_eq!(read, value, "{cell}");
        }
    }
}
