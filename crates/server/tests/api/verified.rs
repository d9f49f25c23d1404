//! Verified questions: what the company's superuser says is right is what everybody gets.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused, rows},
    server::{Answer, Person, Server},
};

const ORDERS: &str = "order_no,country,sold_on,amount,freight\n1,Italy,2026-05-05,10.50,1.25\n\
                      2,Germany,2026-06-06,4.00,1.10\n3,Germany,2026-06-07,6.25,2.20\n\
                      4,France,2025-06-07,8,3.50\n";

async fn company(server: &Server, name: &str) -> Person {
    let owner = server.sign_up(name).await;
    server.load(&owner, "orders.csv", ORDERS).await;
    owner
}

async fn verify(server: &Server, owner: &Person, body: Value) -> Answer {
    let answer = server.send(owner, Method::POST, "/verified", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer
}

#[tokio::test]
async fn a_question_is_answered_as_it_was_put_right_and_so_are_its_likes() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = company(&server, "other").await;
    let question = "what did Germany bring in this month";
    let before = server.ask(&user, question).await;
    assert_eq!(before.body["status"], "not_answerable", "{}", before.text);
    let means = "total amount in Germany this month";
    let made =
        verify(&server, &owner, json!({"query_id": before.body["query_id"], "means": means})).await;
    assert_eq!(made.body["pattern"], "what did {country} bring in {days}");
    assert_eq!((&made.body["status"], &made.body["problem"]), (&json!("ok"), &Value::Null));
    for (asked, expect) in [
        (question, "10.25"),
        ("What did Italy bring in last month?", "10.50"),
        ("what did france bring in 2025", "8.00"),
    ] {
        let answer = server.ask(&user, asked).await;
        assert_eq!(answer.body["source"], "verified", "{}", answer.text);
        assert_eq!(
            (rows(&answer), &answer.body["confidence"]),
            (vec![vec![expect.to_owned()]], &json!(1.0))
        );
        assert!(answer.body["sql"].as_str().unwrap().starts_with("SELECT"));
        assert!(!answer.body["interpretation"]["words"].as_array().unwrap().is_empty());
    }
    // It moves on with the days: on 17 July "this month" is another one.
    let body = json!({"question": question, "today": "2026-07-17"});
    let later = server.send(&user, Method::POST, "/query", body).await;
    assert!(later.body["sql"].as_str().unwrap().contains("2026-07-01"), "{}", later.text);
    // Nobody else's company hears of it.
    assert_eq!(server.ask(&other, question).await.body["status"], "not_answerable");
    assert_eq!(server.get(&other, "/verified").await.body["items"], json!([]));
    let path = format!("/verified/{}", made.body["id"].as_str().unwrap());
    refused(&server.send(&other, Method::DELETE, &path, Value::Null).await, 404, "not_found");
    refused(&server.get(&user, "/verified").await, 403, "insufficient_role");
    // What is said anew takes the place of what was said before.
    verify(
        &server,
        &owner,
        json!({"question": question, "means": "total freight in Germany this month"}),
    )
    .await;
    let list = server.get(&owner, "/verified").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1, "{}", list.text);
    assert_eq!(rows(&server.ask(&user, question).await), [["3.30"]]);
    let path = format!("/verified/{}", list.body["items"][0]["id"].as_str().unwrap());
    assert_eq!(server.send(&owner, Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(server.ask(&user, question).await.body["status"], "not_answerable");
    let log = server.get(&owner, "/audit?action=answer_verified").await;
    assert_eq!(log.body["items"].as_array().unwrap().len(), 2, "{}", log.text);
}

#[tokio::test]
async fn an_answer_is_said_to_be_right_by_its_id_alone() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let answer = server.ask(&owner, "total amount by country in 2026").await;
    let made = verify(&server, &owner, json!({"query_id": answer.body["query_id"]})).await;
    assert_eq!(made.body["sql"], answer.body["sql"], "{}", made.text);
    server.advance(chrono::Duration::seconds(1));
    let again = server.ask(&owner, "total amount by country in 2025").await;
    assert_eq!(
        (&again.body["source"], rows(&again)),
        (&json!("verified"), vec![vec!["France".to_owned(), "8.00".to_owned()]])
    );
    let feedback = server.get(&owner, "/queries?limit=1").await;
    assert_eq!(feedback.body["items"][0]["source"], "verified");
}

#[tokio::test]
async fn sql_answers_its_very_words_within_what_each_person_may_see() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let sql = "SELECT country, sum(amount) AS total FROM orders GROUP BY country ORDER BY country";
    verify(&server, &owner, json!({"question": "the big picture", "sql": sql})).await;
    let answer = server.ask(&user, "The big picture!").await;
    assert_eq!(
        (&answer.body["source"], answer.body["row_count"].as_u64()),
        (&json!("verified"), Some(3)),
        "{}",
        answer.text
    );
    assert_eq!(answer.body["interpretation"], Value::Null);
    let policy = json!({"policies": {"own": {
        "roles": ["user"], "table": "orders", "rows": "country = 'Italy'"}}, "version": 0});
    let set = server.send(&owner, Method::PATCH, "/semantics", policy).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(rows(&server.ask(&user, "the big picture").await), [["Italy", "10.50"]]);
    assert_eq!(server.ask(&owner, "the big picture").await.body["row_count"], 3);
}

#[tokio::test]
async fn what_a_change_of_the_tables_breaks_is_listed_and_answers_nothing() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    verify(&server, &owner, json!({"question": "what came in", "means": "total freight"})).await;
    verify(
        &server,
        &owner,
        json!({"question": "what went out", "sql": "SELECT sum(freight) AS t FROM orders"}),
    )
    .await;
    assert_eq!(rows(&server.ask(&owner, "what came in").await), [["8.05"]]);
    server.load(&owner, "orders.csv", "order_no,country,amount\n1,Italy,2\n").await;
    for asked in ["what came in", "what went out"] {
        let answer = server.ask(&owner, asked).await;
        assert_eq!(answer.body["status"], "not_answerable", "{}", answer.text);
    }
    let list = server.get(&owner, "/verified").await;
    let items = list.body["items"].as_array().unwrap();
    let broken = items.iter().find(|item| item["question"] == "what came in").unwrap();
    assert_eq!(broken["status"], "broken", "{}", list.text);
    assert!(broken["problem"].as_str().unwrap().contains("freight"), "{}", list.text);
}

#[tokio::test]
async fn what_cannot_be_verified_is_refused() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let foreign = company(&server, "foreign").await;
    let theirs = server.ask(&foreign, "total amount").await.body["query_id"].clone();
    let unknown = server.ask(&owner, "blue widgets").await.body["query_id"].clone();
    for (body, place, kind) in [
        (json!({}), "body.question", "missing"),
        (json!({"query_id": theirs}), "body.query_id", "not_found"),
        (json!({"query_id": unknown}), "body", "missing"),
        (json!({"question": "x"}), "body", "missing"),
        (
            json!({"question": "x", "means": "total amount", "sql": "SELECT 1"}),
            "body",
            "value_error",
        ),
        (json!({"question": "x", "means": "blue widgets"}), "body.means", "not_understood"),
        (json!({"question": "x", "ask": {"table": 5}}), "body.ask", "value_error"),
        (
            json!({"question": "x", "ask": {"table": "none", "measures": [], "group_by": [],
            "filter": null, "order": [], "limit": null}}),
            "body",
            "unfit",
        ),
        (json!({"question": "the money this month", "means": "total amount"}), "body", "unfit"),
        (json!({"question": "the money", "means": "total amount this month"}), "body", "unfit"),
        (json!({"question": "the", "means": "total amount"}), "body", "unfit"),
        (json!({"question": "x", "other": 1}), "body.other", "extra_forbidden"),
    ] {
        let answer = server.send(&owner, Method::POST, "/verified", body.clone()).await;
        refused(&answer, 422, "invalid");
        let seen = first_error(&answer);
        assert_eq!((seen.0.as_str(), seen.1.as_str()), (place, kind), "{body}: {}", answer.text);
    }
    let write = json!({"question": "x", "sql": "DELETE FROM orders"});
    refused(&server.send(&owner, Method::POST, "/verified", write).await, 422, "invalid_query");
    assert_eq!(server.get(&owner, "/verified").await.body["items"], json!([]));
}
