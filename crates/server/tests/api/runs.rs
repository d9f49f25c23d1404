//! Runs: what becomes of a connection's tables when they are loaded, in full and by changes, and when
//! the system fails, changes or goes away meanwhile.

use std::time::Duration;

use pacioli_model::ColumnType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{self, files_under, refused},
    people::{audit, delete, metrics, post, sent},
    server::Server,
    systems::{
        self, Row, SECRET, System, Trouble, choose, connect, connected, ended, orders, run, start,
        until,
    },
};

const ROWS: [Row; 5] =
    [(1, 150, "a", 10), (2, 250, "b", 20), (3, 350, "c", 30), (4, 450, "d", 40), (5, 550, "e", 50)];

fn row(number: i64, amount: &str, word: &str) -> (i64, String, String) {
    (number, amount.to_owned(), word.to_owned())
}

#[tokio::test]
async fn a_run_loads_every_table_and_says_what_it_did() {
    let system = System::new(&ROWS);
    system.hold("public.empty", &[]);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connect(&server, &owner).await;
    let none = post(&server, &owner, &format!("/connections/{id}/run")).await;
    refused(&none, 409, "connection_busy");
    let tables = json!([{"source_table": "public.orders"}, {"source_table": "public.empty"}]);
    choose(&server, &owner, &id, tables).await;
    let run = run(&server, &owner, &id).await;
    assert_eq!((&run["status"], &run["trigger"]), (&json!("succeeded"), &json!("manual")), "{run}");
    assert_eq!(
        (&run["rows"], &run["bytes"], &run["percent"]),
        (&json!(5), &json!(50), &json!(100))
    );
    let orders_run = &run["tables"][0];
    assert_eq!((&orders_run["rows"], &orders_run["rows_in_service"]), (&json!(5), &json!(5)));
    assert_eq!(
        (&orders_run["watermark"], &orders_run["incremental"]),
        (&json!("50"), &json!(false))
    );
    let table = server.get(&owner, "/tables/orders").await;
    assert_eq!((&table.body["rows"], &table.body["source"]), (&json!(5), &json!("public.orders")));
    assert_eq!(
        (&table.body["schema"][1]["min"], &table.body["schema"][1]["distinct"]),
        (&json!(1.5), &json!(5))
    );
    assert_eq!(table.body["schema"][2]["values"], json!(["a", "b", "c", "d", "e"]));
    assert_eq!(server.get(&owner, "/tables/empty").await.body["rows"], 0);
    let runs = server.get(&owner, &format!("/connections/{id}/runs")).await;
    assert_eq!(runs.body["items"][0], run);
    let job = server.get(&owner, &format!("/jobs/{}", run["job_id"].as_str().unwrap())).await;
    assert_eq!((&job.body["kind"], &job.body["status"]), (&json!("run"), &json!("succeeded")));
    assert_eq!(job.body["result"]["tables"], json!(["orders", "empty"]));
    let log = audit(&server, &owner).await;
    assert_eq!(log.iter().filter(|(did, _)| did == "table_loaded").count(), 2, "{log:?}");
    assert!(log.iter().any(|(did, _)| did == "run_started"), "{log:?}");
    let page = metrics(&server);
    for line in [
        "pacioli_runs_total{outcome=\"succeeded\"} 1",
        "pacioli_rows_loaded_total 5",
        "pacioli_loads_total{outcome=\"succeeded\"} 2",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in {page}");
    }
}

#[tokio::test]
async fn the_next_run_asks_for_changes_and_puts_them_in_the_place_of_what_they_were() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    run(&server, &owner, &id).await;
    let total = server.ask(&owner, "total amount").await;
    assert_eq!(checks::rows(&total), [["17.50"]], "{}", total.text);
    system.change("public.orders", |held| {
        held.rows[1] = (2, 999, "changed", 60);
        held.rows.push((6, 650, "new", 70));
        // The system gives row 6 once more, as it changed while it was paged.
        held.rows.push((6, 660, "newer", 80));
        held.rows.remove(0);
    });
    let second = run(&server, &owner, &id).await;
    let table = &second["tables"][0];
    assert_eq!(second["status"], "succeeded", "{second}");
    assert_eq!((&table["incremental"], &table["watermark"]), (&json!(true), &json!("80")));
    // Row 5 at the mark, and those above it.
    assert_eq!((&table["rows"], &table["rows_in_service"]), (&json!(4), &json!(6)));
    let expect = [
        row(1, "1.50", "a"),
        row(2, "9.99", "changed"),
        row(3, "3.50", "c"),
        row(4, "4.50", "d"),
        row(5, "5.50", "e"),
        row(6, "6.60", "newer"),
    ];
    assert_eq!(orders(&server, &owner).await, expect);
    let profile = server.get(&owner, "/tables/orders").await;
    let total = server.ask(&owner, "total amount").await;
    assert_eq!(checks::rows(&total), [["33.09"]], "{}", total.text);
    let words = &profile.body["schema"][2]["values"];
    assert_eq!(
        *words,
        json!(["a", "c", "changed", "d", "e", "newer"]),
        "of all rows and no others"
    );
    let third = run(&server, &owner, &id).await;
    assert_eq!(third["tables"][0]["rows"], 1, "{third}");
    assert_eq!(orders(&server, &owner).await, expect);
    // What was deleted at the source goes with a full load.
    let path = format!("/connections/{id}/run?full=true");
    let full = server.send(&owner, Method::POST, &path, json!({})).await;
    ended(&server, &owner, full.body["run_id"].as_str().unwrap()).await;
    assert_eq!(orders(&server, &owner).await.iter().filter(|it| it.0 == 1).count(), 0);
    let marks: Vec<Option<String>> = system.pulls().into_iter().map(|it| it.1).collect();
    assert_eq!(marks, [None, Some("50".into()), Some("80".into()), None]);
}

#[tokio::test]
async fn a_change_of_system_table_or_choice_makes_the_next_load_a_full_one() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    run(&server, &owner, &id).await;
    server.advance(chrono::Duration::seconds(1));
    let settings = json!({"settings": {"host": "other.example.com", "database": "b", "user": "r"}});
    server.send(&owner, Method::PATCH, &format!("/connections/{id}"), settings).await;
    assert_eq!(run(&server, &owner, &id).await["tables"][0]["incremental"], false);
    assert_eq!(run(&server, &owner, &id).await["tables"][0]["incremental"], true);
    delete(&server, &owner, "/tables/orders").await;
    assert_eq!(run(&server, &owner, &id).await["tables"][0]["incremental"], false);
    let fewer = json!([{"source_table": "public.orders", "columns": ["word"]}]);
    choose(&server, &owner, &id, fewer).await;
    assert_eq!(run(&server, &owner, &id).await["tables"][0]["incremental"], false);
    let never = json!([{"source_table": "public.orders", "changes_by": null}]);
    choose(&server, &owner, &id, never).await;
    for _ in 0..2 {
        assert_eq!(run(&server, &owner, &id).await["tables"][0]["incremental"], false);
    }
    system.change("public.orders", |held| held.has_key = false);
    choose(&server, &owner, &id, json!([{"source_table": "public.orders"}])).await;
    for _ in 0..2 {
        assert_eq!(run(&server, &owner, &id).await["tables"][0]["incremental"], false);
    }
}

#[tokio::test]
async fn columns_that_come_go_or_change_at_the_source_are_followed_and_noted() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    run(&server, &owner, &id).await;
    system.change("public.orders", |held| {
        held.columns[0] = ("amount".into(), ColumnType::Text);
        held.columns[1] = ("more".into(), ColumnType::Text);
    });
    let second = run(&server, &owner, &id).await;
    assert_eq!(second["status"], "succeeded", "{second}");
    let table = server.get(&owner, "/tables/orders").await;
    let notes = table.body["notes"].to_string();
    for note in
        ["`amount` was decimal and is text now.", "`word` is no longer loaded.", "`more` is new."]
    {
        assert!(notes.contains(note), "{note} in {notes}");
    }
    assert_eq!(table.body["schema"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_table_that_fails_stays_as_it_was_and_keeps_no_other_from_being_loaded() {
    let system = System::new(&ROWS);
    system.hold("public.second", &ROWS);
    system.hold("public.third", &ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connect(&server, &owner).await;
    let tables = json!([
        {"source_table": "public.orders"}, {"source_table": "public.second"}, {"source_table": "public.third"},
    ]);
    choose(&server, &owner, &id, tables).await;
    run(&server, &owner, &id).await;
    system.hold("public.orders", &[(9, 900, "half", 90), (10, 1, "half", 91), (11, 2, "half", 92)]);
    system.drop_table("public.third");
    system.trouble(&[Trouble::Broken]);
    let second = run(&server, &owner, &id).await;
    assert_eq!(second["status"], "failed", "{second}");
    let codes: Vec<&Value> =
        second["tables"].as_array().unwrap().iter().map(|it| &it["error"]["code"]).collect();
    assert_eq!(codes, [&json!("source_broken"), &Value::Null, &json!("source_table_gone")]);
    assert_eq!(second["tables"][1]["status"], "succeeded");
    let job = server.get(&owner, &format!("/jobs/{}", second["id"].as_str().unwrap())).await;
    let detail = job.body["error"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("2 of 3 tables could not be loaded"), "{detail}");
    assert_eq!(orders(&server, &owner).await.len(), 5, "as it was");
    assert_eq!(server.get(&owner, "/tables/third").await.body["rows"], 5);
    // The mark has not moved: the next load of changes goes on where the last good one ended.
    run(&server, &owner, &id).await;
    let pulls = system.pulls();
    let orders: Vec<_> =
        pulls.iter().filter(|it| it.0 == "public.orders").map(|it| it.1.clone()).collect();
    assert_eq!(orders, [None, Some("50".into()), Some("50".into())]);
}

#[tokio::test]
async fn a_system_that_does_not_answer_is_asked_again_after_as_long_as_it_says() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    system.trouble(&[
        Trouble::Unreachable(Some(Duration::from_secs(100))),
        Trouble::Unreachable(None),
    ]);
    let run = start(&server, &owner, &id).await;
    while system.pulls().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.advance(chrono::Duration::seconds(99));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(system.pulls().len(), 1, "it waits");
    server.advance(chrono::Duration::seconds(1));
    while system.pulls().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.advance(chrono::Duration::seconds(8));
    let done = ended(&server, &owner, &run).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    assert_eq!((&done["tables"][0]["retries"], &done["tables"][0]["rows"]), (&json!(2), &json!(5)));
    // One that asks for more patience than there is fails at once.
    system.trouble(&[Trouble::Unreachable(Some(Duration::from_secs(100_000)))]);
    let failed = systems::run(&server, &owner, &id).await;
    assert_eq!(failed["tables"][0]["error"]["code"], "source_unreachable", "{failed}");
    system.trouble(&[Trouble::Denied]);
    let failed = systems::run(&server, &owner, &id).await;
    assert_eq!(failed["tables"][0]["error"]["code"], "source_denied", "{failed}");
    assert_eq!(failed["tables"][0]["retries"], 0);
}

#[tokio::test]
async fn a_wrong_password_fails_the_whole_run() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let path = format!("/connections/{id}");
    server.send(&owner, Method::PATCH, &path, json!({"secret": "another one"})).await;
    let failed = run(&server, &owner, &id).await;
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("failed"), &json!("source_denied"))
    );
    server.send(&owner, Method::PATCH, &path, json!({"secret": SECRET})).await;
    assert_eq!(run(&server, &owner, &id).await["status"], "succeeded");
}

#[tokio::test]
async fn one_run_of_a_connection_at_a_time_and_one_for_one_key() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let gate = system.close();
    let path = format!("/connections/{id}/run");
    let keyed = async || {
        let request = server.request(Method::POST, &path).bearer_auth(&owner.token);
        sent(request.header("idempotency-key", "run-1")).await
    };
    let (one, two) = (keyed().await, keyed().await);
    assert_eq!((one.status.as_u16(), &one.body), (202, &two.body), "{}", two.text);
    refused(&post(&server, &owner, &path).await, 409, "connection_busy");
    let shown = server.get(&owner, &format!("/connections/{id}")).await;
    assert_eq!(shown.body["run_id"], one.body["run_id"]);
    gate.add_permits(100);
    ended(&server, &owner, one.body["run_id"].as_str().unwrap()).await;
    assert_eq!(run(&server, &owner, &id).await["status"], "succeeded");
}

#[tokio::test]
async fn more_runs_than_may_load_at_once_wait_their_turn() {
    let system = System::new(&ROWS);
    let environment = [("PACIOLI_LIMITS__ENABLED", "false"), ("PACIOLI_LOADS__CONCURRENCY", "1")];
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_over(folder, &environment, system.connector()).await;
    let owner = server.sign_up("owner").await;
    let gate = system.close();
    let first = connected(&server, &owner).await;
    let second = connect(&server, &owner).await;
    let tables = json!([{"source_table": "public.orders", "name": "other"}]);
    choose(&server, &owner, &second, tables).await;
    let (one, two) = (start(&server, &owner, &first).await, start(&server, &owner, &second).await);
    while system.pulls().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waiting = server.get(&owner, &format!("/runs/{two}")).await;
    assert_eq!(waiting.body["status"], "queued", "{}", waiting.text);
    assert_eq!(delete(&server, &owner, &format!("/jobs/{two}")).await.status, 202);
    let cancelled = ended(&server, &owner, &two).await;
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    gate.add_permits(100);
    assert_eq!(ended(&server, &owner, &one).await["status"], "succeeded");
}

#[tokio::test]
async fn a_cancelled_run_ends_and_leaves_what_is_in_service() {
    let system = System::new(&ROWS);
    system.hold("public.second", &ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let other = server.sign_up("other").await;
    let id = connect(&server, &owner).await;
    let tables = json!([{"source_table": "public.orders"}, {"source_table": "public.second"}]);
    choose(&server, &owner, &id, tables).await;
    let gate = system.close();
    let run = start(&server, &owner, &id).await;
    // The first table whole, and one page of the second.
    gate.add_permits(4);
    until(&server, &owner, &run, |_| system.pulls().len() == 2).await;
    let job = format!("/jobs/{run}");
    refused(&delete(&server, &other, &job).await, 404, "not_found");
    let cancelled = delete(&server, &owner, &job).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    let done = ended(&server, &owner, &run).await;
    assert_eq!(done["status"], "cancelled", "{done}");
    assert_eq!(
        (&done["tables"][0]["status"], &done["tables"][1]["status"]),
        (&json!("succeeded"), &json!("cancelled"))
    );
    assert_eq!(server.get(&owner, &job).await.body["status"], "cancelled");
    assert_eq!(orders(&server, &owner).await.len(), 5);
    refused(&server.get(&owner, "/tables/second").await, 404, "not_found");
    refused(&delete(&server, &owner, &job).await, 409, "not_cancellable");
    assert_eq!(files_under(&server.folder().join("spool")), 0);
    gate.add_permits(100);
    assert_eq!(systems::run(&server, &owner, &id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_connection_that_is_deleted_while_it_loads_puts_nothing_in_service() {
    let system = System::new(&ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let gate = system.close();
    let run = start(&server, &owner, &id).await;
    until(&server, &owner, &run, |_| !system.pulls().is_empty()).await;
    assert_eq!(delete(&server, &owner, &format!("/connections/{id}")).await.status, 204);
    gate.add_permits(100);
    let done = ended(&server, &owner, &run).await;
    assert_eq!(done["status"], "cancelled", "{done}");
    refused(&server.get(&owner, "/tables/orders").await, 404, "not_found");
}

#[tokio::test]
async fn a_run_whose_server_died_goes_on_at_the_table_it_was_at() {
    let system = System::new(&ROWS);
    system.hold("public.second", &ROWS);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connect(&server, &owner).await;
    let tables = json!([{"source_table": "public.orders"}, {"source_table": "public.second"}]);
    choose(&server, &owner, &id, tables).await;
    systems::run(&server, &owner, &id).await;
    system.hold(
        "public.second",
        &[(7, 700, "later", 70), (8, 800, "later", 80), (9, 900, "later", 90)],
    );
    let gate = system.close();
    let run = start(&server, &owner, &id).await;
    gate.add_permits(2);
    until(&server, &owner, &run, |run| run["tables"][0]["status"] == "succeeded").await;
    let (clock, pulls) = (server.clock.clone(), system.pulls().len());
    server.app.giving_up.cancel();
    let folder = server.stop().await;
    gate.add_permits(100);
    let environment = [("PACIOLI_LIMITS__ENABLED", "false")];
    let server = Server::start_at(folder, &environment, system.connector(), clock).await;
    let second = server.get(&owner, "/tables/second").await;
    assert_eq!(second.body["rows"], 5, "as it was: {}", second.text);
    let waiting = server.get(&owner, &format!("/jobs/{run}")).await;
    assert_eq!(waiting.body["status"], "queued", "{}", waiting.text);
    assert_eq!(pacioli_server::start_due(&server.app).await.unwrap(), 1);
    let done = ended(&server, &owner, &run).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    let again: Vec<_> = system.pulls().split_off(pulls).into_iter().map(|it| it.0).collect();
    assert_eq!(again, ["public.second"]);
    assert_eq!(server.get(&owner, "/tables/second").await.body["rows"], 8);
}
