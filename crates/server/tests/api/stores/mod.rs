//! The core of accounts on the stores of production: MongoDB, and Redis between two servers.

mod objects;
mod programs;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use self::programs::Program;
use crate::{
    checks::refused,
    people::{census, count_of, delete, knock, post, refresh, sent},
    server::{Answer, PASSWORD, Person, Server},
};

const SECRET: &str = "mWq3v9Xr7TzK1pLs5NcY8bGd2HfJ6aEu";
const WRONG: &str = "not the password at all";

async fn start(mongo: &Program, redis: Option<&Program>, limits: &[(&str, &str)]) -> Server {
    let mongo = mongo.url("mongodb");
    let redis = redis.map(|redis| redis.url("redis"));
    let mut environment = vec![("MONGODB_URI", &*mongo), ("JWT_SECRET", SECRET)];
    environment.extend(redis.as_deref().map(|url| ("REDIS_URL", url)));
    environment.extend(limits);
    Server::start_with(&environment).await
}

const OFF: [(&str, &str); 1] = [("PACIOLI_LIMITS__ENABLED", "false")];

/// Waits for what another server does as soon as it is told.
async fn soon(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Signing up, in and out, people and their list.
async fn core(server: &Server) {
    let owner = server.sign_up("Owner").await;
    let user = server.add_user(&owner, "user").await;
    assert_eq!(census(server).await, (1, 2));
    let again = json!({
        "full_name": "X", "email": "OWNER@example.com", "password": PASSWORD, "company_name": "Y",
    });
    refused(&server.post("/auth/signup", again).await, 409, "email_taken");
    refused(&server.try_log_in("owner@example.com", WRONG).await, 401, "invalid_credentials");
    let second = server.log_in("OWNER@EXAMPLE.com", PASSWORD).await;
    let refreshed = refresh(server, &second.refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let replay = refresh(server, &second.refresh).await;
    assert_eq!(replay.body["refresh_token"], refreshed.body["refresh_token"]);
    server.advance(chrono::Duration::seconds(11));
    refused(&refresh(server, &second.refresh).await, 401, "invalid_refresh_token");
    assert_eq!(knock(server, &second).await, 401, "reuse ends the family");
    assert_eq!(count_of(server, &owner, "refresh_token_reused", "failure").await, 1);
    let list = server.get(&owner, "/users?sort=email&count=true&limit=1").await;
    assert_eq!(
        (&list.body["total"], &list.body["items"][0]["email"]),
        (&json!(2), &json!("owner@example.com"))
    );
    let cursor = list.body["next_cursor"].as_str().unwrap();
    let rest = server.get(&owner, &format!("/users?sort=email&limit=1&cursor={cursor}")).await;
    assert_eq!(
        (&rest.body["items"][0]["id"], &rest.body["next_cursor"]),
        (&json!(user.id), &Value::Null)
    );
    let found = server.get(&owner, "/users?search=USER%40&role=user").await;
    assert_eq!(found.body["items"][0]["id"], user.id, "{}", found.text);
    assert_eq!(server.get(&owner, "/users?search=u.er").await.body["items"], json!([]));
    refused(&delete(server, &owner, &format!("/users/{}", owner.id)).await, 409, "last_owner");
    let path = format!("/users/{}", user.id);
    let raised = server.send(&owner, Method::PATCH, &path, json!({"role": "superuser"})).await;
    assert_eq!(raised.status, 200, "{}", raised.text);
    assert_eq!(server.get(&user, "/users").await.status, 200);
    assert_eq!(post(server, &user, "/auth/logout").await.status, 204);
    assert_eq!(knock(server, &user).await, 401);
    assert_eq!(delete(server, &owner, &path).await.status, 204);
    assert_eq!(census(server).await, (1, 1));
}

async fn duplicates(server: &Server) {
    let before = census(server).await;
    let attempts = (0..20).map(|i| {
        let email = if i % 2 == 0 { "Twenty@Example.com" } else { "twenty@example.com" };
        let body =
            json!({"full_name": "X", "email": email, "password": PASSWORD, "company_name": "Y"});
        server.post("/auth/signup", body)
    });
    let answers = join_all(attempts).await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(made, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!(census(server).await, (before.0 + 1, before.1 + 1), "no orphan");
}

#[tokio::test]
async fn the_core_of_accounts_works_on_mongodb_alone() {
    let Some(mongo) = Program::mongo() else { return };
    let server = start(&mongo, None, &OFF).await;
    core(&server).await;
    duplicates(&server).await;
}

#[tokio::test]
async fn the_core_of_accounts_works_on_mongodb_and_redis() {
    let (Some(mongo), Some(redis)) = (Program::mongo(), Program::redis()) else { return };
    let server = start(&mongo, Some(&redis), &OFF).await;
    core(&server).await;
    let ready = sent(server.request(Method::GET, "/readyz")).await;
    assert_eq!(
        (ready.status.as_u16(), &ready.body["status"]),
        (200, &json!("ready")),
        "{}",
        ready.text
    );
    let kinds: Vec<&Value> =
        ready.body["dependencies"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert!(kinds.contains(&&json!("mongodb")) && kinds.contains(&&json!("redis")), "{kinds:?}");
}

/// Two servers in front of one database and one Redis.
struct Pair {
    mongo: Program,
    redis: Program,
    a: Server,
    b: Server,
}

impl Pair {
    async fn start(limits: &[(&str, &str)]) -> Option<Self> {
        let (mongo, redis) = (Program::mongo()?, Program::redis()?);
        let a = start(&mongo, Some(&redis), limits).await;
        let b = start(&mongo, Some(&redis), limits).await;
        Some(Self { mongo, redis, a, b })
    }

    /// Whoever is good on both is refused on both after `act` on the first.
    async fn refused_after(&self, person: &Person, act: impl Future<Output = Answer>) {
        for server in [&self.a, &self.b, &self.b] {
            assert_eq!(knock(server, person).await, 200);
        }
        let done = act.await;
        assert!(done.status.is_success(), "{}", done.text);
        assert_eq!(knock(&self.a, person).await, 401);
        let pushed = Duration::from_secs(1);
        soon("refused on B", pushed, async || knock(&self.b, person).await == 401).await;
    }

    async fn until_degraded(&self) {
        for server in [&self.a, &self.b] {
            soon("degraded", Duration::from_secs(10), async || {
                readiness(server).await == "degraded"
            })
            .await;
        }
    }
}

async fn readiness(server: &Server) -> String {
    let answer = sent(server.request(Method::GET, "/readyz")).await;
    answer.body["status"].as_str().unwrap_or("").to_owned()
}

#[tokio::test]
async fn statements_34_and_35_what_ends_on_one_server_ends_on_the_other() {
    let Some(mut pair) = Pair::start(&OFF).await else { return };
    let owner = pair.a.sign_up("owner").await;
    let user = pair.a.add_user(&owner, "user").await;
    pair.refused_after(&user, post(&pair.a, &user, "/auth/logout")).await;
    let user = pair.b.log_in(&user.email, PASSWORD).await;
    pair.refused_after(&user, post(&pair.a, &user, "/auth/logout-everywhere")).await;
    let user = pair.b.log_in(&user.email, PASSWORD).await;
    let path = format!("/users/{}/deactivate", user.id);
    pair.refused_after(&user, post(&pair.a, &owner, &path)).await;
    let path = format!("/users/{}/reactivate", user.id);
    assert_eq!(post(&pair.b, &owner, &path).await.status, 200);
    let user = pair.b.log_in(&user.email, PASSWORD).await;
    // Without Redis neither keeps a copy: the database tells both.
    pair.redis.kill();
    pair.until_degraded().await;
    pair.refused_after(&user, post(&pair.a, &user, "/auth/logout")).await;
    let user = pair.b.log_in(&user.email, PASSWORD).await;
    pair.refused_after(&user, delete(&pair.a, &owner, &format!("/users/{}", user.id))).await;
}

#[tokio::test]
async fn statement_21_two_servers_count_together_and_each_alone_when_redis_is_gone() {
    let limits = [("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "6/10m")];
    let Some(mut pair) = Pair::start(&limits).await else { return };
    let owner = pair.a.sign_up("owner").await;
    let tries = (0..40).map(|i| {
        let server = if i % 2 == 0 { &pair.a } else { &pair.b };
        server.try_log_in(&owner.email, WRONG)
    });
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 6);
    for server in [&pair.a, &pair.b] {
        refused(&server.try_log_in(&owner.email, PASSWORD).await, 429, "rate_limited");
    }
    pair.redis.kill();
    pair.until_degraded().await;
    for server in [&pair.a, &pair.b] {
        for _ in 0..6 {
            refused(
                &server.try_log_in("other@example.com", WRONG).await,
                401,
                "invalid_credentials",
            );
        }
        refused(&server.try_log_in("other@example.com", WRONG).await, 429, "rate_limited");
        assert_eq!(knock(server, &owner).await, 200, "it goes on serving");
    }
}

#[tokio::test]
async fn statement_57_without_its_database_a_server_is_alive_and_not_ready() {
    let Some(mut pair) = Pair::start(&OFF).await else { return };
    let owner = pair.a.sign_up("owner").await;
    pair.mongo.kill();
    let began = Instant::now();
    let ready = sent(pair.a.request(Method::GET, "/readyz")).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(
        (ready.status.as_u16(), &ready.body["status"]),
        (503, &json!("unready")),
        "{}",
        ready.text
    );
    assert!(!ready.text.contains("127.0.0.1"), "{}", ready.text);
    assert_eq!(sent(pair.a.request(Method::GET, "/healthz")).await.status, 200);
    let answer = pair.a.try_log_in(&owner.email, PASSWORD).await;
    refused(&answer, 503, "unavailable");
    assert!(!answer.header("retry-after").is_empty());
    assert!(!answer.text.contains("mongo"), "{}", answer.text);
}
