//! The real program, as an operator starts it.

use std::{
    path::Path,
    process::{ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::server::{Answer, PASSWORD, client};

/// Cheap hashing, no limits (one address makes many companies), and metrics on a free port.
pub const QUICK: [(&str, &str); 3] = [
    ("PACIOLI_AUTH__BCRYPT_COST", "10"),
    ("PACIOLI_LIMITS__ENABLED", "false"),
    ("PACIOLI_SERVER__METRICS_LISTEN", "127.0.0.1:0"),
];

/// A running `pacioli serve`; killed when dropped.
pub struct Program {
    child: Child,
    /// Where it listens: `http://127.0.0.1:port`.
    pub url: String,
    client: Client,
    lines: Arc<Mutex<Vec<String>>>,
    /// What gathers its lines from standard output and standard error, until each is closed.
    collectors: [JoinHandle<()>; 2],
}

fn command(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pacioli"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a command to its end, with this on its standard input.
pub async fn run(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut child = command(folder, arguments, environment).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

/// A command's output as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl Program {
    /// Serves on `folder`, and is ready.
    pub async fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"];
        let mut child = command(folder, &arguments, environment).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let collectors = [
            collect(child.stderr.take().unwrap(), &lines),
            collect(child.stdout.take().unwrap(), &lines),
        ];
        let ready = "pacioli is ready at ";
        for _ in 0..3000 {
            let found = lines
                .lock()
                .unwrap()
                .iter()
                .find_map(|line: &String| line.strip_prefix(ready).map(str::to_owned));
            if let Some(url) = found {
                let client = client();
                return Self { child, url, client, lines, collectors };
            }
            assert!(child.try_wait().unwrap().is_none(), "it ended: {:?}", lines.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it is not ready: {:?}", lines.lock().unwrap());
    }

    /// Everything it has written so far, line by line.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Its log so far: every line but the first, each a JSON object.
    pub fn log(&self) -> Vec<Value> {
        let lines = self.lines();
        let log = lines.iter().filter(|line| !line.starts_with("pacioli is ready at "));
        log.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// The first line of its log about an event, waited for: two pipes carry what it writes, and one
    /// may be ahead.
    pub async fn event(&self, name: &str) -> Value {
        for _ in 0..1000 {
            let found = self.log().into_iter().find(|line| line["event"] == name);
            if let Some(line) = found {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {name}: {:?}", self.lines())
    }

    /// Ends it at once, as a power cut would, and waits until it is gone.
    pub async fn kill(mut self) {
        self.send_kill();
        self.child.wait().await.unwrap();
    }

    /// Ends it at once, while requests to it are under way.
    pub fn send_kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Tells it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, and for the last of its lines.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = async {
            let status = self.child.wait().await.unwrap();
            for collector in &mut self.collectors {
                collector.await.unwrap();
            }
            status
        };
        tokio::time::timeout(Duration::from_mins(1), ended).await.expect("it does not end")
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        let request = self.request(Method::GET, path).bearer_auth(token);
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).bearer_auth(token).json(&body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Tries to sign a company up, with a password that the policy takes; none where the answer never
    /// came.
    pub async fn try_sign_up(&self, email: &str) -> Option<Answer> {
        let body = json!({
            "full_name": "Some Owner", "email": email, "password": PASSWORD, "company_name": "Some Company",
        });
        let response = self.request(Method::POST, "/auth/signup").json(&body).send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Answer { status, headers, text, body })
    }

    /// Signs a company up and gives the owner's token.
    pub async fn sign_up(&self, email: &str) -> String {
        let answer = self.try_sign_up(email).await.unwrap();
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.text);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Answer {
        let form = [("username", email), ("password", password)];
        Answer::of(self.request(Method::POST, "/auth/login").form(&form).send().await.unwrap())
            .await
    }

    /// Tries to upload; none where the answer never came.
    pub async fn try_upload(&self, token: &str, file: &str, content: &str) -> Option<Answer> {
        let part = reqwest::multipart::Part::bytes(content.as_bytes().to_vec());
        let form = reqwest::multipart::Form::new().part("file", part.file_name(file.to_owned()));
        let request = self.request(Method::POST, "/uploads").bearer_auth(token).multipart(form);
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Answer { status, headers, text, body })
    }
}

fn collect(
    output: impl AsyncRead + Unpin + Send + 'static,
    lines: &Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    let lines = lines.clone();
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).await.is_ok_and(|bytes| bytes > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            lines.lock().unwrap().push(text);
            line.clear();
        }
    })
}
