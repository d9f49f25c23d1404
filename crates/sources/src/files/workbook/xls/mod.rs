//! Workbooks of Excel 97 to 2003, record by record. The library that reads the other kinds takes the whole
//! of such a file into memory, as much of it as the file says it needs.
//! <https://learn.microsoft.com/en-us/openspecs/office_file_formats/ms-xls/cd03cb5f-ca02-4934-a391-bb674cb8aa06>

mod compound;
mod look;
mod records;
#[cfg(test)]
mod tests;

use std::path::Path;

use calamine::{CellErrorType, DataRef, Dimensions, ExcelDateTime, ExcelDateTimeType};

pub(in crate::files) use self::compound::SIGNATURE;
use self::{
    look::Look,
    records::{Record, Records, broken},
};
use super::{
    Flow, protected,
    sheet::{SheetName, SheetRow},
};
use crate::{SourceError, files::archive::unsupported};

/// Bytes of the shared texts, which lie in memory.
const SHARED_TEXTS: u64 = 64 << 20;
/// Bytes of any other record with what goes on with it.
const LONGEST: u64 = 1 << 20;
/// The columns of such a sheet.
const COLUMNS: u16 = 256;

// Types of records.
const FORMULA: u16 = 0x06;
const END: u16 = 0x0A;
const DATE_MODE: u16 = 0x22;
const FILE_PASS: u16 = 0x2F;
const BOUND_SHEET: u16 = 0x85;
const MANY_NUMBERS: u16 = 0xBD;
const RICH_LABEL: u16 = 0xD6;
const EXTENDED_FORMAT: u16 = 0xE0;
const MERGED: u16 = 0xE5;
const SHARED_STRINGS: u16 = 0xFC;
const SHARED_LABEL: u16 = 0xFD;
const NUMBER: u16 = 0x203;
const LABEL: u16 = 0x204;
const TRUTH_OR_ERROR: u16 = 0x205;
const STRING: u16 = 0x207;
const SHORT_NUMBER: u16 = 0x27E;
const FORMAT: u16 = 0x41E;
const BEGIN: u16 = 0x809;

/// The version that Excel 97 began with.
const VERSION: u16 = 0x0600;
const WORKSHEET: u8 = 0;

/// An open workbook.
pub(super) struct Book {
    records: Records,
    sheets: Vec<(SheetName, u32)>,
    texts: Texts,
    /// What each cell format makes of a number.
    looks: Vec<Look>,
    is_1904: bool,
}

/// The shared texts, one behind the other.
#[derive(Default)]
struct Texts {
    all: String,
    ends: Vec<u32>,
}

impl Book {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let opened = compound::open(path, "Workbook");
        let (names, stream) = opened.map_err(|error| broken(&error.to_string()))?;
        let Some(stream) = stream else { return Err(no_workbook(&names)) };
        let mut book = Self {
            records: Records::new(stream),
            sheets: Vec::new(),
            texts: Texts::default(),
            looks: Vec::new(),
            is_1904: false,
        };
        book.read_globals()?;
        Ok(book)
    }

    pub(super) fn sheets(&self) -> Vec<SheetName> {
        self.sheets.iter().map(|it| it.0.clone()).collect()
    }

    fn read_globals(&mut self) -> Result<(), SourceError> {
        let wanted = [
            BEGIN,
            END,
            DATE_MODE,
            FILE_PASS,
            BOUND_SHEET,
            EXTENDED_FORMAT,
            SHARED_STRINGS,
            FORMAT,
        ];
        let mut formats = look::Formats::default();
        let mut of_cells = Vec::new();
        begin(&mut self.records)?;
        loop {
            let record = self.records.next(SHARED_TEXTS, |kind| wanted.contains(&kind))?;
            let mut record = record.ok_or_else(|| broken("it ends before its sheets"))?;
            match record.kind {
                FILE_PASS => return Err(protected()),
                DATE_MODE => self.is_1904 = record.short()? == 1,
                FORMAT => {
                    let (number, length) = (record.short()?, record.short()?);
                    let mut code = String::new();
                    record.text(length, &mut code)?;
                    formats.add(number, &code);
                }
                EXTENDED_FORMAT => {
                    record.short()?;
                    of_cells.push(record.short()?);
                }
                BOUND_SHEET => self.sheets.extend(bound_sheet(&mut record)?),
                SHARED_STRINGS => self.texts = Texts::read(&mut record)?,
                END => break,
                _ => {}
            }
        }
        self.looks = of_cells.into_iter().map(|number| formats.look(number)).collect();
        Ok(())
    }

    /// The sheet's merged cells.
    pub(super) fn merged(&mut self, sheet: &SheetName) -> Result<Vec<Dimensions>, SourceError> {
        let mut merged = Vec::new();
        self.enter(sheet)?;
        while let Some(mut record) = self.within(&[MERGED])? {
            for _ in 0..record.short()? {
                let (first_row, last_row) = (record.short()?, record.short()?);
                let (first, last) = (record.short()?, record.short()?);
                if first_row > last_row || first > last || last >= COLUMNS {
                    return Err(broken("it merges cells that are none"));
                }
                let start = (first_row.into(), first.into());
                merged.push(Dimensions { start, end: (last_row.into(), last.into()) });
            }
        }
        Ok(merged)
    }

    fn enter(&mut self, sheet: &SheetName) -> Result<(), SourceError> {
        let found = self.sheets.iter().find(|it| it.0 == *sheet);
        let position = found.ok_or_else(|| broken("a sheet is gone"))?.1;
        self.records.go_to(position)?;
        begin(&mut self.records)
    }

    /// The sheet's next record of these types; those of charts within the sheet are passed over.
    fn within(&mut self, wanted: &[u16]) -> Result<Option<Record>, SourceError> {
        let mut depth = 0_u32;
        loop {
            let is_wanted = |kind| kind == BEGIN || kind == END || wanted.contains(&kind);
            let record = self.records.next(LONGEST, is_wanted)?;
            let record = record.ok_or_else(|| broken("it ends within a sheet"))?;
            match record.kind {
                BEGIN => depth += 1,
                END if depth == 0 => return Ok(None),
                END => depth -= 1,
                _ if depth == 0 => return Ok(Some(record)),
                _ => {}
            }
        }
    }

    /// Gives every row with a value, in order.
    pub(super) fn scan(
        &mut self,
        sheet: &SheetName,
        visit: &mut dyn FnMut(&SheetRow) -> Flow,
    ) -> Result<(), SourceError> {
        const CELLS: [u16; 9] = [
            FORMULA,
            MANY_NUMBERS,
            RICH_LABEL,
            SHARED_LABEL,
            NUMBER,
            LABEL,
            TRUTH_OR_ERROR,
            STRING,
            SHORT_NUMBER,
        ];
        self.enter(sheet)?;
        let mut rows = Rows { row: SheetRow::default(), has_begun: false, visit };
        // The cell of a formula whose value is a text, which comes in a record of its own.
        let mut formula = None;
        while let Some(mut record) = self.within(&CELLS)? {
            if record.kind == STRING {
                let Some((row, column)) = formula.take() else { continue };
                let length = record.short()?;
                let mut text = String::new();
                record.text(length, &mut text)?;
                if rows.put(row, column, &DataRef::String(text))?.is_break() {
                    return Ok(());
                }
                continue;
            }
            let (row, mut column) = (record.short()?, record.short()?);
            if record.kind == MANY_NUMBERS {
                while record.left() > 2 {
                    let look = record.short()?;
                    let value = self.number(short_number(record.long()?), look);
                    if rows.put(row, column, &value)?.is_break() {
                        return Ok(());
                    }
                    column = column.saturating_add(1);
                }
                continue;
            }
            let look = record.short()?;
            let Some(value) = self.value(&mut record, look)? else {
                formula = Some((row, column));
                continue;
            };
            if rows.put(row, column, &value)?.is_break() {
                return Ok(());
            }
        }
        rows.end()
    }

    /// The value of a cell's record; none where it comes in the record after it.
    fn value(&self, record: &mut Record, look: u16) -> Result<Option<DataRef<'_>>, SourceError> {
        Ok(Some(match record.kind {
            NUMBER => self.number(f64::from_le_bytes(record.bytes()?), look),
            SHORT_NUMBER => self.number(short_number(record.long()?), look),
            SHARED_LABEL => {
                let text = self.texts.get(record.long()?);
                DataRef::SharedString(text.ok_or_else(|| broken("a text is missing"))?)
            }
            LABEL | RICH_LABEL => {
                let length = record.short()?;
                let mut text = String::new();
                record.text(length, &mut text)?;
                DataRef::String(text)
            }
            TRUTH_OR_ERROR => match (record.byte()?, record.byte()?) {
                (value, 0) => DataRef::Bool(value != 0),
                _ => DataRef::Error(CellErrorType::NA),
            },
            _ => match record.bytes::<8>()? {
                [0, .., 0xFF, 0xFF] => return Ok(None),
                [1, _, value, .., 0xFF, 0xFF] => DataRef::Bool(value != 0),
                [2, .., 0xFF, 0xFF] => DataRef::Error(CellErrorType::NA),
                [3, .., 0xFF, 0xFF] => DataRef::Empty,
                bytes => self.number(f64::from_le_bytes(bytes), look),
            },
        }))
    }

    fn number(&self, value: f64, look: u16) -> DataRef<'static> {
        let kind = match self.looks.get(usize::from(look)) {
            Some(Look::Moment) => ExcelDateTimeType::DateTime,
            Some(Look::Span) => ExcelDateTimeType::TimeDelta,
            Some(Look::Number) | None => return DataRef::Float(value),
        };
        DataRef::DateTime(ExcelDateTime::new(value, kind, self.is_1904))
    }
}

/// The row under way.
struct Rows<'a> {
    row: SheetRow,
    has_begun: bool,
    visit: &'a mut dyn FnMut(&SheetRow) -> Flow,
}

impl Rows<'_> {
    /// Puts a cell; breaks when no more is wanted.
    fn put(
        &mut self,
        row: u16,
        column: u16,
        value: &DataRef<'_>,
    ) -> Result<std::ops::ControlFlow<()>, SourceError> {
        let row = u32::from(row);
        if column >= COLUMNS {
            return Err(broken("a cell lies beside the sheet"));
        }
        if self.has_begun && row < self.row.number {
            return Err(broken("its cells are not in order"));
        }
        if !self.has_begun || row != self.row.number {
            if self.give()?.is_break() {
                return Ok(std::ops::ControlFlow::Break(()));
            }
            self.row.start(row);
            self.has_begun = true;
        }
        let column = usize::from(column);
        if column < self.row.cells.len() {
            return Err(broken("its cells are not in order"));
        }
        while self.row.cells.len() < column {
            self.row.cells.push_nothing();
        }
        self.row.push(value);
        Ok(std::ops::ControlFlow::Continue(()))
    }

    fn give(&mut self) -> Result<std::ops::ControlFlow<()>, SourceError> {
        if !self.row.is_filled() {
            return Ok(std::ops::ControlFlow::Continue(()));
        }
        match (self.visit)(&self.row) {
            Flow::Continue(()) => Ok(std::ops::ControlFlow::Continue(())),
            Flow::Break(None) => Ok(std::ops::ControlFlow::Break(())),
            Flow::Break(Some(error)) => Err(error),
        }
    }

    fn end(mut self) -> Result<(), SourceError> {
        self.give().map(|_| ())
    }
}

impl Texts {
    fn read(record: &mut Record) -> Result<Self, SourceError> {
        let mut texts = Self::default();
        record.long()?;
        let count = record.long()?;
        for _ in 0..count {
            if record.left() == 0 {
                break; // a count that promises more than there is; whoever asks for those is told
            }
            let length = record.short()?;
            record.text(length, &mut texts.all)?;
            let end =
                u32::try_from(texts.all.len()).map_err(|_| broken("its texts are too long"))?;
            texts.ends.push(end);
        }
        Ok(texts)
    }

    fn get(&self, number: u32) -> Option<&str> {
        let number = usize::try_from(number).ok()?;
        let end = *self.ends.get(number)? as usize;
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.all.get(begin..end)
    }
}

/// A part begins with its version.
fn begin(records: &mut Records) -> Result<(), SourceError> {
    let record = records.next(LONGEST, |_| true)?;
    let mut record = record.filter(|it| it.kind == BEGIN);
    let record = record.as_mut().ok_or_else(|| broken("a part of it does not begin as one"))?;
    if record.short()? == VERSION { Ok(()) } else { Err(too_old()) }
}

/// A sheet with cells, and where it lies; none for a chart or a macro.
fn bound_sheet(record: &mut Record) -> Result<Option<(SheetName, u32)>, SourceError> {
    let position = record.long()?;
    let (_visibility, kind) = (record.byte()?, record.byte()?);
    let length = record.byte()?;
    let mut name = String::new();
    record.text(length.into(), &mut name)?;
    Ok((kind == WORKSHEET).then_some((SheetName(name), position)))
}

/// A number in four bytes: the upper half of a real one, or a whole one; one hundredth of it where the
/// lowest bit says so.
fn short_number(bits: u32) -> f64 {
    let value = if bits & 2 != 0 {
        f64::from(bits.cast_signed() >> 2)
    } else {
        f64::from_bits(u64::from(bits & !3) << 32)
    };
    if bits & 1 != 0 { value / 100.0 } else { value }
}

fn no_workbook(names: &[String]) -> SourceError {
    let has = |name: &str| names.iter().any(|it| it.eq_ignore_ascii_case(name));
    if has("EncryptedPackage") {
        protected()
    } else if has("Book") {
        too_old()
    } else {
        unsupported("an old Office document without sheets", "Put its data into a sheet.")
    }
}

fn too_old() -> SourceError {
    unsupported("a workbook of Excel 95 or older", "Save it as .xlsx.")
}
