//! `POST /tables/{name}/rows`: rows that programs send.

use std::sync::Arc;

use arrow::{
    array::{Decimal128Array, Int64Array, RecordBatch, StringArray},
    ipc::writer::StreamWriter,
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{self, files_under, first_error, holds_nothing, refused},
    people::{audit, sent},
    server::{Answer, Person, Server},
    systems::{self, System, connected},
};

async fn push(server: &Server, person: &Person, path: &str, rows: &str) -> Answer {
    let request = server.request(Method::POST, &format!("/tables/{path}"));
    let request = request.bearer_auth(&person.token).header("content-type", "application/x-ndjson");
    sent(request.body(rows.to_owned())).await
}

async fn rows(server: &Server, person: &Person, table: &str) -> Vec<Value> {
    let table = server.get(person, &format!("/tables/{table}")).await;
    table.body["sample"]["rows"].as_array().unwrap_or_else(|| panic!("{}", table.text)).clone()
}

#[tokio::test]
async fn the_first_push_makes_the_table_and_later_ones_add_to_it() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let first = "{\"sensor\":\"a\",\"value\":1,\"at\":\"2026-06-01T10:00:00Z\"}\n{\"sensor\":\"b\",\"value\":2}\n";
    let made = push(&server, &owner, "readings/rows", first).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!((&made.body["rows_received"], &made.body["rows_replaced"]), (&json!(2), &json!(0)));
    assert_eq!(made.body["table"]["source"], "rows that were sent");
    let added =
        push(&server, &owner, "readings/rows", "{\"sensor\":\"c\",\"value\":2.5,\"unit\":\"kg\"}")
            .await;
    assert_eq!(added.status, 200, "{}", added.text);
    assert_eq!(added.body["table"]["rows"], 3);
    let notes = added.body["table"]["notes"].to_string();
    assert!(notes.contains("`value` was integer and is decimal now."), "{notes}");
    let text = push(&server, &owner, "readings/rows", "{\"value\":\"broken\"}").await;
    assert!(text.body["table"]["notes"].to_string().contains("is text now"), "{}", text.text);
    let table = server.get(&owner, "/tables/readings").await;
    let types: Vec<&Value> =
        table.body["schema"].as_array().unwrap().iter().map(|column| &column["type"]).collect();
    assert_eq!(types, ["text", "text", "timestamp", "text"]);
    let values: Vec<Value> =
        rows(&server, &owner, "readings").await.iter().map(|row| row[1].clone()).collect();
    assert_eq!(values, ["1.0", "2.0", "2.5", "broken"]);
    let count = server.ask(&owner, "how many rows").await;
    assert_eq!(checks::rows(&count), [["4"]], "{}", count.text);
    let log = audit(&server, &owner).await;
    assert_eq!(log.iter().filter(|(did, _)| did == "rows_pushed").count(), 3, "{log:?}");
}

#[tokio::test]
async fn a_row_with_the_same_key_replaces_the_one_before() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let first = "{\"id\":1,\"line\":1,\"word\":\"a\"}\n{\"id\":1,\"line\":2,\"word\":\"b\"}\n";
    let made = push(&server, &owner, "lines/rows?key=id,line", first).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let again = push(&server, &owner, "lines/rows?key=id,line", first).await;
    assert_eq!(
        (&again.body["table"]["rows"], &again.body["rows_replaced"]),
        (&json!(2), &json!(2))
    );
    // The table knows its key now; of two rows with one key in one push, the last counts.
    let more = "{\"id\":1,\"line\":2,\"word\":\"B\"}\n{\"id\":2,\"line\":1,\"word\":\"x\"}\n{\"id\":2,\"line\":1,\"word\":\"c\"}";
    let pushed = push(&server, &owner, "lines/rows", more).await;
    assert_eq!(
        (&pushed.body["rows_received"], &pushed.body["rows_replaced"]),
        (&json!(3), &json!(1))
    );
    let mut words: Vec<String> =
        rows(&server, &owner, "lines").await.iter().map(|row| row[2].to_string()).collect();
    words.sort();
    assert_eq!(words, ["\"B\"", "\"a\"", "\"c\""]);
}

#[tokio::test]
async fn a_repeated_request_with_one_key_adds_its_rows_once() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let send = async |rows: &str| {
        let request = server.request(Method::POST, "/tables/log/rows").bearer_auth(&owner.token);
        let request = request.header("content-type", "application/x-ndjson");
        sent(request.header("idempotency-key", "p1").body(rows.to_owned())).await
    };
    let (one, two) = (send("{\"a\":1}").await, send("{\"a\":1}").await);
    assert_eq!((one.status.as_u16(), &one.body), (201, &two.body), "{}", two.text);
    refused(&send("{\"a\":2}").await, 422, "idempotency_mismatch");
    assert_eq!(rows(&server, &owner, "log").await.len(), 1);
}

#[tokio::test]
async fn an_arrow_stream_is_pushed_too() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let amounts = Decimal128Array::from(vec![150, -5]).with_precision_and_scale(10, 2).unwrap();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as _),
        ("amount", Arc::new(amounts) as _),
        ("word", Arc::new(StringArray::from(vec!["a", "b"])) as _),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    for (status, rows) in [(201, 2), (200, 2)] {
        let request = server.request(Method::POST, "/tables/sums/rows?key=id");
        let request = request.header("content-type", "application/vnd.apache.arrow.stream");
        let answer = sent(request.bearer_auth(&owner.token).body(bytes.clone())).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["table"]["rows"]),
            (status, &json!(rows)),
            "{}",
            answer.text
        );
    }
    let total = server.ask(&owner, "total amount").await;
    assert_eq!(checks::rows(&total), [["1.45"]], "{}", total.text);
}

#[tokio::test]
async fn rows_that_cannot_be_taken_are_named_and_none_is_taken() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (path, rows, code, word) in [
        ("t/rows", "", "rows_empty", "no rows"),
        ("t/rows", "{\"a\":1}\n{\"a\":", "row_not_json", "Line 2"),
        ("t/rows", "{\"a\":1}\n[1]", "row_not_object", "Line 2"),
        ("t/rows", "{\"a\":{\"b\":1}}", "row_nested_value", "`a`"),
        ("t/rows?key=id", "{\"id\":1}\n{\"a\":1}", "row_key_missing", "Line 2"),
        ("t/rows?key=id", "{\"a\":1}", "row_key_missing", "`id`"),
    ] {
        let answer = push(&server, &owner, path, rows).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), ("body".to_owned(), code.to_owned()), "{}", answer.text);
        assert!(answer.body["detail"].as_str().unwrap().contains(word), "{}", answer.text);
    }
    refused(&push(&server, &owner, "t/rows?key=Not+A+Name", "{\"a\":1}").await, 422, "invalid");
    refused(&push(&server, &owner, "t/rows?key=a,a", "{\"a\":1}").await, 422, "invalid");
    refused(&push(&server, &owner, "Not-A-Name/rows", "{\"a\":1}").await, 404, "not_found");
    let csv = server.request(Method::POST, "/tables/t/rows").header("content-type", "text/csv");
    let csv = sent(csv.bearer_auth(&owner.token).body("a,b\n1,2\n")).await;
    refused(&csv, 415, "unsupported_media_type");
    holds_nothing(&server, &owner).await;
    assert_eq!(files_under(&server.folder().join("spool")), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_pushes_at_once_none_is_lost() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let pushes = (0..6).map(|number| {
        let (server, owner) = (&server, &owner);
        async move {
            let row = format!("{{\"id\":{number}}}");
            for _ in 0..20 {
                let answer = push(server, owner, "busy/rows", &row).await;
                if answer.status != 409 {
                    assert!(answer.status.is_success(), "{}", answer.text);
                    return;
                }
            }
            panic!("a push was never taken");
        }
    });
    join_all(pushes).await;
    assert_eq!(rows(&server, &owner, "busy").await.len(), 6);
}

#[tokio::test]
async fn rows_keep_to_their_company_and_out_of_connected_tables() {
    let system = System::new(&[(1, 100, "a", 1)]);
    let server = systems::server(&system).await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let employee = server.add_user(&owner, "employee").await;
    push(&server, &owner, "mine/rows", "{\"a\":\"ours\"}").await;
    push(&server, &other, "mine/rows", "{\"a\":\"theirs\"}").await;
    assert_eq!(rows(&server, &owner, "mine").await, [json!(["ours"])]);
    assert_eq!(rows(&server, &other, "mine").await, [json!(["theirs"])]);
    refused(&push(&server, &employee, "mine/rows", "{\"a\":1}").await, 403, "insufficient_role");
    let id = connected(&server, &owner).await;
    systems::run(&server, &owner, &id).await;
    let into = push(&server, &owner, "orders/rows", "{\"id\":2}").await;
    refused(&into, 409, "table_connected");
    assert_eq!(rows(&server, &owner, "orders").await.len(), 1);
}
