//! What a file is, told by how it begins.

use std::{fs::File, io::Read, path::Path};

use crate::SourceError;

/// The kinds of files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Text with a delimiter.
    Csv,
    /// An SQLite database.
    Sqlite,
}

impl FileKind {
    /// All kinds, for people.
    pub const WORDS: &'static str = "CSV and SQLite";
}

const LOOKS_AT: u64 = 64;

/// Tells the kind. What is none of the others is text, whose reader refuses what it cannot be.
pub(super) fn tell(path: &Path) -> Result<FileKind, SourceError> {
    let mut start = Vec::new();
    File::open(path)?.take(LOOKS_AT).read_to_end(&mut start)?;
    Ok(if start.starts_with(b"SQLite format 3\0") { FileKind::Sqlite } else { FileKind::Csv })
}
