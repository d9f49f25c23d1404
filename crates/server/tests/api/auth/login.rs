use reqwest::Method;
use serde_json::json;

use crate::{
    checks::{first_error, refused},
    people::{count_of, disable_company, post, seen, sent},
    server::{Answer, PASSWORD, Server},
};

async fn with_body(server: &Server, kind: &str, body: &str) -> Answer {
    let request = server.request(Method::POST, "/auth/login").header("content-type", kind);
    sent(request.body(body.to_owned())).await
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn statement_39_the_form_of_oauth2_and_json_are_read_and_the_answer_is_kept_nowhere() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    let password = PASSWORD.replace(' ', "+");
    let form = format!("username=luca%40example.com&password={password}");
    for (kind, body) in [
        (FORM, form.clone()),
        ("application/x-www-form-urlencoded; charset=UTF-8", form.clone()),
        (FORM, format!("grant_type=password&{form}&scope=&client_id=&client_secret=x&more=1")),
        ("application/json", json!({"username": owner.email, "password": PASSWORD}).to_string()),
        (
            "application/json;charset=utf-8",
            json!({"email": "LUCA@example.com", "password": PASSWORD}).to_string(),
        ),
    ] {
        let answer = with_body(&server, kind, &body).await;
        assert_eq!(answer.status, 200, "{kind} {body}: {}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        let mut members: Vec<_> = answer.body.as_object().unwrap().keys().cloned().collect();
        members.sort();
        let expect =
            ["access_token", "expires_in", "must_change_password", "refresh_token", "token_type"];
        assert_eq!(members, expect);
        assert_eq!(
            (&answer.body["token_type"], &answer.body["expires_in"]),
            (&json!("bearer"), &json!(900))
        );
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
    // Swagger UI sends the client's name so where one is filled in.
    let basic = server.request(Method::POST, "/auth/login").basic_auth("client", Some("x"));
    let form = [("username", &*owner.email), ("password", PASSWORD)];
    assert_eq!(sent(basic.form(&form)).await.status, 200);
}

#[tokio::test]
async fn what_is_no_form_and_no_json_is_415() {
    let server = Server::start().await;
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonx",
        "",
    ] {
        let answer = with_body(&server, kind, "username=a&password=b").await;
        refused(&answer, 415, "unsupported_media_type");
    }
    let answer = sent(server.request(Method::POST, "/auth/login")).await;
    refused(&answer, 415, "unsupported_media_type");
}

#[tokio::test]
async fn statement_47_operators_lists_and_repeated_fields_are_refused() {
    let server = Server::start().await;
    for (kind, body, place, reason) in [
        (FORM, "password=x", "body.username", "missing"),
        (FORM, "username=a%40example.com", "body.password", "missing"),
        (FORM, "username=a&username=b&password=x", "body.username", "duplicate"),
        (FORM, "username=a&password=x&password=y", "body.password", "duplicate"),
        (FORM, "username%5B%24ne%5D=&password=x", "body.username", "missing"),
        (FORM, "username=a&password=%ff%fe", "body.password", "encoding"),
        (
            "application/json",
            r#"{"username":{"$gt":""},"password":"x"}"#,
            "body.username",
            "type_error",
        ),
        (
            "application/json",
            r#"{"username":"a","password":{"$ne":null}}"#,
            "body.password",
            "type_error",
        ),
        ("application/json", r#"{"username":"a","password":["x"]}"#, "body.password", "type_error"),
        (
            "application/json",
            r#"{"username":"a","password":"x","$where":"1"}"#,
            "body.$where",
            "extra_forbidden",
        ),
        (
            "application/json",
            r#"{"username":"a","username":"b","password":"x"}"#,
            "body.username",
            "duplicate",
        ),
    ] {
        let answer = with_body(&server, kind, body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (place.to_owned(), reason.to_owned()), "{body}");
    }
    refused(&with_body(&server, "application/json", "{\"username\":").await, 400, "malformed_body");
}

#[tokio::test]
async fn statement_13_unknown_wrong_and_closed_are_refused_with_the_same_bytes() {
    // With the limits on: they must not tell either.
    let server = Server::start_with(&[]).await;
    let (owner, user) = (server.sign_up("owner").await, server.sign_up("user").await);
    let shut = crate::people::join(&server, &owner, "shut", pacioli_model::Role::User).await;
    let reset = json!({"new_password": PASSWORD});
    let path = format!("/users/{}/reset-password", shut.id);
    assert_eq!(server.send(&owner, Method::POST, &path, reset).await.status, 200);
    assert_eq!(post(&server, &owner, &format!("/users/{}/deactivate", shut.id)).await.status, 200);
    disable_company(&server, &user.company, true).await;
    let long = "x".repeat(5000);
    let mut answers = Vec::new();
    for (name, email, password) in [
        ("unknown", "nobody@example.com", PASSWORD),
        ("wrong", &*owner.email, "not the password at all"),
        ("disabled person", &*shut.email, PASSWORD),
        ("disabled company", &*user.email, PASSWORD),
        ("no address", "nobody", PASSWORD),
        ("operator", "{\"$ne\":null}", PASSWORD),
        ("empty password", "empty@example.com", ""),
        ("over-long password", "long@example.com", &long),
        ("NUL", "nul@example.com", "a\0b"),
    ] {
        let answer = server.try_log_in(email, password).await;
        refused(&answer, 401, "invalid_credentials");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{name}");
        answers.push((name, seen(&answer)));
    }
    for (name, answer) in &answers {
        assert_eq!(answer, &answers[0].1, "{name}");
    }
    // And the account that was let in again is right again.
    disable_company(&server, &user.company, false).await;
    server.log_in(&user.email, PASSWORD).await;
}

#[tokio::test]
async fn a_login_is_noted_and_a_failure_too() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    server.advance(chrono::Duration::hours(1));
    refused(
        &server.try_log_in(&owner.email, "not the password at all").await,
        401,
        "invalid_credentials",
    );
    let owner = server.log_in("LUCA@EXAMPLE.COM", PASSWORD).await;
    let me = server.get(&owner, "/auth/me").await;
    assert_eq!(me.body["user"]["last_login"], server.clock.now().to_string());
    let mut failures = 0;
    // The failure is written beside the answer, not before it.
    for _ in 0..100 {
        failures = count_of(&server, &owner, "logged_in", "failure").await;
        if failures == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(failures, 1);
    assert_eq!(count_of(&server, &owner, "logged_in", "success").await, 2);
}
