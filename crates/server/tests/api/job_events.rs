//! `GET /jobs/{id}` as server-sent events.

use std::time::Duration;

use futures_util::StreamExt as _;
use pacioli_model::{Job, JobId, JobKind, JobStatus};
use pacioli_server::Random;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{
    checks::refused,
    server::{Answer, Person, Server},
    systems::{self, System, connected, start, until},
};

async fn listen(server: &Server, person: &Person, job: &str) -> Response {
    let request = server.request(Method::GET, &format!("/jobs/{job}")).bearer_auth(&person.token);
    request.header("accept", "text/event-stream").send().await.unwrap()
}

/// Everything that is sent until the stream ends.
async fn to_the_end(response: Response) -> Vec<(String, Value)> {
    let read = async {
        let mut body = response.bytes_stream();
        let mut text = String::new();
        while let Some(chunk) = body.next().await {
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        text
    };
    let text = tokio::time::timeout(Duration::from_secs(30), read).await.expect("it ends");
    let events = text.split("\n\n").filter(|event| event.contains("data:"));
    let part = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {event}")).trim().to_owned()
    };
    let event =
        |event: &str| (part(event, "event:"), serde_json::from_str(&part(event, "data:")).unwrap());
    events.map(event).collect()
}

#[tokio::test]
async fn a_run_is_told_as_it_goes_and_to_its_end() {
    let rows: Vec<systems::Row> = (0..10).map(|at| (at, 100, "a", at)).collect();
    let system = System::new(&rows);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let gate = system.close();
    let run = start(&server, &owner, &id).await;
    let response = listen(&server, &owner, &run).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let told = tokio::spawn(to_the_end(response));
    gate.add_permits(2);
    until(&server, &owner, &run, |run| run["rows"] == 4).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    gate.add_permits(100);
    let told = told.await.unwrap();
    let (names, jobs): (Vec<String>, Vec<Value>) = told.into_iter().unzip();
    assert!(names.len() >= 3, "{names:?}");
    let (last, before) = names.split_last().unwrap();
    assert_eq!(last, "end");
    assert!(before.iter().all(|name| name == "progress"), "{names:?}");
    let rows: Vec<u64> = jobs.iter().map(|job| job["progress"]["rows"].as_u64().unwrap()).collect();
    assert!(rows.is_sorted() && rows.contains(&4) && rows.last() == Some(&10), "{rows:?}");
    let at_four = jobs.iter().find(|job| job["progress"]["rows"] == 4).unwrap();
    assert_eq!(at_four["progress"]["percent"], 40, "{at_four}");
    assert_eq!(at_four["progress"]["bytes"], 40);
    assert_eq!(jobs.last().unwrap()["status"], "succeeded");
    // Asked again after the end, the end is told.
    let again = to_the_end(listen(&server, &owner, &run).await).await;
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].0.as_str(), &again[0].1), ("end", jobs.last().unwrap()));
}

#[tokio::test]
async fn where_nobody_says_how_many_rows_there_are_no_percentage_is_made_up() {
    let system = System::new(&[(1, 1, "a", 1), (2, 2, "b", 2), (3, 3, "c", 3)]);
    system.keep_quiet();
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let gate = system.close();
    let run = start(&server, &owner, &id).await;
    gate.add_permits(1);
    until(&server, &owner, &run, |run| run["rows"] == 2).await;
    let job = server.get(&owner, &format!("/jobs/{run}")).await;
    assert_eq!(job.body["progress"]["percent"], Value::Null, "{}", job.text);
    gate.add_permits(100);
    systems::ended(&server, &owner, &run).await;
    let job = server.get(&owner, &format!("/jobs/{run}")).await;
    assert_eq!(job.body["progress"]["percent"], 100, "{}", job.text);
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let system = System::new(&[(1, 1, "a", 1)]);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let _gate = system.close();
    let run = start(&server, &owner, &id).await;
    let told = tokio::spawn(to_the_end(listen(&server, &owner, &run).await));
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.app.giving_up.cancel();
    server.stop().await;
    let told = told.await.unwrap();
    assert!(told.iter().all(|(name, _)| name == "progress"), "{told:?}");
}

#[tokio::test]
async fn a_job_of_another_company_is_not_told() {
    let system = System::new(&[(1, 1, "a", 1)]);
    let server = systems::server(&system).await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let id = connected(&server, &owner).await;
    let run = start(&server, &owner, &id).await;
    let foreign = Answer::of(listen(&server, &other, &run).await).await;
    refused(&foreign, 404, "not_found");
}

#[tokio::test]
async fn people_follow_and_cancel_what_they_have_started_and_nothing_else() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let (user, colleague) =
        (server.add_user(&owner, "user").await, server.add_user(&owner, "colleague").await);
    let company = owner.company.parse().unwrap();
    let data = server.app.store.tenant(company);
    let (id, times) =
        (JobId(Random.uuid()), (chrono::Duration::hours(1), chrono::Duration::days(1)));
    let whose = (company, user.id.parse().unwrap());
    let job = Job::begun(JobKind::Report, id, whose, server.clock.now(), times);
    data.put_job(&job).await.unwrap();
    let path = format!("/jobs/{id}");
    // It is nobody else's, but of whoever manages the company's data.
    for method in [Method::GET, Method::DELETE] {
        refused(&server.send(&colleague, method, &path, json!({})).await, 404, "not_found");
    }
    refused(&server.get(&user, "/jobs").await, 403, "insufficient_role");
    for person in [&user, &owner] {
        let seen = server.get(person, &path).await;
        assert_eq!((seen.status.as_u16(), &seen.body["kind"]), (200, &json!("report")));
    }
    let told = tokio::spawn(to_the_end(listen(&server, &user, &id.to_string()).await));
    let cancelled = server.send(&user, Method::DELETE, &path, json!({})).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    assert!(data.is_job_cancelled(id).await.unwrap());
    data.put_job(&Job { status: JobStatus::Cancelled, ..job }).await.unwrap();
    let told = told.await.unwrap();
    let (name, last) = told.last().unwrap();
    assert_eq!((name.as_str(), &last["status"]), ("end", &json!("cancelled")), "{told:?}");
    refused(&server.send(&user, Method::DELETE, &path, json!({})).await, 409, "not_cancellable");
    let log = server.get(&owner, "/audit?action=job_cancelled").await;
    assert_eq!(log.body["items"][0]["actor"].as_str().unwrap_or_default(), user.id, "{}", log.text);
}
