//! Text to records by RFC 4180, kept in our own hands because its faults must name the line where
//! they began: a quote left open is found at the end of the file and belongs to its start.

use std::path::Path;

use super::{
    CsvLimits,
    encoding::{Chunks, TextEncoding},
};
use crate::SourceError;

/// One record: its fields' text in one buffer.
#[derive(Default)]
pub(super) struct Record {
    text: String,
    ends: Vec<usize>,
    /// Where it begins, from 1.
    pub(super) line: u64,
    /// A quote stands inside a field that no quote opens.
    pub(super) stray_quote: bool,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.text.get(start..end).unwrap_or_default())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted {
        opened: u64,
    },
    /// A quote inside a quoted field: its end, or the first of two.
    QuoteSeen {
        opened: u64,
    },
    /// Spaces between the closing quote and the delimiter.
    AfterQuote,
}

/// The records of a file, in order.
pub(super) struct Records {
    chunks: Chunks,
    text: Vec<u8>,
    at: usize,
    delimiter: u8,
    limits: CsvLimits,
    line: u64,
    /// The last record ended with a carriage return: a line feed here belongs to it.
    after_return: bool,
    bytes: Vec<u8>,
}

impl Records {
    pub(super) fn open(
        path: &Path,
        encoding: TextEncoding,
        delimiter: u8,
        limits: &CsvLimits,
    ) -> Result<Self, SourceError> {
        Ok(Self {
            chunks: Chunks::open(path, encoding)?,
            text: Vec::new(),
            at: 0,
            delimiter,
            limits: limits.clone(),
            line: 1,
            after_return: false,
            bytes: Vec::new(),
        })
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.chunks.bytes_read()
    }

    /// Reads the next record that is not a blank line; false at the end.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, SourceError> {
        loop {
            self.bytes = std::mem::take(&mut record.text).into_bytes();
            self.bytes.clear();
            record.ends.clear();
            record.line = self.line;
            record.stray_quote = false;
            let found = self.scan(record)?;
            let bytes = std::mem::take(&mut self.bytes);
            record.text = String::from_utf8(bytes).map_err(|_| {
                SourceError::invalid(
                    "csv_encoding",
                    "The file is not the text it was a moment ago.",
                )
            })?;
            match found {
                Found::Record => return Ok(true),
                Found::BlankLine => {}
                Found::End => return Ok(false),
            }
        }
    }

    fn scan(&mut self, record: &mut Record) -> Result<Found, SourceError> {
        let mut state = State::FieldStart;
        let mut quoted = false;
        loop {
            while self.at == self.text.len() {
                self.at = 0;
                if !self.chunks.fill(&mut self.text)? {
                    return self.end_of_file(record, state, quoted);
                }
            }
            let byte = self.text[self.at];
            if std::mem::take(&mut self.after_return) && byte == b'\n' {
                self.at += 1;
                continue;
            }
            state = match state {
                State::Quoted { opened } => self.quoted(record, opened)?,
                State::Plain => self.plain(record)?,
                State::FieldStart if byte == b'"' => {
                    self.at += 1;
                    quoted = true;
                    State::Quoted { opened: self.line }
                }
                State::QuoteSeen { opened } if byte == b'"' => {
                    self.at += 1;
                    self.bytes.push(b'"');
                    State::Quoted { opened }
                }
                _ if byte == self.delimiter => {
                    self.at += 1;
                    record.ends.push(self.bytes.len());
                    State::FieldStart
                }
                _ if byte == b'\n' || byte == b'\r' => {
                    self.at += 1;
                    self.line += 1;
                    self.after_return = byte == b'\r';
                    record.ends.push(self.bytes.len());
                    let blank = record.len() == 1 && self.bytes.is_empty() && !quoted;
                    return Ok(if blank { Found::BlankLine } else { Found::Record });
                }
                State::FieldStart => State::Plain,
                State::QuoteSeen { .. } | State::AfterQuote if byte == b' ' || byte == b'\t' => {
                    self.at += 1;
                    State::AfterQuote
                }
                State::QuoteSeen { .. } | State::AfterQuote => return Err(self.text_after_quote()),
            };
        }
    }

    /// Takes text up to the end of the field, or of the chunk.
    fn plain(&mut self, record: &mut Record) -> Result<State, SourceError> {
        let rest = &self.text[self.at..];
        let end = rest.iter().position(|&b| b == self.delimiter || b == b'\n' || b == b'\r');
        let taken = &rest[..end.unwrap_or(rest.len())];
        record.stray_quote |= taken.contains(&b'"');
        self.bytes.extend_from_slice(taken);
        self.at += taken.len();
        self.within_limits(record, None)?;
        // What stands here now ends the field, as it would after a closing quote.
        Ok(if end.is_some() { State::AfterQuote } else { State::Plain })
    }

    /// Takes text up to the next quote, or the end of the chunk.
    fn quoted(&mut self, record: &Record, opened: u64) -> Result<State, SourceError> {
        let rest = &self.text[self.at..];
        let quote = rest.iter().position(|&byte| byte == b'"');
        let taken = &rest[..quote.unwrap_or(rest.len())];
        self.line += taken.iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>();
        self.bytes.extend_from_slice(taken);
        self.at += taken.len() + usize::from(quote.is_some());
        self.within_limits(record, Some(opened))?;
        Ok(if quote.is_some() { State::QuoteSeen { opened } } else { State::Quoted { opened } })
    }

    fn within_limits(&self, record: &Record, opened: Option<u64>) -> Result<(), SourceError> {
        let field = self.bytes.len() - record.ends.last().copied().unwrap_or(0);
        if field <= self.limits.field_bytes && self.bytes.len() <= self.limits.record_bytes {
            return Ok(());
        }
        match opened {
            Some(opened) if opened < self.line => Err(open_quote(opened)),
            _ if field > self.limits.field_bytes => Err(SourceError::invalid(
                "csv_field_too_large",
                format!(
                    "Line {} has a field of more than {} bytes. Leave that column out, or shorten it.",
                    record.line, self.limits.field_bytes,
                ),
            )),
            _ => Err(SourceError::invalid(
                "csv_record_too_large",
                format!("Line {} has more than {} bytes.", record.line, self.limits.record_bytes),
            )),
        }
    }

    fn text_after_quote(&self) -> SourceError {
        SourceError::invalid(
            "csv_stray_quote",
            format!(
                "Line {}: text follows a closing quote. Inside a quoted field, write each quote twice.",
                self.line,
            ),
        )
    }

    fn end_of_file(
        &mut self,
        record: &mut Record,
        state: State,
        quoted: bool,
    ) -> Result<Found, SourceError> {
        if let State::Quoted { opened } = state {
            return Err(open_quote(opened));
        }
        if record.ends.is_empty() && self.bytes.is_empty() && !quoted {
            return Ok(Found::End);
        }
        record.ends.push(self.bytes.len());
        Ok(Found::Record)
    }
}

enum Found {
    Record,
    BlankLine,
    End,
}

fn open_quote(line: u64) -> SourceError {
    SourceError::invalid(
        "csv_open_quote",
        format!("The quote that opens on line {line} is never closed. Close it, or take it away."),
    )
}
