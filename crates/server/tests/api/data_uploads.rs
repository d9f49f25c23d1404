//! `POST /uploads`: a file becomes a table, wholly or not at all.

use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};

use crate::{
    checks::{self, first_error, holds_nothing, refused},
    raw,
    sales::{Sales, euros},
    server::{Answer, Person, Server},
};

const SMALL: &str = "city,people\nOslo,717710\nBergen,291940\n";

/// Uploads with a header of its own, and a field `table` where one is given.
async fn upload(
    server: &Server,
    person: &Person,
    key: &str,
    file: &str,
    table: Option<&str>,
    content: &str,
) -> Answer {
    let part = multipart::Part::bytes(content.as_bytes().to_vec()).file_name(file.to_owned());
    let mut form = multipart::Form::new();
    if let Some(table) = table {
        form = form.text("table", table.to_owned());
    }
    let form = form.part("file", part);
    let request = server.request(Method::POST, "/uploads").bearer_auth(&person.token);
    let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
    Answer::of(request.multipart(form).send().await.unwrap()).await
}

#[tokio::test]
async fn a_file_becomes_a_table_that_answers() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let sales = Sales::of(500, 1);
    let answer = server.upload(&owner, "Sales.csv", &sales.csv()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body["status"], "succeeded");
    let table = &answer.body["table"];
    let expect = json!({
        "name": "sales", "rows": 500, "columns": 6, "source": "Sales.csv", "loaded_by": owner.id,
        "loaded_at": "2026-06-17T12:00:00.000Z", "notes": [],
        "version": table["version"], "bytes": table["bytes"],
    });
    assert_eq!(table, &expect);
    assert!(table["bytes"].as_u64().unwrap() > 100);
    let total = server.ask(&owner, "total revenue").await;
    assert_eq!(checks::rows(&total), [[euros(sales.revenue())]], "{}", total.text);
}

#[tokio::test]
async fn the_job_of_an_upload_tells_how_it_ended() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let answer = server.upload(&owner, "towns.csv", SMALL).await;
    let id = answer.body["job_id"].as_str().unwrap();
    let job = server.get(&owner, &format!("/jobs/{id}")).await;
    let bytes = SMALL.len();
    let expect = json!({
        "id": id, "kind": "load", "status": "succeeded", "error": null,
        "progress": {"rows": 2, "bytes": bytes, "bytes_total": bytes, "percent": 100},
        "result": {"tables": ["towns"]},
        "created_at": "2026-06-17T12:00:00.000Z", "updated_at": "2026-06-17T12:00:00.000Z",
    });
    assert_eq!(job.body, expect, "{}", job.text);
}

#[tokio::test]
async fn the_table_is_called_as_the_file_or_as_asked() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (file, asked, name) in [
        ("Order Lines (2024).csv", None, "order_lines_2024"),
        ("Umsätze.csv", None, "umsaetze"),
        ("2024.csv", None, "table_2024"),
        ("...csv", None, "table"),
        ("whatever.csv", Some("budget"), "budget"),
    ] {
        let answer = upload(&server, &owner, "", file, asked, SMALL).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{file}: {}", answer.text);
        assert_eq!(answer.body["table"]["name"], name, "{file}");
    }
    for asked in ["Budget", "1st", "a b", "a\"b", "../x", "", &"x".repeat(64), &"x".repeat(5000)] {
        let answer = upload(&server, &owner, "", "a.csv", Some(asked), SMALL).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, "body.table", "{asked}");
    }
    let tables = server.get(&owner, "/tables").await;
    let names: Vec<&str> = tables.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["budget", "order_lines_2024", "table", "table_2024", "umsaetze"]);
    assert_eq!(checks::files_under(&server.app.config.data_dir.join("spool")), 0);
}

#[tokio::test]
async fn a_file_name_loses_its_folders_and_its_control_characters() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (given, kept, name) in [
        ("../../etc/passwd.csv", "passwd.csv", "passwd"),
        (r"C:\\books\\cash.csv", "cash.csv", "cash"),
        ("a\u{9b}31mred.csv", "a31mred.csv", "a31mred"),
    ] {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{given}\"\r\n\r\n{SMALL}\r\n--b--\r\n"
        );
        let headers = format!(
            "Authorization: Bearer {}\r\nContent-Type: multipart/form-data; boundary=b\r\n",
            owner.token
        );
        let answer = raw::send(&server, "POST /uploads", headers.as_bytes(), body.as_bytes()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        assert_eq!(answer.body["table"]["source"], kept);
        assert_eq!(answer.body["table"]["name"], name);
    }
}

#[tokio::test]
async fn a_second_file_of_the_name_replaces_the_first_wholly() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let (old, new) = (Sales::of(300, 1), Sales::of(40, 2));
    let first = server.upload(&owner, "sales.csv", &old.csv()).await;
    let second = server.upload(&owner, "sales.csv", &new.csv()).await;
    assert_ne!(first.body["table"]["version"], second.body["table"]["version"]);
    let tables = server.get(&owner, "/tables").await;
    assert_eq!(tables.body["items"], json!([second.body["table"]]));
    let total = server.ask(&owner, "total revenue").await;
    assert_eq!(checks::rows(&total), [[euros(new.revenue())]]);

    // One that fails leaves what was there, and its columns may be others altogether.
    let failed = server.upload(&owner, "sales.csv", "a,b\n1,2\n1\n").await;
    refused(&failed, 422, "unreadable_file");
    let total = server.ask(&owner, "total revenue").await;
    assert_eq!(checks::rows(&total), [[euros(new.revenue())]]);
    let other = server.upload(&owner, "sales.csv", SMALL).await;
    assert_eq!(other.status, StatusCode::CREATED);
    let people = server.ask(&owner, "total people").await;
    assert_eq!(checks::rows(&people), [["1009650"]], "{}", people.text);
    let gone = server.ask(&owner, "total revenue").await;
    assert_eq!(gone.body["status"], "not_answerable", "{}", gone.text);
}

#[tokio::test]
async fn the_same_key_and_file_load_once() {
    let server = Server::start().await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let first = upload(&server, &owner, "key-1", "towns.csv", None, SMALL).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let again = upload(&server, &owner, "key-1", "towns.csv", None, SMALL).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("content-type"), "application/json");

    // Another file, or another table, is another request.
    let changed = SMALL.replace("Oslo", "Bodø");
    let answer = upload(&server, &owner, "key-1", "towns.csv", None, &changed).await;
    refused(&answer, 422, "idempotency_mismatch");
    let answer = upload(&server, &owner, "key-1", "towns.csv", Some("cities"), SMALL).await;
    refused(&answer, 422, "idempotency_mismatch");
    // Another company's key is another key.
    let answer = upload(&server, &other, "key-1", "towns.csv", None, &changed).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_ne!(answer.body["job_id"], first.body["job_id"]);
    // What failed did not happen: the key is free for the mended file.
    let answer = upload(&server, &owner, "key-2", "roads.csv", None, "a,a\n1,2\n").await;
    refused(&answer, 422, "unreadable_file");
    let answer = upload(&server, &owner, "key-2", "roads.csv", None, "a,b\n1,2\n").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    // A day later the key means nothing any more.
    server.advance(chrono::Duration::hours(25));
    let owner = server.log_in(&owner.email, crate::server::PASSWORD).await;
    let answer = upload(&server, &owner, "key-1", "towns.csv", None, &changed).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);

    for key in [&"k".repeat(256), "\u{e9}"] {
        let answer = upload(&server, &owner, key, "towns.csv", None, SMALL).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, "header.Idempotency-Key");
    }
}

#[tokio::test]
async fn parallel_repeats_of_one_upload_load_once() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let content = Sales::of(2000, 3).csv();
    let sent = (0..6).map(|_| upload(&server, &owner, "one", "sales.csv", None, &content));
    let answers = futures_util::future::join_all(sent).await;
    let created: Vec<&Answer> =
        answers.iter().filter(|a| a.status == StatusCode::CREATED).collect();
    assert!(!created.is_empty());
    assert!(created.iter().all(|answer| answer.body == created[0].body));
    for answer in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
        refused(answer, 409, "idempotency_in_flight");
        assert_eq!(answer.header("retry-after"), "1");
    }
    let audit = server.get(&owner, "/audit?action=table_loaded").await;
    assert_eq!(audit.body["items"].as_array().unwrap().len(), 1, "{}", audit.text);
}

#[tokio::test]
async fn an_upload_over_the_limit_leaves_nothing() {
    let server = Server::start_with(&[("PACIOLI_SERVER__UPLOAD_LIMIT_BYTES", "1048576")]).await;
    let owner = server.sign_up("owner").await;
    let line = format!("1,{}\n", "x".repeat(1021));
    let fits = format!("a,b{}\n{}", " ".repeat(1020), line.repeat(1023));
    assert_eq!(fits.len(), 1 << 20);
    let answer = server.upload(&owner, "numbers.csv", &format!("{fits}\n")).await;
    refused(&answer, 413, "too_large");
    assert!(answer.body["detail"].as_str().unwrap().contains("1048576 bytes"), "{}", answer.text);
    holds_nothing(&server, &owner).await;
    let answer = server.upload(&owner, "numbers.csv", &fits).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.body["table"]["rows"], 1023);
}

#[tokio::test]
async fn a_company_uploads_only_so_often() {
    let server = Server::start_with(&[
        ("PACIOLI_LIMITS__UPLOAD_PER_COMPANY", "2/1h"),
        ("PACIOLI_LIMITS__SIGNUP", "1000/1h"),
    ])
    .await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    for _ in 0..2 {
        let answer = server.upload(&owner, "towns.csv", SMALL).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    }
    let answer = server.upload(&owner, "towns.csv", SMALL).await;
    refused(&answer, 429, "rate_limited");
    assert_eq!(answer.header("retry-after"), "1800");
    assert_eq!(server.upload(&other, "towns.csv", SMALL).await.status, StatusCode::CREATED);
    server.advance(chrono::Duration::minutes(31));
    let owner = server.log_in(&owner.email, crate::server::PASSWORD).await;
    assert_eq!(server.upload(&owner, "towns.csv", SMALL).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_had_to_be_guessed_is_said() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let dates = "day,n\n01/02/2025,1\n03/04/2025,2\n";
    let answer = server.upload(&owner, "guess.csv", dates).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let notes: Vec<Value> = answer.body["table"]["notes"].as_array().unwrap().clone();
    assert!(!notes.is_empty(), "{}", answer.text);
    assert!(notes.iter().any(|note| note.as_str().unwrap().contains("day")), "{notes:?}");
    let latin = b"stadt,zahl\nM\xfcnchen,1\nK\xf6ln,2\n".to_vec();
    let form =
        multipart::Form::new().part("file", multipart::Part::bytes(latin).file_name("latin.csv"));
    let request = server.request(Method::POST, "/uploads").bearer_auth(&owner.token);
    let answer = Answer::of(request.multipart(form).send().await.unwrap()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.body["table"]["notes"].as_array().unwrap().len(), 1, "{}", answer.text);
    let detail = server.get(&owner, "/tables/latin").await;
    assert_eq!(detail.body["sample"]["rows"], json!([["München", 1], ["Köln", 2]]));
}
