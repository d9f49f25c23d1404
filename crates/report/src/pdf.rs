//! A document as PDF, set by Typst in the process: no file is read, nothing is fetched, the letters
//! are built in, and what comes from a company's data is data to the template, never markup.

use std::sync::LazyLock;

use chrono::{Datelike, Timelike};
use serde_json::{Value, json};
use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime, Dict, Duration, Smart, Str},
    syntax::{FileId, Source},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_kit::fonts::{self, FontStore};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::{
    ReportError, chart,
    document::{Document, Figure, Grid, Section, Tone},
    html::cut,
    write::{say, text},
};

const TEMPLATE: &str = include_str!("report.typ");
/// More rows than these are for the files that are made for rows: of periods, which stand side by side, and
/// of anything else.
const MOST_PERIODS: usize = 60;
const MOST_ROWS: usize = 25;
/// Documents after which what Typst remembers of one is forgotten.
const REMEMBERED: usize = 2;
const WORDS: [&str; 16] = [
    "advice",
    "bad",
    "basis",
    "caveats",
    "contents",
    "definitions",
    "figures",
    "glossary",
    "good",
    "missing",
    "of",
    "page",
    "queries",
    "summary",
    "tables",
    "test",
];

static FONTS: LazyLock<FontStore> = LazyLock::new(|| {
    let mut store = FontStore::new();
    store.extend(fonts::embedded());
    store
});

/// A document as PDF (PDF/UA-1: tagged, with texts for pictures), pages numbered, tables broken with
/// their heads repeated.
pub fn pdf(document: &Document) -> Result<Vec<u8>, ReportError> {
    let failed = |messages: String| ReportError::Pdf(messages);
    let world = Paper::new(&data(document));
    let set = typst::compile::<PagedDocument>(&world).output;
    let written = set.and_then(|pages| typst_pdf::pdf(&pages, &options(document)));
    comemo::evict(REMEMBERED);
    written.map_err(|errors| {
        failed(errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>().join("; "))
    })
}

fn options(document: &Document) -> PdfOptions {
    let made = document.created_at.utc();
    let part = |number: u32| u8::try_from(number).unwrap_or_default();
    let moment = Datetime::from_ymd_hms(
        made.year(),
        part(made.month()),
        part(made.day()),
        part(made.hour()),
        part(made.minute()),
        part(made.second()),
    );
    let standards = PdfStandards::new(&[PdfStandard::Ua_1]).unwrap_or_default();
    PdfOptions {
        ident: Smart::Custom(document.path.clone()),
        creator: Smart::Custom(Some("Pacioli".to_owned())),
        timestamp: moment.map(Timestamp::new_utc),
        standards,
        ..PdfOptions::default()
    }
}

/// The template, its letters and its data: all the world that there is.
struct Paper {
    library: LazyHash<Library>,
    source: Source,
}

impl Paper {
    fn new(data: &Value) -> Self {
        let mut inputs = Dict::new();
        inputs.insert(Str::from("data"), typst::foundations::Value::Str(data.to_string().into()));
        let library = Library::builder().with_inputs(inputs).build();
        Self { library: LazyHash::new(library), source: Source::detached(TEMPLATE) }
    }
}

impl World for Paper {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        FONTS.book()
    }

    fn main(&self) -> FileId {
        self.source.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.source.id() { Ok(self.source.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, _: FileId) -> FileResult<Bytes> {
        Err(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.font(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None // what a report says of days it says itself
    }
}

/// What the template is given.
fn data(document: &Document) -> Value {
    let language = document.language;
    let mut words: serde_json::Map<String, Value> =
        WORDS.iter().map(|key| ((*key).to_owned(), json!(text(language, key)))).collect();
    let query = say(language, "query", &[("number", "")]);
    words.insert("query".to_owned(), json!(query.trim()));
    let queries = document.queries.iter().map(|query| {
        let rows = say(language, "rows_given", &[("rows", &query.rows.to_string())]);
        json!({"sql": query.sql, "rows": rows})
    });
    let definitions = document.definitions.iter().map(|definition| {
        json!({"label": definition.label, "description": definition.description,
               "formula": definition.formula})
    });
    let sections = document.sections.iter().enumerate();
    json!({
        "lang": language.code(),
        "words": words,
        "title": document.title,
        "subtitle": document.subtitle,
        "author": document.author,
        "made": language.moment(document.created_at.utc()),
        "summary": document.summary,
        "figures": document.figures.iter().map(|one| figure(document, one)).collect::<Vec<_>>(),
        "sections": sections.map(|(place, one)| section(document, one, place)).collect::<Vec<_>>(),
        "missing": document.missing,
        "basis": document.basis,
        "tables": document.tables.as_ref().map(|tables| grid(document, tables)),
        "definitions": definitions.collect::<Vec<_>>(),
        "glossary": document.glossary,
        "queries": queries.collect::<Vec<_>>(),
    })
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Neutral => "neutral",
    }
}

fn figure(document: &Document, figure: &Figure) -> Value {
    let language = document.language;
    let value = figure.value.map_or(text(language, "no_value").to_owned(), |value| {
        language.value(value, &figure.format)
    });
    let changes =
        figure.changes.iter().map(|(text, kind)| json!({"text": text, "tone": tone(*kind)}));
    let trail = chart::sparkline(&figure.trail);
    json!({
        "label": figure.label,
        "value": value,
        "changes": changes.collect::<Vec<_>>(),
        "trail": (!trail.is_empty()).then_some(trail),
        "queries": numbers(&figure.queries),
    })
}

fn numbers(queries: &[usize]) -> Vec<usize> {
    queries.iter().map(|query| query + 1).collect()
}

fn section(document: &Document, section: &Section, place: usize) -> Value {
    let chart = section.chart.as_ref().map(|chart| {
        json!({
            "svg": chart::svg(chart, &format!("c{place}"), document.language),
            "title": chart.title,
            "note": chart.note,
            "alt": chart.summary,
        })
    });
    json!({
        "heading": section.heading,
        "tone": tone(section.tone),
        "sentences": section.sentences,
        "advice": section.advice,
        "test": section.test,
        "caveats": section.caveats,
        "chart": chart,
        "grid": grid(document, &section.grid),
        "queries": numbers(&section.queries),
    })
}

fn grid(document: &Document, grid: &Grid) -> Value {
    // Two columns of periods stand side by side in several parts.
    let is_narrow = grid.is_run() && grid.columns.len() == 2;
    let rows = grid.shown(if is_narrow { MOST_PERIODS } else { MOST_ROWS });
    let row = |row: &Vec<pacioli_model::Cell>| {
        let cells = row.iter().enumerate();
        cells.map(|(place, cell)| grid.text(place, cell, document.language)).collect::<Vec<_>>()
    };
    let columns = grid.columns.iter();
    json!({
        "columns": columns.map(|one| json!({"label": one.label, "numeric": one.numeric})).collect::<Vec<_>>(),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "cut": cut(document, grid, rows.len()),
    })
}
