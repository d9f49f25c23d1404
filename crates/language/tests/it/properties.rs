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
    "takings",
    "clients",
    "each",
    "did",
    "we",
    "sell",
    "spent",
    "as of",
    "with their",
    "and their",
    "with no",
    "not sold",
    "owe us",
    "for",
    "best",
    "comes from",
    "value of",
    "percentage of",
    "compared to last year",
    "worst first",
    "average number of",
    "days between",
    "paid",
    "late",
    "going up",
    "as a chart",
];

/// How many cases of each property: few while everything is tested, as many as
/// `PACIOLI_FUZZ_CASES` says where it is set.
fn cases() -> u32 {
    std::env::var("PACIOLI_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// What must hold of whatever became of a question.
fn holds(text: &str, translation: &Translation, catalog: &Catalog) -> Result<(), TestCaseError> {
    match translation {
        Translation::Understood(understood) => {
            prop_assert_eq!(fault(&understood.ask, catalog), None, "{}", text);
            prop_assert!((0.0..=1.0).contains(&understood.confidence));
        }
        Translation::Analyse(analysed) => {
            prop_assert!((0.0..=1.0).contains(&analysed.confidence));
        }
        Translation::Clarify { choices, .. } => {
            prop_assert!((1..=5).contains(&choices.len()), "{}", choices.len());
            for choice in choices {
                prop_assert_eq!(fault(&choice.ask, catalog), None, "{}", text);
            }
        }
        Translation::Refuse { not_understood, .. } => {
            prop_assert!(not_understood.iter().all(|word| text.contains(word.as_str())));
        }
    }
    Ok(())
}

/// What tables and columns of made-up catalogs are called: common names, words that questions are
/// shaped with, and names of other letters.
const NAMES: &[&str] = &[
    "orders",
    "customers",
    "products",
    "name",
    "id",
    "amount",
    "order",
    "count",
    "rank",
    "year",
    "date",
    "status",
    "country",
    "total",
    "by",
    "average",
    "list",
    "stu_hrs",
    "dname",
    "strasse",
    "parent",
    "first_name",
    "last_name",
    "created_on",
    "is_active",
    "x",
    "t1",
    "number_of_pages",
];
/// Types of their columns, with values.
const TYPES: &[&str] = &[
    "integer",
    "decimal",
    "float",
    "text",
    "date",
    "timestamp",
    "boolean",
    "integer unique",
    "text values: Germany | France | New York | 12 | the",
    "text unique values: Anna | Bob | Order 7 | not | Ünal",
    "integer nulls",
];

/// A word of the closed list, of the catalogs, a number or anything else.
fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(WORDS).prop_map(str::to_owned),
        4 => prop::sample::select(NAMES).prop_map(|name| name.replace('_', " ")),
        1 => prop::sample::select(&["New York", "Anna", "Order 7", "12", "'the'", "\"", "(", ","][..])
            .prop_map(str::to_owned),
        1 => "[a-zA-Z0-9.,'%$-]{1,8}",
    ]
}

/// A catalog of one to five tables, some of whose rows name rows of others.
fn catalog_text() -> impl Strategy<Value = String> {
    let column = (prop::sample::select(NAMES), prop::sample::select(TYPES), 0..8_usize);
    let columns = prop::collection::vec(column, 0..6);
    let tables = prop::sample::subsequence(NAMES, 1..=5).prop_flat_map(move |names| {
        let count = names.len();
        (Just(names), prop::collection::vec(columns.clone(), count))
    });
    tables.prop_map(|(names, tables)| {
        let mut text = String::new();
        for (name, columns) in names.iter().zip(tables) {
            text.extend([name, " 50\n  ", name, "_key integer key unique\n"]);
            let mut seen: Vec<&str> = Vec::new();
            for (column, kind, to) in columns {
                if seen.contains(&column) {
                    continue;
                }
                seen.push(column);
                match names.get(to) {
                    Some(to) => text.extend(["  ", column, " integer ->", to, "\n"]),
                    None => text.extend(["  ", column, " ", kind, "\n"]),
                }
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

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
            holds(&text, &translator.translate(&text, &context()), catalog)?;
        }
    }

    #[test]
    fn no_catalog_makes_an_ask_that_does_not_bind((text, words) in (catalog_text(), prop::collection::vec(any_word(), 0..14))) {
        let catalog = crate::catalog::read(&text);
        let question = words.join(" ");
        holds(&question, &Translator::new(&catalog).translate(&question, &context()), &catalog)?;
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
/// What is plainer had ever plainer words.
#[test]
fn plainer_words_come_to_an_end() {
    let text = [
        "date 50",
        "  date_key integer key unique",
        "  strasse integer ->x",
        "  x integer ->average",
        "  amount integer ->created_on",
        "  t1 integer ->date",
        "average 50",
        "  average_key integer key unique",
        "  stu_hrs integer ->created_on",
        "  amount integer ->average",
        "  x integer nulls",
        "  first_name integer ->x",
        "created_on 50",
        "  created_on_key integer key unique",
        "  country integer ->average",
        "  name integer ->is_active",
        "  stu_hrs integer ->average",
        "  total integer ->created_on",
        "is_active 50",
        "  is_active_key integer key unique",
        "  id integer ->average",
        "  year text values: Germany | France",
        "  total integer ->created_on",
        "  last_name date",
        "x 50",
        "  x_key integer key unique",
    ];
    let catalog = crate::catalog::read(&text.join("\n"));
    let question = "country highest total 2025 created on $ $$'l'3% not products";
    let read = Translator::new(&catalog).translate(question, &context());
    holds(question, &read, &catalog).unwrap();
}
