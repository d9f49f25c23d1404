//! A report's findings put into words, pictures and tables of one language.

mod answers;
mod catalogue;
mod facts;
mod grids;
mod members;
mod names;
mod open_items;
mod pictures;
mod voice;

use pacioli_model::{Caveat, Finding, Kpi, Missing, Report, ReportContent, Test, Unit};

pub(crate) use catalogue::text;
pub use catalogue::{retold, say};
use voice::Voice;

use crate::{
    document::{Definition, Document, Figure, Grid, GridColumn, Query, Section, Tone},
    locale::{Format, Language},
};

/// Findings named in the first lines.
const IN_SHORT: usize = 3;

/// A report in words of `language`, every number from its tables.
pub fn write(report: &Report, language: Language) -> Document {
    let content = &names::named_in(&report.content, language);
    let writer = Writer { content, language };
    let kind = text(language, &format!("kind.{}", content.kind.as_str()));
    let days = writer.window(&content.period);
    let mut sections: Vec<Section> =
        content.findings.iter().map(|finding| writer.section(finding)).collect();
    sections.extend(content.answers.iter().map(|answer| writer.answer(answer)));
    let first = content.findings.iter().zip(&sections).take(IN_SHORT);
    // What it is about, and the figures of it.
    let in_short = |section: &Section| {
        let told = section.sentences.first().map_or("", String::as_str);
        format!("{}. {told}", section.heading).trim_end().to_owned()
    };
    let mut summary: Vec<String> = first.map(|(_, section)| in_short(section)).collect();
    if summary.is_empty() && content.answers.is_empty() {
        summary.push(text(language, "no_findings").to_owned());
    }
    Document {
        language,
        title: kind.to_owned(),
        subtitle: format!("{} · {days}", report.company_name),
        author: report.company_name.clone(),
        path: format!("/reports/{}", report.id),
        created_at: report.created_at,
        summary,
        basis: writer.basis(report),
        figures: content.headline.iter().map(|kpi| writer.figure(kpi)).collect(),
        sections,
        definitions: writer.definitions(),
        glossary: writer.glossary(),
        tables: writer.tables(),
        queries: content
            .queries
            .iter()
            .map(|query| Query { sql: query.sql.clone(), rows: query.rows })
            .collect(),
        missing: content.missing.iter().map(|missing| writer.missing(missing)).collect(),
    }
}

/// The findings of `content` alone, in words of `language`.
pub fn sections(content: &ReportContent, language: Language) -> Vec<Section> {
    let content = &names::named_in(content, language);
    let writer = Writer { content, language };
    content.findings.iter().map(|finding| writer.section(finding)).collect()
}

/// The first answer of `content`, in words of `language`.
pub(crate) fn answer_section(content: &ReportContent, language: Language) -> Section {
    let content = &names::named_in(content, language);
    let writer = Writer { content, language };
    writer.answer(&content.answers[0])
}

struct Writer<'a> {
    content: &'a ReportContent,
    language: Language,
}

impl Writer<'_> {
    fn format(&self, unit: &Unit) -> Format {
        let own = || self.content.currency.clone().map_or(Format::Number, Format::Amount);
        match unit {
            Unit::Number => Format::Number,
            Unit::Currency(code) => Format::Amount(code.clone()),
            Unit::CurrencyOf(_) | Unit::CompanyCurrency => own(),
            Unit::Percent => Format::Percent,
            Unit::Days => Format::Days,
            Unit::Named(name) => {
                let known = text(self.language, &format!("unit.{name}"));
                Format::Unit(if known.is_empty() { name.clone() } else { known.to_owned() })
            }
        }
    }

    fn window(&self, window: &pacioli_model::Window) -> String {
        let last = window.to.pred_opt().unwrap_or(window.to);
        self.language.days(window.from, last)
    }

    fn label(&self, key: &str) -> String {
        text(self.language, key).to_owned()
    }

    fn basis(&self, report: &Report) -> Vec<(String, String)> {
        let (content, language) = (self.content, self.language);
        let mut basis: Vec<(String, String)> = Vec::new();
        let mut tell = |key: &str, value: String| basis.push((self.label(key), value));
        tell("company", report.company_name.clone());
        let days = self.window(&content.period);
        let period = if content.period.complete {
            days
        } else {
            say(language, "incomplete", &[("period", &days)])
        };
        tell("period", period);
        if let Some(comparison) = &content.comparison {
            tell("comparison", self.window(comparison));
        }
        tell("currency", content.currency.clone().unwrap_or_else(|| self.label("mixed")));
        let filters = if content.filters.is_empty() {
            self.label("no_filters")
        } else {
            content.filters.join("; ")
        };
        tell("filters", filters);
        tell("as_of", language.day(content.today));
        if let Some(until) = content.data_until {
            tell("data_until", language.day(until));
        }
        tell("created", language.moment(report.created_at.utc()));
        if content.tests_made > 0 {
            tell("tests_made", content.tests_made.to_string());
        }
        tell("found_at", format!("/reports/{}", report.id));
        basis
    }

    fn figure(&self, kpi: &Kpi) -> Figure {
        let format = self.format(&kpi.metric.unit);
        let change = |key: &str, before: Option<f64>| {
            let (change, tone) = self.movement(kpi.value?, before?, &format, kpi)?;
            Some((say(self.language, key, &[("change", &change)]), tone))
        };
        let changes = [("versus_previous", kpi.previous), ("versus_year", kpi.year_before)];
        Figure {
            label: kpi.metric.label.clone(),
            value: kpi.value,
            changes: changes.into_iter().filter_map(|(key, before)| change(key, before)).collect(),
            trail: kpi
                .series
                .iter()
                .filter(|one| !one.partial)
                .filter_map(|one| one.value)
                .collect(),
            queries: kpi.queries.clone(),
            format,
        }
    }

    /// `+12.3%`, or a difference where a rate means nothing: of rates, and from nothing.
    fn movement(
        &self,
        value: f64,
        before: f64,
        format: &Format,
        kpi: &Kpi,
    ) -> Option<(String, Tone)> {
        let difference = value - before;
        let tone = voice::tone(kpi.metric.better, difference);
        let change = match format {
            Format::Percent => self.language.signed(difference, &Format::Points),
            _ if before.abs() < f64::EPSILON => return None,
            _ if (value < 0.0) != (before < 0.0) => self.language.signed(difference, format),
            _ => self.language.signed(difference / before.abs(), &Format::Percent),
        };
        Some((change, tone))
    }

    fn section(&self, finding: &Finding) -> Section {
        let voice = Voice::new(self, finding);
        let said = voice.said();
        Section {
            heading: said.heading,
            tone: said.tone,
            sentences: said.sentences,
            test: finding.test.as_ref().map(|test| self.test(test)),
            advice: said.advice,
            caveats: finding.caveats.iter().map(|caveat| self.caveat(*caveat)).collect(),
            chart: voice.picture(),
            grid: voice.grid(),
            queries: finding.evidence.queries.clone(),
        }
    }

    /// Words as careful as the test allows.
    fn test(&self, test: &Test) -> String {
        let hedge = match test.p_value {
            p if p < 0.001 => "p.very_rare",
            p if p < 0.01 => "p.rare",
            p if p < 0.05 => "p.uncommon",
            _ => "p.common",
        };
        let p = if test.p_value < 0.001 {
            format!("< {}", self.language.number(0.001, 3))
        } else {
            format!("= {}", self.language.number(test.p_value, 3))
        };
        let known = text(self.language, &format!("test.{}", test.name));
        let name = if known.is_empty() { test.name.replace('_', " ") } else { known.to_owned() };
        let values = [
            ("hedge", text(self.language, hedge)),
            ("test", &name),
            ("p", &p),
            ("n", &test.n.to_string()),
        ];
        say(self.language, "test.body", &values)
    }

    fn caveat(&self, caveat: Caveat) -> String {
        self.label(match caveat {
            Caveat::FewPoints => "caveat.few_points",
            Caveat::DataEndsEarly => "caveat.data_ends_early",
            Caveat::NaiveNotBeaten => "caveat.naive_not_beaten",
            Caveat::DoubtfulData => "caveat.doubtful_data",
            Caveat::PartOfRows => "caveat.part_of_rows",
            Caveat::OneCurrency => "caveat.one_currency",
            Caveat::MembersCut => "caveat.members_cut",
            Caveat::AsOfNow => "caveat.as_of_now",
        })
    }

    fn definitions(&self) -> Vec<Definition> {
        let definitions = self.content.definitions.iter().map(|definition| Definition {
            label: definition.metric.label.clone(),
            // Descriptions are in English alone; the formula says the same.
            description: match self.language {
                Language::English => definition.description.clone(),
                Language::German => String::new(),
            },
            formula: definition.formula.clone(),
        });
        definitions.collect()
    }

    /// The words that this report's findings use.
    fn glossary(&self) -> Vec<(String, String)> {
        let kinds = |wanted: &[&str]| {
            self.content.findings.iter().any(|finding| wanted.contains(&finding.fact.kind()))
        };
        let terms = [
            ("term.p", self.content.findings.iter().any(|finding| finding.test.is_some())),
            ("term.trend", kinds(&["trend"])),
            ("term.season", kinds(&["season", "outlier_point", "change_point"])),
            ("term.hhi", kinds(&["concentration"])),
            ("term.forecast", kinds(&["forecast"])),
            ("term.mix", kinds(&["price_volume_mix"])),
            ("term.days", kinds(&["days_outstanding"])),
            ("term.cover", kinds(&["stock_cover"])),
        ];
        let used = terms.into_iter().filter(|(_, used)| *used);
        used.map(|(key, _)| (self.label(key), self.label(&format!("{key}.text")))).collect()
    }

    fn tables(&self) -> Option<Grid> {
        use pacioli_model::Cell;
        let column = |key: &str, numeric: bool| GridColumn {
            label: self.label(key),
            format: if numeric { Format::Count } else { Format::Number },
            grain: None,
            numeric,
        };
        let rows = self.content.tables.iter().map(|used| {
            vec![
                Cell::Text(used.label.clone()),
                Cell::Integer(i64::try_from(used.rows).unwrap_or(i64::MAX)),
                Cell::Timestamp(used.loaded_at.utc()),
                Cell::Text(used.version.to_string()),
            ]
        });
        let columns = vec![
            column("column.table", false),
            column("column.rows", true),
            column("column.loaded", false),
            column("column.version", false),
        ];
        let grid = Grid { columns, rows: rows.collect(), truncated: false };
        (!grid.rows.is_empty()).then_some(grid)
    }

    fn missing(&self, missing: &Missing) -> String {
        if matches!(missing.what.as_str(), "more_questions" | "muted") {
            let (key, names) = (format!("missing.{}", missing.what), missing.names.join(", "));
            return say(self.language, &key, &[("names", &names)]);
        }
        if let Some(reason) = &missing.reason {
            // Of why a question is not understood more is told where it is asked.
            let told = catalogue::known(reason, self.language);
            let told = told.unwrap_or_else(|| self.label("missing.unanswered"));
            return format!("{}: {told}", missing.what);
        }
        let known = text(self.language, &format!("missing.{}", missing.what));
        let mut told = if known.is_empty() || matches!(missing.what.as_str(), "metric" | "names") {
            say(self.language, "missing.metric", &[("what", &missing.what)])
        } else {
            known.to_owned()
        };
        if !missing.names.is_empty() {
            let names = missing.names.join(", ");
            told.push_str(&say(self.language, "missing.names", &[("names", &names)]));
        }
        format!("{told}.")
    }
}
