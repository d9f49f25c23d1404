use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{count_of, knock, refresh},
    server::{Answer, PASSWORD, Person, Server},
};

const NEXT: &str = "quite another one 7731";

async fn change(server: &Server, person: &Person, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    server.send(person, Method::POST, "/auth/change-password", body).await
}

#[tokio::test]
async fn statement_10_a_changed_password_ends_every_other_session() {
    let server = Server::start().await;
    let here = server.sign_up("luca").await;
    let there = server.log_in(&here.email, PASSWORD).await;
    assert_eq!(change(&server, &here, PASSWORD, NEXT).await.status, 204);
    assert_eq!(knock(&server, &here).await, 200, "this one stays");
    assert_eq!(refresh(&server, &here.refresh).await.status, 200);
    assert_eq!(knock(&server, &there).await, 401);
    refused(&refresh(&server, &there.refresh).await, 401, "invalid_refresh_token");
    refused(&server.try_log_in(&here.email, PASSWORD).await, 401, "invalid_credentials");
    server.log_in(&here.email, NEXT).await;
    assert_eq!(count_of(&server, &here, "password_changed", "success").await, 1);
}

#[tokio::test]
async fn statement_9_the_current_password_is_needed_and_paid_for_like_a_login() {
    let server = Server::start_with(&[("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "3/30s")]).await;
    let person = server.sign_up("luca").await;
    for _ in 0..3 {
        let answer = change(&server, &person, "not the password at all", NEXT).await;
        refused(&answer, 422, "wrong_current_password");
    }
    refused(&change(&server, &person, PASSWORD, NEXT).await, 429, "rate_limited");
    refused(&server.try_log_in(&person.email, PASSWORD).await, 429, "rate_limited");
    server.advance(chrono::Duration::seconds(10));
    assert_eq!(change(&server, &person, PASSWORD, NEXT).await.status, 204);
}

#[tokio::test]
async fn a_new_password_is_checked_with_reasons_for_programs() {
    let server = Server::start().await;
    let person = server.sign_up("luca").await;
    for (new, reason) in [
        ("short", "too_short"),
        ("password1234", "common"),
        ("Company of luca", "context"),
        (PASSWORD, "unchanged"),
        (&"x7#".repeat(400), "too_long"),
    ] {
        let answer = change(&server, &person, PASSWORD, new).await;
        refused(&answer, 422, "weak_password");
        let errors = answer.body["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["type"] == reason), "{new}: {}", answer.text);
        assert!(errors.iter().all(|error| error["loc"] == json!(["body", "new_password"])));
    }
    for (body, place, kind) in [
        (json!({"new_password": NEXT}), "body.current_password", "missing"),
        (
            json!({"current_password": {"$ne": ""}, "new_password": NEXT}),
            "body.current_password",
            "type_error",
        ),
        (
            json!({"current_password": PASSWORD, "new_password": NEXT, "user_id": "x"}),
            "body.user_id",
            "extra_forbidden",
        ),
    ] {
        let answer = server.send(&person, Method::POST, "/auth/change-password", body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (place.to_owned(), kind.to_owned()));
    }
    server.log_in(&person.email, PASSWORD).await;
}

#[tokio::test]
async fn a_password_that_somebody_else_chose_opens_only_its_own_change() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let first = "a first password to change";
    let body = json!({"full_name": "New Person", "email": "new@example.com", "password": first, "role": "superuser"});
    assert_eq!(server.send(&owner, Method::POST, "/auth/add-user", body).await.status, 201);
    let login = server.try_log_in("new@example.com", first).await;
    assert_eq!(login.body["must_change_password"], true);
    let new = server.log_in("new@example.com", first).await;
    for path in ["/users", "/tables", "/audit"] {
        let answer = server.get(&new, path).await;
        refused(&answer, 403, "password_change_required");
        assert!(answer.body["detail"].as_str().unwrap().contains("/auth/change-password"));
    }
    for path in ["/auth/me", "/auth/sessions", "/company"] {
        assert_eq!(server.get(&new, path).await.status, 200, "{path}");
    }
    refused(&change(&server, &new, first, first).await, 422, "weak_password");
    assert_eq!(change(&server, &new, first, NEXT).await.status, 204);
    assert_eq!(server.get(&new, "/users").await.status, 200, "with the same token");
    let login = server.try_log_in("new@example.com", NEXT).await;
    assert_eq!(login.body["must_change_password"], Value::Bool(false));
}

#[tokio::test]
async fn two_changes_at_once_leave_one_password() {
    let server = Server::start().await;
    let person = server.sign_up("luca").await;
    let other = server.log_in(&person.email, PASSWORD).await;
    let news = [NEXT, "and a third one 4412 here"];
    let (one, two) = futures_util::future::join(
        change(&server, &person, PASSWORD, news[0]),
        change(&server, &other, PASSWORD, news[1]),
    )
    .await;
    let won = [one.status == 204, two.status == 204];
    assert!(won[0] || won[1], "{} {}", one.text, two.text);
    let mut good = 0;
    for new in news {
        good += u32::from(server.try_log_in(&person.email, new).await.status == 200);
    }
    assert_eq!(good, 1);
}
