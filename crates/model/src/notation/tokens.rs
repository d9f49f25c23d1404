//! Text to words.

use super::NotationError;

/// One word, number, text or sign.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word, in lower case.
    Word(String),
    /// A name in double quotes.
    Name(String),
    Number(String),
    Text(String),
    Sign(&'static str),
    End,
}

impl Token {
    /// As it is named in errors.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) | Self::Number(word) => format!("`{word}`"),
            Self::Name(name) => format!("`\"{name}\"`"),
            Self::Text(text) => format!("'{text}'"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Longer ones first, for `<` begins `<=`.
const SIGNS: [&str; 16] =
    ["!=", "<>", "<=", ">=", "(", ")", ",", ".", "=", "<", ">", "+", "-", "*", "/", ";"];

/// Every token with the number of its first character, from 1; the end last.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, NotationError> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.chars().count() - rest.chars().count() + 1;
        let Some(first) = rest.chars().next() else {
            found.push((at, Token::End));
            return Ok(found);
        };
        let (token, after) = next(first, rest).map_err(|detail| NotationError { at, detail })?;
        found.push((at, token));
        rest = after;
    }
}

fn next(first: char, rest: &str) -> Result<(Token, &str), String> {
    let run = |holds: fn(char) -> bool| {
        let end = rest.find(|c| !holds(c)).unwrap_or(rest.len());
        rest.split_at(end)
    };
    if first.is_ascii_alphabetic() || first == '_' {
        let (word, after) = run(|c| c.is_ascii_alphanumeric() || c == '_');
        return Ok((Token::Word(word.to_ascii_lowercase()), after));
    }
    if first.is_ascii_digit() {
        let (number, after) = number(rest);
        return Ok((Token::Number(number.to_owned()), after));
    }
    if first == '\'' {
        return quoted(rest, '\'').map(|(text, after)| (Token::Text(text), after));
    }
    if first == '"' {
        return quoted(rest, '"').map(|(name, after)| (Token::Name(name), after));
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => Ok((Token::Sign(sign), &rest[sign.len()..])),
        None => Err(format!("`{first}` means nothing here")),
    }
}

/// Digits, and a point with digits after it.
fn number(rest: &str) -> (&str, &str) {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(rest);
    let fraction = rest[whole..].strip_prefix('.').map_or(0, digits);
    rest.split_at(if fraction == 0 { whole } else { whole + 1 + fraction })
}

/// What stands between two marks; a doubled one inside is one.
fn quoted(rest: &str, mark: char) -> Result<(String, &str), String> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c != mark {
            text.push(c);
        } else if characters.next_if(|(_, next)| *next == mark).is_some() {
            text.push(mark);
        } else {
            return Ok((text, &rest[at + mark.len_utf8()..]));
        }
    }
    Err(format!("what {mark} opens is not closed"))
}
