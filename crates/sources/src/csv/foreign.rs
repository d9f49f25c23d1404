//! Files that carry `.csv` in their name, or none, and are something else.

use crate::{SourceError, files::FileKind};

const EXPORT: &str = "Open it in the program it came from and save the data as CSV.";
const UNPACK: &str = "Unpack it and send the CSV file inside.";

/// First bytes, what they belong to, and what its owner does.
const SIGNATURES: [(&[u8], &str, &str); 18] = [
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive", EXPORT),
    (b"PK\x05\x06", "an empty ZIP archive", EXPORT),
    (b"\xD0\xCF\x11\xE0", "an old Excel workbook", EXPORT),
    (b"\x1F\x8B", "a gzip archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\x28\xB5\x2F\xFD", "a Zstandard archive", UNPACK),
    (b"\xFD7zXZ\x00", "an xz archive", UNPACK),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1A\x07", "a RAR archive", UNPACK),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"SQLite format 3\0", "an SQLite database", EXPORT),
    (b"%PDF", "a PDF document", EXPORT),
    (b"\x89PNG", "an image", EXPORT),
    (b"\xFF\xD8\xFF", "an image", EXPORT),
    (b"<?xml", "an XML document", EXPORT),
    (b"<html", "a web page", EXPORT),
    (b"<!DOCTYPE", "a web page", EXPORT),
    (b"{\"", "a JSON document", EXPORT),
];

/// How many bytes [`refuse`] looks at.
pub(super) const LOOKS_AT: usize = 16;

/// Refuses a file whose first bytes are those of another format.
pub(super) fn refuse(start: &[u8]) -> Result<(), SourceError> {
    match SIGNATURES.iter().find(|(signature, ..)| start.starts_with(signature)) {
        Some((_, kind, advice)) => Err(SourceError::Unsupported {
            kind,
            detail: format!(
                "The file is {kind}, which is not read. {advice} What is read: {}.",
                FileKind::WORDS
            ),
        }),
        None => Ok(()),
    }
}
