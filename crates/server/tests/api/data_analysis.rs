//! Why, what comes next, what is unusual: answered by the functions that reports are made of.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{reports::asked, server::Server};

/// Two years of two regions, to the end of May 2026; in the last month the North loses most of its own.
pub fn sales() -> String {
    let mut csv = "sold_on,region,revenue\n".to_owned();
    for month in 0..24_u32 {
        let (year, number) = (2024 + (month + 5) / 12, (month + 5) % 12 + 1);
        let last = if number == 2 { 28 } else { 30 };
        let north = if month == 23 { 300 } else { 1000 + month * 7 % 31 };
        for (region, revenue) in [("North", north), ("South", 800 + month * 11 % 37)] {
            for day in [1, last] {
                csv.extend([format!("{year}-{number:02}-{day:02},{region},{revenue}.00\n")]);
            }
        }
    }
    csv
}

#[tokio::test]
async fn why_is_answered_by_the_members_that_add_up_to_the_change() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let answer = server.ask(&owner, "why did revenue fall in May 2026").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["status"], "answered", "{}", answer.text);
    let said = answer.body["answer"].as_str().unwrap();
    assert!(said.contains("North"), "{said}");
    let rows = answer.body["rows"].as_array().unwrap();
    let change: f64 = rows.iter().map(|row| row[3].as_f64().unwrap()).sum();
    // The same month a year before.
    let (before, after) = (f64::from(2 * ((1000 + 11 * 7 % 31) + (800 + 11 * 11 % 37))), 600.0);
    let after = after + f64::from(2 * (800 + 23 * 11 % 37));
    assert_eq!(rows[0][0], "North", "{}", answer.text);
    assert!((change - (after - before)).abs() < 1e-6, "{change} {}", answer.text);
    assert!(answer.body["sql"].as_str().unwrap().starts_with("SELECT"), "{}", answer.text);
    // A premise that is wrong is said to be wrong.
    let answer = server.ask(&owner, "why did revenue rise in May 2026").await;
    let said = answer.body["answer"].as_str().unwrap();
    assert!(said.contains("did not rise"), "{said}");
}

#[tokio::test]
async fn what_comes_next_is_told_with_its_range_and_never_from_too_little() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let answer = server.ask(&owner, "forecast revenue for the next 3 months").await;
    assert_eq!(answer.body["status"], "answered", "{}", answer.text);
    let ahead: Vec<&Value> =
        answer.body["rows"].as_array().unwrap().iter().filter(|row| !row[2].is_null()).collect();
    assert!(ahead.len() >= 3, "{}", answer.text);
    for row in ahead {
        let number = |place: usize| row[place].as_f64().unwrap();
        assert!(number(3) <= number(2) && number(2) <= number(4), "{row}");
    }
    let few: String = sales().lines().take(17).flat_map(|line| [line, "\n"]).collect();
    let other = server.sign_up("other").await;
    server.load(&other, "sales.csv", &few).await;
    let answer = server.ask(&other, "forecast revenue for the next 3 months").await;
    assert_eq!(answer.body["status"], "not_answerable", "{}", answer.text);
    assert!(answer.body["answer"].as_str().unwrap().contains("8 whole periods"), "{}", answer.text);
    assert_eq!(answer.body["rows"], json!([]));
}

#[tokio::test]
async fn what_is_unusual_is_told_or_that_nothing_is() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let answer = server.ask(&owner, "anything unusual in revenue").await;
    assert_eq!(answer.body["status"], "answered", "{}", answer.text);
    let said = answer.body["answer"].as_str().unwrap();
    assert!(!said.starts_with("Nothing unusual"), "{said}");
    let calm = sales().replace("North,300.00", "North,1005.00");
    let other = server.sign_up("other").await;
    server.load(&other, "sales.csv", &calm).await;
    let answer = server.ask(&other, "anything unusual in revenue").await;
    let said = answer.body["answer"].as_str().unwrap();
    assert!(said.starts_with("Nothing unusual"), "{said}");
}

#[tokio::test]
async fn a_question_why_and_a_report_say_the_same() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let metric = json!({"label": "Revenue", "expression": "sum(sales.revenue) on sales.sold_on"});
    let declared = json!({"version": 0, "metrics": {"revenue": metric}});
    let answer = server.send(&owner, Method::PATCH, "/semantics", declared).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for language in ["en", "de"] {
        for compare in [Value::Null, json!("previous")] {
            let mut body = json!({"kind": "overview", "language": language});
            let mut question = "why did revenue change in May 2026".to_owned();
            if !compare.is_null() {
                body["compare"] = compare;
                question.push_str(" compared to April 2026");
            }
            let report = asked(&server, &owner, body).await.body;
            let findings = report["findings"].as_array().unwrap();
            let found = findings.iter().find(|it| it["fact"]["kind"] == "drivers");
            let found = found.unwrap_or_else(|| panic!("{report}"));
            let body = json!({"question": question, "language": language});
            let answer = server.send(&owner, Method::POST, "/query", body).await.body;
            assert_eq!(answer["status"], "answered", "{answer}");
            for part in ["columns", "rows"] {
                assert_eq!(answer[part], found["evidence"][part], "{answer}");
            }
            let said = answer["answer"].as_str().unwrap();
            assert!(said.starts_with(found["sentences"][0].as_str().unwrap()), "{said}: {found}");
            let drawn = |chart: &Value| chart["layer"].clone();
            assert_eq!(drawn(&answer["chart"]), drawn(&found["chart"]));
        }
    }
}

/// Revenue of three regions that rises every year and falls from one month to the next in May 2026.
#[tokio::test]
async fn what_fell_is_compared_with_the_days_that_it_fell_from() {
    let mut csv = "sold_on,region,revenue\n".to_owned();
    for month in 0..24_u32 {
        let (year, number) = (2024 + (month + 5) / 12, (month + 5) % 12 + 1);
        for (place, region) in ["North", "South", "West"].iter().enumerate() {
            let rest = if month == 23 && place == 0 { 0 } else { 400 };
            let revenue = 500 + month * 60 + rest;
            csv.extend([format!("{year}-{number:02}-01,{region},{revenue}.00\n")]);
            csv.extend([format!("{year}-{number:02}-28,{region},{revenue}.00\n")]);
        }
    }
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &csv).await;
    let said = async |question: &str| {
        let answer = server.ask(&owner, question).await;
        assert_eq!(answer.body["status"], "answered", "{}", answer.text);
        answer.body["answer"].as_str().unwrap().to_owned()
    };
    let fell = said("why did revenue fall in May 2026").await;
    assert!(fell.contains("(April 2026)") && !fell.contains("did not"), "{fell}");
    for question in ["why did revenue rise in May 2026", "why did revenue change in May 2026"] {
        let rose = said(question).await;
        assert!(rose.contains("(May 2025)") && !rose.contains("did not"), "{rose}");
    }
}

/// Orders that name two customers each: by which of them they are to be told apart is not clear.
#[tokio::test]
async fn what_figures_cannot_be_broken_down_by_is_said() {
    let mut customers = "customer_id,customer_name\n".to_owned();
    customers.extend((1..=6).map(|id| format!("{id},Customer {id}\n")));
    let mut orders = "order_id,ordered_on,bill_to,ship_to,region,amount\n".to_owned();
    for number in 0..240_u32 {
        let (month, customer) = (number / 10, number % 6 + 1);
        let (year, of_year) = (2024 + (month + 5) / 12, (month + 5) % 12 + 1);
        let (other, region) = (6 - number % 6, ["North", "South"][(number % 2) as usize]);
        let day = if number % 10 == 9 { 28 } else { 1 + number % 10 };
        let amount = 100 + number * 7 % 31;
        orders.extend([format!(
            "{number},{year}-{of_year:02}-{day:02},{customer},{other},{region},{amount}.00\n"
        )]);
    }
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "customers.csv", &customers).await;
    server.load(&owner, "orders.csv", &orders).await;
    let reference =
        |column: &str| json!({"from": format!("orders.{column}"), "to": "customers.customer_id"});
    let declared = json!({"version": 0,
        "tables": {"customers": {"display": "customer_name", "label": "Customer", "labels": {"de": "Kunde"}}},
        "relationships": {"billed": reference("bill_to"), "shipped": reference("ship_to")},
        "metrics": {"revenue": {"label": "Revenue", "labels": {"de": "Umsatz"}, "expression": "sum(orders.amount) on orders.ordered_on"}}});
    let answer = server.send(&owner, Method::PATCH, "/semantics", declared).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let report = asked(&server, &owner, json!({"kind": "overview"})).await;
    let reason = "It could not be broken down by customers.customer_name.";
    let missing = json!([{"what": "Revenue", "names": [], "reason": reason}]);
    assert_eq!(report.body["missing"], missing, "{}", report.text);
    let path = format!("/reports/{}.html?language=de", report.body["id"].as_str().unwrap());
    let page = server.get(&owner, &path).await.text;
    let said = "Umsatz: Ohne Aufgliederung nach customers.customer_name.";
    assert!(page.contains(said), "{page}");
    let answer = server.ask(&owner, "why did revenue change in May 2026").await;
    let notes = &answer.body["interpretation"]["notes"];
    assert!(
        notes.to_string().contains("broken down by customers.customer_name"),
        "{}",
        answer.text
    );
}

/// Two years of five products in four regions; in the last month lamps are not sold in the North any more.
#[tokio::test]
async fn a_change_of_one_product_in_one_region_is_told_of_both() {
    let lines = |planted: bool| {
        let mut csv = "sold_on,region,product,revenue\n".to_owned();
        let regions = ["North", "South", "East", "West"];
        let products = ["Lamp", "Desk", "Chair", "Shelf", "Rug"];
        for month in 0..24_u32 {
            let (year, number) = (2024 + (month + 5) / 12, (month + 5) % 12 + 1);
            for (place, region) in (0_u32..).zip(regions) {
                for (kind, product) in (0_u32..).zip(products) {
                    for day in [1, 4, 8, 12, 17, 22, 28] {
                        let noise = (month * 31 + place * 17 + kind * 13 + day * 7) % 23;
                        let gone = planted && month == 23 && (place, kind) == (0, 0) && day > 1;
                        let revenue = if gone { 1 } else { 100 + noise };
                        csv.extend([format!(
                            "{year}-{number:02}-{day:02},{region},{product},{revenue}.00\n"
                        )]);
                    }
                }
            }
        }
        csv
    };
    let server = Server::start().await;
    for (name, planted) in [("owner", true), ("other", false)] {
        let owner = server.sign_up(name).await;
        server.load(&owner, "sales.csv", &lines(planted)).await;
        let report = asked(&server, &owner, json!({"kind": "overview"})).await.body;
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|it| it["fact"]["kind"] == "drivers");
        let answer = server.ask(&owner, "why did revenue change in May 2026").await;
        let said = answer.body["answer"].as_str().unwrap();
        if !planted {
            assert!(found.is_none_or(|it| it["fact"]["crossed"].is_null()), "{report}");
            assert!(!said.contains("combination"), "{said}");
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("{report}"));
        let crossed = &found["fact"]["crossed"];
        let both = [&crossed["member"], &crossed["other"]];
        assert!(both.contains(&&json!("Lamp")) && both.contains(&&json!("North")), "{found}");
        let number = |of: &Value| of.as_f64().unwrap();
        let change = number(&found["fact"]["value"]) - number(&found["fact"]["before"]);
        let parts =
            number(&crossed["after"]) - number(&crossed["before"]) + number(&crossed["rest"]);
        assert!((change - parts).abs() < 1e-6, "{found}");
        // The query of the drivers and two for each pair that was looked at and told.
        assert_eq!(found["queries"].as_array().unwrap().len(), 3, "{found}");
        let last = found["sentences"][1].as_str().unwrap();
        assert!(last.starts_with("It lies most clearly in one combination"), "{last}");
        assert!(said.contains(" lies most clearly in one combination"), "{said}");
    }
}

/// Revenue has regions and what is spent has none: profit has none either, and revenue keeps its own.
#[tokio::test]
async fn a_figure_without_members_takes_them_from_no_other() {
    let mut costs = "cost_id,paid_on,spent\n".to_owned();
    for month in 0..24_u32 {
        let (year, number) = (2024 + (month + 5) / 12, (month + 5) % 12 + 1);
        costs.extend([format!("{month},{year}-{number:02}-28,{}.00\n", 900 + month * 13 % 29)]);
    }
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    server.load(&owner, "costs.csv", &costs).await;
    let declared = json!({"version": 0, "metrics": {
        "revenue": {"label": "Revenue", "expression": "sum(sales.revenue) on sales.sold_on"},
        "spend": {"label": "Spend", "expression": "sum(costs.spent) on costs.paid_on"},
        "operating_profit": {"label": "Operating profit", "expression": "revenue - spend"},
    }});
    let answer = server.send(&owner, Method::PATCH, "/semantics", declared).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let report = asked(&server, &owner, json!({"kind": "overview"})).await.body;
    let reason = "It could not be broken down by sales.region.";
    let missing = json!([{"what": "Operating profit", "names": [], "reason": reason}]);
    assert_eq!(report["missing"], missing, "{report}");
    let findings = report["findings"].as_array().unwrap();
    let of_region = findings.iter().find(|it| {
        it["subject"]["metric"]["name"] == "revenue"
            && it["subject"]["dimension"]["label"] == "region"
    });
    assert!(of_region.is_some(), "{report}");
}
