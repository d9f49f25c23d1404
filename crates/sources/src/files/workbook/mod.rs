//! Workbooks of Excel and OpenDocument: every sheet that is not empty becomes a table. Cells are streamed;
//! of the workbook only its shared texts lie in memory. A sheet is looked at twice: its first rows tell
//! where the header stands, all its rows what the columns hold.

mod header;
mod ods;
mod sheet;
#[cfg(test)]
mod tests;
mod totals;
mod value;
mod xls;

use std::{
    fs::File,
    io::BufReader,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use calamine::{Reader, SheetType, Xlsx, XlsxError};
use pacioli_model::TableName;

pub(super) use sheet::SheetTable;
pub(super) use xls::SIGNATURE as XLS_SIGNATURE;

use super::{
    FileKind, FileLimits, FileOptions, FilePlan, InputPath, Progress, TablePlan, draft::narrow,
    part::Content,
};
use crate::{SourceError, typing::Choices};
use header::Layout;
use sheet::{Looked, SheetName};

/// An open workbook.
enum Workbook {
    Xlsx(Box<Xlsx<BufReader<File>>>),
    Xls(Box<xls::Book>),
    /// Read from its beginning for each sheet.
    Ods(PathBuf),
}

/// Plans every sheet of the workbook that is not empty.
pub(super) fn inspect(
    file: InputPath<'_>,
    kind: FileKind,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    guarded(|| {
        let mut workbook = open(file.path, kind)?;
        let sheets = sheet_names(&workbook, limits)?;
        let mut notes = Vec::new();
        let mut filled = Vec::new();
        for sheet in sheets {
            match header::lay_out(&mut workbook, &sheet, None)? {
                Some(layout) => filled.push((sheet, layout)),
                None => notes.push(format!("The sheet {sheet} is empty.")),
            }
        }
        let names = table_names(&filled, file.name, options);
        let mut tables = Vec::new();
        for ((sheet, layout), name) in filled.into_iter().zip(names) {
            let choice = options.of(&name, Some(&sheet.0));
            if choice.is_some_and(|choice| choice.skip) {
                continue;
            }
            let choices = choice.map(|choice| choice.choices.clone()).unwrap_or_default();
            let layout = match choices.header_row {
                None => layout,
                row => header::lay_out(&mut workbook, &sheet, row)?.unwrap_or(layout),
            };
            let table = SheetTable::new(file.path, kind, sheet, layout);
            let looked = table.look(&mut workbook, limits, progress)?;
            tables.extend(plan(name, table, looked, &choices, limits, &mut notes)?);
        }
        tables.iter().try_for_each(TablePlan::verify)?;
        Ok(FilePlan { kind, tables, notes })
    })
}

fn plan(
    name: TableName,
    mut table: SheetTable,
    looked: Looked,
    choices: &Choices,
    limits: &FileLimits,
    file_notes: &mut Vec<String>,
) -> Result<Option<TablePlan>, SourceError> {
    let Looked { mut draft, last_row, mut notes } = looked;
    if draft.rows == 0 {
        file_notes.push(format!("The sheet {} has a header and no rows under it.", table.sheet));
        return Ok(None);
    }
    table.last_row = last_row;
    let labels = table.layout.keep_used(&mut draft.evidence);
    narrow(&format!("The sheet {}", table.sheet), labels.len(), limits)?;
    let columns = draft.decide(labels, choices, &mut notes)?;
    Ok(Some(TablePlan {
        name,
        part: Some(table.sheet.0.clone()),
        columns,
        rows: draft.rows,
        notes,
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        content: Content::Sheet(Box::new(table)),
        held: None,
    }))
}

/// Sheets with cells, in their order.
fn sheet_names(workbook: &Workbook, limits: &FileLimits) -> Result<Vec<SheetName>, SourceError> {
    let names: Vec<SheetName> = match workbook {
        Workbook::Ods(path) => ods::sheets(path)?,
        Workbook::Xls(book) => book.sheets(),
        Workbook::Xlsx(workbook) => {
            let sheets = workbook.sheets_metadata().iter();
            let sheets = sheets.filter(|sheet| sheet.typ == SheetType::WorkSheet);
            sheets.map(|sheet| SheetName(sheet.name.clone())).collect()
        }
    };
    if names.len() > limits.tables {
        let detail = format!(
            "The workbook has {} sheets; at most {} are read. Leave out the ones that nobody asks about.",
            names.len(),
            limits.tables
        );
        return Err(SourceError::invalid("too_many_tables", detail));
    }
    Ok(names)
}

/// A workbook's only filled sheet is called as the file; several as they are, where that says
/// something.
fn table_names(
    filled: &[(SheetName, Layout)],
    file_name: &str,
    options: &FileOptions,
) -> Vec<TableName> {
    if let [_] = filled {
        return vec![options.only_name(file_name)];
    }
    let base = crate::csv::table_name_from_file(file_name);
    let names: Vec<String> = filled
        .iter()
        .map(|(sheet, _)| match options.table {
            None if sheet.says_nothing() => format!("{base}_{sheet}"),
            _ => sheet.0.clone(),
        })
        .collect();
    options.names(names.iter().map(String::as_str))
}

fn open(path: &Path, kind: FileKind) -> Result<Workbook, SourceError> {
    Ok(match kind {
        FileKind::Ods => Workbook::Ods(path.to_owned()),
        FileKind::Xls => Workbook::Xls(Box::new(xls::Book::open(path)?)),
        _ => {
            let workbook = Xlsx::new(BufReader::new(File::open(path)?)).map_err(refused)?;
            Workbook::Xlsx(Box::new(workbook))
        }
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn refused(error: XlsxError) -> SourceError {
    match error {
        XlsxError::Password => protected(),
        _ => SourceError::invalid("workbook_damaged", damaged(&error.to_string())),
    }
}

fn protected() -> SourceError {
    let detail = "The workbook is protected by a password. Take it off and send it again.";
    SourceError::invalid("workbook_damaged", detail)
}

fn damaged(what: &str) -> String {
    format!(
        "The workbook is damaged: open it in the program it came from and save it again. ({what})"
    )
}

/// What a damaged workbook brings its reader to is its own fault, also where the reader panics.
fn guarded<T>(work: impl FnOnce() -> Result<T, SourceError>) -> Result<T, SourceError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(SourceError::invalid("workbook_damaged", damaged("a part of it makes no sense")))
    })
}

/// Goes on or stops, where a scan may be broken off and may fail.
type Flow = ControlFlow<Option<SourceError>>;
