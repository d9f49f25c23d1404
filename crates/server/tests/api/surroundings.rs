//! What every request and every path has: methods, spellings of paths, headers, health.

use axum::{body::Body, http::Request};
use reqwest::{Method, header::HeaderValue};
use serde_json::json;
use tower::ServiceExt as _;

use crate::{
    checks::refused,
    people::{metrics, sent},
    raw,
    server::{Answer, Person, Server},
};

async fn line(server: &Server, line: &str, headers: &str) -> Answer {
    raw::send(server, line, headers.as_bytes(), b"").await
}

#[tokio::test]
async fn statement_49_no_spelling_of_a_path_goes_around_the_door() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    let token = format!("Authorization: Bearer {}\r\n", owner.token);
    for path in [
        "/auth/protected-route/",
        "//auth/protected-route",
        "/auth//protected-route",
        "/AUTH/protected-route",
        "/auth/Protected-Route",
        "/./auth/protected-route",
        "/docs/../auth/protected-route",
        "/docs/%2e%2e/auth/protected-route",
        "/healthz/../auth/protected-route",
        "/healthz/..;/auth/protected-route",
        "/auth%2fprotected-route",
        "/auth/protected%2Droute/",
        "/auth/protected-route%00",
        "/auth/protected-route;x=1",
        "/auth/protected-route%20",
        "/%61uth/me/",
        "/auth\\protected-route",
        "/auth/login/../me",
        "/.;/users",
        "/users/",
        "/Users",
    ] {
        let request = format!("GET {path}");
        let without = line(&server, &request, "").await;
        assert!(!without.status.is_success(), "{path}: {} {}", without.status, without.text);
        // One operation has one path: with a token there is no second one either.
        let with = line(&server, &request, &token).await;
        assert!(!with.text.contains(&owner.id), "{path}: {} {}", with.status, with.text);
    }
    for path in [
        "/auth/protected-route?",
        "/auth/protected-route?x=/healthz",
        "/auth/protected-route?/docs/",
    ] {
        refused(&line(&server, &format!("GET {path}"), "").await, 401, "not_authenticated");
    }
    // Percent signs of plain letters are the same path, and as closed.
    let same = line(&server, "GET /auth/protected%2Droute", "").await;
    assert!([401, 404].contains(&same.status.as_u16()), "{}", same.status);
}

#[tokio::test]
async fn statement_49_a_method_is_what_the_request_line_says() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    let user = crate::people::join(&server, &owner, "user", pacioli_model::Role::User).await;
    let path = format!("/users/{}", user.id);
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let request = server.request(Method::GET, &path).bearer_auth(&owner.token);
        assert_eq!(sent(request.header(header, "DELETE")).await.status, 200);
        let request = server.request(Method::POST, &format!("{path}?_method=DELETE"));
        let answer = sent(request.bearer_auth(&owner.token).header(header, "DELETE")).await;
        refused(&answer, 405, "method_not_allowed");
    }
    assert_eq!(server.get(&owner, &path).await.status, 200, "nobody was deleted");
    let head = |person: Option<&Person>| {
        let request = server.request(Method::HEAD, "/auth/protected-route");
        sent(match person {
            Some(person) => request.bearer_auth(&person.token),
            None => request,
        })
    };
    assert_eq!(
        (head(None).await.status, head(Some(&owner)).await.status.as_u16()),
        (reqwest::StatusCode::UNAUTHORIZED, 200)
    );
    for method in ["TRACE", "CONNECT", "PROPFIND", "get", "DELETE"] {
        let answer = line(&server, &format!("{method} /auth/protected-route"), "").await;
        assert!(answer.status.is_client_error(), "{method}: {}", answer.status);
        assert_ne!(answer.status, 401, "{method}");
    }
    refused(&line(&server, "DELETE /auth/protected-route", "").await, 405, "method_not_allowed");
    refused(&line(&server, "GET /no/such/path", "").await, 404, "not_found");
}

async fn preflight(server: &Server, origin: &str) -> Answer {
    let request = server.request(Method::OPTIONS, "/users").header("origin", origin);
    let request = request.header("access-control-request-method", "GET");
    sent(request.header("access-control-request-headers", "authorization")).await
}

#[tokio::test]
async fn statements_49_and_55_only_listed_origins_may_call_and_never_with_cookies() {
    let listed = "https://app.example.com";
    let server = Server::start_with(&[("PACIOLI_SERVER__CORS_ORIGINS", listed)]).await;
    let answer = preflight(&server, listed).await;
    assert_eq!(answer.status, 200, "open without a token: {}", answer.text);
    assert_eq!(answer.header("access-control-allow-origin"), listed);
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert_eq!(answer.text, "", "and it tells nothing");
    for origin in [
        "https://evil.example.com",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
    ] {
        let answer = preflight(&server, origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        let request = server.request(Method::GET, "/users").header("origin", origin);
        assert_eq!(sent(request).await.header("access-control-allow-origin"), "");
    }
    for answer in [answer, preflight(&server, "null").await] {
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    let nobody = Server::start().await;
    assert_eq!(preflight(&nobody, listed).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn statement_55_every_answer_carries_the_headers_that_browsers_heed() {
    let https = [("PACIOLI_SERVER__PUBLIC_URL", "https://books.example.com")];
    for (server, is_https) in
        [(Server::start().await, false), (Server::start_with(&https).await, true)]
    {
        for path in
            ["/healthz", "/auth/me", "/no/such/path", "/openapi.json", "/docs/", "/users/%00"]
        {
            let answer = sent(server.request(Method::GET, path)).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            assert!(
                answer.header("content-security-policy").contains("frame-ancestors 'none'"),
                "{path}"
            );
            let stay = answer.header("strict-transport-security");
            assert_eq!(stay.starts_with("max-age=63072000"), is_https, "{path}: {stay}");
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
            assert_eq!(answer.header("server"), "", "{path}");
        }
    }
}

#[tokio::test]
async fn a_request_keeps_a_name_that_is_fit_to_be_one() {
    let server = Server::start().await;
    let name = |value: HeaderValue| {
        sent(server.request(Method::GET, "/auth/me").header("x-request-id", value))
    };
    let own = name(HeaderValue::from_static("01J9ZK-trace_7.b")).await;
    assert_eq!(own.header("x-request-id"), "01J9ZK-trace_7.b");
    assert_eq!(own.body["request_id"], "01J9ZK-trace_7.b");
    for bad in ["a b", "\"}{", "a\tb", "x".repeat(65).as_str(), "é"] {
        let answer = name(HeaderValue::from_bytes(bad.as_bytes()).unwrap()).await;
        assert_ne!(answer.headers["x-request-id"].as_bytes(), bad.as_bytes());
        assert_eq!(answer.body["request_id"], answer.header("x-request-id"));
    }
}

#[tokio::test]
async fn statement_56_metrics_are_not_public_and_name_nobody() {
    let server = Server::start().await;
    let owner = server.sign_up("canary").await;
    server.get(&owner, &format!("/users/{}", owner.id)).await;
    server.try_log_in(&owner.email, "not the password at all").await;
    server.get(&owner, "/no/such/canary").await;
    for path in
        ["/metrics", "/debug", "/debug/pprof", "/admin", "/env", "/.env", "/data/pacioli.db"]
    {
        refused(&server.get(&owner, path).await, 404, "not_found");
    }
    let page = metrics(&server);
    assert!(page.contains("route=\"/users/{id}\""), "{page}");
    for canary in ["canary", "@", owner.id.as_str(), owner.company.as_str(), "127.0.0.1"] {
        assert!(!page.contains(canary), "{canary} in {page}");
    }
}

#[tokio::test]
async fn statement_57_a_stopping_server_is_alive_and_not_ready() {
    let server = Server::start().await;
    let ready = sent(server.request(Method::GET, "/readyz")).await;
    assert_eq!(
        (ready.status.as_u16(), &ready.body["status"]),
        (200, &json!("ready")),
        "{}",
        ready.text
    );
    let names = ready.body["dependencies"].as_array().unwrap().iter();
    let states: Vec<_> = names.map(|one| (one["name"].clone(), one["state"].clone())).collect();
    assert!(states.contains(&(json!("store"), json!("up"))), "{states:?}");
    let service = pacioli_server::public(&server.app);
    server.app.stopping.cancel();
    for (path, status) in [("/readyz", 503), ("/healthz", 200)] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), status, "{path}");
    }
    server.stop().await;
}
