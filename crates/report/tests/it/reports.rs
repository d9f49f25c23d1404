//! Reports as files: every kind of finding, in every language.

use pacioli_model::Fact;
use pacioli_report::{Language, html, write};

use crate::sample::{HOSTILE, report};

#[test]
fn every_kind_of_finding_is_told_in_every_language() {
    let report = report();
    for language in [Language::English, Language::German] {
        let document = write(&report, language);
        for (finding, section) in report.content.findings.iter().zip(&document.sections) {
            let kind = finding.fact.kind();
            assert!(!section.heading.is_empty(), "{kind} has no heading");
            assert!(section.sentences.iter().all(|line| line.len() > 10), "{kind} says nothing");
            let told = format!("{} {}", section.heading, section.sentences.join(" "));
            assert!(!told.contains("  ") && !told.contains("()"), "{kind} has a hole: {told}");
            assert!(!told.replace(HOSTILE, "").contains(['{', '}']), "{kind} has a hole: {told}");
            let drawn = section.chart.is_some();
            assert_eq!(drawn, !matches!(finding.fact, Fact::DataQuality { .. }), "{kind}");
        }
    }
}

#[test]
fn sentences_take_their_numbers_from_the_facts() {
    let report = report();
    let english = write(&report, Language::English);
    let german = write(&report, Language::German);
    let of = |kind: &str| {
        let place = report.content.findings.iter().position(|one| one.fact.kind() == kind);
        (&english.sections[place.unwrap()], &german.sections[place.unwrap()])
    };
    let (english, german) = of("change");
    assert_eq!(english.heading, "Revenue fell by 12.7%");
    assert_eq!(
        english.sentences[0],
        "Revenue: €2,400,000 in Q4 2025, against €2,750,000 in Q3 2025; a difference of −€350,000."
    );
    assert_eq!(german.heading, "Umsatz: Rückgang um 12,7\u{a0}%");
    assert_eq!(
        english.test.as_deref(),
        Some("Chance alone would rarely show this (Welch's t-test, p = 0.004, 36 observations).")
    );
    let (english, _) = of("drivers");
    assert_eq!(
        english.sentences[0],
        format!(
            "Revenue went from €1,000,000 (Q3 2025) to €800,000 (Q4 2025): −€200,000. Of that, \
             −€180,000 falls on Nordwind Handels GmbH, +€60,000 falls on {HOSTILE}, −€50,000 falls \
             on Iberia Textil, and −€30,000 on the other 41 together."
        )
    );
    let (english, german) = of("ageing");
    assert_eq!(english.heading, "Customers owe €131,751 that is overdue");
    assert_eq!(german.heading, "Kunden schulden 131.751\u{a0}€, die überfällig sind");
    let (english, _) = of("outlier_member");
    assert!(
        english
            .test
            .as_deref()
            .unwrap()
            .starts_with("Chance alone could well show this (some new test")
    );
}

#[test]
fn a_page_stands_alone_and_escapes_everything() {
    for language in [Language::English, Language::German] {
        let page = html(&write(&report(), language));
        assert!(!page.contains("<script"), "a name became markup");
        for outside in ["http://", "https://", "src=", "@import", "url(http"] {
            let found = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(outside), "{outside}");
        }
        assert!(page.contains(&format!("<html lang=\"{}\">", language.code())));
        assert_eq!(page.matches("<h1>").count(), 1);
        for landmark in ["<header>", "<nav ", "<main>", "<footer>"] {
            assert_eq!(page.matches(landmark).count(), 1, "{landmark}");
        }
        // Every link within the page leads somewhere, and no name is given twice.
        for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_eq!(page.matches(&format!(" id=\"{target}\"")).count(), 1, "#{target}");
        }
        let mut ids: Vec<&str> =
            page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
