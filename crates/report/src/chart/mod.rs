//! One description of a picture, drawn as Vega-Lite for a page that has it ([`vega_lite`]), as SVG
//! for everything else ([`svg()`]), and as PNG from that where SVG is not shown ([`png()`]).
//!
//! Series are told apart by form as well as by colour (dashes and markers of lines, patterns of
//! bars), values are written beside bars, and colours are those of Okabe and Ito, "Color universal
//! design" (2008), which people of every colour vision tell apart.

mod answer;
mod png;
mod svg;
mod vega;

use chrono::NaiveDate;
use pacioli_model::TimeGrain;

pub(crate) use answer::answer_chart;
pub use answer::chart;
pub use png::{Picture, png};
pub use svg::svg;
pub(crate) use svg::{escaped, sparkline};
pub(crate) use vega::spans;
pub use vega::vega_lite;

use crate::locale::Format;

/// Okabe and Ito's colours; also the most series in one picture.
pub(crate) const COLOURS: [&str; 8] =
    ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"];

/// A picture of some figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What it leaves out.
    pub note: Option<String>,
    /// What it says to who cannot see it.
    pub summary: String,
    /// What is measured.
    pub value: Axis,
    /// How measured values are written.
    pub format: Format,
    /// What is drawn.
    pub shape: Shape,
}

/// What one direction of a picture stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Its name in the data.
    pub field: String,
    /// Its name for people.
    pub title: String,
}

impl Axis {
    /// An axis of a field, called so.
    pub fn new(field: impl Into<String>, title: impl Into<String>) -> Self {
        Self { field: field.into(), title: title.into() }
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Values over time.
    Lines(Lines),
    /// Values of things.
    Bars(Bars),
    /// From one total to another in steps.
    Waterfall {
        /// What the steps are.
        group: Axis,
        /// In order, totals among them.
        steps: Vec<Step>,
    },
    /// Values by two things, as shades and numbers.
    Heatmap(Heatmap),
    /// Two measures of things.
    Scatter {
        /// The other measure; the chart's own goes upwards.
        across: Axis,
        /// How its values are written.
        across_format: Format,
        /// What is measured.
        dots: Vec<Dot>,
    },
}

/// Values over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// Periods.
    pub time: Axis,
    /// How long each is.
    pub grain: TimeGrain,
    /// What the series are, where there are several.
    pub legend: Option<Axis>,
    /// At most as many as there are colours.
    pub series: Vec<Line>,
    /// Where values are expected to lie.
    pub band: Vec<Band>,
    /// Values of this day and later are not complete: the period is not over.
    pub partial_from: Option<NaiveDate>,
    /// Values of this day and later are forecast.
    pub forecast_from: Option<NaiveDate>,
    /// Days to point at, with a word.
    pub marks: Vec<(NaiveDate, String)>,
}

/// One series of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Which.
    pub name: String,
    /// Period and value, in order of time.
    pub points: Vec<(NaiveDate, f64)>,
}

/// Where a value is expected to lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The period.
    pub day: NaiveDate,
    /// From here.
    pub low: f64,
    /// To here.
    pub high: f64,
}

/// Values of things.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What the things are.
    pub group: Axis,
    /// The things, in the order of the bars.
    pub labels: Vec<String>,
    /// What the series are, where there are several.
    pub legend: Option<Axis>,
    /// Each with as many values as there are labels; at most as many as there are colours.
    pub series: Vec<Series>,
    /// Series stand on each other, for their sum means something.
    pub stacked: bool,
    /// The order of the labels is their own (months, age) and no ranking: columns from left to right.
    pub upright: bool,
}

/// One series of bars.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Which.
    pub name: String,
    /// For each label.
    pub values: Vec<Option<f64>>,
}

/// One step from a total to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What.
    pub label: String,
    /// By how much, or the total itself.
    pub value: f64,
    /// A total, which stands on zero.
    pub total: bool,
}

/// Values by two things.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// What goes across.
    pub across: Axis,
    /// From left to right.
    pub columns: Vec<String>,
    /// What goes down.
    pub down: Axis,
    /// From top to bottom.
    pub rows: Vec<String>,
    /// For each row, a value for each column.
    pub cells: Vec<Vec<Option<f64>>>,
}

/// Two measures of one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Dot {
    /// The thing.
    pub label: String,
    /// The measure that goes across.
    pub x: f64,
    /// The measure that goes upwards.
    pub y: f64,
    /// It is what the picture is about: told apart, and always named.
    pub marked: bool,
}
