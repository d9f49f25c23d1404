//! Packets and the tokens in them: MS-TDS 2.2.3.1 (packets), 2.2.7 (tokens).

use std::io::{Read, Result, Write};

use rusqlite::types::Value;

use super::books::{Answer, Head};

/// Types of messages.
pub(crate) const BATCH: u8 = 1;
pub(crate) const RPC: u8 = 3;
pub(crate) const RESPONSE: u8 = 4;
pub(crate) const ATTENTION: u8 = 6;
pub(crate) const LOGIN: u8 = 16;
pub(crate) const PRELOGIN: u8 = 18;

/// With the header.
const PACKET: usize = 4_096;

/// A message of one or more packets: its type and what is in it.
pub(crate) fn read_message(from: &mut dyn Read) -> Result<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    loop {
        let (kind, is_last, part) = read_packet(from)?;
        message.extend(part);
        if is_last {
            return Ok((kind, message));
        }
    }
}

pub(crate) fn read_packet(from: &mut dyn Read) -> Result<(u8, bool, Vec<u8>)> {
    let mut header = [0; 8];
    from.read_exact(&mut header)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    assert!((8..=PACKET).contains(&length), "a packet of {length} bytes");
    let mut part = vec![0; length - 8];
    from.read_exact(&mut part)?;
    Ok((header[0], header[1] & 1 != 0, part))
}

pub(crate) fn write_message(to: &mut dyn Write, kind: u8, message: &[u8]) -> Result<()> {
    let mut parts = message.chunks(PACKET - 8).peekable();
    while let Some(part) = parts.next() {
        write_packet(to, kind, parts.peek().is_none(), part)?;
    }
    to.flush()
}

fn write_packet(to: &mut dyn Write, kind: u8, is_last: bool, part: &[u8]) -> Result<()> {
    let [high, low] = u16::try_from(part.len() + 8).unwrap().to_be_bytes();
    to.write_all(&[&[kind, u8::from(is_last), high, low, 0, 51, 1, 0], part].concat())
}

/// A response that is sent while it grows.
pub(crate) struct Response<'a> {
    to: &'a mut dyn Write,
    waiting: Vec<u8>,
    /// After so many rows the connection ends.
    pub(crate) cut_after: Option<usize>,
    pub(crate) rows: usize,
    pub(crate) failed: Option<std::io::Error>,
}

impl<'a> Response<'a> {
    pub(crate) fn new(to: &'a mut dyn Write) -> Self {
        Self { to, waiting: Vec::new(), cut_after: None, rows: 0, failed: None }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut_after.is_some_and(|most| self.rows >= most)
    }

    pub(crate) fn token(&mut self, token: &[u8]) {
        self.waiting.extend(token);
        while self.waiting.len() > PACKET && self.failed.is_none() {
            let part: Vec<u8> = self.waiting.drain(..PACKET - 8).collect();
            self.failed = write_packet(self.to, RESPONSE, false, &part).err();
        }
    }

    /// Sends what is left: the last packet, or what was on its way when the connection ended.
    pub(crate) fn end(mut self) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.is_cut() {
            write_packet(self.to, RESPONSE, false, &self.waiting)?;
            self.to.flush()?;
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        write_message(self.to, RESPONSE, &self.waiting)
    }
}

impl Answer for Response<'_> {
    /// COLMETADATA
    fn heads(&mut self, heads: &[Head]) {
        let mut token = vec![0x81];
        token.extend(u16::try_from(heads.len()).unwrap().to_le_bytes());
        for head in heads {
            token.extend([0; 4]);
            token.extend([u8::from(head.is_nullable), 0]);
            head.kind.write_type(&mut token, head.is_nullable);
            token.extend(short_text(&head.name));
        }
        self.token(&token);
    }

    /// ROW, or, where there are nulls, NBCROW, which names them by bits.
    fn row(&mut self, heads: &[Head], cells: &[Value]) -> bool {
        let has_nulls = cells.contains(&Value::Null);
        let mut token = vec![if has_nulls { 0xd2 } else { 0xd1 }];
        if has_nulls {
            let mut bits = vec![0; cells.len().div_ceil(8)];
            for (place, cell) in cells.iter().enumerate() {
                bits[place / 8] |= u8::from(*cell == Value::Null) << (place % 8);
            }
            token.extend(bits);
        }
        for (head, cell) in heads.iter().zip(cells) {
            if *cell != Value::Null {
                head.kind.write_value(&mut token, head.is_nullable, cell);
            }
        }
        self.token(&token);
        self.rows += 1;
        !self.is_cut() && self.failed.is_none()
    }
}

/// DONE (0xfd), DONEPROC (0xfe) or DONEINPROC (0xff), with its bits: 1 for more, 2 for an error, 0x10 for
/// a count, 0x20 for an attention.
pub(crate) fn done(kind: u8, bits: u16, rows: usize) -> Vec<u8> {
    let mut token = vec![kind];
    token.extend(bits.to_le_bytes());
    token.extend(193_u16.to_le_bytes());
    token.extend((rows as u64).to_le_bytes());
    token
}

/// ERROR
pub(crate) fn error(number: u32, words: &str) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, 14]);
    body.extend(long_text(words));
    body.extend(short_text("standin"));
    body.extend(short_text(""));
    body.extend(1_u32.to_le_bytes());
    with_length(0xaa, &body)
}

/// LOGINACK
pub(crate) fn login_ack() -> Vec<u8> {
    let mut body = vec![1, 0x74, 0, 0, 4];
    body.extend(short_text("Microsoft SQL Server"));
    body.extend([16, 0, 0x10, 0]);
    with_length(0xad, &body)
}

/// ENVCHANGE to a packet size.
pub(crate) fn packet_size() -> Vec<u8> {
    let mut body = vec![4];
    body.extend(short_text("4096"));
    body.extend(short_text("4096"));
    with_length(0xe3, &body)
}

/// ENVCHANGE at the beginning of a transaction.
pub(crate) fn began(transaction: u64) -> Vec<u8> {
    let mut body = vec![8, 8];
    body.extend(transaction.to_le_bytes());
    body.push(0);
    with_length(0xe3, &body)
}

/// ENVCHANGE to another server.
pub(crate) fn route(host: &str, port: u16) -> Vec<u8> {
    let mut way = vec![0];
    way.extend(port.to_le_bytes());
    way.extend(long_text(host));
    let mut body = vec![20];
    body.extend(u16::try_from(way.len()).unwrap().to_le_bytes());
    body.extend(way);
    body.extend([0, 0]);
    with_length(0xe3, &body)
}

fn with_length(token: u8, body: &[u8]) -> Vec<u8> {
    [&[token], &u16::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat()
}

/// B_VARCHAR
fn short_text(text: &str) -> Vec<u8> {
    let bytes = super::kind::utf16(text);
    [&[u8::try_from(bytes.len() / 2).unwrap()], &bytes[..]].concat()
}

/// US_VARCHAR
fn long_text(text: &str) -> Vec<u8> {
    let bytes = super::kind::utf16(text);
    [&(u16::try_from(bytes.len() / 2).unwrap()).to_le_bytes()[..], &bytes].concat()
}
