//! OpenDocument spreadsheets, row by row: their cells and rows say how often they are repeated, which
//! must take no room before it is known to be wanted.

use std::{fs::File, io::BufReader, path::Path};

use calamine::DataRef;
use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};
use zip::ZipArchive;

use super::{
    Flow, damaged,
    sheet::{SheetName, SheetRow},
};
use crate::SourceError;

/// The columns of a spreadsheet program, which cells are repeated up to.
const COLUMNS: usize = 16_384;
/// Cells that one sheet may be repeated to.
const CELLS: u64 = 500_000_000;

/// What is of use in the text of a spreadsheet.
enum Mark {
    Table(String),
    TableEnd,
    Row(u64),
    RowEnd,
    Cell(Head),
    CellEnd,
    Paragraph,
    ParagraphEnd,
    Text(String),
    Aside,
    AsideEnd,
    Other,
}

/// What a cell says of itself.
#[derive(Default)]
struct Head {
    repeated: usize,
    kind: String,
    value: Option<String>,
    is_error: bool,
}

/// The sheets in their order.
pub(super) fn sheets(path: &Path) -> Result<Vec<SheetName>, SourceError> {
    let mut names = Vec::new();
    each_mark(path, &mut |mark| {
        if let Mark::Table(name) = mark {
            names.push(SheetName(name));
        }
        Flow::Continue(())
    })?;
    Ok(names)
}

/// Gives every row with a value, in order.
pub(super) fn scan(
    path: &Path,
    sheet: &SheetName,
    visit: &mut dyn FnMut(&SheetRow) -> Flow,
) -> Result<(), SourceError> {
    let mut rows = Rows::default();
    let mut is_inside = false;
    each_mark(path, &mut |mark| match mark {
        Mark::Table(name) => {
            is_inside = name == sheet.0;
            Flow::Continue(())
        }
        Mark::TableEnd if is_inside => Flow::Break(None),
        mark if is_inside => rows.take(mark, visit),
        _ => Flow::Continue(()),
    })
}

/// The row under way.
#[derive(Default)]
struct Rows {
    row: SheetRow,
    next: u64,
    repeated: u64,
    /// Empty cells that stand before the next one with a value.
    pending: usize,
    cell: Option<Head>,
    text: String,
    paragraphs: usize,
    /// Within a paragraph of the cell itself, and not of a remark about it.
    in_paragraph: bool,
    asides: usize,
    cells: u64,
}

impl Rows {
    fn take(&mut self, mark: Mark, visit: &mut dyn FnMut(&SheetRow) -> Flow) -> Flow {
        match mark {
            Mark::Row(repeated) => {
                self.row.start(u32::try_from(self.next).unwrap_or(u32::MAX));
                (self.repeated, self.pending) = (repeated, 0);
            }
            Mark::RowEnd => return self.end_row(visit),
            Mark::Cell(head) => {
                self.text.clear();
                self.paragraphs = 0;
                self.cell = Some(head);
            }
            Mark::CellEnd => self.end_cell(),
            Mark::Aside => self.asides += 1,
            Mark::AsideEnd => self.asides = self.asides.saturating_sub(1),
            Mark::Paragraph if self.asides == 0 => {
                if self.paragraphs > 0 {
                    self.text.push('\n');
                }
                self.paragraphs += 1;
                self.in_paragraph = true;
            }
            Mark::ParagraphEnd if self.asides == 0 => self.in_paragraph = false,
            Mark::Text(text) if self.in_paragraph && self.asides == 0 => self.text.push_str(&text),
            _ => {}
        }
        Flow::Continue(())
    }

    fn end_cell(&mut self) {
        let Some(head) = self.cell.take() else { return };
        let is_empty = head.kind.is_empty() && head.value.is_none() && !head.is_error;
        if is_empty {
            self.pending = (self.pending + head.repeated).min(COLUMNS);
            return;
        }
        let room = COLUMNS.saturating_sub(self.row.cells.len());
        for _ in 0..self.pending.min(room) {
            self.row.cells.push_nothing();
        }
        self.pending = 0;
        let room = COLUMNS.saturating_sub(self.row.cells.len());
        let text = std::mem::take(&mut self.text);
        for _ in 0..head.repeated.min(room) {
            self.row.push(&read(&head, &text));
        }
        self.text = text;
    }

    fn end_row(&mut self, visit: &mut dyn FnMut(&SheetRow) -> Flow) -> Flow {
        let start = self.next;
        self.next = self.next.saturating_add(self.repeated);
        if !self.row.is_filled() {
            return Flow::Continue(());
        }
        for number in start..self.next {
            self.cells += self.row.cells.len() as u64;
            let Ok(number) = u32::try_from(number) else { return too_large() };
            if self.cells > CELLS {
                return too_large();
            }
            self.row.number = number;
            visit(&self.row)?;
        }
        Flow::Continue(())
    }
}

fn too_large() -> Flow {
    let detail = "The sheet repeats its cells more often than is read. Save it as CSV.";
    Flow::Break(Some(SourceError::invalid("unpacks_too_large", detail)))
}

/// The cell's value; of a text what stands in it, of a number what it says of itself.
fn read<'a>(head: &'a Head, text: &'a str) -> DataRef<'a> {
    if head.is_error {
        return DataRef::Error(calamine::CellErrorType::NA);
    }
    let value = head.value.as_deref();
    match (head.kind.as_str(), value) {
        ("boolean", Some(value)) => DataRef::Bool(value.eq_ignore_ascii_case("true")),
        ("time", Some(value)) => DataRef::String(clock(value)),
        ("date" | "string", Some(value)) => DataRef::SharedString(value),
        (_, Some(value)) => match value.parse() {
            Ok(number) => DataRef::Float(number),
            Err(_) => DataRef::SharedString(value),
        },
        (_, None) => DataRef::SharedString(text),
    }
}

/// `PT36H05M09S` as `36:05:09`; anything else as it is.
fn clock(duration: &str) -> String {
    let parts = || {
        let (hours, rest) = duration.strip_prefix("PT")?.split_once('H')?;
        let (minutes, rest) = rest.split_once('M')?;
        let seconds = rest.strip_suffix('S')?;
        let seconds = seconds.split(['.', ',']).next()?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let holds = [hours, minutes, seconds].into_iter().all(is_number);
        holds.then(|| format!("{hours:0>2}:{minutes:0>2}:{seconds:0>2}"))
    };
    parts().unwrap_or_else(|| duration.to_owned())
}

/// Reads the document to its end, or until it is broken off.
fn each_mark(path: &Path, take: &mut dyn FnMut(Mark) -> Flow) -> Result<(), SourceError> {
    let broken = |what: String| SourceError::invalid("workbook_damaged", damaged(&what));
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))
        .map_err(|error| broken(error.to_string()))?;
    let part = archive.by_name("content.xml").map_err(|error| broken(error.to_string()))?;
    let mut reader = Reader::from_reader(BufReader::new(part));
    reader.config_mut().expand_empty_elements = true;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event =
            reader.read_event_into(&mut buffer).map_err(|error| broken(error.to_string()))?;
        if matches!(event, Event::Eof) {
            return Ok(());
        }
        match take(mark(&event).map_err(broken)?) {
            Flow::Continue(()) => {}
            Flow::Break(None) => return Ok(()),
            Flow::Break(Some(error)) => return Err(error),
        }
    }
}

fn mark(event: &Event<'_>) -> Result<Mark, String> {
    Ok(match event {
        Event::Start(start) => match start.name().0 {
            "table:table" => Mark::Table(attribute(start, "table:name")?.unwrap_or_default()),
            "table:table-row" => Mark::Row(repeated(start, "table:number-rows-repeated")?),
            "table:table-cell" | "table:covered-table-cell" => Mark::Cell(head(start)?),
            "text:p" => Mark::Paragraph,
            "text:s" => {
                let count = repeated(start, "text:c")?.min(COLUMNS as u64);
                Mark::Text(" ".repeat(usize::try_from(count).unwrap_or(1)))
            }
            "text:tab" => Mark::Text("\t".to_owned()),
            "text:line-break" => Mark::Text("\n".to_owned()),
            "office:annotation" | "table:shapes" | "draw:frame" => Mark::Aside,
            _ => Mark::Other,
        },
        Event::End(end) => match end.name().0 {
            "table:table" => Mark::TableEnd,
            "table:table-row" => Mark::RowEnd,
            "table:table-cell" | "table:covered-table-cell" => Mark::CellEnd,
            "text:p" => Mark::ParagraphEnd,
            "office:annotation" | "table:shapes" | "draw:frame" => Mark::AsideEnd,
            _ => Mark::Other,
        },
        Event::Text(text) => Mark::Text(text.xml10_content().into_owned()),
        Event::CData(text) => Mark::Text(text.xml10_content().into_owned()),
        Event::GeneralRef(name) => {
            let character = name.resolve_char_ref().map_err(|error| error.to_string())?;
            let text = match character {
                Some(character) => character.to_string(),
                None => resolve_predefined_entity(name).unwrap_or_default().to_owned(),
            };
            Mark::Text(text)
        }
        _ => Mark::Other,
    })
}

fn head(start: &BytesStart<'_>) -> Result<Head, String> {
    let repeats = repeated(start, "table:number-columns-repeated")?;
    let mut head = Head {
        repeated: usize::try_from(repeats).unwrap_or(COLUMNS).min(COLUMNS),
        kind: attribute(start, "office:value-type")?.unwrap_or_default(),
        value: None,
        is_error: attribute(start, "calcext:value-type")?.as_deref() == Some("error"),
    };
    let name = match head.kind.as_str() {
        "string" => "office:string-value",
        "date" => "office:date-value",
        "time" => "office:time-value",
        "boolean" => "office:boolean-value",
        _ => "office:value",
    };
    head.value = attribute(start, name)?;
    Ok(head)
}

fn repeated(start: &BytesStart<'_>, name: &str) -> Result<u64, String> {
    match attribute(start, name)? {
        None => Ok(1),
        Some(count) => count.parse().map_err(|_| format!("{count:.40} is no count")),
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = start.try_get_attribute(name).map_err(|error| error.to_string())?;
    let Some(found) = found else { return Ok(None) };
    let value =
        found.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
    Ok(Some(value.into_owned()))
}
