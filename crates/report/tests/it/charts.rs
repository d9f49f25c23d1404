use pacioli_report::{Language, chart};
use serde_json::{Value, json};

use crate::answer::{ask, catalog, table};

fn drawn(asked: &str, rows: &[&str]) -> Option<Value> {
    let asked = ask(asked);
    chart(&asked, &catalog(), &table(&asked, rows), Language::English)
}

/// What matters of a specification, on one line: mark, channels with field and type, rows.
fn check(asked: &str, rows: &[&str], expect: &str) {
    let spec = drawn(asked, rows).expect("a chart");
    let channels = spec["encoding"].as_object().unwrap().iter().map(|(channel, told)| {
        let kind = told["type"].as_str().map_or(String::new(), |kind| format!(":{kind}"));
        format!("{channel}={}{kind}", told["field"].as_str().unwrap())
    });
    let mut channels: Vec<String> = channels.collect();
    channels.sort();
    let told = format!(
        "{} {} {}",
        spec["mark"]["type"].as_str().unwrap(),
        channels.join(" "),
        spec["data"]["values"].as_array().unwrap().len()
    );
    assert_eq!(told, expect);
    for (_, told) in spec["encoding"].as_object().unwrap() {
        let field = told["field"].as_str().unwrap();
        assert!(spec["data"]["values"][0].get(field).is_some(), "no data for {field}");
    }
    assert_eq!(spec["$schema"], "https://vega.github.io/schema/vega-lite/v5.json");
}

#[test]
fn shapes_follow_the_groups() {
    let months = ["2025-01-01|1.50", "2025-02-01|2.00"];
    let regions = ["Nordics|1.00", "South|2.00"];
    let both = ["2025-01-01|Nordics|1.00", "2025-01-01|South|2.00", "2025-02-01|South|3.00"];
    let money = ["Nordics|EUR|1.00", "Nordics|USD|2.00"];
    for (asked, rows, expect) in [
        (
            "month(sale_date) -> sum(revenue_eur)",
            &months[..],
            "line x=month:temporal y=total_revenue_eur:quantitative 2",
        ),
        (
            "region -> sum(revenue_eur)",
            &regions,
            "bar x=total_revenue_eur:quantitative y=region:nominal 2",
        ),
        (
            "month(sale_date), region -> sum(revenue_eur)",
            &both,
            "line color=region:nominal strokeDash=region:nominal x=month:temporal y=total_revenue_eur:quantitative 3",
        ),
        (
            "region, channel -> sum(revenue_eur)",
            &["Nordics|Online|1.00", "South|Direct|2.00"],
            "bar color=channel:nominal x=total_revenue_eur:quantitative y=region:nominal 2",
        ),
        (
            "region, channel -> average(amount)",
            &["Nordics|Online|1.00", "South|Direct|2.00"],
            "bar color=channel:nominal x=average_amount:quantitative y=region:nominal yOffset=channel 2",
        ),
        (
            "region, currency -> sum(amount)",
            &money,
            "bar color=currency:nominal x=total_amount:quantitative y=region:nominal yOffset=currency 2",
        ),
        (
            "month(sale_date) -> sum(revenue_eur) order total_revenue_eur desc limit 2",
            &months,
            "bar x=total_revenue_eur:quantitative y=month:nominal 2",
        ),
    ] {
        check(asked, rows, expect);
    }
}

#[test]
fn what_says_no_more_than_its_rows_is_not_drawn() {
    for (asked, rows) in [
        ("-> sum(revenue_eur)", &["1.00"][..]),
        ("region ->", &["Nordics", "South"]),
        ("region -> sum(revenue_eur)", &["Nordics|1.00"]),
        ("region -> sum(revenue_eur)", &["Nordics|null", "South|1.00"]),
        ("region, channel, segment -> count", &["a|b|c|1", "d|e|f|2"]),
        ("region -> max(sale_date)", &["a|2025-01-01", "b|2025-01-02"]),
    ] {
        assert_eq!(drawn(asked, rows), None, "{asked}");
    }
}

#[test]
fn bars_are_ranked_and_cut_with_a_word() {
    let spec = drawn("region -> sum(revenue_eur)", &["a|1.00", "b|3.00", "null|2.00"]).unwrap();
    assert_eq!(spec["encoding"]["y"]["sort"], json!(["b", "(none)", "a"]));
    assert_eq!(spec["title"], json!({"text": "Total revenue eur by region"}));
    let ascending = "region -> sum(revenue_eur) order total_revenue_eur";
    let spec = drawn(ascending, &["a|1.00", "b|3.00"]).unwrap();
    assert_eq!(spec["encoding"]["y"]["sort"], json!(["a", "b"]));

    let many: Vec<String> = (0..40).map(|n| format!("r{n}|{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let spec = drawn("region -> count", &many).unwrap();
    assert_eq!(spec["data"]["values"].as_array().unwrap().len(), 30);
    assert_eq!(spec["data"]["values"][0], json!({"region": "r39", "count": 39.0}));
    assert_eq!(spec["title"]["subtitle"], "The 30 largest of 40 by region");
}

#[test]
fn dates_are_drawn_as_days_everywhere() {
    let spec = drawn("month(sale_date) -> count", &["2025-03-01|1", "2025-04-01|2"]).unwrap();
    assert_eq!(spec["encoding"]["x"]["scale"], json!({"type": "utc"}));
    assert_eq!(spec["encoding"]["x"]["axis"]["format"], "%b %Y");
    assert_eq!(spec["data"]["values"][0], json!({"month": "2025-03-01", "count": 1.0}));
}
