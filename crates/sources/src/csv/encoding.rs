//! Which encoding a file is in, proven over all of it, and the file as UTF-8.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::Path,
};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, WINDOWS_1252};

use crate::SourceError;

const CHUNK: usize = 64 << 10;
/// Bytes that Windows-1252 gives no meaning: where they stand, the text is in something else.
const UNDEFINED_1252: [u8; 5] = [0x81, 0x8D, 0x8F, 0x90, 0x9D];

/// How a file's bytes are letters.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextEncoding {
    encoding: &'static Encoding,
    mark_bytes: u64,
}

impl TextEncoding {
    /// What people are told when the encoding had to be guessed.
    pub(super) fn note(self) -> Option<String> {
        (self.encoding == WINDOWS_1252).then(|| {
            "The file is not UTF-8 and was read as Windows-1252. If letters look wrong, save it as UTF-8 \
             and load it again."
                .to_owned()
        })
    }
}

/// Reads the whole file to find an encoding that every byte of it fits.
pub(super) fn detect(
    path: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<TextEncoding, SourceError> {
    let mut file = File::open(path)?;
    let mut start = [0; 3];
    let held = read_full(&mut file, &mut start)?;
    let (marked, mark_bytes) = match Encoding::for_bom(&start[..held]) {
        Some((encoding, length)) => (Some(encoding), length as u64),
        None => (None, 0),
    };
    let encoding = marked.unwrap_or(UTF_8);
    file.seek(SeekFrom::Start(mark_bytes))?;
    let seen = survey(&mut file, encoding, progress)?;
    if seen.has_nul {
        return Err(SourceError::invalid(
            "csv_nul_byte",
            "The file holds NUL characters, so it is not plain text. Save it as CSV in UTF-8.",
        ));
    }
    match (seen.malformed, seen.undefined, marked) {
        (None, ..) => Ok(TextEncoding { encoding, mark_bytes }),
        (Some(_), None, None) => Ok(TextEncoding { encoding: WINDOWS_1252, mark_bytes: 0 }),
        (Some(at), ..) => Err(SourceError::invalid(
            "csv_encoding",
            format!(
                "The byte at offset {} is neither {} nor Windows-1252 text. Save the file as CSV in UTF-8.",
                mark_bytes + at,
                encoding.name(),
            ),
        )),
    }
}

#[derive(Default)]
struct Survey {
    has_nul: bool,
    /// Offset after the byte-order mark.
    malformed: Option<u64>,
    undefined: Option<u64>,
}

fn survey(
    file: &mut File,
    encoding: &'static Encoding,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Survey, SourceError> {
    let mut seen = Survey::default();
    let mut check = Check::new(encoding);
    let mut raw = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let length = read_full(file, &mut raw)?;
        let bytes = &raw[..length];
        if seen.malformed.is_none() {
            seen.malformed = check.feed(bytes, length < CHUNK, &mut seen.has_nul);
        } else {
            seen.has_nul |= encoding == UTF_8 && bytes.contains(&0);
        }
        if seen.undefined.is_none() {
            let at = bytes.iter().position(|byte| UNDEFINED_1252.contains(byte));
            seen.undefined = at.map(|at| offset + at as u64);
        }
        if length < CHUNK {
            return Ok(seen);
        }
        offset += length as u64;
        if progress(0).is_break() {
            return Err(SourceError::Cancelled);
        }
    }
}

/// Feeds a decoder for its verdict alone.
struct Check {
    decoder: Decoder,
    text: Vec<u8>,
    consumed: u64,
}

impl Check {
    fn new(encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length(CHUNK).unwrap_or(4 * CHUNK);
        Self { decoder, text: vec![0; room], consumed: 0 }
    }

    /// The offset of the first malformed sequence, once there is one.
    fn feed(&mut self, bytes: &[u8], last: bool, has_nul: &mut bool) -> Option<u64> {
        let mut rest = bytes;
        loop {
            let (verdict, read, written) =
                self.decoder.decode_to_utf8_without_replacement(rest, &mut self.text, last);
            *has_nul |= self.text[..written].contains(&0);
            self.consumed += read as u64;
            rest = &rest[read..];
            match verdict {
                DecoderResult::InputEmpty => return None,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, after) => {
                    *has_nul |= self.decoder.encoding() == UTF_8 && rest.contains(&0);
                    return Some(self.consumed - u64::from(length) - u64::from(after));
                }
            }
        }
    }
}

/// The text of a file, chunk by chunk.
pub(super) struct Chunks {
    file: File,
    decoder: Decoder,
    raw: Vec<u8>,
    bytes_read: u64,
    ended: bool,
}

impl Chunks {
    pub(super) fn open(path: &Path, encoding: TextEncoding) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(encoding.mark_bytes))?;
        Ok(Self {
            file,
            decoder: encoding.encoding.new_decoder_without_bom_handling(),
            raw: vec![0; CHUNK],
            bytes_read: encoding.mark_bytes,
            ended: false,
        })
    }

    /// Puts the next UTF-8 text in `text`; false at the end of the file.
    pub(super) fn fill(&mut self, text: &mut Vec<u8>) -> io::Result<bool> {
        text.clear();
        if self.ended {
            return Ok(false);
        }
        let length = read_full(&mut self.file, &mut self.raw)?;
        self.ended = length < CHUNK;
        self.bytes_read += length as u64;
        text.resize(self.decoder.max_utf8_buffer_length(length).unwrap_or(4 * CHUNK), 0);
        let (_, _, written, _) = self.decoder.decode_to_utf8(&self.raw[..length], text, self.ended);
        text.truncate(written);
        Ok(true)
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}

/// Fills `buffer` unless the file ends first.
pub(super) fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut held = 0;
    while held < buffer.len() {
        match file.read(&mut buffer[held..]) {
            Ok(0) => break,
            Ok(length) => held += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(held)
}
