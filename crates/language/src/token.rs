//! Text to tokens that remember where they stood.

use std::ops::Range;

use chrono::NaiveDate;
use pacioli_model::Decimal;

use crate::spelling::fold;

/// One word, number, date or sign of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// Where it stands, in bytes.
    pub(crate) at: Range<usize>,
    /// Folded; what everything is matched by.
    pub(crate) word: String,
    /// What it is.
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Word,
    Number(Decimal),
    Date(NaiveDate),
    /// A sign with or without a meaning; ordinary punctuation makes no token at all.
    Sign,
}

/// Punctuation that carries nothing a question needs.
const SILENT: &str = ".,?!:'\"()-–—/&’‘“”«»…";

/// Cuts a text. Every character that is not white space or silent belongs to a token, so that
/// nothing odd in a question goes unseen.
pub(crate) fn tokenise(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut position = 0;
    while let Some(letter) = text[position..].chars().next() {
        let end = if letter.is_alphanumeric() || is_negative(text, position) {
            push_run(text, position, &mut tokens)
        } else {
            push_sign(text, position, letter, &mut tokens)
        };
        position = end;
    }
    tokens
}

fn is_negative(text: &str, position: usize) -> bool {
    let follows_space = text[..position].chars().next_back().is_none_or(char::is_whitespace);
    let mut rest = text[position..].chars();
    follows_space && rest.next() == Some('-') && rest.next().is_some_and(|c| c.is_ascii_digit())
}

fn push_run(text: &str, start: usize, tokens: &mut Vec<Token>) -> usize {
    let run = &text[start..];
    if let Some((date, length)) = leading_date(run) {
        tokens.push(Token {
            at: start..start + length,
            word: fold(&run[..length]),
            kind: Kind::Date(date),
        });
        return start + length;
    }
    let numeric = run.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let length = if numeric { number_length(run) } else { word_length(run) };
    let typed = &run[..length];
    let kind = if numeric { number(typed).map_or(Kind::Word, Kind::Number) } else { Kind::Word };
    tokens.push(Token { at: start..start + length, word: fold(uncontracted(typed)), kind });
    start + length
}

/// A word without what is drawn to its end: "Germany's", "I'd", "we've". Not "don't", which denies.
fn uncontracted(typed: &str) -> &str {
    let Some((word, tail)) = typed.rsplit_once(['\'', '’']) else { return typed };
    let short = ["s", "d", "ll", "ve", "re", "m"];
    if short.iter().any(|it| tail.eq_ignore_ascii_case(it)) { word } else { typed }
}

fn push_sign(text: &str, start: usize, letter: char, tokens: &mut Vec<Token>) -> usize {
    let two = text[start..].char_indices().nth(2).map_or(text.len(), |(at, _)| start + at);
    let one = start + letter.len_utf8();
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let dash = letter == '-'
        && digit(text[..start].chars().next_back())
        && digit(text[one..].chars().next());
    if letter.is_whitespace() || letter == '_' || (SILENT.contains(letter) && !dash) {
        return one;
    }
    let end = if [">=", "<=", "!=", "<>"].contains(&&text[start..two]) { two } else { one };
    tokens.push(Token { at: start..end, word: text[start..end].to_owned(), kind: Kind::Sign });
    end
}

fn word_length(run: &str) -> usize {
    let mut letters = run.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let joins = matches!(letter, '\'' | '’')
            && letters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        // A combining mark belongs to the letter before it.
        let marks = unicode_normalization::char::is_combining_mark(letter);
        if !letter.is_alphanumeric() && !joins && !marks {
            return at;
        }
    }
    run.len()
}

fn number_length(run: &str) -> usize {
    let bytes = run.as_bytes();
    let mut end = 1;
    while end < bytes.len() {
        let digit_follows = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        let separator = matches!(bytes[end], b'.' | b',') && digit_follows;
        if !(bytes[end].is_ascii_digit() || separator) {
            break;
        }
        end += 1;
    }
    end + word_length(&run[end..])
}

/// `10`, `-2.5`, `10,000`, `10k`, `1.5m`, `2bn`, `3rd`; never `1,5`, which reads two ways.
fn number(typed: &str) -> Option<Decimal> {
    let tail = typed.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '.' | ',')));
    let (digits, unit) = typed.split_at(tail.unwrap_or(typed.len()));
    let whole = digits.split('.').next().unwrap_or(digits).trim_start_matches('-');
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.contains(',');
    if grouped && (first.len() > 3 || groups.any(|group| group.len() != 3)) {
        return None;
    }
    if digits.split('.').nth(1).is_some_and(|fraction| fraction.contains(',')) {
        return None;
    }
    let value: Decimal = digits.replace(',', "").parse().ok()?;
    match fold(unit).as_str() {
        "" | "st" | "nd" | "rd" | "th" => Some(value),
        unit => scaled(value, unit),
    }
}

/// A number times what a word after it says: `k`, `million`.
pub(crate) fn scaled(value: Decimal, unit: &str) -> Option<Decimal> {
    let factor: i128 = match unit {
        "k" | "thousand" | "tsd" => 1_000,
        "m" | "mn" | "mio" | "million" => 1_000_000,
        "b" | "bn" | "mrd" | "billion" => 1_000_000_000,
        _ => return None,
    };
    let mut mantissa = value.mantissa.checked_mul(factor)?;
    let mut scale = value.scale;
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    Some(Decimal::new(mantissa, scale))
}

/// `2025-03-31` or `31.12.2025`. `03/04/2025` reads two ways: its numbers mean nothing together.
fn leading_date(run: &str) -> Option<(NaiveDate, usize)> {
    let end =
        run.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.')).unwrap_or(run.len());
    let typed = run[..end].trim_end_matches(['-', '.']);
    let parse = |format: &str| NaiveDate::parse_from_str(typed, format).ok();
    let date = match typed.as_bytes() {
        [_, _, _, _, b'-', ..] if typed.len() >= 8 => parse("%Y-%m-%d"),
        [.., b'.', _, _, _, _] if typed.matches('.').count() == 2 => parse("%d.%m.%Y"),
        _ => None,
    };
    date.map(|date| (date, typed.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let show = |token: &Token| match token.kind {
            Kind::Word => token.word.clone(),
            Kind::Number(value) => format!("#{value}"),
            Kind::Date(date) => format!("@{date}"),
            Kind::Sign => format!("'{}'", token.word),
        };
        tokenise(text).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_are_cut_into_words_numbers_dates_and_signs() {
        for (text, expect) in [
            ("Revenue by region?", "revenue by region"),
            ("Germany's orders, 2025", "germany orders #2025"),
            ("revenue_eur >= 10k", "revenue eur '>=' #10000"),
            ("over €1.5m or -2.50", "over '€' #1500000 or #-2.50"),
            ("10,000 1,5 1.2.3", "#10000 1,5 1.2.3"),
            ("2025-03-31 31.12.2025. 03/04/2025", "@2025-03-31 @2025-12-31 #3 #4 #2025"),
            ("2024-2025", "#2024 '-' #2025"),
            ("drop; -- 🙂\u{200b}", "drop ';' '🙂' '\u{200b}'"),
            ("3rd 5kg SO-1001 A&B", "#3 5kg so #1001 a b"),
            ("Müller & O'Neil", "muller oneil"),
            ("I'd say we’ve what's O'Dell don't", "i say we what odell dont"),
        ] {
            assert_eq!(shown(text), expect, "{text}");
        }
    }
}
