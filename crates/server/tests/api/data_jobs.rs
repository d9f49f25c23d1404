//! `GET /jobs/{id}`: loads that take longer than two seconds.

use std::{collections::HashSet, fmt::Write as _, time::Duration};

use pacioli_model::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    checks::{self, holds_nothing, refused},
    people::delete,
    server::{Answer, Person, Server},
};

/// Uploads files of ever more rows until one takes longer than two seconds.
async fn slow_upload(server: &Server, person: &Person, tail: &str) -> (usize, Answer) {
    let mut rows = 100_000;
    loop {
        let mut content = String::from("number,word,amount\n");
        for at in 0..rows {
            writeln!(content, "{at},word {},{}.25", at % 7, at % 1000).unwrap();
        }
        content.push_str(tail);
        let answer = server.upload(person, "big.csv", &content).await;
        if answer.status == StatusCode::ACCEPTED {
            return (rows, answer);
        }
        // What was quick is no part of the test, and nothing of it may stay.
        delete(server, person, "/tables/big").await;
        let the_future = Timestamp::from_millis(4_102_444_800_000);
        server.app.files.sweep(&HashSet::new(), the_future).await.unwrap();
        rows *= 2;
        assert!(rows < 10_000_000, "no load takes longer than two seconds");
    }
}

/// Asks for a job until it has ended; what it said meanwhile only ever went forward.
async fn wait(server: &Server, person: &Person, id: &str) -> Value {
    let mut before = (0, 0, 0);
    for _ in 0..600 {
        let job = server.get(person, &format!("/jobs/{id}")).await;
        assert_eq!(job.status, StatusCode::OK, "{}", job.text);
        let progress = |name: &str| job.body["progress"][name].as_u64().unwrap();
        let now = (progress("rows"), progress("bytes"), progress("percent"));
        assert!(now.0 >= before.0 && now.1 >= before.1 && now.2 >= before.2, "{before:?} {now:?}");
        assert!(now.1 <= progress("bytes_total") && now.2 <= 100, "{}", job.text);
        before = now;
        if job.body["status"] != "running" {
            return job.body;
        }
        assert_eq!((&job.body["result"], &job.body["error"]), (&Value::Null, &Value::Null));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("job {id} did not end");
}

#[tokio::test]
async fn a_slow_load_goes_on_as_a_job() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let (rows, answer) = slow_upload(&server, &owner, "").await;
    assert_eq!((&answer.body["status"], &answer.body["table"]), (&json!("running"), &Value::Null));
    let id = answer.body["job_id"].as_str().unwrap();
    let job = wait(&server, &owner, id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    assert_eq!(job["result"], json!({"tables": ["big"]}));
    assert_eq!(job["error"], Value::Null);
    assert_eq!(job["progress"]["rows"], rows);
    assert_eq!(job["progress"]["percent"], 100);
    assert_eq!(job["progress"]["bytes"], job["progress"]["bytes_total"]);
    assert_eq!(server.get(&owner, "/tables/big").await.body["rows"], rows);
    let count = server.ask(&owner, "how many rows").await;
    assert_eq!(checks::rows(&count), [[rows.to_string()]], "{}", count.text);
}

#[tokio::test]
async fn a_slow_load_that_fails_says_why_and_leaves_nothing() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let (rows, answer) = slow_upload(&server, &owner, "1,ragged\n").await;
    let id = answer.body["job_id"].as_str().unwrap();
    let job = wait(&server, &owner, id).await;
    assert_eq!((&job["status"], &job["result"]), (&json!("failed"), &Value::Null));
    assert_eq!(job["error"]["code"], "csv_ragged_row", "{job}");
    let detail = job["error"]["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("Line {}", rows + 2)), "{detail}");
    holds_nothing(&server, &owner).await;
}

#[tokio::test]
async fn a_slow_load_is_cancelled_and_leaves_nothing() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let (rows, answer) = slow_upload(&server, &owner, "").await;
    let path = format!("/jobs/{}", answer.body["job_id"].as_str().unwrap());
    let cancelled = delete(&server, &owner, &path).await;
    if cancelled.status == StatusCode::CONFLICT {
        // It had ended before.
        assert_eq!(server.get(&owner, &path).await.body["status"], "succeeded");
        return;
    }
    assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{}", cancelled.text);
    let job = wait(&server, &owner, answer.body["job_id"].as_str().unwrap()).await;
    if job["status"] == "succeeded" {
        // Its table was in service before: it is there, and wholly.
        assert_eq!(server.get(&owner, "/tables/big").await.body["rows"], rows);
        return;
    }
    assert_eq!((&job["status"], &job["error"]), (&json!("cancelled"), &Value::Null), "{job}");
    holds_nothing(&server, &owner).await;
}

#[tokio::test]
async fn a_job_belongs_to_who_started_it_and_to_who_manages_data() {
    let server = Server::start().await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let employee = server.add_user(&owner, "employee").await;
    let answer = server.upload(&owner, "a.csv", "a,b\n1,2\n").await;
    let id = answer.body["job_id"].as_str().unwrap();
    let own = server.get(&owner, &format!("/jobs/{id}")).await;
    assert_eq!(own.header("cache-control"), "no-store");
    let foreign = server.get(&other, &format!("/jobs/{id}")).await;
    let missing = server.get(&other, "/jobs/00000000-0000-4000-8000-000000000000").await;
    refused(&foreign, 404, "not_found");
    refused(&missing, 404, "not_found");
    assert_eq!(foreign.body["detail"], missing.body["detail"]);
    refused(&server.get(&owner, "/jobs/not-an-id").await, 404, "not_found");
    refused(&server.get(&employee, &format!("/jobs/{id}")).await, 404, "not_found");
}

/// What became of a load that was under way when its server was told to stop.
async fn stopped_with(grace: &str) -> &'static str {
    let environment =
        [("PACIOLI_LIMITS__ENABLED", "false"), ("PACIOLI_SERVER__SHUTDOWN_GRACE_SECONDS", grace)];
    let server = Server::start_with(&environment).await;
    let owner = server.sign_up("owner").await;
    let (rows, answer) = slow_upload(&server, &owner, "").await;
    let id = answer.body["job_id"].as_str().unwrap().to_owned();
    let server = Server::start_in(server.stop().await, &environment).await;
    // A server that was cut off before it could say so has left a job whose lease lapses.
    server.advance(chrono::Duration::minutes(1));
    let job = server.get(&owner, &format!("/jobs/{id}")).await;
    if job.body["status"] == "succeeded" {
        assert_eq!(server.get(&owner, "/tables/big").await.body["rows"], rows);
        return "succeeded";
    }
    assert_eq!(job.body["status"], "failed", "{}", job.text);
    let code = job.body["error"]["code"].as_str().unwrap();
    assert!(matches!(code, "unavailable" | "interrupted"), "{}", job.text);
    // Killed between putting the table in service and saying so, it is there, and wholly.
    let tables = server.get(&owner, "/tables").await;
    let items = tables.body["items"].as_array().unwrap();
    assert!(items.is_empty() || code == "interrupted", "{}", job.text);
    assert!(items.iter().all(|table| table["rows"] == rows), "{}", tables.text);
    "given up"
}

#[tokio::test]
async fn a_server_that_stops_lets_a_load_end() {
    assert_eq!(stopped_with("60").await, "succeeded");
}

#[tokio::test]
async fn a_load_that_takes_longer_than_the_grace_time_is_given_up_and_leaves_nothing() {
    // It may end in time after all; what must not be is a half of it.
    stopped_with("1").await;
}
