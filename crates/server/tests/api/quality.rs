//! What is doubtful in a company's tables, and who hears of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    reports::{asked, books},
    server::{Person, Server},
};

const CUSTOMERS: &str = "id,city,note\n1,Berlin,\n2,berlin,\n3,Wien,\n";
const ORDERS: &str = "order_no,customer_id,ordered_on\n1,1,2025-01-10\n2,2,2025-02-11\n3,1,2025-03-12\n\
                      4,2,2025-04-10\n5,3,2025-05-11\n6,1,2025-07-12\n7,1,2025-08-10\n8,2,2025-09-11\n\
                      9,3,2025-10-12\n10,9,2031-11-12\n";

async fn load(server: &Server, person: &Person) {
    for (file, content) in [("customers.csv", CUSTOMERS), ("orders.csv", ORDERS)] {
        server.load(person, file, content).await;
    }
}

fn kinds(findings: &Value) -> Vec<String> {
    let each = findings.as_array().unwrap().iter();
    let text = |it: &Value, member: &str| it[member].as_str().unwrap().to_owned();
    each.map(|it| format!("{} {}", text(it, "kind"), text(it, "table"))).collect()
}

#[tokio::test]
async fn findings_are_listed_worst_first_for_a_company_and_for_a_table() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    assert_eq!(server.get(&owner, "/quality").await.body["items"], json!([]));
    load(&server, &owner).await;
    let all = server.get(&owner, "/quality").await;
    assert_eq!(all.status, 200, "{}", all.text);
    assert_eq!(
        kinds(&all.body["items"]),
        [
            "orphans orders",
            "spelled_differently customers",
            "future_days orders",
            "empty_column customers"
        ]
    );
    assert_eq!(
        all.body["items"][0],
        json!({"severity": "high", "kind": "orphans", "table": "orders", "columns": ["customer_id"],
               "rows": 1, "detail": "1 row name nothing that is in customers."})
    );
    let one = server.get(&owner, "/tables/customers").await;
    assert_eq!(
        kinds(&one.body["findings"]),
        ["spelled_differently customers", "empty_column customers"]
    );
    // What is mended is no longer told.
    let loaded = server
        .upload(&owner, "customers.csv", "id,city\n1,Berlin\n2,Berlin\n3,Wien\n9,Bern\n")
        .await;
    assert_eq!(loaded.status, 201, "{}", loaded.text);
    let all = server.get(&owner, "/quality").await;
    assert_eq!(kinds(&all.body["items"]), ["future_days orders"], "{}", all.text);
}

#[tokio::test]
async fn findings_of_one_company_are_unknown_to_another() {
    let server = Server::start().await;
    let (one, other) = (server.sign_up("one").await, server.sign_up("other").await);
    load(&server, &one).await;
    assert_eq!(server.get(&other, "/quality").await.body["items"], json!([]));
}

#[tokio::test]
async fn nothing_is_told_of_columns_that_a_person_may_not_see() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    load(&server, &owner).await;
    let body = json!({"version": 0, "policies": {"no_city": {
        "roles": ["user"], "table": "customers", "hidden_columns": ["city"]}}});
    let done = server.send(&owner, Method::PATCH, "/semantics", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let user = server.add_user(&owner, "user").await;
    let seen = server.get(&user, "/quality").await;
    assert!(!seen.text.contains("erlin") && !seen.text.contains("city"), "{}", seen.text);
    assert!(kinds(&seen.body["items"]).contains(&"empty_column customers".to_owned()));
}

#[tokio::test]
async fn what_is_badly_doubtful_is_told_before_what_it_makes_doubtful() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let customers =
        "id,city\n1,Bonn\n2,Kiel\n3,Wien\n4,Graz\n5,Linz\n6,Bern\n7,Chur\n8,Zug\n9,Rom\n";
    server.load(&owner, "customers.csv", customers).await;
    // Every tenth sale is one of a customer that there is not.
    let mut sales = String::new();
    for (row, line) in books("2025-07-01").lines().enumerate() {
        let customer = if row == 0 { "customer_id".to_owned() } else { (row % 10 + 1).to_string() };
        sales.extend([line, ",", &customer, "\n"]);
    }
    server.load(&owner, "sales.csv", &sales).await;
    let report = asked(&server, &owner, json!({"kind": "sales", "today": "2026-01-10"})).await;
    let findings = report.body["findings"].as_array().unwrap();
    let first = &findings[0]["fact"];
    assert_eq!(
        (&first["kind"], &first["problem"], &first["severity"]),
        (&json!("data_quality"), &json!("orphans"), &json!("high")),
        "{}",
        report.text
    );
    assert!(findings.len() > 1, "{}", report.text);
    for finding in &findings[1..] {
        let caveats = finding["caveats"].as_array().unwrap();
        assert!(caveats.contains(&json!("doubtful_data")), "{finding}");
    }
}
