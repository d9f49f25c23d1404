//! An answer as a message: HTML that mail programs show, and the same as plain text.

use std::fmt::Write as _;

use pacioli_model::Cell;

use crate::{
    chart::escaped,
    document::{Document, Grid},
    report_letter::{Inline, image},
    write::{say, text},
};

/// Rows that a message shows; all of them go with it as a file.
const ROWS: usize = 100;

/// What a message says.
pub struct Letter<'a> {
    /// What it is about.
    pub title: &'a str,
    /// What has happened, where it is an alert.
    pub notice: Option<&'a str>,
    /// The answer, as a document of one section: the question, what its rows say, the rows, what counts.
    pub document: &'a Document,
    /// The names of files that were to go with it and are too large.
    pub left_out: &'a [String],
    /// Its picture.
    pub picture: Option<&'a Inline>,
    /// Where the server is: `https://books.example.com`.
    pub place: Option<&'a str>,
}

impl Letter<'_> {
    /// As HTML, with every text of people escaped and every style within.
    pub fn html(&self) -> String {
        let Some(section) = self.document.sections.first() else { return String::new() };
        let language = self.document.language;
        let mut html = format!(
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"></head>\
             <body style=\"font-family:sans-serif;color:#222;max-width:48em\">",
            language.code()
        );
        // Writing into a string cannot fail.
        let mut add = |text: std::fmt::Arguments<'_>| _ = html.write_fmt(text);
        add(format_args!("<h1 style=\"font-size:1.3em\">{}</h1>", escaped(self.title)));
        if let Some(notice) = self.notice {
            add(format_args!("<p><strong>{}</strong></p>", escaped(notice)));
        }
        let sentence = section.sentences.join(" ");
        add(format_args!("<p>{}</p>", escaped(&sentence)));
        if let (Some(inline), Some(chart)) = (self.picture, &section.chart) {
            let told = format!("{}. {sentence}", chart.title);
            add(format_args!("{}", image(inline, &chart.title, &told)));
        }
        let grid = &section.grid;
        add(format_args!("<table style=\"border-collapse:collapse\"><thead><tr>"));
        let style = |place: usize| {
            let numeric = grid.columns.get(place).is_some_and(|column| column.numeric);
            let side = if numeric { "right" } else { "left" };
            format!("style=\"text-align:{side};padding:2px 10px;border-bottom:1px solid #ccc\"")
        };
        for (place, column) in grid.columns.iter().enumerate() {
            add(format_args!("<th {}>{}</th>", style(place), escaped(&column.label)));
        }
        add(format_args!("</tr></thead><tbody>"));
        for row in grid.rows.iter().take(ROWS) {
            add(format_args!("<tr>"));
            for (place, text) in self.cells(grid, row).iter().enumerate() {
                add(format_args!("<td {}>{}</td>", style(place), escaped(text)));
            }
            add(format_args!("</tr>"));
        }
        add(format_args!("</tbody></table>"));
        for line in self.lines() {
            add(format_args!("<p style=\"color:#555\">{}</p>", escaped(&line)));
        }
        add(format_args!("<p style=\"color:#777\">{}</p></body></html>", escaped(&self.footer())));
        html
    }

    /// As plain text.
    pub fn text(&self) -> String {
        let Some(section) = self.document.sections.first() else { return String::new() };
        let mut lines = vec![self.title.to_owned(), String::new()];
        lines.extend(self.notice.map(str::to_owned));
        lines.extend([section.sentences.join(" "), String::new()]);
        let header: Vec<&str> = section.grid.columns.iter().map(|it| it.label.as_str()).collect();
        lines.push(header.join(" | "));
        let rows = section.grid.rows.iter().take(ROWS);
        lines.extend(rows.map(|row| self.cells(&section.grid, row).join(" | ")));
        lines.push(String::new());
        lines.extend(self.lines());
        lines.extend([String::new(), self.footer()]);
        lines.join("\n")
    }

    fn cells(&self, grid: &Grid, row: &[Cell]) -> Vec<String> {
        let cells = row.iter().enumerate();
        let texts = cells.map(|(place, cell)| grid.text(place, cell, self.document.language));
        texts
            .map(|text| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
            .collect()
    }

    /// The question, and what must be known to read the answer.
    fn lines(&self) -> Vec<String> {
        let Some(section) = self.document.sections.first() else { return Vec::new() };
        let said =
            |key: &str, name: &str, value: &str| say(self.document.language, key, &[(name, value)]);
        let mut lines = vec![said("mail.question", "question", &section.heading)];
        lines.extend(section.caveats.iter().cloned());
        let rows = section.grid.rows.len();
        if rows > ROWS || section.grid.truncated {
            lines.push(said("mail.rows", "shown", &rows.min(ROWS).to_string()));
        }
        if !self.left_out.is_empty() {
            lines.push(said("mail.left_out", "files", &self.left_out.join(", ")));
        }
        lines
    }

    /// Why it is sent, and to whom one turns.
    fn footer(&self) -> String {
        let language = self.document.language;
        match self.place {
            Some(place) => say(language, "mail.from_at", &[("place", place)]),
            None => text(language, "mail.from").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use pacioli_model::{ColumnName, ColumnType, Table, TableColumn, Timestamp};

    use super::*;
    use crate::{Answer, Language, Told, answer_document};

    #[test]
    fn a_message_shows_what_it_is_given_and_runs_none_of_it() {
        let column = |name: &str, data_type| TableColumn {
            name: ColumnName::parse(name).unwrap(),
            data_type,
        };
        let row = |at: i64| vec![Cell::Text(format!("<b>{at}</b>\n")), Cell::Integer(at)];
        let table = Table {
            columns: vec![column("name", ColumnType::Text), column("n", ColumnType::Integer)],
            rows: (0..120).map(row).collect(),
            truncated: false,
        };
        let details = ["only \"x\"".to_owned()];
        let told = Told { sentence: "There are 120.".to_owned(), ..Told::default() };
        let answer = Answer {
            question: "how <many>",
            told: &told,
            ask: None,
            table: &table,
            columns: &[],
            finding: None,
            sql: "SELECT 1",
            notes: &details,
            company: "A",
            asked_at: Timestamp::from_millis(0),
            language: Language::English,
        };
        let document = answer_document(&answer);
        let letter = Letter {
            title: "A & B",
            notice: Some("n is 7, more than 5."),
            document: &document,
            left_out: &["all.csv".to_owned()],
            picture: None,
            place: Some("https://books.example.com"),
        };
        let html = letter.html();
        for part in ["A &amp; B", "&lt;b&gt;99&lt;/b&gt;", "how &lt;many&gt;", "&quot;x&quot;"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<b>") && !html.contains("&lt;b&gt;100"), "{html}");
        let text = letter.text();
        let german = Document { language: Language::German, ..document.clone() };
        let german = Letter { document: &german, ..letter };
        assert!(german.html().contains("<html lang=\"de\">"), "{}", german.html());
        for part in
            ["Frage: how <many>", "Gezeigt sind die ersten 100 Zeilen", "Gesendet von Pacioli"]
        {
            assert!(german.text().contains(part), "{part}: {}", german.text());
        }
        for part in [
            "A & B",
            "<b>99</b>  | 99",
            "The first 100 rows",
            "more than 5",
            "left out: all.csv",
            "Sent by Pacioli at https://books.example.com",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
