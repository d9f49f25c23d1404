use super::{
    EDGE, LETTER, WIDTH,
    canvas::{Anchor, Canvas, Scale, bounds, escaped, fitted, tick_text, width},
};
use crate::{
    chart::{Axis, Chart, Dot, Heatmap},
    locale::{Format, Language},
};

const CELL: f64 = 26.0;
const SCATTER_HEIGHT: f64 = 320.0;
/// Things named beside their dots.
const NAMED: usize = 6;
/// Dots that are looked at for room beside them.
const CANDIDATES: usize = 60;

/// Shades from light to dark with the value written in each: read without colour too.
#[expect(clippy::cast_precision_loss, reason = "a handful of cells")]
pub(super) fn heatmap(
    canvas: &mut Canvas<'_>,
    chart: &Chart,
    map: &Heatmap,
    language: Language,
) -> f64 {
    let Some((low, high)) = bounds(map.cells.iter().flatten().flatten().copied()) else {
        return 0.0;
    };
    let left = map.rows.iter().map(|row| width(row, LETTER)).fold(0.0, f64::max).min(160.0) + EDGE;
    let slot = (WIDTH - left) / map.columns.len().max(1) as f64;
    let title = fitted(&chart.value.title, WIDTH, LETTER);
    canvas.words((0.0, 11.0), Anchor::Start, &title, " fill-opacity=\"0.75\"");
    for (index, column) in map.columns.iter().enumerate() {
        let middle = left + slot * (index as f64 + 0.5);
        canvas.text((middle, 32.0), Anchor::Middle, &fitted(column, slot - 2.0, LETTER));
    }
    let shade = Scale::exact((low, high), (0.06, 0.95));
    let mut y = 40.0;
    for (row, cells) in map.rows.iter().zip(&map.cells) {
        canvas.text((left - 6.0, y + CELL / 2.0 + 4.0), Anchor::End, &fitted(row, 160.0, LETTER));
        for (index, value) in cells.iter().enumerate() {
            let Some(value) = value else { continue };
            let (x, deep) = (left + slot * index as f64, shade.at(*value));
            // On white, so that a shade means the same on a dark page.
            canvas.put(&format!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                 fill=\"#ffffff\"/><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" \
                 height=\"{:.1}\" fill=\"#08306b\" fill-opacity=\"{deep:.2}\"><title>{}</title></rect>",
                slot - 1.0,
                CELL - 1.0,
                slot - 1.0,
                CELL - 1.0,
                escaped(&format!(
                    "{row}, {}: {}",
                    map.columns.get(index).map_or("", String::as_str),
                    language.value(*value, &chart.format)
                )),
            ));
            let text = language.short(*value, &chart.format);
            if width(&text, 10.5) < slot - 2.0 {
                let ink = if deep > 0.5 { "#ffffff" } else { "#111111" };
                let more = format!(" fill=\"{ink}\" font-size=\"10.5\"");
                let at = (x + slot / 2.0, y + CELL / 2.0 + 3.5);
                canvas.words(at, Anchor::Middle, &text, &more);
            }
        }
        y += CELL;
    }
    y + EDGE
}

/// Two measures against each other; those that stand out most are named.
pub(super) fn scatter(
    canvas: &mut Canvas<'_>,
    chart: &Chart,
    (across, format): (&Axis, &Format),
    dots: &[Dot],
    language: Language,
) -> f64 {
    let (Some(xs), Some(ys)) =
        (bounds(dots.iter().map(|dot| dot.x)), bounds(dots.iter().map(|dot| dot.y)))
    else {
        return 0.0;
    };
    let (top, bottom) = (26.0, SCATTER_HEIGHT - 46.0);
    let y = Scale::round(ys, (bottom, top));
    let text = |tick: &f64| width(&tick_text(*tick, &chart.format, language), LETTER);
    let left = y.ticks().iter().map(text).fold(0.0, f64::max) + EDGE;
    let x = Scale::round(xs, (left + EDGE, WIDTH - 4.0 * EDGE));
    let title = fitted(&chart.value.title, WIDTH, LETTER);
    canvas.words((0.0, 11.0), Anchor::Start, &title, " fill-opacity=\"0.75\"");
    for tick in y.ticks() {
        canvas.rule((left, y.at(tick)), (WIDTH - EDGE, y.at(tick)), tick == 0.0);
        let text = tick_text(tick, &chart.format, language);
        canvas.text((left - 5.0, y.at(tick) + 4.0), Anchor::End, &text);
    }
    for tick in x.ticks() {
        canvas.rule((x.at(tick), top), (x.at(tick), bottom), tick == 0.0);
        let text = tick_text(tick, format, language);
        canvas.text((x.at(tick), bottom + 17.0), Anchor::Middle, &text);
    }
    canvas.words(
        (WIDTH - EDGE, SCATTER_HEIGHT - 10.0),
        Anchor::End,
        &fitted(&across.title, WIDTH, LETTER),
        " fill-opacity=\"0.75\"",
    );
    // Far from the crowd, wherever that is.
    let middle = (
        median(dots.iter().map(|dot| dot.x)).unwrap_or_default(),
        median(dots.iter().map(|dot| dot.y)).unwrap_or_default(),
    );
    let apart = |dot: &Dot| {
        let spread = |value: f64, middle: f64, (low, high): (f64, f64)| {
            (value - middle) / (high - low).max(f64::MIN_POSITIVE)
        };
        spread(dot.x, middle.0, xs).hypot(spread(dot.y, middle.1, ys))
    };
    let mut order: Vec<&Dot> = dots.iter().collect();
    order.sort_by(|left, right| {
        right.marked.cmp(&left.marked).then_with(|| apart(right).total_cmp(&apart(left)))
    });
    let places: Vec<(f64, f64)> = order.iter().map(|dot| (x.at(dot.x), y.at(dot.y))).collect();
    // What is marked lies on top.
    for (dot, place) in order.iter().zip(&places).rev() {
        spot(canvas, dot, *place);
    }
    names(canvas, &order, &places);
    SCATTER_HEIGHT
}

/// The value in the middle, the lower one of two.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// One dot; a marked one is larger, of another colour and ringed.
fn spot(canvas: &mut Canvas<'_>, dot: &Dot, (x, y): (f64, f64)) {
    let (radius, colour, opacity) =
        if dot.marked { ("6", "#D55E00", "1") } else { ("4", "#0072B2", "0.6") };
    let ring = if dot.marked { "currentColor" } else { colour };
    canvas.put(&format!(
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\" fill-opacity=\"{opacity}\" \
         stroke=\"{ring}\"><title>{}</title></circle>",
        escaped(&dot.label)
    ));
}

/// Names beside the first dots that have room for one: over no other dot, and over no other name.
fn names(canvas: &mut Canvas<'_>, dots: &[&Dot], places: &[(f64, f64)]) {
    // Where names stand: left edge, height, width.
    let mut named: Vec<(f64, f64, f64)> = Vec::new();
    for (at, (dot, (x, y))) in dots.iter().zip(places).enumerate().take(CANDIDATES) {
        let name = fitted(&dot.label, 180.0, LETTER);
        let wide = width(&name, LETTER);
        let right = *x > WIDTH / 2.0;
        let begin = if right { x - 8.0 - wide } else { x + 8.0 };
        let is_over = |(other_x, other_y): &(f64, f64)| {
            (begin - 4.0..begin + wide + 4.0).contains(other_x)
                && (y - 5.0 - LETTER..y - 1.0).contains(other_y)
        };
        let mut others = places.iter().enumerate().filter(|(other, _)| *other != at);
        let free = named.iter().all(|(left, height, taken)| {
            (y - height).abs() > LETTER || begin > left + taken || begin + wide < *left
        });
        let free = free && (dot.marked || !others.any(|(_, place)| is_over(place)));
        if named.len() < NAMED && free && !name.is_empty() {
            let (anchor, shift) = if right { (Anchor::End, -8.0) } else { (Anchor::Start, 8.0) };
            canvas.text((x + shift, y - 5.0), anchor, &name);
            named.push((begin, *y, wide));
        }
    }
}
