//! What a figure is in, in a few words.

use super::{NotationError, parser, writer};
use crate::Unit;

/// The longest name of a unit.
const LONGEST: usize = 40;

pub(super) fn parse(text: &str) -> Result<Unit, NotationError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let lower = words.join(" ").to_ascii_lowercase();
    let wrong = |detail: &str| Err(NotationError { at: 1, detail: detail.to_owned() });
    Ok(match (&words[..], lower.as_str()) {
        ([], _) => return wrong("a unit has a name"),
        (_, "number") => Unit::Number,
        (_, "percent" | "%") => Unit::Percent,
        (_, "days") => Unit::Days,
        (_, "company currency") => Unit::CompanyCurrency,
        (["currency", code] | [code], _) if is_code(code) => Unit::Currency((*code).to_owned()),
        (["currency", "of", column @ ..], _) => {
            Unit::CurrencyOf(parser::column(&column.join(" "))?)
        }
        (["currency", ..], _) => {
            return wrong("write `currency EUR`, or `currency of orders.currency`");
        }
        (["unit", name @ ..], _) if !name.is_empty() => named(&name.join(" "))?,
        _ => named(&words.join(" "))?,
    })
}

fn named(name: &str) -> Result<Unit, NotationError> {
    if name.chars().count() > LONGEST {
        let detail = format!("a unit's name has at most {LONGEST} characters");
        return Err(NotationError { at: 1, detail });
    }
    Ok(Unit::Named(name.to_owned()))
}

pub(super) fn write(unit: &Unit) -> String {
    match unit {
        Unit::Number => "number".to_owned(),
        Unit::Percent => "percent".to_owned(),
        Unit::Days => "days".to_owned(),
        Unit::CompanyCurrency => "company currency".to_owned(),
        Unit::Currency(code) => format!("currency {code}"),
        Unit::CurrencyOf(column) => format!("currency of {}", writer::column(column)),
        Unit::Named(name) if parse(name) == Ok(unit.clone()) => name.clone(),
        Unit::Named(name) => format!("unit {name}"),
    }
}

/// An ISO 4217 code.
fn is_code(word: &str) -> bool {
    word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}
