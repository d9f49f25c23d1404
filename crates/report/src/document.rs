//! A report in one language, ready to be laid out: what [`crate::html`], [`crate::pdf`] and
//! [`crate::xlsx`] have in common. Texts are plain; every renderer escapes them its own way.

use pacioli_model::{Cell, TimeGrain, Timestamp};

use crate::{
    chart::Chart,
    locale::{Format, Language},
};

/// A report in one language.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The language of its texts.
    pub language: Language,
    /// What it is called.
    pub title: String,
    /// Whose figures, and which days.
    pub subtitle: String,
    /// Its company's name.
    pub author: String,
    /// Where it is found again: the path of its JSON, without a host.
    pub path: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The most important in a few sentences.
    pub summary: Vec<String>,
    /// What must be known to read it: name and value.
    pub basis: Vec<(String, String)>,
    /// The figures at its head.
    pub figures: Vec<Figure>,
    /// What was found.
    pub sections: Vec<Section>,
    /// How figures are computed.
    pub definitions: Vec<Definition>,
    /// What words of the report mean.
    pub glossary: Vec<(String, String)>,
    /// The tables behind it.
    pub tables: Option<Grid>,
    /// The queries behind it; sections and figures name them by their place, from 0.
    pub queries: Vec<Query>,
    /// What could not be looked at.
    pub missing: Vec<String>,
}

impl Document {
    /// It is one answer and no report: no cover, no contents.
    pub(crate) fn is_answer(&self) -> bool {
        self.sections.len() == 1 && self.figures.is_empty() && self.summary.is_empty()
    }
}

/// A figure at the head.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is called.
    pub label: String,
    /// Its value.
    pub value: Option<f64>,
    /// How it is written.
    pub format: Format,
    /// Against other days: in words, and whether that is good.
    pub changes: Vec<(String, Tone)>,
    /// Its values over time; the last may be incomplete.
    pub trail: Vec<f64>,
    /// Places in [`Document::queries`].
    pub queries: Vec<usize>,
}

/// Whether something is good for the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum Tone {
    Good,
    Bad,
    #[default]
    Neutral,
}

/// One finding, or one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The finding in a few words.
    pub heading: String,
    /// Whether it is good for the company.
    pub tone: Tone,
    /// The finding in sentences.
    pub sentences: Vec<String>,
    /// How sure it is: the test behind it.
    pub test: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// What to keep in mind.
    pub caveats: Vec<String>,
    /// Its picture.
    pub chart: Option<Chart>,
    /// The rows behind it.
    pub grid: Grid,
    /// Places in [`Document::queries`].
    pub queries: Vec<usize>,
}

/// Rows of figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grid {
    /// In order.
    pub columns: Vec<GridColumn>,
    /// Each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// More rows exist.
    pub truncated: bool,
}

/// A column of figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GridColumn {
    /// For people.
    pub label: String,
    /// How its numbers are written.
    pub format: Format,
    /// The periods that its days begin.
    pub grain: Option<TimeGrain>,
    /// Its values are quantities, set flush right; keys are none.
    pub numeric: bool,
}

impl Grid {
    /// A cell as its column writes it.
    pub(crate) fn text(&self, column: usize, cell: &Cell, language: Language) -> String {
        match (self.columns.get(column), cell) {
            (Some(GridColumn { numeric: false, grain, .. }), _) => match cell {
                Cell::Integer(value) => value.to_string(),
                Cell::Decimal(value) => value.to_string(),
                other => language.cell(other, &Format::Number, *grain),
            },
            // Averages of days stand under each other: each with a digit after the point.
            (Some(GridColumn { format: Format::Days, .. }), Cell::Float(days)) => {
                language.days_long(*days, 1)
            }
            (Some(column), _) => language.cell(cell, &column.format, column.grain),
            (None, _) => String::new(),
        }
    }
}

/// How a figure is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub label: String,
    /// In words; may be empty.
    pub description: String,
    /// As it is declared.
    pub formula: String,
}

/// A query that figures came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What ran.
    pub sql: String,
    /// Rows it gave.
    pub rows: usize,
}
