//! Accounts that the Python system wrote.

use pacioli_model::{Email, UserId};
use serde_json::{Value, json};

use crate::{
    checks::refused,
    people::knock,
    server::{Answer, Server},
};

const GRACE: &str = "7b4f0a52-7f0e-4b57-9c5f-0d8a5b7f6e01";
const HOWARD: &str = "7b4f0a52-7f0e-4b57-9c5f-0d8a5b7f6e02";
const OLD_PASSWORD: &str = "correct horse battery staple";

/// As passlib writes it.
fn passlib(password: &str) -> String {
    let hash = bcrypt::hash_with_result(password, 4).unwrap();
    hash.format_for_version(bcrypt::Version::TwoB)
}

async fn import(server: &Server, document: Value) {
    let Value::Object(document) = document else { unreachable!() };
    server.app.store.import_user_document(document).await.unwrap();
}

/// A superuser with everything that the sign-up of old wrote, and a user with the least.
async fn adopted() -> (Server, String) {
    let (server, hash) = (Server::start().await, passlib(OLD_PASSWORD));
    import(
        &server,
        json!({
            "_id": GRACE, "full_name": "Grace Hopper", "email": "Grace.Hopper@Navy.Example",
            "password_hash": hash, "role": "superuser", "created_by": null,
            "created_at": "2024-03-01T10:20:30.123456", "last_login": null,
        }),
    )
    .await;
    import(
        &server,
        json!({
            "_id": HOWARD, "full_name": "Howard Aiken", "email": "howard@navy.example",
            "password_hash": passlib("short"), "role": "user", "company_id": GRACE,
        }),
    )
    .await;
    (server, hash)
}

async fn stored(server: &Server, id: &str) -> pacioli_model::User {
    let id: UserId = id.parse().unwrap();
    let data = server.app.store.tenant(GRACE.parse().unwrap());
    data.user(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_superuser_logs_in_as_before_and_only_the_hash_is_replaced() {
    let (server, hash) = adopted().await;
    let before = stored(&server, GRACE).await;
    let grace = server.log_in("grace.hopper@navy.example", OLD_PASSWORD).await;
    assert_eq!((grace.id.as_str(), grace.company.as_str()), (GRACE, GRACE));
    let me = server.get(&grace, "/auth/me").await;
    assert_eq!(me.body["user"]["created_at"], "2024-03-01T10:20:30.123Z");
    assert_eq!(me.body["company"]["company_name"], "Grace Hopper", "better than no name");
    assert_eq!(me.body["user"]["must_change_password"], false);
    let after = stored(&server, GRACE).await;
    assert_ne!(after.password_hash, hash);
    assert!(
        after.password_hash.starts_with("$2b$10$")
            && after.password_hash.ends_with("$hmac-sha384.v1")
    );
    assert_eq!(after.last_login, Some(server.clock.now()));
    let same = pacioli_model::User {
        password_hash: before.password_hash.clone(),
        last_login: before.last_login,
        ..after.clone()
    };
    assert_eq!(same, before, "nothing else is rewritten");
    // And the new hash opens, and is not replaced again.
    server.log_in("GRACE.HOPPER@navy.example", OLD_PASSWORD).await;
    assert_eq!(stored(&server, GRACE).await.password_hash, after.password_hash);
}

#[tokio::test]
async fn statement_8_a_wrong_password_upgrades_nothing() {
    let (server, hash) = adopted().await;
    for password in ["", "Correct Horse Battery Staple", "correct horse battery staple\0", "wrong"]
    {
        let answer: Answer = server.try_log_in("grace.hopper@navy.example", password).await;
        refused(&answer, 401, "invalid_credentials");
    }
    assert_eq!(stored(&server, GRACE).await.password_hash, hash);
}

#[tokio::test]
async fn a_user_with_the_least_of_a_document_logs_in_and_is_looked_after() {
    let (server, _) = adopted().await;
    let howard = server.log_in("Howard@Navy.Example", "short").await;
    assert_eq!((howard.id.as_str(), howard.company.as_str()), (HOWARD, GRACE));
    assert_eq!(knock(&server, &howard).await, 200);
    assert_eq!(server.get(&howard, "/users").await.status, 403);
    let grace = server.log_in("grace.hopper@navy.example", OLD_PASSWORD).await;
    let listed = server.get(&grace, "/users?sort=email&count=true").await;
    assert_eq!(listed.body["total"], 2, "{}", listed.text);
    let path = format!("/users/{HOWARD}");
    let raised =
        server.send(&grace, reqwest::Method::PATCH, &path, json!({"role": "superuser"})).await;
    assert_eq!(raised.status, 200, "{}", raised.text);
    assert_eq!(server.get(&howard, "/users").await.status, 200);
}

#[tokio::test]
async fn a_password_past_seventy_two_bytes_is_verified_as_passlib_did_and_then_whole() {
    let server = Server::start().await;
    let long = "a phrase that goes on ".repeat(5);
    import(
        &server,
        json!({
            "_id": GRACE, "full_name": "Grace", "email": "grace@navy.example",
            "password_hash": passlib(&long[..72]), "role": "superuser",
        }),
    )
    .await;
    server.log_in("grace@navy.example", &long).await;
    let cut = server.try_log_in("grace@navy.example", &long[..72]).await;
    refused(&cut, 401, "invalid_credentials");
    server.log_in("grace@navy.example", &long).await;
}

#[tokio::test]
async fn an_adopted_address_is_taken() {
    let (server, _) = adopted().await;
    let body = json!({
        "full_name": "Somebody", "email": "GRACE.hopper@NAVY.example",
        "password": "a rather long password 1494", "company_name": "Another",
    });
    refused(&server.post("/auth/signup", body).await, 409, "email_taken");
    let email = Email::parse("grace.hopper@navy.example").unwrap();
    let user = server.app.store.user_by_email(&email).await.unwrap().unwrap();
    assert_eq!(user.id.to_string(), GRACE);
}

#[tokio::test]
async fn statement_8_first_logins_at_the_same_time_all_succeed() {
    let (server, _) = adopted().await;
    let tries = (0..4).map(|_| server.try_log_in("grace.hopper@navy.example", OLD_PASSWORD));
    for answer in futures_util::future::join_all(tries).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}
