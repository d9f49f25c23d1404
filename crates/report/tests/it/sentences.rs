use pacioli_report::{Context, Language, narrate};

use crate::answer::{ask, catalog, table};

fn check(asked: &str, rows: &[&str], context: Context<'_>, expect: &str) {
    let asked = ask(asked);
    assert_eq!(
        narrate(&asked, &catalog(), &context, &table(&asked, rows), Language::English),
        expect
    );
}

const EUR: Context<'_> = Context { currency: Some("EUR"), period: None, filters: &[] };
const NONE: Context<'_> = Context { currency: None, period: None, filters: &[] };

#[test]
fn single_figures_are_said_with_unit_and_scope() {
    let filters = ["region is Nordics".to_owned()];
    let march = Context { period: Some("March 2025"), filters: &filters, ..EUR };
    check("-> sum(revenue_eur)", &["1234567.80"], EUR, "The total revenue is 1,234,567.80 EUR.");
    check(
        "-> sum(revenue_eur)",
        &["-12.00"],
        march,
        "The total revenue is -12.00 EUR (March 2025; region is Nordics).",
    );
    check("-> count", &["1204"], NONE, "The number of rows of sales is 1,204.");
    check(
        "-> distinct(order_number)",
        &["412"],
        NONE,
        "The number of different values of order number is 412.",
    );
    check(
        "-> sum(revenue_eur), sum(quantity)",
        &["10.50|3"],
        EUR,
        "The total revenue is 10.50 EUR, and the total quantity is 3.",
    );
    check("-> max(sale_date)", &["2025-03-01"], NONE, "The greatest sale date is 1 March 2025.");
}

#[test]
fn nothing_is_said_to_be_nothing() {
    check("region -> sum(revenue_eur)", &[], EUR, "No rows of sales match.");
    check("-> sum(revenue_eur)", &["null"], EUR, "There is no total revenue, for no values match.");
    check(
        "region -> sum(revenue_eur)",
        &["Nordics|null"],
        EUR,
        "There is no total revenue in any of the 1 rows.",
    );
}

#[test]
fn breakdowns_name_their_leader() {
    let rows = ["Nordics|20.00", "South|1000.00", "null|3.00", "West|null"];
    check(
        "region -> sum(revenue_eur)",
        &rows,
        EUR,
        "South has the highest total revenue of 4: 1,000.00 EUR.",
    );
    check(
        "region -> sum(revenue_eur) order total_revenue_eur limit 4",
        &rows,
        EUR,
        "(none) has the lowest total revenue of the 4 shown: 3.00 EUR.",
    );
    check(
        "region, currency -> sum(amount)",
        &["Nordics|EUR|5.00", "South|EUR|7.00", "Nordics|USD|900.00"],
        NONE,
        "South has the highest total amount of 3: 7.00 EUR; in USD, Nordics has 900.00 USD.",
    );
    check(
        "month(sale_date) -> sum(revenue_eur) order total_revenue_eur desc limit 1",
        &["2025-11-01|8.00"],
        EUR,
        "November 2025 has the highest total revenue: 8.00 EUR.",
    );
}

#[test]
fn series_name_their_ends_and_their_peak() {
    check(
        "month(sale_date) -> sum(revenue_eur)",
        &["2025-02-01|30.00", "2025-01-01|10.00", "2025-03-01|20.00"],
        EUR,
        "The total revenue was 10.00 EUR in January 2025 and 20.00 EUR in March 2025; of 3 periods the \
         highest was 30.00 EUR in February 2025.",
    );
    check("year(sale_date) -> count", &["2025-01-01|4"], NONE, "The number of rows was 4 in 2025.");
}

#[test]
fn lists_are_counted_and_cut_answers_say_so() {
    check("region ->", &["Nordics", "South"], NONE, "There are 2 different values of region.");
    let asked = ask("region -> count");
    let mut cut = table(&asked, &["Nordics|2", "South|9"]);
    cut.truncated = true;
    assert_eq!(
        narrate(&asked, &catalog(), &NONE, &cut, Language::English),
        "South has the highest number of rows of the 2 shown: 9. Only the first 2 rows are here: there \
         are more."
    );
}
