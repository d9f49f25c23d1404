//! Reports as mails.

use std::collections::BTreeSet;

use pacioli_report::{
    Inline, Language, MAIL_WIDTH, ReportLetter,
    chart::{Picture, Shape, png},
    write,
};
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};

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
            left_out: &[],
            pictures: &[],
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
    let letter = ReportLetter {
        document: &document,
        name: "x",
        place: None,
        has_files: false,
        left_out: &["all.csv".to_owned()],
        pictures: &[],
    };
    assert!(!letter.html().contains("http") && !letter.text().contains("The whole report"));
    assert!(
        letter.html().contains("left out: all.csv") && letter.text().contains("left out: all.csv")
    );
}

#[test]
fn a_mail_shows_the_pictures_that_come_with_it_and_says_what_they_say() {
    let document = write(&report(), Language::German);
    let drawn = document.sections.iter().enumerate().map(|(place, section)| {
        let picture = png(section.chart.as_ref()?, MAIL_WIDTH, document.language).unwrap();
        Some(Inline { id: format!("chart-{place}.\"7\"@example.com"), picture })
    });
    let mut pictures: Vec<Option<Inline>> = drawn.collect();
    assert!(pictures.iter().flatten().count() >= 8, "the sample has every kind");
    // One was too large.
    let left = pictures.iter().position(Option::is_some).unwrap();
    pictures[left] = None;
    let letter = ReportLetter {
        document: &document,
        name: "x",
        place: None,
        has_files: false,
        left_out: &[],
        pictures: &pictures,
    };
    let html = letter.html();
    assert_eq!(html.matches("<img").count(), pictures.iter().flatten().count());
    let mut ranked = 0;
    let shown = document.sections.iter().zip(&pictures);
    for (section, inline) in shown.filter_map(|(section, it)| Some((section, it.as_ref()?))) {
        assert!(html.contains(&format!("cid:{}", inline.id.replace('"', "&quot;"))), "{html}");
        let summary = &section.chart.as_ref().unwrap().summary;
        assert!(summary.contains(&section.sentences[0]), "{summary}");
        let Picture { png, width, height } = &inline.picture;
        let pixels = Pixmap::decode_png(png).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (width * 2, height * 2));
        // Ink on white: marks, axes and letters, and far from all of it.
        let inked = pixels.pixels().iter().filter(|it| it.red() < 250 || it.blue() < 250).count();
        let share = inked * 1000 / pixels.pixels().len();
        assert!((8..800).contains(&share), "{share} of 1000 in {}", section.heading);
        assert!(
            pixels.pixels().iter().all(PremultipliedColorU8::is_opaque),
            "no page shines through"
        );
        // Names of bars stand left of them: letters are drawn, and stand in more columns than an axis does.
        let chart = section.chart.as_ref().unwrap();
        let is_ranked = matches!(&chart.shape, Shape::Bars(bars) if !bars.upright);
        let across = *width as usize * 2;
        let dark = pixels.pixels().iter().enumerate();
        let dark = dark.filter(|(_, it)| it.red() < 128 && it.blue() < 128);
        let columns: BTreeSet<usize> = dark.map(|(place, _)| place % across).collect();
        let lettered = columns.iter().filter(|column| **column < across / 3).count();
        assert!(!is_ranked || lettered > 20, "no letters for {}", section.heading);
        ranked += usize::from(is_ranked);
        assert!(png.len() < 300_000, "{} bytes for {}", png.len(), section.heading);
    }
    assert!(ranked > 0);
}
