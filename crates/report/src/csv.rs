//! A document as rows: what was found as one CSV file, and all that it rests on as an archive of them.

use std::io::{Cursor, Write as _};

use chrono::SecondsFormat;
use pacioli_model::Cell;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{
    ReportError,
    document::{Document, Grid, Tone},
    write::text,
};

/// A cell as CSV has it. A text that a spreadsheet would run as a formula gets an apostrophe before
/// it, which makes it a text there too; a number that is held as a text (`is_text` is false) does not.
pub fn field(cell: &Cell, is_text: bool) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Date(value) => value.to_string(),
        Cell::Timestamp(value) => value.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        Cell::Text(value) if is_text => safe(value),
        Cell::Text(value) => value.clone(),
    }
}

/// A text that no spreadsheet runs.
fn safe(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if runs { format!("'{text}") } else { text.to_owned() }
}

/// Key figures and findings, one on each row. An answer is its rows.
pub fn csv(document: &Document) -> Result<Vec<u8>, ReportError> {
    if let (true, Some(answer)) = (document.is_answer(), document.sections.first()) {
        return rows(&answer.grid);
    }
    let word = |key: &str| text(document.language, key);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["#", word("finding"), word("value"), "", word("advice"), word("test")])?;
    for figure in &document.figures {
        let value = figure.value.map_or_else(String::new, |value| value.to_string());
        let changes: Vec<&str> = figure.changes.iter().map(|(change, _)| change.as_str()).collect();
        writer.write_record([
            "",
            &safe(&figure.label),
            &value,
            &safe(&changes.join("; ")),
            "",
            "",
        ])?;
    }
    for (place, section) in document.sections.iter().enumerate() {
        let tone = match section.tone {
            Tone::Good => word("good"),
            Tone::Bad => word("bad"),
            Tone::Neutral => "",
        };
        let number = (place + 1).to_string();
        let said = safe(&format!("{}. {}", section.heading, section.sentences.join(" ")));
        let advice = safe(section.advice.as_deref().unwrap_or_default());
        let test = section.test.as_deref().unwrap_or_default();
        writer.write_record([&number, &said, "", tone, &advice, test])?;
    }
    finished(writer)
}

fn finished(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, ReportError> {
    writer.into_inner().map_err(|error| ReportError::File(error.into_error()))
}

fn rows(grid: &Grid) -> Result<Vec<u8>, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(grid.columns.iter().map(|column| safe(&column.label)))?;
    for row in &grid.rows {
        let cells = row.iter().zip(&grid.columns);
        writer.write_record(cells.map(|(cell, column)| field(cell, !column.numeric)))?;
    }
    finished(writer)
}

/// The findings, the rows behind each of them and the queries, as a ZIP archive.
pub fn archive(document: &Document) -> Result<Vec<u8>, ReportError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // The same report is the same bytes, whenever it is written.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let mut put = |name: &str, bytes: &[u8]| -> Result<(), ReportError> {
        archive.start_file(name, options)?;
        archive.write_all(bytes)?;
        Ok(())
    };
    put("findings.csv", &csv(document)?)?;
    for (place, section) in document.sections.iter().enumerate() {
        put(&format!("rows-{:02}.csv", place + 1), &rows(&section.grid)?)?;
    }
    let queries = document.queries.iter().enumerate();
    let queries: Vec<String> =
        queries.map(|(place, query)| format!("-- {}\n{};\n", place + 1, query.sql)).collect();
    put("queries.sql", queries.join("\n").as_bytes())?;
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_run_by_a_spreadsheet() {
        let text = |value: &str, is_text| field(&Cell::Text(value.to_owned()), is_text);
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(text(bad, true), format!("'{bad}"));
        }
        assert_eq!(text("a=b", true), "a=b");
        assert_eq!(
            text("-99999999999999999999999999999999999999999.5", false).chars().next(),
            Some('-')
        );
        assert_eq!(field(&Cell::Integer(-5), false), "-5");
        assert_eq!(field(&Cell::Decimal("-0.50".parse().unwrap()), false), "-0.50");
    }
}
