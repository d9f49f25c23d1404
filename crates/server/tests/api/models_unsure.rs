//! Readings of the rules that are too unlikely to be run: with a model beside them they are answered once
//! it reads the same, and asked back otherwise.

use reqwest::Method;
use serde_json::json;

use crate::{
    chat::{Act, Chat, write},
    checks::rows,
    people::metrics,
    server::{Answer, Person, Server},
};

const AUTHORS: &str = "author_id,last_name,birth_year,country\n1,Moreau,1950,France\n2,Lindt,1961,Germany\n\
                       3,Okafor,1972,Kenya\n4,Blanc,1983,France\n";
const BOOKS: &str = "book_id,title,author_id,genre,pages\n11,Ash,1,Crime,200\n12,Birch,2,Poetry,100\n\
                     13,Cedar,3,Crime,300\n14,Dogwood,4,History,400\n15,Elm,1,Crime,250\n";
const MEMBERS: &str =
    "member_id,name,age,city\n21,Ines Roth,30,Bern\n22,Tom Vale,40,Basel\n23,Ana Silva,50,Bern\n";
const LOANS: &str = "loan_id,member_id,book_id,loan_date\n31,21,11,2026-01-05\n32,22,12,2026-01-06\n\
                     33,23,13,2026-02-01\n34,21,14,2026-02-03\n35,22,15,2026-03-01\n36,23,11,2026-03-04\n";

/// Four columns of three tables for each row of a fourth, which the question does not name.
const QUESTION: &str = "average pages and age by country and city";
const JOINED: &str = "FROM loans JOIN books ON loans.book_id = books.book_id \
                      JOIN authors ON books.author_id = authors.author_id \
                      JOIN members ON loans.member_id = members.member_id \
                      GROUP BY authors.country, members.city";

async fn library(chat: Option<&Chat>) -> (Server, Person) {
    let url = chat.map(|chat| chat.url.as_str()).unwrap_or_default();
    let server = Server::start_with(&[
        ("PACIOLI_LIMITS__ENABLED", "false"),
        ("PACIOLI_LANGUAGE__LLM_BASE_URL", url),
        ("PACIOLI_LANGUAGE__LLM_MODEL", "stand-in"),
        ("PACIOLI_LANGUAGE__LLM_DEADLINE_SECONDS", "1"),
    ])
    .await;
    let owner = server.sign_up("owner").await;
    let files = [("authors", AUTHORS), ("books", BOOKS), ("members", MEMBERS), ("loans", LOANS)];
    for (name, content) in files {
        server.load(&owner, &format!("{name}.csv"), content).await;
    }
    (server, owner)
}

fn same() -> Act {
    let columns = "authors.country, members.city, AVG(books.pages) AS p, AVG(members.age) AS a";
    write(&format!("SELECT {columns} {JOINED}"))
}

fn other() -> Act {
    let columns = "authors.country, members.city, SUM(books.pages) AS p, SUM(members.age) AS a";
    write(&format!("SELECT {columns} {JOINED}"))
}

#[track_caller]
fn is(answer: &Answer, status: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.body["status"].as_str()),
        (200, Some(status)),
        "{}",
        answer.text
    );
}

#[track_caller]
fn is_asked_back(answer: &Answer, choices: usize) {
    is(answer, "needs_clarification");
    assert_eq!(answer.body["choices"].as_array().unwrap().len(), choices, "{}", answer.text);
    assert!(answer.body["answer"].as_str().unwrap().ends_with('?'), "{}", answer.text);
    assert_eq!(answer.body["rows"], json!([]));
}

#[tokio::test]
async fn without_a_model_it_is_asked_back() {
    let (server, owner) = library(None).await;
    let asked = server.ask(&owner, QUESTION).await;
    is_asked_back(&asked, 1);
    let body = json!({"question": QUESTION, "choice": 0});
    let chosen = server.send(&owner, Method::POST, "/query", body).await;
    is(&chosen, "answered");
    assert_eq!(chosen.body["row_count"], 4, "{}", chosen.text);
}

#[tokio::test]
async fn it_is_answered_where_the_model_reads_the_same() {
    let chat = Chat::start(same()).await;
    let (server, owner) = library(Some(&chat)).await;
    let answer = server.ask(&owner, QUESTION).await;
    is(&answer, "answered");
    assert_eq!((chat.count(), answer.body["source"].as_str()), (1, Some("rules")));
    assert_eq!(answer.body["row_count"], 4, "{}", answer.text);
    assert!(
        rows(&answer).iter().any(|row| row[0] == "Kenya" && row[1] == "Bern"),
        "{}",
        answer.text
    );
    let notes = answer.body["interpretation"]["notes"].to_string();
    assert!(notes.contains("A language model read the question the same way."), "{notes}");
    assert!(answer.body["confidence"].as_f64().unwrap() >= 0.4, "{}", answer.text);
    assert!(metrics(&server).contains("pacioli_model_readings_total{outcome=\"agreed\"} 1"));
}

#[tokio::test]
async fn it_is_asked_back_with_both_readings_where_the_model_reads_otherwise() {
    let chat = Chat::start(other()).await;
    let (server, owner) = library(Some(&chat)).await;
    let asked = server.ask(&owner, QUESTION).await;
    is_asked_back(&asked, 2);
    let chosen = async |choice: usize| {
        let body = json!({"question": QUESTION, "choice": choice});
        server.send(&owner, Method::POST, "/query", body).await
    };
    let own = chosen(0).await;
    assert_eq!((chat.count(), own.body["source"].as_str()), (1, Some("rules")), "{}", own.text);
    let others = chosen(1).await;
    is(&others, "answered");
    assert_eq!((chat.count(), others.body["source"].as_str()), (2, Some("model")));
    assert_ne!(rows(&own), rows(&others));
    // Two readings that both find nothing agree in nothing.
    let nothing = format!(
        "SELECT authors.country, members.city, AVG(books.pages), AVG(members.age) {JOINED} HAVING COUNT(*) > 99"
    );
    chat.will(write(&nothing));
    is_asked_back(&server.ask(&owner, QUESTION).await, 2);
}

#[tokio::test]
async fn it_is_asked_back_where_the_model_has_no_answer_and_that_is_said() {
    let mut chat = Chat::start(Act::Wait).await;
    let (server, owner) = library(Some(&chat)).await;
    for (act, told) in [
        (Act::Wait, "took too long"),
        (Act::Say("I am not sure what you mean.".to_owned()), "its answer cannot be read"),
        (write("SELECT AVG(weight) FROM books"), "nothing that can be run"),
        (write("SELECT country, 12 AS pages FROM authors"), "figures or words of its own"),
        (write("SELECT country FROM authors WHERE country = 'Atlantis'"), "what no row has"),
    ] {
        chat.will(act);
        let asked = server.ask(&owner, QUESTION).await;
        is_asked_back(&asked, 1);
        assert!(asked.body["answer"].as_str().unwrap().contains(told), "{told}: {}", asked.text);
        assert!(!asked.text.contains("Atlantis"), "{}", asked.text);
    }
    chat.stop().await;
    let asked = server.ask(&owner, QUESTION).await;
    is_asked_back(&asked, 1);
    assert!(
        asked.body["answer"].as_str().unwrap().contains("cannot be used now"),
        "{}",
        asked.text
    );
}
