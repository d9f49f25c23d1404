//! Saved questions and dashboards: shared within a company, each viewer's policies hold.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    checks::{first_error, refused, rows},
    server::{Answer, Person, Server},
};

const ORDERS: &str = "order_no,country,sold_on,amount,freight\n1,Italy,2026-05-05,10.50,1.25\n\
                      2,Germany,2026-06-06,4.00,1.10\n3,Germany,2026-06-07,6.25,2.20\n";

async fn company(server: &Server, name: &str) -> Person {
    let owner = server.sign_up(name).await;
    server.load(&owner, "orders.csv", ORDERS).await;
    owner
}

async fn made(server: &Server, person: &Person, path: &str, body: Value) -> String {
    let answer = server.send(person, Method::POST, path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn run(server: &Server, person: &Person, path: &str) -> Answer {
    let answer = server.send(person, Method::POST, &format!("{path}/run"), json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// Employees see Italy alone.
async fn restrict(server: &Server, owner: &Person) {
    let own = json!({"roles": ["user"], "table": "orders", "rows": "country = 'Italy'"});
    let patch = json!({"policies": {"own": own}, "version": 0});
    let set = server.send(owner, Method::PATCH, "/semantics", patch).await;
    assert_eq!(set.status, 200, "{}", set.text);
}

#[tokio::test]
async fn a_saved_question_moves_on_with_the_days_and_keeps_to_each_ones_policies() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = company(&server, "other").await;
    let body = json!({"name": "Sales", "question": "total amount this month"});
    let path = format!("/questions/{}", made(&server, &user, "/questions", body).await);
    assert_eq!(rows(&run(&server, &owner, &path).await), [["10.25"]]);
    restrict(&server, &owner).await;
    assert_eq!(rows(&run(&server, &user, &path).await), [["null"]]);
    assert_eq!(rows(&run(&server, &owner, &path).await), [["10.25"]]);
    server.advance(chrono::Duration::days(-30));
    let (owner, user, other) = (
        server.log_in(&owner.email, crate::server::PASSWORD).await,
        server.log_in(&user.email, crate::server::PASSWORD).await,
        server.log_in(&other.email, crate::server::PASSWORD).await,
    );
    assert_eq!(rows(&run(&server, &user, &path).await), [["10.50"]]);
    // Whose it is not, does not change it; another company has no such thing.
    let colleague = server.add_user(&owner, "colleague").await;
    let rename = json!({"name": "Turnover", "description": "of the month"});
    let answer = server.send(&colleague, Method::PATCH, &path, rename.clone()).await;
    refused(&answer, 403, "insufficient_role");
    refused(
        &server.send(&colleague, Method::DELETE, &path, json!({})).await,
        403,
        "insufficient_role",
    );
    for person in [&user, &owner] {
        let answer = server.send(person, Method::PATCH, &path, rename.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["name"]), (200, &json!("Turnover")));
    }
    let cleared = server.send(&user, Method::PATCH, &path, json!({"description": null})).await;
    assert_eq!(cleared.body["description"], Value::Null, "{}", cleared.text);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        refused(&server.send(&other, method, &path, json!({})).await, 404, "not_found");
    }
    assert_eq!(server.get(&other, "/questions").await.body["items"], json!([]));
    assert_eq!(server.get(&colleague, "/questions").await.body["items"][0]["name"], "Turnover");
    assert_eq!(server.send(&user, Method::DELETE, &path, json!({})).await.status, 204);
    refused(&server.get(&user, &path).await, 404, "not_found");
}

#[tokio::test]
async fn a_question_is_saved_with_the_reading_that_was_given_it() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let first = server.ask(&owner, "total amount by country this month").await;
    let follow =
        json!({"question": "only Germany", "conversation_id": first.body["conversation_id"]});
    let follow = server.send(&owner, Method::POST, "/query", follow).await;
    assert_eq!(rows(&follow), [["Germany", "10.25"]], "{}", follow.text);
    // These words alone do not say which days.
    let body = json!({"name": "Germany", "query_id": follow.body["query_id"]});
    let answer = server.send(&owner, Method::POST, "/questions", body).await;
    refused(&answer, 422, "invalid");
    assert_eq!(first_error(&answer).1, "unfit", "{}", answer.text);
    let plain = server.ask(&owner, "total amount by country").await;
    let follow =
        json!({"question": "only Germany", "conversation_id": plain.body["conversation_id"]});
    let follow = server.send(&owner, Method::POST, "/query", follow).await;
    let body = json!({"name": "Germany", "query_id": follow.body["query_id"]});
    let path = format!("/questions/{}", made(&server, &owner, "/questions", body).await);
    assert_eq!(server.get(&owner, &path).await.body["is_pinned"], true);
    assert_eq!(rows(&run(&server, &owner, &path).await), [["Germany", "10.25"]]);
}

#[tokio::test]
async fn what_cannot_be_saved_is_refused() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let asked = server.ask(&user, "total amount").await.body["query_id"].clone();
    let save = async |body: Value| server.send(&owner, Method::POST, "/questions", body).await;
    for (body, place, kind) in [
        (json!({"question": "total amount"}), "body.name", "missing"),
        (json!({"name": "", "question": "total amount"}), "body.name", "value_error"),
        (json!({"name": "x"}), "body.question", "missing"),
        (json!({"name": "x", "question": "blue widgets"}), "body.question", "not_understood"),
        (
            json!({"name": "x", "question": "total amount", "query_id": asked}),
            "body.question",
            "value_error",
        ),
        // Somebody else's question is not one's own.
        (json!({"name": "x", "query_id": asked}), "body.query_id", "not_found"),
        (
            json!({"name": "x", "question": "total amount", "sql": "x"}),
            "body.sql",
            "extra_forbidden",
        ),
    ] {
        let body = if body.get("query_id").is_some() && body.get("question").is_some() {
            let own = server.ask(&owner, "total amount").await.body["query_id"].clone();
            json!({"name": "x", "question": "total amount", "query_id": own})
        } else {
            body
        };
        let answer = save(body.clone()).await;
        refused(&answer, 422, "invalid");
        let seen = first_error(&answer);
        assert_eq!((seen.0.as_str(), seen.1.as_str()), (place, kind), "{body}: {}", answer.text);
    }
    let key = |request: reqwest::RequestBuilder| request.header("idempotency-key", "one");
    let body = json!({"name": "x", "question": "total amount"});
    let post = || server.request(Method::POST, "/questions").bearer_auth(&owner.token).json(&body);
    let first = Answer::of(key(post()).send().await.unwrap()).await;
    let again = Answer::of(key(post()).send().await.unwrap()).await;
    assert_eq!((first.status.as_u16(), &first.body), (201, &again.body));
    assert_eq!(server.get(&owner, "/questions").await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dashboard_is_filled_for_each_viewer_and_one_bad_tile_takes_no_other_with_it() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = company(&server, "other").await;
    let mut tiles = Vec::new();
    for question in ["total amount", "total freight", "how many orders"] {
        let body = json!({"name": question, "question": question});
        let id = made(&server, &owner, "/questions", body).await;
        tiles.push(json!({"question_id": id, "view": "figure", "width": 4, "height": 1}));
    }
    tiles[2]["title"] = json!("Orders");
    let body = json!({"name": "Board", "tiles": tiles});
    let path = format!("/dashboards/{}", made(&server, &owner, "/dashboards", body).await);
    restrict(&server, &owner).await;
    let figures = |answer: &Answer| {
        let answers = answer.body["answers"].as_array().unwrap().clone();
        answers.iter().map(|it| it["answer"]["rows"][0][0].clone()).collect::<Vec<_>>()
    };
    let filled = run(&server, &owner, &path).await;
    assert_eq!(figures(&filled), [json!(20.75), json!(4.55), json!(3)], "{}", filled.text);
    assert_eq!(filled.body["answers"][2]["title"], "Orders");
    assert_eq!(filled.body["dashboard"]["tiles"][0]["width"], 4);
    let theirs = run(&server, &user, &path).await;
    assert_eq!(figures(&theirs), [json!(10.50), json!(1.25), json!(1)], "{}", theirs.text);
    // A column goes, and a question.
    server
        .load(&owner, "orders.csv", "order_no,country,sold_on,amount\n1,Italy,2026-05-05,2.50\n")
        .await;
    let gone = format!("/questions/{}", tiles[2]["question_id"].as_str().unwrap());
    assert_eq!(server.send(&owner, Method::DELETE, &gone, json!({})).await.status, 204);
    let filled = run(&server, &owner, &path).await;
    assert_eq!(figures(&filled)[0], json!(2.50), "{}", filled.text);
    assert_eq!(filled.body["answers"][1]["answer"]["status"], "not_answerable", "{}", filled.text);
    assert_eq!(filled.body["answers"][2]["error"]["code"], "not_found", "{}", filled.text);
    // It is its maker's and the superusers' to change, and not there for another company.
    for (method, body) in [(Method::PATCH, json!({"tiles": []})), (Method::DELETE, json!({}))] {
        refused(&server.send(&user, method.clone(), &path, body).await, 403, "insufficient_role");
        refused(&server.send(&other, method, &path, json!({})).await, 404, "not_found");
    }
    refused(
        &server.send(&other, Method::POST, &format!("{path}/run"), json!({})).await,
        404,
        "not_found",
    );
    let foreign = json!({"name": "x", "tiles": [{"question_id": tiles[0]["question_id"]}]});
    let answer = server.send(&other, Method::POST, "/dashboards", foreign).await;
    refused(&answer, 422, "invalid");
    for (tile, place) in [
        (json!({"question_id": Uuid::nil()}), "body.tiles.0.question_id"),
        (json!({"question_id": tiles[0]["question_id"], "width": 13}), "body.tiles.0.width"),
        (json!({"question_id": tiles[0]["question_id"], "height": 0}), "body.tiles.0.height"),
        (json!({"question_id": tiles[0]["question_id"], "title": ""}), "body.tiles.0.title"),
    ] {
        let patch = json!({"tiles": [tile]});
        let answer = server.send(&owner, Method::PATCH, &path, patch).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{}", answer.text);
    }
    let patch = json!({"name": "Other", "tiles": [tiles[0]]});
    let changed = server.send(&owner, Method::PATCH, &path, patch).await;
    assert_eq!(
        (&changed.body["name"], changed.body["tiles"].as_array().unwrap().len()),
        (&json!("Other"), 1)
    );
    assert_eq!(server.send(&owner, Method::DELETE, &path, json!({})).await.status, 204);
    refused(&server.get(&owner, &path).await, 404, "not_found");
}
