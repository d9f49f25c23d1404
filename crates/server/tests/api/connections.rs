//! `/connections`: kept, tested, discovered, chosen from; and their secrets, which nobody sees.

use std::path::Path;

use pacioli_server::Connector;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{audit, delete, metrics, post},
    server::Server,
    systems::{self, SECRET, System, choose, connect, connected},
};

#[tokio::test]
async fn a_connection_is_kept_shown_changed_and_deleted() {
    let system = System::new(&[]);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connect(&server, &owner).await;
    let path = format!("/connections/{id}");
    let kept = server.get(&owner, &path).await;
    assert_eq!(kept.body["name"], "The books");
    assert_eq!(kept.body["kind"], "postgresql");
    assert_eq!(kept.body["settings"]["database"], "books");
    assert_eq!(kept.body["has_secret"], true);
    assert_eq!((&kept.body["schedule"], &kept.body["tables"]), (&Value::Null, &json!([])));
    let change = json!({"name": "Other books", "schedule": {"every_seconds": 3600}});
    let changed = server.send(&owner, Method::PATCH, &path, change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.body["name"], "Other books");
    assert_eq!(changed.body["schedule"], json!({"every_seconds": 3600, "jitter_seconds": 0}));
    assert_eq!(changed.body["next_run_at"], "2026-06-17T13:00:00.000Z");
    let paused = server.send(&owner, Method::PATCH, &path, json!({"paused": true})).await;
    assert_eq!((&paused.body["paused"], &paused.body["next_run_at"]), (&json!(true), &Value::Null));
    let change =
        json!({"paused": false, "schedule": {"cron": "30 6 * * *", "time_zone": "Europe/Berlin"}});
    let changed = server.send(&owner, Method::PATCH, &path, change).await;
    assert_eq!(changed.body["next_run_at"], "2026-06-18T04:30:00.000Z", "{}", changed.text);
    let change = json!({"schedule": null, "secret": null});
    let changed = server.send(&owner, Method::PATCH, &path, change).await;
    assert_eq!(changed.body["schedule"], Value::Null);
    assert_eq!(
        (&changed.body["next_run_at"], &changed.body["has_secret"]),
        (&Value::Null, &json!(false))
    );
    connect(&server, &owner).await;
    let listed = server.get(&owner, "/connections?limit=1").await;
    let cursor = listed.body["next_cursor"].as_str().unwrap();
    let rest = server.get(&owner, &format!("/connections?limit=1&cursor={cursor}")).await;
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 1);
    assert_ne!(rest.body["items"][0]["id"], listed.body["items"][0]["id"]);
    assert_eq!(delete(&server, &owner, &path).await.status, 204);
    refused(&server.get(&owner, &path).await, 404, "not_found");
    refused(&delete(&server, &owner, &path).await, 404, "not_found");
    let log = audit(&server, &owner).await;
    for action in ["connection_added", "connection_updated", "connection_deleted"] {
        assert!(log.iter().any(|(did, _)| did == action), "{action} in {log:?}");
    }
}

#[tokio::test]
async fn a_repeated_request_with_one_key_makes_one_connection() {
    let server = systems::server(&System::new(&[])).await;
    let owner = server.sign_up("owner").await;
    let body = json!({
        "name": "Books", "kind": "odoo", "secret": SECRET,
        "settings": {"url": "https://books.odoo.com", "database": "books", "user": "reader"},
    });
    let send = async |body: &Value| {
        let request = server.request(Method::POST, "/connections").bearer_auth(&owner.token);
        crate::people::sent(request.header("idempotency-key", "k1").json(body)).await
    };
    let (one, two) = (send(&body).await, send(&body).await);
    assert_eq!((one.status.as_u16(), &one.body), (201, &two.body));
    let other = json!({"name": "Other", "kind": "odoo", "settings": {}});
    refused(&send(&other).await, 422, "idempotency_mismatch");
    let listed = server.get(&owner, "/connections").await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_connection_is_refused_with_its_place() {
    let server = systems::server(&System::new(&[])).await;
    let owner = server.sign_up("owner").await;
    let with = |change: Value| {
        let mut body = json!({"name": "Books", "kind": "postgresql", "settings": {
            "host": "db.example.com", "database": "books", "user": "reader"}});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    for (change, place) in [
        (json!({"name": " "}), "body.name"),
        (json!({"kind": "lotus"}), "body.kind"),
        (json!({"settings": []}), "body.settings"),
        (json!({"settings": {}}), "body.settings.host"),
        (json!({"settings": {"host": "", "database": "b", "user": "u"}}), "body.settings"),
        (
            json!({"settings": {"host": "h", "database": "b", "user": "u", "password": "p"}}),
            "body.settings.password",
        ),
        (
            json!({"kind": "sql_server",
                   "settings": {"host": "h\\SQLEXPRESS", "database": "b", "user": "u"}}),
            "body.settings",
        ),
        (json!({"secret": ""}), "body.secret"),
        (json!({"secret": "x".repeat(20_000)}), "body.secret"),
        (json!({"password": "x"}), "body.password"),
        (json!({"schedule": {}}), "body.schedule.cron"),
        (json!({"schedule": {"cron": "0 6 * * *", "every_seconds": 60}}), "body.schedule.cron"),
        (json!({"schedule": {"cron": "at six"}}), "body.schedule.cron"),
        (
            json!({"schedule": {"cron": "0 6 * * *", "time_zone": "Mars"}}),
            "body.schedule.time_zone",
        ),
        (json!({"schedule": {"every_seconds": 5}}), "body.schedule.every_seconds"),
    ] {
        let answer = server.send(&owner, Method::POST, "/connections", with(change.clone())).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{change}: {}", answer.text);
    }
    assert_eq!(server.get(&owner, "/connections").await.body["items"], json!([]));
}

#[tokio::test]
async fn a_system_is_tested_discovered_and_chosen_from() {
    let system = System::new(&[(1, 150, "a", 10)]);
    system.hold("archive.orders", &[]);
    system.change("archive.orders", |held| held.references = Some("public.orders".into()));
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connect(&server, &owner).await;
    let tested = post(&server, &owner, &format!("/connections/{id}/test")).await;
    assert_eq!(tested.body, json!({"ok": true, "tables": 2}), "{}", tested.text);
    let found = post(&server, &owner, &format!("/connections/{id}/discover")).await;
    let tables = found.body["tables"].as_array().unwrap();
    assert_eq!(tables[0]["source_table"], "archive.orders");
    assert_eq!(tables[0]["foreign_keys"][0]["table"], "public.orders");
    assert_eq!(tables[1]["primary_key"], json!(["id"]));
    assert_eq!(tables[1]["changes_by"], "changed");
    assert_eq!(
        (&tables[0]["proposed_name"], &tables[1]["proposed_name"]),
        (&json!("orders"), &json!("orders_2"))
    );
    assert_eq!(
        tables[1]["columns"][1],
        json!({"source_name": "AMOUNT", "name": "amount", "label": "amount", "type": "decimal"})
    );
    let chosen = choose(
        &server,
        &owner,
        &id,
        json!([
            {"source_table": "public.orders", "name": "orders", "columns": ["word"]},
            {"source_table": "archive.orders", "name": "old", "changes_by": null},
        ]),
    )
    .await;
    assert_eq!(
        chosen.body["tables"],
        json!([
            {"source_table": "public.orders", "name": "orders", "columns": ["word"], "changes_by": "changed"},
            {"source_table": "archive.orders", "name": "old", "columns": [], "changes_by": null},
        ]),
        "{}",
        chosen.text
    );
    server.upload(&owner, "taken.csv", "a,b\n1,2\n").await;
    for (tables, place) in [
        (json!([{"source_table": "public.nothing"}]), "body.tables.0.source_table"),
        (json!([{"source_table": "public.orders", "columns": ["no"]}]), "body.tables.0.columns"),
        (
            json!([{"source_table": "public.orders", "changes_by": "no"}]),
            "body.tables.0.changes_by",
        ),
        (json!([{"source_table": "public.orders", "name": "Not A Name"}]), "body.tables.0.name"),
        (json!([{"source_table": "public.orders", "name": "taken"}]), "body.tables.0.name"),
        (
            json!([{"source_table": "public.orders", "name": "x"}, {"source_table": "archive.orders", "name": "x"}]),
            "body.tables.1.name",
        ),
        (
            json!([{"source_table": "public.orders"}, {"source_table": "public.orders", "name": "y"}]),
            "body.tables.1.source_table",
        ),
    ] {
        let answer = choose(&server, &owner, &id, tables.clone()).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{tables}: {}", answer.text);
    }
    let second = connect(&server, &owner).await;
    let taken =
        choose(&server, &owner, &second, json!([{"source_table": "public.orders", "name": "old"}]))
            .await;
    refused(&taken, 422, "invalid");
}

#[tokio::test]
async fn a_wrong_password_is_said_to_be_wrong() {
    let server = systems::server(&System::new(&[])).await;
    let owner = server.sign_up("owner").await;
    let id = connect(&server, &owner).await;
    let path = format!("/connections/{id}");
    server.send(&owner, Method::PATCH, &path, json!({"secret": "another one"})).await;
    refused(&post(&server, &owner, &format!("{path}/test")).await, 422, "source_denied");
    refused(&post(&server, &owner, &format!("{path}/discover")).await, 422, "source_denied");
    let log = audit(&server, &owner).await;
    assert!(log.contains(&("connection_tested".into(), "failure".into())), "{log:?}");
}

/// The files under a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_secret_is_in_no_answer_no_log_no_metric_and_in_the_store_only_sealed() {
    let system = System::new(&[(1, 150, "a", 10)]);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let run = systems::run(&server, &owner, &id).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    let again = json!({"secret": SECRET, "name": "Renamed"});
    let path = format!("/connections/{id}");
    let mut seen = server.send(&owner, Method::PATCH, &path, again).await.text;
    for path in ["/connections", &path, "/jobs", "/audit?limit=100", &format!("{path}/runs")] {
        seen.push_str(&server.get(&owner, path).await.text);
    }
    for path in [format!("{path}/test"), format!("{path}/discover")] {
        seen.push_str(&post(&server, &owner, &path).await.text);
    }
    seen.push_str(&metrics(&server));
    assert!(!seen.contains(SECRET), "{seen}");
    assert!(!seen.contains("sealed") && !seen.contains("key_id"), "{seen}");
    assert_eq!(holding(server.folder(), SECRET), [""; 0]);
    assert!(
        !holding(server.folder(), "db.example.com").is_empty(),
        "the search finds what is there"
    );
}

#[tokio::test]
async fn a_lost_key_is_said_and_mended_by_giving_the_secret_anew() {
    let system = System::new(&[(1, 150, "a", 10)]);
    let server = systems::server(&system).await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let folder = server.stop().await;
    std::fs::remove_file(folder.path().join("encryption.toml")).unwrap();
    let environment = [("PACIOLI_LIMITS__ENABLED", "false")];
    let server = Server::start_over(folder, &environment, system.connector()).await;
    let path = format!("/connections/{id}");
    let lost = post(&server, &owner, &format!("{path}/test")).await;
    refused(&lost, 409, "secret_unreadable");
    assert!(lost.body["detail"].as_str().unwrap().contains("PATCH /connections"), "{}", lost.text);
    let run = systems::run(&server, &owner, &id).await;
    assert_eq!(
        (&run["status"], &run["error"]["code"]),
        (&json!("failed"), &json!("secret_unreadable"))
    );
    server.send(&owner, Method::PATCH, &path, json!({"secret": SECRET})).await;
    assert_eq!(post(&server, &owner, &format!("{path}/test")).await.status, 200);
}

#[tokio::test]
async fn a_configured_key_is_rotated_through_its_predecessors() {
    let keys = ["Zk2mQ9vT4xLr7WbN1cYp8HdG5sJf3KaE", "pX6nB3tRw9Vz1MkL5yQe8UcS2dHg7JfA"];
    let system = System::new(&[]);
    let start = async |folder, key: &str, previous: &str| {
        let environment = [
            ("PACIOLI_LIMITS__ENABLED", "false"),
            ("PACIOLI_SECRETS__ENCRYPTION_KEY", key),
            ("PACIOLI_SECRETS__PREVIOUS_ENCRYPTION_KEYS", previous),
        ];
        Server::start_over(folder, &environment, system.connector()).await
    };
    let server = start(tempfile::tempdir().unwrap(), keys[0], "").await;
    let owner = server.sign_up("owner").await;
    let id = connected(&server, &owner).await;
    let server = start(server.stop().await, keys[1], keys[0]).await;
    let test = format!("/connections/{id}/test");
    assert_eq!(post(&server, &owner, &test).await.status, 200);
    assert_eq!(pacioli_server::reseal_all(&server.app).await.unwrap(), (1, 0));
    assert_eq!(pacioli_server::reseal_all(&server.app).await.unwrap(), (0, 0));
    let server = start(server.stop().await, keys[1], "").await;
    assert_eq!(post(&server, &owner, &test).await.status, 200);
    let server = start(server.stop().await, keys[0], "").await;
    refused(&post(&server, &owner, &test).await, 409, "secret_unreadable");
    assert_eq!(pacioli_server::reseal_all(&server.app).await.unwrap(), (0, 1));
}

#[tokio::test]
async fn connections_keep_to_their_company_and_to_who_manages_data() {
    let system = System::new(&[(1, 150, "ours", 10)]);
    let server = systems::server(&system).await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let employee = server.add_user(&owner, "employee").await;
    let id = connected(&server, &owner).await;
    systems::run(&server, &owner, &id).await;
    let theirs = connected(&server, &other).await;
    system.hold("public.orders", &[(7, 700, "theirs", 70)]);
    systems::run(&server, &other, &theirs).await;
    assert_eq!(systems::orders(&server, &owner).await, [(1, "1.50".into(), "ours".into())]);
    assert_eq!(systems::orders(&server, &other).await, [(7, "7.00".into(), "theirs".into())]);
    assert_eq!(server.get(&other, "/connections").await.body["items"][0]["id"], theirs);
    assert_eq!(server.get(&other, "/jobs").await.body["items"].as_array().unwrap().len(), 1);
    for path in ["", "/runs"] {
        let path = format!("/connections/{id}{path}");
        refused(&server.get(&other, &path).await, 404, "not_found");
        refused(&server.get(&employee, &path).await, 403, "insufficient_role");
    }
    for path in ["/test", "/discover", "/run"] {
        let path = format!("/connections/{id}{path}");
        refused(&post(&server, &other, &path).await, 404, "not_found");
        refused(&post(&server, &employee, &path).await, 403, "insufficient_role");
    }
}

#[tokio::test]
async fn a_private_address_is_not_asked_unless_the_operator_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("PACIOLI_LIMITS__ENABLED", "false")];
    let systems = Connector::Systems(Vec::new());
    let server = Server::start_over(folder, &environment, systems).await;
    let owner = server.sign_up("owner").await;
    let body = json!({
        "name": "Inside", "kind": "postgresql", "secret": SECRET,
        "settings": {"host": "127.0.0.1", "database": "books", "user": "reader"},
    });
    let answer = server.send(&owner, Method::POST, "/connections", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id = answer.body["id"].as_str().unwrap();
    let tested = post(&server, &owner, &format!("/connections/{id}/test")).await;
    refused(&tested, 422, "source_unfit");
    assert_eq!(first_error(&tested).1, "address_refused", "{}", tested.text);
}
