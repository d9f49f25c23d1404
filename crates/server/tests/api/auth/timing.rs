use std::time::{Duration, Instant};

use pacioli_model::Role;
use reqwest::Method;
use serde_json::json;

use crate::{
    people::{disable_company, hashed, join, post},
    server::{PASSWORD, Server},
};

const ROUNDS: usize = 7;

/// The work is compared exactly: one bcrypt each, of one cost. The time only roughly, by the fastest of
/// attempts made in turns, for the machine may be busy: without that bcrypt an answer would take a
/// tenth of the time.
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
    let mut times = vec![Vec::new(); kinds.len()];
    for round in 0..ROUNDS {
        for (kind, (name, email, password)) in kinds.iter().enumerate() {
            let before = hashed(&server);
            let began = Instant::now();
            let answer = server.try_log_in(email, password).await;
            times[kind].push(began.elapsed());
            assert_eq!(answer.status, 401, "{name}");
            assert_eq!(hashed(&server) - before, 1, "{name}, round {round}");
        }
    }
    let fastest = |times: &Vec<Duration>| times.iter().min().unwrap().as_secs_f64();
    let wrong = fastest(&times[0]);
    for ((name, ..), times) in kinds.iter().zip(&times) {
        let time = fastest(times);
        assert!(time < wrong * 3.0 && wrong < time * 3.0, "{name}: {time} s, wrong: {wrong} s");
    }
}
