use chrono::NaiveDate;
use pacioli_model::{Better, Finding, TimeGrain};

use super::{Writer, say, text};
use crate::{
    document::Tone,
    locale::{Format, Language},
    words::{sentence, spaced},
};

/// What is said of one finding.
pub(super) struct Said {
    pub(super) heading: String,
    pub(super) tone: Tone,
    pub(super) sentences: Vec<String>,
    pub(super) advice: Option<String>,
}

/// One finding in one language.
pub(super) struct Voice<'a> {
    pub(super) finding: &'a Finding,
    pub(super) language: Language,
    /// How the metric's values are written.
    pub(super) format: Format,
    /// The metric, and the member of it that the finding is about.
    pub(super) subject: String,
    dimension: String,
    writer: &'a Writer<'a>,
}

/// Whether a difference is good.
pub(super) fn tone(better: Better, difference: f64) -> Tone {
    match better {
        Better::Higher if difference > 0.0 => Tone::Good,
        Better::Higher if difference < 0.0 => Tone::Bad,
        Better::Lower if difference < 0.0 => Tone::Good,
        Better::Lower if difference > 0.0 => Tone::Bad,
        _ => Tone::Neutral,
    }
}

impl<'a> Voice<'a> {
    pub(super) fn new(writer: &'a Writer<'a>, finding: &'a Finding) -> Self {
        let (about, language) = (&finding.subject, writer.language);
        let metric = about.metric.label.as_str();
        let subject = about.member.as_ref().map_or(metric.to_owned(), |member| {
            say(language, "of_member", &[("metric", metric), ("member", member)])
        });
        // Columns without a name of their own are called as in their table.
        let dimension =
            about.dimension.as_ref().map_or(String::new(), |it| sentence(&spaced(&it.label)));
        let format = writer.format(&about.metric.unit);
        Self { finding, language, format, subject, dimension, writer }
    }

    pub(super) fn writer(&self) -> &Writer<'a> {
        self.writer
    }

    pub(super) fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        let about = &self.finding.subject;
        let known = [
            ("subject", self.subject.as_str()),
            ("metric", &about.metric.label),
            ("member", about.member.as_deref().unwrap_or_default()),
            ("dimension", self.dimension()),
        ];
        let given: Vec<(&str, &str)> = values.iter().copied().chain(known).collect();
        say(self.language, key, &given)
    }

    pub(super) fn dimension(&self) -> &str {
        &self.dimension
    }

    pub(super) fn member(&self) -> &str {
        self.finding.subject.member.as_deref().unwrap_or_default()
    }

    pub(super) fn grain(&self) -> TimeGrain {
        self.finding.subject.window.grain
    }

    /// A value as prose has it: large ones without their last digits.
    pub(super) fn told(&self, value: f64) -> String {
        match &self.format {
            Format::Amount(_) if value.abs() >= 10_000.0 => {
                self.language.whole(value, &self.format)
            }
            Format::Number | Format::Unit(_) if value.abs() >= 100.0 => {
                self.language.whole(value, &self.format)
            }
            format => self.language.value(value, format),
        }
    }

    /// A difference with its sign; of rates in percentage points.
    pub(super) fn difference(&self, value: f64) -> String {
        let sign = if value > 0.0 { "+" } else { "" };
        match &self.format {
            Format::Percent => self.language.signed(value, &Format::Points),
            _ => format!("{sign}{}", self.told(value)),
        }
    }

    pub(super) fn rate(&self, rate: f64) -> String {
        self.language.signed(rate, &Format::Percent)
    }

    pub(super) fn percent(&self, share: f64) -> String {
        self.language.value(share, &Format::Percent)
    }

    pub(super) fn period(&self, first: NaiveDate) -> String {
        self.language.period(first, self.grain())
    }

    pub(super) fn days(&self) -> String {
        self.writer.window(&self.finding.subject.window)
    }

    pub(super) fn grain_name(&self, several: bool) -> &'static str {
        let grain = match self.grain() {
            TimeGrain::Day => "day",
            TimeGrain::Week => "week",
            TimeGrain::Month => "month",
            TimeGrain::Quarter => "quarter",
            TimeGrain::Year => "year",
        };
        text(self.language, &format!("{}.{grain}", if several { "periods" } else { "period" }))
    }

    pub(super) fn tone(&self, difference: f64) -> Tone {
        tone(self.finding.subject.metric.better, difference)
    }
}
