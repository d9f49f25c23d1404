//! A document as one HTML file: nothing is fetched, nothing runs, every text is escaped.

use std::fmt::Write as _;

use crate::{
    chart::{self, escaped},
    document::{Document, Figure, Grid, Section, Tone},
    write::{say, text},
};

const STYLE: &str = include_str!("report.css");
/// More rows than this are for the files that are made for rows.
const MOST_ROWS: usize = 50;
/// More rows than this are folded away on screens; print unfolds them.
const OPEN_ROWS: usize = 10;
/// Nothing may be fetched or run, should a text ever escape.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A document as a self-contained HTML page, readable on paper, on light and on dark screens.
pub fn html(document: &Document) -> String {
    let page = Page { document };
    let mut out = String::new();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"generator\" content=\"Pacioli\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{} – {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        document.language.code(),
        escaped(&document.title),
        escaped(&document.subtitle),
    );
    page.header(&mut out);
    let _ = writeln!(out, "<main>");
    page.summary(&mut out);
    page.figures(&mut out);
    page.sections(&mut out);
    page.missing(&mut out);
    page.basis(&mut out);
    page.queries(&mut out);
    let _ = writeln!(
        out,
        "</main>\n<footer><p>{} · {}</p></footer>\n</body>\n</html>",
        escaped(&document.author),
        escaped(&document.language.moment(document.created_at.utc()))
    );
    out
}

struct Page<'a> {
    document: &'a Document,
}

impl Page<'_> {
    fn word(&self, key: &str) -> &'static str {
        text(self.document.language, key)
    }

    fn header(&self, out: &mut String) {
        let document = self.document;
        let _ = writeln!(
            out,
            "<header>\n<h1>{}</h1>\n<p class=\"subtitle\">{}</p>\n</header>",
            escaped(&document.title),
            escaped(&document.subtitle)
        );
        if document.sections.len() < 2 {
            return;
        }
        let _ = writeln!(
            out,
            "<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">{}</h2>\n<ol>",
            self.word("contents")
        );
        for (place, section) in document.sections.iter().enumerate() {
            let heading = escaped(&section.heading);
            let _ = writeln!(out, "<li><a href=\"#f{}\">{heading}</a></li>", place + 1);
        }
        let _ = writeln!(out, "</ol>\n</nav>");
    }

    fn summary(&self, out: &mut String) {
        if self.document.summary.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">{}</h2>\n<ul class=\"summary\">",
            self.word("summary")
        );
        for line in &self.document.summary {
            let _ = writeln!(out, "<li>{}</li>", escaped(line));
        }
        let _ = writeln!(out, "</ul>\n</section>");
    }

    fn figures(&self, out: &mut String) {
        if self.document.figures.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">{}</h2>\n<dl class=\"figures\">",
            self.word("figures")
        );
        for figure in &self.document.figures {
            self.figure(out, figure);
        }
        let _ = writeln!(out, "</dl>\n</section>");
    }

    fn figure(&self, out: &mut String, figure: &Figure) {
        let language = self.document.language;
        let value = figure.value.map_or(self.word("no_value").to_owned(), |value| {
            language.value(value, &figure.format)
        });
        let _ = writeln!(
            out,
            "<div>\n<dt>{}</dt>\n<dd class=\"value\">{}</dd>",
            escaped(&figure.label),
            escaped(&value)
        );
        for (change, tone) in &figure.changes {
            let _ = writeln!(out, "<dd>{}{}</dd>", self.tone(*tone), escaped(change));
        }
        let trail = chart::sparkline(&figure.trail);
        if !trail.is_empty() {
            let _ = writeln!(out, "<dd class=\"trail\" aria-hidden=\"true\">{trail}</dd>");
        }
        if !figure.queries.is_empty() {
            let _ = writeln!(out, "<dd class=\"source\">{}</dd>", self.links(&figure.queries));
        }
        let _ = writeln!(out, "</div>");
    }

    /// A sign for who cannot see colours, and a word for who cannot see.
    fn tone(&self, tone: Tone) -> String {
        match tone {
            Tone::Good => {
                format!(
                    "<span class=\"good\"><span aria-hidden=\"true\">●</span><span class=\"unseen\">{}: </span></span> ",
                    self.word("good")
                )
            }
            Tone::Bad => {
                format!(
                    "<span class=\"bad\"><span aria-hidden=\"true\">▲</span><span class=\"unseen\">{}: </span></span> ",
                    self.word("bad")
                )
            }
            Tone::Neutral => String::new(),
        }
    }

    fn sections(&self, out: &mut String) {
        for (place, section) in self.document.sections.iter().enumerate() {
            self.section(out, section, place + 1);
        }
    }

    fn section(&self, out: &mut String, section: &Section, number: usize) {
        let _ = writeln!(
            out,
            "<article aria-labelledby=\"f{number}\">\n<h2 id=\"f{number}\">{}{number}. {}</h2>",
            self.tone(section.tone),
            escaped(&section.heading)
        );
        for sentence in &section.sentences {
            let _ = writeln!(out, "<p>{}</p>", escaped(sentence));
        }
        if let Some(advice) = &section.advice {
            let _ = writeln!(
                out,
                "<p class=\"advice\"><strong>{}:</strong> {}</p>",
                self.word("advice"),
                escaped(advice)
            );
        }
        if let Some(chart) = &section.chart {
            let picture = chart::svg(chart, &format!("c{number}"), self.document.language);
            let note = chart
                .note
                .as_ref()
                .map_or_else(String::new, |note| format!(" <small>{}</small>", escaped(note)));
            let _ = writeln!(
                out,
                "<figure>\n<figcaption>{}{note}</figcaption>\n{picture}</figure>",
                escaped(&chart.title)
            );
        }
        let sure = section.test.iter().map(|test| (self.word("test"), test));
        let caveats = section.caveats.iter().map(|caveat| (self.word("caveats"), caveat));
        for (name, told) in sure.chain(caveats) {
            let _ = writeln!(out, "<p class=\"note\"><em>{name}:</em> {}</p>", escaped(told));
        }
        if !section.grid.rows.is_empty() {
            let summary = say(
                self.document.language,
                "rows_given",
                &[("rows", &section.grid.rows.len().to_string())],
            );
            let open = if section.grid.rows.len() > OPEN_ROWS { "" } else { " open" };
            let _ = writeln!(out, "<details{open}>\n<summary>{summary}</summary>");
            self.grid(out, &section.grid, &section.heading);
            let _ = writeln!(out, "</details>");
        }
        if !section.queries.is_empty() {
            let _ = writeln!(out, "<p class=\"source\">{}</p>", self.links(&section.queries));
        }
        let _ = writeln!(out, "</article>");
    }

    fn links(&self, queries: &[usize]) -> String {
        let link = |query: &usize| {
            let number = (query + 1).to_string();
            let name = say(self.document.language, "query", &[("number", &number)]);
            format!("<a href=\"#q{number}\">{name}</a>")
        };
        queries.iter().map(link).collect::<Vec<_>>().join(", ")
    }

    fn grid(&self, out: &mut String, grid: &Grid, caption: &str) {
        let _ = write!(
            out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n<table>\n\
             <caption class=\"unseen\">{}</caption>\n<thead><tr>",
            escaped(caption),
            escaped(caption)
        );
        for column in &grid.columns {
            let class = if column.numeric { " class=\"number\"" } else { "" };
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(&column.label));
        }
        let _ = writeln!(out, "</tr></thead>\n<tbody>");
        let rows = grid.shown(MOST_ROWS);
        for row in rows {
            let _ = write!(out, "<tr>");
            for (place, cell) in row.iter().enumerate() {
                let text = escaped(&grid.text(place, cell, self.document.language));
                let numeric = grid.columns.get(place).is_some_and(|column| column.numeric);
                let _ = match (place, numeric) {
                    (0, false) => write!(out, "<th scope=\"row\">{text}</th>"),
                    (_, true) => write!(out, "<td class=\"number\">{text}</td>"),
                    (_, false) => write!(out, "<td>{text}</td>"),
                };
            }
            let _ = writeln!(out, "</tr>");
        }
        let _ = writeln!(out, "</tbody>\n</table>\n</div>");
        if let Some(told) = cut(self.document, grid, rows.len()) {
            let _ = writeln!(out, "<p class=\"note\">{told}</p>");
        }
    }

    fn missing(&self, out: &mut String) {
        if self.document.missing.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "<section aria-labelledby=\"missing\">\n<h2 id=\"missing\">{}</h2>\n<ul>",
            self.word("missing")
        );
        for line in &self.document.missing {
            let _ = writeln!(out, "<li>{}</li>", escaped(line));
        }
        let _ = writeln!(out, "</ul>\n</section>");
    }

    fn basis(&self, out: &mut String) {
        let document = self.document;
        let _ = writeln!(
            out,
            "<section aria-labelledby=\"basis\">\n<h2 id=\"basis\">{}</h2>\n<dl class=\"basis\">",
            self.word("basis")
        );
        for (name, value) in &document.basis {
            let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
        }
        let _ = writeln!(out, "</dl>");
        if let Some(tables) = &document.tables {
            let _ = writeln!(out, "<h3>{}</h3>", self.word("tables"));
            self.grid(out, tables, self.word("tables"));
        }
        if !document.definitions.is_empty() {
            let _ = writeln!(out, "<h3>{}</h3>\n<dl class=\"terms\">", self.word("definitions"));
            for definition in &document.definitions {
                let _ = writeln!(
                    out,
                    "<dt>{}</dt><dd>{} <code>{}</code></dd>",
                    escaped(&definition.label),
                    escaped(&definition.description),
                    escaped(&definition.formula)
                );
            }
            let _ = writeln!(out, "</dl>");
        }
        if !document.glossary.is_empty() {
            let _ = writeln!(out, "<h3>{}</h3>\n<dl class=\"terms\">", self.word("glossary"));
            for (term, meaning) in &document.glossary {
                let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escaped(term), escaped(meaning));
            }
            let _ = writeln!(out, "</dl>");
        }
        let _ = writeln!(out, "</section>");
    }

    fn queries(&self, out: &mut String) {
        if self.document.queries.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "<section aria-labelledby=\"queries\">\n<h2 id=\"queries\">{}</h2>",
            self.word("queries")
        );
        for (place, query) in self.document.queries.iter().enumerate() {
            let number = (place + 1).to_string();
            let name = say(self.document.language, "query", &[("number", &number)]);
            let rows =
                say(self.document.language, "rows_given", &[("rows", &query.rows.to_string())]);
            let _ = writeln!(
                out,
                "<h3 id=\"q{number}\">{name} <small>{rows}</small></h3>\n<pre tabindex=\"0\"><code>{}</code></pre>",
                escaped(&query.sql)
            );
        }
        let _ = writeln!(out, "</section>");
    }
}

/// What to say where not all rows are shown.
pub(crate) fn cut(document: &Document, grid: &Grid, shown: usize) -> Option<String> {
    let mut told = Vec::new();
    if shown < grid.rows.len() {
        let key = if grid.is_run() { "rows_last" } else { "rows_shown" };
        let (shown, all) = (shown.to_string(), grid.rows.len().to_string());
        told.push(say(document.language, key, &[("shown", &shown), ("all", &all)]));
    }
    if grid.truncated {
        told.push(text(document.language, "rows_cut").to_owned());
    }
    (!told.is_empty()).then(|| told.join(" "))
}
