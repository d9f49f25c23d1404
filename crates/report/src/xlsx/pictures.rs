use chrono::NaiveDate;
use pacioli_model::{Cell, TimeGrain};
use rust_xlsxwriter::{
    Chart as Picture, ChartFormat, ChartLine, ChartLineDashType, ChartMarker, ChartMarkerType,
    ChartPatternFill, ChartPatternFillType, ChartSolidFill, ChartType, ColNum, Color, RowNum,
    Worksheet, XlsxError,
};

use super::{cells::Formats, cells::write_cell, held};
use crate::{
    chart::{Band, COLOURS, Chart, Lines, Shape, Step, spans},
    document::{Document, GridColumn},
    locale::{Format, Language},
    write::text,
};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;
/// Characters of a text for a picture, the most that Excel takes.
const MOST_ALT: usize = 255;

/// The figures of all pictures, on a sheet of their own that the pictures refer to.
pub(super) struct Pictures {
    name: String,
    language: Language,
    blocks: Vec<(RowNum, Block)>,
    next: RowNum,
}

/// The figures of one picture: labels and, beside them, its series.
struct Block {
    labels: Vec<Cell>,
    grain: Option<TimeGrain>,
    series: Vec<Values>,
    format: Format,
}

/// A series: its name, and its value for each label.
type Values = (String, Vec<Option<f64>>);

impl Pictures {
    pub(super) fn new(document: &Document) -> Self {
        let name = text(document.language, "chart_data");
        Self { name: name.to_owned(), language: document.language, blocks: Vec::new(), next: 0 }
    }

    /// A picture whose figures will stand on the sheet of [`Self::data`].
    pub(super) fn chart(&mut self, chart: &Chart) -> Option<Picture> {
        let block = Block::of(chart, self.language)?;
        let rows = RowNum::try_from(block.labels.len()).ok()?;
        let first = self.next + 1;
        let last = self.next + rows;
        let mut picture = Picture::new(kind(&chart.shape));
        for (column, _) in (1 as ColNum..).zip(&block.series) {
            let index = usize::from(column) - 1;
            let series = picture.add_series();
            series
                .set_categories((self.name.as_str(), first, 0, last, 0))
                .set_values((self.name.as_str(), first, column, last, column))
                .set_name((self.name.as_str(), self.next, column));
            dress(series, &chart.shape, index);
        }
        let only = block.series.len() == 1 || matches!(chart.shape, Shape::Waterfall { .. });
        finish(&mut picture, chart, only);
        self.next = last + 2;
        self.blocks.push((first - 1, block));
        Some(picture)
    }

    /// Writes the figures of all pictures.
    pub(super) fn data(&self, sheet: &mut Worksheet, formats: &Formats) -> Result<(), XlsxError> {
        sheet.set_name(&self.name)?;
        sheet.set_column_width(0, 30)?;
        for (row, block) in &self.blocks {
            let label = GridColumn { grain: block.grain, ..GridColumn::default() };
            let label = formats.column(&label);
            let style = formats.number(&block.format, true);
            for ((name, _), column) in block.series.iter().zip(1..) {
                sheet.write_string_with_format(*row, column, held(name), &formats.head)?;
            }
            for (cell, below) in block.labels.iter().zip(row + 1..) {
                write_cell(sheet, (below, 0), cell, &label)?;
            }
            for ((_, values), column) in block.series.iter().zip(1..) {
                for (value, below) in values.iter().zip(row + 1..) {
                    if let Some(value) = value.filter(|value| value.is_finite()) {
                        sheet.write_number_with_format(below, column, value, &style)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn kind(shape: &Shape) -> ChartType {
    match shape {
        Shape::Lines(_) | Shape::Heatmap(_) => ChartType::Line,
        Shape::Bars(bars) => match (bars.upright, bars.stacked) {
            (true, true) => ChartType::ColumnStacked,
            (true, false) => ChartType::Column,
            (false, true) => ChartType::BarStacked,
            (false, false) => ChartType::Bar,
        },
        Shape::Waterfall { .. } => ChartType::BarStacked,
        Shape::Scatter { .. } => ChartType::Scatter,
    }
}

impl Block {
    fn of(chart: &Chart, language: Language) -> Option<Self> {
        let texts = |labels: &[String]| labels.iter().cloned().map(Cell::Text).collect::<Vec<_>>();
        let value = chart.value.title.as_str();
        let (labels, grain, series) = match &chart.shape {
            Shape::Lines(lines) => {
                let (days, series) = of_lines(lines, value, language);
                (days.into_iter().map(Cell::Date).collect(), Some(lines.grain), series)
            }
            Shape::Bars(bars) => {
                let series = bars.series.iter();
                let series = series.map(|one| (named(&one.name, value), one.values.clone()));
                (texts(&bars.labels), None, series.collect())
            }
            Shape::Waterfall { steps, .. } => {
                let labels = steps.iter().map(|step| Cell::Text(step.label.clone())).collect();
                (labels, None, of_steps(steps, value))
            }
            Shape::Heatmap(map) => {
                let series = map.rows.iter().cloned().zip(map.cells.iter().cloned()).collect();
                (texts(&map.columns), None, series)
            }
            Shape::Scatter { dots, .. } => {
                let across = dots.iter().map(|dot| Cell::Float(dot.x)).collect();
                let up = dots.iter().map(|dot| Some(dot.y)).collect();
                (across, None, vec![(value.to_owned(), up)])
            }
        };
        (!labels.is_empty()).then(|| Self { labels, grain, series, format: chart.format.clone() })
    }
}

/// A series without a name of its own is called as what is measured.
fn named(name: &str, value: &str) -> String {
    if name.is_empty() { value.to_owned() } else { name.to_owned() }
}

/// All days that there are values or bounds of, and for each series its values on them.
fn of_lines(lines: &Lines, value: &str, language: Language) -> (Vec<NaiveDate>, Vec<Values>) {
    let points = lines.series.iter().flat_map(|line| &line.points).map(|(day, _)| *day);
    let mut days: Vec<NaiveDate> = points.chain(lines.band.iter().map(|band| band.day)).collect();
    days.sort_unstable();
    days.dedup();
    let on_days = |points: &[(NaiveDate, f64)]| {
        let at = |day: &NaiveDate| points.iter().find(|(other, _)| other == day);
        days.iter().map(|day| at(day).map(|(_, value)| *value)).collect::<Vec<_>>()
    };
    let series = lines.series.iter();
    let mut series: Vec<Values> =
        series.map(|line| (named(&line.name, value), on_days(&line.points))).collect();
    if !lines.band.is_empty() {
        let bound = |of: fn(&Band) -> f64| {
            let bounds = lines.band.iter().map(|band| (band.day, of(band)));
            on_days(&bounds.collect::<Vec<_>>())
        };
        let word = |key: &str| text(language, key).to_owned();
        series.push((word("column.low"), bound(|band| band.low)));
        series.push((word("column.high"), bound(|band| band.high)));
    }
    (days, series)
}

/// Steps as bars that stand on each other: what is beneath a step is there and not seen.
fn of_steps(steps: &[Step], value: &str) -> Vec<Values> {
    let spans = spans(steps);
    // Below zero the invisible part beneath a step would have to be negative too.
    if !spans.iter().all(|(from, to)| *from >= 0.0 && *to >= 0.0) {
        return vec![(value.to_owned(), steps.iter().map(|step| Some(step.value)).collect())];
    }
    let part = |of: fn(f64, f64, bool) -> Option<f64>| {
        let parts = spans.iter().zip(steps);
        parts.map(|((from, to), step)| of(*from, *to, step.total)).collect::<Vec<_>>()
    };
    vec![
        (String::new(), part(|from, to, total| (!total).then_some(from.min(to)))),
        ("Σ".to_owned(), part(|_, to, total| total.then_some(to))),
        ("+".to_owned(), part(|from, to, total| (!total && to >= from).then_some(to - from))),
        ("−".to_owned(), part(|from, to, total| (!total && to < from).then_some(from - to))),
    ]
}

fn rgb(colour: &str) -> Color {
    Color::RGB(u32::from_str_radix(colour.trim_start_matches('#'), 16).unwrap_or_default())
}

/// Colour and form of one series.
fn dress(series: &mut rust_xlsxwriter::ChartSeries, shape: &Shape, index: usize) {
    let colour = rgb(COLOURS[index % COLOURS.len()]);
    match shape {
        Shape::Lines(lines) if index >= lines.series.len() => {
            let line = ChartLine::new()
                .set_color(rgb(COLOURS[0]))
                .set_width(0.75)
                .set_dash_type(ChartLineDashType::Dash)
                .clone();
            series.set_format(ChartFormat::new().set_line(&line));
        }
        Shape::Lines(_) | Shape::Heatmap(_) => {
            let mut line = ChartLine::new();
            line.set_color(colour).set_width(2.0);
            if !index.is_multiple_of(4) {
                let dashes = [
                    ChartLineDashType::Dash,
                    ChartLineDashType::RoundDot,
                    ChartLineDashType::DashDot,
                ];
                line.set_dash_type(dashes[index % 4 - 1]);
            }
            series.set_format(ChartFormat::new().set_line(&line));
            series.set_marker(ChartMarker::new().set_automatic());
        }
        Shape::Bars(_) => fill(series, index),
        Shape::Waterfall { .. } => match index {
            0 => {
                series.set_format(ChartFormat::new().set_no_fill().set_no_line());
            }
            1 => {
                let solid = ChartSolidFill::new().set_color(Color::RGB(0x66_66_66)).clone();
                series.set_format(ChartFormat::new().set_solid_fill(&solid));
            }
            up_or_down => fill(series, up_or_down - 2),
        },
        Shape::Scatter { .. } => {
            series.set_marker(ChartMarker::new().set_type(ChartMarkerType::Circle).set_size(6));
        }
    }
}

/// Solid for the first, hatched for others: told apart without colour.
fn fill(series: &mut rust_xlsxwriter::ChartSeries, index: usize) {
    let colour = rgb(COLOURS[index % COLOURS.len()]);
    if index == 0 {
        let solid = ChartSolidFill::new().set_color(colour).clone();
        series.set_format(ChartFormat::new().set_solid_fill(&solid));
        return;
    }
    let patterns = [
        ChartPatternFillType::DiagonalStripesWideUpwards,
        ChartPatternFillType::HorizontalStripesNarrow,
        ChartPatternFillType::DiagonalStripesWideDownwards,
        ChartPatternFillType::VerticalStripesNarrow,
        ChartPatternFillType::Dotted25Percent,
        ChartPatternFillType::DiagonalStripesDarkUpwards,
        ChartPatternFillType::Dotted50Percent,
    ];
    let pattern = ChartPatternFill::new()
        .set_pattern(patterns[(index - 1) % patterns.len()])
        .set_foreground_color(colour)
        .set_background_color(Color::White)
        .clone();
    series.set_format(ChartFormat::new().set_pattern_fill(&pattern));
}

fn finish(picture: &mut Picture, chart: &Chart, only: bool) {
    picture.title().set_name(&chart.title);
    picture
        .set_width(WIDTH)
        .set_height(HEIGHT)
        .set_alt_text(chart.summary.chars().take(MOST_ALT).collect::<String>());
    if only {
        picture.legend().set_hidden();
    }
    match &chart.shape {
        Shape::Bars(bars) if !bars.upright => lying(picture, chart),
        Shape::Waterfall { .. } => lying(picture, chart),
        Shape::Lines(lines) => {
            let code = match lines.grain {
                TimeGrain::Year => "yyyy",
                TimeGrain::Month | TimeGrain::Quarter => "mmm yyyy",
                TimeGrain::Week | TimeGrain::Day => "yyyy-mm-dd",
            };
            picture.x_axis().set_date_axis(true).set_num_format(code);
            picture.y_axis().set_name(&chart.value.title).set_num_format(axis(&chart.format));
        }
        Shape::Scatter { across, .. } => {
            picture.x_axis().set_name(&across.title).set_num_format("#,##0");
            picture.y_axis().set_name(&chart.value.title).set_num_format(axis(&chart.format));
        }
        Shape::Bars(_) | Shape::Heatmap(_) => {
            picture.y_axis().set_name(&chart.value.title).set_num_format(axis(&chart.format));
        }
    }
}

/// Bars from left to right, the first on top: their values go along the horizontal axis.
fn lying(picture: &mut Picture, chart: &Chart) {
    picture.y_axis().set_reverse();
    picture.x_axis().set_name(&chart.value.title).set_num_format(axis(&chart.format));
}

/// Numbers of an axis, which have no room for a currency.
fn axis(format: &Format) -> &'static str {
    match format {
        Format::Percent | Format::Points => "0.0%",
        _ => "#,##0",
    }
}
