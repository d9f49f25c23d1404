//! Why, what comes next, what is unusual: answered by the functions that reports are made of.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::server::Server;

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
    let (before, after) = (f64::from(2 * ((1000 + 22 * 7 % 31) + (800 + 22 * 11 % 37))), 600.0);
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
