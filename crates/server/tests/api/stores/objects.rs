//! Tables on an S3-compatible object store: loaded, asked, replaced and swept, and what is said when the
//! store is away or refuses.

use std::{fmt::Write as _, time::Instant};

use axum::{Router, http::StatusCode as Status};
use reqwest::Method;
use serde_json::json;

use super::programs::Program;
use crate::{
    checks::refused,
    people::sent,
    program,
    server::{Server, client},
};

const SECRET: &str = "an object store's secret 5731";

/// A server whose tables lie under `books/pacioli/a` of the store at `endpoint`.
async fn start(endpoint: &str) -> Server {
    let environment = environment(endpoint);
    Server::start_with(&environment.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

fn environment(endpoint: &str) -> [(&'static str, String); 6] {
    [
        ("PACIOLI_LIMITS__ENABLED", "false".to_owned()),
        ("PACIOLI_FILES__STORE", "s3://books/pacioli/a".to_owned()),
        ("PACIOLI_FILES__ENDPOINT", endpoint.to_owned()),
        ("PACIOLI_FILES__ACCESS_KEY_ID", "somebody".to_owned()),
        ("PACIOLI_FILES__SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("PACIOLI_FILES__ALLOW_HTTP", "true".to_owned()),
    ]
}

/// The names of the tables' files in the bucket.
async fn objects(store: &Program) -> Vec<String> {
    let url = format!("{}/books?list-type=2&prefix=pacioli/a/companies", store.url("http"));
    let listed = client().get(url).send().await.unwrap().text().await.unwrap();
    let names = listed.split("<Key>").skip(1);
    names.filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect()
}

#[tokio::test]
async fn tables_on_an_object_store_are_loaded_asked_replaced_and_swept() {
    let Some(store) = Program::bucket().await else { return };
    let server = start(&store.url("http")).await;
    let (one, other) = (server.sign_up("one").await, server.sign_up("other").await);
    server.load(&one, "sales.csv", "region,revenue\nNorth,10.50\nSouth,4.25\n").await;
    server.load(&other, "sales.csv", "region,revenue\nNorth,1.00\n").await;
    let answer = server.ask(&one, "revenue by region").await;
    assert_eq!(answer.body["rows"], json!([["North", 10.5], ["South", 4.25]]), "{}", answer.text);
    let sql = json!({"sql": "select sum(revenue) as revenue from sales"});
    let answer = server.send(&other, Method::POST, "/sql", sql).await;
    assert_eq!(answer.body["rows"], json!([[1.0]]), "{}", answer.text);
    let before = objects(&store).await;
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(before.iter().any(|name| name.contains(&one.company)), "{before:?}");

    server.load(&one, "sales.csv", "region,revenue\nNorth,7.00\n").await;
    let answer = server.ask(&one, "revenue by region").await;
    assert_eq!(answer.body["rows"], json!([["North", 7.0]]), "{}", answer.text);
    let orphan = format!(
        "{}/books/pacioli/a/companies/{}/tables/sales/{}/part-0.parquet",
        store.url("http"),
        one.company,
        uuid::Uuid::from_u128(7)
    );
    assert!(client().put(&orphan).body("left").send().await.unwrap().status().is_success());
    server.advance(chrono::Duration::days(365 * 20));
    let kept = server.app.store.table_versions().await.unwrap();
    let kept = kept.into_iter().map(|(_, _, version)| version).collect();
    server.app.files.sweep(&kept, server.app.clock.now()).await.unwrap();
    assert_eq!(objects(&store).await.len(), 2);
    let ready = sent(server.request(Method::GET, "/readyz")).await;
    assert!(ready.text.contains(r#""name":"files","kind":"s3","state":"up""#), "{}", ready.text);
}

#[tokio::test]
async fn a_file_of_many_parts_is_whole_and_a_failed_load_leaves_none() {
    let Some(store) = Program::bucket().await else { return };
    let server = start(&store.url("http")).await;
    let owner = server.sign_up("owner").await;
    // Noise that no compression makes smaller than the two parts of 10 MiB that are meant.
    let mut state = 1_u64;
    let mut csv = "id,noise\n".to_owned();
    let rows = 300_000;
    for id in 0..rows {
        write!(csv, "{id},").unwrap();
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            write!(csv, "{:016x}", state ^ (state >> 29)).unwrap();
        }
        csv.push('\n');
    }
    server.load(&owner, "noise.csv", &csv).await;
    let sql =
        json!({"sql": "select count(*) as n, count(distinct noise) as d, max(id) as m from noise"});
    let answer = server.send(&owner, Method::POST, "/sql", sql).await;
    assert_eq!(answer.body["rows"], json!([[rows, rows, rows - 1]]), "{}", answer.text);
    let broken = server.upload(&owner, "broken.csv", "a,b\n\"never ended").await;
    assert!(broken.status.is_client_error() || broken.status.is_success(), "{}", broken.text);
    assert_eq!(objects(&store).await.iter().filter(|name| name.contains("/noise/")).count(), 1);
}

#[tokio::test]
async fn an_object_store_that_is_away_refuses_nothing_else() {
    let Some(mut store) = Program::bucket().await else { return };
    let server = start(&store.url("http")).await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", "region,revenue\nNorth,10.50\n").await;
    store.kill();
    let began = Instant::now();
    let answer = server.ask(&owner, "total revenue").await;
    refused(&answer, 503, "unavailable");
    assert!(began.elapsed().as_secs() < 25, "{:?}", began.elapsed());
    assert!(!answer.text.contains("127.0.0.1") && !answer.text.contains(SECRET), "{}", answer.text);
    assert_eq!(server.get(&owner, "/tables").await.status, 200);
    let ready = sent(server.request(Method::GET, "/readyz")).await;
    assert_eq!(ready.status, 503, "{}", ready.text);
    assert!(!ready.text.contains("127.0.0.1"), "{}", ready.text);
}

/// A store that answers everything with this status.
async fn always(status: Status) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(move || async move { status });
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test]
async fn the_doctor_says_that_an_object_store_refuses_or_is_busy() {
    for (status, word) in [(Status::FORBIDDEN, "403"), (Status::SERVICE_UNAVAILABLE, "503")] {
        let endpoint = always(status).await;
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&endpoint);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let ended = program::run(folder.path(), &["doctor"], &environment, "").await;
        assert!(!ended.status.success());
        let said = program::text(&ended.stdout) + &program::text(&ended.stderr);
        let line = said.lines().find(|line| line.starts_with("FAIL  table files (s3)"));
        let line = line.unwrap_or_else(|| panic!("{said}"));
        assert!(line.contains(word), "{line}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[tokio::test]
async fn replicas_share_answers_and_cancel_each_others_queries() {
    let (Some(mongo), Some(redis)) = (Program::mongo(), Program::redis()) else { return };
    let Some(store) = Program::bucket().await else { return };
    let (mongo, redis) = (mongo.url("mongodb"), redis.url("redis"));
    let mut variables = environment(&store.url("http")).to_vec();
    variables.extend([("MONGODB_URI", mongo), ("REDIS_URL", redis)]);
    variables.push(("JWT_SECRET", "mWq3v9Xr7TzK1pLs5NcY8bGd2HfJ6aEu".to_owned()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (one, two) = (Server::start_with(&variables).await, Server::start_with(&variables).await);
    let (owner, other) = (one.sign_up("owner").await, one.sign_up("other").await);
    for person in [&owner, &other] {
        let lines = if person.id == owner.id { "North,10.50\nSouth,4.25" } else { "North,1.00" };
        one.load(person, "sales.csv", &format!("region,revenue\n{lines}\n")).await;
    }
    answered_once(&one, &two, &owner).await;
    let rows = json!([["North", 10.5], ["South", 4.25]]);
    assert_eq!(one.ask(&owner, "revenue by region").await.body["rows"], rows);
    assert_eq!(two.ask(&owner, "revenue by region").await.body["rows"], rows);
    let others = two.ask(&other, "revenue by region").await;
    assert_eq!(others.body["rows"], json!([["North", 1.0]]), "each company has its own");
    two.load(&owner, "sales.csv", "region,revenue\nNorth,7.00\n").await;
    for server in [&one, &two] {
        let answer = server.ask(&owner, "revenue by region").await;
        assert_eq!(answer.body["rows"], json!([["North", 7.0]]), "{}", answer.text);
    }
    cancelled_elsewhere(&one, &two, &owner).await;
}

/// What one replica has computed the other finds. A Redis that is slow, as on a busy machine, is not
/// waited for, so that it may take more than one question.
async fn answered_once(one: &Server, two: &Server, owner: &crate::server::Person) {
    for number in 1..50 {
        let sql = format!(
            "SELECT region, sum(revenue) + {number} AS r FROM sales GROUP BY region ORDER BY region"
        );
        let first = one.send(owner, Method::POST, "/sql", json!({ "sql": sql })).await;
        let before = two.app.engine.stats();
        let second = two.send(owner, Method::POST, "/sql", json!({ "sql": sql })).await;
        assert_eq!(first.body["rows"], second.body["rows"], "{}", second.text);
        let after = two.app.engine.stats();
        if after.cache_hits > before.cache_hits {
            assert_eq!(after.cache_misses, before.cache_misses, "it ran on the first alone");
            return;
        }
    }
    panic!("nothing is shared");
}

/// A query that runs on one replica is cancelled through the other.
async fn cancelled_elsewhere(one: &Server, two: &Server, owner: &crate::server::Person) {
    let path = "/queries/0d5ce2a6-5d2e-4bd1-9c3f-0f3a76cf0a11";
    let rows: Vec<String> = (0..100_000).map(|row| format!("{row},1")).collect();
    one.load(owner, "same.csv", &format!("v,k\n{}\n", rows.join("\n"))).await;
    // Runs until it is ended: every row meets every row.
    let sql = "SELECT sum(a.v * b.v) AS s FROM same a JOIN same b ON a.k = b.k";
    let id = path.trim_start_matches("/queries/");
    let asked = one.send(owner, Method::POST, "/sql", json!({"sql": sql, "query_id": id}));
    let cancelled = async {
        for _ in 0..200 {
            let answer = two.send(owner, Method::DELETE, path, json!(null)).await;
            if answer.status == Status::NO_CONTENT {
                return;
            }
            refused(&answer, 404, "not_found");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("it was not cancelled");
    };
    let (asked, ()) = tokio::join!(asked, cancelled);
    refused(&asked, 409, "query_cancelled");
}
