//! kill -9 while a connected system's table is loaded, and while rows are pushed: the version before
//! stays in service, and a run goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, State},
    http::header,
    routing::get,
};
use chrono::Duration as Span;
use pacioli_server::{Connector, start_due};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    people::sent,
    process_kill::data_of,
    program::{Program, QUICK},
    server::{PASSWORD, Server},
    systems::ended,
};

const METADATA: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Books" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Order"><Key><PropertyRef Name="ID"/></Key>
<Property Name="ID" Type="Edm.Int64" Nullable="false"/><Property Name="Amount" Type="Edm.Int64"/></EntityType>
<EntityContainer Name="Container"><EntitySet Name="Orders" EntityType="Books.Order"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

const PAGES: u64 = 5;
const PAGE: u64 = 100;

/// An OData service of one set. Each page takes a permit, and says what amount is in force.
#[derive(Clone)]
struct Service {
    gate: Arc<Semaphore>,
    amount: Arc<AtomicI64>,
    pages: Arc<AtomicU64>,
    url: Arc<std::sync::OnceLock<String>>,
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    page: u64,
}

impl Service {
    async fn start() -> Self {
        let service = Self {
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS / 2)),
            amount: Arc::new(AtomicI64::new(1)),
            pages: Arc::default(),
            url: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        service.url.set(format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let metadata =
            || async { ([(header::CONTENT_TYPE, "application/xml")], METADATA.to_owned()) };
        let router = Router::new()
            .route("/$metadata", get(metadata))
            .route("/Orders", get(Self::orders))
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        service
    }

    async fn orders(State(service): State<Self>, Query(which): Query<Which>) -> axum::Json<Value> {
        service.gate.acquire().await.unwrap().forget();
        service.pages.fetch_add(1, Ordering::SeqCst);
        let amount = service.amount.load(Ordering::SeqCst);
        let rows = (0..PAGE).map(|at| json!({"ID": which.page * PAGE + at, "Amount": amount}));
        let mut page = json!({"value": rows.collect::<Vec<_>>()});
        if which.page + 1 < PAGES {
            let url = service.url.get().unwrap();
            page["@odata.nextLink"] = json!(format!("{url}/Orders?page={}", which.page + 1));
        }
        axum::Json(page)
    }

    fn close(&self) {
        self.gate.forget_permits(usize::MAX);
    }
}

async fn run(program: &Program, token: &str, id: &str) -> String {
    let answer = program.post(token, &format!("/connections/{id}/run"), json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    answer.body["run_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_during_a_run_leaves_the_version_before_and_another_server_goes_on() {
    let service = Service::start().await;
    let folder = tempfile::tempdir().unwrap();
    let allow = ("PACIOLI_OUTGOING__ALLOW", "127.0.0.1/32");
    let environment = [&QUICK[..], &[allow]].concat();
    let program = Program::start(folder.path(), &environment).await;
    let token = program.sign_up("owner@example.com").await;
    let settings = json!({"url": service.url.get().unwrap(), "access": {"kind": "open"}});
    let body = json!({"name": "Books", "kind": "odata", "settings": settings});
    let made = program.post(&token, "/connections", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.body["id"].as_str().unwrap();
    let put = program.request(Method::PUT, &format!("/connections/{id}/tables"));
    let tables = json!({"tables": [{"source_table": "Orders", "name": "orders"}]});
    let chosen = sent(put.bearer_auth(&token).json(&tables)).await;
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    let first = run(&program, &token, id).await;
    loop {
        let run = program.get(&token, &format!("/runs/{first}")).await;
        if !run.body["ended_at"].is_null() {
            assert_eq!(run.body["status"], "succeeded", "{}", run.text);
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.close();
    service.amount.store(7, Ordering::SeqCst);
    let before = service.pages.load(Ordering::SeqCst);
    let second = run(&program, &token, id).await;
    service.gate.add_permits(2);
    while service.pages.load(Ordering::SeqCst) < before + 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    program.kill().await;
    service.gate.add_permits(1000);
    let systems = Connector::Systems(vec!["127.0.0.1/32".parse().unwrap()]);
    let limits = [("PACIOLI_LIMITS__ENABLED", "false")];
    let server = Server::start_over(data_of(&folder), &limits, systems).await;
    // The machine's clock ran in the process, this one stands: wherever that was, it is long past.
    server.advance(Span::days(36_500));
    let owner = server.log_in("owner@example.com", PASSWORD).await;
    let kept = server.get(&owner, "/tables/orders").await;
    assert_eq!(kept.body["rows"], PAGES * PAGE, "{}", kept.text);
    assert_eq!(kept.body["schema"][1]["max"], 1, "as it was: {}", kept.text);
    assert_eq!(start_due(&server.app).await.unwrap(), 1);
    let done = ended(&server, &owner, &second).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    let now = server.get(&owner, "/tables/orders").await;
    assert_eq!(now.body["rows"], PAGES * PAGE, "{}", now.text);
    assert_eq!(now.body["schema"][1]["min"], 7, "{}", now.text);
}

/// Rows of one push.
const ROWS: usize = 1000;

#[tokio::test]
async fn kill_9_during_pushes_leaves_every_acknowledged_row_and_no_half_push() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &QUICK).await;
    let mut token = program.sign_up("owner@example.com").await;
    let rows: String =
        (0..ROWS).map(|at| format!("{{\"n\":{at},\"word\":\"some text\"}}\n")).collect();
    let (mut tried, mut acknowledged) = (0_u64, 0_u64);
    for round in 0..6 {
        let push = async {
            loop {
                tried += 1;
                let request = program.request(Method::POST, "/tables/log/rows");
                let request = request.bearer_auth(&token);
                let request = request.header("content-type", "application/x-ndjson");
                let Ok(answer) = request.body(rows.clone()).send().await else { return };
                assert!(answer.status().is_success(), "{}", answer.status());
                acknowledged += 1;
            }
        };
        tokio::select! {
            () = push => {}
            () = tokio::time::sleep(Duration::from_millis(150 + round * 37)) => {}
        }
        program.kill().await;
        program = Program::start(folder.path(), &QUICK).await;
        let in_again = program.log_in("owner@example.com", PASSWORD).await;
        in_again.body["access_token"].as_str().unwrap().clone_into(&mut token);
        let tables = program.get(&token, "/tables").await;
        let kept = tables.body["items"][0]["rows"].as_u64().unwrap_or(0);
        assert_eq!(kept % ROWS as u64, 0, "{}", tables.text);
        let pushes = kept / ROWS as u64;
        assert!((acknowledged..=tried).contains(&pushes), "{acknowledged} {pushes} {tried}");
        // One that was not acknowledged may have been taken.
        acknowledged = pushes;
        tried = tried.max(pushes);
    }
    assert!(acknowledged > 0, "nothing was ever pushed");
}
