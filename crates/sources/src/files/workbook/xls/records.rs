//! Records of a workbook, each a type, a length and data, which may go on in records that follow.
//! <https://learn.microsoft.com/en-us/openspecs/office_file_formats/ms-xls/6fba0383-0d7a-4c7a-afe9-642ff70cbd36>

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::compound::Stream;
use crate::{SourceError, files::workbook::damaged};

/// Goes on with the record before it.
const CONTINUE: u16 = 0x3C;
/// A record has at most this much data.
const LONGEST: u16 = 8_224;

/// A stream, record by record.
pub(super) struct Records {
    stream: BufReader<Stream>,
    /// Of the record that comes next.
    head: Option<(u16, u16)>,
}

/// A record with what goes on with it.
#[derive(Default)]
pub(super) struct Record {
    pub(super) kind: u16,
    data: Vec<u8>,
    /// Where in the data a new record began.
    joints: Vec<usize>,
    at: usize,
}

impl Records {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream: BufReader::with_capacity(1 << 16, stream), head: None }
    }

    /// Goes to a place in the stream.
    pub(super) fn go_to(&mut self, position: u32) -> Result<(), SourceError> {
        self.head = None;
        self.stream.seek(SeekFrom::Start(position.into()))?;
        Ok(())
    }

    /// The next record, for which `is_wanted`; the data of others are passed over. None at the stream's
    /// end. A record may go on up to `most` bytes.
    pub(super) fn next(
        &mut self,
        most: u64,
        is_wanted: impl Fn(u16) -> bool,
    ) -> Result<Option<Record>, SourceError> {
        loop {
            let Some((kind, length)) = self.take_head()? else { return Ok(None) };
            if !is_wanted(kind) {
                self.stream.seek_relative(length.into())?;
                continue;
            }
            let mut record = Record { kind, ..Record::default() };
            self.read_into(&mut record.data, length)?;
            while let Some((CONTINUE, length)) = self.peek_head()? {
                self.head = None;
                if (record.data.len() + usize::from(length)) as u64 > most {
                    return Err(too_long(most));
                }
                record.joints.push(record.data.len());
                self.read_into(&mut record.data, length)?;
            }
            return Ok(Some(record));
        }
    }

    fn take_head(&mut self) -> Result<Option<(u16, u16)>, SourceError> {
        let head = self.peek_head()?;
        self.head = None;
        Ok(head)
    }

    fn peek_head(&mut self) -> Result<Option<(u16, u16)>, SourceError> {
        if self.head.is_none() {
            let mut head = Vec::with_capacity(4);
            (&mut self.stream).take(4).read_to_end(&mut head)?;
            self.head = match head[..] {
                [] => None,
                [a, b, c, d] => Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))),
                _ => return Err(broken("it ends within a record")),
            };
        }
        match self.head {
            Some((_, length)) if length > LONGEST => Err(broken("a record is too long")),
            head => Ok(head),
        }
    }

    fn read_into(&mut self, data: &mut Vec<u8>, length: u16) -> Result<(), SourceError> {
        let read = (&mut self.stream).take(length.into()).read_to_end(data)?;
        if read == usize::from(length) { Ok(()) } else { Err(broken("it ends within a record")) }
    }
}

impl Record {
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], SourceError> {
        let taken = self.data.get(self.at..self.at + N).and_then(|it| it.try_into().ok());
        self.at += N;
        taken.ok_or_else(|| broken("a record is too short"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, SourceError> {
        Ok(self.bytes::<1>()?[0])
    }

    pub(super) fn short(&mut self) -> Result<u16, SourceError> {
        Ok(u16::from_le_bytes(self.bytes()?))
    }

    pub(super) fn long(&mut self) -> Result<u32, SourceError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    pub(super) fn left(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    /// Puts a text of so many characters, and passes over what it says of its looks. Where it goes on in
    /// another record, that begins with whether its characters are wide.
    pub(super) fn text(&mut self, characters: u16, to: &mut String) -> Result<(), SourceError> {
        let flags = self.byte()?;
        let runs = if flags & 8 != 0 { usize::from(self.short()?) } else { 0 };
        let more = if flags & 4 != 0 { self.long()? as usize } else { 0 };
        let mut is_wide = flags & 1 != 0;
        let mut left = usize::from(characters);
        let mut units: Vec<u16> = Vec::with_capacity(left.min(1 << 12));
        while left > 0 {
            let joint = self.joints.partition_point(|joint| *joint < self.at);
            if self.joints.get(joint) == Some(&self.at) {
                is_wide = self.byte()? & 1 != 0;
            }
            let end = self.joints[joint..].iter().find(|it| **it > self.at);
            let end = end.copied().unwrap_or(self.data.len());
            let width = if is_wide { 2 } else { 1 };
            let part = left.min(end.saturating_sub(self.at) / width);
            if part == 0 {
                return Err(broken("a text is cut off"));
            }
            let data = &self.data[self.at..self.at + part * width];
            if is_wide {
                units.extend(data.chunks_exact(2).map(|it| u16::from_le_bytes([it[0], it[1]])));
            } else {
                units.extend(data.iter().map(|byte| u16::from(*byte)));
            }
            self.at += part * width;
            left -= part;
        }
        let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        to.extend(text);
        self.at = self.at.saturating_add(runs * 4).saturating_add(more);
        Ok(())
    }
}

pub(super) fn broken(what: &str) -> SourceError {
    SourceError::invalid("workbook_damaged", damaged(what))
}

fn too_long(most: u64) -> SourceError {
    let detail = format!(
        "The workbook has texts of more than {} MiB in one place. Save its sheets as CSV.",
        most >> 20
    );
    SourceError::invalid("unpacks_too_large", detail)
}
