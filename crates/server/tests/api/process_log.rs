//! What the program writes about what it does: one line per request, and nothing that is secret.

use std::{collections::BTreeSet, path::Path};

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    program::{Program, QUICK},
    server::{Answer, client},
};

/// Every file under a folder that holds these bytes.
fn files_with(folder: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn no_secret_and_no_address_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &QUICK).await;
    let password = "Canarypassphrase 7731 one";
    let email = "canary.address.7731@example.com";
    let body = json!({
        "full_name": "Canaryname Owner", "email": email, "password": password, "company_name": "Canarycompany",
    });
    let answer =
        Answer::of(program.request(Method::POST, "/auth/signup").json(&body).send().await.unwrap())
            .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    let mut tokens = vec![token.clone()];
    let mut keep = |answer: &Answer| {
        for name in ["access_token", "refresh_token"] {
            tokens.push(answer.body[name].as_str().unwrap().to_owned());
        }
    };
    keep(&answer);
    let answer = program.log_in(email, password).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    keep(&answer);
    let refresh = json!({"refresh_token": answer.body["refresh_token"]});
    let answer = program.post(&token, "/auth/refresh", refresh).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    keep(&answer);

    let failed = program.log_in(email, "Canarywrongphrase 7731").await;
    assert_eq!(failed.status, StatusCode::UNAUTHORIZED);
    let failed = program.log_in("canary.stranger.7731@example.com", "Canarywrongphrase 7731").await;
    assert_eq!(failed.status, StatusCode::UNAUTHORIZED);
    let csv = "canaryheader,amount\ncanarycell,7731773177\n";
    let answer = program.try_upload(&token, "ordinary.csv", csv).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let answer =
        program.post(&token, "/query", json!({"question": "total amount of canarycell"})).await;
    assert!(answer.text.contains("7731773177"), "{}", answer.text);
    program.post(&token, "/query", json!({"question": "canaryquestion by month"})).await;
    // Where it does not belong: in a path, in a query string, in a header, in a broken body.
    let secret = "canaryinthewrongplace";
    program.get(secret, &format!("/users/{secret}?token={secret}")).await;
    program.get(&token, &format!("/tables/{secret}?{secret}={secret}")).await;
    let request = program.request(Method::POST, "/auth/login").header("cookie", secret);
    let broken = Answer::of(
        request.json(&json!({"username": [secret], "password": {secret: 1}})).send().await.unwrap(),
    )
    .await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!broken.text.contains(secret), "{}", broken.text);

    program.terminate();
    program.ended().await;
    let written = program.lines().join("\n").to_lowercase();
    assert!(written.contains("http.request"));
    let place = written
        .find("canary")
        .map(|at| &written[at.saturating_sub(200)..(at + 80).min(written.len())]);
    assert_eq!(place, None);
    for token in &tokens {
        assert!(!written.contains(&token.to_lowercase()), "a token is in the log");
        let signature = token.rsplit('.').next().unwrap();
        assert_eq!(files_with(folder.path(), signature.as_bytes()), Vec::<String>::new());
    }
    for password in [password, "Canarywrongphrase 7731"] {
        assert_eq!(files_with(folder.path(), password.as_bytes()), Vec::<String>::new());
    }
    assert!(
        !files_with(folder.path(), email.as_bytes()).is_empty(),
        "the search finds what is there"
    );
}

#[tokio::test]
async fn every_request_leaves_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    let me = program.get(&token, "/auth/me").await;
    let cases = [
        ("GET", "/healthz", false, "/healthz", 200, None),
        ("GET", "/auth/me", true, "/auth/me", 200, None),
        ("GET", "/auth/me", false, "/auth/me", 401, Some("not_authenticated")),
        ("GET", "/tables/nothing", true, "/tables/{name}", 404, Some("not_found")),
        ("GET", "/no/such/path?with=query", true, "unmatched", 404, Some("not_found")),
        ("DELETE", "/healthz", false, "/healthz", 405, Some("method_not_allowed")),
        ("POST", "/query", true, "/query", 415, Some("unsupported_media_type")),
    ];
    for (at, (method, path, with_token, ..)) in cases.iter().enumerate() {
        let request = program
            .request(method.parse().unwrap(), path)
            .header("x-request-id", format!("case-{at}"));
        let request = if *with_token { request.bearer_auth(&token) } else { request };
        let answer =
            Answer::of(request.header("user-agent", "a \"quoted\" agent").send().await.unwrap())
                .await;
        assert_eq!(answer.header("x-request-id"), format!("case-{at}"));
    }
    program.terminate();
    program.ended().await;
    let log = program.log();
    let ids: Vec<&str> = log
        .iter()
        .filter(|line| line["event"] == "http.request")
        .map(|line| line["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), cases.len() + 2, "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for (at, (method, _, with_token, route, status, code)) in cases.into_iter().enumerate() {
        let id = format!("case-{at}");
        let line = log
            .iter()
            .find(|line| line["request_id"] == id.as_str() && line["event"] == "http.request")
            .unwrap();
        assert_eq!((&line["method"], &line["route"]), (&json!(method), &json!(route)), "{line}");
        assert_eq!((&line["status"], &line["code"]), (&json!(status), &json!(code)), "{line}");
        assert_eq!((&line["level"], &line["scheme"]), (&json!("INFO"), &json!("http")), "{line}");
        assert_eq!(
            (&line["client"], &line["user_agent"]),
            (&json!("127.0.0.1"), &json!("a \"quoted\" agent")),
            "{line}"
        );
        assert!(line["duration_ms"].as_f64().unwrap() >= 0.0, "{line}");
        assert!(line["bytes_out"].as_u64().unwrap() > 0, "{line}");
        assert!(
            line["ts"].as_str().unwrap().ends_with('Z') && line["message"].is_string(),
            "{line}"
        );
        let known = with_token && route != "unmatched";
        let user = known.then(|| me.body["user"]["id"].clone());
        assert_eq!(line["user_id"], json!(user), "{line}");
        let company = known.then(|| me.body["company"]["id"].clone());
        assert_eq!(line["company_id"], json!(company), "{line}");
    }
}

#[tokio::test]
async fn no_value_can_begin_a_line_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    let forged = r#"{"ts":"2026-01-01T00:00:00.000Z","level":"INFO","event":"forged"}"#;
    let address = program.url.trim_start_matches("http://").to_owned();
    for head in [
        format!("GET /%0d%0a{} HTTP/1.1\r\nHost: test\r\n", forged.replace(['"', '{', '}'], "%22")),
        format!("GET / HTTP/1.1\r\nHost: test\r\nX-Request-Id: a\\n{forged}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: test\r\nUser-Agent: a\"}}\\n{forged}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: test\r\nUser-Agent: \u{9b}31m\u{2028}{forged}\r\n"),
        "GET / HTTP/1.1\r\nHost: test\r\nUser-Agent: \u{1b}[31mred\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: test\r\nTraceparent: 00-\"\\n-x-01\r\n".to_owned(),
        format!("{forged} / HTTP/1.1\r\nHost: test\r\n"),
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{head}: {}", String::from_utf8_lossy(&answer));
    }
    let name = format!("a\r\n{forged}");
    for (path, body) in [
        ("/query", json!({"question": format!("total\r\n{forged}")})),
        ("/query", json!({"question": format!("total \u{1b}[31m {}", "x")})),
        (
            "/auth/add-user",
            json!({"full_name": name, "email": "a@example.com", "password": "a long first password"}),
        ),
    ] {
        let answer = program.post(&token, path, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
    }
    program.try_upload(&token, &format!("a\r\n{forged}.csv"), "a,b\n1,2\n").await.unwrap();
    program.terminate();
    program.ended().await;
    let (lines, log) = (program.lines(), program.log());
    assert!(log.iter().all(|line| line["event"] != "forged"), "{lines:?}");
    let plain = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    assert!(lines.iter().all(|line| line.chars().all(plain)), "{lines:?}");
}

#[tokio::test]
async fn metrics_are_apart_and_their_labels_few() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &QUICK).await;
    let token = program.sign_up("owner.of.metrics@example.com").await;
    let id = program.get(&token, "/auth/me").await.body["user"]["id"].as_str().unwrap().to_owned();
    for at in 0..40 {
        program.get(&token, &format!("/tables/table_{at}")).await;
        program.get(&token, &format!("/random-{at}/path")).await;
        let method = Method::from_bytes(format!("BREW{at}").as_bytes()).unwrap();
        program.request(method, "/healthz").send().await.unwrap();
    }
    program.get(&token, &format!("/users/{id}")).await;
    program.log_in("nobody@example.com", "a wrong password 1").await;
    let document = program.get(&token, "/openapi.json").await;
    let public = program.get(&token, "/metrics").await;
    assert_eq!((public.status, public.code()), (StatusCode::NOT_FOUND, "not_found"));

    let address = program.event("server.started").await["metrics"].as_str().unwrap().to_owned();
    let client = client();
    let response = client.get(format!("http://{address}/metrics")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let page = response.text().await.unwrap();
    assert!(page.ends_with("# EOF\n"));
    for secret in ["table_7", "random-7", "BREW", id.as_str(), "example.com"] {
        assert!(!page.contains(secret), "{secret} is in the metrics");
    }
    let label = |name: &str| {
        let marker = format!("{name}=\"");
        let values = page.split(marker.as_str()).skip(1);
        values.filter_map(|rest| rest.split('"').next()).collect::<BTreeSet<_>>()
    };
    let mut routes: BTreeSet<&str> =
        document.body["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    routes.extend(["unmatched", "/openapi.json", "/docs", "/docs/", "/docs/{*rest}"]);
    assert!(label("route").is_subset(&routes), "{:?}", label("route").difference(&routes));
    assert!(label("method").len() < 12, "{:?}", label("method"));
    assert!(label("status").len() <= 6, "{:?}", label("status"));
    let other = client.get(format!("http://{address}/auth/me")).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND, "nothing else is there");
}
