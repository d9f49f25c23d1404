use chrono::Duration;
use pacioli_model::Role;
use reqwest::Method;
use serde_json::Value;

use crate::{
    checks::refused,
    people::{count_of, delete, join, knock, refresh, sent},
    server::{PASSWORD, Person, Server},
};

async fn sessions(server: &Server, person: &Person) -> Vec<Value> {
    let answer = server.get(person, "/auth/sessions").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text.contains("hash") && !answer.text.contains("pcr_"), "{}", answer.text);
    answer.body["items"].as_array().unwrap().clone()
}

async fn own_id(server: &Server, person: &Person) -> String {
    let me = server.get(person, "/auth/me").await;
    me.body["session_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn my_devices_are_listed_and_nobody_elses() {
    let server = Server::start().await;
    let first = server.sign_up("luca").await;
    join(&server, &first, "somebody", Role::User).await;
    let first_id = own_id(&server, &first).await;
    server.advance(Duration::hours(1));
    let form = [("username", &*first.email), ("password", PASSWORD)];
    let request = server.request(Method::POST, "/auth/login").form(&form);
    let agent =
        reqwest::header::HeaderValue::from_bytes("Ein Gerät/1.0\t\"x\"".as_bytes()).unwrap();
    let answer = sent(request.header("user-agent", agent)).await;
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    let second = Person { token, ..first.clone() };
    let items = sessions(&server, &second).await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!((items[0]["current"] == true, items[1]["current"] == true), (true, false));
    assert_eq!(items[0]["id"], own_id(&server, &second).await.as_str());
    assert_eq!(items[1]["id"], first_id.as_str());
    assert_eq!(
        items[0]["user_agent"], "Ein Ger??t/1.0?\"x\"",
        "statement 53: what cannot be shown is not kept"
    );
    assert_eq!(items[0]["address"], "127.0.0.1");
    server.advance(Duration::days(14) - Duration::minutes(30));
    let third = server.log_in(&first.email, PASSWORD).await;
    assert_eq!(sessions(&server, &third).await.len(), 2, "the first has ended by itself");
}

#[tokio::test]
async fn a_revoked_session_is_refused_at_once() {
    let server = Server::start().await;
    let here = server.sign_up("luca").await;
    let there = server.log_in(&here.email, PASSWORD).await;
    assert_eq!(knock(&server, &there).await, 200);
    let path = format!("/auth/sessions/{}", own_id(&server, &there).await);
    assert_eq!(delete(&server, &here, &path).await.status, 204);
    assert_eq!(knock(&server, &there).await, 401);
    refused(&refresh(&server, &there.refresh).await, 401, "invalid_refresh_token");
    assert_eq!(knock(&server, &here).await, 200);
    refused(&delete(&server, &here, &path).await, 404, "not_found");
    assert_eq!(count_of(&server, &here, "session_revoked", "success").await, 1);
    let own = format!("/auth/sessions/{}", own_id(&server, &here).await.to_uppercase());
    assert_eq!(delete(&server, &here, &own).await.status, 204, "in any case of its letters");
    assert_eq!(knock(&server, &here).await, 401);
}

#[tokio::test]
async fn nobody_revokes_anybody_elses_session() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = join(&server, &owner, "user", Role::User).await;
    let stranger = server.sign_up("stranger").await;
    let path = format!("/auth/sessions/{}", own_id(&server, &user).await);
    for person in [&owner, &stranger] {
        refused(&delete(&server, person, &path).await, 404, "not_found");
    }
    for path in
        ["/auth/sessions/not-an-id", "/auth/sessions/%7B%22$ne%22:1%7D", "/auth/sessions/%00"]
    {
        refused(&delete(&server, &user, path).await, 404, "not_found");
    }
    assert_eq!(knock(&server, &user).await, 200);
}
