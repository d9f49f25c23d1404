//! `POST /query`: every figure here is counted by the test too.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    checks::{self, columns, first_error, refused, rows},
    sales::{Sales, euros},
    server::{Answer, Person, Server},
};

/// A server with one company and its sales.
async fn with_sales(count: usize, seed: u64) -> (Server, Person, Sales) {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let sales = Sales::of(count, seed);
    let answer = server.upload(&owner, "sales.csv", &sales.csv()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    (server, owner, sales)
}

#[track_caller]
fn answered(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.body["status"], "answered", "{}", answer.text);
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// `1,234.56`, as sentences write it.
fn spoken(cents: i64) -> String {
    let plain = euros(cents.abs());
    let (whole, rest) = plain.split_once('.').unwrap();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}.{rest}", if cents < 0 { "-" } else { "" })
}

#[tokio::test]
async fn revenue_by_month_comes_as_rows_sql_a_sentence_and_a_chart() {
    let (server, owner, sales) = with_sales(800, 5).await;
    let answer = server.ask(&owner, "revenue by month").await;
    answered(&answer);
    assert_eq!(answer.header("cache-control"), "no-store");
    let expect = [
        "status",
        "answer",
        "columns",
        "rows",
        "row_count",
        "truncated",
        "chart",
        "sql",
        "interpretation",
        "confidence",
        "source",
        "timing_ms",
        "query_id",
        "conversation_id",
    ];
    assert_eq!(keys(&answer.body), BTreeSet::from(expect), "{}", answer.text);

    let months = sales.revenue_by_month();
    let pair = |(month, cents): (&String, &i64)| vec![month.clone(), euros(*cents)];
    let expect: Vec<Vec<String>> = months.iter().map(pair).collect();
    assert_eq!(rows(&answer), expect);
    assert_eq!(answer.body["row_count"], months.len());
    assert_eq!(answer.body["truncated"], false);
    let named = [("month", "date"), ("total_revenue", "decimal")];
    assert_eq!(columns(&answer), named.map(|(a, b)| (a.to_owned(), b.to_owned())));

    let sentence = answer.body["answer"].as_str().unwrap();
    let (first, last) = (months.values().next().unwrap(), months.values().next_back().unwrap());
    let peak = months.values().max().unwrap();
    for cents in [first, last, peak] {
        assert!(sentence.contains(&spoken(*cents)), "{} is not in: {sentence}", spoken(*cents));
    }
    let sql = answer.body["sql"].as_str().unwrap();
    for part in ["sales", "revenue", "order_date", "GROUP BY"] {
        assert!(sql.contains(part), "{part} is not in: {sql}");
    }
    let chart = &answer.body["chart"];
    assert_eq!(chart["$schema"], "https://vega.github.io/schema/vega-lite/v5.json");
    assert_eq!(chart["encoding"]["x"]["field"], "month");
    assert_eq!(chart["encoding"]["y"]["field"], "total_revenue");
    let points = chart["data"]["values"].as_array().unwrap();
    assert_eq!(points.len(), months.len());
    for (point, (month, cents)) in points.iter().zip(&months) {
        assert_eq!(point["month"], month.as_str());
        let drawn = point["total_revenue"].as_f64().unwrap() * 100.0;
        assert_eq!(format!("{drawn:.0}"), cents.to_string(), "{point}");
    }
}

#[tokio::test]
async fn the_interpretation_says_what_was_computed() {
    let (server, owner, _) = with_sales(200, 6).await;
    let question =
        json!({"question": "revenue by month in 2025 for Nordics", "today": "2026-02-03"});
    let answer = server.send(&owner, Method::POST, "/query", question).await;
    answered(&answer);
    let seen = &answer.body["interpretation"];
    let expect = [
        "table",
        "table_version",
        "metrics",
        "groups",
        "filters",
        "date_range",
        "grain",
        "currency",
        "as_of",
        "notes",
        "words",
    ];
    assert_eq!(keys(seen), BTreeSet::from(expect), "{seen}");
    let table = server.get(&owner, "/tables/sales").await;
    assert_eq!((&seen["table"], &seen["table_version"]), (&json!("sales"), &table.body["version"]));
    assert_eq!(seen["grain"], "month");
    assert!(seen["metrics"][0].as_str().unwrap().contains("sum of revenue"), "{seen}");
    assert!(seen["groups"][0].as_str().unwrap().contains("order_date"), "{seen}");
    let filters = seen["filters"].to_string();
    assert!(filters.contains("region is Nordics"), "{seen}");
    assert_eq!(keys(&seen["date_range"]), BTreeSet::from(["column", "from", "to", "words"]));
    let range = &seen["date_range"];
    assert_eq!(
        (&range["from"], &range["to"]),
        (&json!("2025-01-01"), &json!("2026-01-01")),
        "{seen}"
    );
    let words: Vec<&str> = seen["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["text"].as_str().unwrap())
        .collect();
    assert!(words.iter().any(|word| word.contains("Nordics")), "{words:?}");
    let confidence = answer.body["confidence"].as_f64().unwrap();
    assert!(confidence > 0.0 && confidence <= 1.0, "{confidence}");
    assert_eq!(answer.body["source"], "rules");
    let timing = &answer.body["timing_ms"];
    assert_eq!(keys(timing), BTreeSet::from(["translate", "run", "total"]));
    let ms = |name: &str| timing[name].as_f64().unwrap();
    assert!(ms("translate") >= 0.0 && ms("run") > 0.0 && ms("total") >= ms("run"), "{timing}");
}

#[tokio::test]
async fn figures_are_those_that_can_be_counted_by_hand() {
    let (server, owner, sales) = with_sales(1000, 7).await;
    let one = |value: String| vec![vec![value]];
    let pairs = |groups: std::collections::BTreeMap<String, i64>| {
        let mut pairs: Vec<(String, i64)> = groups.into_iter().collect();
        pairs.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        pairs.into_iter().map(|(name, cents)| vec![name, euros(cents)]).collect::<Vec<_>>()
    };
    let by_region = |sales: &Sales| pairs(sales.revenue_by(|sale| sale.region.to_owned()));
    let by_product = pairs(sales.revenue_by(|sale| sale.product.clone()));
    let in_2025 = sales.only(|sale| sale.date.starts_with("2025"));
    let nordic = sales.only(|sale| sale.region == "Nordics");
    let march = sales.only(|sale| sale.date.starts_with("2025-03"));
    let customers: BTreeSet<&str> = sales.0.iter().map(|sale| sale.customer.as_str()).collect();
    let quantity: i64 = sales.0.iter().map(|sale| sale.quantity).sum();
    let largest = sales.0.iter().map(|sale| sale.cents).max().unwrap();
    let smallest = sales.0.iter().map(|sale| sale.cents).min().unwrap();
    let regions = |names: &[&str]| names.iter().map(|name| vec![(*name).to_owned()]).collect();
    for (question, expect) in [
        ("total revenue", one(euros(sales.revenue()))),
        ("total revenue by region", by_region(&sales)),
        ("revenue by region in 2025", by_region(&in_2025)),
        ("revenue in Nordics", one(euros(nordic.revenue()))),
        ("revenue in March 2025", one(euros(march.revenue()))),
        (
            "revenue for Nordics and Iberia by region",
            by_region(&sales.only(|sale| matches!(sale.region, "Nordics" | "Iberia"))),
        ),
        ("top 3 products by revenue", by_product[..3].to_vec()),
        ("bottom 2 products by revenue", by_product.iter().rev().take(2).cloned().collect()),
        ("how many rows", one("1000".to_owned())),
        ("how many customers", one(customers.len().to_string())),
        ("total quantity", one(quantity.to_string())),
        ("highest revenue", one(euros(largest))),
        ("lowest revenue", one(euros(smallest))),
        ("list all regions", regions(&["Balkans", "Benelux", "Iberia", "Nordics"])),
    ] {
        let answer = server.ask(&owner, question).await;
        answered(&answer);
        assert_eq!(rows(&answer), expect, "{question}: {}", answer.body["sql"]);
    }
    let answer = server.ask(&owner, "average revenue").await;
    let average: f64 = rows(&answer)[0][0].parse().unwrap();
    let expect: f64 = euros(sales.revenue()).parse::<f64>().unwrap() / 1000.0;
    assert!((average - expect).abs() < 0.000_1, "{average} {expect}");
}

#[tokio::test]
async fn no_digit_of_a_long_sum_is_lost() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let rows_of = "999999999999999999999999.99\n".repeat(3);
    server.upload(&owner, "ledger.csv", &format!("amount\n{rows_of}0.04\n")).await;
    let answer = server.ask(&owner, "total amount").await;
    answered(&answer);
    assert_eq!(rows(&answer), [["3000000000000000000000000.01"]], "{}", answer.text);
    assert_eq!(columns(&answer)[0].1, "decimal");
}

#[tokio::test]
async fn relative_dates_are_counted_from_today_or_from_the_day_given() {
    let (server, owner, sales) = with_sales(600, 8).await;
    let month = |month: &str| euros(sales.only(|sale| sale.date.starts_with(month)).revenue());
    let ask = async |body: Value| {
        let answer = server.send(&owner, Method::POST, "/query", body).await;
        answered(&answer);
        (rows(&answer)[0][0].clone(), answer.body["interpretation"]["as_of"].clone())
    };
    let question = "revenue last month";
    assert_eq!(ask(json!({"question": question})).await, (month("2026-05"), json!("2026-06-17")));
    let given = json!({"question": question, "today": "2025-11-30"});
    assert_eq!(ask(given).await, (month("2025-10"), json!("2025-11-30")));
    // The company's own midnight decides: on 1 June at 03:00 in UTC it is still May in Honolulu.
    server.advance(chrono::Duration::days(-17) + chrono::Duration::hours(15));
    let owner = server.log_in(&owner.email, crate::server::PASSWORD).await;
    let patch = json!({"time_zone": "Pacific/Honolulu"});
    let answer = server.send(&owner, Method::PATCH, "/company", patch).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer = server.ask(&owner, question).await;
    assert_eq!(answer.body["interpretation"]["as_of"], "2026-05-31", "{}", answer.text);
    assert_eq!(rows(&answer), [[month("2026-04")]]);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_its_words() {
    let (server, owner, _) = with_sales(50, 1).await;
    for (question, words) in [
        ("revenue by store", vec!["store"]),
        ("revenue by month for blue widgets", vec!["blue widgets"]),
        ("revenue in Spain", vec!["Spain"]),
        ("delete all customers", vec!["delete"]),
    ] {
        let answer = server.ask(&owner, question).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["status"], "not_answerable", "{}", answer.text);
        assert_eq!(answer.body["not_understood"], json!(words), "{}", answer.text);
        assert!(answer.body["answer"].as_str().unwrap().len() > 10, "{}", answer.text);
        for empty in ["sql", "chart", "interpretation"] {
            assert_eq!(answer.body[empty], Value::Null, "{empty}: {}", answer.text);
        }
        assert_eq!((&answer.body["columns"], &answer.body["rows"]), (&json!([]), &json!([])));
        assert_eq!(
            (&answer.body["row_count"], &answer.body["truncated"]),
            (&json!(0), &json!(false))
        );
        assert!(answer.body.get("choices").is_none());
    }
    // A company without a table has nothing to ask.
    let empty = server.sign_up("empty").await;
    let answer = server.ask(&empty, "revenue by month").await;
    assert_eq!(answer.body["status"], "not_answerable", "{}", answer.text);
}

#[tokio::test]
async fn an_ambiguous_question_is_asked_back_with_choices() {
    let (server, owner, _) = with_sales(50, 1).await;
    let answer = server.ask(&owner, "average revenue per customer").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["status"], "needs_clarification", "{}", answer.text);
    assert!(answer.body["answer"].as_str().unwrap().ends_with('?'), "{}", answer.text);
    let choices = answer.body["choices"].as_array().unwrap();
    assert!(choices.len() >= 2, "{}", answer.text);
    let labels: BTreeSet<&str> =
        choices.iter().map(|choice| choice["label"].as_str().unwrap()).collect();
    assert_eq!(labels.len(), choices.len(), "labels tell the choices apart");
    for choice in choices {
        assert_eq!(keys(choice), BTreeSet::from(["choice", "label", "question", "interpretation"]));
        assert_eq!(choice["interpretation"]["table"], "sales");
        let body = json!({"question": "average revenue per customer", "choice": choice["choice"]});
        let chosen = server.send(&owner, Method::POST, "/query", body).await;
        answered(&chosen);
        assert_eq!(chosen.body["interpretation"]["metrics"], choice["interpretation"]["metrics"]);
    }
    let body = json!({"question": "average revenue per customer", "choice": choices.len()});
    let beyond = server.send(&owner, Method::POST, "/query", body).await;
    refused(&beyond, 422, "invalid");
    assert_eq!(first_error(&beyond), ("body.choice".to_owned(), "out_of_range".to_owned()));
    assert_eq!((&answer.body["rows"], &answer.body["sql"]), (&json!([]), &Value::Null));
    assert!(answer.body.get("not_understood").is_none());
}

#[tokio::test]
async fn a_conversation_keeps_its_name_and_each_question_has_its_own() {
    let (server, owner, _) = with_sales(50, 1).await;
    let first = server.ask(&owner, "total revenue").await;
    let id = first.body["conversation_id"].clone();
    let body = json!({"question": "total revenue", "conversation_id": id});
    let second = server.send(&owner, Method::POST, "/query", body).await;
    assert_eq!(second.body["conversation_id"], id);
    assert_ne!(second.body["query_id"], first.body["query_id"]);
    let third = server.ask(&owner, "total revenue").await;
    assert_ne!(third.body["conversation_id"], id);
    let version =
        |id: &Value| id.as_str().unwrap().parse::<uuid::Uuid>().unwrap().get_version_num();
    assert_eq!((version(&id), version(&first.body["query_id"])), (4, 4));
}

#[tokio::test]
async fn a_question_may_go_on_from_the_last_one_of_its_conversation_and_of_no_other() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let content = "order_no,country,sold_on,amount\n1,Italy,2026-01-05,10.50\n2,Germany,2026-01-06,4.00\n\
                   3,Germany,2026-02-07,6.25\n4,Italy,2026-02-08,1.00\n";
    server.load(&owner, "orders.csv", content).await;
    let first = server.ask(&owner, "total amount by country").await;
    answered(&first);
    let on = |id: &Value| json!({"question": "only Germany", "conversation_id": id});
    let follow = on(&first.body["conversation_id"]);
    let next = server.send(&owner, Method::POST, "/query", follow).await;
    answered(&next);
    assert_eq!(checks::rows(&next), [["Germany", "10.25"]], "{}", next.text);
    let another = server.ask(&owner, "how many orders").await;
    let elsewhere =
        server.send(&owner, Method::POST, "/query", on(&another.body["conversation_id"])).await;
    assert_ne!(checks::rows(&elsewhere), checks::rows(&next), "{}", elsewhere.text);
}

#[tokio::test]
async fn more_rows_than_the_limit_are_cut_off_and_said_to_be() {
    let environment = [("PACIOLI_ENGINE__ROW_LIMIT", "7"), ("PACIOLI_LIMITS__ENABLED", "false")];
    let server = Server::start_with(&environment).await;
    let owner = server.sign_up("owner").await;
    let sales = Sales::of(400, 2);
    server.upload(&owner, "sales.csv", &sales.csv()).await;
    let answer = server.ask(&owner, "revenue by customer").await;
    answered(&answer);
    assert_eq!((&answer.body["truncated"], &answer.body["row_count"]), (&json!(true), &json!(7)));
    let mut customers: Vec<(String, i64)> =
        sales.revenue_by(|sale| sale.customer.clone()).into_iter().collect();
    customers.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let expect: Vec<Vec<String>> =
        customers.into_iter().take(7).map(|(name, cents)| vec![name, euros(cents)]).collect();
    assert_eq!(rows(&answer), expect);
    assert!(answer.body["answer"].as_str().unwrap().contains("there are more"), "{}", answer.text);
    // Exactly as many as fit is all of them.
    let answer = server.ask(&owner, "top 7 customers by revenue").await;
    assert_eq!((&answer.body["truncated"], &answer.body["row_count"]), (&json!(false), &json!(7)));
}

#[tokio::test]
async fn an_employee_asks_and_sees_but_does_not_load() {
    let (server, owner, sales) = with_sales(100, 3).await;
    let employee = server.add_user(&owner, "employee").await;
    let answer = server.ask(&employee, "total revenue").await;
    answered(&answer);
    assert_eq!(rows(&answer), [[euros(sales.revenue())]]);
    assert_eq!(server.get(&employee, "/tables/sales").await.body["rows"], 100);
    refused(&server.upload(&employee, "sales.csv", "a\n1\n").await, 403, "insufficient_role");
    let answer = server.send(&employee, Method::DELETE, "/tables/sales", Value::Null).await;
    refused(&answer, 403, "insufficient_role");
    assert_eq!(checks::files_under(&server.app.config.data_dir.join("spool")), 0);
}

#[tokio::test]
async fn a_question_sees_one_version_of_a_table_that_is_replaced_meanwhile() {
    let (server, owner, first) = with_sales(400, 1).await;
    let versions: Vec<Sales> = (2..8).map(|seed| Sales::of(400, seed)).collect();
    let all = std::iter::once(&first).chain(&versions);
    let known: BTreeSet<String> = all.map(|sales| euros(sales.revenue())).collect();
    assert_eq!(known.len(), 7);
    let replace = async {
        for sales in &versions {
            let answer = server.upload(&owner, "sales.csv", &sales.csv()).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        }
    };
    let ask = async || {
        for _ in 0..12 {
            let answer = server.ask(&owner, "total revenue").await;
            answered(&answer);
            assert!(known.contains(&rows(&answer)[0][0]), "{}", answer.text);
        }
    };
    tokio::join!(replace, ask(), ask());
    let answer = server.ask(&owner, "total revenue").await;
    assert_eq!(rows(&answer), [[euros(versions[5].revenue())]]);
}

#[tokio::test]
async fn a_question_that_is_none_is_refused() {
    let (server, owner, _) = with_sales(10, 1).await;
    let long = "revenue ".repeat(126);
    for (body, place, kind) in [
        (json!({}), "body.question", "missing"),
        (json!({"question": ""}), "body.question", "value_error"),
        (json!({"question": "   "}), "body.question", "value_error"),
        (json!({"question": long}), "body.question", "value_error"),
        (json!({"question": "a\nb"}), "body.question", "value_error"),
        (json!({"question": "a\u{0}b"}), "body.question", "value_error"),
        (json!({"question": "a\u{202e}b"}), "body.question", "value_error"),
        (json!({"question": ["revenue"]}), "body.question", "type_error"),
        (json!({"question": {"$ne": null}}), "body.question", "type_error"),
        (json!({"question": "revenue", "table": "x"}), "body.table", "extra_forbidden"),
        (json!({"question": "revenue", "today": "yesterday"}), "body.today", "value_error"),
        (json!({"question": "revenue", "today": "2026-02-30"}), "body.today", "value_error"),
        (
            json!({"question": "revenue", "conversation_id": "x"}),
            "body.conversation_id",
            "value_error",
        ),
    ] {
        let answer = server.send(&owner, Method::POST, "/query", body.clone()).await;
        refused(&answer, 422, "invalid");
        assert_eq!(
            first_error(&answer),
            (place.to_owned(), kind.to_owned()),
            "{body}: {}",
            answer.text
        );
    }
    // As long as allowed is only not understood.
    let longest = "x ".repeat(500);
    let answer = server.ask(&owner, longest.trim_end()).await;
    assert_eq!(answer.body["status"], "not_answerable", "{}", answer.text);
}

/// The events of an answer: their names and data.
fn events(text: &str) -> Vec<(String, Value)> {
    let told = text.split("\n\n").filter(|event| !event.trim().is_empty());
    let told = told.map(|event| {
        let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        (line("event: ").to_owned(), serde_json::from_str(line("data: ")).unwrap())
    });
    told.collect()
}

#[tokio::test]
async fn a_question_is_told_as_events_when_they_are_asked_for() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", "region,revenue\nNorth,10.50\nSouth,4.25\n").await;
    let ask = async |body: Value| {
        let request = server.request(Method::POST, "/query").bearer_auth(&owner.token);
        let request = request.header("accept", "text/event-stream").json(&body);
        Answer::of(request.send().await.unwrap()).await
    };
    let id = "5f0c1f5e-94a6-4a0e-8e39-5b0e2f4d1a11";
    let told = ask(json!({"question": "revenue by region", "query_id": id})).await;
    assert_eq!((told.status.as_u16(), told.header("content-type")), (200, "text/event-stream"));
    let told = events(&told.text);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["stage", "stage", "answer"], "{told:?}");
    assert_eq!(told[0].1, json!({"stage": "understanding", "query_id": id}));
    assert_eq!(told[1].1, json!({"stage": "running", "query_id": id}));
    let answer = &told[2].1;
    assert_eq!(answer["rows"], json!([["North", 10.5], ["South", 4.25]]), "{answer}");
    assert_eq!((&answer["status"], &answer["query_id"]), (&json!("answered"), &json!(id)));

    let refused = events(&ask(json!({"question": "xyzzy"})).await.text);
    let names: Vec<&str> = refused.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["stage", "answer"], "{refused:?}");
    assert_eq!(refused[1].1["status"], "not_answerable");

    // A fault that shows on the way is the last event; one that shows before is an answer as ever.
    let table = server.app.store.table_versions().await.unwrap();
    for (company, name, version) in table {
        server.app.files.delete(company, &name, version).await.unwrap();
    }
    let failed = events(&ask(json!({"question": "total revenue"})).await.text);
    let (name, problem) = failed.last().unwrap();
    assert_eq!((name.as_str(), &problem["code"]), ("error", &json!("conflict")), "{failed:?}");
    assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
    assert_eq!(ask(json!({"question": ""})).await.status, 422);
}
