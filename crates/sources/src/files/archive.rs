//! ZIP and gzip. What is packed is unpacked to scratch files, within limits, and read as if it had
//! been sent by itself. Archives within archives are refused.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use tempfile::{NamedTempFile, TempPath};
use zip::{ZipArchive, read::ZipFile, result::ZipError};

use super::{FileKind, FileLimits, FileOptions, FilePlan, InputPath, Progress, TablePlan, plan_as};
use crate::{SourceError, typing::naming};

type Archive = ZipArchive<BufReader<File>>;

/// A file this small may be packed as tightly as it likes.
const SMALL: u64 = 10 << 20;
const CHUNK: usize = 64 << 10;
/// The end record of a ZIP archive is this long, without a comment of at most 64 kB.
const END_BYTES: usize = 22;

/// Tells a workbook from an archive of files, and refuses what either may not be.
pub(super) fn tell(path: &Path, limits: &FileLimits) -> Result<FileKind, SourceError> {
    let mut archive = open(path, limits)?;
    let names: HashSet<String> = archive.file_names().map(str::to_owned).collect();
    let has = |name: &str| names.contains(name);
    let kind = if has("xl/workbook.xml") {
        FileKind::Xlsx
    } else if has("xl/workbook.bin") {
        return Err(unsupported("a binary Excel workbook", "Save it as .xlsx."));
    } else if has("content.xml") && has("mimetype") {
        if !is_spreadsheet(&mut archive)? {
            return Err(unsupported(
                "an OpenDocument file without sheets",
                "Put its data into a sheet.",
            ));
        }
        FileKind::Ods
    } else if has("word/document.xml") || has("ppt/presentation.xml") {
        return Err(unsupported("an Office document without sheets", "Put its data into a sheet."));
    } else {
        FileKind::Zip
    };
    if kind != FileKind::Zip {
        measure(archive, limits)?;
    }
    Ok(kind)
}

/// Whether an OpenDocument file says that it is a spreadsheet.
fn is_spreadsheet(archive: &mut Archive) -> Result<bool, SourceError> {
    let mut says = String::new();
    let mimetype = archive.by_name("mimetype").map_err(damaged)?;
    let read = mimetype.take(100).read_to_string(&mut says);
    Ok(read.is_ok() && says.starts_with("application/vnd.oasis.opendocument.spreadsheet"))
}

pub(super) fn unsupported(kind: &'static str, advice: &str) -> SourceError {
    let detail = format!(
        "The file is {kind}, which is not read. {advice} What is read: {}.",
        FileKind::WORDS
    );
    SourceError::Unsupported { kind, detail }
}

/// Unpacks every part of a workbook to nowhere: what its directory says of sizes may be a lie.
fn measure(mut archive: Archive, limits: &FileLimits) -> Result<(), SourceError> {
    let mut left = limits.workbook_bytes;
    for position in 0..archive.len() {
        let mut part = archive.by_index(position).map_err(damaged)?;
        let is_shared = part.name().ends_with("sharedStrings.xml");
        let is_text =
            Path::new(part.name()).extension().is_some_and(|it| it.eq_ignore_ascii_case("xml"));
        let most = if is_shared { left.min(limits.shared_text_bytes) } else { left };
        left -= measure_part(&mut part, most, is_text.then_some(limits.csv.record_bytes))?;
    }
    Ok(())
}

/// The part's size. Of XML also the texts between its tags are measured, each of which its reader
/// takes into memory.
fn measure_part(
    part: &mut impl Read,
    most: u64,
    longest_text: Option<usize>,
) -> Result<u64, SourceError> {
    let mut chunk = vec![0; CHUNK];
    let (mut size, mut text) = (0, 0);
    loop {
        let held =
            part.read(&mut chunk).map_err(|_| SourceError::invalid("archive_damaged", DAMAGED))?;
        if held == 0 {
            return Ok(size);
        }
        size += held as u64;
        let chunk = &chunk[..held];
        text = match chunk.iter().rposition(|byte| *byte == b'<') {
            Some(at) => held - at,
            None => text + held,
        };
        if size > most || longest_text.is_some_and(|longest| text > longest) {
            let detail = "The workbook is too large to be read as one. Save its sheets as CSV.";
            return Err(SourceError::invalid("unpacks_too_large", detail));
        }
    }
}

const DAMAGED: &str =
    "The archive is damaged or was cut off on its way. Make it anew and send it again.";

fn damaged(error: ZipError) -> SourceError {
    match error {
        ZipError::UnsupportedArchive(text) if text == ZipError::PASSWORD_REQUIRED => encrypted(),
        ZipError::UnsupportedArchive(what) => SourceError::invalid(
            "archive_unsupported",
            format!(
                "The archive is packed in a way that is not read: {what}. Make it anew as a plain ZIP."
            ),
        ),
        error => SourceError::invalid("archive_damaged", format!("{DAMAGED} ({error})")),
    }
}

fn encrypted() -> SourceError {
    let detail = "The archive is encrypted. Send it without a password.";
    SourceError::invalid("archive_encrypted", detail)
}

fn open(path: &Path, limits: &FileLimits) -> Result<Archive, SourceError> {
    let mut file = File::open(path)?;
    refuse_crowd(&mut file, limits)?;
    ZipArchive::new(BufReader::new(file)).map_err(damaged)
}

/// Refuses an archive of too many files before its directory is read into memory.
fn refuse_crowd(file: &mut File, limits: &FileLimits) -> Result<(), SourceError> {
    let length = file.metadata()?.len();
    let looked_at = length.min(END_BYTES as u64 + 0xFFFF);
    file.seek(SeekFrom::Start(length - looked_at))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    file.rewind()?;
    let at = end.windows(4).rposition(|it| it == b"PK\x05\x06");
    let count =
        at.and_then(|at| end.get(at + 10..at + 12)).map(|it| u16::from_le_bytes([it[0], it[1]]));
    let Some(count) = count else {
        return Err(SourceError::invalid("archive_damaged", DAMAGED));
    };
    if usize::from(count) > limits.members {
        let detail = format!(
            "The archive holds {count} or more files; at most {} are read.",
            limits.members
        );
        return Err(SourceError::invalid("archive_too_many_files", detail));
    }
    Ok(())
}

/// Plans the tables of every file in the archive.
pub(super) fn inspect_zip(
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let mut archive = open(file.path, limits)?;
    let members = members(&mut archive)?;
    let mut plan = FilePlan { kind: FileKind::Zip, tables: Vec::new(), notes: Vec::new() };
    let mut left = limits.unpacked_bytes;
    let mut refused = None;
    for (position, name) in &members {
        let member = archive.by_index(*position).map_err(damaged)?;
        let unpacked = unpack_member(member, file.scratch, &mut left, limits)?;
        let options = options.for_member(name, members.len());
        match inspect_member(unpacked, name, file.scratch, limits, &options, progress) {
            Ok(found) => plan.take(name, found),
            Err(SourceError::Unsupported { detail, kind }) => {
                plan.notes.push(format!("{name} was left out: it is {kind}."));
                refused = Some(SourceError::Unsupported { kind, detail });
            }
            Err(SourceError::Invalid { code, detail }) => {
                return Err(SourceError::Invalid { code, detail: format!("{name}: {detail}") });
            }
            Err(error) => return Err(error),
        }
    }
    if plan.tables.is_empty() {
        let empty = SourceError::invalid("no_tables", "The archive holds no file that is read.");
        return Err(refused.unwrap_or(empty));
    }
    plan.refuse_clashes(limits)?;
    Ok(plan)
}

/// Place and base name of every file that its owner put there.
fn members(archive: &mut Archive) -> Result<Vec<(usize, String)>, SourceError> {
    let mut members = Vec::new();
    for position in 0..archive.len() {
        let member = archive.by_index_raw(position).map_err(damaged)?;
        if member.is_dir() {
            continue;
        }
        let path = member.name();
        let base = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let base: String = base.chars().filter(|c| !c.is_control()).take(200).collect();
        let is_hidden = path.starts_with("__MACOSX/") || base.starts_with('.');
        if is_hidden || base.is_empty() {
            continue;
        }
        if member.encrypted() {
            return Err(encrypted());
        }
        members.push((position, base));
    }
    members.sort_by(|one, two| one.1.cmp(&two.1));
    Ok(members)
}

fn unpack_member(
    mut member: ZipFile<'_, BufReader<File>>,
    scratch: &Path,
    left: &mut u64,
    limits: &FileLimits,
) -> Result<TempPath, SourceError> {
    let packed = member.compressed_size().max(1);
    unpack(&mut member, packed, scratch, left, limits)
}

/// Unpacks to a scratch file, as far as the limits let it.
fn unpack(
    packed: &mut impl Read,
    packed_bytes: u64,
    scratch: &Path,
    left: &mut u64,
    limits: &FileLimits,
) -> Result<TempPath, SourceError> {
    let mut unpacked = NamedTempFile::new_in(scratch)?;
    let most = (*left).min(packed_bytes.saturating_mul(limits.ratio).max(SMALL));
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let held = packed.read(&mut chunk).map_err(|error| {
            SourceError::invalid("archive_damaged", format!("{DAMAGED} ({error})"))
        })?;
        if held == 0 {
            break;
        }
        size += held as u64;
        if size > most {
            let detail = format!(
                "The archive unpacks to far more than it should: more than {most} bytes from {packed_bytes}. \
                 Send the file itself."
            );
            return Err(SourceError::invalid("unpacks_too_large", detail));
        }
        unpacked.write_all(&chunk[..held])?;
    }
    *left -= size;
    Ok(unpacked.into_temp_path())
}

/// Plans one unpacked file, which stays on disk as long as its tables' plans.
fn inspect_member(
    unpacked: TempPath,
    name: &str,
    scratch: &Path,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let file = InputPath { path: &unpacked, name, scratch };
    let kind = super::kind::tell(file.path, limits)?;
    if matches!(kind, FileKind::Zip | FileKind::Gzip) {
        let detail = "An archive within an archive is not read. Unpack it and send its files.";
        return Err(SourceError::invalid("archive_nested", detail));
    }
    let mut plan = plan_as(kind, file, limits, options, progress)?;
    let held = Arc::new(unpacked);
    for table in &mut plan.tables {
        table.held = Some(Arc::clone(&held));
    }
    Ok(plan)
}

/// Plans the file that was packed.
pub(super) fn inspect_gzip(
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let packed = File::open(file.path)?;
    let packed_bytes = packed.metadata()?.len();
    let mut left = limits.unpacked_bytes;
    let mut decoder = MultiGzDecoder::new(BufReader::new(packed));
    let unpacked = unpack(&mut decoder, packed_bytes, file.scratch, &mut left, limits)?;
    let name = file.name.strip_suffix(".gz").unwrap_or(file.name);
    let plan = inspect_member(unpacked, name, file.scratch, limits, options, progress)?;
    Ok(FilePlan { kind: FileKind::Gzip, ..plan })
}

impl FileOptions {
    /// What is said about an archive, as said about one of its files.
    fn for_member(&self, name: &str, members: usize) -> Self {
        let table = self.table.as_ref().map(|base| {
            if members == 1 {
                return base.clone();
            }
            let own = naming::table_name_from_file(name);
            let joined = format!("{base}_{own}");
            naming::table_names(std::iter::once(joined.as_str())).swap_remove(0)
        });
        Self { table, choices: self.choices.clone() }
    }
}

impl FilePlan {
    /// Adds the tables of a file of the archive.
    fn take(&mut self, member: &str, found: Self) {
        self.notes.extend(found.notes.into_iter().map(|note| format!("{member}: {note}")));
        self.tables.extend(found.tables.into_iter().map(|table| {
            let part = match &table.part {
                Some(part) => format!("{member}: {part}"),
                None => member.to_owned(),
            };
            TablePlan { part: Some(part), ..table }
        }));
    }

    fn refuse_clashes(&self, limits: &FileLimits) -> Result<(), SourceError> {
        if self.tables.len() > limits.tables {
            let detail = format!(
                "The archive makes {} tables; at most {} are read. Send fewer files at once.",
                self.tables.len(),
                limits.tables
            );
            return Err(SourceError::invalid("too_many_tables", detail));
        }
        for (at, table) in self.tables.iter().enumerate() {
            let Some(other) = self.tables[..at].iter().find(|it| it.name == table.name) else {
                continue;
            };
            let part = |table: &TablePlan| table.part.clone().unwrap_or_default();
            let detail = format!(
                "{} and {} would both be the table {}. Rename one of them.",
                part(other),
                part(table),
                table.name
            );
            return Err(SourceError::invalid("table_name_twice", detail));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
