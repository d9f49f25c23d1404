//! `/audit`

use chrono::Duration;
use pacioli_model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{audit, delete, join, post, sent},
    server::{PASSWORD, Person, Server},
};

fn actions(body: &Value) -> Vec<String> {
    let items = body["items"].as_array().unwrap_or_else(|| panic!("{body}"));
    items.iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
}

/// A day in the life of a company.
async fn day(server: &Server, owner: &Person) -> Person {
    let body = json!({"full_name": "Maria Canary", "email": "maria.canary@example.com", "password": "a first password to change"});
    server.send(owner, Method::POST, "/auth/add-user", body).await;
    let maria = server.log_in("maria.canary@example.com", "a first password to change").await;
    let change =
        json!({"current_password": "a first password to change", "new_password": PASSWORD});
    server.send(&maria, Method::POST, "/auth/change-password", change).await;
    let one = format!("/users/{}", maria.id);
    server.send(owner, Method::PATCH, &one, json!({"role": "superuser"})).await;
    post(server, owner, &format!("{one}/deactivate")).await;
    post(server, owner, &format!("{one}/reactivate")).await;
    server.send(owner, Method::PATCH, "/company", json!({"size": "2"})).await;
    server.advance(Duration::minutes(1));
    delete(server, owner, &one).await;
    maria
}

#[tokio::test]
async fn statement_54_who_did_what_to_whom_when_from_where_in_which_request() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let maria = day(&server, &owner).await;
    let expect = [
        "user_deleted",
        "company_updated",
        "user_reactivated",
        "user_deactivated",
        "role_changed",
        "password_changed",
        "logged_in",
        "user_added",
        "logged_in",
        "company_signed_up",
    ];
    let log = server.get(&owner, "/audit").await;
    let mut sorted = (actions(&log.body), expect.map(str::to_owned).to_vec());
    // What happened at one moment of the standing clock has no order.
    assert_eq!(sorted.0[0], sorted.1[0]);
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    let deleted = &log.body["items"][0];
    assert_eq!(deleted["actor"], owner.id);
    assert_eq!(deleted["target"], maria.id);
    assert_eq!(deleted["outcome"], "success");
    assert_eq!(deleted["address"], "127.0.0.1");
    assert_eq!(deleted["at"], server.clock.now().to_string());
    let named = server.request(Method::PATCH, "/company").header("x-request-id", "named-by-me");
    let named = named.bearer_auth(&owner.token).json(&json!({"size": "3"}));
    assert_eq!(sent(named).await.header("x-request-id"), "named-by-me");
    let last = server.get(&owner, "/audit?limit=1&action=company_updated").await;
    assert_eq!(last.body["items"][0]["request_id"], "named-by-me");
}

#[tokio::test]
async fn statements_11_and_61_it_holds_no_address_no_name_and_no_secret() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    day(&server, &owner).await;
    let text = server.get(&owner, "/audit?limit=100").await.text;
    for canary in
        ["canary", "Canary", "@", "password to change", PASSWORD, "$2b$", "pcr_", &owner.token]
    {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

#[tokio::test]
async fn it_is_filtered_and_paged_to_its_end() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let before = server.clock.now();
    server.advance(Duration::seconds(1));
    let maria = day(&server, &owner).await;
    for (query, count) in [
        (String::new(), 10),
        ("action=user_added".to_owned(), 1),
        ("outcome=failure".to_owned(), 0),
        (format!("actor={}", maria.id), 2),
        (format!("target={}", maria.id), 6),
        (format!("target={}&action=role_changed", maria.id), 1),
        (format!("from={}", server.clock.now()), 1),
        (format!("to={before}"), 0),
        (format!("from={before}&action=company_signed_up"), 1),
    ] {
        let answer = server.get(&owner, &format!("/audit?{query}")).await;
        assert_eq!(actions(&answer.body).len(), count, "{query}: {}", answer.text);
    }
    let (mut ids, mut path) = (std::collections::BTreeSet::new(), "/audit?limit=3".to_owned());
    loop {
        let page = server.get(&owner, &path).await;
        ids.extend(
            page.body["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()),
        );
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/audit?limit=3&cursor={cursor}");
    }
    assert_eq!(ids.len(), 10);
}

#[tokio::test]
async fn it_is_read_by_superusers_of_its_own_company_and_written_by_nobody() {
    let server = Server::start().await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let user = join(&server, &owner, "user", Role::User).await;
    refused(&server.get(&user, "/audit").await, 403, "insufficient_role");
    let foreign = server.get(&other, &format!("/audit?actor={}", owner.id)).await;
    assert_eq!(foreign.body["items"], json!([]), "{}", foreign.text);
    assert_eq!(audit(&server, &other).await.len(), 2);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = server.send(&owner, method, "/audit", json!({})).await;
        refused(&answer, 405, "method_not_allowed");
        assert!(answer.header("allow").contains("GET"));
    }
    for (query, place) in [
        ("action=anything", "query.action"),
        ("outcome=perhaps", "query.outcome"),
        ("actor=me", "query.actor"),
        ("from=yesterday", "query.from"),
        ("limit=1000", "query.limit"),
        ("company_id=x", "query.company_id"),
    ] {
        let answer = server.get(&owner, &format!("/audit?{query}")).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{}", answer.text);
    }
}
