//! `/company`

use pacioli_model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{count_of, join},
    server::Server,
};

#[tokio::test]
async fn everybody_reads_it_and_a_superuser_patches_it() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    let before = server.get(&user, "/company").await;
    assert_eq!((before.status.as_u16(), &before.body["time_zone"]), (200, &json!("UTC")));
    server.advance(chrono::Duration::minutes(1));
    let empty = server.send(&owner, Method::PATCH, "/company", json!({})).await;
    assert_eq!(empty.body, before.body, "not even the time changes");
    let patch = json!({"time_zone": "Europe/Rome", "industry": "Wholesale", "size": "12"});
    let answer = server.send(&owner, Method::PATCH, "/company", patch).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["updated_at"], server.clock.now().to_string());
    let answer = server.send(&owner, Method::PATCH, "/company", json!({"industry": null})).await;
    assert_eq!((&answer.body["industry"], &answer.body["size"]), (&Value::Null, &json!("12")));
    let read = server.get(&user, "/company").await;
    assert_eq!(read.body, answer.body, "at the next request, by everybody");
    assert_eq!(read.body["time_zone"], "Europe/Rome");
    assert_eq!(count_of(&server, &owner, "company_updated", "success").await, 2);
    let refusal = server.send(&user, Method::PATCH, "/company", json!({"size": "1"})).await;
    refused(&refusal, 403, "insufficient_role");
}

#[tokio::test]
async fn statement_43_ids_and_times_are_not_written_and_zones_are_real() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let before = server.get(&owner, "/company").await.body;
    for (member, value, kind) in [
        ("time_zone", json!("Mars/Olympus"), "value_error"),
        ("time_zone", json!("../../etc/passwd"), "value_error"),
        ("time_zone", json!(null), "type_error"),
        ("company_name", json!(null), "type_error"),
        ("id", json!("x"), "extra_forbidden"),
        ("_id", json!("x"), "extra_forbidden"),
        ("disabled_at", json!(null), "extra_forbidden"),
        ("owners_revision", json!(7), "extra_forbidden"),
        ("$set", json!({"company_name": "x"}), "extra_forbidden"),
    ] {
        let body = json!({ member: value, "size": "7" });
        let answer = server.send(&owner, Method::PATCH, "/company", body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(
            first_error(&answer),
            (format!("body.{member}"), kind.to_owned()),
            "{}",
            answer.text
        );
    }
    assert_eq!(server.get(&owner, "/company").await.body, before);
}
