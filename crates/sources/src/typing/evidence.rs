//! What the cells of a column could be, gathered over every row, and what is decided from it.

use pacioli_model::ColumnType;

use super::{
    moment::{Moment, Order},
    number::{Bare, Mark},
    reading::{Reading, boolean, is_empty, says_null},
};

/// More decimals than this are a measurement.
const MOST_DECIMALS: usize = 12;
/// Decimals are kept with 38 digits. Ten are left free, so that sums and comparisons have room.
const MOST_DIGITS: usize = 28;

/// All that is known about one column so far.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    values: u64,
    /// Those of them that the file itself calls numbers.
    native_numbers: u64,
    null_words: u64,
    not_boolean: bool,
    /// The pairs of words that all booleans so far belong to, as bits; zero before the first.
    boolean_pairs: Option<u8>,
    numbers: Numbers,
    moments: Moments,
    /// How many digits every value has, where they are nothing else; zero once two differ.
    digits: Option<usize>,
}

/// Numbers of at least so many digits, and all of as many, are years or codes.
const CODE_DIGITS: usize = 4;

impl Evidence {
    pub(crate) fn see(&mut self, cell: &str) {
        if is_empty(cell) {
            return;
        }
        let cell = cell.trim();
        if says_null(cell) {
            self.null_words += 1;
            return;
        }
        self.values += 1;
        if !self.not_boolean {
            let pairs = boolean(cell).map_or(0, |(pairs, _)| pairs);
            let shared = self.boolean_pairs.unwrap_or(u8::MAX) & pairs;
            self.boolean_pairs = Some(shared);
            self.not_boolean = shared == 0;
        }
        self.numbers.see(cell);
        self.moments.see(cell);
        let digits = if cell.bytes().all(|byte| byte.is_ascii_digit()) { cell.len() } else { 0 };
        let known = self.digits.unwrap_or(digits);
        self.digits = Some(if known == digits { digits } else { 0 });
    }

    /// Sees a number of a file that has a type for numbers, written with a decimal point.
    pub(crate) fn see_number(&mut self, number: &str) {
        self.values += 1;
        self.native_numbers += 1;
        self.not_boolean = true;
        self.moments = Moments::NONE;
        self.numbers.see(number);
        self.numbers.comma.impossible = true;
        self.numbers.none |= self.numbers.point.impossible;
    }

    /// The column has values, and they do not all go into one type but text.
    pub(crate) fn is_mixed(&self) -> bool {
        let numbers = self.native_numbers;
        numbers > 0 && self.numbers.none && numbers < self.values
    }

    /// Whether there is anything but blanks.
    pub(crate) fn has_any(&self) -> bool {
        self.values + self.null_words > 0
    }

    /// Whether there is any value.
    pub(crate) fn has_values(&self) -> bool {
        self.values > 0
    }

    /// Whether all values are numbers to the file itself.
    pub(crate) fn is_native(&self) -> bool {
        self.native_numbers == self.values
    }

    /// Whether the numbers, written with a point, have room for this many digits after it.
    pub(crate) fn fits_scale(&self, scale: u8) -> bool {
        self.numbers.point.whole_digits + usize::from(scale) <= MOST_DIGITS
    }

    /// Whether all values are 0 and 1.
    pub(crate) fn is_zero_or_one(&self) -> bool {
        self.values > 0 && self.numbers.zeros_and_ones == self.values
    }

    /// Whether all values are as many digits, so that they stand in one order as texts and as numbers.
    pub(crate) fn is_of_one_width(&self) -> bool {
        self.digits.is_some_and(|digits| digits >= CODE_DIGITS)
    }

    /// The order that all dates of this column can be read in, where there is one alone.
    pub(crate) fn date_order(&self) -> Option<Order> {
        let moments = &self.moments;
        match (moments.not_year_first, moments.not_day_first, moments.not_month_first) {
            (false, true, true) => Some(Order::Year),
            (true, false, true) => Some(Order::Day),
            (true, true, false) => Some(Order::Month),
            _ => None,
        }
    }

    /// The decimal mark that this column's numbers leave no doubt about.
    pub(crate) fn proven_mark(&self) -> Option<Mark> {
        match (self.values > 0, self.numbers.possible()) {
            (true, [true, false]) => Some(Mark::Point),
            (true, [false, true]) => Some(Mark::Comma),
            _ => None,
        }
    }

    /// How the column will be read; `usual` is the mark to prefer where both would do. What people
    /// should know about it goes to `note`.
    pub(crate) fn decide(
        &self,
        usual: Mark,
        note: &mut dyn FnMut(String),
    ) -> (ColumnType, Reading) {
        self.decide_with(None, None, usual, note)
    }

    /// As [`Self::decide`], with a decimal mark or a date's order that is known.
    pub(crate) fn decide_with(
        &self,
        mark: Option<Mark>,
        order: Option<Order>,
        usual: Mark,
        note: &mut dyn FnMut(String),
    ) -> (ColumnType, Reading) {
        let decided = if self.values == 0 {
            None
        } else if !self.not_boolean {
            Some((ColumnType::Boolean, Reading::Boolean))
        } else {
            self.numbers.decide(mark, usual, note).or_else(|| self.moments.decide(order, note))
        };
        if decided.is_some() && self.null_words > 0 {
            note(format!("{} cells such as N/A or - were read as empty.", self.null_words));
        }
        decided.unwrap_or((ColumnType::Text, Reading::Text))
    }
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing seen or not seen so far")]
struct Numbers {
    none: bool,
    point: Marked,
    comma: Marked,
    ambiguous: bool,
    zeros_and_ones: u64,
    currency: Option<&'static str>,
    several_currencies: bool,
    with_percent: bool,
    without_percent: bool,
}

/// What the column's numbers are when they are read with one mark.
#[derive(Debug, Default)]
struct Marked {
    impossible: bool,
    whole_digits: usize,
    decimals: usize,
    exponents: bool,
    beyond_64_bits: bool,
}

impl Numbers {
    fn possible(&self) -> [bool; 2] {
        [&self.point, &self.comma].map(|marked| !self.none && !marked.impossible)
    }

    fn see(&mut self, cell: &str) {
        if self.none {
            return;
        }
        let Some(bare) = Bare::strip(cell) else {
            self.none = true;
            return;
        };
        self.point.see(&bare, Mark::Point);
        self.comma.see(&bare, Mark::Comma);
        self.none = self.point.impossible && self.comma.impossible;
        self.ambiguous |= bare.is_marked();
        self.zeros_and_ones += u64::from(matches!(cell, "0" | "1"));
        if let Some(currency) = bare.currency {
            self.several_currencies |= self.currency.is_some_and(|other| other != currency);
            self.currency = Some(currency);
        }
        self.with_percent |= bare.percent;
        self.without_percent |= !bare.percent;
    }

    fn decide(
        &self,
        known: Option<Mark>,
        usual: Mark,
        note: &mut dyn FnMut(String),
    ) -> Option<(ColumnType, Reading)> {
        let mark = match self.possible() {
            [true, true] if known.is_some() => known?,
            [false, false] => return None,
            [true, false] => Mark::Point,
            [false, true] => Mark::Comma,
            [true, true] => usual,
        };
        if self.several_currencies || (self.with_percent && self.without_percent) {
            let what =
                if self.several_currencies { "several currencies" } else { "some per cent signs" };
            note(format!("Kept as text: its numbers carry {what}, so they do not add up."));
            return None;
        }
        let marked = if mark == Mark::Point { &self.point } else { &self.comma };
        let decided = marked.decide(mark, note)?;
        if known.is_none() && self.ambiguous && self.possible() == [true, true] {
            let (decimal, thousands) =
                if mark == Mark::Point { ("point", "comma") } else { ("comma", "point") };
            note(format!(
                "It cannot be told whether 1,234 means a thousand or a bit more than one here; read with a \
                 decimal {decimal}, and a {thousands} between thousands.",
            ));
        }
        if let Some(currency) = self.currency {
            note(format!("The currency {currency} was taken off the numbers."));
        }
        if self.with_percent {
            note("The per cent sign was taken off: 12% was read as 12.".to_owned());
        }
        Some(decided)
    }
}

impl Marked {
    fn see(&mut self, bare: &Bare<'_>, mark: Mark) {
        if self.impossible {
            return;
        }
        let Some(number) = bare.read(mark) else {
            self.impossible = true;
            return;
        };
        let (whole, decimals) = number.digits();
        self.whole_digits = self.whole_digits.max(whole);
        self.decimals = self.decimals.max(decimals);
        self.exponents |= number.has_exponent();
        self.beyond_64_bits |=
            whole > 18 && number.mantissa(0).is_none_or(|value| i64::try_from(value).is_err());
        let is_float = number.has_exponent() || decimals > MOST_DECIMALS;
        self.impossible = is_float && number.to_f64().is_none();
    }

    fn decide(&self, mark: Mark, note: &mut dyn FnMut(String)) -> Option<(ColumnType, Reading)> {
        if self.exponents || self.decimals > MOST_DECIMALS {
            return Some((ColumnType::Float, Reading::Float { mark }));
        }
        if self.decimals == 0 && !self.beyond_64_bits {
            return Some((ColumnType::Integer, Reading::Integer { mark }));
        }
        if self.whole_digits + self.decimals > MOST_DIGITS {
            note(format!("Kept as text: its numbers have more than {MOST_DIGITS} digits."));
            return None;
        }
        let scale = u8::try_from(self.decimals).ok()?;
        Some((ColumnType::Decimal { scale }, Reading::Decimal { mark, scale }))
    }
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing seen or not seen so far")]
struct Moments {
    not_year_first: bool,
    not_day_first: bool,
    not_month_first: bool,
    orders_differ: bool,
    with_time: bool,
    with_zone: bool,
    without_zone: bool,
    short_years: bool,
}

impl Moments {
    /// Of a column with a value that is no moment.
    const NONE: Self = Self {
        not_year_first: true,
        not_day_first: true,
        not_month_first: true,
        orders_differ: false,
        with_time: false,
        with_zone: false,
        without_zone: false,
        short_years: false,
    };
}

impl Moments {
    fn see(&mut self, cell: &str) {
        if self.not_year_first && self.not_day_first && self.not_month_first {
            return;
        }
        let moment = Moment::parse(cell);
        let date = |order| moment.as_ref().and_then(|moment| moment.date(order));
        let (day_first, month_first) = (date(Order::Day), date(Order::Month));
        self.not_year_first |= date(Order::Year).is_none();
        self.not_day_first |= day_first.is_none();
        self.not_month_first |= month_first.is_none();
        self.orders_differ |= day_first != month_first;
        if let Some(moment) = moment {
            self.with_time |= moment.has_time();
            self.with_zone |= moment.has_zone();
            self.without_zone |= !moment.has_zone();
            self.short_years |= moment.short_year;
        }
    }

    fn decide(
        &self,
        known: Option<Order>,
        note: &mut dyn FnMut(String),
    ) -> Option<(ColumnType, Reading)> {
        let order = match (self.not_year_first, self.not_day_first, self.not_month_first) {
            (_, false, false) if known == Some(Order::Month) => Order::Month,
            (false, ..) => Order::Year,
            (_, false, _) => Order::Day,
            (.., false) => Order::Month,
            _ => return None,
        };
        if known.is_none() && !self.not_day_first && !self.not_month_first && self.orders_differ {
            note(
                "It cannot be told whether 03/04 is the 3rd of April or the 4th of March here; read with the \
                 day first."
                    .to_owned(),
            );
        }
        if self.short_years {
            note("Years of two digits were read as 1970 to 2069.".to_owned());
        }
        if self.with_zone && self.without_zone {
            note("Times without a zone were read as UTC.".to_owned());
        }
        Some(if self.with_time {
            (ColumnType::Timestamp, Reading::Timestamp { order })
        } else {
            (ColumnType::Date, Reading::Date { order })
        })
    }
}
