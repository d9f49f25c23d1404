//! Reports as workbooks, documents and archives, opened again.

use std::{
    io::{Cursor, Read as _},
    process::Command,
};

use calamine::{Data, Reader as _, Xlsx};
use pacioli_model::{Cell, Report, ReportKind};
use pacioli_report::{Language, archive, csv, document::Document, pdf, write, xlsx};

use crate::sample::{HOSTILE, report};

/// The findings of some kinds alone: setting pages takes long where nothing is optimised.
fn of(kinds: &[&str]) -> Report {
    let mut report = report();
    report.content.findings.retain(|finding| kinds.contains(&finding.fact.kind()));
    report
}

#[test]
fn every_kind_is_a_workbook_in_both_languages() {
    for kind in ReportKind::ALL {
        let mut report = of(&["ageing"]);
        report.content.kind = kind;
        for language in [Language::English, Language::German] {
            let bytes =
                xlsx(&write(&report, language)).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            let book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
            assert!(book.sheet_names().iter().all(|name| name.chars().count() <= 31), "{kind:?}");
        }
    }
}

#[test]
fn a_workbook_holds_the_numbers_themselves() {
    for language in [Language::English, Language::German] {
        let document = write(&report(), language);
        check_book(&document, xlsx(&document).unwrap(), 0.0);
    }
}

/// Opened, counted anew and saved by another program, every number is still the same.
#[test]
fn libreoffice_reads_the_numbers_of_a_workbook() {
    if Command::new("soffice").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "soffice is missing");
        eprintln!(
            "SKIPPED: soffice is missing, no workbook was opened in it; scripts/tools installs it"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let document = write(&report(), Language::German);
    let given = folder.path().join("report.xlsx");
    std::fs::write(&given, xlsx(&document).unwrap()).unwrap();
    let run = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}/profile", folder.path().display()))
        .args(["--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir"])
        .arg(folder.path().join("saved"))
        .arg(&given)
        .output()
        .unwrap();
    let saved = std::fs::read(folder.path().join("saved/report.xlsx"));
    check_book(&document, saved.unwrap_or_else(|error| panic!("{error}: {run:?}")), 1e-14);
}

fn check_book(document: &Document, bytes: Vec<u8>, rounding: f64) {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let names = book.sheet_names();
    // A cover, the findings, definitions, queries and what the pictures are of.
    assert_eq!(names.len(), document.sections.len() + 4);
    let mut numbers = 0;
    for (name, section) in names.iter().skip(1).zip(&document.sections) {
        let sheet = book.worksheet_range(name).unwrap();
        let rows: Vec<&[Data]> = sheet.rows().collect();
        let head = rows.iter().position(|row| {
            row.first() == Some(&Data::String(section.grid.columns[0].label.clone()))
                && row.get(1) == Some(&Data::String(section.grid.columns[1].label.clone()))
        });
        let below = &rows[head.unwrap() + 1..];
        for (cells, told) in section.grid.rows.iter().zip(below) {
            for (cell, told) in cells.iter().zip(*told) {
                check(cell, told, rounding);
                numbers += usize::from(cell.as_f64().is_some());
            }
        }
    }
    assert!(numbers > 50, "{numbers} numbers were compared");
}

/// The same cell, a number up to this part of itself.
fn check(cell: &Cell, told: &Data, rounding: f64) {
    match (cell, told) {
        (Cell::Null, Data::Empty) => {}
        (Cell::Text(text), Data::String(told)) => assert_eq!(text, told),
        (Cell::Date(day), Data::DateTime(told)) => {
            assert_eq!(told.as_datetime().unwrap().date(), *day);
        }
        (Cell::Integer(_) | Cell::Decimal(_) | Cell::Float(_), Data::Float(told)) => {
            // Other programs keep fifteen digits of a number or a little more.
            let value = cell.as_f64().unwrap();
            assert!((value - told).abs() <= value.abs() * rounding, "{value} {told}");
        }
        other => panic!("not the same: {other:?}"),
    }
}

#[test]
fn no_text_of_a_workbook_is_a_formula() {
    let document = write(&of(&["drivers", "outlier_member"]), Language::English);
    let bytes = xlsx(&document).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).unwrap();
        let mut text = String::new();
        if file.name().starts_with("xl/worksheets/") && file.read_to_string(&mut text).is_ok() {
            assert!(!text.contains("<f>"), "{} has a formula", file.name());
        }
    }
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let name = book.sheet_names()[1].clone();
    let sheet = book.worksheet_range(&name).unwrap();
    assert!(sheet.rows().flatten().any(|cell| *cell == Data::String(HOSTILE.to_owned())));
}

#[test]
fn rows_are_the_same_in_every_file() {
    let document = write(&report(), Language::English);
    let bytes = archive(&document).unwrap();
    assert_eq!(bytes, archive(&document).unwrap(), "the same report is the same bytes");
    let mut files = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    assert_eq!(files.len(), document.sections.len() + 2);
    let mut text = String::new();
    files.by_name("rows-09.csv").unwrap().read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Customer,Before,After,Change");
    assert_eq!(lines[1], "Nordwind Handels GmbH,500000.00,409000.00,-91000.00");
    assert!(lines[3].starts_with("\"'=cmd|"), "{}", lines[3]);
    let told = String::from_utf8(csv(&document).unwrap()).unwrap();
    assert_eq!(told.lines().count(), 1 + document.figures.len() + document.sections.len());
}

#[test]
fn pages_are_set_with_names_as_names() {
    let document = write(&of(&["change", "drivers", "ageing"]), Language::German);
    let pages = pdf(&document).unwrap();
    assert!(pages.starts_with(b"%PDF-1.7"));
    let program = Command::new("pdftotext").arg("-v").output();
    if program.is_err() {
        assert!(std::env::var_os("CI").is_none(), "pdftotext is missing");
        eprintln!("SKIPPED: pdftotext is missing, the pages were not read");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    std::fs::write(&path, pages).unwrap();
    let run = Command::new("pdftotext").arg(&path).arg("-").output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in [
        "Bergmann & Töchter <GmbH>",
        "#eval(\"1\") $x$",
        "<script>alert(1)</script>",
        "Inhalt",
        "Seite 1 von",
        "Abfrage 2",
        "131.751",
    ] {
        assert!(text.contains(wanted), "{wanted} is not on the pages: {text}");
    }
}
