use serde_json::json;

use crate::{
    checks::refused,
    people::{count_of, knock, post, refresh},
    server::{PASSWORD, Server},
};

#[tokio::test]
async fn statement_34_after_logout_the_access_token_is_refused_at_once() {
    let server = Server::start().await;
    let here = server.sign_up("luca").await;
    let there = server.log_in(&here.email, PASSWORD).await;
    assert_eq!((knock(&server, &here).await, knock(&server, &there).await), (200, 200));
    let answer = post(&server, &here, "/auth/logout").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    let answer = server.get(&here, "/auth/protected-route").await;
    refused(&answer, 401, "invalid_token");
    assert!(answer.header("www-authenticate").contains("invalid_token"));
    refused(&refresh(&server, &here.refresh).await, 401, "invalid_refresh_token");
    refused(&post(&server, &here, "/auth/logout").await, 401, "invalid_token");
    assert_eq!(knock(&server, &there).await, 200, "the other device stays");
    assert_eq!(count_of(&server, &there, "logged_out", "success").await, 1);
}

#[tokio::test]
async fn statement_34_logout_everywhere_ends_every_session_of_one_person_and_no_other() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    let devices = [
        user.clone(),
        server.log_in(&user.email, PASSWORD).await,
        server.log_in(&user.email, PASSWORD).await,
    ];
    for device in &devices {
        assert_eq!(knock(&server, device).await, 200);
    }
    assert_eq!(post(&server, &devices[1], "/auth/logout-everywhere").await.status, 204);
    for device in &devices {
        assert_eq!(knock(&server, device).await, 401);
        refused(&refresh(&server, &device.refresh).await, 401, "invalid_refresh_token");
    }
    assert_eq!(knock(&server, &owner).await, 200);
    assert_eq!(count_of(&server, &owner, "logged_out_everywhere", "success").await, 1);
    server.log_in(&user.email, PASSWORD).await;
}

#[tokio::test]
async fn logging_out_takes_no_body_and_minds_none() {
    let server = Server::start().await;
    let person = server.sign_up("luca").await;
    let body = json!({"everywhere": true});
    let answer = server.send(&person, reqwest::Method::POST, "/auth/logout", body).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}
