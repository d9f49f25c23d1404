//! Verified questions: recognised when nothing but a slot differs, and never else.

use chrono::NaiveDate;
use pacioli_language::{
    Context, Translation, translate,
    verified::{Reader, Unfit, Verified},
};
use pacioli_model::{Ask, Catalog, ColumnName, Figure, Literal, Measure, MetricName, Predicate};

use super::catalog;

const BOOKS: &str = "
orders 900
  id integer unique key
  country text distinct=3 values: Germany | Italy | New York | Georgia
  region text distinct=2 values: North | South | Georgia
  sold_on date
  amount decimal
";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn reader(catalog: &Catalog, today: &str) -> Reader<'static> {
    // Tests may leak what they need for as long as they run.
    Reader { catalog: Box::leak(Box::new(catalog.clone())), today: day(today) }
}

/// What the rules read.
fn read(question: &str, today: &str, catalog: &Catalog) -> Ask {
    match translate(question, &Context { today: day(today), table: None }, catalog) {
        Translation::Understood(understood) => understood.ask,
        other => panic!("{question}: {other:?}"),
    }
}

fn learned(question: &str, means: &str, today: &str, catalog: &Catalog) -> Verified {
    let ask = read(means, today, catalog);
    Verified::learn(question, Some(&ask), reader(catalog, today), false).unwrap()
}

#[test]
fn slots_take_days_numbers_and_values_as_the_rules_would_read_them() {
    let catalog = catalog::read(BOOKS);
    for (verified, means, pattern, asked, expect) in [
        (
            "turnover in Germany in 2025",
            "total amount in Germany in 2025",
            "turnover in {country} in {days}",
            "Turnover in the Italy in March 2026?",
            "total amount in Italy in March 2026",
        ),
        (
            "turnover in New York last month",
            "total amount in New York last month",
            "turnover in {country} {days}",
            "turnover in Germany this year",
            "total amount in Germany this year",
        ),
        (
            "best 3 regions",
            "top 3 regions by total amount",
            "best {number} region",
            "best five region",
            "top 5 regions by total amount",
        ),
        (
            "big orders over 1,000 in Italy",
            "how many orders with amount over 1000 in Italy",
            "big order over {number} in {country}",
            "big orders over 2.5k in Germany",
            "how many orders with amount over 2500 in Germany",
        ),
    ] {
        let known = learned(verified, means, "2026-06-17", &catalog);
        assert_eq!(known.pattern(), pattern);
        let same = known.recognise(verified, reader(&catalog, "2026-06-17")).unwrap();
        assert_eq!(same.ask, Some(read(means, "2026-06-17", &catalog)), "{verified}");
        let other = known.recognise(asked, reader(&catalog, "2027-02-03")).unwrap();
        assert_eq!(other.ask, Some(read(expect, "2027-02-03", &catalog)), "{asked}");
        assert_eq!(other.spans.len(), other.slots);
    }
}

#[test]
fn what_differs_in_any_other_word_is_another_question() {
    let catalog = catalog::read(BOOKS);
    let means = "total amount in Germany in 2025";
    let known = learned("turnover in Germany in 2025", means, "2026-06-17", &catalog);
    for asked in [
        "turnover in Germany",
        "turnover not in Germany in 2025",
        "turnover in Germany in 2025 by region",
        "in Germany turnover in 2025",
        "turnovers of Germany in 2025",
        "turnover in North in 2025",
        "turnover in Spain in 2025",
        // Half a name is none, and one that another column has too may mean that.
        "turnover in York in 2025",
        "turnover in Georgia in 2025",
        // An open end is no closed one.
        "turnover in Germany since 2025",
        "",
    ] {
        assert_eq!(known.recognise(asked, reader(&catalog, "2026-06-17")), None, "{asked}");
    }
    // Whoever does not see the column's values may name the one that was verified, and no other.
    let mut partly = catalog.clone();
    for column in &mut partly.tables[0].columns {
        column.profile.values = None;
    }
    let there = |asked| known.recognise(asked, reader(&partly, "2026-06-17")).is_some();
    assert!(there("turnover in Germany in 2024") && !there("turnover in Italy in 2025"));
    partly.tables[0].columns.retain(|column| column.name.as_str() != "country");
    let hidden = known.recognise("turnover in Germany in 2025", reader(&partly, "2026-06-17"));
    assert_eq!(hidden, None);
}

#[test]
fn an_answer_that_would_not_follow_the_days_is_not_taken() {
    let catalog = catalog::read(BOOKS);
    let today = "2026-06-17";
    let learn = |question, ask: Option<&Ask>, fixed| {
        Verified::learn(question, ask, reader(&catalog, today), fixed)
    };
    let all = read("total amount", today, &catalog);
    let of_may = read("total amount last month", today, &catalog);
    assert_eq!(learn("", Some(&all), false), Err(Unfit::Empty));
    let days = Err(Unfit::Days("last month".to_owned()));
    assert_eq!(learn("turnover last month", Some(&all), false), days);
    assert_eq!(learn("turnover last month", None, false), days);
    let unsaid = Err(Unfit::Unsaid("1 May 2026".to_owned()));
    assert_eq!(learn("turnover", Some(&of_may), false), unsaid);
    // Unless it is meant.
    let meant = learn("turnover before the relaunch", Some(&of_may), true).unwrap();
    let later = meant.recognise("turnover before the relaunch", reader(&catalog, "2027-01-01"));
    assert_eq!(later.unwrap().ask, Some(of_may));
    // SQL answers its very words, and days that stay what they are.
    let sql = learn("turnover in 2025", None, false).unwrap();
    let there = |asked| sql.recognise(asked, reader(&catalog, "2027-01-01")).is_some();
    assert!(there("Turnover in 2025?") && !there("turnover in 2026"));
}

#[test]
fn today_in_an_answer_moves_on() {
    let catalog = catalog::read(BOOKS);
    let mut ask = read("how many orders", "2026-06-17", &catalog);
    let column =
        pacioli_model::ColumnRef::new(ask.table.clone(), ColumnName::parse("sold_on").unwrap());
    let before = |today: &str| {
        let (column, literal) = (column.clone(), Literal::Date(day(today)));
        Some(Predicate::compare(column, pacioli_model::Comparison::Less, literal))
    };
    ask.filter = before("2026-06-17");
    let reader_then = reader(&catalog, "2026-06-17");
    let known = Verified::learn("how many are late", Some(&ask), reader_then, false).unwrap();
    let later = known.recognise("how many are late", reader(&catalog, "2026-07-01")).unwrap();
    ask.filter = before("2026-07-01");
    assert_eq!(later.ask, Some(ask));
}

#[test]
fn a_number_that_stands_twice_is_no_slot() {
    let catalog = catalog::read(BOOKS);
    let mut ask = read("top 5 regions by total amount", "2026-06-17", &catalog);
    let metric = Figure::Metric { metric: MetricName::parse("m").unwrap(), shift: None };
    ask.measures.push(Measure::new(ColumnName::parse("m").unwrap(), metric));
    let then = reader(&catalog, "2026-06-17");
    let known = Verified::learn("top 5 regions with 5 orders", Some(&ask), then, false).unwrap();
    assert_eq!(known.pattern(), "top 5 region with 5 order");
    assert_eq!(known.recognise("top 3 regions with 3 orders", then), None);
    assert_eq!(known.recognise("top 5 regions with 5 orders", then).unwrap().ask, Some(ask));
    // Nor is the first place nowhere.
    let known = learned("best 3 regions", "top 3 regions by total amount", "2026-06-17", &catalog);
    for impossible in ["best 0 regions", "best -1 regions", "best 2.5 regions"] {
        assert_eq!(known.recognise(impossible, then), None, "{impossible}");
    }
}
