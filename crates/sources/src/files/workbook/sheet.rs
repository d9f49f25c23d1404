use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{Flow, Workbook, guarded, header::Layout, ods, open, refused, totals::Totals, value};
use calamine::DataRef;

use crate::{
    SourceError,
    files::{
        FileKind, FileLimits, Progress,
        draft::{Draft, bounded, changed},
        row::Row,
    },
};

/// How often the progress is told.
const PROGRESS_ROWS: u64 = 1 << 14;

/// What a sheet is called in its workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SheetName(pub(super) String);

impl fmt::Display for SheetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SheetName {
    /// Whether it is a program's own name for a new sheet, or a number.
    pub(super) fn says_nothing(&self) -> bool {
        let word = self.0.trim_end_matches(|c: char| c.is_ascii_digit() || " ()-_".contains(c));
        let programs = [
            "", "sheet", "tabelle", "feuil", "feuille", "hoja", "foglio", "planilha", "blad",
            "arkusz", "ark", "table",
        ];
        programs.contains(&word.to_lowercase().as_str())
    }
}

/// A row of a sheet: its cells from column A on.
#[derive(Debug, Default)]
pub(super) struct SheetRow {
    /// From 0.
    pub(super) number: u32,
    pub(super) cells: Row,
    /// Cells such as #N/A.
    pub(super) errors: u64,
    filled: bool,
}

impl SheetRow {
    pub(super) fn start(&mut self, number: u32) {
        self.cells.clear();
        (self.number, self.errors, self.filled) = (number, 0, false);
    }
}

impl SheetRow {
    /// Adds a cell.
    pub(super) fn push(&mut self, value: &DataRef<'_>) {
        let before = self.cells.bytes();
        self.errors += u64::from(value::push(&mut self.cells, value));
        self.filled |= self.cells.bytes() > before;
    }

    /// Whether it has a value.
    pub(super) fn is_filled(&self) -> bool {
        self.filled
    }
}

/// Gives every row with a value, in order.
pub(super) fn scan(
    workbook: &mut Workbook,
    sheet: &SheetName,
    visit: &mut dyn FnMut(&SheetRow) -> Flow,
) -> Result<(), SourceError> {
    let workbook = match workbook {
        Workbook::Xlsx(workbook) => workbook,
        Workbook::Ods(path) => return ods::scan(path, sheet, visit),
        Workbook::Xls(book) => return book.scan(sheet, visit),
    };
    let mut cells = workbook.worksheet_cells_reader(&sheet.0).map_err(refused)?;
    let mut row = SheetRow::default();
    loop {
        let cell = cells.next_cell().map_err(refused)?;
        let number = cell.as_ref().map(|cell| cell.get_position().0);
        if row.filled && number != Some(row.number) {
            match visit(&row) {
                Flow::Continue(()) => {}
                Flow::Break(None) => return Ok(()),
                Flow::Break(Some(error)) => return Err(error),
            }
        }
        let (Some(cell), Some(number)) = (cell, number) else { return Ok(()) };
        if number != row.number {
            row.start(number);
        }
        let column = cell.get_position().1 as usize;
        if column < row.cells.len() || number < row.number {
            let what = super::damaged("its cells are not in order");
            return Err(SourceError::invalid("workbook_damaged", what));
        }
        while row.cells.len() < column {
            row.cells.push_nothing();
        }
        row.push(cell.get_value());
    }
}

/// A sheet and how its rows become a table's.
#[derive(Debug)]
pub(in crate::files) struct SheetTable {
    path: PathBuf,
    kind: FileKind,
    pub(super) sheet: SheetName,
    pub(super) layout: Layout,
    /// The last row that is read, from 0.
    pub(super) last_row: u32,
}

/// What all rows of a sheet hold.
pub(super) struct Looked {
    pub(super) draft: Draft,
    pub(super) last_row: u32,
    pub(super) notes: Vec<String>,
}

impl SheetTable {
    pub(super) fn new(path: &Path, kind: FileKind, sheet: SheetName, layout: Layout) -> Self {
        Self { path: path.to_owned(), kind, sheet, layout, last_row: u32::MAX }
    }

    /// Looks at every row under the header.
    pub(super) fn look(
        &self,
        workbook: &mut Workbook,
        limits: &FileLimits,
        progress: &mut Progress<'_>,
    ) -> Result<Looked, SourceError> {
        let mut looking = Looking::default();
        scan(workbook, &self.sheet, &mut |row| {
            if row.number < self.layout.first_row {
                return Flow::Continue(());
            }
            if let Err(error) = bounded(&row.cells, || self.place(row.number), limits) {
                return Flow::Break(Some(error));
            }
            looking.see(row);
            if looking.rows.is_multiple_of(PROGRESS_ROWS) && progress(0).is_break() {
                return Flow::Break(Some(SourceError::Cancelled));
            }
            Flow::Continue(())
        })?;
        let mut notes = self.layout.notes.clone();
        Ok(looking.end(&mut notes))
    }

    /// Opens the workbook again and gives the table's rows.
    pub(in crate::files) fn each_row(
        &self,
        visit: &mut dyn FnMut(&Row) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        guarded(|| {
            let mut workbook = open(&self.path, self.kind).map_err(|_| changed())?;
            let mut picked = Row::default();
            scan(&mut workbook, &self.sheet, &mut |row| {
                if row.number < self.layout.first_row {
                    return Flow::Continue(());
                }
                if row.number > self.last_row {
                    return Flow::Break(None);
                }
                picked.clear();
                for column in &self.layout.columns {
                    picked.push_cell(row.cells.cell(*column));
                }
                match visit(&picked) {
                    Ok(()) => Flow::Continue(()),
                    Err(error) => Flow::Break(Some(error)),
                }
            })
        })
    }

    fn place(&self, row: u32) -> String {
        format!("Row {} of the sheet {}", u64::from(row) + 1, self.sheet)
    }
}

/// Rows under the header, the last of them held back: it may be their sum.
#[derive(Default)]
struct Looking {
    draft: Draft,
    totals: Totals,
    held: Option<(u32, Row)>,
    rows: u64,
    errors: u64,
    blanks: u64,
    last_row: u32,
}

impl Looking {
    fn see(&mut self, row: &SheetRow) {
        self.rows += 1;
        self.errors += row.errors;
        if let Some((number, cells)) = self.held.take() {
            self.blanks += u64::from(row.number - number - 1);
            self.keep(number, &cells);
        }
        self.held = Some((row.number, row.cells.clone()));
    }

    fn keep(&mut self, number: u32, cells: &Row) {
        self.draft.see(cells);
        self.totals.add(cells);
        self.last_row = number;
    }

    fn end(mut self, notes: &mut Vec<String>) -> Looked {
        if let Some((number, cells)) = self.held.take() {
            let shown = u64::from(number) + 1;
            match self.totals.judge(&cells) {
                Some(true) => notes.push(format!(
                    "Row {shown} holds the totals of the rows above it and was left out."
                )),
                judged => {
                    if judged.is_some() {
                        notes.push(format!(
                            "Row {shown} is called a total and does not hold the sums of the rows above it: it was kept."
                        ));
                    }
                    self.keep(number, &cells);
                }
            }
        }
        if self.errors > 0 {
            notes.push(format!(
                "{} cells with an error such as #N/A were read as empty.",
                self.errors
            ));
        }
        if self.blanks > 0 {
            notes.push(format!("{} blank rows were skipped.", self.blanks));
        }
        Looked { draft: self.draft, last_row: self.last_row, notes: std::mem::take(notes) }
    }
}
