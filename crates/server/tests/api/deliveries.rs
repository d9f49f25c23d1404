//! Subscriptions, alerts and webhooks: what is sent, to whom, once; with a clock that is moved by hand, a
//! real mail server and a program that listens.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{Duration, TimeZone as _, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pacioli_model::Timestamp;
use pacioli_server::deliver_due;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    checks::{first_error, refused},
    people::post,
    server::{Answer, PASSWORD, Person, Server},
    sinks::{Fate, Listening, MAIL_PASSWORD, MailServer, USER},
};

const ORDERS: &str = "order_no,country,sold_on,amount\n1,Italy,2026-05-05,10.50\n\
                      2,Germany,2026-06-06,4.00\n3,Germany,2026-06-07,6.25\n";

/// A server that sends mail through `mail`, without encryption.
pub async fn server(mail: &MailServer) -> Server {
    let port = mail.port.to_string();
    Server::start_with(&[
        ("PACIOLI_LIMITS__ENABLED", "false"),
        ("PACIOLI_MAIL__HOST", "127.0.0.1"),
        ("PACIOLI_MAIL__PORT", &port),
        ("PACIOLI_MAIL__SECURITY", "none"),
        ("PACIOLI_MAIL__FROM", "Pacioli <books@example.com>"),
        ("PACIOLI_MAIL__OUTSIDE_DOMAINS", "partner.example"),
        ("PACIOLI_OUTGOING__ALLOW", "127.0.0.1/32"),
    ])
    .await
}

async fn company(server: &Server, name: &str) -> Person {
    let owner = server.sign_up(name).await;
    server.load(&owner, "orders.csv", ORDERS).await;
    owner
}

pub async fn made(server: &Server, person: &Person, path: &str, body: Value) -> Value {
    let answer = server.send(person, Method::POST, path, body).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.text);
    answer.body
}

/// Saves a question and subscribes to it, every hour.
async fn subscribe(server: &Server, person: &Person, question: &str, more: Value) -> String {
    let saved = json!({"name": question, "question": question});
    let saved = made(server, person, "/questions", saved).await;
    let mut body = json!({
        "name": "Sales & more", "question_id": saved["id"], "schedule": {"every_seconds": 3600},
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = made(server, person, "/subscriptions", body).await;
    made["id"].as_str().unwrap().to_owned()
}

pub async fn deliveries(server: &Server, person: &Person) -> Vec<Value> {
    // The clock goes on by more than a token's life.
    let person = &server.log_in(&person.email, PASSWORD).await;
    let list = server.get(person, "/deliveries").await;
    list.body["items"].as_array().unwrap_or_else(|| panic!("{}", list.text)).clone()
}

#[tokio::test]
async fn an_answer_is_mailed_at_its_times_with_its_rows_as_a_file() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    let more = json!({"recipients": [owner.email, "Cfo@partner.example", owner.email], "attachments": ["csv"]});
    subscribe(&server, &owner, "total amount by country", more).await;
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0, "its time has not come");
    server.advance(Duration::hours(1));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 2);
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0, "it is sent once");
    let mails = mail.mails();
    let mut to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["cfo@partner.example", "owner@example.com"]);
    for mail in &mails {
        assert_eq!(mail.header("Subject"), "Sales & more");
        assert_eq!(mail.header("From"), "Pacioli <books@example.com>");
        assert!(mail.header("Date").contains("17 Jun 2026 13:00:00"), "{}", mail.content);
        assert!(mail.header("Message-ID").ends_with("@example.com>"), "{}", mail.content);
        for part in ["text/html", "text/plain", "filename=\"answer.csv\"", "Italy", "10.25"] {
            assert!(mail.content.contains(part), "{part}: {}", mail.content);
        }
    }
    let list = deliveries(&server, &owner).await;
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|it| it["status"] == "delivered" && it["attempts"] == 1), "{list:?}");
    // Hours that nobody looked are made up for once.
    server.advance(Duration::minutes(200));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 2);
    assert_eq!(mail.mails().len(), 4);
}

#[tokio::test]
async fn a_mail_that_is_not_taken_is_tried_again_and_at_last_given_up() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    let id = subscribe(&server, &owner, "total amount", json!({"recipients": [owner.email]})).await;
    let run = format!("/subscriptions/{id}/run");
    mail.foresee(&[Fate::Refused("451 later"), Fate::Dropped]);
    assert_eq!(post(&server, &owner, &run).await.status, 202);
    for (minutes, accepted) in [(0, 0), (1, 0), (4, 0), (1, 1)] {
        server.advance(Duration::minutes(minutes));
        assert_eq!(deliver_due(&server.app).await.unwrap(), accepted, "after {minutes} minutes");
    }
    let list = deliveries(&server, &owner).await;
    assert_eq!((&list[0]["status"], &list[0]["attempts"]), (&json!("delivered"), &json!(3)));
    assert_eq!((&list[0]["error"], mail.mails().len()), (&Value::Null, 1));
    // What will not pass is not tried again.
    mail.foresee(&[Fate::Refused("550 no such mailbox")]);
    post(&server, &owner, &run).await;
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    let list = deliveries(&server, &owner).await;
    let failed = list.iter().find(|it| it["status"] == "failed").unwrap();
    assert!(failed["error"].as_str().unwrap().contains("550"), "{failed}");
    // What does not pass for a day is given up.
    mail.foresee(&[Fate::Refused("421 not now"); 20]);
    server
        .send(&owner, Method::PATCH, &format!("/subscriptions/{id}"), json!({"paused": true}))
        .await;
    post(&server, &owner, &run).await;
    for _ in 0..10 {
        assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
        server.advance(Duration::hours(11));
    }
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let list = deliveries(&server, &owner).await;
    let given_up = list.iter().find(|it| it["attempts"] == 7).unwrap_or_else(|| panic!("{list:?}"));
    assert_eq!((&given_up["status"], &given_up["due_at"]), (&json!("failed"), &Value::Null));
}

#[tokio::test]
async fn only_who_may_get_it_gets_it_and_only_what_its_maker_may_see() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let stranger = company(&server, "stranger").await;
    let saved = json!({"name": "x", "question": "total amount"});
    let saved = made(&server, &owner, "/questions", saved).await;
    let body = |recipient: &str| {
        json!({"name": "x", "question_id": saved["id"], "recipients": [recipient],
               "schedule": {"every_seconds": 3600}})
    };
    for address in [stranger.email.as_str(), "who@elsewhere.example", "no address"] {
        let answer = server.send(&owner, Method::POST, "/subscriptions", body(address)).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), ("body.recipients.0".into(), "not_allowed".into()));
    }
    // Another company's question is not there.
    let answer =
        server.send(&stranger, Method::POST, "/subscriptions", body(&stranger.email)).await;
    assert_eq!(first_error(&answer).0, "body.question_id", "{}", answer.text);
    refused(
        &server.send(&user, Method::POST, "/subscriptions", body(&user.email)).await,
        403,
        "insufficient_role",
    );
    let path = format!(
        "/subscriptions/{}",
        made(&server, &owner, "/subscriptions", body(&user.email)).await["id"].as_str().unwrap()
    );
    refused(&server.get(&stranger, &path).await, 404, "not_found");
    assert_eq!(deliveries(&server, &stranger).await, Vec::<Value>::new());
    // Whoever is shut out gets nothing any more.
    assert_eq!(post(&server, &owner, &format!("/users/{}/deactivate", user.id)).await.status, 200);
    server.advance(Duration::hours(1));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let list = deliveries(&server, &owner).await;
    assert_eq!((&list[0]["status"], mail.mails().len()), (&json!("skipped"), 0), "{list:?}");
    assert!(list[0]["error"].as_str().unwrap().contains("not active"), "{list:?}");
    // What nobody makes any more is not made: its maker is gone.
    let second =
        crate::people::join(&server, &owner, "second", pacioli_model::Role::Superuser).await;
    let theirs = made(&server, &second, "/subscriptions", body(&owner.email)).await;
    assert_eq!(
        post(&server, &owner, &format!("/users/{}/deactivate", second.id)).await.status,
        200
    );
    post(&server, &owner, &format!("/subscriptions/{}/run", theirs["id"].as_str().unwrap())).await;
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    assert!(mail.mails().is_empty());
}

#[tokio::test]
async fn an_alert_is_told_once_until_it_has_passed_and_not_in_quiet_hours() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    let more = json!({
        "recipients": [owner.email], "condition": {"kind": "above", "than": 25.5},
        "quiet_hours": {"from": "20:00", "to": "07:00", "time_zone": "UTC"},
    });
    subscribe(&server, &owner, "total amount", more).await;
    let next = async || {
        server.advance(Duration::hours(1));
        deliver_due(&server.app).await.unwrap()
    };
    let load = async |extra: &str| {
        let owner = server.log_in(&owner.email, PASSWORD).await;
        server.load(&owner, "orders.csv", &format!("{ORDERS}{extra}")).await;
    };
    assert_eq!(next().await, 0, "20.75 is not more");
    load("4,Italy,2026-06-08,9.00\n").await;
    assert_eq!(next().await, 1);
    assert_eq!((next().await, next().await), (0, 0), "told once");
    let first = &mail.mails()[0];
    assert_eq!(first.header("Subject"), "Alert: Sales & more");
    assert!(first.content.contains("29.75, more than 25.5"), "{}", first.content);
    load("").await;
    assert_eq!(next().await, 0, "it has passed");
    load("4,Italy,2026-06-08,9.00\n").await;
    // 18:00, 19:00, …: it comes to hold again at 18:00.
    assert_eq!(next().await, 1);
    load("").await;
    assert_eq!((next().await, next().await), (0, 0));
    load("4,Italy,2026-06-08,9.00\n").await;
    // 21:00: nobody wants to be told before seven.
    assert_eq!(next().await, 0);
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let list = deliveries(&server, &owner).await;
    assert_eq!(
        (&list[0]["status"], &list[0]["due_at"]),
        (&json!("pending"), &json!("2026-06-18T07:00:00.000Z")),
        "{list:?}"
    );
    let mut told = 0;
    for _ in 0..12 {
        told += next().await;
    }
    assert_eq!((told, mail.mails().len()), (1, 3));
}

#[tokio::test]
async fn a_change_of_the_rows_is_told_and_no_change_is_not() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    let more = json!({"recipients": [owner.email], "condition": {"kind": "changed"}});
    subscribe(&server, &owner, "total amount by country", more).await;
    let mut told = Vec::new();
    for extra in ["", "", "4,Italy,2026-06-08,9.00\n", "", ""] {
        let owner = server.log_in(&owner.email, PASSWORD).await;
        server.load(&owner, "orders.csv", &format!("{ORDERS}{extra}")).await;
        server.advance(Duration::hours(1));
        told.push(deliver_due(&server.app).await.unwrap());
    }
    assert_eq!(told, [0, 0, 1, 1, 0]);
}

#[tokio::test]
async fn a_webhook_is_told_with_a_signature_and_tried_again() {
    let mail = MailServer::plain().await;
    let (server, listening) = (server(&mail).await, Listening::start().await);
    let owner = company(&server, "owner").await;
    let other = company(&server, "other").await;
    let hook =
        made(&server, &owner, "/webhooks", json!({"name": "ERP", "url": listening.url})).await;
    let secret = hook["secret"].as_str().unwrap();
    let list = server.get(&owner, "/webhooks").await;
    assert!(list.body["items"][0].get("secret").is_none() && !list.text.contains(secret));
    let more = json!({"webhooks": [hook["id"]]});
    subscribe(&server, &owner, "total amount by country", more.clone()).await;
    listening.foresee(&[500, 302]);
    server.advance(Duration::hours(1));
    for (minutes, accepted) in [(0, 0), (1, 0), (5, 1)] {
        server.advance(Duration::minutes(minutes));
        assert_eq!(deliver_due(&server.app).await.unwrap(), accepted, "after {minutes}");
    }
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let other = server.log_in(&other.email, PASSWORD).await;
    let told = listening.told();
    assert_eq!(told.len(), 3);
    let header = |name: &str| told[2].headers[name].to_str().unwrap().to_owned();
    assert_eq!(told[0].headers["webhook-id"], told[2].headers["webhook-id"]);
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    assert_eq!(at.parse::<i64>().unwrap(), server.clock.now().seconds());
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&told[2].body);
    let signed = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), signed);
    let body: Value = serde_json::from_slice(&told[2].body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["row_count"]),
        (&json!("question.answered"), &json!(2))
    );
    assert_eq!(body["data"]["rows"][0], json!(["Italy", 10.50]), "{body}");
    // Another company cannot name it, and addresses that are not allowed are refused.
    let saved =
        made(&server, &other, "/questions", json!({"name": "x", "question": "total amount"})).await;
    let foreign = json!({"name": "x", "question_id": saved["id"], "webhooks": [hook["id"]], "schedule": {"every_seconds": 60}});
    let answer = server.send(&other, Method::POST, "/subscriptions", foreign).await;
    assert_eq!(first_error(&answer).0, "body.webhooks.0", "{}", answer.text);
    for url in [
        "http://10.0.0.1/x",
        "http://169.254.169.254/",
        "ftp://example.com/",
        "http://8.8.8.8/",
        "https://a:b@127.0.0.1/",
        "x",
    ] {
        let answer =
            server.send(&owner, Method::POST, "/webhooks", json!({"name": "x", "url": url})).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, "body.url", "{url}");
    }
    // Once it is gone, nothing goes there.
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    refused(&server.send(&other, Method::DELETE, &path, json!({})).await, 404, "not_found");
    assert_eq!(server.send(&owner, Method::DELETE, &path, json!({})).await.status, 204);
    server.advance(Duration::hours(1));
    assert_eq!((deliver_due(&server.app).await.unwrap(), listening.told().len()), (0, 3));
}

#[tokio::test]
async fn mail_is_encrypted_and_signed_in_where_the_server_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mail = MailServer::secure(folder.path()).await;
    let start = async |password: &str, authority: &Path| {
        let port = mail.port.to_string();
        Server::start_with(&[
            ("PACIOLI_LIMITS__ENABLED", "false"),
            ("PACIOLI_MAIL__HOST", "localhost"),
            ("PACIOLI_MAIL__PORT", &port),
            ("PACIOLI_MAIL__USERNAME", USER),
            ("PACIOLI_MAIL__PASSWORD", password),
            ("PACIOLI_MAIL__FROM", "books@example.com"),
            ("PACIOLI_MAIL__CA_FILE", authority.to_str().unwrap()),
        ])
        .await
    };
    let authority = folder.path().join("cert.pem");
    for (password, accepted) in [(MAIL_PASSWORD, 1), ("another one", 0)] {
        let server = start(password, &authority).await;
        let owner = company(&server, "owner").await;
        let more = json!({"recipients": [owner.email]});
        let id = subscribe(&server, &owner, "total amount", more).await;
        post(&server, &owner, &format!("/subscriptions/{id}/run")).await;
        assert_eq!(deliver_due(&server.app).await.unwrap(), accepted, "{password}");
        let list = server.get(&owner, "/deliveries").await;
        assert!(!list.text.contains(password), "{}", list.text);
    }
    let mails = mail.mails();
    assert!(mails.len() == 1 && mails[0].secure && mails[0].known, "{mails:?}");
    // Whom nobody vouches for gets no mail.
    let other = tempfile::tempdir().unwrap();
    let _other = MailServer::secure(other.path()).await;
    let server = start(MAIL_PASSWORD, &other.path().join("cert.pem")).await;
    let owner = company(&server, "owner").await;
    let id = subscribe(&server, &owner, "total amount", json!({"recipients": [owner.email]})).await;
    post(&server, &owner, &format!("/subscriptions/{id}/run")).await;
    assert_eq!((deliver_due(&server.app).await.unwrap(), mail.mails().len()), (0, 1));
}

#[tokio::test]
async fn two_replicas_deliver_each_message_once() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    for question in ["total amount", "total amount by country", "how many orders"] {
        subscribe(&server, &owner, question, json!({"recipients": [owner.email]})).await;
    }
    // Both look at the same store at the same moment; neither knows of the other.
    for hour in 1..=4 {
        server.advance(Duration::hours(1));
        let looks = (0..6).map(|_| deliver_due(&server.app));
        let accepted: usize =
            futures_util::future::join_all(looks).await.into_iter().map(Result::unwrap).sum();
        assert_eq!((accepted, mail.mails().len()), (3, 3 * hour));
    }
    let mut ids: Vec<String> = mail.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
}

#[tokio::test]
async fn a_delivery_whose_server_died_is_made_by_another() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    let id = subscribe(&server, &owner, "total amount", json!({"recipients": [owner.email]})).await;
    post(&server, &owner, &format!("/subscriptions/{id}/run")).await;
    let due = server.app.store.due_deliveries(server.clock.now(), 10).await.unwrap();
    let data = server.app.store.tenant(due[0].company_id);
    let until = server.clock.now() + Duration::minutes(10);
    // Somebody takes it, and is never heard of again.
    assert!(data.take_delivery(&due[0], until).await.unwrap().is_some());
    assert!(data.take_delivery(&due[0], until).await.unwrap().is_none());
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    server.advance(Duration::minutes(10));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 1);
    assert_eq!(deliveries(&server, &owner).await[0]["attempts"], 2);
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server, "owner").await;
    let saved =
        made(&server, &owner, "/questions", json!({"name": "x", "question": "total amount"})).await;
    let good = json!({"name": "x", "question_id": saved["id"], "recipients": [owner.email],
                      "schedule": {"cron": "0 6 * * 1-5", "time_zone": "Europe/Berlin"}});
    for (change, place) in [
        (json!({"recipients": []}), "body.recipients"),
        (json!({"schedule": {"cron": "never"}}), "body.schedule.cron"),
        (json!({"schedule": {"every_seconds": 5}}), "body.schedule.every_seconds"),
        (
            json!({"schedule": {"every_seconds": 60, "jitter_seconds": 5}}),
            "body.schedule.jitter_seconds",
        ),
        (json!({"condition": {"kind": "above", "than": 1e300}}), "body.condition.than"),
        (json!({"condition": {"kind": "above", "than": 1, "column": ""}}), "body.condition.column"),
        (json!({"quiet_hours": {"from": "25:00", "to": "07:00"}}), "body.quiet_hours.from"),
        (
            json!({"quiet_hours": {"from": "22:00", "to": "07:00", "time_zone": "Mars"}}),
            "body.quiet_hours.time_zone",
        ),
        (json!({"sql": "x"}), "body.sql"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = server.send(&owner, Method::POST, "/subscriptions", body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{change}: {}", answer.text);
    }
    let it = made(&server, &owner, "/subscriptions", good).await;
    assert_eq!(it["next_at"], "2026-06-18T04:00:00.000Z", "{it}");
    let path = format!("/subscriptions/{}", it["id"].as_str().unwrap());
    let patch =
        async |body: Value| -> Answer { server.send(&owner, Method::PATCH, &path, body).await };
    assert_eq!(patch(json!({"paused": true})).await.body["next_at"], Value::Null);
    let changed = patch(json!({"paused": false, "schedule": {"every_seconds": 60},
        "condition": {"kind": "below", "than": 10.50, "column": "total_amount"}}))
    .await;
    assert_eq!(changed.body["next_at"], "2026-06-17T12:01:00.000Z", "{}", changed.text);
    assert_eq!(
        changed.body["condition"],
        json!({"kind": "below", "than": 10.50, "column": "total_amount"})
    );
    refused(&patch(json!({"recipients": []})).await, 422, "invalid");
    assert_eq!(server.send(&owner, Method::DELETE, &path, json!({})).await.status, 204);
    let start = Utc.with_ymd_and_hms(2026, 6, 17, 12, 0, 0).unwrap();
    assert_eq!(server.clock.now(), Timestamp::new(start), "no clock but this one was looked at");
}
