//! What holds for every text.

use std::{collections::BTreeMap, sync::LazyLock, time::Instant};

use pacioli_language::{Context, Translation, Translator, translate};
use pacioli_model::Catalog;
use proptest::prelude::*;

use crate::corpus::catalogs;

static CATALOGS: LazyLock<BTreeMap<String, Catalog>> = LazyLock::new(catalogs);

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
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_the_same_text_means_the_same(text in "\\PC{0,200}") {
        for catalog in CATALOGS.values() {
            let first = translate(&text, &context(), catalog);
            prop_assert_eq!(first, translate(&text, &context(), catalog));
        }
    }

    #[test]
    fn no_order_of_words_panics_or_loses_one(words in prop::collection::vec(prop::sample::select(WORDS), 0..14)) {
        let text = words.join(" ");
        for catalog in CATALOGS.values() {
            match translate(&text, &context(), catalog) {
                Translation::Understood(understood) => {
                    let table = catalog.table(&understood.ask.table).unwrap();
                    for measure in &understood.ask.measures {
                        prop_assert!(measure.aggregation().and_then(|one| one.column()).is_none_or(|of| table.column(&of.column).is_some()));
                    }
                    let named = |name| understood.ask.measures.iter().any(|m| &m.name == name)
                        || understood.ask.group_by.iter().any(|g| &g.name == name);
                    prop_assert!(understood.ask.order.iter().all(|order| named(&order.name)));
                    prop_assert!((0.0..=1.0).contains(&understood.confidence));
                    prop_assert!(!(understood.ask.measures.is_empty() && understood.ask.group_by.is_empty()));
                }
                Translation::Clarify { choices, .. } => {
                    prop_assert!((2..=5).contains(&choices.len()), "{}", choices.len());
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
