use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate};
use pacioli_model::TimeGrain;

use super::{
    EDGE, LETTER, WIDTH,
    canvas::{Anchor, Canvas, Scale, bounds, colour, fitted, tick_text, width},
};
use crate::{
    chart::{Band, Chart, Line, Lines},
    locale::Language,
};

const HEIGHT: f64 = 290.0;
/// More points than this are a line without markers.
const MOST_MARKERS: usize = 48;
/// Tell lines apart without colour.
const DASHES: [&str; 8] = ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 2", "6 2 1 2 1 2"];

struct Frame<'a> {
    chart: &'a Chart,
    lines: &'a Lines,
    language: Language,
    x: Scale,
    y: Scale,
    /// Left, right, top and bottom of the plot.
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    chart: &Chart,
    lines: &Lines,
    language: Language,
) -> f64 {
    let points = lines.series.iter().flat_map(|line| &line.points);
    let values = points.clone().map(|(_, value)| *value);
    let edges = lines.band.iter().flat_map(|band| [band.low, band.high]);
    let Some((mut low, mut high)) = bounds(values.chain(edges)) else { return 0.0 };
    // A line need not begin at zero, but one that nearly does should.
    if low > 0.0 && high - low > 0.4 * high {
        low = 0.0;
    } else if high < 0.0 && high - low > -0.4 * low {
        high = 0.0;
    }
    let days = lines.band.iter().map(|band| band.day).chain(points.map(|(day, _)| *day));
    let Some((first, last)) = bounds(days.map(days_of)) else { return 0.0 };
    let (top, bottom) = (26.0, HEIGHT - 26.0);
    let y = Scale::round((low, high), (bottom, top));
    let ticks = y.ticks();
    let text = |tick: &f64| width(&tick_text(*tick, &chart.format, language), LETTER);
    let left = ticks.iter().map(text).fold(0.0, f64::max) + EDGE;
    let named = lines.series.len() > 1;
    let widths = lines.series.iter().map(|line| width(&line.name, LETTER).min(150.0));
    let right = if named { WIDTH - widths.fold(0.0, f64::max) - 18.0 } else { WIDTH - 2.0 * EDGE };
    let x = Scale::exact((first, last), (left + EDGE, right));
    let frame = Frame { chart, lines, language, x, y, left, right, top, bottom };
    frame.axes(canvas, &ticks);
    frame.band(canvas);
    frame.marks(canvas);
    for (index, line) in lines.series.iter().enumerate() {
        frame.line(canvas, line, index);
    }
    if named {
        frame.names(canvas);
    }
    HEIGHT
}

/// A day as a number of days.
fn days_of(day: NaiveDate) -> f64 {
    f64::from(day.num_days_from_ce())
}

impl Frame<'_> {
    fn axes(&self, canvas: &mut Canvas<'_>, ticks: &[f64]) {
        canvas.words(
            (0.0, 11.0),
            Anchor::Start,
            &fitted(&self.chart.value.title, WIDTH, LETTER),
            " fill-opacity=\"0.75\"",
        );
        for tick in ticks {
            let y = self.y.at(*tick);
            canvas.rule((self.left, y), (self.right, y), *tick == 0.0);
            let text = tick_text(*tick, &self.chart.format, self.language);
            canvas.text((self.left - 5.0, y + 4.0), Anchor::End, &text);
        }
        let mut days: Vec<NaiveDate> =
            self.lines.series.iter().flat_map(|line| &line.points).map(|(day, _)| *day).collect();
        days.extend(self.lines.band.iter().map(|band| band.day));
        days.sort_unstable();
        days.dedup();
        let grain = self.lines.grain;
        let widest = days.iter().map(|day| width(&self.language.tick(*day, grain), LETTER));
        let room = widest.fold(1.0, f64::max) + 16.0;
        let mut free_from = f64::MIN;
        for day in days.iter().filter(|day| aligned(**day, grain, days.len())) {
            let x = self.x.at(days_of(*day));
            if x < free_from {
                continue;
            }
            canvas.rule((x, self.bottom), (x, self.bottom + 4.0), true);
            let text = self.language.tick(*day, grain);
            let half = width(&text, LETTER) / 2.0;
            let middle = x.clamp(half, WIDTH - half);
            canvas.text((middle, self.bottom + 18.0), Anchor::Middle, &text);
            free_from = x + room;
        }
        canvas.rule((self.left, self.bottom), (self.right, self.bottom), true);
    }

    /// Where values are expected, its edges drawn so that it is seen without colour.
    fn band(&self, canvas: &mut Canvas<'_>) {
        if self.lines.band.is_empty() {
            return;
        }
        let edge = |value: fn(&Band) -> f64| {
            let place = move |band: &Band| {
                format!("{:.1} {:.1}", self.x.at(days_of(band.day)), self.y.at(value(band)))
            };
            self.lines.band.iter().map(place).collect::<Vec<_>>()
        };
        let (lows, highs) = (edge(|band| band.low), edge(|band| band.high));
        let back: Vec<&str> = lows.iter().rev().map(String::as_str).collect();
        let colour = colour(0);
        canvas.put(&format!(
            "<path d=\"M{} L{} Z\" fill=\"{colour}\" fill-opacity=\"0.15\" stroke=\"{colour}\" \
             stroke-opacity=\"0.5\" stroke-width=\"0.75\"/>",
            highs.join(" L"),
            back.join(" L")
        ));
    }

    fn marks(&self, canvas: &mut Canvas<'_>) {
        for (day, word) in &self.lines.marks {
            let x = self.x.at(days_of(*day));
            canvas.put(&format!(
                "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" \
                 stroke=\"currentColor\" stroke-dasharray=\"3 3\" stroke-opacity=\"0.7\"/>",
                self.top - 4.0,
                self.bottom
            ));
            let right_half = x > f64::midpoint(self.left, self.right);
            let (anchor, at) =
                if right_half { (Anchor::End, x - 5.0) } else { (Anchor::Start, x + 5.0) };
            canvas.words((at, self.top + 4.0), anchor, word, " font-style=\"italic\"");
        }
    }

    /// The line as far as it is sure, and dashed from there; incomplete points are hollow.
    fn line(&self, canvas: &mut Canvas<'_>, line: &Line, index: usize) {
        let unsure =
            [self.lines.partial_from, self.lines.forecast_from].into_iter().flatten().min();
        let sure = line.points.iter().filter(|(day, _)| unsure.is_none_or(|from| *day < from));
        let sure = sure.count();
        self.path(canvas, &line.points[..sure], index, DASHES[index % DASHES.len()]);
        if sure < line.points.len() {
            self.path(canvas, &line.points[sure.saturating_sub(1)..], index, "4 4");
        }
        if line.points.len() * self.lines.series.len().min(2) > MOST_MARKERS {
            return;
        }
        for (place, (day, value)) in line.points.iter().enumerate() {
            let at = (self.x.at(days_of(*day)), self.y.at(*value));
            let told = format!(
                "{}{}: {}",
                if line.name.is_empty() { String::new() } else { format!("{}, ", line.name) },
                self.language.period(*day, self.lines.grain),
                self.language.value(*value, &self.chart.format)
            );
            canvas.put(&marker(at, index, place >= sure, &told));
        }
        if let Some((day, value)) = line.points.last()
            && self.lines.partial_from.is_some_and(|from| *day >= from)
            && self.lines.series.len() == 1
        {
            let at = (self.x.at(days_of(*day)) - 8.0, self.y.at(*value) - 8.0);
            let word = self.language.either("so far", "bisher");
            canvas.words(at, Anchor::End, word, " font-style=\"italic\"");
        }
    }

    fn path(&self, canvas: &mut Canvas<'_>, points: &[(NaiveDate, f64)], index: usize, dash: &str) {
        let mut path = String::new();
        for (place, (day, value)) in points.iter().enumerate() {
            let letter = if place == 0 { 'M' } else { 'L' };
            let _ =
                write!(path, "{letter}{:.1} {:.1}", self.x.at(days_of(*day)), self.y.at(*value));
        }
        let dash =
            if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        canvas.put(&format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" \
             stroke-linejoin=\"round\"{dash}/>",
            colour(index)
        ));
    }

    /// Each line's name beside its end, none over another.
    fn names(&self, canvas: &mut Canvas<'_>) {
        let mut ends: Vec<(f64, usize)> = self
            .lines
            .series
            .iter()
            .enumerate()
            .filter_map(|(index, line)| Some((self.y.at(line.points.last()?.1), index)))
            .collect();
        ends.sort_by(|left, right| left.0.total_cmp(&right.0));
        let gap = LETTER + 2.0;
        let mut free = self.top;
        for (y, _) in &mut ends {
            *y = y.max(free);
            free = *y + gap;
        }
        // What was pushed past the end moves back up.
        let mut most = self.bottom;
        for (y, _) in ends.iter_mut().rev() {
            *y = y.min(most);
            most = *y - gap;
        }
        for (y, index) in ends {
            let name = fitted(&self.lines.series[index].name, 150.0, LETTER);
            canvas.put(&marker((self.right + 8.0, y), index, false, &name));
            canvas.text((self.right + 16.0, y + 4.0), Anchor::Start, &name);
        }
    }
}

/// Whether a period's first day is one that an axis of so many periods names.
fn aligned(day: NaiveDate, grain: TimeGrain, count: usize) -> bool {
    match grain {
        TimeGrain::Month if count > 30 => day.month0().is_multiple_of(6),
        TimeGrain::Month if count > 9 => day.month0().is_multiple_of(3),
        TimeGrain::Quarter if count > 8 => day.month() == 1,
        _ => true,
    }
}

/// A small form: circle, square, triangle, diamond and so on.
fn marker((x, y): (f64, f64), series: usize, hollow: bool, title: &str) -> String {
    let colour = colour(series);
    let path = match series % 8 {
        0 => format!("M{:.1} {y:.1}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0", x - 3.5),
        1 => format!("M{:.1} {:.1}h6.4v6.4h-6.4z", x - 3.2, y - 3.2),
        2 => format!("M{x:.1} {:.1}l4 7h-8z", y - 4.5),
        3 => format!("M{x:.1} {:.1}l4.5 4.5l-4.5 4.5l-4.5 -4.5z", y - 4.5),
        4 => format!("M{x:.1} {:.1}l4 -7h-8z", y + 4.5),
        5 => format!("M{:.1} {:.1}l7 7m0 -7l-7 7", x - 3.5, y - 3.5),
        6 => format!("M{:.1} {y:.1}h8m-4 -4v8", x - 4.0),
        _ => format!("M{:.1} {:.1}h7v3h-7z", x - 3.5, y - 1.5),
    };
    // A hollow form hides the line behind it; a dark page says in its style which colour that takes.
    let fill = if hollow { "#ffffff\" class=\"paper" } else { colour };
    let title = super::canvas::escaped(title);
    format!(
        "<path d=\"{path}\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.5\"><title>{title}</title></path>"
    )
}
