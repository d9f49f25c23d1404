//! Reports of saved questions show what their asker is shown elsewhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::first_error,
    data_analysis::sales,
    reports::asked,
    server::{Answer, Person, Server},
};

async fn saved(server: &Server, person: &Person, body: Value) -> String {
    let answer = server.send(person, Method::POST, "/questions", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn custom(server: &Server, person: &Person, more: Value) -> Answer {
    let mut body = json!({"kind": "custom"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = asked(server, person, body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    made
}

/// The answers of a report are those that the saved questions are run to.
async fn are_as_run(server: &Server, person: &Person, report: &Answer, ids: &[&str]) {
    let answers = report.body["answers"].as_array().unwrap();
    assert_eq!(answers.len(), ids.len(), "{}", report.text);
    for (answer, id) in answers.iter().zip(ids) {
        let run =
            server.send(person, Method::POST, &format!("/questions/{id}/run"), json!({})).await;
        assert_eq!(run.body["status"], "answered", "{}", run.text);
        assert_eq!(answer["answer"], run.body["answer"]);
        for part in ["columns", "rows", "truncated"] {
            assert_eq!(answer["rows"][part], run.body[part], "{answer} is not {}", run.text);
        }
        let query = usize::try_from(answer["query"].as_u64().unwrap()).unwrap();
        assert_eq!(report.body["queries"][query]["sql"], run.body["sql"]);
    }
}

#[tokio::test]
async fn a_custom_report_answers_saved_questions_as_everything_else_does() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let verify = json!({"question": "what did North bring in", "means": "total revenue in North"});
    let verify = server.send(&owner, Method::POST, "/verified", verify).await;
    assert_eq!(verify.status, 201, "{}", verify.text);
    let sql = json!({"question": "how big are we", "sql": "SELECT count(*) AS lines FROM sales"});
    let verify = server.send(&owner, Method::POST, "/verified", sql).await;
    assert_eq!(verify.status, 201, "{}", verify.text);
    let first = server.ask(&owner, "total revenue by region").await;
    let follow =
        json!({"question": "only North", "conversation_id": first.body["conversation_id"]});
    let follow = server.send(&owner, Method::POST, "/query", follow).await;
    let ids = [
        json!({"name": "Verified", "question": "what did South bring in"}),
        json!({"name": "Verified SQL", "question": "how big are we"}),
        json!({"name": "Pinned", "query_id": follow.body["query_id"]}),
        json!({"name": "Forecast", "question": "forecast revenue for the next 3 months"}),
        json!({"name": "Why", "question": "why did revenue fall in May 2026"}),
        json!({"name": "Unusual", "question": "anything unusual in revenue"}),
        json!({"name": "Plain", "question": "revenue by month"}),
    ];
    let mut saved_ids = Vec::new();
    for body in ids {
        saved_ids.push(saved(&server, &owner, body).await);
    }
    let ids: Vec<&str> = saved_ids.iter().map(String::as_str).collect();
    let pinned = server.get(&owner, &format!("/questions/{}", ids[2])).await;
    assert_eq!(pinned.body["is_pinned"], true, "{}", pinned.text);
    let report = custom(&server, &owner, json!({"questions": ids})).await;
    are_as_run(&server, &owner, &report, &ids).await;
    assert_eq!(report.body["missing"], json!([]), "{}", report.text);
    assert_eq!(report.body["tables"][0]["name"], "sales", "{}", report.text);
    // All of them where none is named, and for whoever else asks too.
    let all = custom(&server, &user, json!({})).await;
    assert_eq!(all.body["answers"].as_array().unwrap().len(), ids.len(), "{}", all.text);
    let chosen = [ids[4], ids[0]];
    let report = custom(&server, &user, json!({"questions": chosen})).await;
    are_as_run(&server, &user, &report, &chosen).await;
    // What lies behind a figure is drawn on the page as in a report of its own.
    let path = format!("/reports/{}.html", report.body["id"].as_str().unwrap());
    let page = server.get(&user, &path).await.text;
    assert!(page.contains("Why did revenue fall in May 2026") && page.contains("<svg"), "{page}");

    // What employees do not see, they are not told here either.
    let own = json!({"roles": ["user"], "table": "sales", "rows": "region = 'North'"});
    let patch = json!({"policies": {"own": own}, "version": 0});
    assert_eq!(server.send(&owner, Method::PATCH, "/semantics", patch).await.status, 200);
    let report = custom(&server, &user, json!({"questions": [ids[6], ids[0]]})).await;
    are_as_run(&server, &user, &report, &[ids[6]]).await;
    let run = format!("/questions/{}/run", ids[0]);
    let run = server.send(&user, Method::POST, &run, json!({})).await;
    assert_eq!(run.body["status"], "not_answerable", "{}", run.text);
    let missing =
        json!([{"what": "what did South bring in", "names": [], "reason": run.body["answer"]}]);
    assert_eq!(report.body["missing"], missing);
}

#[tokio::test]
async fn what_a_custom_report_leaves_out_is_said() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let mut ids = Vec::new();
    for number in 1..=22 {
        server.advance(chrono::Duration::seconds(1));
        let question = if number == 22 { "revenue by month" } else { "total revenue" };
        let body = json!({"name": format!("Q{number}"), "question": question});
        ids.push(saved(&server, &owner, body).await);
    }
    let report = custom(&server, &owner, json!({})).await;
    let answers = report.body["answers"].as_array().unwrap();
    assert_eq!((answers.len(), &answers[0]["question"]), (20, &json!("revenue by month")));
    let missing = json!([{"what": "more_questions", "names": ["Q2", "Q1"], "reason": null}]);
    assert_eq!(report.body["missing"], missing, "{}", report.text);
    for (language, words) in [("en", "left out"), ("de", "Gespeicherte Fragen, die fehlen")] {
        let path =
            format!("/reports/{}.html?language={language}", report.body["id"].as_str().unwrap());
        let page = server.get(&owner, &path).await.text;
        assert!(page.contains(words) && page.contains("Q2, Q1"), "{page}");
    }

    // Rows that do not count are in no answer, and what cannot be narrowed to the others is not answered.
    let total = saved(&server, &owner, json!({"name": "T", "question": "total revenue"})).await;
    let north =
        saved(&server, &owner, json!({"name": "N", "question": "total revenue in North"})).await;
    let why = json!({"name": "Why", "question": "why did revenue fall in May 2026"});
    let why = saved(&server, &owner, why).await;
    let filters = json!([{"table": "sales", "column": "region", "values": ["North"]}]);
    let body = json!({"questions": [total, why], "filters": filters});
    let report = custom(&server, &owner, body).await;
    let run =
        server.send(&owner, Method::POST, &format!("/questions/{north}/run"), json!({})).await;
    assert_eq!(report.body["answers"][0]["rows"]["rows"], run.body["rows"], "{}", report.text);
    assert_eq!(report.body["missing"][0]["what"], "why did revenue fall in May 2026");
    let reason = report.body["missing"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("cannot be narrowed"), "{}", report.text);

    let gone = ids[0].clone();
    let many: Vec<&String> = ids.iter().take(21).collect();
    let missing = "00000000-0000-0000-0000-000000000007";
    for (body, place, kind) in [
        (json!({"kind": "custom", "questions": many}), "body.questions", "too_long"),
        (json!({"kind": "custom", "questions": [gone, missing]}), "body.questions.1", "not_found"),
        (json!({"kind": "sales", "questions": [gone]}), "body.questions", "value_error"),
    ] {
        let answer = server.send(&owner, Method::POST, "/report", body).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(first_error(&answer), (place.to_owned(), kind.to_owned()), "{}", answer.text);
    }
}
