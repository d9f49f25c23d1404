//! Cells, numbers and names as people read them.

use chrono::{Datelike, NaiveDate};
use pacioli_model::{Aggregate, Aggregation, Cell, Decimal, Grouping, Measure, TimeGrain};

use crate::locale::MONTHS;

/// Digits after the point that are shown; more are rounded to two and said to be.
const EXACT_SCALE: u8 = 4;

/// `1,234,567.80`; `about 3.33` when digits were dropped; empty for what is no number.
pub(crate) fn number(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Integer(value) => Some(grouped(&value.to_string())),
        Cell::Decimal(value) if value.scale <= EXACT_SCALE => Some(grouped(&value.to_string())),
        Cell::Decimal(value) => Some(format!("about {}", grouped(&rounded(*value).to_string()))),
        Cell::Float(value) => {
            let shown = format!("{value:.2}");
            let exact = shown.parse::<f64>().is_ok_and(|parsed| parsed.total_cmp(value).is_eq());
            let shown = grouped(shown.strip_suffix(".00").filter(|_| exact).unwrap_or(&shown));
            Some(if exact { shown } else { format!("about {shown}") })
        }
        _ => None,
    }
}

/// To two digits, halves away from zero.
fn rounded(value: Decimal) -> Decimal {
    let unit = 10_i128.pow(u32::from(value.scale.min(38)) - 2);
    let half = unit / 2 * value.mantissa.signum();
    Decimal::new(value.mantissa.saturating_add(half) / unit, 2)
}

/// Commas between thousands.
fn grouped(digits: &str) -> String {
    let (sign, unsigned) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) =
        unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.to_owned();
    }
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Any cell; a date that begins a period is named by the period.
pub(crate) fn cell(cell: &Cell, grain: Option<TimeGrain>) -> String {
    match cell {
        Cell::Null => "(none)".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Date(day) => period(*day, grain),
        Cell::Timestamp(moment) if grain.is_some() => period(moment.date_naive(), grain),
        Cell::Timestamp(moment) => moment.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        // A key is no quantity: 2025 has no comma.
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
    }
}

fn period(first: NaiveDate, grain: Option<TimeGrain>) -> String {
    let month = MONTHS[0][first.month0() as usize];
    let day = format!("{} {month} {}", first.day(), first.year());
    match grain {
        None | Some(TimeGrain::Day) => day,
        Some(TimeGrain::Week) => format!("the week of {day}"),
        Some(TimeGrain::Month) => format!("{month} {}", first.year()),
        Some(TimeGrain::Quarter) => format!("Q{} {}", first.month0() / 3 + 1, first.year()),
        Some(TimeGrain::Year) => first.year().to_string(),
    }
}

/// `order_number` as `order number`.
pub(crate) fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// What a group is called in a sentence: its column, or its own name where it is none.
pub(crate) fn group(group: &Grouping) -> String {
    spaced(group.column().map_or(group.name.as_str(), |of| of.column.as_str()))
}

/// What a measure is called in a sentence: `total revenue`, the currency apart.
pub(crate) fn measure(measure: &Measure, currency: Option<&str>) -> String {
    let Some(aggregation) = measure.aggregation() else { return spaced(measure.name.as_str()) };
    let column = match (&aggregation.value, aggregation.column()) {
        (None, _) => return "number of rows".to_owned(),
        (Some(_), None) => return spaced(measure.name.as_str()),
        (Some(_), Some(of)) => &of.column,
    };
    let suffix = currency.map(|code| format!("_{}", code.to_ascii_lowercase()));
    let bare = suffix.and_then(|suffix| column.as_str().strip_suffix(&suffix).map(str::to_owned));
    let column = spaced(&bare.unwrap_or_else(|| column.to_string()));
    match aggregation.aggregate {
        Aggregate::Count => format!("number of values of {column}"),
        Aggregate::CountDistinct => format!("number of different values of {column}"),
        Aggregate::Sum => format!("total {column}"),
        Aggregate::Average => format!("average {column}"),
        Aggregate::Min => format!("least {column}"),
        Aggregate::Max => format!("greatest {column}"),
    }
}

/// Whether a measure is an amount in the currency of its column; counts are not.
pub(crate) fn has_unit(measure: &Measure) -> bool {
    let counts =
        |one: &Aggregation| matches!(one.aggregate, Aggregate::Count | Aggregate::CountDistinct);
    !measure.aggregation().is_some_and(counts)
}

/// Whether a text looks like an ISO 4217 code.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The first letter in capitals.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_said_to_be_rounded() {
        for (given, expect) in [
            (Cell::Integer(-1_234_567), "-1,234,567"),
            (Cell::Integer(999), "999"),
            (Cell::Integer(i64::MIN), "-9,223,372,036,854,775,808"),
            (Cell::Decimal("1234567.80".parse().unwrap()), "1,234,567.80"),
            (Cell::Decimal("-0.05".parse().unwrap()), "-0.05"),
            (Cell::Decimal("1000.123456".parse().unwrap()), "about 1,000.12"),
            (Cell::Decimal("-2.345000".parse().unwrap()), "about -2.35"),
            (Cell::Float(2.5), "2.50"),
            (Cell::Float(3.0), "3"),
            (Cell::Float(10.0 / 3.0), "about 3.33"),
            (Cell::Float(f64::NAN), "NaN"),
        ] {
            assert_eq!(number(&given).unwrap(), expect, "{given:?}");
        }
        assert_eq!(number(&Cell::Text("5".to_owned())), None);
    }

    #[test]
    fn periods_are_named() {
        let first = Cell::Date("2025-04-01".parse().unwrap());
        for (grain, expect) in [
            (None, "1 April 2025"),
            (Some(TimeGrain::Week), "the week of 1 April 2025"),
            (Some(TimeGrain::Month), "April 2025"),
            (Some(TimeGrain::Quarter), "Q2 2025"),
            (Some(TimeGrain::Year), "2025"),
        ] {
            assert_eq!(cell(&first, grain), expect);
        }
    }
}
