//! A server on loopback that speaks chat completions, answers garbage, slowly, or not at all.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use pacioli_language::model::{Completion, Model as _, ModelError, Prompt};
use pacioli_llm::{ServerModel, ServerOptions};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What the server does with one request.
#[derive(Clone)]
enum Act {
    /// This status, headers and body.
    Say(u16, &'static str, String),
    /// Nothing, for longer than anybody waits.
    Wait,
    /// Half an answer, and then it hangs up.
    HangUp,
    /// So many bytes.
    Flood(usize),
}

/// Starts one that does these things in turn; gives its address and what it was sent.
async fn serving(acts: Vec<Act>) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = sent.clone();
    tokio::spawn(async move {
        for act in acts {
            let (stream, _) = listener.accept().await.unwrap();
            answer(stream, act, &seen).await;
        }
    });
    (url, sent)
}

async fn answer(mut stream: TcpStream, act: Act, seen: &Mutex<Vec<Value>>) {
    let mut bytes = Vec::new();
    let body = loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
        if body.len() >= length {
            let mut request: Value = serde_json::from_str(body).unwrap();
            let key = head.lines().find_map(|line| line.strip_prefix("authorization: "));
            request["authorization"] = json!(key);
            request["line"] = json!(head.lines().next());
            break request;
        }
    };
    seen.lock().unwrap().push(body);
    let reply = match act {
        Act::Wait => return tokio::time::sleep(Duration::from_secs(30)).await,
        Act::HangUp => "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"choices\":".to_owned(),
        Act::Flood(bytes) => {
            format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{}", "x".repeat(bytes))
        }
        Act::Say(status, headers, body) => format!(
            "HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
    };
    // Whoever has heard enough hangs up.
    let _ = stream.write_all(reply.as_bytes()).await;
}

fn says(content: &str) -> Act {
    let usage = json!({"prompt_tokens": 120, "completion_tokens": 9});
    let body = json!({"choices": [{"message": {"content": content}}], "usage": usage});
    Act::Say(200, "", body.to_string())
}

fn prompt() -> Prompt {
    Prompt {
        prefix: "the tables".to_owned(),
        question: "how many?".to_owned(),
        grammar: String::new(),
        refused: None,
    }
}

async fn asked(url: String, key: Option<&str>, prompt: &Prompt) -> Result<Completion, ModelError> {
    let options = ServerOptions {
        base_url: url,
        key: key.map(|key| key.to_owned().into()),
        model: "some-model".to_owned(),
        deadline: Duration::from_secs(3),
    };
    ServerModel::new(options).unwrap().complete(prompt).await
}

#[tokio::test]
async fn a_statement_comes_back_with_what_it_cost() {
    let (url, sent) = serving(vec![says(r#"{"sql": "SELECT 1"}"#)]).await;
    let completion = asked(url, Some("key-1"), &prompt()).await.unwrap();
    assert_eq!(completion.text, "SELECT 1");
    assert_eq!((completion.read_tokens, completion.written_tokens), (120, 9));
    let sent = sent.lock().unwrap();
    assert_eq!(sent[0]["line"], "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(sent[0]["authorization"], "Bearer key-1");
    assert_eq!(sent[0]["messages"][0], json!({"role": "system", "content": "the tables"}));
    assert_eq!(sent[0]["messages"][1], json!({"role": "user", "content": "how many?"}));
    assert_eq!(sent[0]["response_format"]["type"], "json_schema");
    assert_eq!((&sent[0]["temperature"], &sent[0]["model"]), (&json!(0), &json!("some-model")));
}

#[tokio::test]
async fn the_second_try_says_what_was_wrong_with_the_first() {
    let (url, sent) = serving(vec![says("```sql\nSELECT 2\n```")]).await;
    let refused = Some(("SELECT x".to_owned(), "There is no column x.".to_owned()));
    let completion = asked(url, None, &Prompt { refused, ..prompt() }).await.unwrap();
    assert_eq!(completion.text, "SELECT 2");
    let sent = sent.lock().unwrap();
    let messages = sent[0]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4);
    assert!(messages[2]["content"].as_str().unwrap().contains("SELECT x"));
    assert!(messages[3]["content"].as_str().unwrap().contains("There is no column x."));
    assert_eq!(sent[0]["authorization"], Value::Null);
}

#[tokio::test]
async fn a_server_that_takes_no_schema_is_asked_without() {
    let refusal = Act::Say(400, "", r#"{"error": "response_format"}"#.to_owned());
    let (url, sent) = serving(vec![refusal, says("SELECT 3")]).await;
    assert_eq!(asked(url, None, &prompt()).await.unwrap().text, "SELECT 3");
    assert_eq!(sent.lock().unwrap()[1].get("response_format"), None);
}

#[tokio::test]
async fn a_busy_server_is_tried_once_more() {
    let busy = Act::Say(429, "retry-after: 0\r\n", String::new());
    let (url, _) = serving(vec![busy.clone(), says("SELECT 4")]).await;
    assert_eq!(asked(url, None, &prompt()).await.unwrap().text, "SELECT 4");
    let (url, sent) = serving(vec![busy.clone(), busy]).await;
    let failed = asked(url, None, &prompt()).await;
    assert!(matches!(failed, Err(ModelError::Unavailable(_))), "{failed:?}");
    assert_eq!(sent.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn whatever_else_a_server_does_ends_in_an_error_in_time() {
    let say = |status, body: &str| Act::Say(status, "", body.to_owned());
    for act in [
        say(500, "oops"),
        say(401, "no"),
        say(200, ""),
        say(200, "<html>"),
        say(200, r#"{"choices": [{"message": {"content": "SEL"#),
        say(200, r#"{"choices": []}"#),
        say(200, r#"{"choices": [{"message": {"content": "I cannot do that."}}]}"#),
        Act::Say(302, "location: http://127.0.0.1:1/\r\n", String::new()),
        Act::HangUp,
        Act::Flood(1 << 20),
    ] {
        let (url, _) = serving(vec![act]).await;
        let failed = asked(url, Some("secret-key"), &prompt()).await.unwrap_err();
        assert!(!failed.to_string().contains("secret-key"), "{failed}");
    }
    let (url, _) = serving(vec![Act::Wait]).await;
    let failed = asked(url, None, &prompt()).await;
    assert!(matches!(failed, Err(ModelError::Late(_))), "{failed:?}");
    let failed = asked("http://127.0.0.1:1/v1".to_owned(), None, &prompt()).await;
    assert!(matches!(failed, Err(ModelError::Unavailable(_))), "{failed:?}");
}

#[tokio::test]
async fn a_server_that_fails_again_and_again_is_not_asked_for_a_while() {
    let broken = Act::Say(500, "", "oops".to_owned());
    let (url, sent) =
        serving(vec![broken.clone(), says("SELECT 5"), broken.clone(), broken.clone(), broken])
            .await;
    let options = ServerOptions {
        base_url: url,
        key: None,
        model: "some-model".to_owned(),
        deadline: Duration::from_secs(3),
    };
    let model = ServerModel::new(options).unwrap();
    let prompt = prompt();
    let mut answered = Vec::new();
    for _ in 0..7 {
        answered.push(model.complete(&prompt).await.is_ok());
    }
    assert_eq!(answered, [false, true, false, false, false, false, false]);
    assert_eq!(sent.lock().unwrap().len(), 5, "the last two were not sent");
    let failed = model.complete(&prompt).await.unwrap_err();
    assert!(failed.to_string().contains("left alone"), "{failed}");
}
