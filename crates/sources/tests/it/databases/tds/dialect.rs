//! The few forms of Transact-SQL that are sent to the stand-in, as SQLite understands them, and which
//! type each selected value has. It is no parser of the language: what it does not know fails in SQLite.

use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
    types::Value,
};

use super::kind::{Kind, from_utf16, mantissa, utf16};

/// One SELECT.
#[derive(Debug)]
pub(crate) struct Statement {
    /// In SQLite's words.
    pub(crate) sql: String,
    pub(crate) selected: Vec<Selected>,
    /// Schema and name of the first table.
    pub(crate) table: (String, String),
}

/// A selected value.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) name: String,
    /// As a CAST or CONVERT has it; empty for a bare column.
    pub(crate) kind: Option<Kind>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// Between brackets.
    Name(String),
    Text(String),
    /// `@P1`.
    Parameter(String),
    Mark(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }

    /// As it was written, roughly.
    fn text(&self) -> String {
        match self {
            Self::Word(text) | Self::Name(text) => text.clone(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Parameter(number) => format!("?{number}"),
            Self::Mark(mark) => mark.to_string(),
        }
    }
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut rest = sql.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = rest.next() {
        let closing = match c {
            '[' => Some(']'),
            '\'' => Some('\''),
            _ => None,
        };
        if let Some(closing) = closing {
            let mut text = String::new();
            while let Some(next) = rest.next() {
                if next != closing {
                    text.push(next);
                } else if rest.next_if_eq(&closing).is_some() {
                    text.push(closing);
                } else {
                    break;
                }
            }
            tokens.push(if c == '[' { Token::Name(text) } else { Token::Text(text) });
        } else if c == '@' || c.is_alphanumeric() || c == '_' {
            let mut word = c.to_string();
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(next);
            }
            tokens.push(match word.strip_prefix("@P") {
                Some(number) => Token::Parameter(number.to_owned()),
                None => Token::Word(word),
            });
        } else if c == '>' && rest.next_if_eq(&'=').is_some() {
            tokens.push(Token::Word(">=".to_owned()));
        } else if !c.is_whitespace() {
            tokens.push(Token::Mark(c));
        }
    }
    tokens
}

impl Statement {
    pub(crate) fn read(sql: &str) -> Self {
        let tokens = tokens(sql);
        assert!(tokens[0].is("SELECT"), "nothing but a SELECT is run: {sql}");
        assert!(!tokens.contains(&Token::Mark(';')), "one statement at a time: {sql}");
        let mut at = 1;
        let mut limit = None;
        if tokens[1].is("TOP") {
            limit = Some(tokens[3].text());
            at = 5;
        }
        let from = at + top_level(&tokens[at..], |it| it.is("FROM")).unwrap();
        let items = split(&tokens[at..from], &Token::Mark(','));
        let selected = items.iter().map(|item| Selected::read(item)).collect();
        let table = match &tokens[from + 1..from + 4] {
            [schema, Token::Mark('.'), table] => (schema.text(), table.text()),
            other => panic!("no table: {other:?}"),
        };
        let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        let sql = format!("SELECT {}{limit}", Rewrite::all(&tokens[at..]));
        Self { sql, selected, table }
    }
}

impl Selected {
    fn read(item: &[Token]) -> Self {
        let named = top_level(item, |it| it.is("AS"));
        let value = &item[..named.unwrap_or(item.len())];
        let name = item.last().unwrap().text();
        Self { name, kind: kind_of(value) }
    }
}

/// The type that a CAST or a CONVERT gives; LOWER keeps what is in it.
fn kind_of(value: &[Token]) -> Option<Kind> {
    let text = |tokens: &[Token]| tokens.iter().map(Token::text).collect::<String>();
    match value {
        [word, Token::Mark('('), inner @ .., Token::Mark(')')] if word.is("CAST") => {
            let at = top_level(inner, |it| it.is("AS"))?;
            Some(Kind::parse(&text(&inner[at + 1..])))
        }
        [word, Token::Mark('('), inner @ .., Token::Mark(')')] if word.is("CONVERT") => {
            let at = top_level(inner, |it| *it == Token::Mark(','))?;
            Some(Kind::parse(&text(&inner[..at])))
        }
        [word, Token::Mark('('), inner @ .., Token::Mark(')')] if word.is("LOWER") => {
            kind_of(inner)
        }
        _ => None,
    }
}

/// Where a token stands that is not between parentheses.
fn top_level(tokens: &[Token], wanted: impl Fn(&Token) -> bool) -> Option<usize> {
    let mut depth = 0;
    tokens.iter().position(|token| {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') => depth -= 1,
            _ => {}
        }
        depth == 0 && wanted(token)
    })
}

fn split<'a>(mut tokens: &'a [Token], by: &Token) -> Vec<&'a [Token]> {
    let mut parts = Vec::new();
    while let Some(at) = top_level(tokens, |it| it == by) {
        parts.push(&tokens[..at]);
        tokens = &tokens[at + 1..];
    }
    parts.push(tokens);
    parts
}

/// Tokens that become SQLite's.
struct Rewrite<'a> {
    rest: &'a [Token],
    made: Vec<String>,
}

impl<'a> Rewrite<'a> {
    fn all(tokens: &'a [Token]) -> String {
        let mut rewrite = Self { rest: tokens, made: Vec::new() };
        while !rewrite.rest.is_empty() {
            rewrite.step();
        }
        rewrite.made.join(" ")
    }

    fn step(&mut self) {
        match self.rest {
            [word, Token::Mark('('), ..] if word.is("CAST") => {
                let inner = self.parenthesis();
                let at = top_level(inner, |it| it.is("AS")).unwrap();
                let kind: String = inner[at + 1..].iter().map(Token::text).collect();
                self.made.push(format!("ts_cast({}, '{kind}', 0)", Self::all(&inner[..at])));
            }
            [word, Token::Mark('('), ..] if word.is("CONVERT") => {
                let parts = split(self.parenthesis(), &Token::Mark(','));
                let kind: String = parts[0].iter().map(Token::text).collect();
                let style = parts.get(2).map_or("0".to_owned(), |style| Self::all(style));
                let value = Self::all(parts[1]);
                self.made.push(format!("ts_cast({value}, '{kind}', {style})"));
            }
            [word, collation, ..] if word.is("COLLATE") => {
                let rule = if collation.text().contains("_CI_") { "NOCASE" } else { "BINARY" };
                self.made.push(format!("COLLATE {rule}"));
                self.rest = &self.rest[2..];
            }
            [Token::Name(name), rest @ ..] => {
                self.made.push(format!("\"{}\"", name.replace('"', "\"\"")));
                self.rest = rest;
            }
            [token, rest @ ..] => {
                self.made.push(token.text());
                self.rest = rest;
            }
            [] => {}
        }
    }

    /// What is between the parentheses after a function's name.
    fn parenthesis(&mut self) -> &'a [Token] {
        let inner = &self.rest[2..];
        let mut depth = 1;
        let end = inner.iter().position(|token| {
            match token {
                Token::Mark('(') => depth += 1,
                Token::Mark(')') => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let end = end.unwrap();
        self.rest = &inner[end + 1..];
        &inner[..end]
    }
}

/// `CAST` and `CONVERT`.
pub(crate) fn add_cast(connection: &Connection) {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("ts_cast", 3, flags, cast).unwrap();
}

fn cast(context: &mut Context<'_>) -> rusqlite::Result<Value> {
    let (value, kind): (Value, String) = (context.get(0)?, context.get(1)?);
    let style: i64 = context.get(2)?;
    let kind = Kind::parse(&kind);
    let most = kind.numbers.first().map_or(usize::MAX, |it| *it as usize);
    Ok(match (kind.name.as_str(), value) {
        (_, Value::Null) => Value::Null,
        ("bigint", Value::Blob(bytes)) => {
            Value::Integer(i64::from_be_bytes(bytes.try_into().unwrap()))
        }
        ("binary" | "varbinary", Value::Integer(value)) => Value::Blob(value.to_be_bytes().into()),
        ("binary" | "varbinary", Value::Text(text)) => Value::Blob(cut(utf16(&text), most)),
        ("binary" | "varbinary", Value::Blob(bytes)) => Value::Blob(cut(bytes, most)),
        ("nvarchar", Value::Blob(bytes)) if style == 2 => {
            let digit = |half: u8| char::from_digit(half.into(), 16).unwrap().to_ascii_uppercase();
            Value::Text(bytes.iter().flat_map(|it| [digit(it >> 4), digit(it & 15)]).collect())
        }
        ("nvarchar", Value::Blob(bytes)) => {
            let bytes = cut(bytes, most.saturating_mul(2));
            from_utf16(&bytes).map_or(Value::Blob(bytes), Value::Text)
        }
        ("varchar" | "char", Value::Text(text)) => {
            // Of Western code pages.
            let narrow = |c: char| if u32::from(c) < 256 || c == '€' { c } else { '?' };
            Value::Text(text.chars().map(narrow).take(most).collect())
        }
        ("decimal" | "numeric", Value::Text(text)) => number(digits(&text, &kind)),
        ("decimal" | "numeric", value) => number(mantissa(&value)),
        ("money" | "smallmoney", Value::Text(text)) => Value::Integer(text.parse().unwrap()),
        ("datetime2" | "datetimeoffset" | "datetime" | "smalldatetime", Value::Text(text)) => {
            Value::Text(moment(&text, &kind))
        }
        (_, value) => value,
    })
}

/// As it is kept: a whole number where it is one of SQLite's.
fn number(digits: i128) -> Value {
    i64::try_from(digits).map_or_else(|_| Value::Text(digits.to_string()), Value::Integer)
}

fn cut(mut bytes: Vec<u8>, most: usize) -> Vec<u8> {
    bytes.truncate(most);
    bytes
}

/// `12.34` of a decimal of two places is 1234.
fn digits(text: &str, kind: &Kind) -> i128 {
    let scale = kind.numbers.get(1).map_or(0, |it| *it as usize);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<scale$}");
    format!("{whole}{}", &fraction[..scale]).parse().unwrap()
}

/// As it is kept, with as many digits of the second as the type has.
fn moment(text: &str, kind: &Kind) -> String {
    let digits = match kind.name.as_str() {
        "datetime" => 3,
        "smalldatetime" => 0,
        _ => kind.numbers.first().map_or(7, |it| *it as usize),
    };
    let (text, offset) = match text.get(20..).and_then(|rest| rest.find(' ')) {
        Some(at) => (&text[..20 + at], &text[20 + at..]),
        None => (text, if kind.name == "datetimeoffset" { " +00:00" } else { "" }),
    };
    let text = if text.len() == 10 { format!("{text} 00:00:00") } else { text.to_owned() };
    let (clock, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = format!("{fraction:0<digits$}");
    let point = if digits > 0 { "." } else { "" };
    format!("{clock}{point}{}{offset}", &fraction[..digits])
}
