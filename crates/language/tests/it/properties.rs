//! What holds for every text.

use std::{collections::BTreeMap, sync::LazyLock, time::Instant};

use pacioli_language::{Context, Translation, Translator, translate};
use pacioli_model::Catalog;
use proptest::prelude::*;

use crate::{corpus::catalogs, well_formed::fault};

static CATALOGS: LazyLock<BTreeMap<String, Catalog>> = LazyLock::new(catalogs);
/// Two made apart: what they say must not depend on how their words happened to be kept.
static TRANSLATORS: LazyLock<Vec<[Translator<'static>; 2]>> = LazyLock::new(|| {
    CATALOGS.values().map(|catalog| [Translator::new(catalog), Translator::new(catalog)]).collect()
});

fn context() -> Context {
    Context { today: "2026-06-17".parse().unwrap(), table: None }
}

/// Words that make something happen, in any order.
const WORDS: &[&str] = &[
    "total",
    "average",
    "revenue",
    "amount",
    "by",
    "per",
    "region",
    "country",
    "Germany",
    "not",
    "in",
    "2025",
    "last",
    "3",
    "months",
    "top",
    "5",
    "customers",
    "how",
    "many",
    "orders",
    "between",
    "and",
    "or",
    "over",
    "10k",
    "EUR",
    "$",
    "month",
    "since",
    "before",
    "which",
    "highest",
    "with",
    "where",
    "quantity",
    "unit",
    "price",
    "sorted",
    "descending",
    "list",
    "distinct",
    "returns",
    "without",
    "monthly",
    "Q2",
    "March",
    "sales",
    "blue",
    ">",
    "=",
    "-5",
    "to",
    "date",
    "year",
    "this",
    "until",
    "first",
    "quarter",
    "names",
    "of",
    "who",
    "that",
    "have",
    "never",
    "both",
    "more than",
    "the most",
    "for each",
    "number of",
    "books",
    "authors",
    "members",
    "loans",
    "genre",
    "Crime",
    "oldest",
    "older than",
    "growth",
    "share of",
    "vs",
    "salary",
    "the",
    "status",
    "starting with",
    "\"war\"",
    "is",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_the_same_text_means_the_same(text in "\\PC{0,200}") {
        for [one, other] in TRANSLATORS.iter() {
            prop_assert_eq!(one.translate(&text, &context()), other.translate(&text, &context()));
        }
    }

    #[test]
    fn no_order_of_words_panics_or_loses_one(words in prop::collection::vec(prop::sample::select(WORDS), 0..14)) {
        let text = words.join(" ");
        for (catalog, [translator, _]) in CATALOGS.values().zip(TRANSLATORS.iter()) {
            match translator.translate(&text, &context()) {
                Translation::Understood(understood) => {
                    prop_assert_eq!(fault(&understood.ask, catalog), None, "{}", text);
                    prop_assert!((0.0..=1.0).contains(&understood.confidence));
                }
                Translation::Analyse(analysed) => {
                    prop_assert_eq!(fault(&analysed.analysis.ask, catalog), None, "{}", text);
                }
                Translation::Clarify { choices, .. } => {
                    prop_assert!((2..=5).contains(&choices.len()), "{}", choices.len());
                    for choice in &choices {
                        prop_assert_eq!(fault(&choice.ask, catalog), None, "{}", text);
                    }
                }
                Translation::Refuse { not_understood, .. } => {
                    prop_assert!(not_understood.iter().all(|word| text.contains(word.as_str())));
                }
            }
        }
    }
}

#[test]
fn ends_of_the_calendar_and_long_texts_hold() {
    for today in [chrono::NaiveDate::MIN, chrono::NaiveDate::MAX] {
        for text in
            ["revenue this year", "revenue last 3 months", "revenue year to date", "revenue March"]
        {
            for catalog in CATALOGS.values() {
                translate(text, &Context { today, table: None }, catalog);
            }
        }
    }
    let long = "revenue by region and country in Germany or France not 2025 ".repeat(20);
    let catalogs = CATALOGS.values().map(Translator::new).collect::<Vec<_>>();
    for translator in &catalogs {
        translator.translate(&long, &context());
    }
    // Unoptimised, on a busy machine: the bound is loose, and still no question may take a second.
    let started = Instant::now();
    catalogs[0].translate("top 5 customers by revenue in Germany since 2024", &context());
    assert!(started.elapsed().as_millis() < 1000, "took {:?}", started.elapsed());
}
