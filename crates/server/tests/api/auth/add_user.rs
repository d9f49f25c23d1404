use futures_util::future::join_all;
use pacioli_model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{census, count_of, join, sent},
    server::{Answer, Person, Server},
};

const FIRST: &str = "a first password to change";

fn new_user(name: &str) -> Value {
    json!({"full_name": "Maria Rossi", "email": format!("{name}@example.com"), "password": FIRST})
}

async fn add(server: &Server, owner: &Person, body: Value) -> Answer {
    server.send(owner, Method::POST, "/auth/add-user", body).await
}

async fn add_once(server: &Server, owner: &Person, key: &str, body: &Value) -> Answer {
    let request = server.request(Method::POST, "/auth/add-user").bearer_auth(&owner.token);
    sent(request.header("Idempotency-Key", key).json(body)).await
}

#[tokio::test]
async fn a_superuser_adds_people_of_either_role_to_their_own_company() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (name, role) in [("maria", None), ("paolo", Some("user")), ("anna", Some("superuser"))] {
        let mut body = new_user(name);
        if let Some(role) = role {
            body["role"] = json!(role);
        }
        let answer = add(&server, &owner, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.body["role"], role.unwrap_or("user"));
        assert_eq!(answer.body["company_id"], owner.company);
        assert_eq!(answer.body["created_by"], owner.id);
        assert_eq!(answer.body["must_change_password"], true);
        assert!(!answer.text.contains("password_hash") && !answer.text.contains(FIRST));
        let mut body = answer.body.clone();
        let strength = body.as_object_mut().unwrap().remove("password_strength").unwrap();
        assert!((0..=4).contains(&strength.as_u64().unwrap()));
        let read = server.get(&owner, &format!("/users/{}", body["id"].as_str().unwrap())).await;
        assert_eq!(read.body, body);
    }
    assert_eq!(count_of(&server, &owner, "user_added", "success").await, 3);
}

#[tokio::test]
async fn statement_44_a_user_adds_nobody() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    refused(&add(&server, &user, new_user("maria")).await, 403, "insufficient_role");
    refused(&add(&server, &user, json!({"role": 7})).await, 403, "insufficient_role");
    assert_eq!(census(&server).await, (1, 2));
}

#[tokio::test]
async fn an_address_that_anybody_has_is_taken_and_tells_nothing_of_them() {
    let server = Server::start().await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let own = add(&server, &owner, new_user("OWNER")).await;
    let foreign = add(&server, &owner, new_user("Other")).await;
    refused(&own, 409, "email_taken");
    refused(&foreign, 409, "email_taken");
    assert_eq!(crate::people::seen(&own), crate::people::seen(&foreign));
    assert!(!foreign.text.contains(&other.company) && !foreign.text.contains("Company of"));
    assert_eq!(census(&server).await, (2, 2));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (member, value, kind) in [
        ("role", json!("admin"), "enum"),
        ("role", json!("Superuser"), "enum"),
        ("role", json!({"$ne": "user"}), "enum"),
        ("email", json!("maria"), "value_error"),
        ("full_name", json!(""), "value_error"),
        ("company_id", json!("x"), "extra_forbidden"),
        ("_id", json!("x"), "extra_forbidden"),
        ("password_hash", json!("x"), "extra_forbidden"),
        ("must_change_password", json!(false), "extra_forbidden"),
    ] {
        let mut body = new_user("maria");
        body[member] = value.clone();
        let answer = add(&server, &owner, body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (format!("body.{member}"), kind.to_owned()), "{value}");
    }
    let mut body = new_user("maria");
    body["password"] = json!("Maria Rossi!");
    let answer = add(&server, &owner, body).await;
    refused(&answer, 422, "weak_password");
    assert_eq!(first_error(&answer), ("body.password".to_owned(), "context".to_owned()));
    assert_eq!(census(&server).await, (1, 1));
}

#[tokio::test]
async fn statement_58_one_key_adds_one_person_and_gives_the_same_answer() {
    let server = Server::start().await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let (body, key) = (new_user("maria"), "a key of my own");
    let first = add_once(&server, &owner, key, &body).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = add_once(&server, &owner, key, &body).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("cache-control"), "no-store");
    assert_eq!(census(&server).await, (2, 3));
    let another = new_user("paolo");
    refused(&add_once(&server, &owner, key, &another).await, 422, "idempotency_mismatch");
    let elsewhere = add_once(&server, &other, key, &another).await;
    assert_eq!(elsewhere.status, 201, "another company's key is its own: {}", elsewhere.text);
    assert_eq!(elsewhere.body["company_id"], other.company);
    let colleague = join(&server, &owner, "colleague", Role::Superuser).await;
    let theirs = add_once(&server, &colleague, key, &new_user("anna")).await;
    assert_eq!(theirs.status, 201, "and so is a colleague's: {}", theirs.text);
    server.advance(chrono::Duration::hours(25));
    let owner = server.log_in(&owner.email, crate::server::PASSWORD).await;
    refused(&add_once(&server, &owner, key, &body).await, 409, "email_taken");
}

#[tokio::test]
async fn statement_58_a_key_of_a_refused_request_is_free_again() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    refused(&add_once(&server, &owner, "k", &new_user("owner")).await, 409, "email_taken");
    assert_eq!(add_once(&server, &owner, "k", &new_user("maria")).await.status, 201);
    for bad in ["", "ä", &"x".repeat(256)] {
        let bad = reqwest::header::HeaderValue::from_bytes(bad.as_bytes()).unwrap();
        let request = server.request(Method::POST, "/auth/add-user").bearer_auth(&owner.token);
        let answer = sent(request.header("Idempotency-Key", bad).json(&new_user("paolo"))).await;
        refused(&answer, 422, "invalid");
    }
}

#[tokio::test]
async fn statement_58_the_same_request_ten_times_at_once_is_done_once() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let body = new_user("maria");
    let answers = join_all((0..10).map(|_| add_once(&server, &owner, "k", &body))).await;
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!done.is_empty());
    for answer in &answers {
        if answer.status == 201 {
            assert_eq!(answer.body, done[0].body);
        } else {
            refused(answer, 409, "idempotency_in_flight");
            assert!(!answer.header("retry-after").is_empty());
        }
    }
    assert_eq!(census(&server).await, (1, 2));
}

#[tokio::test]
async fn statement_36_an_address_used_again_inherits_nothing() {
    let server = Server::start().await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let old = server.add_user(&owner, "maria").await;
    let gone = crate::people::delete(&server, &owner, &format!("/users/{}", old.id)).await;
    assert_eq!(gone.status, 204);
    assert_eq!(add(&server, &other, new_user("maria")).await.status, 201);
    assert_eq!(crate::people::knock(&server, &old).await, 401);
    refused(&crate::people::refresh(&server, &old.refresh).await, 401, "invalid_refresh_token");
    refused(
        &server.try_log_in(&old.email, crate::server::PASSWORD).await,
        401,
        "invalid_credentials",
    );
    let new = server.log_in(&old.email, FIRST).await;
    assert_ne!(new.id, old.id);
    assert_eq!(new.company, other.company);
    let sessions = server.get(&new, "/auth/sessions").await;
    assert_eq!(sessions.body["items"].as_array().unwrap().len(), 1);
}
