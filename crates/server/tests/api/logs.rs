//! What the server writes to its log about accounts.

use std::{
    io,
    sync::{Arc, Mutex},
};

use reqwest::Method;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    people::{post, refresh},
    server::{PASSWORD, Server},
};

/// Keeps what is written.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn statements_11_and_54_events_are_logged_without_an_address_or_a_secret() {
    let page = Page::default();
    let collector = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(page.clone())
        .finish();
    // With one collector alone, what other tests reach first is switched off for this thread too.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let _collecting = tracing::subscriber::set_default(collector);
    let server = Server::start().await;
    let owner = server.sign_up("canary.owner").await;
    let user = server.add_user(&owner, "canary.user").await;
    server.try_log_in(&owner.email, "a canary of a wrong password").await;
    server.try_log_in("canary.nobody@example.com", "a canary of a wrong password").await;
    let second = server.log_in(&owner.email, PASSWORD).await;
    refresh(&server, &second.refresh).await;
    server.advance(chrono::Duration::seconds(11));
    refresh(&server, &second.refresh).await;
    post(&server, &owner, &format!("/users/{}/deactivate", user.id)).await;
    server.get(&owner, "/users?search=canary.user").await;
    let weak =
        json!({"full_name": "Canary", "email": "canary.weak@example.com", "password": "canary"});
    server.send(&owner, Method::POST, "/auth/add-user", weak).await;
    server.stop().await;
    let bytes = page.0.lock().unwrap().clone();
    let text: String = String::from_utf8(bytes).unwrap();
    // Other crates' lines, of the client for one, are not the server's.
    let lines = || text.lines().filter(|line| line.contains(" pacioli"));
    for event in ["login.succeeded", "login.failed", "company.signed_up", "session.reused"] {
        assert!(lines().any(|line| line.contains(event)), "{event} in {text}");
    }
    let hashed = lines().filter(|line| line.contains("login.failed")).count();
    assert_eq!(hashed, 2);
    let secrets = [
        &*owner.token,
        &owner.refresh,
        &second.refresh,
        PASSWORD,
        "canary",
        "Canary",
        "@example.com",
        "$2b$",
    ];
    for line in lines() {
        for secret in secrets {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}
