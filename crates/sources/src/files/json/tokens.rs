//! JSON text (RFC 8259) to tokens, one after the other: whatever the size of a document, only the text
//! of one string or number lies in memory, and numbers keep every digit.

use std::{fs::File, io::Read};

use crate::{SourceError, csv::CsvLimits};

/// Arrays and objects within each other.
const DEEPEST: usize = 64;
const CHUNK: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// A member's name, in [`Tokens::text`].
    Key,
    /// In [`Tokens::text`], as the next two.
    String,
    Number,
    /// `true` or `false`.
    Boolean,
    Null,
    /// The text has ended, after any number of documents.
    End,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrArrayEnd,
    Key,
    KeyOrObjectEnd,
    CommaOrEnd,
    Document,
}

/// The tokens of a file.
pub(super) struct Tokens {
    input: File,
    chunk: Vec<u8>,
    at: usize,
    held: usize,
    bytes: u64,
    pub(super) line: u64,
    /// True for an object, false for an array.
    open: Vec<bool>,
    expect: Expect,
    /// The text of the last key, string, number or boolean.
    pub(super) text: String,
    raw: Vec<u8>,
    longest: usize,
}

impl Tokens {
    pub(super) fn new(input: File, limits: &CsvLimits) -> Result<Self, SourceError> {
        let mut tokens = Self {
            input,
            chunk: vec![0; CHUNK],
            at: 0,
            held: 0,
            bytes: 0,
            line: 1,
            open: Vec::new(),
            expect: Expect::Document,
            text: String::new(),
            raw: Vec::new(),
            longest: limits.field_bytes,
        };
        // A byte order mark is no JSON and common.
        if tokens.peek()? == Some(0xEF) && tokens.chunk[..tokens.held].starts_with(b"\xEF\xBB\xBF")
        {
            tokens.at = 3;
        }
        Ok(tokens)
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    pub(super) fn next(&mut self) -> Result<Token, SourceError> {
        self.skip_blanks()?;
        if self.expect == Expect::CommaOrEnd {
            match (self.peek()?, self.open.last()) {
                (Some(b','), Some(true)) => self.expect = Expect::Key,
                (Some(b','), Some(false)) => self.expect = Expect::Value,
                (Some(b'}'), Some(true)) => return Ok(self.close(Token::ObjectEnd)),
                (Some(b']'), Some(false)) => return Ok(self.close(Token::ArrayEnd)),
                (_, Some(true)) => {
                    return self.refuse("a comma or the end of the object is missing");
                }
                _ => return self.refuse("a comma or the end of the array is missing"),
            }
            self.at += 1;
            self.skip_blanks()?;
        }
        match (self.expect, self.peek()?) {
            (Expect::Document, None) => Ok(Token::End),
            (Expect::KeyOrObjectEnd, Some(b'}')) => Ok(self.close(Token::ObjectEnd)),
            (Expect::ValueOrArrayEnd, Some(b']')) => Ok(self.close(Token::ArrayEnd)),
            (Expect::Key | Expect::KeyOrObjectEnd, Some(b'"')) => self.key(),
            (Expect::Key | Expect::KeyOrObjectEnd, _) => {
                self.refuse("a member's name in quotes is missing")
            }
            (_, Some(byte)) => self.value(byte),
            (_, None) => self.refuse("the text ends in the middle"),
        }
    }

    /// Passes over a value whose first token was given.
    pub(super) fn skip(&mut self, first: Token) -> Result<(), SourceError> {
        let mut depth = 0_usize;
        let mut token = first;
        loop {
            match token {
                Token::ObjectStart | Token::ArrayStart => depth += 1,
                Token::ObjectEnd | Token::ArrayEnd => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
            token = self.next()?;
        }
    }

    pub(super) fn refuse<T>(&self, what: &str) -> Result<T, SourceError> {
        let detail = format!("Line {}: this is no JSON: {what}.", self.line);
        Err(SourceError::invalid("json_syntax", detail))
    }

    fn value(&mut self, byte: u8) -> Result<Token, SourceError> {
        match byte {
            b'{' => self.start(true, Token::ObjectStart, Expect::KeyOrObjectEnd),
            b'[' => self.start(false, Token::ArrayStart, Expect::ValueOrArrayEnd),
            b'"' => {
                self.string()?;
                Ok(self.after(Token::String))
            }
            b'-' | b'0'..=b'9' => {
                self.word()?;
                if is_number(self.text.as_bytes()) {
                    Ok(self.after(Token::Number))
                } else {
                    let what = format!("{:.40} is no number", self.text);
                    self.refuse(&what)
                }
            }
            _ => {
                self.word()?;
                match self.text.as_str() {
                    "true" | "false" => Ok(self.after(Token::Boolean)),
                    "null" => Ok(self.after(Token::Null)),
                    word => {
                        let what = format!("`{word:.40}` is no value");
                        self.refuse(&what)
                    }
                }
            }
        }
    }

    fn start(
        &mut self,
        is_object: bool,
        token: Token,
        expect: Expect,
    ) -> Result<Token, SourceError> {
        if self.open.len() == DEEPEST {
            let detail = format!(
                "Line {}: more than {DEEPEST} objects and arrays lie within each other.",
                self.line
            );
            return Err(SourceError::invalid("json_too_deep", detail));
        }
        self.at += 1;
        self.open.push(is_object);
        self.expect = expect;
        Ok(token)
    }

    fn close(&mut self, token: Token) -> Token {
        self.at += 1;
        self.open.pop();
        self.after(token)
    }

    fn after(&mut self, token: Token) -> Token {
        self.expect = if self.open.is_empty() { Expect::Document } else { Expect::CommaOrEnd };
        token
    }

    fn key(&mut self) -> Result<Token, SourceError> {
        self.string()?;
        self.skip_blanks()?;
        if self.peek()? != Some(b':') {
            return self.refuse("a colon is missing after a member's name");
        }
        self.at += 1;
        self.expect = Expect::Value;
        Ok(Token::Key)
    }

    /// Reads a string into `text`, from its quote on.
    fn string(&mut self) -> Result<(), SourceError> {
        self.at += 1;
        self.raw.clear();
        loop {
            if self.peek()?.is_none() {
                return self.refuse("a string has no end");
            }
            let rest = &self.chunk[self.at..self.held];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let plain = plain.unwrap_or(rest.len());
            self.raw.extend_from_slice(&rest[..plain]);
            self.at += plain;
            self.bounded()?;
            match self.peek()? {
                Some(b'"') => {
                    self.at += 1;
                    return self.take_text();
                }
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => {
                    return self
                        .refuse("a line break or another control character stands in a string");
                }
                _ => {}
            }
        }
    }

    fn bounded(&self) -> Result<(), SourceError> {
        if self.raw.len() <= self.longest {
            return Ok(());
        }
        let detail = format!(
            "Line {}: a value has more than {} bytes. Shorten it or leave it out.",
            self.line, self.longest
        );
        Err(SourceError::invalid("value_too_large", detail))
    }

    fn take_text(&mut self) -> Result<(), SourceError> {
        let Ok(text) = std::str::from_utf8(&self.raw) else {
            return self.refuse("a string is not UTF-8");
        };
        self.text.clear();
        self.text.push_str(text);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), SourceError> {
        self.at += 1;
        let byte = match self.take()? {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.code_point(),
            _ => {
                return self.refuse("a backslash in a string is followed by nothing that is known");
            }
        };
        self.raw.push(byte);
        Ok(())
    }

    fn code_point(&mut self) -> Result<(), SourceError> {
        let first = self.unit()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            let second = match (self.take()?, self.take()?) {
                (Some(b'\\'), Some(b'u')) => self.unit()?,
                _ => 0,
            };
            if !(0xDC00..0xE000).contains(&second) {
                return self.refuse("half of a character is escaped in a string");
            }
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        let Some(character) = char::from_u32(code) else {
            return self.refuse("half of a character is escaped in a string");
        };
        self.raw.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn unit(&mut self) -> Result<u32, SourceError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.take()?.and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return self.refuse("\\u is not followed by four hexadecimal digits");
            };
            unit = unit * 16 + digit;
        }
        Ok(unit)
    }

    /// Reads what stands before the next mark or blank into `text`.
    fn word(&mut self) -> Result<(), SourceError> {
        self.raw.clear();
        while let Some(byte) = self.peek()? {
            let ends = matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"' | 0..=0x20);
            if ends && !self.raw.is_empty() {
                break;
            }
            self.raw.push(byte);
            self.at += 1;
            self.bounded()?;
            if ends {
                break;
            }
        }
        self.take_text()
    }

    fn skip_blanks(&mut self) -> Result<(), SourceError> {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek()? {
            self.line += u64::from(byte == b'\n');
            self.at += 1;
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<u8>, SourceError> {
        let byte = self.peek()?;
        self.at += usize::from(byte.is_some());
        Ok(byte)
    }

    fn peek(&mut self) -> Result<Option<u8>, SourceError> {
        if self.at == self.held {
            self.at = 0;
            self.held = self.input.read(&mut self.chunk)?;
            self.bytes += self.held as u64;
        }
        Ok((self.at < self.held).then(|| self.chunk[self.at]))
    }
}

/// RFC 8259 §6.
fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> usize {
        text.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent =
            exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let count = digits(exponent);
        return count > 0 && count == exponent.len();
    }
    rest.is_empty()
}
