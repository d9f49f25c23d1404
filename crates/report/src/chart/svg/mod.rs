//! Charts as SVG, by hand: what a page, a printed document and a mail show alike.
//!
//! Ink is `currentColor`, so that a picture is dark on light and light on dark; every mark carries its
//! form besides its colour; nothing is fetched and nothing runs.

mod bars;
mod canvas;
mod grid;
mod lines;

use canvas::Canvas;
pub(crate) use canvas::escaped;

use super::{Chart, Shape};
use crate::locale::Language;

/// The width that is drawn for, in units of 1/96 inch; the picture scales.
const WIDTH: f64 = 720.0;
/// Room around what is drawn.
const EDGE: f64 = 8.0;
/// Size of letters.
const LETTER: f64 = 12.0;

/// A chart as an SVG document. `id` sets its names apart from those of other charts on the same page:
/// letters, digits and hyphens.
pub fn svg(chart: &Chart, id: &str, language: Language) -> String {
    let mut canvas = Canvas::new(id);
    let height = match &chart.shape {
        Shape::Lines(lines) => lines::draw(&mut canvas, chart, lines, language),
        Shape::Bars(bars) if bars.upright => bars::columns(&mut canvas, chart, bars, language),
        Shape::Bars(bars) => bars::ranked(&mut canvas, chart, bars, language),
        Shape::Waterfall { steps, .. } => bars::waterfall(&mut canvas, chart, steps, language),
        Shape::Heatmap(map) => grid::heatmap(&mut canvas, chart, map, language),
        Shape::Scatter { across, across_format, dots } => {
            grid::scatter(&mut canvas, chart, (across, across_format), dots, language)
        }
    };
    canvas.finish(chart, height)
}

/// A small line without axes, for beside a figure; nothing for fewer than three values.
#[expect(clippy::cast_precision_loss, reason = "a handful of points")]
pub(crate) fn sparkline(values: &[f64]) -> String {
    let Some((low, high)) = canvas::bounds(values.iter().copied()) else { return String::new() };
    if values.len() < 3 {
        return String::new();
    }
    let x = canvas::Scale::exact((0.0, values.len() as f64 - 1.0), (3.0, 197.0));
    let y = canvas::Scale::exact((low, high), (35.0, 5.0));
    let places = values.iter().enumerate();
    let places: Vec<String> = places
        .map(|(index, value)| format!("{:.1} {:.1}", x.at(index as f64), y.at(*value)))
        .collect();
    let end = values.last().map_or(0.0, |last| y.at(*last));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 200 40\" \
         preserveAspectRatio=\"none\"><path d=\"M{}\" fill=\"none\" stroke=\"#0072B2\" \
         stroke-width=\"2\" vector-effect=\"non-scaling-stroke\"/>\
         <circle cx=\"197\" cy=\"{end:.1}\" r=\"2.5\" fill=\"#0072B2\"/></svg>",
        places.join("L")
    )
}
