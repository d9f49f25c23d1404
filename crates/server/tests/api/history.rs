//! One's own questions: listed, read, run again, judged.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::{
    checks::{first_error, refused, rows},
    people::metrics,
    server::{Person, Server},
};

const ORDERS: &str = "order_no,country,sold_on,amount\n1,Italy,2026-05-05,10.50\n\
                      2,Germany,2026-06-06,4.00\n3,Germany,2026-06-07,6.25\n";

async fn company(server: &Server, name: &str) -> Person {
    let owner = server.sign_up(name).await;
    server.load(&owner, "orders.csv", ORDERS).await;
    owner
}

#[tokio::test]
async fn people_see_their_own_questions_the_newest_first_and_nobody_elses() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = company(&server, "other").await;
    let mut ids = Vec::new();
    for question in ["total amount", "how many orders", "blue widgets"] {
        server.advance(chrono::Duration::seconds(1));
        let answer = server.ask(&owner, question).await;
        ids.insert(0, answer.body["query_id"].clone());
    }
    server.ask(&user, "total amount by country").await;
    let first = server.get(&owner, "/queries?limit=2").await;
    let listed = |answer: &crate::server::Answer| {
        let items = answer.body["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["query_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&first), ids[..2], "{}", first.text);
    let refused_one = &first.body["items"][0];
    assert_eq!(refused_one["status"], "not_answerable");
    assert_eq!(refused_one["question"], "blue widgets");
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = server.get(&owner, &format!("/queries?limit=2&cursor={cursor}")).await;
    assert_eq!(listed(&rest), ids[2..], "{}", rest.text);
    // A cursor is good for its own list alone.
    refused(&server.get(&user, &format!("/queries?cursor={cursor}")).await, 422, "invalid");
    assert_eq!(listed(&server.get(&user, "/queries").await).len(), 1);
    let conversation = rest.body["items"][0]["conversation_id"].as_str().unwrap().to_owned();
    let of_one = server.get(&owner, &format!("/queries?conversation_id={conversation}")).await;
    assert_eq!(listed(&of_one), ids[2..]);
    refused(&server.get(&owner, "/queries?conversation_id=x").await, 422, "invalid");

    let path = format!("/queries/{}", ids[2].as_str().unwrap());
    let one = server.get(&owner, &path).await;
    assert_eq!(one.body["question"], "total amount");
    assert_eq!((&one.body["source"], &one.body["today"]), (&json!("rules"), &json!("2026-06-17")));
    assert!(one.body["sql"].as_str().unwrap().starts_with("SELECT"), "{}", one.text);
    let missing = format!("/queries/{}", Uuid::nil());
    for (person, path) in [(&user, &path), (&other, &path), (&owner, &missing)] {
        refused(&server.get(person, path).await, 404, "not_found");
        for (action, body) in [("run", json!({})), ("feedback", json!({"verdict": "right"}))] {
            let answer = server.send(person, Method::POST, &format!("{path}/{action}"), body).await;
            refused(&answer, 404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_question_is_run_again_of_the_same_days_over_the_tables_of_now() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let first = server.ask(&owner, "total amount this month").await;
    assert_eq!(rows(&first), [["10.25"]], "{}", first.text);
    server.load(&owner, "orders.csv", &format!("{ORDERS}4,Italy,2026-06-01,1.00\n")).await;
    server.advance(chrono::Duration::minutes(10));
    let path = format!("/queries/{}/run", first.body["query_id"].as_str().unwrap());
    let again = server.send(&owner, Method::POST, &path, json!({})).await;
    assert_eq!(rows(&again), [["11.25"]], "{}", again.text);
    assert_ne!(again.body["query_id"], first.body["query_id"]);
    assert_eq!(again.body["conversation_id"], first.body["conversation_id"]);
    assert_eq!(again.body["sql"], first.body["sql"], "{}", again.text);
    // What was not understood may be by now.
    let vague = server.ask(&owner, "total weight").await;
    assert_eq!(vague.body["status"], "not_answerable");
    server.load(&owner, "parcels.csv", "parcel,weight\na,3\nb,4\n").await;
    let path = format!("/queries/{}/run", vague.body["query_id"].as_str().unwrap());
    let again = server.send(&owner, Method::POST, &path, json!({})).await;
    assert_eq!(rows(&again), [["7"]], "{}", again.text);
}

#[tokio::test]
async fn what_people_say_of_answers_reaches_their_superusers_alone() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = company(&server, "other").await;
    let answer = server.ask(&user, "total amount").await;
    let path = format!("/queries/{}/feedback", answer.body["query_id"].as_str().unwrap());
    let say = async |body| server.send(&user, Method::POST, &path, body).await;
    for (body, place) in [
        (json!({}), "body.verdict"),
        (json!({"verdict": "maybe"}), "body.verdict"),
        (json!({"verdict": "wrong", "comment": ""}), "body.comment"),
        (json!({"verdict": "wrong", "by": "x"}), "body.by"),
    ] {
        let answer = say(body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place);
    }
    let said = say(json!({"verdict": "right"})).await;
    assert_eq!((said.status.as_u16(), &said.body["verdict"]), (200, &json!("right")));
    server.advance(chrono::Duration::seconds(1));
    let said = say(json!({"verdict": "wrong", "comment": "without tax, please"})).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let list = server.get(&owner, "/feedback").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1, "{}", list.text);
    let item = &list.body["items"][0];
    assert_eq!((&item["verdict"], &item["question"]), (&json!("wrong"), &json!("total amount")));
    assert_eq!(item["comment"], "without tax, please");
    assert_eq!((&item["given_by"], &item["source"]), (&json!(user.id), &json!("rules")));
    assert_eq!(item["ask"]["table"], "orders");
    assert!(item["sql"].as_str().unwrap().starts_with("SELECT"), "{}", list.text);
    assert_eq!(server.get(&other, "/feedback").await.body["items"], json!([]));
    refused(&server.get(&user, "/feedback").await, 403, "insufficient_role");
    let metrics = metrics(&server);
    assert!(metrics.contains("pacioli_feedback_total{verdict=\"wrong\"} 1"), "{metrics}");
}
