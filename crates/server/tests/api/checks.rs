//! What many tests look at: refusals of the one shape, and what a refused request must not leave.

use std::path::Path;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::server::{Answer, Person, Server};

/// A refusal says what it is, what to do, and which request it answers.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    let seen = format!("{} {}", answer.status, answer.text);
    assert_eq!(answer.status.as_u16(), status, "{seen}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{seen}");
    assert_eq!(answer.code(), code, "{seen}");
    is_problem(answer);
}

/// The document of RFC 9457 with our members, all of them and no other.
#[track_caller]
pub fn is_problem(answer: &Answer) {
    let seen = format!("{} {}", answer.status, answer.text);
    let body = answer.body.as_object().unwrap_or_else(|| panic!("{seen}"));
    assert_eq!(body["status"], answer.status.as_u16(), "{seen}");
    assert_eq!(body["type"], format!("urn:pacioli:problem:{}", answer.code()), "{seen}");
    assert!(!body["title"].as_str().unwrap().is_empty(), "{seen}");
    assert!(body["detail"].as_str().unwrap().len() >= 10, "{seen}");
    assert_eq!(body["request_id"], answer.header("x-request-id"), "{seen}");
    assert!(!answer.header("x-request-id").is_empty(), "{seen}");
    let known = ["type", "title", "status", "detail", "code", "request_id", "errors"];
    assert!(body.keys().all(|key| known.contains(&key.as_str())), "{seen}");
    for error in body.get("errors").and_then(|errors| errors.as_array()).into_iter().flatten() {
        assert!(!error["loc"].as_array().unwrap().is_empty(), "{seen}");
        assert!(!error["msg"].as_str().unwrap().is_empty(), "{seen}");
        assert!(!error["type"].as_str().unwrap().is_empty(), "{seen}");
    }
}

/// The first refused value: its place and the reason that programs compare.
pub fn first_error(answer: &Answer) -> (String, String) {
    let error = &answer.body["errors"][0];
    let place: Vec<&str> =
        error["loc"].as_array().into_iter().flatten().filter_map(|part| part.as_str()).collect();
    (place.join("."), error["type"].as_str().unwrap_or("").to_owned())
}

/// How many files lie under a folder of the server's data.
pub fn files_under(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |path: std::path::PathBuf| if path.is_dir() { files_under(&path) } else { 1 };
    entries.map(|entry| count(entry.unwrap().path())).sum()
}

/// No table, and no file of one: in service, half written or waiting to be read.
pub async fn holds_nothing(server: &Server, person: &Person) {
    let tables = server.get(person, "/tables").await;
    assert_eq!(tables.status, StatusCode::OK, "{}", tables.text);
    assert_eq!(tables.body["items"], serde_json::json!([]));
    let folder = &server.app.config.data_dir;
    assert_eq!(files_under(&folder.join("files")), 0, "table files were left");
    assert_eq!(files_under(&folder.join("spool")), 0, "an upload was left");
}

#[derive(Deserialize)]
struct RawRows<'a> {
    #[serde(borrow)]
    rows: Vec<Vec<&'a RawValue>>,
}

/// The rows of an answer with every digit as it was sent; texts without their quotes.
pub fn rows(answer: &Answer) -> Vec<Vec<String>> {
    let raw: RawRows<'_> = serde_json::from_str(&answer.text).unwrap();
    let cell = |cell: &&RawValue| {
        serde_json::from_str::<String>(cell.get()).unwrap_or_else(|_| cell.get().to_owned())
    };
    raw.rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// The names and types of an answer's columns.
pub fn columns(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let columns = answer.body["columns"].as_array().unwrap();
    columns.iter().map(|column| (text(&column["name"]), text(&column["type"]))).collect()
}
