//! `/tables`: what is known of a company's tables, and of no other company's.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    checks::{self, refused},
    sales::Sales,
    server::Server,
};

const ALL_TYPES: &str = "\
Name,Size,Price,Share,Day,Seen at,Open,Gone
Oslo,3,10.50,1.5e-3,2025-03-01,2025-03-01T12:00:00Z,true,
Bergen,-4,0.05,2.5e3,2024-02-29,2024-12-31T23:59:59Z,false,
,3,,,,,,
Ålesund,7,-10.00,0.25,2025-03-01,2025-03-01T12:00:01Z,true,
";

#[tokio::test]
async fn a_table_shows_its_columns_what_is_in_them_and_its_first_rows() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let loaded = server.upload(&owner, "all.csv", ALL_TYPES).await;
    assert_eq!(loaded.status, StatusCode::CREATED, "{}", loaded.text);
    let table = server.get(&owner, "/tables/all").await;
    assert_eq!(table.status, StatusCode::OK, "{}", table.text);
    let mut body = table.body.clone();
    let (schema, sample) = (body["schema"].take(), body["sample"].take());
    let in_detail_alone =
        ["schema", "sample", "primary_key", "relationships", "date_coverage", "findings"];
    body.as_object_mut().unwrap().retain(|key, _| !in_detail_alone.contains(&key.as_str()));
    assert_eq!(body, loaded.body["table"]);

    let column =
        |name: &str, label: &str, kind: &str, nulls: u64, distinct: u64, min: Value, max: Value| {
            json!({"name": name, "label": label, "type": kind, "nulls": nulls, "distinct": distinct,
               "distinct_is_exact": true, "min": min, "max": max})
        };
    let mut name = column("name", "Name", "text", 1, 3, json!("Bergen"), json!("Ålesund"));
    name["values"] = json!(["Bergen", "Oslo", "Ålesund"]);
    let mut gone = column("gone", "Gone", "text", 4, 0, Value::Null, Value::Null);
    gone["values"] = json!([]);
    let expect = [
        name,
        column("size", "Size", "integer", 0, 3, json!(-4), json!(7)),
        column("price", "Price", "decimal", 1, 3, json!(-10.00), json!(10.50)),
        column("share", "Share", "float", 1, 3, json!(0.0015), json!(2500.0)),
        column("day", "Day", "date", 1, 2, json!("2024-02-29"), json!("2025-03-01")),
        column(
            "seen_at",
            "Seen at",
            "timestamp",
            1,
            3,
            json!("2024-12-31T23:59:59Z"),
            json!("2025-03-01T12:00:01Z"),
        ),
        column("open", "Open", "boolean", 1, 2, json!(false), json!(true)),
        gone,
    ];
    for (seen, expect) in schema.as_array().unwrap().iter().zip(&expect) {
        assert_eq!(seen, expect);
    }
    assert_eq!(schema.as_array().unwrap().len(), expect.len());

    let types: Vec<&str> = sample["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["text", "integer", "decimal", "float", "date", "timestamp", "boolean", "text"]
    );
    let rows = json!([
        ["Oslo", 3, 10.50, 0.0015, "2025-03-01", "2025-03-01T12:00:00Z", true, null],
        ["Bergen", -4, 0.05, 2500.0, "2024-02-29", "2024-12-31T23:59:59Z", false, null],
        [null, 3, null, null, null, null, null, null],
        ["Ålesund", 7, -10.00, 0.25, "2025-03-01", "2025-03-01T12:00:01Z", true, null],
    ]);
    assert_eq!(sample["rows"], rows, "{}", table.text);
    assert!(
        table.text.contains("[\"Oslo\",3,10.50,"),
        "a decimal keeps its digits: {}",
        table.text
    );
}

#[tokio::test]
async fn the_sample_is_the_first_ten_rows_of_the_file() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let sales = Sales::of(5000, 9);
    server.upload(&owner, "sales.csv", &sales.csv()).await;
    let table = server.get(&owner, "/tables/sales").await;
    assert_eq!(table.body["rows"], 5000);
    let rows = table.body["sample"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 10);
    for (row, sale) in rows.iter().zip(&sales.0) {
        assert_eq!(row[0], sale.date.as_str());
        assert_eq!(row[1], sale.region);
        assert_eq!(row[4], sale.quantity);
    }
    let quantities: std::collections::BTreeSet<i64> =
        sales.0.iter().map(|sale| sale.quantity).collect();
    assert_eq!(table.body["schema"][4]["distinct"], quantities.len());
    let regions = &table.body["schema"][1]["values"];
    assert_eq!(regions, &json!(["Balkans", "Benelux", "Iberia", "Nordics"]));
}

#[tokio::test]
async fn a_deleted_table_is_gone_everywhere() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.upload(&owner, "sales.csv", &Sales::of(20, 1).csv()).await;
    let answer = server.send(&owner, Method::DELETE, "/tables/sales", Value::Null).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
    refused(&server.get(&owner, "/tables/sales").await, 404, "not_found");
    assert_eq!(server.get(&owner, "/tables").await.body["items"], json!([]));
    let answer = server.ask(&owner, "total revenue").await;
    assert_eq!(answer.body["status"], "not_answerable", "{}", answer.text);
    let again = server.send(&owner, Method::DELETE, "/tables/sales", Value::Null).await;
    refused(&again, 404, "not_found");
    // Its name is free.
    let answer = server.upload(&owner, "sales.csv", &Sales::of(30, 2).csv()).await;
    assert_eq!(answer.body["table"]["rows"], 30);
}

#[tokio::test]
async fn a_name_that_names_no_table_is_not_found() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.upload(&owner, "sales.csv", &Sales::of(20, 1).csv()).await;
    for name in [
        "nothing",
        "Sales",
        "sales%20",
        "%2e%2e%2fsales",
        "sales%00",
        "%ff",
        "sal%22es",
        &"s".repeat(5000),
    ] {
        refused(&server.get(&owner, &format!("/tables/{name}")).await, 404, "not_found");
        let answer =
            server.send(&owner, Method::DELETE, &format!("/tables/{name}"), Value::Null).await;
        refused(&answer, 404, "not_found");
    }
    assert_eq!(server.get(&owner, "/tables/sales").await.status, StatusCode::OK);
}

#[tokio::test]
async fn equally_named_tables_of_two_companies_never_meet() {
    let server = Server::start().await;
    let people = [server.sign_up("first").await, server.sign_up("second").await];
    let sales = [Sales::of(120, 11), Sales::of(75, 12)];
    let mut jobs = Vec::new();
    for (person, sales) in people.iter().zip(&sales) {
        let secret = format!(
            "{}2025-01-01,Nordics,Only of {},Product Anvil,1,1.00\n",
            sales.csv(),
            person.email
        );
        let answer = server.upload(person, "sales.csv", &secret).await;
        jobs.push(answer.body["job_id"].as_str().unwrap().to_owned());
    }
    for (at, (person, sales)) in people.iter().zip(&sales).enumerate() {
        let other = &people[1 - at].email;
        let total = server.ask(person, "total revenue").await;
        assert_eq!(checks::rows(&total), [[crate::sales::euros(sales.revenue() + 100)]]);
        let mut seen = Vec::new();
        for path in ["/tables", "/tables/sales"] {
            seen.push(server.get(person, path).await.text);
        }
        for question in ["list all customers", "revenue by customer"] {
            seen.push(server.ask(person, question).await.text);
        }
        assert!(seen.iter().any(|text| text.contains(&person.email)), "{seen:?}");
        assert!(seen.iter().all(|text| !text.contains(other.as_str())), "{seen:?}");
        // Not even the other's values are words that a question can hold.
        let foreign = server.ask(person, &format!("revenue of Only of {other}")).await;
        assert_eq!(foreign.body["status"], "not_answerable", "{}", foreign.text);
        refused(&server.get(person, &format!("/jobs/{}", jobs[1 - at])).await, 404, "not_found");
        assert_eq!(server.get(person, &format!("/jobs/{}", jobs[at])).await.status, StatusCode::OK);
    }
    // Deleting one's own leaves the other's.
    server.send(&people[0], Method::DELETE, "/tables/sales", Value::Null).await;
    assert_eq!(server.get(&people[1], "/tables/sales").await.body["rows"], 76);
}
