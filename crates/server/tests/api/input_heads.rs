//! Request lines and headers that no proper client sends.

use reqwest::StatusCode;

use crate::{
    checks::{is_problem, refused},
    raw,
    server::Server,
};

#[tokio::test]
async fn too_many_or_too_large_headers_end_the_connection_and_nothing_else() {
    let server = Server::start().await;
    let many = (0..10_000).map(|at| format!("x-{at}: {at}\r\n")).collect::<Vec<_>>().concat();
    let large = format!("x-large: {}\r\n", "a".repeat(1 << 20));
    let long_path = format!("GET /{}", "a".repeat(200_000));
    for (line, headers) in
        [("GET /healthz", many.as_str()), ("GET /healthz", &large), (&long_path, "")]
    {
        let answer = raw::send(&server, line, headers.as_bytes(), b"").await;
        let expect = [431, 414, 400];
        assert!(expect.contains(&answer.status.as_u16()), "{} {}", answer.status, answer.text);
    }
    let fits: Vec<String> = (0..100).map(|at| format!("x-{at}: {}\r\n", "a".repeat(300))).collect();
    let fits = fits.concat();
    let answer = raw::send(&server, "GET /healthz", fits.as_bytes(), b"").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[tokio::test]
async fn what_is_no_request_is_400() {
    let server = Server::start().await;
    for bytes in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /query HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ] {
        let answer = raw::parse(&raw::exchange(&server, bytes).await);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", String::from_utf8_lossy(bytes));
    }
    let answer = raw::send(&server, "GET /healthz", b"", b"").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_is_never_read_as_two() {
    let server = Server::start().await;
    let smuggled = b"POST /query HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = String::from_utf8(raw::exchange(&server, smuggled).await).unwrap();
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn authorization_headers_that_are_none_are_refused() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let token = &owner.token;
    for (headers, status, code) in [
        (String::new(), 401, "not_authenticated"),
        ("Authorization: \r\n".to_owned(), 401, "not_authenticated"),
        ("Authorization: Bearer\r\n".to_owned(), 401, "not_authenticated"),
        ("Authorization: Bearer \r\n".to_owned(), 401, "not_authenticated"),
        (format!("Authorization: {token}\r\n"), 401, "not_authenticated"),
        (format!("Authorization: Basic {token}\r\n"), 401, "not_authenticated"),
        (format!("Authorization: Bearer {token}x\r\n"), 401, "invalid_token"),
        (format!("Authorization: Bearer {token} {token}\r\n"), 401, "invalid_token"),
        ("Authorization: Bearer \u{e9}\u{e9}\r\n".to_owned(), 401, "invalid_token"),
        (format!("Authorization: Bearer {}\r\n", "a".repeat(30_000)), 401, "invalid_token"),
        (
            format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
            400,
            "bad_request",
        ),
        (format!("Cookie: access_token={token}\r\n"), 401, "not_authenticated"),
    ] {
        let answer = raw::send(&server, "GET /auth/me", headers.as_bytes(), b"").await;
        refused(&answer, status, code);
        assert!(!answer.text.contains(token.as_str()), "{}", answer.text);
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge.contains("invalid_token"), code == "invalid_token", "{challenge}");
    }
    let answer = raw::send(&server, &format!("GET /auth/me?access_token={token}"), b"", b"").await;
    refused(&answer, 401, "not_authenticated");
    let answer = raw::send(
        &server,
        "GET /auth/me",
        format!("authorization:  bearer  {token} \r\n").as_bytes(),
        b"",
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[tokio::test]
async fn paths_and_methods_that_are_none_are_problems_too() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let token = format!("Authorization: Bearer {}\r\n", owner.token);
    for path in [
        "/nothing",
        "//auth/me",
        "/auth//me",
        "/auth/me/",
        "/AUTH/ME",
        "/%2e%2e/healthz",
        "/%ff",
        "/%00",
        "/auth/me%20",
        "/users/",
        "/users/../auth/me",
        "/tables/a/b",
    ] {
        let answer = raw::send(&server, &format!("GET {path}"), token.as_bytes(), b"").await;
        refused(&answer, 404, "not_found");
    }
    for (method, path, allow) in [
        ("GET", "/auth/login", "POST"),
        ("DELETE", "/healthz", "GET"),
        ("PUT", "/query", "POST"),
        ("BREW", "/tables/x", "GET"),
        ("TRACE", "/users", "GET"),
        ("POST", "/openapi.json", "GET"),
    ] {
        let answer = raw::send(&server, &format!("{method} {path}"), token.as_bytes(), b"").await;
        refused(&answer, 405, "method_not_allowed");
        assert!(answer.header("allow").contains(allow), "{path}: {:?}", answer.headers);
    }
    for id in ["x", "00000000-0000-0000-0000-000000000000", "%27%20OR%201=1", "[$ne]", "null"] {
        let answer = raw::send(&server, &format!("GET /users/{id}"), token.as_bytes(), b"").await;
        refused(&answer, 404, "not_found");
    }
}

#[tokio::test]
async fn a_request_id_is_kept_only_if_it_is_fit_to_be_shown() {
    let server = Server::start().await;
    for (given, kept) in [
        ("trace-1.a_B", true),
        ("a b", false),
        ("a\"b", false),
        (&"x".repeat(65), false),
        ("\u{e9}", false),
    ] {
        let answer = raw::send(
            &server,
            "GET /auth/me",
            format!("X-Request-Id: {given}\r\n").as_bytes(),
            b"",
        )
        .await;
        is_problem(&answer);
        assert_eq!(answer.header("x-request-id") == given, kept, "{given}");
    }
}
