//! kill -9 while a report is made: the next server makes it, no form of it is ever there by half, and
//! nothing is left lying about.

use std::{
    collections::BTreeSet,
    io::{Cursor, Read as _},
    path::Path,
    time::{Duration, Instant},
};

use calamine::{Reader as _, Xlsx};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::files_under,
    program::{Program, QUICK},
    reports::books,
    server::{Answer, PASSWORD},
};

/// Deaths, spread over the time that a report takes.
const ROUNDS: u32 = 3;
const FORMS: [&str; 5] = ["html", "pdf", "xlsx", "csv", "zip"];

fn order() -> Value {
    json!({"kind": "sales", "period": "2025-11", "today": "2026-01-10", "formats": ["pdf", "xlsx"]})
}

/// The report, once it is there; it does not fail.
async fn made(program: &Program, token: &str, id: &str) -> Answer {
    for _ in 0..600 {
        let answer = program.get(token, &format!("/reports/{id}")).await;
        if answer.status == 200 {
            return answer;
        }
        assert_eq!(answer.status, 202, "{}", answer.text);
        let status = answer.body["status"].as_str().unwrap();
        assert!(["queued", "running", "succeeded"].contains(&status), "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("report {id} is not made: {:?}", program.lines());
}

/// The jobs of reports, the newest first.
async fn jobs(program: &Program, token: &str) -> Vec<Value> {
    let jobs = program.get(token, "/jobs").await;
    let jobs = jobs.body["items"].as_array().unwrap().iter().filter(|job| job["kind"] == "report");
    jobs.cloned().collect()
}

/// Each form is a whole file, or the job that will make it.
async fn whole_or_not_there(program: &Program, token: &str, id: &str) -> bool {
    let mut whole = 0;
    for form in FORMS {
        let request = program.request(Method::GET, &format!("/reports/{id}.{form}"));
        let answer = request.bearer_auth(token).send().await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap();
        if status == 202 {
            let job: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!((&job["kind"], &job["id"]), (&json!("report"), &json!(id)), "{job}");
            continue;
        }
        assert_eq!(status, 200, "{form}");
        is_whole(form, &bytes);
        whole += 1;
    }
    whole == FORMS.len()
}

fn is_whole(form: &str, bytes: &[u8]) {
    let end =
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(64)..]).trim_end().to_owned();
    match form {
        "html" => {
            assert!(bytes.starts_with(b"<!doctype html>") && end.ends_with("</html>"), "{end}");
        }
        "pdf" => assert!(bytes.starts_with(b"%PDF-") && end.ends_with("%%EOF"), "{end}"),
        "csv" => assert!(bytes.starts_with(b"#,Finding,") && bytes.ends_with(b"\n"), "{end}"),
        "xlsx" => {
            let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
            for name in book.sheet_names() {
                book.worksheet_range(&name).unwrap();
            }
        }
        "zip" => {
            let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
            assert!(!archive.is_empty());
            for place in 0..archive.len() {
                // Reading to the end checks the sum as well.
                archive.by_index(place).unwrap().read_to_end(&mut Vec::new()).unwrap();
            }
        }
        _ => panic!("{form}"),
    }
}

/// Processes that work in a folder, by the links that Linux keeps of them.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let here =
        all.filter(|it| std::fs::read_link(it.path().join("cwd")).is_ok_and(|at| at == folder));
    here.map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}

/// Workers see that their server is gone, and go too.
async fn all_gone(folder: &Path) {
    for _ in 0..100 {
        if processes_in(folder).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still there: {:?}", processes_in(folder));
}

async fn log_in(program: &Program) -> String {
    let answer = program.log_in("owner@example.com", PASSWORD).await;
    answer.body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_while_a_report_is_made_and_the_next_server_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &QUICK).await;
    let mut token = program.sign_up("owner@example.com").await;
    let loaded = program.try_upload(&token, "sales.csv", &books("2025-07-01")).await.unwrap();
    assert!(loaded.status.is_success(), "{}", loaded.text);
    // How long one takes, and what it says.
    let began = Instant::now();
    let first = program.post(&token, "/report", order()).await;
    let first = made(&program, &token, first.body["id"].as_str().unwrap()).await;
    let takes = began.elapsed();
    let mut resumed = 0;
    for round in 1..=ROUNDS {
        let ask = program.request(Method::POST, "/report").bearer_auth(&token).json(&order());
        let killed = async {
            tokio::time::sleep(takes * round / (ROUNDS + 1)).await;
            program.send_kill();
        };
        let _ = tokio::join!(ask.send(), killed);
        program.kill().await;
        all_gone(folder.path()).await;
        program = Program::start(folder.path(), &QUICK).await;
        token = log_in(&program).await;
        let jobs = jobs(&program, &token).await;
        let newest = jobs[0]["id"].as_str().unwrap();
        whole_or_not_there(&program, &token, newest).await;
        let report = made(&program, &token, newest).await;
        assert_eq!(report.body["headline"], first.body["headline"]);
        assert!(whole_or_not_there(&program, &token, newest).await, "{}", report.text);
        let log = program.log();
        resumed += log.iter().filter(|line| line["event"] == "report.resumed").count();
    }
    assert!(resumed > 0, "no report was hit");
    let (jobs, reports) = (jobs(&program, &token).await, program.get(&token, "/reports").await);
    let ids = |list: &[Value]| list.iter().map(|it| it["id"].to_string()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&jobs), ids(reports.body["items"].as_array().unwrap()), "{}", reports.text);
    assert!(jobs.iter().all(|job| job["status"] == "succeeded"), "{jobs:?}");
    program.kill().await;
    all_gone(folder.path()).await;
    let program = Program::start(folder.path(), &QUICK).await;
    for left in ["spool", "scratch"] {
        assert_eq!(files_under(&folder.path().join("data").join(left)), 0, "{left}");
    }
    assert_eq!(program.log().iter().filter(|line| line["event"] == "report.resumed").count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_cannot_end_before_its_server_does_is_left_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let grace = [&QUICK[..], &[("PACIOLI_SERVER__SHUTDOWN_GRACE_SECONDS", "1")]].concat();
    let mut program = Program::start(folder.path(), &grace).await;
    let token = program.sign_up("owner@example.com").await;
    let loaded = program.try_upload(&token, "sales.csv", &books("2025-07-01")).await.unwrap();
    assert!(loaded.status.is_success(), "{}", loaded.text);
    let ask = program.request(Method::POST, "/report").bearer_auth(&token).json(&order());
    let stopped = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        program.terminate();
    };
    let (answer, ()) = tokio::join!(ask.send(), stopped);
    assert!(program.ended().await.success());
    // It was made in time, or is told of as a job.
    let status = answer.map_or(202, |it| it.status().as_u16());
    let left = program.log().iter().any(|line| line["event"] == "report.left");
    assert!((status, left) == (200, false) || (status, left) == (202, true), "{status} {left}");
    let program = Program::start(folder.path(), &QUICK).await;
    let token = log_in(&program).await;
    let jobs = jobs(&program, &token).await;
    made(&program, &token, jobs[0]["id"].as_str().unwrap()).await;
}
