//! Random bodies on every route: none is ever a fault of ours.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    checks::is_problem,
    server::{Answer, PASSWORD, Person, Server},
};

const MEMBERS: [&str; 24] = [
    "full_name",
    "email",
    "password",
    "company_name",
    "industry",
    "size",
    "address",
    "time_zone",
    "role",
    "username",
    "refresh_token",
    "current_password",
    "new_password",
    "question",
    "conversation_id",
    "today",
    "choice",
    "table",
    "id",
    "$ne",
    "",
    "created_at",
    "is_active",
    "limit",
];

/// Values near those that are taken, and far from them.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,300}".prop_map(Value::from),
        proptest::sample::select(vec![
            "user",
            "superuser",
            "Europe/Berlin",
            "2026-06-17",
            "2026-13-45",
            "a@example.com",
            "@",
            "a@b@c",
            "revenue by month",
            "top 999999999999 regions",
            "revenue in 99999",
            "how many rows",
            "00000000-0000-4000-8000-000000000000",
            PASSWORD,
            "\u{0}",
            "\u{202e}",
            "-1",
            "1e999",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(&MEMBERS[..]), inner), 0..4)
                .prop_map(|pairs| pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<Map<_, _>>()
                    .into()),
        ]
    })
}

/// What a route is meant to be sent.
fn meant(path: &str) -> Value {
    match path {
        "/auth/signup" => {
            json!({"full_name": "A", "email": "a@example.com", "password": PASSWORD, "company_name": "B", "industry": "C"})
        }
        "/auth/login" => json!({"username": "a@example.com", "password": "x"}),
        "/auth/refresh" => json!({"refresh_token": "x"}),
        "/auth/add-user" => {
            json!({"full_name": "A", "email": "b@example.com", "password": PASSWORD, "role": "user"})
        }
        "/auth/change-password" => json!({"current_password": "x", "new_password": "y"}),
        "/query" => json!({"question": "how many rows", "today": "2026-06-17"}),
        "/sql" => json!({"sql": "SELECT count(*) FROM sales"}),
        "/company" => json!({"company_name": "A", "industry": null, "time_zone": "UTC"}),
        _ => json!({"full_name": "A"}),
    }
}

/// What a route is meant to be sent with one member changed, or anything at all.
fn body(path: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let member = proptest::sample::select(&MEMBERS[..]);
    let changed = (member, value(), any::<proptest::sample::Index>()).prop_map(
        move |(unknown, value, which)| {
            let mut body = meant(path);
            let known: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            let key = if which.index(4) == 0 {
                unknown.to_owned()
            } else {
                known[which.index(known.len())].clone()
            };
            body[key] = value;
            body.to_string().into_bytes()
        },
    );
    let cut = (value(), any::<proptest::sample::Index>()).prop_map(|(value, at)| {
        let mut text = value.to_string().into_bytes();
        text.truncate(at.index(text.len() + 1));
        text
    });
    prop_oneof![
        6 => changed,
        2 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => cut,
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

const ROUTES: [(&str, &str); 11] = [
    ("POST", "/auth/signup"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/add-user"),
    ("POST", "/auth/change-password"),
    ("PUT", "/auth/update-profile/user"),
    ("PUT", "/auth/update-profile/superuser"),
    ("PATCH", "/company"),
    ("PATCH", "/users/00000000-0000-4000-8000-000000000000"),
    ("POST", "/query"),
    ("POST", "/sql"),
];

async fn send(server: &Server, person: &Person, method: &str, path: &str, body: Vec<u8>) -> Answer {
    let request =
        server.request(method.parse::<Method>().unwrap(), path).bearer_auth(&person.token);
    let request = request.header("content-type", "application/json").body(body);
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn no_random_body_is_a_fault_of_the_server() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.upload(&owner, "sales.csv", &crate::sales::Sales::of(30, 1).csv()).await;
    // Fixed, so that a failure comes again.
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    for (method, path) in ROUTES {
        let bodies = body(path);
        for _ in 0..60 {
            let body = bodies.new_tree(&mut runner).unwrap().current();
            let shown = String::from_utf8_lossy(&body).into_owned();
            let answer = send(&server, &owner, method, path, body).await;
            assert!(!answer.status.is_server_error(), "{method} {path} {shown}: {}", answer.text);
            if !answer.status.is_success() {
                is_problem(&answer);
            }
        }
    }
    let me = server.get(&owner, "/auth/me").await;
    assert_eq!(me.body["user"]["role"], "superuser", "{}", me.text);
}
