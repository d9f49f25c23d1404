//! An answer as a message: HTML that mail programs show, and the same as plain text.

use std::fmt::Write as _;

use pacioli_model::{Cell, Table};

use crate::{
    chart::escaped,
    locale::Language,
    report_letter::{Inline, image},
    write::say,
};

/// Rows that a message shows; all of them go with it as a file.
const ROWS: usize = 100;

/// What a message says.
pub struct Letter<'a> {
    /// What it is about.
    pub title: &'a str,
    /// What has happened, where it is an alert.
    pub notice: Option<&'a str>,
    /// The question that was asked.
    pub question: &'a str,
    /// What the rows say.
    pub sentence: &'a str,
    /// The rows.
    pub table: &'a Table,
    /// What counts: filters, days, notes.
    pub details: &'a [String],
    /// The names of files that were to go with it and are too large.
    pub left_out: &'a [String],
    /// Its picture and the picture's title.
    pub picture: Option<(&'a Inline, &'a str)>,
    /// Why it is sent, and to whom one turns.
    pub footer: &'a str,
}

impl Letter<'_> {
    /// As HTML, with every text of people escaped and every style within.
    pub fn html(&self) -> String {
        let mut html = String::from(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"></head>\
             <body style=\"font-family:sans-serif;color:#222;max-width:48em\">",
        );
        // Writing into a string cannot fail.
        let mut add = |text: std::fmt::Arguments<'_>| _ = html.write_fmt(text);
        add(format_args!("<h1 style=\"font-size:1.3em\">{}</h1>", escaped(self.title)));
        if let Some(notice) = self.notice {
            add(format_args!("<p><strong>{}</strong></p>", escaped(notice)));
        }
        add(format_args!("<p>{}</p>", escaped(self.sentence)));
        if let Some((inline, title)) = self.picture {
            let told = format!("{title}. {}", self.sentence);
            add(format_args!("{}", image(inline, title, &told)));
        }
        add(format_args!("<table style=\"border-collapse:collapse\"><thead><tr>"));
        let style = |number: bool| {
            let side = if number { "right" } else { "left" };
            format!("style=\"text-align:{side};padding:2px 10px;border-bottom:1px solid #ccc\"")
        };
        for column in &self.table.columns {
            let style = style(column.data_type.is_number());
            add(format_args!("<th {style}>{}</th>", escaped(column.name.as_str())));
        }
        add(format_args!("</tr></thead><tbody>"));
        for row in self.table.rows.iter().take(ROWS) {
            add(format_args!("<tr>"));
            for (cell, column) in row.iter().zip(&self.table.columns) {
                let style = style(column.data_type.is_number());
                add(format_args!("<td {style}>{}</td>", escaped(&text(cell))));
            }
            add(format_args!("</tr>"));
        }
        add(format_args!("</tbody></table>"));
        for line in self.lines() {
            add(format_args!("<p style=\"color:#555\">{}</p>", escaped(&line)));
        }
        add(format_args!("<p style=\"color:#777\">{}</p></body></html>", escaped(self.footer)));
        html
    }

    /// As plain text.
    pub fn text(&self) -> String {
        let mut lines = vec![self.title.to_owned(), String::new()];
        lines.extend(self.notice.map(str::to_owned));
        lines.extend([self.sentence.to_owned(), String::new()]);
        let header = self.table.columns.iter().map(|column| column.name.to_string());
        lines.push(header.collect::<Vec<_>>().join(" | "));
        let rows = self.table.rows.iter().take(ROWS);
        lines.extend(rows.map(|row| row.iter().map(text).collect::<Vec<_>>().join(" | ")));
        lines.push(String::new());
        lines.extend(self.lines());
        lines.extend([String::new(), self.footer.to_owned()]);
        lines.join("\n")
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("Question: {}", self.question)];
        lines.extend(self.details.iter().cloned());
        let rows = self.table.rows.len();
        if rows > ROWS || self.table.truncated {
            let shown = rows.min(ROWS);
            lines.push(format!("The first {shown} rows are shown; there are more."));
        }
        if !self.left_out.is_empty() {
            let key = "mail.left_out";
            lines.push(say(Language::English, key, &[("files", &self.left_out.join(", "))]));
        }
        lines
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "–".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Text(value) => value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Cell::Date(value) => value.to_string(),
        Cell::Timestamp(value) => value.to_rfc3339(),
    }
}

#[cfg(test)]
mod tests {
    use pacioli_model::{ColumnName, ColumnType, TableColumn};

    use super::*;

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
        let letter = Letter {
            title: "A & B",
            notice: Some("n is 7, more than 5."),
            question: "how <many>",
            sentence: "There are 120.",
            table: &table,
            details: &details,
            left_out: &["all.csv".to_owned()],
            picture: None,
            footer: "You get this because.",
        };
        let html = letter.html();
        for part in ["A &amp; B", "&lt;b&gt;99&lt;/b&gt;", "how &lt;many&gt;", "&quot;x&quot;"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<b>") && !html.contains("&lt;b&gt;100"), "{html}");
        let text = letter.text();
        for part in [
            "A & B",
            "<b>99</b>  | 99",
            "The first 100 rows",
            "more than 5",
            "left out: all.csv",
            "because.",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
