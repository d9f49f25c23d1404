//! Where the header of a sheet stands, and what it calls the columns.

use calamine::Dimensions;

use super::{
    Flow, Workbook, refused,
    sheet::{SheetName, SheetRow, scan},
};
use crate::{
    SourceError,
    files::row::{Cell, Row},
    typing::evidence::Evidence,
};

/// Rows with values that are looked at for a header.
const WINDOW: usize = 60;
const SHOWN: usize = 60;

/// Which rows and columns of a sheet are the table's.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The first row under the header, from 0.
    pub(super) first_row: u32,
    /// The columns of the table, from 0 for column A; all until it is known which are used.
    pub(super) columns: Vec<usize>,
    labels: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Finds the header in the sheet's first rows, or takes the row that was chosen, from 1. Nothing for
/// an empty sheet.
pub(super) fn lay_out(
    workbook: &mut Workbook,
    sheet: &SheetName,
    chosen: Option<u64>,
) -> Result<Option<Layout>, SourceError> {
    let merged = match workbook {
        Workbook::Xlsx(workbook) => {
            workbook.merge_cells_by_sheet_name(&sheet.0).map_err(refused)?
        }
        Workbook::Xls(book) => book.merged(sheet)?,
        Workbook::Ods(_) => Vec::new(),
    };
    let mut rows: Vec<(u32, Row)> = Vec::new();
    scan(workbook, sheet, &mut |SheetRow { number, cells, .. }| {
        if chosen.is_none_or(|row| u64::from(*number) + 1 >= row) {
            rows.push((*number, cells.clone()));
        }
        if rows.len() < WINDOW { Flow::Continue(()) } else { Flow::Break(None) }
    })?;
    if rows.is_empty() {
        return Ok(None);
    }
    let at = if chosen.is_some() { 0 } else { find(&rows) };
    Ok(Some(of(&rows, at, &merged)))
}

/// The first row that names most columns of the rows under it: mostly texts, all different.
fn find(rows: &[(u32, Row)]) -> usize {
    let filled = |row: &Row| row.cells().filter(|cell| *cell != Cell::Nothing).count();
    let width = rows.iter().map(|(_, row)| filled(row)).max().unwrap_or(0);
    let needed = (width * 3).div_ceil(5);
    let names = |row: &Row| {
        let mut texts: Vec<&str> = row.cells().filter_map(text).collect();
        let count = texts.len();
        texts.sort_unstable();
        texts.dedup();
        filled(row) >= needed && count * 2 >= filled(row) && texts.len() == count && count > 0
    };
    // The last row can be no header of others, unless it stands alone.
    let before_last = &rows[..rows.len().max(2) - 1];
    before_last.iter().position(|(_, row)| names(row)).unwrap_or(0)
}

fn of(rows: &[(u32, Row)], at: usize, merged: &[Dimensions]) -> Layout {
    let (number, header) = &rows[at];
    let mut labels = labels(header, *number, merged);
    let mut notes = Vec::new();
    let mut first_row = number + 1;
    let spans = |row: u32, from: &Dimensions| {
        from.start.0 <= row && row <= from.end.0 && from.start.1 < from.end.1
    };
    let under = rows.get(at + 1).filter(|(next, row)| {
        *next == number + 1 && merged.iter().any(|it| spans(*number, it)) && is_all_text(row)
    });
    if let Some((next, row)) = under {
        join(&mut labels, row);
        first_row = next + 1;
        notes.push(format!(
            "The header stands in rows {} and {}: their texts were joined.",
            number + 1,
            next + 1
        ));
    } else if *number > 0 {
        notes.push(format!("The header was found in row {}.", number + 1));
    }
    let titles: Vec<String> = rows[..at].iter().filter_map(|(_, row)| title(row)).collect();
    if !titles.is_empty() {
        notes.push(format!("Above the header stands: {}.", titles.join("; ")));
    }
    if merged.iter().any(|it| it.start.0 >= first_row) {
        notes.push("Of merged cells the first holds the value; the others are empty.".to_owned());
    }
    Layout { first_row, columns: (0..labels.len()).collect(), labels, notes }
}

/// The header's texts; one that is merged over several columns stands for each.
fn labels(header: &Row, number: u32, merged: &[Dimensions]) -> Vec<String> {
    let mut labels: Vec<String> = header.cells().map(|cell| label(cell).to_owned()).collect();
    for it in merged.iter().filter(|it| it.start.0 <= number && number <= it.end.0) {
        let (start, end) = (it.start.1 as usize, it.end.1 as usize);
        let Some(first) = labels.get(start).cloned().filter(|it| !it.is_empty()) else { continue };
        if labels.len() <= end {
            labels.resize(end + 1, String::new());
        }
        labels[start..=end].fill(first);
    }
    labels
}

fn join(labels: &mut Vec<String>, row: &Row) {
    labels.resize(labels.len().max(row.len()), String::new());
    for (above, cell) in labels.iter_mut().zip(row.cells()) {
        let below = label(cell);
        let joined = format!("{above} {below}");
        joined.trim().clone_into(above);
    }
}

fn is_all_text(row: &Row) -> bool {
    row.cells().all(|cell| !matches!(cell, Cell::Number(_)))
}

fn text(cell: Cell<'_>) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text.trim()),
        _ => None,
    }
}

fn label(cell: Cell<'_>) -> &str {
    match cell {
        Cell::Nothing => "",
        Cell::Text(text) | Cell::Number(text) => text.trim(),
    }
}

fn title(row: &Row) -> Option<String> {
    let texts: Vec<&str> = row.cells().map(label).filter(|it| !it.is_empty()).collect();
    let shown: String = texts.join(" ").chars().take(SHOWN).collect();
    (!shown.is_empty()).then_some(shown)
}

impl Layout {
    /// Keeps the columns that have a name or a value, and answers what they are called.
    pub(super) fn keep_used(&mut self, evidence: &mut Vec<Evidence>) -> Vec<String> {
        let all = self.labels.len().max(evidence.len());
        evidence.resize_with(all, Evidence::default);
        self.labels.resize(all, String::new());
        self.columns.clear();
        let (mut labels, mut kept) = (Vec::new(), Vec::new());
        for (at, evidence) in std::mem::take(evidence).into_iter().enumerate() {
            let label = std::mem::take(&mut self.labels[at]);
            if label.is_empty() && !evidence.has_any() {
                continue;
            }
            self.columns.push(at);
            kept.push(evidence);
            labels.push(if label.is_empty() { format!("Column {}", letters(at)) } else { label });
        }
        *evidence = kept;
        labels
    }
}

/// What a spreadsheet calls its column: A for 0, AA for 26.
fn letters(column: usize) -> String {
    let last = char::from(b'A' + u8::try_from(column % 26).unwrap_or(0));
    match column / 26 {
        0 => last.to_string(),
        more => format!("{}{last}", letters(more - 1)),
    }
}
