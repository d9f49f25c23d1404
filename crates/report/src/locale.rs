//! Numbers, amounts and days as a reader's language writes them.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use pacioli_model::{Cell, TimeGrain};
use serde_json::{Value, json};

/// A language that reports are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// By its ISO 639-1 code, regions left out: `de`, `de-AT`. Empty for what no report is written in.
    pub fn parse(code: &str) -> Option<Self> {
        match code.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            _ => None,
        }
    }

    /// The ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// What a number is of, which is how it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Format {
    /// As it stands, with at most two digits after the point.
    #[default]
    Number,
    /// Something counted: whole.
    Count,
    /// An amount in the currency of this ISO 4217 code.
    Amount(String),
    /// A fraction, shown as per cent.
    Percent,
    /// A difference of two fractions, shown as percentage points.
    Points,
    /// Days.
    Days,
    /// Something counted or weighed: `kg`.
    Unit(String),
}

/// By language, as [`Language`] orders them.
const MONTHS: [[&str; 12]; 2] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
];
const SHORT: [[&str; 12]; 2] = [
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    [
        "Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.",
        "Dez.",
    ],
];
/// Keeps a number and its unit on one line.
const JOINED: &str = "\u{a0}";
/// Currencies without a smaller unit (ISO 4217).
const WHOLE: [&str; 9] = ["JPY", "KRW", "CLP", "ISK", "VND", "XAF", "XOF", "PYG", "UGX"];

impl Language {
    fn point(self) -> char {
        match self {
            Self::English => '.',
            Self::German => ',',
        }
    }

    fn thousands(self) -> char {
        match self {
            Self::English => ',',
            Self::German => '.',
        }
    }

    /// With so many digits after the point, thousands apart: `-1,234.50`.
    pub fn number(self, value: f64, digits: usize) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        let text = format!("{:.digits$}", value.abs());
        let negative = value < 0.0 && text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        format!("{}{}", if negative { "−" } else { "" }, self.written(&text))
    }

    /// Digits as they stand, thousands apart: `-1,234.50`. What has none stays.
    pub fn written(self, digits: &str) -> String {
        let (sign, unsigned) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
        let (whole, fraction) =
            unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
        if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits.to_owned();
        }
        let mut text = sign.to_owned();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.push(self.thousands());
            }
            text.push(digit);
        }
        if let Some(fraction) = fraction {
            text.push(self.point());
            text.push_str(fraction);
        }
        text
    }

    /// A value as a sentence or a table has it.
    pub fn value(self, value: f64, format: &Format) -> String {
        match format {
            Format::Number => {
                let text = self.number(value, 2);
                let zeros: String = [self.point(), '0', '0'].iter().collect();
                text.strip_suffix(&zeros).map_or(text.clone(), str::to_owned)
            }
            Format::Count => self.number(value, 0),
            Format::Amount(code) => {
                let digits = if WHOLE.contains(&code.as_str()) { 0 } else { 2 };
                self.amount(&self.number(value, digits), code)
            }
            Format::Percent => self.percent(value, 1),
            Format::Points => self.points(value),
            Format::Days => {
                let is_whole = (value - value.round()).abs() < 1e-9;
                self.days_long(value, usize::from(!is_whole))
            }
            Format::Unit(unit) => {
                format!("{}{JOINED}{unit}", self.value(value, &Format::Number))
            }
        }
    }

    /// So many days, with so many digits after the point.
    pub(crate) fn days_long(self, value: f64, digits: usize) -> String {
        format!("{}{JOINED}{}", self.number(value, digits), self.either("days", "Tage"))
    }

    /// As short as an axis needs it: `1.2M`, `€ 350k` without its currency.
    pub fn short(self, value: f64, format: &Format) -> String {
        if *format == Format::Percent {
            let digits = usize::from(value.abs() < 0.1 && (value * 100.0).fract().abs() > 0.05);
            return self.percent(value, digits);
        }
        let size = value.abs();
        let (divisor, suffix) = match self {
            _ if size < 10_000.0 => (1.0, ""),
            Self::English if size < 1e6 => (1e3, "k"),
            Self::English if size < 1e9 => (1e6, "M"),
            Self::English => (1e9, "bn"),
            Self::German if size < 1e6 => (1e3, "\u{a0}Tsd."),
            Self::German if size < 1e9 => (1e6, "\u{a0}Mio."),
            Self::German => (1e9, "\u{a0}Mrd."),
        };
        let scaled = value / divisor;
        let digits = match scaled.abs() {
            _ if scaled.fract().abs() < 0.005 => 0,
            tens if tens >= 100.0 => 0,
            ones if ones >= 1.0 => 1,
            _ => 2,
        };
        format!("{}{suffix}", self.number(scaled, digits))
    }

    /// A value without digits after the point.
    pub(crate) fn whole(self, value: f64, format: &Format) -> String {
        match format {
            Format::Amount(code) => self.amount(&self.number(value, 0), code),
            Format::Unit(unit) => format!("{}{JOINED}{unit}", self.number(value, 0)),
            _ => self.number(value, 0),
        }
    }

    /// A value with its sign, plus too.
    pub(crate) fn signed(self, value: f64, format: &Format) -> String {
        let sign = if value > 0.0 { "+" } else { "" };
        format!("{sign}{}", self.value(value, format))
    }

    /// A moment, to the minute.
    pub fn moment(self, moment: DateTime<Utc>) -> String {
        format!("{}, {}", self.day(moment.date_naive()), moment.format("%H:%M UTC"))
    }

    fn amount(self, number: &str, code: &str) -> String {
        match (self, code) {
            (Self::English, "EUR" | "USD" | "GBP") => {
                let sign = match code {
                    "EUR" => "€",
                    "USD" => "$",
                    _ => "£",
                };
                number
                    .strip_prefix('−')
                    .map_or(format!("{sign}{number}"), |rest| format!("−{sign}{rest}"))
            }
            (Self::English, _) => format!("{code}{JOINED}{number}"),
            (Self::German, "EUR") => format!("{number}{JOINED}€"),
            (Self::German, _) => format!("{number}{JOINED}{code}"),
        }
    }

    pub(crate) fn percent(self, value: f64, digits: usize) -> String {
        let number = self.number(value * 100.0, digits);
        match self {
            Self::English => format!("{number}%"),
            Self::German => format!("{number}{JOINED}%"),
        }
    }

    fn points(self, value: f64) -> String {
        let number = self.number(value * 100.0, 1);
        format!("{number}{JOINED}{}", self.either("percentage points", "Prozentpunkte"))
    }

    /// One of two texts.
    pub(crate) fn either<'a>(self, english: &'a str, german: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// The month of this name, from 0.
    pub(crate) fn month(self, name: &str) -> Option<usize> {
        MONTHS[self.index()].iter().position(|month| *month == name)
    }

    /// The name of a month, from 0.
    pub(crate) fn month_name(self, month: usize) -> &'static str {
        MONTHS[self.index()].get(month).copied().unwrap_or_default()
    }

    fn index(self) -> usize {
        match self {
            Self::English => 0,
            Self::German => 1,
        }
    }

    /// A day: `5 March 2026`, `5. März 2026`.
    pub fn day(self, day: NaiveDate) -> String {
        let month = MONTHS[self.index()][day.month0() as usize];
        match self {
            Self::English => format!("{} {month} {}", day.day(), day.year()),
            Self::German => format!("{}. {month} {}", day.day(), day.year()),
        }
    }

    /// The period that begins on a day.
    pub fn period(self, first: NaiveDate, grain: TimeGrain) -> String {
        let month = MONTHS[self.index()][first.month0() as usize];
        match grain {
            TimeGrain::Day => self.day(first),
            TimeGrain::Week => {
                format!("{} {}", self.either("the week of", "Woche ab"), self.day(first))
            }
            TimeGrain::Month => format!("{month} {}", first.year()),
            TimeGrain::Quarter => format!("Q{} {}", first.month0() / 3 + 1, first.year()),
            TimeGrain::Year => first.year().to_string(),
        }
    }

    /// The period that begins on a day, as short as an axis needs it.
    pub(crate) fn tick(self, first: NaiveDate, grain: TimeGrain) -> String {
        let month = SHORT[self.index()][first.month0() as usize];
        match grain {
            TimeGrain::Day | TimeGrain::Week => match self {
                Self::English => format!("{} {month}", first.day()),
                Self::German => format!("{}.{}.", first.day(), first.month()),
            },
            TimeGrain::Month => format!("{month} {}", first.year()),
            grain => self.period(first, grain),
        }
    }

    /// A place in a cycle, from 1: of twelve a month, of four a quarter, of seven a weekday.
    pub(crate) fn place(self, place: usize, length: usize) -> String {
        let index = place.saturating_sub(1);
        let weekdays = self.either(
            "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
            "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        );
        let name = match length {
            12 => MONTHS[self.index()].get(index).copied(),
            7 => weekdays.split(' ').nth(index),
            _ => None,
        };
        match name {
            Some(name) => name.to_owned(),
            None if length == 4 => format!("Q{place}"),
            None if length > 12 => format!("{} {place}", self.either("week", "KW")),
            None => place.to_string(),
        }
    }

    /// The same, as short as a column's head needs it.
    pub(crate) fn short_place(self, place: usize, length: usize) -> String {
        match SHORT[self.index()].get(place.saturating_sub(1)) {
            Some(month) if length == 12 => (*month).to_owned(),
            _ => self.place(place, length),
        }
    }

    /// A run of days, both ends among them: a month, quarter or year by its name.
    pub fn days(self, from: NaiveDate, last: NaiveDate) -> String {
        let after = last.succ_opt().unwrap_or(last);
        let whole = from.day() == 1 && after.day() == 1;
        let months = (after.year() - from.year()) * 12 + after.month().cast_signed()
            - from.month().cast_signed();
        match months {
            1 if whole => self.period(from, TimeGrain::Month),
            3 if whole && from.month0().is_multiple_of(3) => self.period(from, TimeGrain::Quarter),
            12 if whole && from.month() == 1 => self.period(from, TimeGrain::Year),
            _ if from == last => self.day(from),
            _ if whole => format!(
                "{} {} {}",
                self.period(from, TimeGrain::Month),
                self.either("to", "bis"),
                self.period(last, TimeGrain::Month)
            ),
            _ => format!("{} {} {}", self.day(from), self.either("to", "bis"), self.day(last)),
        }
    }

    /// A cell of a table. Numbers of the books stand to their last digit.
    pub fn cell(self, cell: &Cell, format: &Format, grain: Option<TimeGrain>) -> String {
        match cell {
            Cell::Null => "–".to_owned(),
            Cell::Boolean(true) => self.either("yes", "ja").to_owned(),
            Cell::Boolean(false) => self.either("no", "nein").to_owned(),
            Cell::Text(text) => text.clone(),
            Cell::Date(day) => {
                grain.map_or_else(|| self.day(*day), |grain| self.period(*day, grain))
            }
            Cell::Timestamp(moment) => match grain {
                Some(grain) => self.period(moment.date_naive(), grain),
                None => self.moment(*moment),
            },
            Cell::Integer(_) | Cell::Decimal(_) | Cell::Float(_) => {
                cell.as_f64().map_or_else(String::new, |value| self.value(value, format))
            }
        }
    }

    /// What Vega needs to write numbers and days so: its `config.locale`.
    pub(crate) fn vega(self) -> Option<Value> {
        if self == Self::English {
            return None; // d3's own
        }
        let (months, short) = (MONTHS[self.index()], SHORT[self.index()]);
        Some(json!({
            "number": {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", "\u{a0}€"]},
            "time": {
                "dateTime": "%A, der %e. %B %Y, %X", "date": "%d.%m.%Y", "time": "%H:%M:%S",
                "periods": ["AM", "PM"],
                "days": ["Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"],
                "shortDays": ["So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"],
                "months": months, "shortMonths": short,
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_language_does() {
        use Language::{English, German};
        let eur = Format::Amount("EUR".to_owned());
        for (language, value, format, expect) in [
            (English, 1_234_567.8, &Format::Number, "1,234,567.80"),
            (English, -1234.0, &Format::Number, "−1,234"),
            (English, -0.001, &Format::Number, "0"),
            (German, 1_234_567.8, &Format::Number, "1.234.567,80"),
            (English, -1_234.5, &eur, "−€1,234.50"),
            (German, -1_234.5, &eur, "−1.234,50\u{a0}€"),
            (English, 99.0, &Format::Amount("CHF".to_owned()), "CHF\u{a0}99.00"),
            (English, 99.0, &Format::Amount("JPY".to_owned()), "JPY\u{a0}99"),
            (English, 0.1234, &Format::Percent, "12.3%"),
            (German, -0.5, &Format::Percent, "−50,0\u{a0}%"),
            (English, 0.021, &Format::Points, "2.1\u{a0}percentage points"),
            (German, 45.0, &Format::Days, "45\u{a0}Tage"),
            (English, 3.5, &Format::Unit("kg".to_owned()), "3.50\u{a0}kg"),
            (English, f64::NAN, &Format::Number, "–"),
        ] {
            assert_eq!(language.value(value, format), expect);
        }
        for (language, value, expect) in [
            (English, 1500.0, "1,500"),
            (English, 12_500.0, "12.5k"),
            (English, 350_000.0, "350k"),
            (English, -2_400_000.0, "−2.4M"),
            (German, 2_400_000.0, "2,4\u{a0}Mio."),
            (English, 0.25, "0.25"),
            (English, 0.0, "0"),
        ] {
            assert_eq!(language.short(value, &Format::Number), expect);
        }
    }

    #[test]
    fn periods_have_their_names() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (from, last, english, german) in [
            ("2026-03-01", "2026-03-31", "March 2026", "März 2026"),
            ("2026-04-01", "2026-06-30", "Q2 2026", "Q2 2026"),
            (
                "2026-02-01",
                "2026-04-30",
                "February 2026 to April 2026",
                "Februar 2026 bis April 2026",
            ),
            ("2025-01-01", "2025-12-31", "2025", "2025"),
            (
                "2026-03-02",
                "2026-03-05",
                "2 March 2026 to 5 March 2026",
                "2. März 2026 bis 5. März 2026",
            ),
            ("2026-03-02", "2026-03-02", "2 March 2026", "2. März 2026"),
        ] {
            assert_eq!(Language::English.days(day(from), day(last)), english);
            assert_eq!(Language::German.days(day(from), day(last)), german);
        }
    }
}
