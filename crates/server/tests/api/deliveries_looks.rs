//! Looks at the conditions of alerts: none is lost, and what goes wrong is told.

use std::fmt::Write as _;

use chrono::{Datelike as _, Duration, NaiveDate};
use pacioli_model::Role;
use pacioli_server::deliver_due;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deliveries::{deliveries, made, server},
    people::{join, metrics, post},
    server::{PASSWORD, Person, Server},
    sinks::MailServer,
};

const ORDERS: &str = "order_no,country,sold_on,amount\n1,Italy,2026-05-05,10.50\n\
                      2,Germany,2026-06-06,4.00\n3,Germany,2026-06-07,6.25\n";

/// An alert of a saved question, looked at every hour: its id and the question's.
async fn alert(
    server: &Server,
    person: &Person,
    question: &str,
    condition: Value,
) -> (String, String) {
    let saved = json!({"name": question, "question": question});
    let saved = made(server, person, "/questions", saved).await;
    let body = json!({
        "name": "Alert", "question_id": saved["id"], "schedule": {"every_seconds": 3600},
        "recipients": [person.email], "condition": condition,
    });
    let it = made(server, person, "/subscriptions", body).await;
    (it["id"].as_str().unwrap().to_owned(), saved["id"].as_str().unwrap().to_owned())
}

async fn next(server: &Server) -> usize {
    server.advance(Duration::hours(1));
    deliver_due(&server.app).await.unwrap()
}

fn counted(server: &Server, outcome: &str) -> String {
    let line = format!("pacioli_deliveries_total{{outcome=\"{outcome}\"}} ");
    let page = metrics(server);
    page.lines().find_map(|it| it.strip_prefix(&line)).unwrap_or("0").to_owned()
}

#[tokio::test]
async fn a_look_that_cannot_tell_has_one_record_with_its_reason() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "orders.csv", ORDERS).await;
    let above = json!({"kind": "above", "than": 20});
    let (id, _) = alert(&server, &owner, "total amount", above.clone()).await;
    // What is looked at without trouble leaves no record but its message.
    assert_eq!((next(&server).await, next(&server).await), (1, 0));
    let list = deliveries(&server, &owner).await;
    assert_eq!((list.len(), &list[0]["is_look"]), (1, &json!(false)), "{list:?}");

    // The question is refused: the table is gone.
    let owner = server.log_in(&owner.email, PASSWORD).await;
    assert_eq!(server.send(&owner, Method::DELETE, "/tables/orders", json!({})).await.status, 204);
    assert_eq!((next(&server).await, next(&server).await), (0, 0));
    let list = deliveries(&server, &owner).await;
    let looks: Vec<&Value> = list.iter().filter(|it| it["is_look"] == true).collect();
    assert_eq!(looks.len(), 1, "looks that fail one after the other have one record: {list:?}");
    assert_eq!((&looks[0]["status"], &looks[0]["subscription_id"]), (&json!("failed"), &json!(id)));
    let why = looks[0]["error"].as_str().unwrap();
    assert!(why.starts_with("its question is not answered any more: "), "{why}");
    assert_eq!(counted(&server, "look_failed"), "2");

    // It goes on by itself, and says that it was wrong meanwhile.
    let owner = server.log_in(&owner.email, PASSWORD).await;
    server.load(&owner, "orders.csv", ORDERS).await;
    assert_eq!(next(&server).await, 0, "it holds as it did before");
    let list = deliveries(&server, &owner).await;
    let look = list.iter().find(|it| it["is_look"] == true).unwrap();
    assert_eq!((&look["status"], &look["due_at"]), (&json!("delivered"), &Value::Null));
    assert_eq!(look["error"], why);
    assert_eq!(counted(&server, "look_mended"), "1");
}

#[tokio::test]
async fn a_look_without_its_question_its_maker_or_its_column_says_so() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "orders.csv", ORDERS).await;
    let second = join(&server, &owner, "second", Role::Superuser).await;
    let above = json!({"kind": "above", "than": 20});
    let (gone, question) = alert(&server, &owner, "total amount", above.clone()).await;
    let (left, _) = alert(&server, &second, "total amount by country", above).await;
    let column = json!({"kind": "below", "than": 5, "column": "freight"});
    let (other, _) = alert(&server, &owner, "orders by country", column).await;
    let (flat, _) =
        alert(&server, &owner, "how many orders", json!({"kind": "outside_forecast"})).await;
    let question = format!("/questions/{question}");
    assert_eq!(server.send(&owner, Method::DELETE, &question, json!({})).await.status, 204);
    let out = post(&server, &owner, &format!("/users/{}/deactivate", second.id)).await;
    assert_eq!(out.status, 200, "{}", out.text);
    assert_eq!(next(&server).await, 0);
    let list = deliveries(&server, &owner).await;
    assert_eq!(list.len(), 4, "{list:?}");
    for (id, status, why) in [
        (gone, "skipped", "its saved question is gone"),
        (left, "skipped", "not active any more"),
        (other, "failed", "`freight`"),
        (flat, "failed", "no periods"),
    ] {
        let look = list.iter().find(|it| it["subscription_id"] == id).unwrap();
        assert_eq!((&look["status"], &look["is_look"]), (&json!(status), &json!(true)), "{look}");
        assert!(look["error"].as_str().unwrap().contains(why), "{look}");
    }
    assert_eq!(
        (counted(&server, "look_skipped"), counted(&server, "look_failed")),
        ("2".into(), "2".into())
    );
    assert!(mail.mails().is_empty());
}

#[tokio::test]
async fn no_look_is_lost_to_an_error_or_to_a_server_that_died() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "orders.csv", ORDERS).await;
    let (id, _) =
        alert(&server, &owner, "total amount", json!({"kind": "above", "than": 20})).await;
    // The files of a new load, of which no answer is kept, cannot be read for a while.
    server.load(&owner, "orders.csv", ORDERS).await;
    let files = server.app.config.data_dir.join("files");
    let away = server.app.config.data_dir.join("away");
    std::fs::rename(&files, &away).unwrap();
    assert_eq!(next(&server).await, 0);
    let list = deliveries(&server, &owner).await;
    assert_eq!((list.len(), &list[0]["status"]), (1, &json!("pending")), "{list:?}");
    assert!(!list[0]["error"].as_str().unwrap().is_empty(), "{list:?}");
    assert_eq!(counted(&server, "look_retried"), "1");
    let _ = std::fs::remove_dir_all(&files);
    std::fs::rename(&away, &files).unwrap();
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0, "not before a minute has passed");
    server.advance(Duration::minutes(1));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 1, "what it found is told");

    // Somebody takes a look, and is never heard of again.
    let below = json!({"condition": {"kind": "below", "than": 30}});
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let path = format!("/subscriptions/{id}");
    assert_eq!(server.send(&owner, Method::PATCH, &path, below).await.status, 200);
    // A new load, of which no answer is kept.
    server.load(&owner, "orders.csv", ORDERS).await;
    std::fs::rename(&files, &away).unwrap();
    assert_eq!(next(&server).await, 0);
    std::fs::rename(&away, &files).unwrap();
    server.advance(Duration::minutes(1));
    let due = server.app.store.due_deliveries(server.clock.now(), 10).await.unwrap();
    let data = server.app.store.tenant(due[0].company_id);
    let until = server.clock.now() + Duration::minutes(10);
    assert!(data.take_delivery(&due[0], until).await.unwrap().is_some());
    assert_eq!(deliver_due(&server.app).await.unwrap(), 0);
    server.advance(Duration::minutes(10));
    assert_eq!(deliver_due(&server.app).await.unwrap(), 1);
    assert_eq!(mail.mails().len(), 2);
    assert!(mail.mails()[1].content.contains("less than 30"), "{}", mail.mails()[1].content);
}

/// Sales of every month from January 2024 to June 2026; `last` is what May 2026 brings.
fn monthly(last: u32) -> String {
    let mut text = "sold_on,amount\n".to_owned();
    let first: NaiveDate = "2024-01-15".parse().unwrap();
    for month in 0..30_u32 {
        let day = first + chrono::Months::new(month);
        let amount = match (day.year(), day.month()) {
            (2026, 5) => last,
            // It is not over, and says nothing.
            (2026, 6) => 1,
            _ => 1000 + month * 7 % 31,
        };
        writeln!(text, "{day},{amount}.00").unwrap();
    }
    text
}

#[tokio::test]
async fn a_figure_that_leaves_its_forecast_is_told_once() {
    let mail = MailServer::plain().await;
    let server = server(&mail).await;
    let owner = server.sign_up("owner").await;
    let load = async |last: u32| {
        let owner = server.log_in(&owner.email, PASSWORD).await;
        server.load(&owner, "sales.csv", &monthly(last)).await;
    };
    load(1015).await;
    let condition = json!({"kind": "outside_forecast"});
    let (id, _) = alert(&server, &owner, "total amount by month", condition).await;
    assert_eq!(next(&server).await, 0, "as was to be expected");
    load(200).await;
    assert_eq!((next(&server).await, next(&server).await), (1, 0), "told once");
    let content = &mail.mails()[0].content;
    assert!(
        content.contains("is 200.00 (2026-05-01)") && content.contains("were expected"),
        "{content}"
    );
    let owner = server.log_in(&owner.email, PASSWORD).await;
    let it = server.get(&owner, &format!("/subscriptions/{id}")).await;
    assert_eq!(it.body["condition_holds"], true, "{}", it.text);
    load(1015).await;
    assert_eq!(next(&server).await, 0, "it has passed");
    load(2000).await;
    assert_eq!(next(&server).await, 1, "and comes to hold again, upwards");
    assert_eq!(mail.mails().len(), 2);
}
