//! Whoever reads German is told nothing of ours in English: of custom reports, mails, alerts and answers. What
//! people and data call things stays as it is.

use chrono::Duration;
use pacioli_server::deliver_due;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    data_analysis::sales,
    deliveries::{made, server as with_mail},
    reports::asked,
    server::{Person, Server},
    sinks::{Mail, MailServer},
};

/// Words of our own templates that German has not.
const ENGLISH: &str = "about according against also and answer any are as at average because before between \
    billed by change chance compared count data days different does down each ends expected fell few figure figures \
    filters findings first for forecast found from greatest has have highest how is it its largest later least less \
    lies likely looked lowest made match means median month more most nothing number of on one only others over \
    page part period query question read record rise rises rose row rows season sent shown since table tables than \
    that the there this to today together total unusual unusually until up usual value values went were what \
    where which with without would year yes";
/// And the other way.
const ALSO: &str = "der das den dem und ist sind von mit für nach Frage Zeilen Zeile Zeitraum Summe Wert gegenüber \
    Davon Prognose wurde nicht kein keine hat bei als Hinweis Gesendet Abfrage Stand Erstellt auf";

/// Words of some of ours that stand in a text.
fn found(text: &str, words: &str) -> Vec<String> {
    let has = |word: &&str| {
        text.split(|letter: char| !letter.is_alphanumeric()).any(|it| it.eq_ignore_ascii_case(word))
    };
    words.split_whitespace().filter(has).map(str::to_owned).collect()
}

/// What is read of a page, without what people called things and without SQL.
fn read(page: &str, theirs: &[&str]) -> String {
    let mut text = page.to_owned();
    for tag in ["style", "script", "pre", "code"] {
        while let Some(from) = text.find(&format!("<{tag}")) {
            let end = format!("</{tag}>");
            let to = text[from..].find(&end).map_or(text.len(), |at| from + at + end.len());
            text.replace_range(from..to, " ");
        }
    }
    let mut plain = String::new();
    for part in text.split('<') {
        let (tag, said) = part.split_once('>').unwrap_or(("", part));
        // What pictures say to who cannot see them.
        for name in ["alt=\"", "aria-label=\"", "title=\""] {
            let said = tag.split_once(name).and_then(|(_, rest)| rest.split_once('"'));
            plain.extend(said.map(|(said, _)| format!(" {said} ")));
        }
        plain.push(' ');
        plain.push_str(said);
    }
    let plain = plain.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    let mut theirs = theirs.to_vec();
    theirs.sort_by_key(|word| std::cmp::Reverse(word.len()));
    theirs.iter().fold(plain, |text, word| {
        let capital = word[..1].to_uppercase() + &word[1..];
        text.replace(word, " ").replace(&capital, " ")
    })
}

fn is_german(text: &str) {
    let (english, german) = (found(text, ENGLISH), found(text, ALSO));
    assert!(english.is_empty(), "{english:?} in {text}");
    assert!(german.len() >= 3, "{german:?} in {text}");
}

fn is_english(text: &str) {
    let (english, german) = (found(text, ENGLISH), found(text, ALSO));
    assert!(german.is_empty(), "{german:?} in {text}");
    assert!(english.len() >= 3, "{english:?} in {text}");
}

/// Questions whose answers are told in many ways.
const QUESTIONS: [&str; 12] = [
    "total revenue",
    "revenue by month",
    "revenue by region",
    "top 1 region by revenue",
    "average revenue by region in 2025",
    "revenue in North since 2025",
    "how many rows",
    "regions",
    "why did revenue fall in May 2026",
    "why did revenue rise in May 2026",
    "forecast revenue for the next 3 months",
    "anything unusual in revenue",
];

/// Questions that are asked back or refused.
const REFUSED: [&str; 6] = [
    "revenue by colour",
    "weather in Rome",
    "delete the revenue",
    "revenue over 9 in region over 3",
    "the weight of sales",
    "median growth of the top of",
];

async fn saved(server: &Server, person: &Person, question: &str) -> String {
    let body = json!({"name": question, "question": question});
    let id = made(server, person, "/questions", body).await["id"].clone();
    id.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_custom_report_is_german_and_english() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let mut ids = Vec::new();
    for question in QUESTIONS {
        ids.push(saved(&server, &owner, question).await);
    }
    let body = json!({"kind": "custom", "questions": ids, "language": "de"});
    let report = asked(&server, &owner, body).await;
    let answers = report.body["answers"].as_array().unwrap();
    assert_eq!(answers.len(), QUESTIONS.len(), "{}", report.text);
    let mut theirs = QUESTIONS.to_vec();
    theirs.extend(["Company of owner", "sold on", "revenue", "North", "South", "region", "sales"]);
    let path = format!("/reports/{}", report.body["id"].as_str().unwrap());
    for (language, check) in [("de", is_german as fn(&str)), ("en", is_english)] {
        let page = server.get(&owner, &format!("{path}.html?language={language}")).await.text;
        check(&read(&page, &theirs));
        let told = server.get(&owner, &format!("{path}?language={language}")).await;
        let told = told.body["answers"].as_array().unwrap().clone();
        let told: Vec<&str> = told.iter().map(|it| it["answer"].as_str().unwrap()).collect();
        check(&read(&told.join("\n"), &theirs));
        // The same as where each is run.
        for (id, told) in ids.iter().zip(&told) {
            let run = format!("/questions/{id}/run?language={language}");
            let run = server.send(&owner, Method::POST, &run, json!({})).await;
            assert_eq!(run.body["answer"], *told, "{}", run.text);
        }
    }
    // What is not answered is named in German too, whatever the reason.
    let own = json!({"roles": ["user"], "table": "sales", "rows": "region = 'North'"});
    let patch = json!({"policies": {"own": own}, "version": 0});
    assert_eq!(server.send(&owner, Method::PATCH, "/semantics", patch).await.status, 200);
    let filters = json!([{"table": "sales", "column": "region", "values": ["South"]}]);
    let body = json!({"kind": "custom", "questions": ids, "language": "de", "filters": filters});
    let report = asked(&server, &owner, body).await;
    assert!(!report.body["missing"].as_array().unwrap().is_empty(), "{}", report.text);
    let path = format!("/reports/{}.html", report.body["id"].as_str().unwrap());
    is_german(&read(&server.get(&owner, &path).await.text, &theirs));
}

#[tokio::test]
async fn an_answer_is_told_and_drawn_in_german() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let theirs = ["revenue", "North", "South", "region", "sales", "sold on", "sold_on"];
    for question in QUESTIONS {
        let body = json!({"question": question, "language": "de"});
        let answer = server.send(&owner, Method::POST, "/query", body).await;
        assert_eq!(answer.body["status"], "answered", "{}", answer.text);
        let chart = &answer.body["chart"];
        let mut said = vec![&answer.body["answer"], &chart["title"], &chart["description"]];
        said.extend(answer.body["interpretation"]["notes"].as_array().unwrap());
        let said: Vec<&str> = said.into_iter().filter_map(Value::as_str).collect();
        let said = read(&said.join("\n"), &theirs);
        assert!(found(&said, ENGLISH).is_empty(), "{:?} in {said}", found(&said, ENGLISH));
    }
    for question in REFUSED {
        let body = json!({"question": question, "language": "de"});
        let answer = server.send(&owner, Method::POST, "/query", body).await;
        assert_ne!(answer.body["status"], "answered", "{}", answer.text);
        let said = read(answer.body["answer"].as_str().unwrap(), &theirs);
        assert!(found(&said, ENGLISH).is_empty() && !found(&said, ALSO).is_empty(), "{said}");
    }
    let few: String = sales().lines().take(17).flat_map(|line| [line, "\n"]).collect();
    let other = server.sign_up("other").await;
    server.load(&other, "sales.csv", &few).await;
    let body = json!({"question": "forecast revenue for the next 3 months", "language": "de"});
    let answer = server.send(&other, Method::POST, "/query", body).await;
    assert_eq!(answer.body["status"], "not_answerable", "{}", answer.text);
    let few = "Eine Prognose braucht 8 ganze Zeiträume; es sind 4.";
    assert_eq!(answer.body["answer"], few);
}

/// The text of a mail, decoded (RFC 2045, quoted-printable), and its page.
fn parts(mail: &Mail) -> (String, String) {
    let mut bytes = Vec::new();
    let content = mail.content.replace("=\r\n", "");
    let mut rest = content.as_bytes();
    while let [first, after @ ..] = rest {
        let coded = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let coded = coded.and_then(|two| u8::from_str_radix(two, 16).ok());
        match coded.filter(|_| *first == b'=') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let content = String::from_utf8_lossy(&bytes).into_owned();
    let part = |kind: &str| {
        let (_, part) = content.split_once(&format!("Content-Type: {kind}")).unwrap();
        let (_, body) = part.split_once("\r\n\r\n").unwrap();
        body.split("\r\n--").next().unwrap().to_owned()
    };
    (part("text/plain"), part("text/html"))
}

#[tokio::test]
async fn mails_of_answers_and_alerts_are_german_and_english() {
    let mail = MailServer::plain().await;
    let server = with_mail(&mail).await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &sales()).await;
    let question = "total revenue by region since 2025";
    let id = saved(&server, &owner, question).await;
    let month = saved(&server, &owner, "revenue by month").await;
    for language in ["de", "en"] {
        for (id, condition) in [
            (&id, Value::Null),
            (&id, json!({"kind": "above", "than": 1.5})),
            (&month, json!({"kind": "outside_forecast"})),
        ] {
            let body = json!({
                "name": "Nord", "question_id": id, "schedule": {"every_seconds": 3600},
                "recipients": [owner.email], "condition": condition, "language": language,
            });
            let kept = made(&server, &owner, "/subscriptions", body).await;
            assert_eq!(kept["language"], language);
        }
    }
    server.advance(Duration::hours(1));
    while deliver_due(&server.app).await.unwrap() > 0 {}
    let mails = mail.mails();
    assert_eq!(mails.len(), 6, "{mails:#?}");
    let theirs =
        [question, "revenue by month", "revenue", "North", "South", "region", "sales", "sold on"];
    let (mut alarms, mut alerts) = (0, 0);
    for mail in &mails {
        let (text, page) = parts(mail);
        let is_de = page.contains("<html lang=\"de\">");
        assert!(is_de || page.contains("<html lang=\"en\">"), "{page}");
        let subject = mail.header("Subject");
        alarms += usize::from(is_de && subject == "Alarm: Nord");
        alerts += usize::from(!is_de && subject == "Alert: Nord");
        for told in [read(&text, &theirs), read(&page, &theirs)] {
            if is_de { is_german(&told) } else { is_english(&told) }
        }
    }
    assert_eq!((alarms, alerts), (2, 2));
    let de = mails.iter().map(parts).find(|(text, _)| text.contains("mehr als 1,5")).unwrap();
    assert!(de.0.contains("Nur: sold on: seit 1. Januar 2025"), "{}", de.0);
}

#[tokio::test]
async fn doubts_about_the_data_are_told_in_german_to_the_end() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let rows = "sale_id,sold_on,place,note,amount\n1,2026-01-05,Rome,,5\n1,2026-02-05,rome,,6\n\
                3,2099-03-05,Rome,,7\n";
    server.load(&owner, "sales.csv", rows).await;
    let body = json!({"kind": "data_quality", "language": "de"});
    let report = asked(&server, &owner, body).await;
    let findings = report.body["findings"].as_array().unwrap();
    assert!(findings.len() >= 3, "{}", report.text);
    for finding in findings {
        let sentences = finding["sentences"].as_array().unwrap();
        assert_eq!(sentences.len(), 2, "its detail is told: {finding}");
        let text = sentences.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
        let text = read(&text, &["sale_id", "sold_on", "place", "note", "sales"]);
        assert!(found(&text, ENGLISH).is_empty(), "{:?} in {text}", found(&text, ENGLISH));
    }
}
