//! Connections that are loaded by themselves.

use chrono::Duration;
use pacioli_server::start_due;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    server::{PASSWORD, Person, Server},
    systems::{self, Row, System, connected, ended, orders},
};

const ROWS: [Row; 2] = [(1, 150, "a", 10), (2, 250, "b", 20)];

async fn schedule(server: &Server, owner: &Person, id: &str, schedule: Value) {
    let path = format!("/connections/{id}");
    let answer = server.send(owner, Method::PATCH, &path, json!({ "schedule": schedule })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn runs(server: &Server, owner: &Person, id: &str) -> Vec<Value> {
    let runs = server.get(owner, &format!("/connections/{id}/runs")).await;
    runs.body["items"].as_array().unwrap_or_else(|| panic!("{}", runs.text)).clone()
}

/// Looks for what is due, and waits for the runs that it starts.
async fn look(server: &Server, owner: &Person, id: &str) -> usize {
    let owner = &server.log_in(&owner.email, PASSWORD).await;
    let started = start_due(&server.app).await.unwrap();
    for run in runs(server, owner, id).await {
        ended(server, owner, run["id"].as_str().unwrap()).await;
    }
    started
}

#[tokio::test]
async fn a_due_connection_is_loaded_once_and_what_was_missed_is_loaded_once() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    schedule(&server, &owner, &id, json!({"every_seconds": 3600})).await;
    assert_eq!(look(&server, &owner, &id).await, 0);
    server.advance(Duration::minutes(59));
    assert_eq!(look(&server, &owner, &id).await, 0);
    server.advance(Duration::minutes(1));
    assert_eq!(look(&server, &owner, &id).await, 1);
    assert_eq!(look(&server, &owner, &id).await, 0);
    let owner = server.log_in(&owner.email, PASSWORD).await;
    assert_eq!(orders(&server, &owner).await.len(), 2);
    let run = &runs(&server, &owner, &id).await[0];
    assert_eq!((&run["trigger"], &run["status"]), (&json!("schedule"), &json!("succeeded")));
    // Five were missed.
    server.advance(Duration::hours(5) + Duration::minutes(30));
    assert_eq!(look(&server, &owner, &id).await, 1);
    assert_eq!(look(&server, &owner, &id).await, 0);
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let shown = server.get(&owner, &format!("/connections/{id}")).await;
    assert_eq!(shown.body["next_run_at"], "2026-06-17T19:00:00.000Z", "{}", shown.text);
}

#[tokio::test]
async fn a_paused_connection_rests() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    schedule(&server, &owner, &id, json!({"every_seconds": 60})).await;
    let path = format!("/connections/{id}");
    server.send(&owner, Method::PATCH, &path, json!({"paused": true})).await;
    server.advance(Duration::minutes(5));
    assert_eq!(look(&server, &owner, &id).await, 0);
    server.send(&owner, Method::PATCH, &path, json!({"paused": false})).await;
    assert_eq!(look(&server, &owner, &id).await, 0, "what was missed meanwhile is not made up for");
    server.advance(Duration::minutes(1));
    assert_eq!(look(&server, &owner, &id).await, 1);
}

#[tokio::test]
async fn runs_of_one_connection_do_not_overlap() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    schedule(&server, &owner, &id, json!({"every_seconds": 60})).await;
    let gate = system.close();
    let run = systems::start(&server, &owner, &id).await;
    server.advance(Duration::seconds(61));
    // Its sign of life comes by the machine's clock, and this one has leapt: it lives all the same.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(start_due(&server.app).await.unwrap(), 0);
    gate.add_permits(100);
    ended(&server, &owner, &run).await;
    assert_eq!(look(&server, &owner, &id).await, 1, "it was due meanwhile");
}

/// Two servers on one database, which only MongoDB allows; two looks of one server at the same moment
/// contend for a run in the store all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_look_at_once_one_starts_the_run() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    schedule(&server, &owner, &id, json!({"every_seconds": 60, "jitter_seconds": 30})).await;
    server.advance(Duration::minutes(2));
    let gate = system.close();
    let looks = (0..8).map(|_| {
        let app = server.app.clone();
        tokio::spawn(async move { start_due(&app).await.unwrap() })
    });
    let mut started = 0;
    for look in looks.collect::<Vec<_>>() {
        started += look.await.unwrap();
    }
    assert_eq!(started, 1);
    gate.add_permits(100);
    look(&server, &owner, &id).await;
    assert_eq!(runs(&server, &owner, &id).await.len(), 1);
}
