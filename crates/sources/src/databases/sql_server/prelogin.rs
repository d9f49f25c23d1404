//! The first message of either side: whether the connection is encrypted.
//! <https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-tds/60f56408-0188-4cd5-8b90-25c6f2423868>

use std::io::{Error, ErrorKind};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long a packet's header is.
pub(super) const HEADER: usize = 8;
/// The type of a message before the login.
pub(super) const PRELOGIN: u8 = 0x12;
/// The type of what a server answers.
pub(super) const ANSWER: u8 = 0x04;
/// No packet of a message follows.
pub(super) const LAST: u8 = 0x01;
/// A server's answer has under a hundred bytes; whoever sends more is none.
const LONGEST: usize = 1 << 16;

/// What a side says of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Encryption {
    /// Of the login alone.
    Off = 0,
    /// Of everything.
    On = 1,
    NotSupported = 2,
    Required = 3,
}

/// A message of one packet.
pub(super) fn packet(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + data.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    [&[kind, LAST, high, low, 0, 0, 1, 0], data].concat()
}

/// Version, encryption, instance, thread and multiple results: each a token, where its data begin and how
/// long they are, and then the data.
pub(super) fn message(encryption: Encryption) -> Vec<u8> {
    let options: [(u8, &[u8]); 5] =
        [(0, &[0; 6]), (1, &[encryption as u8]), (2, &[0]), (3, &[0; 4]), (4, &[0])];
    let (mut head, mut data) = (Vec::new(), Vec::<u8>::new());
    let mut offset: u16 = 5 * 5 + 1;
    for (token, value) in options {
        let length = u16::try_from(value.len()).unwrap_or(0);
        head.push(token);
        head.extend(offset.to_be_bytes());
        head.extend(length.to_be_bytes());
        data.extend(value);
        offset += length;
    }
    head.push(0xff);
    head.extend(data);
    head
}

/// Tells the server what we want and gets what it does.
pub(super) async fn agree(stream: &mut TcpStream, wanted: Encryption) -> Result<Encryption, Error> {
    stream.write_all(&packet(PRELOGIN, &message(wanted))).await?;
    let answer = read_message(stream).await?;
    encryption(&answer).ok_or_else(|| not_tds("its first message has another form"))
}

async fn read_message(stream: &mut TcpStream) -> Result<Vec<u8>, Error> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; HEADER];
        stream.read_exact(&mut header).await?;
        let length = body(header)?;
        if message.len() + length > LONGEST {
            return Err(not_tds("its first message is too long"));
        }
        let begin = message.len();
        message.resize(begin + length, 0);
        stream.read_exact(&mut message[begin..]).await?;
        if header[1] & LAST != 0 {
            return Ok(message);
        }
    }
}

/// How many bytes follow the header of a packet from the server.
pub(super) fn body(header: [u8; HEADER]) -> Result<usize, Error> {
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    match length.checked_sub(HEADER) {
        Some(length) if matches!(header[0], PRELOGIN | ANSWER) => Ok(length),
        _ => Err(not_tds("it does not speak TDS")),
    }
}

fn encryption(answer: &[u8]) -> Option<Encryption> {
    let mut rest = answer;
    while let [token, a, b, _, _, more @ ..] = rest {
        match token {
            0xff => return None,
            1 => {
                let offset = usize::from(u16::from_be_bytes([*a, *b]));
                return Some(match answer.get(offset)? {
                    0 => Encryption::Off,
                    1 => Encryption::On,
                    2 => Encryption::NotSupported,
                    3 => Encryption::Required,
                    _ => return None,
                });
            }
            _ => rest = more,
        }
    }
    None
}

pub(super) fn not_tds(why: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("this is no SQL Server: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_encryption_is_found_in_the_message() {
        for said in
            [Encryption::Off, Encryption::On, Encryption::NotSupported, Encryption::Required]
        {
            assert_eq!(encryption(&message(said)), Some(said));
        }
    }

    #[test]
    fn a_message_of_another_form_says_nothing() {
        let cut = message(Encryption::On);
        let mut beyond = cut.clone();
        beyond[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
        let mut other = cut.clone();
        other[5] = 9;
        for answer in [&[][..], b"HTTP/1.1 400", &cut[..26], &beyond, &other, &[0xff]] {
            assert_eq!(encryption(answer), None, "{answer:?}");
        }
        assert!(body(*b"HTTP/1.1").is_err());
        assert!(body([ANSWER, 1, 0, 7, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_packet_counts_itself() {
        assert_eq!(packet(6, &[]), [6, 1, 0, 8, 0, 0, 1, 0]);
        assert_eq!(packet(PRELOGIN, &message(Encryption::On))[..4], [0x12, 1, 0, 8 + 26 + 13]);
    }
}
