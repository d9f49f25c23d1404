//! The characters of a text: what looks like one thing and is another has no place outside of quotes.

use datafusion::sql::sqlparser::{
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    tokenizer::{Token, Tokenizer},
};

use super::Refusal;

/// The longest text.
const MOST_BYTES: usize = 1 << 20;
/// Operators in a row, and joins and unions of all: the parser hangs one below the other, and without a
/// bound the tree is so deep that whoever walks it runs out of stack.
const MOST_CHAINED: usize = 2000;

/// Outside of `'texts'` there are printable ASCII characters and line ends alone, so that no letter
/// passes for another, and nothing is hidden, turned around or normalised into a keyword.
pub(super) fn check(sql: &str) -> Result<(), Refusal> {
    if sql.len() > MOST_BYTES {
        return Err(format!("The statement is longer than {} KiB.", MOST_BYTES >> 10));
    }
    let mut place = Place::Code;
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\0' {
            return Err("The statement has a NUL character in it.".to_owned());
        }
        if place != Place::Text && !is_plain(character) {
            return Err(format!(
                "The character U+{:04X} stands outside of quotes. Only plain ASCII may; write texts as 'text'.",
                u32::from(character)
            ));
        }
        if place == Place::Code && character == '$' {
            return Err("There are no parameters and no $-quoted texts: write values as they are, texts as 'text'.".to_owned());
        }
        let next = characters.peek().copied();
        let (then, both) = place.after(character, next);
        place = then;
        if both {
            characters.next();
        }
    }
    Ok(())
}

/// Counts what makes a tree deep without a parenthesis. What stands in one is its parser's to bound.
pub(super) fn check_chains(sql: &str) -> Result<(), Refusal> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize();
    let tokens = tokens.map_err(|error| format!("The statement cannot be read: {error}"))?;
    let (mut rows, mut outer, mut sets) = (0, Vec::new(), 0);
    for token in &tokens {
        match token {
            Token::LParen => outer.push(std::mem::take(&mut rows)),
            Token::RParen => rows = outer.pop().unwrap_or(0),
            Token::Comma => rows = 0,
            token if is_set(token) => sets += 1,
            token if is_operator(token) => rows += 1,
            _ => {}
        }
        if rows > MOST_CHAINED || sets > MOST_CHAINED {
            return Err(format!(
                "The statement has more than {MOST_CHAINED} operators in a row. List values with IN (…)."
            ));
        }
    }
    Ok(())
}

fn is_set(token: &Token) -> bool {
    use Keyword::{EXCEPT, INTERSECT, JOIN, UNION};
    matches!(token, Token::Word(word) if matches!(word.keyword, UNION | EXCEPT | INTERSECT | JOIN))
}

fn is_operator(token: &Token) -> bool {
    use Keyword::{AND, AT, BETWEEN, COLLATE, ILIKE, IN, IS, LIKE, NOT, OR};
    match token {
        Token::Word(word) => {
            matches!(word.keyword, AND | OR | NOT | IS | IN | BETWEEN | LIKE | ILIKE | AT | COLLATE)
        }
        Token::Whitespace(_)
        | Token::Period
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::SemiColon
        | Token::EOF => false,
        _ => true,
    }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_graphic() || matches!(character, ' ' | '\t' | '\n' | '\r')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    Text,
    Name,
    Line,
    /// So deep.
    Block(u32),
}

impl Place {
    /// Where the next character stands, and whether `next` was taken along.
    fn after(self, character: char, next: Option<char>) -> (Self, bool) {
        match (self, character, next) {
            (Self::Code, '\'', _) => (Self::Text, false),
            (Self::Code, '"', _) => (Self::Name, false),
            (Self::Code, '-', Some('-')) => (Self::Line, true),
            (Self::Code, '/', Some('*')) => (Self::Block(1), true),
            (Self::Text, '\'', Some('\'')) | (Self::Name, '"', Some('"')) => (self, true),
            (Self::Text, '\'', _)
            | (Self::Name, '"', _)
            | (Self::Line, '\n', _)
            | (Self::Block(1), '*', Some('/')) => (Self::Code, matches!(self, Self::Block(_))),
            (Self::Block(depth), '/', Some('*')) => (Self::Block(depth + 1), true),
            (Self::Block(depth), '*', Some('/')) => (Self::Block(depth - 1), true),
            _ => (self, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_have_characters_of_other_scripts() {
        for good in [
            "SELECT 1",
            "SELECT 'ünï, \u{202e}, it''s' -- it's plain\nFROM t",
            "SELECT \"a\"\"b\" /* a /* nested */ note's */ FROM t\r\n",
            "SELECT '$1'",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "\u{feff}SELECT 1",
            "SELECT\u{a0}1",
            "SELECT 1 \u{200b}",
            "SELECT 'a' \u{202e}",
            "SELECT \"ü\"",
            "SELECT 1 -- ü",
            "SELECT 1 /* /* */ ü */",
            "SELECT 'it''s' ü",
            "ЅELECT 1",
            "SELECT 'a\0'",
            "SELECT $$a$$",
            "SELECT $1",
            "SELECT \u{b}1",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(check(&" ".repeat(MOST_BYTES + 1)).is_err());
    }
}
