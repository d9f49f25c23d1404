//! What a file is, told by how it begins.

use std::{fs::File, io::Read, path::Path};

use super::{archive, limits::FileLimits, workbook};
use crate::SourceError;

/// The kinds of files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Text with a delimiter.
    Csv,
    /// An Excel workbook.
    Xlsx,
    /// A workbook of Excel 97 to 2003.
    Xls,
    /// An OpenDocument spreadsheet.
    Ods,
    /// One JSON document, or one to a line.
    Json,
    /// A Parquet file.
    Parquet,
    /// An SQLite database.
    Sqlite,
    /// An archive of such files.
    Zip,
    /// One such file, packed.
    Gzip,
}

impl FileKind {
    /// All kinds, for people.
    pub const WORDS: &'static str = "CSV, Excel (.xlsx, .xls), OpenDocument (.ods), JSON, NDJSON, Parquet, SQLite, and ZIP or gzip of these";
}

const LOOKS_AT: u64 = 4096;

/// Tells the kind. What is none of the others is text, whose reader refuses what it cannot be.
pub(super) fn tell(path: &Path, limits: &FileLimits) -> Result<FileKind, SourceError> {
    let mut start = Vec::new();
    File::open(path)?.take(LOOKS_AT).read_to_end(&mut start)?;
    Ok(if start.starts_with(b"SQLite format 3\0") {
        FileKind::Sqlite
    } else if start.starts_with(b"PAR1") {
        FileKind::Parquet
    } else if start.starts_with(b"\x1F\x8B") {
        FileKind::Gzip
    } else if start.starts_with(b"PK\x03\x04") {
        archive::tell(path, limits)?
    } else if start.starts_with(&workbook::XLS_SIGNATURE) {
        FileKind::Xls
    } else if is_json(&start) {
        FileKind::Json
    } else {
        FileKind::Csv
    })
}

/// A brace or a bracket, and after it what may stand there in JSON. `[Order Date];[Amount]` is a
/// header of text.
fn is_json(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let mut bytes = start.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    match bytes.next() {
        Some(b'{') => matches!(bytes.next(), Some(b'"' | b'}')),
        Some(b'[') => matches!(bytes.next(), Some(b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_text() {
        for start in ["{\"a\":1}", " \n[ {", "[]", "{}", "[1,2]", "\u{feff}[\"a\"]"] {
            assert!(is_json(start.as_bytes()), "{start}");
        }
        for start in ["", "a,b", "[Order Date],[b]", "{a},{b}", "\"[\",1", "(", "{"] {
            assert!(!is_json(start.as_bytes()), "{start}");
        }
    }
}
