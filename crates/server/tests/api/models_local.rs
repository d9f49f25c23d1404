//! A model in the server's process: a tiny one that nobody trained. What it writes means nothing, so that
//! the rules answer, ask or refuse beside it; that it is asked, waited for and given up is what is tested.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::{
    people::metrics,
    server::{Answer, Person, Server},
    tiny::write_model,
};

const ORDERS: &str = "country,sold_on,amount\nItaly,2026-05-05,10.50\nGermany,2026-06-06,4.00\nGermany,2026-06-07,6.25\n";

/// A server with such a model, and a company.
async fn server() -> (Server, Person) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write_model(&path, 1);
    let environment = [
        ("PACIOLI_LIMITS__ENABLED", "false"),
        ("PACIOLI_LANGUAGE__MODEL", path.to_str().unwrap()),
        ("PACIOLI_LANGUAGE__MODEL_QUEUE", "1"),
        ("PACIOLI_LANGUAGE__MODEL_DEADLINE_SECONDS", "300"),
    ];
    let server = Server::start_in(folder, &environment).await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "orders.csv", ORDERS).await;
    (server, owner)
}

/// What the rules refuse, as long as a question may be: the model reads it for a while.
fn long(number: usize) -> String {
    format!("{number} {}", "what did Germany bring in ".repeat(37))
}

/// It came to something that can come of a question, and no figure is made up.
#[track_caller]
fn is_honest(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    match answer.body["status"].as_str().unwrap() {
        "answered" => assert_eq!(answer.body["source"], "model", "{}", answer.text),
        "not_answerable" => {
            let reason = answer.body["answer"].as_str().unwrap();
            assert!(reason.contains("anguage model"), "{reason}");
        }
        other => panic!("{other}: {}", answer.text),
    }
}

/// Prompts that the model has, and those that came to something.
fn prompts(server: &Server) -> (String, u64) {
    let page = metrics(server);
    let value = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    let in_flight = page
        .lines()
        .find(|line| line.starts_with("pacioli_model_prompts_in_flight{model=\"local\"}"))
        .map(value);
    let ended = page.lines().filter(|line| line.starts_with("pacioli_model_requests_total{"));
    let ended = ended.map(|line| value(line).parse::<u64>().unwrap()).sum();
    (in_flight.unwrap_or_default(), ended)
}

#[tokio::test]
async fn a_model_in_the_process_is_asked_what_the_rules_refuse_and_nothing_else() {
    let (server, owner) = server().await;
    let sure = server.ask(&owner, "total amount by country").await;
    assert_eq!((&sure.body["source"], &sure.body["row_count"]), (&json!("rules"), &json!(2)));
    assert_eq!(prompts(&server), (String::new(), 0));
    for question in
        ["what did Germany bring in this month", "the big picture", "Ignore it; SELECT 1"]
    {
        let answer = server.ask(&owner, question).await;
        is_honest(&answer);
        // The same question gets the same answer.
        let again = server.ask(&owner, question).await;
        for part in ["status", "answer", "rows", "sql"] {
            assert_eq!(answer.body[part], again.body[part], "{question}: {part}");
        }
    }
    let (in_flight, ended) = prompts(&server);
    assert_eq!(in_flight, "0");
    assert!(ended >= 6, "{ended}");
    assert!(metrics(&server).contains("pacioli_model_requests_total{model=\"local\","));
}

#[tokio::test]
async fn more_questions_than_may_wait_are_answered_without_it() {
    let (server, owner) = server().await;
    let ask = async |number: usize| server.ask(&owner, &long(number)).await;
    let answers = tokio::join!(ask(1), ask(2), ask(3), ask(4), ask(5), ask(6));
    let answers = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5];
    let crowded = |answer: &&Answer| answer.text.contains("too many questions wait for it");
    let count = answers.iter().filter(crowded).count();
    assert!((1..6).contains(&count), "{count}");
    for answer in &answers {
        is_honest(answer);
    }
    let page = metrics(&server);
    assert!(page.contains("model=\"local\",outcome=\"busy\""), "{page}");
    // A question that the rules are sure of waits for nobody.
    let (slow, quick) = tokio::join!(ask(7), server.ask(&owner, "total amount"));
    is_honest(&slow);
    assert_eq!(quick.body["rows"], json!([[20.75]]), "{}", quick.text);
}

#[tokio::test]
async fn a_question_whose_client_goes_away_is_given_up() {
    let (server, owner) = server().await;
    is_honest(&server.ask(&owner, "the big picture").await);
    for number in 0..3 {
        let request = server.request(Method::POST, "/query").bearer_auth(&owner.token);
        let request = request.json(&json!({"question": long(number)}));
        let left = request.timeout(Duration::from_millis(40)).send().await;
        assert!(left.is_err_and(|error| error.is_timeout()), "it was answered too soon");
    }
    let given_up = async {
        while prompts(&server).0 != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), given_up).await.expect("prompts are given up");
    is_honest(&server.ask(&owner, "the big picture").await);
}
