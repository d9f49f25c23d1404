//! How often something may be tried. The clock stands, so that nothing comes back by itself.

use chrono::Duration;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::{
    checks::refused,
    people::{refresh, seen, sent},
    server::{Answer, PASSWORD, Server},
};

const WRONG: &str = "not the password at all";

/// Behind a proxy that says who is there.
const PROXY: (&str, &str) = ("PACIOLI_SERVER__TRUSTED_PROXIES", "127.0.0.0/8");

async fn log_in_from(server: &Server, address: &str, email: &str, password: &str) -> Answer {
    let form = [("username", email), ("password", password)];
    let request = server.request(Method::POST, "/auth/login").form(&form);
    sent(request.header("x-forwarded-for", address)).await
}

fn wait(answer: &Answer) -> i64 {
    refused(answer, 429, "rate_limited");
    let seconds = answer.header("retry-after").parse().unwrap();
    assert!(seconds >= 1);
    seconds
}

#[tokio::test]
async fn statement_16_of_a_hundred_guesses_at_once_no_more_than_the_burst_are_evaluated() {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ADDRESS", "1000/1m")]).await;
    let owner = server.sign_up("luca").await;
    let answers = join_all((0..100).map(|_| server.try_log_in(&owner.email, WRONG))).await;
    let evaluated = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(evaluated, 10);
    for answer in answers.iter().filter(|answer| answer.status != 401) {
        wait(answer);
    }
}

#[tokio::test]
async fn statement_17_every_spelling_of_an_address_pays_from_one_bucket() {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "5/10m")]).await;
    for email in [
        "luca@bücher.example",
        "LUCA@bücher.example",
        " Luca@BÜCHER.example",
        "ｌｕｃａ@bücher.example",
        "luca@xn--bcher-kva.example",
    ] {
        refused(&server.try_log_in(email, WRONG).await, 401, "invalid_credentials");
    }
    wait(&server.try_log_in("lucA@Bu\u{308}cher.example", WRONG).await);
    refused(&server.try_log_in("luka@bücher.example", WRONG).await, 401, "invalid_credentials");
}

#[tokio::test]
async fn statement_17_account_and_address_are_counted_apart() {
    let limits = [
        ("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "3/10m"),
        ("PACIOLI_LIMITS__LOGIN_PER_ADDRESS", "4/1m"),
        PROXY,
    ];
    let server = Server::start_with(&limits).await;
    for host in 1..=3 {
        let address = format!("198.51.100.{host}");
        refused(
            &log_in_from(&server, &address, "a@example.com", WRONG).await,
            401,
            "invalid_credentials",
        );
    }
    wait(&log_in_from(&server, "198.51.100.9", "a@example.com", WRONG).await);
    for name in ["b", "c", "d", "e"] {
        let email = format!("{name}@example.com");
        refused(
            &log_in_from(&server, "203.0.113.7", &email, WRONG).await,
            401,
            "invalid_credentials",
        );
    }
    wait(&log_in_from(&server, "203.0.113.7", "f@example.com", WRONG).await);
    let elsewhere = log_in_from(&server, "203.0.113.8", "f@example.com", WRONG).await;
    refused(&elsewhere, 401, "invalid_credentials");
}

#[tokio::test]
async fn statement_22_a_forwarded_address_is_believed_of_a_trusted_proxy_only() {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ADDRESS", "3/1m")]).await;
    for host in 1..=3 {
        let (address, email) = (format!("198.51.100.{host}"), format!("p{host}@example.com"));
        refused(&log_in_from(&server, &address, &email, WRONG).await, 401, "invalid_credentials");
    }
    wait(&log_in_from(&server, "198.51.100.4", "p4@example.com", WRONG).await);
    let request = server.request(Method::POST, "/auth/login");
    let request = request.form(&[("username", "p5@example.com"), ("password", WRONG)]);
    wait(
        &sent(request.header("forwarded", "for=198.51.100.5").header("x-real-ip", "198.51.100.5"))
            .await,
    );
    // And what a client adds on the left of what the proxy adds changes nothing either.
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ADDRESS", "3/1m"), PROXY]).await;
    for host in 1..=3 {
        let (chain, email) =
            (format!("198.51.100.{host}, 203.0.113.7"), format!("p{host}@example.com"));
        refused(&log_in_from(&server, &chain, &email, WRONG).await, 401, "invalid_credentials");
    }
    wait(&log_in_from(&server, "198.51.100.4, 203.0.113.7", "p4@example.com", WRONG).await);
}

#[tokio::test]
async fn statement_20_after_retry_after_the_next_attempt_is_evaluated_and_waiting_less_is_not_enough()
 {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "3/30s")]).await;
    let owner = server.sign_up("luca").await;
    for _ in 0..3 {
        refused(&server.try_log_in(&owner.email, WRONG).await, 401, "invalid_credentials");
    }
    let seconds = wait(&server.try_log_in(&owner.email, PASSWORD).await);
    assert_eq!(seconds, 10);
    server.advance(Duration::seconds(seconds - 1));
    assert_eq!(wait(&server.try_log_in(&owner.email, PASSWORD).await), 1);
    server.advance(Duration::seconds(1));
    refused(&server.try_log_in(&owner.email, WRONG).await, 401, "invalid_credentials");
    wait(&server.try_log_in(&owner.email, PASSWORD).await);
    server.advance(Duration::seconds(10));
    server.log_in(&owner.email, PASSWORD).await;
    // A success fills the bucket again (statement 19).
    for _ in 0..3 {
        refused(&server.try_log_in(&owner.email, WRONG).await, 401, "invalid_credentials");
    }
}

#[tokio::test]
async fn statement_18_trying_while_limited_makes_no_wait_longer() {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "3/30s")]).await;
    let owner = server.sign_up("luca").await;
    for _ in 0..3 {
        server.try_log_in(&owner.email, WRONG).await;
    }
    for _ in 0..50 {
        assert_eq!(wait(&server.try_log_in(&owner.email, WRONG).await), 10);
    }
    server.advance(Duration::seconds(10));
    server.log_in(&owner.email, PASSWORD).await;
}

#[tokio::test]
async fn statement_18_whoever_empties_the_bucket_does_not_keep_out_a_device_that_the_owner_used() {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "3/10m")]).await;
    let owner = server.sign_up("luca").await;
    let first = server.try_log_in(&owner.email, PASSWORD).await;
    let cookie = first.header("set-cookie").split(';').next().unwrap().to_owned();
    let other = server.sign_up("other").await;
    for _ in 0..3 {
        refused(&server.try_log_in(&owner.email, WRONG).await, 401, "invalid_credentials");
    }
    wait(&server.try_log_in(&owner.email, PASSWORD).await);
    let from_device = |email: &str, password: &str| {
        let form = [("username", email), ("password", password)];
        sent(server.request(Method::POST, "/auth/login").header("cookie", &cookie).form(&form))
    };
    assert_eq!(
        from_device(&owner.email, PASSWORD).await.status,
        200,
        "the owner is not locked out"
    );
    // The device has its own bucket, and only for this account.
    for _ in 0..3 {
        refused(&from_device(&owner.email, WRONG).await, 401, "invalid_credentials");
    }
    wait(&from_device(&owner.email, PASSWORD).await);
    for _ in 0..3 {
        refused(&from_device(&other.email, WRONG).await, 401, "invalid_credentials");
    }
    wait(&server.try_log_in(&other.email, PASSWORD).await);
}

#[tokio::test]
async fn statement_15_unknown_accounts_are_limited_like_known_ones() {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "2/10m")]).await;
    let owner = server.sign_up("luca").await;
    let mut limited = Vec::new();
    for name in [&*owner.email, "nobody@example.com", "no address", ""] {
        for _ in 0..2 {
            refused(&server.try_log_in(name, WRONG).await, 401, "invalid_credentials");
        }
        let answer = server.try_log_in(name, PASSWORD).await;
        wait(&answer);
        limited.push(seen(&answer));
    }
    assert!(limited.iter().all(|answer| *answer == limited[0]), "{limited:#?}");
}

#[tokio::test]
async fn what_is_left_is_told_in_headers() {
    let server = Server::start_with(&[]).await;
    let owner = server.sign_up("luca").await;
    for left in (7..=9).rev() {
        let answer = server.try_log_in(&owner.email, WRONG).await;
        assert_eq!(answer.header("ratelimit-policy"), "\"login\";q=10;w=600");
        let expect = format!("\"login\";r={left};t={}", (10 - left) * 60);
        assert_eq!(answer.header("ratelimit"), expect);
        assert_eq!(answer.header("retry-after"), "");
    }
    for _ in 0..7 {
        server.try_log_in(&owner.email, WRONG).await;
    }
    let answer = server.try_log_in(&owner.email, WRONG).await;
    assert_eq!(wait(&answer), 60);
    assert_eq!(answer.header("ratelimit"), "\"login\";r=0;t=60");
}

#[tokio::test]
async fn sign_ups_refreshes_and_new_people_are_limited_each_by_its_own() {
    let server = Server::start_with(&[
        ("PACIOLI_LIMITS__SIGNUP", "3/1h"),
        ("PACIOLI_LIMITS__REFRESH", "3/1m"),
        ("PACIOLI_LIMITS__ADD_USER", "2/1h"),
    ])
    .await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let body = |name: &str| {
        json!({
            "full_name": "Some One", "email": format!("{name}@example.com"),
            "password": PASSWORD, "company_name": "Company",
        })
    };
    // A refused sign-up was one too, or addresses could be tried without end.
    refused(&server.post("/auth/signup", body("owner")).await, 409, "email_taken");
    assert_eq!(wait(&server.post("/auth/signup", body("third")).await), 1200);
    let mut token = owner.refresh.clone();
    for _ in 0..3 {
        token = refresh(&server, &token).await.body["refresh_token"].as_str().unwrap().to_owned();
    }
    wait(&refresh(&server, &token).await);
    server.advance(Duration::seconds(20));
    assert_eq!(refresh(&server, &token).await.status, 200, "a limited token was not spent");
    let add = |name: &str| {
        let mut body = body(name);
        body.as_object_mut().unwrap().remove("company_name");
        body
    };
    for (person, name, status) in
        [(&owner, "a", 201), (&owner, "b", 201), (&owner, "c", 429), (&other, "d", 201)]
    {
        let answer = server.send(person, Method::POST, "/auth/add-user", add(name)).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
    }
    server.advance(Duration::minutes(14));
    let waited = server.send(&owner, Method::POST, "/auth/add-user", add("c")).await;
    assert_eq!(waited.status, 429, "half an hour for one, of two an hour");
}
