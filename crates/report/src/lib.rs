//! Answers and reports for people: sentences, pictures, pages and files, made from rows and findings
//! alone.
//!
//! An answer: [`narrate`] says it in one or two sentences; [`chart`](fn@chart) draws it as Vega-Lite.
//! A report: [`write()`] puts its findings into words of one language, which gives a
//! [`document::Document`]; [`html`], [`pdf`], [`xlsx`], [`csv`] and [`archive`] lay that out, and
//! [`ReportLetter`] makes a mail of it.
//! Every number comes from the tables, exactly as it stands there or marked as rounded, and nothing is
//! said about causes. One description of a picture ([`chart::Chart`]) is drawn as Vega-Lite, SVG and PNG.
//!
//! One more kind of finding needs its texts in `write/catalogue`, its sentences in `write/facts.rs`,
//! and its picture in `write/pictures.rs`; the tests' report (`tests/it/sample.rs`) needs one of it.

mod answer;
pub mod chart;
mod csv;
pub mod document;
mod error;
mod html;
mod letter;
mod locale;
mod narrate;
mod pdf;
mod report_letter;
mod rows;
mod scope;
mod told;
mod words;
mod write;
mod xlsx;

pub use answer::{Answer, answer_document};
pub use chart::chart;
pub use csv::{archive, csv, field};
pub use error::ReportError;
pub use html::html;
pub use letter::Letter;
pub use locale::{Format, Language};
pub use narrate::{Context, narrate};
pub use pdf::pdf;
pub use report_letter::{Inline, MAIL_WIDTH, ReportLetter};
pub use rows::tell_rows;
pub use told::{Told, measure_name};
pub use write::{retold, say, sections, write};
pub use xlsx::xlsx;
