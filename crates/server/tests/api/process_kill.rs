//! kill -9 at any moment: what was acknowledged is there, what was not is there wholly or not at all.

use std::{collections::BTreeMap, time::Duration};

use chrono::Duration as Span;
use pacioli_model::{Email, Role};
use pacioli_store::{PageRequest, UserQuery};
use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    checks,
    program::{Program, QUICK},
    server::{PASSWORD, Server},
};

const ROUNDS: u64 = 16;

/// The data folder of a process that has ended, for a server of this one.
pub fn data_of(folder: &TempDir) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::rename(folder.path().join("data"), data.path()).unwrap();
    data
}

/// The moments at which a process is killed, spread over what it does.
fn moment(round: u64, over: u64) -> Duration {
    Duration::from_millis(10 + round * 7919 % over)
}

#[tokio::test]
async fn kill_9_during_sign_ups_leaves_no_half_company() {
    let folder = tempfile::tempdir().unwrap();
    let (mut tried, mut acknowledged) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let program = Program::start(folder.path(), &QUICK).await;
        let before = acknowledged.len();
        let tried_now = std::sync::Mutex::new(Vec::new());
        let done = std::sync::Mutex::new(Vec::new());
        let sign_up = async |worker: u64| {
            for count in 0..50 {
                let email = format!("r{round}w{worker}n{count}@example.com");
                tried_now.lock().unwrap().push(email.clone());
                match program.try_sign_up(&email).await {
                    Some(answer) => {
                        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
                        done.lock().unwrap().push(email);
                    }
                    None => return,
                }
            }
        };
        tokio::select! {
            _ = futures_util::future::join3(sign_up(0), sign_up(1), sign_up(2)) => {}
            () = async {
                // Every second round some are through before the end comes; in the others it may be none.
                while round % 2 == 0 && done.lock().unwrap().is_empty() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                tokio::time::sleep(moment(round, 400)).await;
            } => {}
        }
        program.kill().await;
        tried.extend(tried_now.into_inner().unwrap());
        acknowledged.extend(done.into_inner().unwrap());
        let program = Program::start(folder.path(), &QUICK).await;
        for email in &acknowledged[before..] {
            let answer = program.log_in(email, PASSWORD).await;
            assert_eq!(answer.status, StatusCode::OK, "{email}: {}", answer.text);
        }
        program.kill().await;
    }
    assert!(
        acknowledged.len() >= 8,
        "{} of {} sign-ups were made",
        acknowledged.len(),
        tried.len()
    );
    assert!(acknowledged.len() < tried.len(), "no sign-up was hit");
    let server = Server::start_in(data_of(&folder), &[("PACIOLI_LIMITS__ENABLED", "false")]).await;
    whole_companies(server, &tried, &acknowledged).await;
}

async fn whole_companies(server: Server, tried: &[String], acknowledged: &[String]) {
    let mut companies = BTreeMap::new();
    let mut request = PageRequest { after: None, limit: 100 };
    loop {
        let page = server.app.store.companies(&request).await.unwrap();
        for company in page.items {
            let query = UserQuery { limit: 100, ..UserQuery::default() };
            let users = server.app.store.tenant(company.id).users(&query).await.unwrap().items;
            let owners =
                users.iter().filter(|user| user.role == Role::Superuser && user.is_active());
            assert_eq!(
                (users.len(), owners.count()),
                (1, 1),
                "company {} has one owner",
                company.id
            );
            companies.insert(company.id, users[0].email.clone());
        }
        match page.next {
            Some(after) => request.after = Some(after),
            None => break,
        }
    }
    let mut known = 0;
    for email in tried {
        let parsed = Email::parse(email).unwrap();
        let Some(user) = server.app.store.user_by_email(&parsed).await.unwrap() else {
            assert!(!acknowledged.contains(email), "{email} was acknowledged");
            // Nothing is left that would stand in the way of a second try.
            let name = email.strip_suffix("@example.com").unwrap();
            server.sign_up(name).await;
            continue;
        };
        known += 1;
        assert_eq!(companies.get(&user.company_id), Some(&user.email), "{email} has a company");
    }
    assert_eq!(companies.len(), known, "every company is somebody's");
}

const TABLES: [(&str, &str); 3] = [("orchard", "apples"), ("garden", "pears"), ("meadow", "plums")];

/// Ten numbers again and again, which are amounts and no names of rows.
fn numbers(column: &str, rows: u64) -> String {
    let rows: Vec<String> =
        (0..rows).map(|row| format!("{},some text beside it\n", row % 10)).collect();
    format!("{column},words\n{}", rows.concat())
}

/// Each table is as some whole file of its name: the last acknowledged one, or one sent after it.
async fn whole_tables(program: &Program, token: &str, sent: &BTreeMap<&str, Vec<(u64, bool)>>) {
    let tables = program.get(token, "/tables").await;
    assert_eq!(tables.status, StatusCode::OK, "{}", tables.text);
    for (table, column) in TABLES {
        let sent = sent.get(table).map_or(&[][..], Vec::as_slice);
        let last = sent.iter().rposition(|(_, acknowledged)| *acknowledged);
        let listed =
            tables.body["items"].as_array().unwrap().iter().find(|one| one["name"] == table);
        let Some(listed) = listed else {
            assert_eq!(last, None, "{table} was acknowledged and is gone");
            continue;
        };
        let rows = listed["rows"].as_u64().unwrap();
        let may_be = &sent[last.unwrap_or(0)..];
        assert!(may_be.iter().any(|(sent, _)| *sent == rows), "{table} has {rows} rows: {sent:?}");
        let detail = program.get(token, &format!("/tables/{table}")).await;
        assert_eq!(detail.body["sample"]["rows"][9][0], 9, "{}", detail.text);
        let question = json!({"question": format!("total {column}")});
        let answer = program.post(token, "/query", question).await;
        assert_eq!(
            checks::rows(&answer),
            [[(0..rows).map(|row| row % 10).sum::<u64>().to_string()]],
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn kill_9_during_loads_leaves_no_half_table() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &QUICK).await;
    let owner = "owner@example.com";
    let mut token = program.sign_up(owner).await;
    let mut sent: BTreeMap<&str, Vec<(u64, bool)>> = BTreeMap::new();
    for round in 0..ROUNDS {
        let load = async |at: usize| {
            let (table, column) = TABLES[at];
            let mut done = Vec::new();
            for count in 0_u64..4 {
                let rows = 100 + round * 40 + u64::try_from(at).unwrap() * 1500 + count;
                let file = format!("{table}.csv");
                let answer = program.try_upload(&token, &file, &numbers(column, rows)).await;
                let acknowledged =
                    answer.as_ref().is_some_and(|answer| answer.status == StatusCode::CREATED);
                done.push((rows, acknowledged));
                if answer.is_none() {
                    break;
                }
            }
            (table, done)
        };
        let killed = async {
            tokio::time::sleep(moment(round, 350)).await;
            program.send_kill();
        };
        let (a, b, c, ()) = tokio::join!(load(0), load(1), load(2), killed);
        for (table, done) in [a, b, c] {
            sent.entry(table).or_default().extend(done);
        }
        program.kill().await;
        program = Program::start(folder.path(), &QUICK).await;
        whole_tables(&program, &token, &sent).await;
        token =
            program.log_in(owner, PASSWORD).await.body["access_token"].as_str().unwrap().to_owned();
    }
    let all: Vec<bool> = sent.values().flatten().map(|(_, acknowledged)| *acknowledged).collect();
    assert!(all.contains(&true) && all.contains(&false), "some loads ended and some were hit");
    assert_eq!(checks::files_under(&folder.path().join("data/spool")), 0);
}

#[tokio::test]
async fn a_load_that_was_killed_reads_as_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    let mut rows = 100_000;
    let answer = loop {
        let answer =
            program.try_upload(&token, "orchard.csv", &numbers("apples", rows)).await.unwrap();
        if answer.status == StatusCode::ACCEPTED {
            break answer;
        }
        rows *= 3;
    };
    let tables = program.get(&token, "/tables").await.body;
    program.kill().await;
    let id = answer.body["job_id"].as_str().unwrap();
    let server = Server::start_in(data_of(&folder), &[("PACIOLI_LIMITS__ENABLED", "false")]).await;
    // The machine's clock ran in the process, this one stands: wherever that was, it is long past.
    server.advance(Span::days(36_500));
    let owner = server.log_in("owner@example.com", PASSWORD).await;
    let job = server.get(&owner, &format!("/jobs/{id}")).await;
    let now = server.get(&owner, "/tables").await.body;
    if job.body["status"] == "succeeded" {
        assert_eq!(now["items"][0]["rows"], rows);
        return;
    }
    assert_eq!(job.body["status"], "failed", "{}", job.text);
    assert_eq!(job.body["error"]["code"], "interrupted", "{}", job.text);
    assert!(job.body["error"]["detail"].as_str().unwrap().contains("load again"), "{}", job.text);
    let as_before = now == tables;
    assert!(as_before || now["items"][0]["rows"] == rows, "{tables} {now}");
}
