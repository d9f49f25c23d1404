//! A server for one test.

use std::path::PathBuf;

use chrono::{Duration, TimeZone, Utc};
use pacioli_model::Timestamp;
use pacioli_server::{
    App, Clock, Config, ConfigSources, Connector, Listeners, Random, claim_folder, compose_with,
    serve,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A password that the policy takes.
pub const PASSWORD: &str = "a rather long password 1494";

/// A running server, and what a test needs to talk to it.
pub struct Server {
    /// Its parts, for what cannot be seen from outside.
    pub app: App,
    /// Where it listens: `http://127.0.0.1:port`.
    pub url: String,
    /// Moves its time.
    pub clock: Clock,
    client: Client,
    task: JoinHandle<()>,
    // Dropped last: the server writes into it until it has ended.
    folder: TempDir,
}

/// A signed-up company's superuser, or a person they added.
#[derive(Clone)]
pub struct Person {
    pub email: String,
    pub id: String,
    pub company: String,
    pub token: String,
    pub refresh: String,
}

/// A client that asks its server directly.
pub fn client() -> Client {
    // The product speaks TLS by a provider that is installed once in a process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

impl Server {
    /// On the embedded store, with limits off, for they would see one address making many companies.
    pub async fn start() -> Self {
        Self::start_with(&[("PACIOLI_LIMITS__ENABLED", "false")]).await
    }

    /// With these variables in its environment.
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), environment).await
    }

    /// On an existing folder.
    pub async fn start_in(folder: TempDir, environment: &[(&str, &str)]) -> Self {
        Self::start_over(folder, environment, Connector::Systems(Vec::new())).await
    }

    /// With somebody else to ask for tables.
    pub async fn start_over(
        folder: TempDir,
        environment: &[(&str, &str)],
        connector: Connector,
    ) -> Self {
        let start = Utc.with_ymd_and_hms(2026, 6, 17, 12, 0, 0).unwrap();
        let clock = Clock::standing_at(Timestamp::new(start));
        Self::start_at(folder, environment, connector, clock).await
    }

    /// With a clock that others look at too.
    pub async fn start_at(
        folder: TempDir,
        environment: &[(&str, &str)],
        connector: Connector,
        clock: Clock,
    ) -> Self {
        let mut sources = ConfigSources {
            listen: Some("127.0.0.1:0".to_owned()),
            data_dir: Some(folder.path().to_owned()),
            ..ConfigSources::default()
        };
        let fast = [("PACIOLI_AUTH__BCRYPT_COST", "10"), ("PACIOLI_SERVER__METRICS_LISTEN", "")];
        for (name, value) in fast.iter().chain(environment) {
            sources.environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        let config = Config::load(&sources).unwrap();
        let lock = claim_folder(&config).unwrap();
        let worker = PathBuf::from(env!("CARGO_BIN_EXE_pacioli"));
        let app = compose_with(config, clock.clone(), Random, worker, connector).await.unwrap();
        let listeners = Listeners::bind(&app).await.unwrap();
        let url = format!("http://{}", listeners.address().unwrap());
        let task = tokio::spawn({
            let app = app.clone();
            async move {
                serve(&app, listeners).await;
                drop(lock);
            }
        });
        let client = client();
        Self { app, url, clock, client, task, folder }
    }

    /// Stops it gracefully, and gives back its folder for another one.
    pub async fn stop(self) -> TempDir {
        let background = self.app.background.clone();
        self.app.stopping.cancel();
        self.task.await.unwrap();
        // Work that was cut off ends with its process; in this one it is waited for.
        background.close();
        background.wait().await;
        self.folder
    }

    /// Its folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Moves its clock.
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// A request to a path, without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// `GET`, with a person's token.
    pub async fn get(&self, person: &Person, path: &str) -> Answer {
        let request = self.request(Method::GET, path).bearer_auth(&person.token);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Any method with a JSON body and a person's token.
    pub async fn send(&self, person: &Person, method: Method, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).bearer_auth(&person.token).json(&body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// `POST` with a JSON body and no token.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    /// Signs a company up; its superuser's address is `name@example.com`.
    pub async fn sign_up(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let body = json!({
            "full_name": "Some Owner", "email": email, "password": PASSWORD,
            "company_name": format!("Company of {name}"),
        });
        let answer = self.post("/auth/signup", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        Person::of(&answer.body, email)
    }

    /// Adds a person to `owner`'s company, who has changed the first password and is logged in.
    pub async fn add_user(&self, owner: &Person, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let first = "a first password to change";
        let body = json!({"full_name": "Some Employee", "email": email, "password": first});
        let answer = self.send(owner, Method::POST, "/auth/add-user", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        let person = self.log_in(&email, first).await;
        let body = json!({"current_password": first, "new_password": PASSWORD});
        let answer = self.send(&person, Method::POST, "/auth/change-password", body).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
        person
    }

    /// Logs in, which must succeed.
    pub async fn log_in(&self, email: &str, password: &str) -> Person {
        let answer = self.try_log_in(email, password).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        let token = answer.body["access_token"].as_str().unwrap().to_owned();
        let refresh = answer.body["refresh_token"].as_str().unwrap().to_owned();
        let request = self.request(Method::GET, "/auth/me").bearer_auth(&token);
        let me = Answer::of(request.send().await.unwrap()).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, company) = (text(&me.body["user"]["id"]), text(&me.body["user"]["company_id"]));
        Person { email: email.to_owned(), id, company, token, refresh }
    }

    /// Tries to log in with the form.
    pub async fn try_log_in(&self, email: &str, password: &str) -> Answer {
        let form = [("username", email), ("password", password)];
        let request = self.request(Method::POST, "/auth/login").form(&form);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Uploads a file.
    pub async fn upload(&self, person: &Person, file_name: &str, content: &str) -> Answer {
        let part = reqwest::multipart::Part::bytes(content.as_bytes().to_vec());
        let part = part.file_name(file_name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.request(Method::POST, "/uploads").bearer_auth(&person.token);
        Answer::of(request.multipart(form).send().await.unwrap()).await
    }

    /// Uploads a file and waits until its tables are in service and surveyed.
    pub async fn load(&self, person: &Person, file_name: &str, content: &str) {
        let loaded = self.upload(person, file_name, content).await;
        self.loaded(person, &loaded).await;
    }

    /// Waits until an upload has ended well.
    pub async fn loaded(&self, person: &Person, upload: &Answer) {
        assert!(upload.status.is_success(), "{}", upload.text);
        let job = format!("/jobs/{}", upload.body["job_id"].as_str().unwrap());
        for _ in 0..600 {
            let job = self.get(person, &job).await;
            if job.body["status"] != "running" {
                assert_eq!(job.body["status"], "succeeded", "{}", job.text);
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the load did not end");
    }

    /// Asks a question on 17 June 2026.
    pub async fn ask(&self, person: &Person, question: &str) -> Answer {
        self.send(person, Method::POST, "/query", json!({ "question": question })).await
    }
}

impl Person {
    fn of(body: &Value, email: String) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            email,
            id: text(&body["user"]["id"]),
            company: text(&body["company"]["id"]),
            token: text(&body["access_token"]),
            refresh: text(&body["refresh_token"]),
        }
    }
}

/// An answer that has arrived.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, body }
    }

    /// A header as text; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's code; empty where the answer is no problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }
}
