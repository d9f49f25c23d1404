//! `/auth/me` and `/auth/update-profile/…`

use chrono::Duration;
use pacioli_model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{count_of, join, sent},
    server::{Answer, Person, Server},
};

const OWN: &str = "/auth/update-profile/user";
const BOTH: &str = "/auth/update-profile/superuser";

async fn put(server: &Server, person: &Person, path: &str, body: Value) -> Answer {
    server.send(person, Method::PUT, path, body).await
}

async fn me(server: &Server, person: &Person) -> Value {
    server.get(person, "/auth/me").await.body
}

#[tokio::test]
async fn a_person_renames_themselves() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    server.advance(Duration::minutes(1));
    let answer = put(&server, &user, OWN, json!({"full_name": "  Fra Luca "})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["full_name"], "Fra Luca");
    assert_eq!(answer.body["updated_at"], server.clock.now().to_string());
    let hello = server.get(&user, "/auth/protected-route").await;
    assert_eq!(hello.body["message"], "Hello, Fra Luca", "at the very next request");
    assert_eq!(count_of(&server, &owner, "profile_updated", "success").await, 1);
}

#[tokio::test]
async fn absent_stays_null_removes_and_a_value_replaces() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let full = json!({"industry": "Wholesale", "size": "50-100", "address": "Via Nuova 1"});
    let answer = put(&server, &owner, BOTH, full).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let patch = json!({"industry": null, "size": "100-200", "company_name": "Summa"});
    let answer = put(&server, &owner, BOTH, patch).await;
    let company = &answer.body["company"];
    assert_eq!(company["industry"], Value::Null);
    assert_eq!((&company["size"], &company["address"]), (&json!("100-200"), &json!("Via Nuova 1")));
    assert_eq!(company["company_name"], "Summa");
    assert_eq!(me(&server, &owner).await["company"], *company);
    let merge = server.request(Method::PUT, BOTH).bearer_auth(&owner.token);
    let merge = merge.header("content-type", "application/merge-patch+json");
    let answer = sent(merge.body(r#"{"address":null}"#)).await;
    assert_eq!((answer.status.as_u16(), &answer.body["company"]["address"]), (200, &Value::Null));
}

#[tokio::test]
async fn an_empty_patch_changes_nothing_not_even_the_time() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let before = me(&server, &owner).await;
    server.advance(Duration::minutes(5));
    for path in [OWN, BOTH] {
        assert_eq!(put(&server, &owner, path, json!({})).await.status, 200);
    }
    assert_eq!(me(&server, &owner).await, before);
}

#[tokio::test]
async fn statement_43_role_company_and_hash_are_never_written() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    let (before, users) = (me(&server, &user).await, me(&server, &owner).await);
    for name in [
        "role",
        "company_id",
        "_id",
        "id",
        "password_hash",
        "password",
        "created_by",
        "email",
        "is_active",
        "disabled_at",
        "must_change_password",
        "time_zone",
        "$set",
        "company.name",
        "__proto__",
    ] {
        for (person, path) in [(&user, OWN), (&owner, BOTH)] {
            let answer = put(&server, person, path, json!({ name: "superuser" })).await;
            refused(&answer, 422, "invalid");
            assert_eq!(
                first_error(&answer),
                (format!("body.{name}"), "extra_forbidden".to_owned())
            );
        }
    }
    assert_eq!((me(&server, &user).await, me(&server, &owner).await), (before, users));
}

#[tokio::test]
async fn a_name_is_not_removed_and_a_wrong_type_is_named() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (path, body, place, kind) in [
        (OWN, json!({"full_name": null}), "body.full_name", "type_error"),
        (OWN, json!({"full_name": ""}), "body.full_name", "value_error"),
        (OWN, json!({"full_name": "a\nb"}), "body.full_name", "value_error"),
        (OWN, json!({"full_name": {"$gt": ""}}), "body.full_name", "type_error"),
        (BOTH, json!({"company_name": null}), "body.company_name", "type_error"),
        (BOTH, json!({"industry": ["a"]}), "body.industry", "type_error"),
        (BOTH, json!({"address": "x".repeat(501)}), "body.address", "value_error"),
    ] {
        let answer = put(&server, &owner, path, body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (place.to_owned(), kind.to_owned()), "{}", answer.text);
    }
    // Half good is not half done.
    let half = json!({"full_name": "Changed", "company_name": ""});
    refused(&put(&server, &owner, BOTH, half).await, 422, "invalid");
    assert_eq!(me(&server, &owner).await["user"]["full_name"], "Some Owner");
}

#[tokio::test]
async fn a_user_does_not_write_the_companys_profile() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    let answer = put(&server, &user, BOTH, json!({"company_name": "Mine"})).await;
    refused(&answer, 403, "insufficient_role");
    assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    assert_eq!(me(&server, &user).await["company"]["company_name"], "Company of owner");
}
