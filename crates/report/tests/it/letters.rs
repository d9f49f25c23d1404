//! Reports as mails.

use pacioli_report::{Language, ReportLetter, write};

use crate::sample::{HOSTILE, report};

#[test]
fn a_mail_says_what_the_report_does_and_runs_and_fetches_nothing() {
    for (language, words) in [
        (
            Language::English,
            ["Key figures", "Revenue", "Gross margin", "What to do", "The whole report"],
        ),
        (
            Language::German,
            ["Kennzahlen", "Umsatz", "Rohertragsmarge", "Was zu tun ist", "Der ganze Bericht"],
        ),
    ] {
        let document = write(&report(), language);
        let letter = ReportLetter {
            document: &document,
            name: "Monthly <overview>",
            place: Some("https://books.example.com"),
            has_files: true,
        };
        let (html, text) = (letter.html(), letter.text());
        for word in words {
            assert!(html.contains(word) && text.contains(word), "{word}: {text}");
        }
        for section in &document.sections {
            assert!(text.contains(&section.heading), "{}", section.heading);
        }
        let link = format!("https://books.example.com{}.html", document.path);
        assert!(html.contains(&link) && text.contains(&link));
        for no in
            ["<script", "<style", "<svg", "<img", "<link", "class=", "src=", "<overview>", HOSTILE]
        {
            assert!(!html.contains(no), "{no}: {html}");
        }
        assert!(html.contains("Bergmann &amp; Töchter &lt;GmbH&gt;"));
        // Ages by their days, as every other form has them.
        let bucket = ["31–60"];
        assert!(bucket.iter().all(|it| html.contains(it)), "{html}");
    }
}

#[test]
fn a_mail_without_an_address_of_the_server_has_no_link() {
    let document = write(&report(), Language::English);
    let letter = ReportLetter { document: &document, name: "x", place: None, has_files: false };
    assert!(!letter.html().contains("http") && !letter.text().contains("The whole report"));
}
