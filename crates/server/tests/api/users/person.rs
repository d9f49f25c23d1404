//! `/users/{id}…`: what is done to a person holds from their very next request on.

use pacioli_model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{count_of, delete, join, knock, post, refresh},
    server::{Answer, PASSWORD, Person, Server},
};

async fn patch(server: &Server, by: &Person, who: &Person, body: Value) -> Answer {
    server.send(by, Method::PATCH, &format!("/users/{}", who.id), body).await
}

fn path(who: &Person, action: &str) -> String {
    format!("/users/{}/{action}", who.id)
}

#[tokio::test]
async fn statement_35_a_changed_role_holds_from_the_next_request_on() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    assert_eq!(server.get(&user, "/users").await.status, 403);
    let answer = patch(&server, &owner, &user, json!({"role": "superuser"})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["role"]), (200, &json!("superuser")));
    assert_eq!(server.get(&user, "/users").await.status, 200, "with the same token");
    assert_eq!(patch(&server, &owner, &user, json!({"role": "user"})).await.status, 200);
    refused(&server.get(&user, "/users").await, 403, "insufficient_role");
    assert_eq!(count_of(&server, &owner, "role_changed", "success").await, 2);
}

#[tokio::test]
async fn statement_35_a_person_shut_out_is_refused_at_once_and_let_in_again() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    assert_eq!(knock(&server, &user).await, 200);
    let answer = post(&server, &owner, &path(&user, "deactivate")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["is_active"]), (200, &json!(false)));
    refused(&server.get(&user, "/auth/protected-route").await, 401, "invalid_token");
    refused(&refresh(&server, &user.refresh).await, 401, "invalid_refresh_token");
    refused(&server.try_log_in(&user.email, PASSWORD).await, 401, "invalid_credentials");
    let again = post(&server, &owner, &path(&user, "deactivate")).await;
    assert_eq!(again.status, 200, "twice is once: {}", again.text);
    let answer = post(&server, &owner, &path(&user, "reactivate")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["is_active"]), (200, &json!(true)));
    assert_eq!(knock(&server, &user).await, 401, "its old sessions stay ended");
    server.log_in(&user.email, PASSWORD).await;
    assert_eq!(count_of(&server, &owner, "user_deactivated", "success").await, 2);
    assert_eq!(count_of(&server, &owner, "user_reactivated", "success").await, 1);
}

#[tokio::test]
async fn statements_35_and_61_a_deleted_person_is_gone_but_for_an_id_in_the_log() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "maria.secret").await;
    assert_eq!(knock(&server, &user).await, 200);
    let one = format!("/users/{}", user.id);
    assert_eq!(delete(&server, &owner, &one).await.status, 204);
    assert_eq!(knock(&server, &user).await, 401);
    refused(&refresh(&server, &user.refresh).await, 401, "invalid_refresh_token");
    refused(&server.try_log_in(&user.email, PASSWORD).await, 401, "invalid_credentials");
    refused(&delete(&server, &owner, &one).await, 404, "not_found");
    refused(&server.get(&owner, &one).await, 404, "not_found");
    let log = server.get(&owner, "/audit?action=user_deleted").await;
    assert_eq!(log.body["items"][0]["target"], user.id);
    assert!(
        !server.get(&owner, "/audit?limit=100").await.text.contains("maria"),
        "no address stays"
    );
}

#[tokio::test]
async fn statement_35_a_company_shut_out_is_refused_at_once() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    assert_eq!((knock(&server, &owner).await, knock(&server, &user).await), (200, 200));
    crate::people::disable_company(&server, &owner.company, true).await;
    assert_eq!((knock(&server, &owner).await, knock(&server, &user).await), (401, 401));
    crate::people::disable_company(&server, &owner.company, false).await;
    assert_eq!((knock(&server, &owner).await, knock(&server, &user).await), (200, 200));
}

#[tokio::test]
async fn statement_10_a_reset_password_ends_all_sessions_and_has_to_be_changed() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    let path = path(&user, "reset-password");
    let weak =
        server.send(&owner, Method::POST, &path, json!({"new_password": "Some Employee"})).await;
    refused(&weak, 422, "weak_password");
    assert_eq!(first_error(&weak), ("body.new_password".to_owned(), "context".to_owned()));
    assert_eq!(knock(&server, &user).await, 200);
    let new = "a third password to change";
    let answer = server.send(&owner, Method::POST, &path, json!({"new_password": new})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["must_change_password"]), (200, &json!(true)));
    assert!(!answer.text.contains(new));
    assert_eq!(knock(&server, &user).await, 401);
    refused(&refresh(&server, &user.refresh).await, 401, "invalid_refresh_token");
    refused(&server.try_log_in(&user.email, PASSWORD).await, 401, "invalid_credentials");
    let user = server.log_in(&user.email, new).await;
    refused(&server.get(&user, "/tables").await, 403, "password_change_required");
    let own = self::path(&owner, "reset-password");
    let own = server.send(&owner, Method::POST, &own, json!({"new_password": new})).await;
    refused(&own, 409, "conflict");
    assert_eq!(knock(&server, &owner).await, 200);
    assert_eq!(count_of(&server, &owner, "password_reset", "success").await, 1);
}

#[tokio::test]
async fn statement_43_a_patch_of_a_person_takes_name_and_role_and_nothing_else() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    let one = format!("/users/{}", user.id);
    let before = server.get(&owner, &one).await.body;
    server.advance(chrono::Duration::minutes(1));
    assert_eq!(
        patch(&server, &owner, &user, json!({})).await.body,
        before,
        "empty changes nothing"
    );
    for (member, value, kind) in [
        ("role", json!(null), "enum"),
        ("role", json!("owner"), "enum"),
        ("full_name", json!(null), "type_error"),
        ("full_name", json!({"$set": "x"}), "type_error"),
        ("email", json!("x@example.com"), "extra_forbidden"),
        ("company_id", json!(owner.company), "extra_forbidden"),
        ("password_hash", json!("x"), "extra_forbidden"),
        ("is_active", json!(false), "extra_forbidden"),
        ("_id", json!("x"), "extra_forbidden"),
    ] {
        let answer = patch(&server, &owner, &user, json!({ member: value })).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, format!("body.{member}"), "{}", answer.text);
        if kind == "extra_forbidden" {
            assert_eq!(first_error(&answer).1, kind);
        }
    }
    assert_eq!(server.get(&owner, &one).await.body, before);
    let answer = patch(&server, &owner, &user, json!({"full_name": "Maria Rossi"})).await;
    assert_eq!(answer.body["full_name"], "Maria Rossi");
    assert_eq!(count_of(&server, &owner, "user_updated", "success").await, 1);
}

#[tokio::test]
async fn an_id_that_is_none_names_nobody() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let missing = server.get(&owner, "/users/00000000-0000-4000-8000-000000000000").await;
    refused(&missing, 404, "not_found");
    for id in ["x", "1", "%7B%22$ne%22%3Anull%7D", "%00", "..%2F..", "null", "%FF"] {
        let answer = server.get(&owner, &format!("/users/{id}")).await;
        refused(&answer, 404, "not_found");
        assert_eq!(crate::people::seen(&answer), crate::people::seen(&missing), "{id}");
    }
    let shouted = server.get(&owner, &format!("/users/{}", owner.id.to_uppercase())).await;
    assert_eq!(shouted.status, 200, "{}", shouted.text);
    assert_eq!(shouted.body["id"], owner.id);
}
