use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use pacioli_model::Role;
use reqwest::Method;
use serde_json::json;

use crate::{
    people::{disable_company, hashed, join, post},
    server::{PASSWORD, Server},
};

/// A busy machine slows one attempt or the other, never speeds one up: the more rounds, the nearer the
/// fastest attempts of each kind come to what they take by themselves.
const ROUNDS: RangeInclusive<usize> = 3..=60;

/// The work is compared exactly: one bcrypt each, of one cost. The time to a factor of two: without that
/// bcrypt an answer would take a tenth of it, in every round.
#[tokio::test]
async fn statement_14_every_refused_login_does_the_same_work_and_takes_the_same_time() {
    let server = Server::start().await;
    let (owner, closed) = (server.sign_up("owner").await, server.sign_up("closed").await);
    let shut = join(&server, &owner, "shut", Role::User).await;
    let reset = json!({"new_password": PASSWORD});
    let path = format!("/users/{}/reset-password", shut.id);
    assert_eq!(server.send(&owner, Method::POST, &path, reset).await.status, 200);
    post(&server, &owner, &format!("/users/{}/deactivate", shut.id)).await;
    disable_company(&server, &closed.company, true).await;
    let long = "x".repeat(5000);
    let kinds = [
        ("wrong", &*owner.email, "not the password at all"),
        ("unknown", "nobody@example.com", PASSWORD),
        ("disabled person", &*shut.email, PASSWORD),
        ("disabled company", &*closed.email, PASSWORD),
        ("no address", "nobody", PASSWORD),
        ("empty password", &*owner.email, ""),
        ("empty password of nobody", "nobody@example.com", ""),
        ("over-long password", &*owner.email, &*long),
        ("over-long password of nobody", "nobody@example.com", &*long),
    ];
    let mut fastest = [Duration::MAX; 9];
    for round in 1..=*ROUNDS.end() {
        for ((name, email, password), fastest) in kinds.iter().zip(&mut fastest) {
            let before = hashed(&server);
            let began = Instant::now();
            let answer = server.try_log_in(email, password).await;
            *fastest = began.elapsed().min(*fastest);
            assert_eq!(answer.status, 401, "{name}");
            assert_eq!(hashed(&server) - before, 1, "{name}, round {round}");
        }
        let (least, most) = (fastest.iter().min().unwrap(), fastest.iter().max().unwrap());
        if round >= *ROUNDS.start() && *most < *least * 2 {
            return;
        }
    }
    let names = kinds.map(|(name, ..)| name);
    panic!("not the same time: {:?}", names.iter().zip(fastest).collect::<Vec<_>>());
}
