use std::fmt::Write as _;

use super::{LETTER, WIDTH};
use crate::{
    chart::{COLOURS, Chart},
    locale::{Format, Language},
};

/// Where a text is held.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What has been drawn.
pub(super) struct Canvas<'a> {
    id: &'a str,
    body: String,
    patterns: [bool; COLOURS.len()],
}

/// Text as XML has it.
pub(crate) fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            // XML 1.0 knows no control characters.
            control if control.is_control() && !matches!(control, '\n' | '\t') => {}
            '\u{fffe}' | '\u{ffff}' => {}
            other => written.push(other),
        }
    }
    written
}

/// About how wide a text is at most: of the widest letters that browsers take for sans-serif. A
/// serif is narrower.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let letter = |letter: char| match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.28,
        'f' | 't' | 'r' | ' ' | '\u{a0}' | '(' | ')' | '-' => 0.36,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.88,
        '0'..='9' => 0.56,
        upper if upper.is_uppercase() => 0.68,
        wide if wide > '\u{2e80}' => 1.0,
        _ => 0.54,
    };
    text.chars().map(letter).sum::<f64>() * size * 1.14
}

/// A text that is no wider than `most`, its end left out where it must be.
pub(super) fn fitted(text: &str, most: f64, size: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut kept: String = text.to_owned();
    while !kept.is_empty() && width(&kept, size) + size > most {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}

impl<'a> Canvas<'a> {
    pub(super) fn new(id: &'a str) -> Self {
        Self { id, body: String::new(), patterns: [false; COLOURS.len()] }
    }

    /// Anything; its texts are escaped already.
    pub(super) fn put(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    pub(super) fn text(&mut self, at: (f64, f64), anchor: Anchor, text: &str) {
        self.words(at, anchor, text, "");
    }

    /// A text with further attributes.
    pub(super) fn words(&mut self, (x, y): (f64, f64), anchor: Anchor, text: &str, more: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = escaped(text);
        self.put(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\"{anchor}{more}>{text}</text>"));
    }

    /// A line of the frame: thin and pale, or as an axis.
    pub(super) fn rule(&mut self, from: (f64, f64), to: (f64, f64), axis: bool) {
        let opacity = if axis { 0.7 } else { 0.15 };
        self.put(&format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"currentColor\" \
             stroke-opacity=\"{opacity}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// A filled bar with a title, as thin as it may be; `series` chooses colour and pattern. Nothing is no bar.
    pub(super) fn bar(
        &mut self,
        (x, y): (f64, f64),
        (w, h): (f64, f64),
        series: usize,
        title: &str,
    ) {
        if w <= 0.0 || h <= 0.0 {
            return;
        }
        let fill = self.fill(series);
        let (w, h) = (w.max(0.5), h.max(0.5));
        let colour = colour(series);
        let title = escaped(title);
        self.put(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"{fill}\" \
             stroke=\"{colour}\" stroke-width=\"0.75\"><title>{title}</title></rect>"
        ));
    }

    /// What fills the bars of a series: plain for the first, hatched for others.
    fn fill(&mut self, series: usize) -> String {
        let series = series % COLOURS.len();
        if series == 0 {
            return colour(0).to_owned();
        }
        self.patterns[series] = true;
        format!("url(#{}-p{series})", self.id)
    }

    /// Which series is which, from left to right; the height that it took.
    pub(super) fn legend(&mut self, names: &[&str], y: f64) -> f64 {
        let (mut x, mut line) = (0.0, 0.0);
        for (series, name) in names.iter().enumerate() {
            let name = fitted(name, 200.0, LETTER);
            let wide = width(&name, LETTER) + 34.0;
            if x > 0.0 && x + wide > WIDTH {
                (x, line) = (0.0, line + 20.0);
            }
            self.bar((x, y + line), (14.0, 12.0), series, &name);
            self.text((x + 20.0, y + line + 10.5), Anchor::Start, &name);
            x += wide;
        }
        line + 24.0
    }

    /// The whole document.
    pub(super) fn finish(self, chart: &Chart, height: f64) -> String {
        let id = self.id;
        let (title, summary) = (escaped(&chart.title), escaped(&chart.summary));
        let mut patterns = String::new();
        for series in (0..COLOURS.len()).filter(|series| self.patterns[*series]) {
            let colour = colour(series);
            let _ = writeln!(
                patterns,
                "<pattern id=\"{id}-p{series}\" width=\"8\" height=\"8\" \
                 patternUnits=\"userSpaceOnUse\">\
                 <rect width=\"8\" height=\"8\" fill=\"{colour}\" fill-opacity=\"0.35\"/>\
                 <path d=\"{}\" stroke=\"{colour}\" stroke-width=\"1.6\" fill=\"none\"/></pattern>",
                HATCH[series]
            );
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
             role=\"img\" aria-labelledby=\"{id}-t {id}-d\" font-size=\"{LETTER}\" \
             font-family=\"Libertinus Serif\" fill=\"currentColor\">\n\
             <title id=\"{id}-t\">{title}</title>\n<desc id=\"{id}-d\">{summary}</desc>\n\
             <defs>{patterns}</defs>\n{}</svg>\n",
            self.body
        )
    }
}

/// The lines that tell one series of bars from another without colour.
const HATCH: [&str; COLOURS.len()] = [
    "",
    "M-2 2L2 -2M0 8L8 0M6 10L10 6",
    "M0 4H8",
    "M-2 6L2 10M0 0L8 8M6 -2L10 2",
    "M4 0V8",
    "M0 4H8M4 0V8",
    "M0 0L8 8M0 8L8 0",
    "M2 2h1M6 6h1",
];

/// A series' colour. The last is ink, which turns with the page.
pub(super) fn colour(series: usize) -> &'static str {
    match COLOURS[series % COLOURS.len()] {
        "#000000" => "currentColor",
        colour => colour,
    }
}

/// Values along a direction of the picture.
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Over values, from one place to another, widened to round numbers.
    pub(super) fn round(values: (f64, f64), places: (f64, f64)) -> Self {
        let step = step(values.1 - values.0, 5.0);
        let (low, high) = ((values.0 / step).floor() * step, (values.1 / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step }, from: places.0, to: places.1 }
    }

    /// Over values exactly.
    pub(super) fn exact((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, from, to }
    }

    /// Where a value is.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The round numbers along it.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let step = step(self.high - self.low, 5.0);
        let mut ticks = Vec::new();
        let mut tick = (self.low / step).ceil() * step;
        while tick <= self.high + step / 1e6 {
            ticks.push(if tick.abs() < step / 1e6 { 0.0 } else { tick });
            tick += step;
        }
        ticks
    }
}

/// A round step that cuts a span into about so many: 1, 2 or 5 times a power of ten.
fn step(span: f64, parts: f64) -> f64 {
    let rough = span / parts;
    if !rough.is_finite() || rough <= 0.0 {
        return 1.0;
    }
    let power = 10.0_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

/// Least and greatest; nothing for none.
pub(super) fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |known, value| {
        let (low, high) = known.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// How axes' numbers are written: whole where all are.
pub(super) fn tick_text(value: f64, format: &Format, language: Language) -> String {
    language.short(value, format)
}
