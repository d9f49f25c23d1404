//! Dates in words. Every period is half-open and counted from a day that the caller names.

mod fiscal;
mod named;

use chrono::{Datelike, Days, Months, NaiveDate};
use pacioli_model::{TimeGrain, WeekStart};

use crate::{
    keywords::count_word,
    token::{Kind, Token},
};

/// A run of days that a question names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    /// First day; open when empty.
    pub(crate) from: Option<NaiveDate>,
    /// The day after the last; open when empty.
    pub(crate) to: Option<NaiveDate>,
    /// It depends on what day it is.
    pub(crate) relative: bool,
    /// What the person should know about it.
    pub(crate) notes: Vec<String>,
}

/// A closed period before it becomes part of a range.
struct Single {
    from: NaiveDate,
    to: NaiveDate,
    relative: bool,
    /// A month or day without a year, which may take its neighbour's.
    bare: bool,
    notes: Vec<String>,
}

const MONTHS: [&str; 12] = [
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
];

/// Reads the date expression that `tokens` begin with: how many tokens it takes, and the days.
pub(crate) fn read(tokens: &[Token], today: NaiveDate) -> Option<(usize, Period)> {
    read_with(&Reader { tokens, today, company: None })
}

/// A company's day, year and week.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Company {
    pub(crate) today: NaiveDate,
    /// The month in which its fiscal year starts, 1 to 12.
    pub(crate) fiscal_year_start: u8,
    pub(crate) week_start: WeekStart,
}

/// The same for a company that declares its own year and week.
pub(crate) fn read_for(tokens: &[Token], company: Company) -> Option<(usize, Period)> {
    read_with(&Reader { tokens, today: company.today, company: Some(company) })
}

fn read_with(reader: &Reader<'_>) -> Option<(usize, Period)> {
    let today = reader.today;
    reader.range().or_else(|| reader.open_range()).or_else(|| {
        let (length, single) = reader.single(0)?;
        let mut notes = single.notes;
        let last = single.to.pred_opt().unwrap_or(single.from);
        if single.from <= today && last > today {
            let last = day_words(last);
            notes.push(format!(
                "The period is not over: it ends on {last}, and today is {}.",
                day_words(today)
            ));
        }
        let period = Period {
            from: Some(single.from),
            to: Some(single.to),
            relative: single.relative,
            notes,
        };
        Some((length, period))
    })
}

/// `3 March 2025`.
pub(crate) fn day_words(day: NaiveDate) -> String {
    format!("{} {} {}", day.day(), MONTHS[day.month0() as usize], day.year())
}

/// A period for people, with its last day included: `March 2025`, `since 1 January 2024`.
pub(crate) fn words(from: Option<NaiveDate>, to: Option<NaiveDate>) -> String {
    let last = to.and_then(|to| to.checked_sub_days(Days::new(1)));
    match (from, last) {
        (None, None) => "all days".to_owned(),
        (Some(from), None) => format!("since {}", day_words(from)),
        (None, Some(last)) => format!("until {}", day_words(last)),
        (Some(from), Some(last)) if from == last => day_words(from),
        (Some(from), Some(last)) => {
            let starts_month = from.day() == 1;
            if starts_month && to == months_after(from, 1) {
                format!("{} {}", MONTHS[from.month0() as usize], from.year())
            } else if starts_month && from.month() == 1 && to == months_after(from, 12) {
                from.year().to_string()
            } else {
                format!("{} to {}", day_words(from), day_words(last))
            }
        }
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    today: NaiveDate,
    company: Option<Company>,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    fn integer(&self, at: usize) -> Option<u32> {
        match self.tokens.get(at)?.kind {
            Kind::Number(number) if number.scale == 0 => u32::try_from(number.mantissa).ok(),
            _ => count_word(self.word(at)),
        }
    }

    /// The first day of the period that today is in.
    fn floor(&self, grain: TimeGrain) -> Option<NaiveDate> {
        let weekday = self.today.weekday();
        let since = match self.company.map(|company| company.week_start) {
            Some(WeekStart::Sunday) => weekday.num_days_from_sunday(),
            Some(WeekStart::Saturday) => (weekday.num_days_from_sunday() + 1) % 7,
            Some(WeekStart::Monday) | None => weekday.num_days_from_monday(),
        };
        match grain {
            TimeGrain::Week => self.today.checked_sub_days(Days::new(u64::from(since))),
            grain => floor(self.today, grain),
        }
    }

    fn any(&self, at: usize, words: &[&str]) -> bool {
        words.contains(&self.word(at))
    }

    /// `between A and B`, `from A to B`, `A until B`, `2024-2025`.
    fn range(&self) -> Option<(usize, Period)> {
        let between = self.any(0, &["between"]);
        let start = usize::from(between || self.any(0, &["from"]));
        let (length, first) = self.single(start)?;
        let joint = start + length;
        let words_between =
            if between { &["and"][..] } else { &["to", "until", "till", "through", "-"][..] };
        if !self.any(joint, words_between) {
            return None;
        }
        let (length, second) = self.single(joint + 1)?;
        let (from, to) = in_order(&first, &second)?;
        let notes = first.notes.into_iter().chain(second.notes).collect();
        let relative = first.relative || second.relative;
        Some((joint + 1 + length, Period { from: Some(from), to: Some(to), relative, notes }))
    }

    /// `since A`, `before A`, `from A onwards`.
    fn open_range(&self) -> Option<(usize, Period)> {
        let (skip, kind) = match (self.word(0), self.word(1), self.word(2)) {
            ("on", "or", "after") => (3, "since"),
            ("on", "or", "before") => (3, "until"),
            ("starting", "in" | "from" | "on", _) | ("later", "than", _) => {
                (2, if self.word(0) == "later" { "after" } else { "since" })
            }
            ("prior", "to", _) | ("earlier", "than", _) => (2, "before"),
            ("up", "to", _) => (2, "until"),
            ("since" | "starting", ..) => (1, "since"),
            ("until" | "till" | "through", ..) => (1, "until"),
            ("after", ..) => (1, "after"),
            ("before", ..) => (1, "before"),
            ("from", ..) => (1, "from"),
            _ => return None,
        };
        let skip = skip + usize::from(self.any(skip, &["the"]));
        let (length, single) = self.single(skip)?;
        let mut end = skip + length;
        let (from, to) = match kind {
            "since" => (Some(single.from), None),
            "after" => (Some(single.to), None),
            "before" => (None, Some(single.from)),
            "until" => (None, Some(single.to)),
            _ if self.any(end, &["onwards", "onward", "on"]) => {
                end += 1;
                (Some(single.from), None)
            }
            _ => return None,
        };
        Some((end, Period { from, to, relative: single.relative, notes: single.notes }))
    }

    fn single(&self, at: usize) -> Option<(usize, Single)> {
        let day = |from: NaiveDate, relative| {
            let to = from.checked_add_days(Days::new(1))?;
            Some((1, Single { from, to, relative, bare: false, notes: Vec::new() }))
        };
        match (self.tokens.get(at)?.kind, self.word(at)) {
            (Kind::Date(date), _) => day(date, false),
            (_, "today") => day(self.today, true),
            (_, "yesterday") => day(self.today.checked_sub_days(Days::new(1))?, true),
            _ => (self.fiscal(at))
                .or_else(|| self.next(at))
                .or_else(|| self.to_date(at))
                .or_else(|| self.this(at))
                .or_else(|| self.last(at))
                .or_else(|| self.part_of_year(at))
                .or_else(|| self.month(at))
                .or_else(|| self.year_alone(at)),
        }
    }

    /// `year to date`, `ytd`, `this month so far`.
    fn to_date(&self, at: usize) -> Option<(usize, Single)> {
        let (grain, length) = match self.word(at) {
            "ytd" => (TimeGrain::Year, 1),
            "qtd" => (TimeGrain::Quarter, 1),
            "mtd" => (TimeGrain::Month, 1),
            "wtd" => (TimeGrain::Week, 1),
            "so" if self.any(at + 1, &["far"]) && self.any(at + 2, &["this"]) => {
                (grain(self.word(at + 3))?, 4)
            }
            "this" if self.any(at + 2, &["so"]) && self.any(at + 3, &["far"]) => {
                (grain(self.word(at + 1))?, 4)
            }
            word if self.any(at + 1, &["to"]) && self.any(at + 2, &["date"]) => (grain(word)?, 3),
            _ => return None,
        };
        let from = self.floor(grain)?;
        let to = self.today.checked_add_days(Days::new(1))?;
        Some((length, Single { from, to, relative: true, bare: false, notes: Vec::new() }))
    }

    fn this(&self, at: usize) -> Option<(usize, Single)> {
        if !self.any(at, &["this", "current"]) {
            return None;
        }
        let grain = grain(self.word(at + 1))?;
        let from = self.floor(grain)?;
        let to = step(from, grain, 1)?;
        Some((2, Single { from, to, relative: true, bare: false, notes: Vec::new() }))
    }

    /// `last month`, `last 3 months`: whole periods that are over.
    fn last(&self, at: usize) -> Option<(usize, Single)> {
        if !self.any(at, &["last", "previous", "past", "prior"]) {
            return None;
        }
        let mut next = at + 1;
        next += usize::from(self.any(next, &["full", "complete", "calendar"]));
        let counted = self.integer(next);
        next += usize::from(counted.is_some());
        next += usize::from(counted.is_some() && self.any(next, &["full", "complete", "calendar"]));
        let grain = grain(self.word(next))?;
        let count = counted.unwrap_or(1);
        if count == 0 || count > 10_000 {
            return None;
        }
        let to = self.floor(grain)?;
        let from = step(to, grain, -i64::from(count))?;
        let mut notes = Vec::new();
        if count > 1 || grain == TimeGrain::Day {
            let unit = if grain == TimeGrain::Day { "days" } else { "calendar periods" };
            notes.push(format!("Only complete {unit} count: {}.", words(Some(from), Some(to))));
        }
        Some((next + 1 - at, Single { from, to, relative: true, bare: false, notes }))
    }
}

/// A period of whole months, or of one day when there are none.
fn closed(
    length: usize,
    from: NaiveDate,
    months: u32,
    bare: bool,
    relative: bool,
    notes: Vec<String>,
) -> Option<(usize, Single)> {
    let to =
        if months == 0 { from.checked_add_days(Days::new(1)) } else { months_after(from, months) }?;
    Some((length, Single { from, to, relative, bare, notes }))
}

/// The range from one period to another; a year given to one of them serves both.
fn in_order(first: &Single, second: &Single) -> Option<(NaiveDate, NaiveDate)> {
    let (mut from, mut to) = (first.from, second.to);
    if first.bare && !second.bare {
        from = from.with_year(second.from.year())?;
        if from >= to {
            from = months_before(from, 12)?;
        }
    } else if second.bare && from >= to {
        to = months_after(to, 12)?;
    }
    (from < to).then_some((from, to))
}

fn grain(word: &str) -> Option<TimeGrain> {
    match word {
        "day" | "days" => Some(TimeGrain::Day),
        "week" | "weeks" => Some(TimeGrain::Week),
        "month" | "months" => Some(TimeGrain::Month),
        "quarter" | "quarters" => Some(TimeGrain::Quarter),
        "year" | "years" => Some(TimeGrain::Year),
        _ => None,
    }
}

fn month_number(word: &str) -> Option<u32> {
    let found = MONTHS.iter().position(|name| {
        let name = name.to_ascii_lowercase();
        name == word || name[..3] == *word || (word == "sept" && name == "september")
    })?;
    u32::try_from(found + 1).ok()
}

/// The first day of the period that holds `day`.
fn floor(day: NaiveDate, grain: TimeGrain) -> Option<NaiveDate> {
    let first = |month| NaiveDate::from_ymd_opt(day.year(), month, 1);
    match grain {
        TimeGrain::Day => Some(day),
        TimeGrain::Week => {
            day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday())))
        }
        TimeGrain::Month => first(day.month()),
        TimeGrain::Quarter => first(day.month0() / 3 * 3 + 1),
        TimeGrain::Year => first(1),
    }
}

fn step(day: NaiveDate, grain: TimeGrain, count: i64) -> Option<NaiveDate> {
    let days = match grain {
        TimeGrain::Day => Some(1),
        TimeGrain::Week => Some(7),
        _ => None,
    };
    if let Some(days) = days {
        let span = Days::new(count.unsigned_abs() * days);
        return if count < 0 { day.checked_sub_days(span) } else { day.checked_add_days(span) };
    }
    let months = match grain {
        TimeGrain::Quarter => 3,
        TimeGrain::Year => 12,
        _ => 1,
    };
    let span = u32::try_from(count.unsigned_abs()).ok()? * months;
    if count < 0 { months_before(day, span) } else { months_after(day, span) }
}

fn months_after(day: NaiveDate, months: u32) -> Option<NaiveDate> {
    day.checked_add_months(Months::new(months))
}

fn months_before(day: NaiveDate, months: u32) -> Option<NaiveDate> {
    day.checked_sub_months(Months::new(months))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokenise;

    fn read_on(today: &str, text: &str) -> String {
        let tokens = tokenise(text);
        let date = |day: Option<NaiveDate>| day.map_or("..".to_owned(), |day| day.to_string());
        match read(&tokens, today.parse().unwrap()) {
            Some((length, period)) if length == tokens.len() => {
                format!("{} {}", date(period.from), date(period.to))
            }
            Some((length, _)) => format!("{length} of {}", tokens.len()),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn periods_are_half_open() {
        for (text, expect) in [
            ("2025", "2025-01-01 2026-01-01"),
            ("March 2025", "2025-03-01 2025-04-01"),
            ("march", "2026-03-01 2026-04-01"),
            ("December", "2025-12-01 2026-01-01"),
            ("Sept 2024", "2024-09-01 2024-10-01"),
            ("Q2 2025", "2025-04-01 2025-07-01"),
            ("2025 Q4", "2025-10-01 2026-01-01"),
            ("first quarter of last year", "2025-01-01 2025-04-01"),
            ("H2 2024", "2024-07-01 2025-01-01"),
            ("3 March 2025", "2025-03-03 2025-03-04"),
            ("March 3rd, 2025", "2025-03-03 2025-03-04"),
            ("2025-03", "2025-03-01 2025-04-01"),
            ("31.12.2025", "2025-12-31 2026-01-01"),
            ("today", "2026-06-17 2026-06-18"),
            ("yesterday", "2026-06-16 2026-06-17"),
            ("this week", "2026-06-15 2026-06-22"),
            ("this quarter", "2026-04-01 2026-07-01"),
            ("last month", "2026-05-01 2026-06-01"),
            ("last year", "2025-01-01 2026-01-01"),
            ("last 3 months", "2026-03-01 2026-06-01"),
            ("past three months", "2026-03-01 2026-06-01"),
            ("last 90 days", "2026-03-19 2026-06-17"),
            ("previous quarter", "2026-01-01 2026-04-01"),
            ("year to date", "2026-01-01 2026-06-18"),
            ("this month so far", "2026-06-01 2026-06-18"),
            ("since 2024", "2024-01-01 .."),
            ("after March 2025", "2025-04-01 .."),
            ("before 2025-03-01", ".. 2025-03-01"),
            ("until March 2025", ".. 2025-04-01"),
            ("from March 2025 onwards", "2025-03-01 .."),
            ("between March and May 2025", "2025-03-01 2025-06-01"),
            ("from November to February 2025", "2024-11-01 2025-03-01"),
            ("from 1 January 2025 to 15 January 2025", "2025-01-01 2025-01-16"),
            ("2024-2025", "2024-01-01 2026-01-01"),
            ("between 5 and 10", "none"),
            ("next month", "none"),
            ("last 0 days", "none"),
            ("from 2025 to 2024", "none"),
            ("last 9999999 years", "none"),
            ("31 February 2025", "none"),
        ] {
            assert_eq!(read_on("2026-06-17", text), expect, "{text}");
        }
    }

    #[test]
    fn month_ends_and_leap_days_hold() {
        for (today, text, expect) in [
            ("2026-03-31", "last month", "2026-02-01 2026-03-01"),
            ("2024-02-29", "last year", "2023-01-01 2024-01-01"),
            ("2026-01-01", "last quarter", "2025-10-01 2026-01-01"),
            ("2026-01-01", "this week", "2025-12-29 2026-01-05"),
            ("2026-12-31", "this month", "2026-12-01 2027-01-01"),
        ] {
            assert_eq!(read_on(today, text), expect, "{today} {text}");
        }
    }
}
