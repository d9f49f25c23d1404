//! A client for servers that speak OpenAI's chat completions: the large ones of the world, and
//! llama.cpp, vLLM and Ollama at home.
//!
//! What comes back is somebody else's text: it is bounded in size and time, and read as JSON of the shape
//! that was asked for, or as a block of SQL, or not at all. The operator names the server, so a private
//! address is taken; redirects are not followed, for they would carry the key elsewhere.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use pacioli_language::model::{Completing, Completion, Model, ModelError, Prompt};
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::breaker::Breaker;

/// Bytes of an answer.
const MOST_BYTES: usize = 256 * 1024;
/// Tokens that may be written.
const MOST_WRITTEN: u32 = 500;
/// Longest wait before the second try that a busy server is given.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Which server, and how it is asked.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Without `/chat/completions`: `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// Sent as a bearer token.
    pub key: Option<SecretString>,
    /// The name the server knows the model by.
    pub model: String,
    /// How long one completion may take, tries and pauses included.
    pub deadline: Duration,
}

/// A server that speaks OpenAI's chat completions.
pub struct ServerModel {
    client: Client,
    options: ServerOptions,
    /// It has refused to be told a schema: it is asked without one from then on.
    plain: AtomicBool,
    breaker: Breaker,
}

impl fmt::Debug for ServerModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServerOptions { base_url, model, .. } = &self.options;
        f.debug_struct("ServerModel")
            .field("base_url", base_url)
            .field("model", model)
            .finish_non_exhaustive()
    }
}

impl ServerModel {
    /// Makes the client; the server is first spoken to with the first prompt.
    pub fn new(options: ServerOptions) -> Result<Self, ModelError> {
        let unusable = |error: &dyn fmt::Display| ModelError::Unavailable(error.to_string());
        let authorities = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        let tls = rustls::ClientConfig::builder_with_provider(
            rustls::crypto::ring::default_provider().into(),
        )
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(rustls::RootCertStore { roots: authorities })
        .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(options.deadline)
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(Self { client, options, plain: AtomicBool::new(false), breaker: Breaker::default() })
    }

    async fn ask(&self, prompt: &Prompt) -> Result<Completion, ModelError> {
        let mut tried = false;
        loop {
            let plain = self.plain.load(Ordering::Relaxed);
            let response = self.send(prompt, plain).await?;
            match response.status() {
                StatusCode::OK => return completion(&body(response).await?),
                StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if !plain => {
                    self.plain.store(true, Ordering::Relaxed);
                }
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE if !tried => {
                    tried = true;
                    tokio::time::sleep(pause(&response)).await;
                }
                status => {
                    return Err(ModelError::Unavailable(format!("the server answered {status}")));
                }
            }
        }
    }

    async fn send(&self, prompt: &Prompt, plain: bool) -> Result<Response, ModelError> {
        let ServerOptions { base_url, key, model, .. } = &self.options;
        let mut request = self
            .client
            .post(format!("{base_url}/chat/completions"))
            .json(&request(model, prompt, plain));
        if let Some(key) = key {
            request = request.bearer_auth(key.expose_secret());
        }
        let sent = request.send().await;
        sent.map_err(|error| ModelError::Unavailable(error.without_url().to_string()))
    }
}

impl Model for ServerModel {
    fn complete<'a>(&'a self, prompt: &'a Prompt) -> Completing<'a> {
        Box::pin(async {
            if !self.breaker.admits(Instant::now()) {
                let reason = "it has failed again and again, and is left alone for a while";
                return Err(ModelError::Unavailable(reason.to_owned()));
            }
            let deadline = self.options.deadline;
            let answer = tokio::time::timeout(deadline, self.ask(prompt)).await;
            let answer = answer.unwrap_or(Err(ModelError::Late(deadline)));
            match &answer {
                Err(ModelError::Late(_) | ModelError::Unavailable(_)) => {
                    self.breaker.failed(Instant::now());
                }
                _ => self.breaker.answered(),
            }
            answer
        })
    }
}

fn request(model: &str, prompt: &Prompt, plain: bool) -> Value {
    let mut messages = vec![
        json!({"role": "system", "content": prompt.prefix}),
        json!({"role": "user", "content": prompt.question}),
    ];
    if let Some((written, reason)) = &prompt.refused {
        messages.push(json!({"role": "assistant", "content": format!("```sql\n{written}\n```")}));
        let text = format!("That cannot be run: {reason}\nWrite it again, mended.");
        messages.push(json!({"role": "user", "content": text}));
    }
    let mut request = json!({
        "model": model, "messages": messages, "temperature": 0, "max_tokens": MOST_WRITTEN,
        "stream": false,
    });
    if !plain {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["sql"],
            "properties": {"sql": {"type": "string", "description": "one SELECT statement"}},
        });
        let schema = json!({"name": "translation", "strict": true, "schema": schema});
        request["response_format"] = json!({"type": "json_schema", "json_schema": schema});
    }
    request
}

fn pause(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1);
    Duration::from_secs(seconds).min(LONGEST_PAUSE)
}

async fn body(mut response: Response) -> Result<Vec<u8>, ModelError> {
    let mut bytes = Vec::new();
    let broken = |error: reqwest::Error| ModelError::Garbled(error.without_url().to_string());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return Err(ModelError::Garbled(format!("it is longer than {MOST_BYTES} bytes")));
        }
    }
    Ok(bytes)
}

#[derive(Deserialize)]
struct Completed {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

fn completion(bytes: &[u8]) -> Result<Completion, ModelError> {
    let garbled = |text: String| ModelError::Garbled(text);
    let completed: Completed =
        serde_json::from_slice(bytes).map_err(|error| garbled(error.to_string()))?;
    let usage = completed.usage.unwrap_or_default();
    let choice = completed.choices.into_iter().next();
    let choice = choice.ok_or_else(|| garbled("it has no choices".to_owned()))?;
    if choice.finish_reason.as_deref() == Some("length") {
        return Err(garbled("it was cut off".to_owned()));
    }
    let content = choice.message.content.unwrap_or_default();
    let text = statement(&content).ok_or_else(|| garbled("it has no statement".to_owned()))?;
    Ok(Completion {
        text,
        probability: None,
        read_tokens: usage.prompt_tokens,
        written_tokens: usage.completion_tokens,
    })
}

/// The statement in a text: a JSON object's `sql`, the first fenced block, or the whole where it begins
/// as one.
fn statement(content: &str) -> Option<String> {
    let content = content.trim();
    let fenced = || {
        let (_, rest) = content.split_once("```")?;
        let (block, _) = rest.split_once("```")?;
        Some(
            block
                .strip_prefix("json")
                .or_else(|| block.strip_prefix("sql"))
                .unwrap_or(block)
                .trim(),
        )
    };
    let text = fenced().unwrap_or(content);
    if let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) {
        return object.get("sql")?.as_str().map(str::to_owned);
    }
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    let begins = word.eq_ignore_ascii_case("select") || word.eq_ignore_ascii_case("with");
    begins.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_found_in_what_servers_send() {
        let check = |content: &str, expected: Option<&str>| {
            assert_eq!(statement(content).as_deref(), expected, "{content}");
        };
        check(r#"{"sql": "SELECT 1"}"#, Some("SELECT 1"));
        check("```json\n{\"sql\": \"SELECT 1\"}\n```", Some("SELECT 1"));
        check("Here you are:\n```sql\nSELECT 1\n```\nDone.", Some("SELECT 1"));
        check("  select a from b ", Some("select a from b"));
        check("with x as (select 1) select * from x", Some("with x as (select 1) select * from x"));
        check(r#"{"sql": 3}"#, None);
        check(r#"{"sql": "SELEC"#, None);
        check("I cannot do that.", None);
        check("", None);
    }

    #[test]
    fn what_is_no_completion_is_said_to_be_none() {
        for bad in ["", "{", "{}", "[]", r#"{"choices":[]}"#, r#"{"choices":[{"message":{}}]}"#] {
            assert!(matches!(completion(bad.as_bytes()), Err(ModelError::Garbled(_))), "{bad}");
        }
        let cut = r#"{"choices":[{"finish_reason":"length","message":{"content":"SELECT 1"}}]}"#;
        assert!(matches!(completion(cut.as_bytes()), Err(ModelError::Garbled(_))));
    }
}
