//! A server that speaks OpenAI's chat completions: it writes what it is told to, and keeps what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// Tokens that each completion is said to have cost.
pub const COST: u64 = 100;

/// What it does with a prompt.
#[derive(Debug, Clone)]
pub enum Act {
    /// Writes this statement, in the shape that is asked for.
    Write(String),
    /// Writes this text, in no shape.
    Say(String),
    /// Answers with this status, and this body.
    Answer(u16, String),
    /// Answers nothing, for longer than anybody waits.
    Wait,
}

/// Writes a statement.
pub fn write(sql: &str) -> Act {
    Act::Write(sql.to_owned())
}

#[derive(Debug, Clone)]
struct Kept {
    act: Arc<Mutex<Act>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

pub struct Chat {
    /// For `language.llm_base_url`.
    pub url: String,
    kept: Kept,
    task: JoinHandle<()>,
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Chat {
    pub async fn start(act: Act) -> Self {
        let kept = Kept { act: Arc::new(Mutex::new(act)), asked: Arc::default() };
        let router = Router::new().route("/v1/chat/completions", post(complete));
        let router = router.with_state(kept.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, kept, task }
    }

    /// What it does from now on.
    pub fn will(&self, act: Act) {
        *self.kept.act.lock().unwrap() = act;
    }

    /// How often it was asked.
    pub fn count(&self) -> usize {
        self.kept.asked.lock().unwrap().len()
    }

    /// The texts of the last prompt: instructions and tables, then the question.
    pub fn last(&self) -> (String, String) {
        let asked = self.kept.asked.lock().unwrap();
        let text = |place: usize| {
            let message = &asked.last().unwrap()["messages"][place];
            message["content"].as_str().unwrap().to_owned()
        };
        (text(0), text(1))
    }

    /// Nobody listens there any more.
    pub async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

async fn complete(State(kept): State<Kept>, Json(request): Json<Value>) -> Response {
    kept.asked.lock().unwrap().push(request);
    let act = kept.act.lock().unwrap().clone();
    let content = match act {
        Act::Write(sql) => json!({ "sql": sql }).to_string(),
        Act::Say(text) => text,
        Act::Answer(status, body) => {
            return (StatusCode::from_u16(status).unwrap(), body).into_response();
        }
        Act::Wait => std::future::pending().await,
    };
    let usage = json!({"prompt_tokens": COST - 10, "completion_tokens": 10});
    Json(json!({"choices": [{"message": {"content": content}}], "usage": usage})).into_response()
}
