//! Reports by schedule: by mail and to programs, with their files, once, with the rights of whoever
//! subscribed; with a clock that is moved by hand, a real mail server and a program that listens.

use chrono::Duration;
use pacioli_model::Role;
use pacioli_server::deliver_due;
use reqwest::Method;
use resvg::tiny_skia::Pixmap;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    deliveries::{deliveries, made, server},
    people::{join, post, sign_in},
    reports::books,
    server::{PASSWORD, Person, Server},
    sinks::{Fate, Listening, Mail, MailServer},
};

/// A company whose South has fallen.
async fn company(server: &Server) -> Person {
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    owner
}

/// Subscribes to a report, every hour where nothing else is said.
async fn subscribe(server: &Server, person: &Person, more: Value) -> String {
    let mut body = json!({
        "name": "Monthly overview", "report": {"kind": "overview"},
        "schedule": {"every_seconds": 3600},
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = made(server, person, "/subscriptions", body).await;
    made["id"].as_str().unwrap().to_owned()
}

/// A mail's text without the marks of its encoding (RFC 2045, quoted-printable).
fn readable(mail: &Mail) -> String {
    mail.content.replace("=\r\n", "").replace("=3D", "=")
}

/// Pictures that the HTML shows come with the mail, have something on them, and say what they show to who
/// cannot see them; none comes twice, or is not shown.
fn shows_pictures(mail: &Mail, html: &str, told: &str) {
    let mut alts = Vec::new();
    for image in html.split("<img src=\"cid:").skip(1) {
        let (id, rest) = image.split_once('"').unwrap();
        assert!(id.starts_with("chart-") && id.contains('@'), "{id}");
        let png = mail.part(id).unwrap_or_else(|| panic!("no {id}: {}", mail.content));
        let picture = Pixmap::decode_png(&png).unwrap();
        assert_eq!(picture.width(), 1280);
        assert!((200..4000).contains(&picture.height()), "{}", picture.height());
        let inked = picture.pixels().iter().filter(|it| it.red() < 200).count();
        assert!(inked * 500 > picture.pixels().len(), "{id} is blank");
        let (_, alt) = rest.split_once("alt=\"").unwrap();
        alts.push(alt.split('"').next().unwrap().to_owned());
    }
    assert!(alts.iter().all(|alt| alt.len() > 40), "{alts:?}");
    let told = told.to_lowercase();
    assert!(alts.iter().any(|alt| alt.to_lowercase().contains(&told)), "{alts:?}");
    assert_eq!(mail.content.matches("Content-ID: ").count(), alts.len());
    assert!(mail.content.contains("multipart/related") && mail.content.len() < 3_000_000);
}

#[tokio::test]
async fn a_report_is_mailed_at_its_times_with_its_files_and_is_one_for_all() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server).await;
    let more = json!({
        "report": {"kind": "sales", "language": "de", "compare": "previous"},
        "schedule": {"cron": "0 7 1 * *", "time_zone": "Europe/Berlin"},
        "recipients": [owner.email, "cfo@partner.example"],
        "attachments": ["pdf", "xlsx", "csv", "html", "pdf"],
    });
    let id = subscribe(&server, &owner, more).await;
    let it = server.get(&owner, &format!("/subscriptions/{id}")).await.body;
    assert_eq!(it["next_at"], "2026-07-01T05:00:00.000Z", "{it}");
    assert_eq!(it["attachments"], json!(["pdf", "xlsx", "csv", "html"]));
    assert_eq!((&it["report"]["kind"], &it["question_id"]), (&json!("sales"), &Value::Null));
    assert_eq!(it["report"]["compare"], "previous");
    server.advance(Duration::days(13));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0, "its time has not come");
    server.advance(Duration::hours(17));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 2);
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0, "it is sent once");
    let mails = mail.mails();
    for mail in &mails {
        assert_eq!(mail.header("Subject"), "Monthly overview");
        let text = readable(mail);
        for part in [
            "text/plain",
            "<html lang=\"de\">",
            "Kennzahlen",
            "South",
            "filename=\"sales-2025-12-01.pdf\"",
            "filename=\"sales-2025-12-01.xlsx\"",
            "filename=\"sales-2025-12-01.csv\"",
            "filename=\"sales-2025-12-01.html\"",
            "JVBERi0xLjc", // %PDF-1.7
            "UEsDB",       // PK
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let body = &text[text.find("<html lang=\"de\">").unwrap()..];
        let body = &body[..body.find("</html>").unwrap()];
        for no in ["<script", "<style", "<svg", "class=", "url(", "src=\"http"] {
            assert!(!body.contains(no), "{no}: {body}");
        }
        assert_eq!(body.matches("src=").count(), body.matches("src=\"cid:").count());
        shows_pictures(mail, body, "South");
    }
    let list = deliveries(&server, &owner).await;
    assert!(list.iter().all(|it| it["status"] == "delivered"), "{list:?}");
    assert_eq!(list[0]["report_id"], list[1]["report_id"]);
    // It stands among the reports of whoever subscribed.
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let reports = server.get(&owner, "/reports").await.body;
    assert_eq!(reports["items"].as_array().unwrap().len(), 1, "{reports}");
    assert_eq!(
        (&reports["items"][0]["id"], &reports["items"][0]["language"]),
        (&list[0]["report_id"], &json!("de"))
    );
}

#[tokio::test]
async fn a_program_is_told_the_report_and_only_what_its_maker_may_see() {
    let mail = MailServer::plain().await;
    let (server, listening) = (server(&mail).await, Listening::start().await);
    let owner = company(&server).await;
    let second = join(&server, &owner, "second", Role::Superuser).await;
    let policy = json!({"version": 0, "policies": {"north": {
        "users": [second.id], "table": "sales", "rows": "region = 'North'"}}});
    let patched = server.send(&owner, Method::PATCH, "/semantics", policy).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let hook =
        made(&server, &owner, "/webhooks", json!({"name": "BI", "url": listening.url})).await;
    let own = subscribe(&server, &owner, json!({"webhooks": [hook["id"]]})).await;
    subscribe(&server, &second, json!({"webhooks": [hook["id"]]})).await;
    server.advance(Duration::hours(1));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 2);
    let december = |region: &str| -> f64 {
        let books = books("2025-07-01");
        let lines = books.lines().filter(|it| it.starts_with("2025-12") && it.contains(region));
        lines.map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let mut values: Vec<f64> = Vec::new();
    for told in listening.told() {
        let body: Value = serde_json::from_slice(&told.body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["name"], &body["data"]["report"]["kind"]),
            (&json!("report.made"), &json!("Monthly overview"), &json!("overview"))
        );
        values.push(body["data"]["report"]["headline"][0]["value"].as_f64().unwrap());
        let finding = &body["data"]["report"]["findings"][0];
        assert!(finding["title"].is_string() && finding["sentences"][0].is_string(), "{finding}");
    }
    values.sort_by(f64::total_cmp);
    let expected = [december(",North,"), december(",")];
    let near = |pair: (&f64, &f64)| (pair.0 - pair.1).abs() < 1e-6;
    assert!(values.iter().zip(&expected).all(near), "{values:?} {expected:?}");
    // Nobody but its maker reads a report by its id.
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let (_, token) = sign_in(&server, &second).await;
    let second = Person { token, ..second };
    for (person, stranger) in [(&owner, &second), (&second, &owner)] {
        let own = server.get(person, "/reports").await.body["items"][0]["id"].clone();
        let path = format!("/reports/{}", own.as_str().unwrap());
        assert_eq!(server.get(person, &path).await.status, 200);
        assert_eq!(server.get(stranger, &path).await.status, 404);
    }
    // What whoever subscribed may no longer see is not sent either, not even of a report that was made.
    listening.foresee(&[500]);
    post(&server, &owner, &format!("/subscriptions/{own}/run")).await;
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    let policy = json!({"version": 1, "policies": {"east": {
        "users": [owner.id], "table": "sales", "rows": "region = 'East'"}}});
    let patched = server.send(&owner, Method::PATCH, "/semantics", policy).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    server.advance(Duration::minutes(6));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 1);
    let last: Value = serde_json::from_slice(&listening.told().last().unwrap().body).unwrap();
    let value = last["data"]["report"]["headline"][0]["value"].as_f64().unwrap();
    assert!((value - december(",East,")).abs() < 1e-6, "{value}");
}

#[tokio::test]
async fn a_report_that_is_not_taken_is_tried_again_as_it_was_made() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server).await;
    let more = json!({"recipients": [owner.email], "attachments": ["pdf"]});
    let id = subscribe(&server, &owner, more).await;
    mail.foresee(&[Fate::Refused("451 later"), Fate::Dropped]);
    assert_eq!(post(&server, &owner, &format!("/subscriptions/{id}/run")).await.status, 202);
    for (minutes, accepted) in [(0, 0), (1, 0), (4, 0), (1, 1)] {
        server.advance(Duration::minutes(minutes));
        assert_eq!(deliver_due(&server.app).await.unwrap(), accepted, "after {minutes} minutes");
    }
    let list = deliveries(&server, &owner).await;
    assert_eq!((&list[0]["status"], &list[0]["attempts"]), (&json!("delivered"), &json!(3)));
    let reports = server.get(&owner, "/reports").await.body;
    assert_eq!(reports["items"].as_array().unwrap().len(), 1, "{reports}");
    assert_eq!(reports["items"][0]["id"], list[0]["report_id"]);
    // A server that is down may be up again.
    let down = MailServer::plain().await;
    let lost = self::server(&down).await;
    let other = company(&lost).await;
    let theirs = subscribe(&lost, &other, json!({"recipients": [other.email]})).await;
    drop(down);
    post(&lost, &other, &format!("/subscriptions/{theirs}/run")).await;
    assert_eq!(deliver_due(&lost.app).await.unwrap(), 0);
    let list = deliveries(&lost, &other).await;
    assert_eq!((&list[0]["status"], &list[0]["attempts"]), (&json!("pending"), &json!(1)));
    // What will not pass is not tried again.
    mail.foresee(&[Fate::Refused("554 no")]);
    post(&server, &owner, &format!("/subscriptions/{id}/run")).await;
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    let list = deliveries(&server, &owner).await;
    assert_eq!((&list[0]["status"], &list[0]["attempts"]), (&json!("failed"), &json!(1)));
}

#[tokio::test]
async fn two_replicas_send_each_report_once() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server).await;
    let addresses = ["a", "b", "c"].map(|name| format!("{name}@partner.example"));
    subscribe(&server, &owner, json!({"recipients": addresses})).await;
    subscribe(&server, &owner, json!({"report": {"kind": "sales"}, "recipients": [owner.email]}))
        .await;
    // All look at the same store at the same moment; none knows of the others.
    for hour in 1..=2 {
        server.advance(Duration::hours(1));
        let looks = (0..4).map(|_| deliver_due(&server.app));
        let accepted: usize =
            futures_util::future::join_all(looks).await.into_iter().map(Result::unwrap).sum();
        assert_eq!((accepted, mail.mails().len()), (4, 4 * hour));
    }
    let mut ids: Vec<String> = mail.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let reports = server.get(&owner, "/reports").await.body;
    assert_eq!(reports["items"].as_array().unwrap().len(), 4, "one for each turn: {reports}");
}

#[tokio::test]
async fn what_cannot_be_made_is_told_and_what_makes_no_sense_is_refused() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server).await;
    let saved = json!({"name": "x", "question": "total revenue"});
    let saved = made(&server, &owner, "/questions", saved).await;
    let good = json!({"name": "x", "report": {"kind": "sales"}, "recipients": [owner.email],
                      "schedule": {"every_seconds": 3600}});
    let filter = |table: &str, values: Value| {
        json!({"report": {"kind": "sales", "filters":
               [{"table": table, "column": "region", "values": values}]}})
    };
    for (change, place) in [
        (json!({"question_id": saved["id"]}), "body.question_id"),
        (json!({"report": null}), "body.question_id"),
        (json!({"report": {"kind": "everything"}}), "body.report.kind"),
        (json!({"report": {"kind": "sales", "grain": "day"}}), "body.report.grain"),
        (json!({"report": {"kind": "sales", "period": "2025"}}), "body.report.period"),
        (json!({"report": {"kind": "sales", "language": "fr"}}), "body.report.language"),
        (json!({"report": {"kind": "sales", "currency": "eur"}}), "body.report.currency"),
        (filter("nothing", json!(["North"])), "body.report.filters.0.table"),
        (filter("sales", json!([])), "body.report.filters.0.values"),
        (json!({"attachments": ["docx"]}), "body.attachments.0"),
        (json!({"condition": {"kind": "changed"}}), "body.condition"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = server.send(&owner, Method::POST, "/subscriptions", body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{change}: {}", answer.text);
    }
    let id = subscribe(&server, &owner, {
        let mut more = filter("sales", json!(["North"]));
        more["recipients"] = json!([owner.email]);
        more
    })
    .await;
    let path = format!("/subscriptions/{id}");
    let patch = json!({"report": {"kind": "customers", "grain": "quarter"}});
    let changed = server.send(&owner, Method::PATCH, &path, patch).await;
    assert_eq!(changed.body["report"]["grain"], "quarter", "{}", changed.text);
    let of_question = json!({"name": "x", "question_id": saved["id"], "recipients": [owner.email],
                             "schedule": {"every_seconds": 3600}});
    let other = made(&server, &owner, "/subscriptions", of_question).await;
    let other = format!("/subscriptions/{}", other["id"].as_str().unwrap());
    let answer =
        server.send(&owner, Method::PATCH, &other, json!({"report": {"kind": "sales"}})).await;
    assert_eq!(first_error(&answer).0, "body.report", "{}", answer.text);
    server.send(&owner, Method::DELETE, &other, json!({})).await;
    // The column that it is narrowed by is gone when its time comes.
    let narrowed =
        server.send(&owner, Method::PATCH, &path, filter("sales", json!(["North"]))).await;
    assert_eq!(narrowed.status, 200, "{}", narrowed.text);
    server.load(&owner, "sales.csv", "sale_date,revenue_eur\n2025-12-05,1.00\n").await;
    server.advance(Duration::hours(1));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    let list = deliveries(&server, &owner).await;
    assert_eq!(list[0]["status"], "failed", "{list:?}");
    assert!(list[0]["error"].as_str().unwrap().contains("no such column"), "{list:?}");
    assert!(mail.mails().is_empty());
}

#[tokio::test]
async fn an_answer_goes_with_a_page_paper_and_a_workbook_too() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = company(&server).await;
    let saved = json!({"name": "x", "question": "revenue by region in 2025"});
    let saved = made(&server, &owner, "/questions", saved).await;
    let body = json!({"name": "x", "question_id": saved["id"], "recipients": [owner.email],
        "attachments": ["html", "pdf", "xlsx"], "schedule": {"every_seconds": 3600}});
    made(&server, &owner, "/subscriptions", body).await;
    server.advance(Duration::hours(1));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 1);
    let sent = &mail.mails()[0];
    let text = readable(sent);
    let body = &text[text.find("<!doctype html>").unwrap()..];
    shows_pictures(sent, &body[..body.find("</html>").unwrap()], "by region");
    for part in ["answer.html", "answer.pdf", "answer.xlsx", "JVBERi0xLjc", "UEsDB", "South"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
