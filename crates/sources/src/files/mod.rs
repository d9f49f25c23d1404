//! One door for files that people send. [`inspect`] tells a file's kind by its content, reads all of
//! it and answers with a plan of the tables that it makes; [`TablePlan::read`] gives a table's rows.
//!
//! To add a kind: tell it in `kind.rs`, and make a module that turns the file into [`TablePlan`]s. A
//! kind whose cells are of any type gives its rows as `row::Row`s and has `draft.rs` decide.

mod archive;
mod draft;
mod json;
mod kind;
mod limits;
#[cfg(test)]
mod loaded;
mod parquet;
mod part;
#[cfg(test)]
mod round_trip;
mod row;
mod sqlite;
mod workbook;

use std::{ops::ControlFlow, path::Path};

use pacioli_model::TableName;

pub use kind::FileKind;
pub use limits::FileLimits;
pub use part::{Emit, TablePlan};

pub use crate::typing::{Choices, ColumnChoice, DateOrder, DecimalMark, PlannedColumn};
use crate::{SourceError, csv, typing::naming};

/// Called with the bytes of the file that are understood so far; ends the work by breaking.
pub type Progress<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// What the sender says about a file.
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    /// What its table shall be called; where it makes several, what their names begin with.
    pub table: Option<TableName>,
    /// How tables and columns shall be read.
    pub choices: Vec<TableChoice>,
}

/// What was chosen for one table of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableChoice {
    /// The table's name, or what its part of the file is called; empty for a file's only table.
    pub table: Option<String>,
    /// The table is not wanted.
    pub skip: bool,
    /// How its columns shall be read.
    pub choices: Choices,
}

/// What a whole file was found to hold.
#[derive(Debug)]
pub struct FilePlan {
    /// What the file is.
    pub kind: FileKind,
    /// At least one, with names that differ.
    pub tables: Vec<TablePlan>,
    /// What is to be said about the file and about no one table of it.
    pub notes: Vec<String>,
}

/// Where a file lies and what it is called.
#[derive(Debug, Clone, Copy)]
pub struct InputPath<'a> {
    /// Where it is read from. It must stay until the tables have been read.
    pub path: &'a Path,
    /// The name that its sender knows it by.
    pub name: &'a str,
    /// A folder for what must lie on disk meanwhile; it is removed when the plan is dropped.
    pub scratch: &'a Path,
}

/// Reads the whole file and decides which tables it makes and the type of every column.
pub fn inspect(
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let kind = kind::tell(file.path, limits)?;
    let plan = match kind {
        FileKind::Zip => archive::inspect_zip(file, limits, options, progress)?,
        FileKind::Gzip => archive::inspect_gzip(file, limits, options, progress)?,
        kind => plan_as(kind, file, limits, options, progress)?,
    };
    options.check(&plan)?;
    if plan.tables.is_empty() {
        return Err(SourceError::invalid("no_tables", "Nothing of the file is left to load."));
    }
    Ok(plan)
}

/// Plans a file that is no archive.
fn plan_as(
    kind: FileKind,
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let has_lines = matches!(kind, FileKind::Csv | FileKind::Xlsx | FileKind::Xls | FileKind::Ods);
    if !has_lines && options.choices.iter().any(|it| it.choices.header_row.is_some()) {
        let detail = "A `header_row` is chosen, which only text and workbooks have.";
        return Err(SourceError::invalid("no_header_row", detail));
    }
    let mut plan = match kind {
        FileKind::Sqlite => sqlite::inspect(file, limits, options, progress)?,
        FileKind::Xlsx | FileKind::Xls | FileKind::Ods => {
            workbook::inspect(file, kind, limits, options, progress)?
        }
        FileKind::Json => json::inspect(file, limits, options, progress)?,
        FileKind::Parquet => parquet::inspect(file, limits, options, progress)?,
        FileKind::Csv | FileKind::Zip | FileKind::Gzip => text(file, limits, options, progress)?,
    };
    plan.tables.retain(|table| {
        options.of(&table.name, table.part.as_deref()).is_none_or(|choice| !choice.skip)
    });
    Ok(plan)
}

/// CSV is one table, called as the file.
fn text(
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let name = options.only_name(file.name);
    let choices = options.of(&name, None).map(|choice| choice.choices.clone()).unwrap_or_default();
    let plan = csv::inspect_with(file.path, &limits.csv, &choices, progress)?;
    let table = TablePlan::of_csv(name, file.path, plan);
    Ok(FilePlan { kind: FileKind::Csv, tables: vec![table], notes: Vec::new() })
}

impl FileOptions {
    /// What the only table of a file is called.
    fn only_name(&self, file_name: &str) -> TableName {
        self.table.clone().unwrap_or_else(|| naming::table_name_from_file(file_name))
    }

    /// What the tables of a file with several are called, in order.
    fn names<'a>(&self, parts: impl Iterator<Item = &'a str>) -> Vec<TableName> {
        let wanted: Vec<String> = match &self.table {
            Some(base) => parts.map(|part| format!("{base}_{part}")).collect(),
            None => parts.map(str::to_owned).collect(),
        };
        naming::table_names(wanted.iter().map(String::as_str))
    }

    /// What was chosen for this table.
    fn of(&self, name: &TableName, part: Option<&str>) -> Option<&TableChoice> {
        self.choices.iter().find(|choice| choice.is_for(name, part))
    }

    /// Refuses a choice for a table that is not there.
    fn check(&self, plan: &FilePlan) -> Result<(), SourceError> {
        let unknown = self.choices.iter().find(|choice| {
            !choice.skip
                && !plan
                    .tables
                    .iter()
                    .any(|table| choice.is_for(&table.name, table.part.as_deref()))
        });
        let Some(TableChoice { table, .. }) = unknown else { return Ok(()) };
        let known: Vec<&str> =
            plan.tables.iter().map(|table| table.name.as_str()).take(20).collect();
        let detail = format!(
            "Types are chosen for the table {}, which the file does not make. Its tables are {}.",
            table.as_deref().unwrap_or_default(),
            known.join(", ")
        );
        Err(SourceError::invalid("unknown_table", detail))
    }
}

impl TableChoice {
    fn is_for(&self, name: &TableName, part: Option<&str>) -> bool {
        match &self.table {
            None => true,
            Some(table) => {
                // A part of a file in an archive is called after both: `book.xlsx: Sheet1`.
                let is_part = |part: &str| {
                    let inner = part.rsplit_once(": ").map_or(part, |(_, inner)| inner);
                    [part, inner].iter().any(|it| it.eq_ignore_ascii_case(table))
                };
                table == name.as_str() || part.is_some_and(is_part)
            }
        }
    }
}
