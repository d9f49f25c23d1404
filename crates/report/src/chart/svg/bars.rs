use super::{
    EDGE, LETTER, WIDTH,
    canvas::{Anchor, Canvas, Scale, bounds, fitted, tick_text, width},
};
use crate::{
    chart::{Bars, Chart, Step, spans},
    locale::Language,
};

/// Most room that labels before bars take.
const LABELS: f64 = 250.0;
const BAR: f64 = 17.0;
const COLUMNS_HEIGHT: f64 = 270.0;

/// One row of a horizontal picture: its label and the bars in it, each from one value to another.
struct Row<'a> {
    label: &'a str,
    pieces: Vec<Piece>,
    /// What is written after the bars.
    told: Option<(f64, String)>,
}

struct Piece {
    from: f64,
    to: f64,
    series: usize,
    /// Which of the row's lanes it lies in, and how many there are.
    lane: (usize, usize),
    title: String,
}

/// Bars from left to right, the largest on top.
pub(super) fn ranked(
    canvas: &mut Canvas<'_>,
    chart: &Chart,
    bars: &Bars,
    language: Language,
) -> f64 {
    let top = legend(canvas, bars);
    let lanes = if bars.stacked { 1 } else { bars.series.len().max(1) };
    let rows = bars.labels.iter().enumerate().map(|(place, label)| {
        let mut level = 0.0;
        let mut pieces = Vec::new();
        for (index, series) in bars.series.iter().enumerate() {
            let Some(value) = series.values.get(place).copied().flatten() else { continue };
            let from = if bars.stacked { level } else { 0.0 };
            level = from + value;
            let name = if series.name.is_empty() { "" } else { ", " };
            let told = language.value(value, &chart.format);
            let title = format!("{label}{name}{}: {told}", series.name);
            let lane = if bars.stacked { (0, 1) } else { (index, lanes) };
            pieces.push(Piece { from, to: level, series: index, lane, title });
        }
        let end = pieces.iter().map(|piece| piece.to).fold(0.0, f64::max);
        let only = bars.series.len() == 1 || bars.stacked;
        let value = if bars.stacked { level } else { pieces.first().map_or(0.0, |one| one.to) };
        let told = (only && !pieces.is_empty())
            .then(|| (if value < 0.0 { value } else { end }, language.short(value, &chart.format)));
        Row { label, pieces, told }
    });
    rows_of_bars(canvas, &rows.collect::<Vec<_>>(), chart, top)
}

/// Steps from one total to another.
pub(super) fn waterfall(
    canvas: &mut Canvas<'_>,
    chart: &Chart,
    steps: &[Step],
    language: Language,
) -> f64 {
    let rows = steps.iter().zip(spans(steps)).map(|(step, (from, to))| {
        let series = match step {
            Step { total: true, .. } => 7,
            Step { value, .. } if *value < 0.0 => 1,
            Step { .. } => 0,
        };
        let sign = if step.total || step.value < 0.0 { "" } else { "+" };
        let told = format!("{sign}{}", language.short(step.value, &chart.format));
        let title = format!("{}: {sign}{}", step.label, language.value(step.value, &chart.format));
        let pieces = vec![Piece { from, to, series, lane: (0, 1), title }];
        Row { label: &step.label, pieces, told: Some((from.max(to), told)) }
    });
    rows_of_bars(canvas, &rows.collect::<Vec<_>>(), chart, 0.0)
}

fn legend(canvas: &mut Canvas<'_>, bars: &Bars) -> f64 {
    if bars.series.len() < 2 {
        return 0.0;
    }
    let names: Vec<&str> = bars.series.iter().map(|series| series.name.as_str()).collect();
    canvas.legend(&names, 2.0)
}

/// Draws rows of bars below `top`; the height of all.
fn rows_of_bars(canvas: &mut Canvas<'_>, rows: &[Row<'_>], chart: &Chart, top: f64) -> f64 {
    let ends = rows.iter().flat_map(|row| &row.pieces).flat_map(|piece| [piece.from, piece.to]);
    let Some((low, high)) = bounds(ends.chain([0.0])) else { return top };
    let labels = rows.iter().map(|row| width(row.label, LETTER)).fold(0.0, f64::max).min(LABELS);
    let told = |below: bool| {
        let texts = rows.iter().filter_map(|row| row.told.as_ref());
        let texts = texts.filter(|(end, _)| (*end < 0.0) == below);
        texts.map(|(_, text)| width(text, LETTER) + 8.0).fold(0.0, f64::max)
    };
    let left = labels + EDGE + told(true);
    let scale = Scale::exact((low, high), (left, WIDTH - told(false) - EDGE));
    let mut y = top + 22.0;
    canvas.words(
        (left, top + 12.0),
        Anchor::Start,
        &fitted(&chart.value.title, WIDTH - left, LETTER),
        " fill-opacity=\"0.75\"",
    );
    let begin = y;
    for row in rows {
        let lanes = row.pieces.iter().map(|piece| piece.lane.1).max().unwrap_or(1);
        let thick = if lanes > 1 { 11.0 } else { BAR };
        #[expect(clippy::cast_precision_loss, reason = "a handful of lanes")]
        let (tall, lane_top) = (thick * lanes as f64, |lane: usize| y + thick * lane as f64);
        let label = fitted(row.label, LABELS, LETTER);
        let title = super::canvas::escaped(row.label);
        canvas.put(&format!(
            "<text x=\"{labels:.1}\" y=\"{:.1}\" text-anchor=\"end\"><title>{title}</title>{}</text>",
            y + tall / 2.0 + 4.0,
            super::canvas::escaped(&label)
        ));
        for piece in &row.pieces {
            let (from, to) =
                (scale.at(piece.from.min(piece.to)), scale.at(piece.from.max(piece.to)));
            let at = (from, lane_top(piece.lane.0));
            canvas.bar(at, (to - from, thick - 1.0), piece.series, &piece.title);
        }
        if let Some((end, text)) = &row.told {
            let (anchor, x) = if *end < 0.0 {
                (Anchor::End, scale.at(*end) - 4.0)
            } else {
                (Anchor::Start, scale.at(*end) + 4.0)
            };
            canvas.text((x, y + tall / 2.0 + 4.0), anchor, text);
        }
        y += tall + 7.0;
    }
    canvas.rule((scale.at(0.0), begin - 4.0), (scale.at(0.0), y - 3.0), true);
    y + EDGE
}

/// Columns side by side, in their own order.
#[expect(clippy::cast_precision_loss, reason = "a handful of columns")]
pub(super) fn columns(
    canvas: &mut Canvas<'_>,
    chart: &Chart,
    bars: &Bars,
    language: Language,
) -> f64 {
    let head = legend(canvas, bars);
    let values = bars.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let sums = (0..bars.labels.len()).filter(|_| bars.stacked).map(|place| {
        bars.series.iter().filter_map(|series| series.values.get(place).copied().flatten()).sum()
    });
    let Some(range) = bounds(values.chain(sums).chain([0.0])) else { return head };
    let (top, bottom) = (head + 34.0, head + COLUMNS_HEIGHT - 28.0);
    let scale = Scale::round(range, (bottom, top));
    let ticks = scale.ticks();
    let text = |tick: &f64| width(&tick_text(*tick, &chart.format, language), LETTER);
    let left = ticks.iter().map(text).fold(0.0, f64::max) + EDGE;
    let title = fitted(&chart.value.title, WIDTH, LETTER);
    canvas.words((0.0, head + 12.0), Anchor::Start, &title, " fill-opacity=\"0.75\"");
    for tick in &ticks {
        canvas.rule((left, scale.at(*tick)), (WIDTH - EDGE, scale.at(*tick)), *tick == 0.0);
        let text = tick_text(*tick, &chart.format, language);
        canvas.text((left - 5.0, scale.at(*tick) + 4.0), Anchor::End, &text);
    }
    let slot = (WIDTH - EDGE - left) / bars.labels.len().max(1) as f64;
    let lanes = if bars.stacked { 1 } else { bars.series.len().max(1) };
    let thick = (slot * 0.72 / lanes as f64).min(64.0);
    for (place, label) in bars.labels.iter().enumerate() {
        let middle = left + slot * (place as f64 + 0.5);
        let begin = middle - thick * lanes as f64 / 2.0;
        let mut level = 0.0;
        for (index, series) in bars.series.iter().enumerate() {
            let Some(value) = series.values.get(place).copied().flatten() else { continue };
            let from = if bars.stacked { level } else { 0.0 };
            level = from + value;
            let x = if bars.stacked { begin } else { begin + thick * index as f64 };
            let (low, high) = (scale.at(from.min(level)), scale.at(from.max(level)));
            let told = language.value(value, &chart.format);
            canvas.bar((x, high), (thick - 1.0, low - high), index, &format!("{label}: {told}"));
            if lanes == 1 && bars.series.len() == 1 {
                let text = language.short(value, &chart.format);
                let y = if value < 0.0 { low + 13.0 } else { high - 4.0 };
                if width(&text, LETTER) < slot {
                    canvas.text((middle, y), Anchor::Middle, &text);
                }
            }
        }
        canvas.text((middle, bottom + 17.0), Anchor::Middle, &fitted(label, slot - 2.0, LETTER));
    }
    head + COLUMNS_HEIGHT
}
