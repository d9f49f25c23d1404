//! A report as a message: HTML that mail programs show (every style within, nothing fetched, nothing that
//! runs, pictures that come with the message itself), and the same as plain text.

use std::fmt::Write as _;

use crate::{
    chart::{Picture, escaped},
    document::{Document, Figure, Grid, Section, Tone},
    html::cut,
    write::{say, text},
};

/// Rows that a message shows of a finding.
const ROWS: usize = 8;
/// Columns that fit beside each other in a mail.
const COLUMNS: usize = 5;
/// How wide a mail is, in units of 1/96 inch.
pub const MAIL_WIDTH: u32 = 640;

const INK: &str = "#1b1f24";
const FAINT: &str = "#57606a";
const RULE: &str = "#d0d7de";

/// A picture that goes with a message and that its HTML shows (RFC 2392).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inline {
    /// The message part's `Content-ID`, without its brackets.
    pub id: String,
    /// The picture.
    pub picture: Picture,
}

/// What a message about a report says.
#[derive(Debug, Clone, Copy)]
pub struct ReportLetter<'a> {
    /// The report.
    pub document: &'a Document,
    /// What the subscription is called.
    pub name: &'a str,
    /// Where the server is: `https://books.example.com`.
    pub place: Option<&'a str>,
    /// Files go with it.
    pub has_files: bool,
    /// The names of files that were to go with it and are too large.
    pub left_out: &'a [String],
    /// The charts of the document's sections; a section without one shows its rows alone.
    pub pictures: &'a [Option<Inline>],
}

impl ReportLetter<'_> {
    /// As HTML.
    pub fn html(&self) -> String {
        let document = self.document;
        let mut out = String::new();
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\
             <body style=\"margin:0;padding:16px;font-family:sans-serif;font-size:15px;line-height:1.45;color:{INK}\">\
             <div style=\"max-width:{MAIL_WIDTH}px;margin:0 auto\">\
             <h1 style=\"font-size:22px;margin:0\">{}</h1><p style=\"margin:2px 0 16px;color:{FAINT}\">{}</p>",
            document.language.code(),
            escaped(self.name),
            escaped(&document.title),
            escaped(&document.subtitle),
        );
        self.summary(&mut out);
        self.figures(&mut out);
        for (place, section) in document.sections.iter().enumerate() {
            let picture = self.pictures.get(place).and_then(Option::as_ref);
            self.section(&mut out, section, place + 1, picture);
        }
        if !document.missing.is_empty() {
            self.heading(&mut out, "missing");
            list(&mut out, &document.missing);
        }
        let _ =
            write!(out, "<hr style=\"border:0;border-top:1px solid {RULE};margin:24px 0 8px\">");
        for (name, value) in &document.basis {
            let _ = write!(
                out,
                "<p style=\"margin:0;font-size:13px;color:{FAINT}\">{}: {}</p>",
                escaped(name),
                escaped(value)
            );
        }
        for line in self.closing() {
            let _ = write!(
                out,
                "<p style=\"margin:10px 0 0;font-size:13px;color:{FAINT}\">{}</p>",
                escaped(&line)
            );
        }
        let _ = write!(out, "</div></body></html>");
        out
    }

    /// As plain text.
    pub fn text(&self) -> String {
        let document = self.document;
        let mut lines = vec![document.title.clone(), document.subtitle.clone(), String::new()];
        lines.extend(document.summary.iter().map(|line| format!("- {line}")));
        if !document.figures.is_empty() {
            lines.extend([String::new(), self.word("figures").to_owned()]);
        }
        for figure in &document.figures {
            let changes = figure.changes.iter().map(|(change, _)| change.as_str());
            let told: Vec<&str> = changes.collect();
            let told =
                if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) };
            lines.push(format!("{}: {}{told}", figure.label, self.value(figure)));
        }
        for (place, section) in document.sections.iter().enumerate() {
            lines.extend([String::new(), format!("{}. {}", place + 1, section.heading)]);
            lines.extend(section.sentences.iter().cloned());
            lines.extend(section.advice.iter().map(|it| format!("{}: {it}", self.word("advice"))));
            lines.extend(section.test.iter().map(|it| format!("{}: {it}", self.word("test"))));
            let caveats = section.caveats.iter();
            lines.extend(caveats.map(|it| format!("{}: {it}", self.word("caveats"))));
        }
        if !document.missing.is_empty() {
            lines.extend([String::new(), self.word("missing").to_owned()]);
            lines.extend(document.missing.iter().map(|line| format!("- {line}")));
        }
        lines.push(String::new());
        lines.extend(document.basis.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.push(String::new());
        lines.extend(self.closing());
        lines.join("\n")
    }

    fn word(&self, key: &str) -> &'static str {
        text(self.document.language, key)
    }

    fn value(&self, figure: &Figure) -> String {
        let language = self.document.language;
        let value = figure.value.map(|value| language.value(value, &figure.format));
        value.unwrap_or_else(|| self.word("no_value").to_owned())
    }

    fn heading(&self, out: &mut String, key: &str) {
        let _ = write!(
            out,
            "<h2 style=\"font-size:17px;margin:24px 0 6px\">{}</h2>",
            escaped(self.word(key))
        );
    }

    fn summary(&self, out: &mut String) {
        if !self.document.summary.is_empty() {
            self.heading(out, "summary");
            list(out, &self.document.summary);
        }
    }

    fn figures(&self, out: &mut String) {
        if self.document.figures.is_empty() {
            return;
        }
        self.heading(out, "figures");
        let _ = write!(
            out,
            "<table role=\"presentation\" style=\"border-collapse:collapse;width:100%\">"
        );
        for figure in &self.document.figures {
            let changes: Vec<String> = figure
                .changes
                .iter()
                .map(|(change, tone)| format!("{}{}", self.tone(*tone), escaped(change)))
                .collect();
            let cell =
                format!("padding:6px 8px 6px 0;border-bottom:1px solid {RULE};vertical-align:top");
            let _ = write!(
                out,
                "<tr><td style=\"{cell}\">{}</td><td style=\"{cell};text-align:right;white-space:nowrap\">\
                 <strong>{}</strong></td><td style=\"{cell};font-size:13px;color:{FAINT}\">{}</td></tr>",
                escaped(&figure.label),
                escaped(&self.value(figure)),
                changes.join("<br>")
            );
        }
        let _ = write!(out, "</table>");
    }

    fn section(
        &self,
        out: &mut String,
        section: &Section,
        number: usize,
        picture: Option<&Inline>,
    ) {
        let _ = write!(
            out,
            "<h2 style=\"font-size:17px;margin:24px 0 6px\">{number}. {}{}</h2>",
            self.tone(section.tone),
            escaped(&section.heading)
        );
        for sentence in &section.sentences {
            let _ = write!(out, "<p style=\"margin:0 0 8px\">{}</p>", escaped(sentence));
        }
        if let (Some(inline), Some(chart)) = (picture, &section.chart) {
            out.push_str(&image(inline, &chart.title, &chart.summary));
        }
        if let Some(advice) = &section.advice {
            let _ = write!(
                out,
                "<p style=\"margin:0 0 8px\"><strong>{}:</strong> {}</p>",
                escaped(self.word("advice")),
                escaped(advice)
            );
        }
        let sure = section.test.iter().map(|test| ("test", test));
        for (key, told) in sure.chain(section.caveats.iter().map(|it| ("caveats", it))) {
            let _ = write!(
                out,
                "<p style=\"margin:0 0 4px;font-size:13px;color:{FAINT}\">{}: {}</p>",
                escaped(self.word(key)),
                escaped(told)
            );
        }
        self.grid(out, &section.grid);
    }

    /// The first rows, where the columns fit; the last ones of a run of periods.
    fn grid(&self, out: &mut String, grid: &Grid) {
        if grid.rows.is_empty() || grid.columns.len() > COLUMNS {
            return;
        }
        let shown = grid.shown(ROWS);
        let _ = write!(
            out,
            "<table style=\"border-collapse:collapse;font-size:13px;margin:6px 0\"><thead><tr>"
        );
        let style = |numeric: bool| {
            let side = if numeric { "right" } else { "left" };
            format!("text-align:{side};padding:3px 12px 3px 0;border-bottom:1px solid {RULE}")
        };
        for column in &grid.columns {
            let style = style(column.numeric);
            let _ = write!(out, "<th style=\"{style}\">{}</th>", escaped(&column.label));
        }
        let _ = write!(out, "</tr></thead><tbody>");
        for row in shown {
            let _ = write!(out, "<tr>");
            for (place, cell) in row.iter().enumerate() {
                let numeric = grid.columns.get(place).is_some_and(|column| column.numeric);
                let told = grid.text(place, cell, self.document.language);
                let _ = write!(out, "<td style=\"{}\">{}</td>", style(numeric), escaped(&told));
            }
            let _ = write!(out, "</tr>");
        }
        let _ = write!(out, "</tbody></table>");
        if let Some(told) = cut(self.document, grid, shown.len()) {
            let _ = write!(
                out,
                "<p style=\"margin:0;font-size:13px;color:{FAINT}\">{}</p>",
                escaped(&told)
            );
        }
    }

    /// Told by a word, for who cannot see colours.
    fn tone(&self, tone: Tone) -> String {
        let (key, colour) = match tone {
            Tone::Good => ("good", "#00674a"),
            Tone::Bad => ("bad", "#a33a00"),
            Tone::Neutral => return String::new(),
        };
        let word = escaped(self.word(key));
        format!("<span style=\"color:{colour};font-size:12px\">[{word}]</span> ")
    }

    /// Where the rest is, and why it is sent.
    fn closing(&self) -> Vec<String> {
        let language = self.document.language;
        let mut lines = Vec::new();
        if self.has_files {
            lines.push(self.word("mail.files").to_owned());
        }
        if !self.left_out.is_empty() {
            lines.push(say(language, "mail.left_out", &[("files", &self.left_out.join(", "))]));
        }
        match self.place {
            Some(place) => {
                let link = format!("{place}{}.html", self.document.path);
                lines.push(say(language, "mail.link", &[("link", &link)]));
                lines.push(say(language, "mail.sent_at", &[("name", self.name), ("place", place)]));
            }
            None => lines.push(say(language, "mail.sent", &[("name", self.name)])),
        }
        lines
    }
}

/// A picture under its title, and what it says to who cannot see it.
pub(crate) fn image(inline: &Inline, title: &str, told: &str) -> String {
    let Picture { width, height, .. } = inline.picture;
    format!(
        "<p style=\"margin:12px 0 2px;font-size:13px\"><strong>{}</strong></p>\
         <img src=\"cid:{}\" width=\"{width}\" height=\"{height}\" alt=\"{}\" \
         style=\"display:block;border:0;width:100%;max-width:{width}px;height:auto\">",
        escaped(title),
        escaped(&inline.id),
        escaped(told)
    )
}

fn list(out: &mut String, lines: &[String]) {
    let _ = write!(out, "<ul style=\"margin:0 0 8px;padding-left:20px\">");
    for line in lines {
        let _ = write!(out, "<li>{}</li>", escaped(line));
    }
    let _ = write!(out, "</ul>");
}
