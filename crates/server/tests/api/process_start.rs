//! Starting and stopping the program.

use std::{
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    program::{Program, QUICK, run, text},
    server::{Answer, PASSWORD},
};

#[tokio::test]
async fn it_starts_with_nothing_configured() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &[]).await;
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
        let answer = Answer::of(program.request(Method::GET, path).send().await.unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    }
    let started = program.event("server.started").await;
    assert_eq!((&started["store"], &started["cache"]), (&"sqlite".into(), &"in_process".into()));
    program.terminate();
    assert_eq!(program.ended().await.code(), Some(0));
    assert_eq!(program.log().last().unwrap()["event"], "server.stopped");
    // Everything it keeps is its owner's alone.
    let mode =
        |path: &str| folder.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data/secrets.toml"), 0o600);
    let kept: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["data"], "nothing is written outside of the data folder");
}

#[tokio::test]
async fn a_taken_port_is_named_and_the_usual_one_of_metrics_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    // Whoever holds it, it is taken now.
    let usual = std::net::TcpListener::bind("127.0.0.1:9464");
    let program = Program::start(folder.path(), &[]).await;
    assert_eq!(program.event("server.no_metrics").await["level"], "WARN");
    assert!(program.event("server.started").await.get("metrics").is_none());
    drop((program, usual));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (name, key) in [
        ("PACIOLI_SERVER__METRICS_LISTEN", "server.metrics_listen"),
        ("PACIOLI_SERVER__LISTEN", "server.listen"),
    ] {
        let free = ("PACIOLI_SERVER__LISTEN", "127.0.0.1:0");
        let environment = [free, (name, address.as_str())];
        let ended = run(folder.path(), &["serve", "--data-dir", "other"], &environment, "").await;
        assert_ne!(ended.status.code(), Some(0));
        let said = text(&ended.stderr);
        assert!(said.contains(key) && said.contains(&address), "{said}");
    }
}

#[tokio::test]
async fn it_keeps_its_secret_so_tokens_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    let secret = std::fs::read(folder.path().join("data/secrets.toml")).unwrap();
    program.kill().await;
    let program = Program::start(folder.path(), &QUICK).await;
    assert_eq!(program.get(&token, "/auth/me").await.status, StatusCode::OK);
    assert_eq!(std::fs::read(folder.path().join("data/secrets.toml")).unwrap(), secret);
    program.kill().await;

    // Another secret is another server to that token; the old one kept as previous is not.
    let other = ("JWT_SECRET", "gX3wq0Zk7uJ5s9Lr2Tn8Vd4Bf6Hy1Mc-Pz");
    let program = Program::start(folder.path(), &[&QUICK[..], &[other]].concat()).await;
    assert_eq!(program.get(&token, "/auth/me").await.code(), "invalid_token");
    program.kill().await;
    let kept = text(&secret);
    let kept = kept.split('"').nth(1).unwrap();
    let previous = ("PACIOLI_AUTH__PREVIOUS_SECRETS", kept);
    let program = Program::start(folder.path(), &[&QUICK[..], &[other, previous]].concat()).await;
    assert_eq!(program.get(&token, "/auth/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_weak_secret_is_refused_without_being_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for (secret, why) in [
        ("short-canary-4711", "fewer than 32 bytes"),
        ("change-me-change-me-change-me-change-me", "placeholder"),
        ("abcabcabcabcabcabcabcabcabcabcabcabcabc", "pattern"),
    ] {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"];
        let ended = run(folder.path(), &arguments, &[("JWT_SECRET", secret)], "").await;
        let said = text(&ended.stderr);
        assert_ne!(ended.status.code(), Some(0));
        assert!(said.contains("jwt_secret") && said.contains(why), "{said}");
        assert!(said.contains("openssl rand"), "it says what to do: {said}");
        assert!(!said.contains(secret) && ended.stdout.is_empty(), "{said}");
    }
    // A kept secret that others can read is refused too.
    let program = Program::start(folder.path(), &QUICK).await;
    program.kill().await;
    let kept = folder.path().join("data/secrets.toml");
    std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ended = run(folder.path(), &["serve", "--data-dir", "data"], &QUICK, "").await;
    assert!(text(&ended.stderr).contains("chmod 600"), "{ended:?}");
    assert_ne!(ended.status.code(), Some(0));
}

#[tokio::test]
async fn every_mistake_of_the_configuration_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = [
        ("PACIOLI_AUTH__BCRYPT_COST", "4"),
        ("PACIOLI_LIMITS__SIGNUP", "often"),
        ("PACIOLI_SERVER__LISTN", "127.0.0.1:0"),
        ("MONGODB_URI", "mongodb://user:canary-4711@"),
    ];
    let ended = run(folder.path(), &["serve"], &wrong, "").await;
    let said = text(&ended.stderr);
    assert_ne!(ended.status.code(), Some(0));
    for name in ["auth.bcrypt_cost", "limits.signup", "listn"] {
        assert!(said.to_lowercase().contains(name), "{name}: {said}");
    }
    assert!(!said.contains("canary-4711"), "{said}");
    assert!(!folder.path().join("data").exists(), "nothing is made by a server that cannot start");
}

#[tokio::test]
async fn a_second_process_on_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"][..],
        &["company", "list", "--data-dir", "data"],
    ] {
        let ended = run(folder.path(), arguments, &QUICK, "").await;
        assert_ne!(ended.status.code(), Some(0));
        assert!(text(&ended.stderr).contains("in use by another pacioli process"), "{ended:?}");
    }
    assert_eq!(program.get(&token, "/auth/me").await.status, StatusCode::OK);
}

/// Begins an upload and holds half of it back.
async fn half_an_upload(program: &Program, token: &str) -> (TcpStream, Vec<u8>) {
    let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"slow.csv\"\r\n\r\n\
                a,b\n1,2\n3,4\n\r\n--b--\r\n";
    let head = format!(
        "POST /uploads HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(program.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..80]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    (stream, body.as_bytes()[80..].to_vec())
}

#[tokio::test]
async fn told_to_stop_it_finishes_what_is_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    let (mut stream, rest) = half_an_upload(&program, &token).await;
    program.terminate();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let address = program.url.trim_start_matches("http://");
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is let in");
    stream.write_all(&rest).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(program.ended().await.code(), Some(0));
    let program = Program::start(folder.path(), &QUICK).await;
    assert_eq!(program.get(&token, "/tables/slow").await.body["rows"], 2);
    assert_eq!(program.log_in("owner@example.com", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off_after_the_grace_time() {
    let folder = tempfile::tempdir().unwrap();
    let grace = ("PACIOLI_SERVER__SHUTDOWN_GRACE_SECONDS", "1");
    let mut program = Program::start(folder.path(), &[&QUICK[..], &[grace]].concat()).await;
    let token = program.sign_up("owner@example.com").await;
    let (_stream, _) = half_an_upload(&program, &token).await;
    let told = Instant::now();
    program.terminate();
    assert_eq!(program.ended().await.code(), Some(0));
    let took = told.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}");
    assert!(program.log().iter().any(|line| line["event"] == "server.cut_off"));
    let left = crate::checks::files_under(&folder.path().join("data/spool"));
    let program = Program::start(folder.path(), &QUICK).await;
    let now = crate::checks::files_under(&folder.path().join("data/spool"));
    assert!(now == 0, "{left} were left, {now} still are");
    assert_eq!(program.get(&token, "/tables").await.body["items"], serde_json::json!([]));
}
