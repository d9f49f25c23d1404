//! Bodies that are not what a route reads: each is refused in the one shape, says what to do, never
//! repeats a value, and leaves nothing.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    raw,
    server::{Answer, PASSWORD, Person, Server},
};

/// Every route that reads JSON, with a member that is a text, or empty where the route has none that
/// must be there.
const ROUTES: [(&str, &str, &str); 10] = [
    ("POST", "/auth/signup", "full_name"),
    ("POST", "/auth/login", "username"),
    ("POST", "/auth/refresh", "refresh_token"),
    ("POST", "/auth/add-user", "full_name"),
    ("POST", "/auth/change-password", "current_password"),
    ("PUT", "/auth/update-profile/user", "full_name"),
    ("PUT", "/auth/update-profile/superuser", "full_name"),
    ("PATCH", "/company", "company_name"),
    ("POST", "/query", "question"),
    ("POST", "/sql", "sql"),
];

async fn send(
    server: &Server,
    person: &Person,
    method: &str,
    path: &str,
    kind: &str,
    body: &[u8],
) -> Answer {
    let request = server.request(method.parse().unwrap(), path).bearer_auth(&person.token);
    let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
    Answer::of(request.body(body.to_vec()).send().await.unwrap()).await
}

#[tokio::test]
async fn what_is_no_json_is_malformed_on_every_route() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let deep = |open: &str, close: &str, depth| {
        format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes()
    };
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        b"{".to_vec(),
        b"{\"a\":}".to_vec(),
        b"{'full_name': 'x'}".to_vec(),
        b"{\"full_name\": \"x\",}".to_vec(),
        b"{} {}".to_vec(),
        b"{}garbage".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"full_name\": \"\xff\xfe\"}".to_vec(),
        b"{\"full_name\": \"\\ud800\"}".to_vec(),
        b"{\"full_name\": \"a\0b\"}".to_vec(),
        b"\0".to_vec(),
        b"NaN".to_vec(),
        b"username=a&password=b".to_vec(),
        deep("[", "", 100_000),
        deep("{\"a\":", "", 10_000),
    ];
    for (method, path, _) in ROUTES {
        for body in &bodies {
            let answer = send(&server, &owner, method, path, "application/json", body).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
            // A value may be found unfit before the syntax behind it is found broken.
            if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
                refused(&answer, 422, "invalid");
            } else {
                refused(&answer, 400, "malformed_body");
                assert!(
                    answer.body["detail"].as_str().unwrap().contains("line 1"),
                    "{start}: {}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn json_of_the_wrong_shape_is_invalid_and_named() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let deep: Value = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for (method, path, member) in ROUTES {
        for body in [
            json!(null),
            json!(1),
            json!("text"),
            json!([]),
            json!(["a", "b", "c", "d"]),
            json!(true),
        ] {
            let answer = send(
                &server,
                &owner,
                method,
                path,
                "application/json",
                body.to_string().as_bytes(),
            )
            .await;
            refused(&answer, 422, "invalid");
            assert_eq!(
                first_error(&answer),
                ("body".to_owned(), "type_error".to_owned()),
                "{path} {body}"
            );
        }
        for value in [
            json!({"$ne": null}),
            json!({"$gt": ""}),
            json!(7),
            json!(1.5e300),
            json!([]),
            json!(true),
            deep.clone(),
        ] {
            let body = json!({ member: value }).to_string();
            let answer =
                send(&server, &owner, method, path, "application/json", body.as_bytes()).await;
            refused(&answer, 422, "invalid");
            let place = format!("body.{member}");
            assert_eq!(first_error(&answer), (place, "type_error".to_owned()), "{path} {body}");
        }
        for unknown in
            ["$where", "__proto__", "role_", "company_id", "password_hash", "is_admin", ""]
        {
            let body = json!({ unknown: "canary-value-4711" }).to_string();
            let answer =
                send(&server, &owner, method, path, "application/json", body.as_bytes()).await;
            refused(&answer, 422, "invalid");
            assert_eq!(first_error(&answer).1, "extra_forbidden", "{path} {body}: {}", answer.text);
            assert!(!answer.text.contains("canary-value-4711"), "{}", answer.text);
        }
        let twice = format!("{{\"{member}\": \"canary-a\", \"{member}\": \"canary-b\"}}");
        let answer =
            send(&server, &owner, method, path, "application/json", twice.as_bytes()).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).1, "duplicate", "{path}: {}", answer.text);
        assert!(!answer.text.contains("canary"), "{}", answer.text);
    }
}

#[tokio::test]
async fn texts_that_cannot_be_shown_are_refused() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for text in
        ["", "   ", "a\u{0}b", "a\nb", "a\u{1b}[31m", "a\u{202e}b", "a\u{2028}b", &"x".repeat(201)]
    {
        for (method, path, member) in [
            (Method::PUT, "/auth/update-profile/user", "full_name"),
            (Method::PUT, "/auth/update-profile/superuser", "company_name"),
            (Method::PATCH, "/company", "industry"),
        ] {
            let answer = server.send(&owner, method, path, json!({ member: text })).await;
            refused(&answer, 422, "invalid");
            assert_eq!(
                first_error(&answer),
                (format!("body.{member}"), "value_error".to_owned()),
                "{text:?}"
            );
        }
        let body = json!({"full_name": text, "email": "new@example.com", "password": PASSWORD, "company_name": "New"});
        refused(&server.post("/auth/signup", body).await, 422, "invalid");
    }
    let me = server.get(&owner, "/auth/me").await;
    assert_eq!(me.body["user"]["full_name"], "Some Owner");
    assert_eq!(me.body["company"]["company_name"], "Company of owner");
    assert_eq!(server.get(&owner, "/users?count=true").await.body["total"], 1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_to_its_end() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let limit = server.app.config.server.body_limit_bytes;
    for size in [limit + 1, 10 << 20] {
        for (method, path, member) in ROUTES {
            let mut body = format!("{{\"{member}\": \"").into_bytes();
            body.resize(size - 2, b'x');
            body.extend_from_slice(b"\"}");
            let head = format!(
                "Authorization: Bearer {}\r\nContent-Type: application/json\r\n",
                owner.token
            );
            let answer =
                raw::send(&server, &format!("{method} {path}"), head.as_bytes(), &body).await;
            refused(&answer, 413, "too_large");
        }
    }
    // As large as allowed is read, and refused for what is in it.
    let body = json!({"question": "x".repeat(limit - 15)}).to_string();
    assert_eq!(body.len(), limit);
    let answer = send(&server, &owner, "POST", "/query", "application/json", body.as_bytes()).await;
    refused(&answer, 422, "invalid");
}

#[tokio::test]
async fn only_the_media_types_of_the_route_are_read() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let bad = [
        "",
        "text/plain",
        "application/xml",
        "application/jsonx",
        "json",
        "application/",
        "multipart/form-data; boundary=b",
        ";;;",
        "application/json, text/plain",
    ];
    for (method, path, _) in ROUTES {
        for kind in bad {
            let answer = send(&server, &owner, method, path, kind, b"{}").await;
            refused(&answer, 415, "unsupported_media_type");
            assert!(answer.body["detail"].as_str().unwrap().contains("JSON"), "{}", answer.text);
        }
    }
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/merge-patch+json",
    ] {
        let answer = send(&server, &owner, "PATCH", "/company", kind, b"{}").await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}: {}", answer.text);
    }
    for kind in [
        "",
        "text/csv",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=b",
    ] {
        let answer = send(&server, &owner, "POST", "/uploads", kind, b"a,b\n1,2\n").await;
        refused(&answer, 415, "unsupported_media_type");
        assert!(
            answer.body["detail"].as_str().unwrap().contains("multipart/form-data"),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let server = Server::start().await;
    server.sign_up("owner").await;
    let kind = "application/x-www-form-urlencoded";
    for (body, place, reason) in [
        (&b""[..], "body.username", "missing"),
        (b"username=owner@example.com", "body.password", "missing"),
        (b"username[$ne]=x&password[$ne]=x", "body.username", "missing"),
        (b"{\"username\": \"a\"}", "body.username", "missing"),
        (b"username=a&username=b&password=canary-4711", "body.username", "duplicate"),
        (b"username=a@example.com&password=canary-4711&password=b", "body.password", "duplicate"),
        (b"username=%ff%fe&password=canary-4711", "body.username", "encoding"),
        (b"username=a@example.com&password=canary-4711%c3", "body.password", "encoding"),
        (b"username=a@example.com&password=canary-4711\xff", "body.password", "encoding"),
    ] {
        let request = server.request(Method::POST, "/auth/login").header("content-type", kind);
        let answer = Answer::of(request.body(body).send().await.unwrap()).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (place.to_owned(), reason.to_owned()), "{}", answer.text);
        assert!(!answer.text.contains("canary-4711"), "{}", answer.text);
    }
    for body in [
        &b"username=owner%zz@example.com&password=a%b"[..],
        b"username=%00&password=%00",
        b"username=a%0d%0ab&password=x",
    ] {
        let request = server.request(Method::POST, "/auth/login").header("content-type", kind);
        let answer = Answer::of(request.body(body).send().await.unwrap()).await;
        refused(&answer, 401, "invalid_credentials");
    }
}

#[tokio::test]
async fn query_strings_are_checked_like_bodies() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (query, place) in [
        ("limit=0", "query.limit"),
        ("limit=101", "query.limit"),
        ("limit=-1", "query.limit"),
        ("limit=many", "query.limit"),
        (&format!("search={}", "a".repeat(201)), "query.search"),
        ("limit=99999999999999999999", "query.limit"),
        ("limit=1&limit=2", "query.limit"),
        ("sort=password_hash", "query.sort"),
        ("sort=", "query.sort"),
        ("role=admin", "query.role"),
        ("is_active=maybe", "query.is_active"),
        ("cursor=x", "query.cursor"),
        ("cursor=", "query.cursor"),
        ("role[$ne]=user", "query.role[$ne]"),
        ("unknown=1", "query.unknown"),
    ] {
        let answer = server.get(&owner, &format!("/users?{query}")).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{query}: {}", answer.text);
    }
    // A search is a text, never a pattern.
    for search in [".*", "%25", "_", "%00", "%ff", "%22%20OR%201=1", "(", "a".repeat(200).as_str()]
    {
        let answer = server.get(&owner, &format!("/users?search={search}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{search}: {}", answer.text);
        assert_eq!(answer.body["items"], json!([]), "{search}");
    }
}
