//! What was found out, in words.

use pacioli_insights::{step_back, study::table};
use pacioli_model::{
    Cell, Direction, Finding, MetricUsed, QueryUsed, ReportContent, ReportKind, Table, Window,
};
use pacioli_report::{Language, chart::vega_lite, document::Section, say, sections};

use super::{super::Analyst, Subjected};

/// What is said before the findings: the key of its text, and the days that it is about.
pub(super) type Lead = (&'static str, Window);
/// What was found out.
pub struct Found {
    /// In words of each language.
    pub sentences: [(Language, String); 2],
    /// The rows that say it.
    pub table: Table,
    /// The query whose rows all of it was computed from.
    pub query: QueryUsed,
    /// What the rows and the picture show, where something was found.
    pub finding: Option<Finding>,
    /// What else is to be known of it.
    pub notes: Vec<String>,
    content: ReportContent,
}

impl Found {
    /// A Vega-Lite specification of what was found, in words of a language.
    pub fn chart(&self, language: Language) -> Option<serde_json::Value> {
        let sections = sections(&self.content, language);
        let chart = sections.first().and_then(|section| section.chart.as_ref());
        chart.map(|chart| vega_lite(chart, language))
    }
}

impl Subjected<'_> {
    /// What is said before the findings, in a language.
    fn led(&self, (key, window): Lead, language: Language) -> String {
        let MetricUsed { label, labels, .. } = &self.figure.metric;
        let metric = labels.get(language.code()).unwrap_or(label);
        let days = language.days(window.from, window.to.pred_opt().unwrap_or(window.to));
        say(language, key, &[("metric", metric), ("days", &days)])
    }

    /// The findings in words, with the rows and the picture of the first.
    pub(super) fn told(
        &self,
        analyst: &mut Analyst<'_>,
        findings: Vec<Finding>,
        lead: Option<Lead>,
    ) -> Found {
        let end = self.series().to();
        let period = self.window(step_back(self.grain, end, 1), end);
        let content = ReportContent {
            currency: self.currency.clone(),
            findings,
            ..ReportContent::about(ReportKind::Custom, period, self.today)
        };
        let words = |section: Section| {
            let Section { heading, sentences, test, caveats, .. } = section;
            // Of several that were tested each says what it is about.
            let about = test.is_some().then(|| format!("{heading}."));
            about.into_iter().chain(sentences).chain(test).chain(caveats).collect::<Vec<_>>()
        };
        let sentences = [Language::English, Language::German].map(|language| {
            let lead = lead.map(|lead| self.led(lead, language));
            let told = sections(&content, language).into_iter().flat_map(words);
            (language, lead.into_iter().chain(told).collect::<Vec<_>>().join(" "))
        });
        let finding = content.findings.first().cloned();
        let evidence = finding.as_ref().map(|it| &it.evidence);
        let place = evidence.and_then(|it| it.queries.first().copied());
        let query = analyst.queries.swap_remove(place.unwrap_or(self.figure.query));
        let own = || {
            let days = (0..self.series().values.len()).map(|place| self.series().at(place));
            let values = self.series().values.iter().map(|value| Cell::Float(*value));
            table(vec![
                ("period", pacioli_model::ColumnType::Date, days.map(Cell::Date).collect()),
                ("value", pacioli_model::ColumnType::Float, values.collect()),
            ])
        };
        let notes = analyst.take_unbroken().filter_map(|it| it.reason).collect();
        Found {
            sentences,
            notes,
            table: evidence.map_or_else(own, |it| it.table.clone()),
            query,
            finding,
            content,
        }
    }
}

/// What to say of a premise that does not hold.
pub(super) fn corrected(
    direction: Option<Direction>,
    value: f64,
    before: f64,
    window: Window,
) -> Option<Lead> {
    match direction {
        Some(Direction::Descending) if value > before => Some(("why.not_fallen", window)),
        Some(Direction::Ascending) if value < before => Some(("why.not_risen", window)),
        _ => None,
    }
}
