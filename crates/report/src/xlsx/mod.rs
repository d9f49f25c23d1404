//! A document as a workbook: figures as numbers and days as dates, one sheet for each finding with its
//! rows, its picture and its query.
//!
//! Texts are written as texts and never as formulas, whatever they begin with.

mod cells;
mod pictures;

use std::collections::BTreeSet;

use cells::{Formats, write_cell};
use pictures::Pictures;
use rust_xlsxwriter::{
    ColNum, DocProperties, ExcelDateTime, RowNum, Url, Workbook, Worksheet, XlsxError,
};

use crate::{
    ReportError,
    document::{Document, Grid, Section, Tone},
    write::{say, text},
};

/// Letters that the name of a sheet may have.
const MOST_OF_NAME: usize = 31;
/// Characters in a cell, the most that the format has.
const MOST_CHARACTERS: usize = 32_767;
/// Columns that sentences run over.
const BREADTH: ColNum = 7;
/// Letters that fit on one line of a sentence, and its height in points.
const LINE: (usize, f64) = (105, 15.5);

/// A document as an XLSX workbook.
pub fn xlsx(document: &Document) -> Result<Vec<u8>, ReportError> {
    let mut book = Workbook::new();
    let properties = DocProperties::new()
        .set_title(&document.title)
        .set_subject(&document.subtitle)
        .set_author(&document.author)
        .set_creation_datetime(&made(document)?);
    book.set_properties(&properties);
    let names = names(document);
    let formats = Formats::new(document.language);
    let mut writer = Writer { document, formats, names, pictures: Pictures::new(document) };
    if !document.is_answer() {
        writer.cover(book.add_worksheet())?;
    }
    for (place, section) in document.sections.iter().enumerate() {
        writer.section(book.add_worksheet(), section, place)?;
    }
    writer.basis(book.add_worksheet())?;
    writer.queries(book.add_worksheet())?;
    writer.pictures.data(book.add_worksheet(), &writer.formats)?;
    Ok(book.save_to_buffer()?)
}

fn made(document: &Document) -> Result<ExcelDateTime, XlsxError> {
    ExcelDateTime::from_timestamp(document.created_at.seconds())
}

/// The names of the findings' sheets: short, unlike each other, and without what Excel refuses.
fn names(document: &Document) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |(place, section): (usize, &Section)| {
        let allowed =
            |letter: &char| !matches!(letter, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\'');
        let plain: String = section.heading.chars().filter(allowed).collect();
        let plain: String = plain.chars().filter(|letter| !letter.is_control()).take(24).collect();
        let mut name = format!("{} {}", place + 1, plain.trim()).trim().to_owned();
        if !taken.insert(name.to_lowercase()) {
            name = (place + 1).to_string();
            taken.insert(name.clone());
        }
        name
    };
    document.sections.iter().enumerate().map(name).collect()
}

/// Every sheet is A4 across, as wide as its page.
fn start(sheet: &mut Worksheet, name: &str) -> Result<(), XlsxError> {
    sheet.set_name(name)?.set_landscape().set_print_fit_to_pages(1, 0).set_paper_size(9);
    sheet.set_footer("&L&F&C&A&R&P / &N").set_screen_gridlines(false);
    Ok(())
}

struct Writer<'a> {
    document: &'a Document,
    formats: Formats,
    /// Of the findings' sheets.
    names: Vec<String>,
    pictures: Pictures,
}

/// A text as a cell holds it.
fn held(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}

impl Writer<'_> {
    fn word(&self, key: &str) -> &'static str {
        text(self.document.language, key)
    }

    /// A sentence over several columns, as high as it needs; the row after it.
    fn sentence(
        &self,
        sheet: &mut Worksheet,
        row: RowNum,
        text: &str,
    ) -> Result<RowNum, XlsxError> {
        sheet.merge_range(row, 0, row, BREADTH, &held(text), &self.formats.sentence)?;
        #[expect(clippy::cast_precision_loss, reason = "a few lines")]
        let lines = text.chars().count().div_ceil(LINE.0).max(1) as f64;
        sheet.set_row_height(row, (lines * LINE.1).min(409.0))?;
        Ok(row + 1)
    }

    fn cover(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
        let document = self.document;
        let bold = &self.formats.head;
        let name = document.title.replace(['/', '\\', ':', '*', '?', '[', ']'], " ");
        start(sheet, &name.chars().take(MOST_OF_NAME).collect::<String>())?;
        sheet.set_column_width(0, 64)?.set_column_width(1, 34)?.set_column_width(2, 40)?;
        sheet.write_string_with_format(0, 0, held(&document.title), &self.formats.title)?;
        sheet.write_string(1, 0, held(&document.subtitle))?;
        let mut row = 3;
        for (name, value) in &document.basis {
            sheet.write_string_with_format(row, 0, held(name), &self.formats.soft)?;
            sheet.write_string(row, 1, held(value))?;
            row += 1;
        }
        row += 1;
        if !document.figures.is_empty() {
            for (column, key) in [(0, "figure"), (1, "value"), (2, "change")] {
                sheet.write_string_with_format(row, column, self.word(key), bold)?;
            }
            for figure in &document.figures {
                row += 1;
                sheet.write_string(row, 0, held(&figure.label))?;
                match figure.value {
                    Some(value) => {
                        let format = self.formats.number(&figure.format, true);
                        sheet.write_number_with_format(row, 1, value, &format)?;
                    }
                    None => {
                        sheet.write_string(row, 1, self.word("no_value"))?;
                    }
                }
                let changes: Vec<&str> =
                    figure.changes.iter().map(|(change, _)| change.as_str()).collect();
                sheet.write_string(row, 2, held(&changes.join("; ")))?;
            }
            row += 2;
        }
        for (column, key) in [(0, "finding"), (1, "sheet")] {
            sheet.write_string_with_format(row, column, self.word(key), bold)?;
        }
        for (section, name) in document.sections.iter().zip(&self.names) {
            row += 1;
            sheet.write_string(row, 0, held(&section.heading))?;
            let link = Url::new(format!("internal:'{name}'!A1")).set_text(name);
            sheet.write_url(row, 1, link)?;
            let told = match section.tone {
                Tone::Good => self.word("good"),
                Tone::Bad => self.word("bad"),
                Tone::Neutral => "",
            };
            sheet.write_string(row, 2, told)?;
        }
        row += 2;
        for (place, line) in document.missing.iter().enumerate() {
            if place == 0 {
                sheet.write_string_with_format(row, 0, self.word("missing"), bold)?;
                row += 1;
            }
            row = self.sentence(sheet, row, line)?;
        }
        Ok(())
    }

    fn section(
        &mut self,
        sheet: &mut Worksheet,
        section: &Section,
        place: usize,
    ) -> Result<(), XlsxError> {
        let name = self.names.get(place).cloned().unwrap_or_else(|| (place + 1).to_string());
        start(sheet, &name)?;
        sheet.write_string_with_format(0, 0, held(&section.heading), &self.formats.title)?;
        let mut row = 1;
        let advice = section.advice.iter().map(|told| format!("{}: {told}", self.word("advice")));
        let test = section.test.iter().map(|told| format!("{}: {told}", self.word("test")));
        let caveats =
            section.caveats.iter().map(|told| format!("{}: {told}", self.word("caveats")));
        for line in section.sentences.iter().cloned().chain(advice).chain(test).chain(caveats) {
            row = self.sentence(sheet, row, &line)?;
        }
        for query in &section.queries {
            let number = (query + 1).to_string();
            let told = say(self.document.language, "query", &[("number", &number)]);
            let target = format!("internal:'{}'!A{}", self.word("queries"), query + 2);
            sheet.write_url(row, 0, Url::new(target).set_text(told))?;
            row += 1;
        }
        let first = row + 1;
        let columns = self.grid(sheet, first, &section.grid)?;
        if let Some(chart) = &section.chart {
            let picture = self.pictures.chart(chart);
            if let Some(picture) = picture {
                sheet.insert_chart(first, columns + 1, &picture)?;
            }
        }
        Ok(())
    }

    /// Rows under their heads, which can be filtered; how many columns they take.
    fn grid(&self, sheet: &mut Worksheet, first: RowNum, grid: &Grid) -> Result<ColNum, XlsxError> {
        let mut count = 0;
        for (column, place) in grid.columns.iter().zip(0..) {
            let format = if column.numeric { &self.formats.head_right } else { &self.formats.head };
            sheet.write_string_with_format(first, place, held(&column.label), format)?;
            let widest = grid.rows.iter().take(200).filter_map(|row| row.get(usize::from(place)));
            let widest = widest.map(|cell| {
                grid.text(usize::from(place), cell, self.document.language).chars().count()
            });
            let widest = widest.chain([column.label.chars().count()]).max().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "a few letters")]
            sheet.set_column_width(place, (widest as f64 + 2.5).clamp(11.0, 48.0))?;
            count = place + 1;
        }
        let formats: Vec<_> =
            grid.columns.iter().map(|column| self.formats.column(column)).collect();
        let mut row = first;
        for cells in &grid.rows {
            row += 1;
            for ((cell, format), place) in cells.iter().zip(&formats).zip(0..) {
                write_cell(sheet, (row, place), cell, format)?;
            }
        }
        if count > 0 && row > first {
            sheet.autofilter(first, 0, row, count - 1)?;
        }
        if grid.truncated {
            sheet.write_string(row + 1, 0, self.word("rows_cut"))?;
        }
        Ok(count)
    }

    /// What the report rests on, how its figures are computed, and what its words mean.
    fn basis(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
        let document = self.document;
        let name: String = self.word("definitions").chars().take(MOST_OF_NAME).collect();
        start(sheet, &name)?;
        let mut row = 0;
        if document.is_answer() {
            for (name, value) in &document.basis {
                sheet.write_string_with_format(row, 0, held(name), &self.formats.soft)?;
                sheet.write_string(row, 1, held(value))?;
                row += 1;
            }
            row += 1;
        }
        for definition in &document.definitions {
            sheet.write_string_with_format(row, 0, held(&definition.label), &self.formats.head)?;
            sheet.write_string(row, 1, held(&definition.formula))?;
            sheet.write_string(row, 2, held(&definition.description))?;
            row += 1;
        }
        row += 1;
        for (term, meaning) in &document.glossary {
            sheet.write_string_with_format(row, 0, held(term), &self.formats.head)?;
            sheet.write_string(row, 1, held(meaning))?;
            row += 1;
        }
        row += 1;
        if let Some(tables) = &document.tables {
            self.grid(sheet, row, tables)?;
        }
        sheet.set_column_width(0, 26)?;
        sheet.set_column_width(1, 26)?;
        Ok(())
    }

    fn queries(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
        start(sheet, self.word("queries"))?;
        sheet.set_column_width(0, 8)?.set_column_width(1, 10)?.set_column_width(2, 110)?;
        let heads = ["#", self.word("column.rows"), "SQL"];
        for (head, column) in heads.into_iter().zip(0..) {
            sheet.write_string_with_format(0, column, head, &self.formats.head)?;
        }
        for (query, row) in self.document.queries.iter().zip(1..) {
            sheet.write_number(row, 0, row)?;
            #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
            sheet.write_number(row, 1, query.rows as f64)?;
            sheet.write_string_with_format(row, 2, held(&query.sql), &self.formats.code)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        Ok(())
    }
}
