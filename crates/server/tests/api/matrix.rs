//! Who may do what: every operation of the OpenAPI document, asked for by everybody, for an object of
//! the own company, of another one, and for one that does not exist. An operation without a row fails,
//! and so does a row without an operation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use pacioli_engine::EngineError;
use pacioli_model::{FindingVote, QueryId, Role, Vote};
use pacioli_server::Random;
use reqwest::{Method, RequestBuilder, multipart};
use serde_json::{Value, json};

use crate::{
    people::{add, join, post, seen, sent, sign_in},
    server::{Answer, PASSWORD, Person, Server},
    systems::{self, System},
};

const FIRST_PASSWORD: &str = "a first password to change";

/// Whose the object is that the path names.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Object {
    /// The path names none.
    None,
    /// The company's of [`Persona::User`] and [`Persona::Superuser`].
    Ours,
    /// The company's of [`Persona::Other`].
    Theirs,
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Persona {
    Anonymous,
    /// Sends something that was never a token.
    Garbage,
    /// With a token that has ended.
    Expired,
    /// Shut out after the token was made.
    Disabled,
    /// Has logged out.
    LoggedOut,
    /// Has not yet changed the password that somebody else chose.
    New,
    User,
    Superuser,
    /// Another company's superuser.
    Other,
}

use Persona::{Anonymous, Disabled, Expired, Garbage, LoggedOut, New, Other, Superuser, User};

struct Row {
    operation: &'static str,
    object: Object,
    expect: [(Persona, u16); 9],
}

/// The same for everybody.
fn open(operation: &'static str, status: u16) -> Row {
    let everybody = [Anonymous, Garbage, Expired, Disabled, LoggedOut, New, User, Superuser, Other];
    Row { operation, object: Object::None, expect: everybody.map(|persona| (persona, status)) }
}

/// 401 without a good token; then by who it is, in the order of the table below.
fn closed(operation: &'static str, object: Object, expect: [u16; 4]) -> Row {
    let [new, user, superuser, other] = expect;
    let nobody = |persona| (persona, 401);
    let expect = [
        nobody(Anonymous),
        nobody(Garbage),
        nobody(Expired),
        nobody(Disabled),
        nobody(LoggedOut),
        (New, new),
        (User, user),
        (Superuser, superuser),
        (Other, other),
    ];
    Row { operation, object, expect }
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a row for each operation")]
fn table() -> Vec<Row> {
    use Object::{Missing, None, Ours, Theirs};
    vec![
        open("POST /auth/signup", 201),
        open("POST /auth/login", 200),
        open("POST /auth/refresh", 200),
        open("GET /healthz", 200),
        open("GET /readyz", 200),
        //                                                      new  user super other
        closed("GET /auth/protected-route", None,              [200, 200, 200, 200]),
        closed("GET /auth/me", None,                           [200, 200, 200, 200]),
        closed("PUT /auth/update-profile/user", None,          [200, 200, 200, 200]),
        closed("PUT /auth/update-profile/superuser", None,     [403, 403, 200, 200]),
        closed("POST /auth/logout", None,                      [204, 204, 204, 204]),
        closed("POST /auth/logout-everywhere", None,           [204, 204, 204, 204]),
        closed("GET /auth/sessions", None,                     [200, 200, 200, 200]),
        closed("DELETE /auth/sessions/{id}", Ours,             [404, 404, 204, 404]),
        closed("DELETE /auth/sessions/{id}", Theirs,           [404, 404, 404, 204]),
        closed("DELETE /auth/sessions/{id}", Missing,          [404, 404, 404, 404]),
        closed("POST /auth/add-user", None,                    [403, 403, 201, 201]),
        closed("GET /users", None,                             [403, 403, 200, 200]),
        closed("GET /users/{id}", Ours,                        [403, 403, 200, 404]),
        closed("GET /users/{id}", Theirs,                      [403, 403, 404, 200]),
        closed("GET /users/{id}", Missing,                     [403, 403, 404, 404]),
        closed("PATCH /users/{id}", Ours,                      [403, 403, 200, 404]),
        closed("PATCH /users/{id}", Theirs,                    [403, 403, 404, 200]),
        closed("PATCH /users/{id}", Missing,                   [403, 403, 404, 404]),
        closed("DELETE /users/{id}", Ours,                     [403, 403, 204, 404]),
        closed("DELETE /users/{id}", Theirs,                   [403, 403, 404, 204]),
        closed("DELETE /users/{id}", Missing,                  [403, 403, 404, 404]),
        closed("POST /users/{id}/deactivate", Ours,            [403, 403, 200, 404]),
        closed("POST /users/{id}/deactivate", Theirs,          [403, 403, 404, 200]),
        closed("POST /users/{id}/deactivate", Missing,         [403, 403, 404, 404]),
        closed("POST /users/{id}/reactivate", Ours,            [403, 403, 200, 404]),
        closed("POST /users/{id}/reactivate", Theirs,          [403, 403, 404, 200]),
        closed("POST /users/{id}/reactivate", Missing,         [403, 403, 404, 404]),
        closed("POST /users/{id}/reset-password", Ours,        [403, 403, 200, 404]),
        closed("POST /users/{id}/reset-password", Theirs,      [403, 403, 404, 200]),
        closed("POST /users/{id}/reset-password", Missing,     [403, 403, 404, 404]),
        closed("GET /company", None,                           [200, 200, 200, 200]),
        closed("PATCH /company", None,                         [403, 403, 200, 200]),
        closed("GET /audit", None,                             [403, 403, 200, 200]),
        closed("POST /uploads", None,                          [403, 403, 201, 201]),
        closed("GET /tables", None,                            [403, 200, 200, 200]),
        closed("GET /tables/{name}", Ours,                     [403, 200, 200, 404]),
        closed("GET /tables/{name}", Theirs,                   [403, 404, 404, 200]),
        closed("GET /tables/{name}", Missing,                  [403, 404, 404, 404]),
        closed("DELETE /tables/{name}", Ours,                  [403, 403, 204, 404]),
        closed("DELETE /tables/{name}", Theirs,                [403, 403, 404, 204]),
        closed("DELETE /tables/{name}", Missing,               [403, 403, 404, 404]),
        closed("GET /jobs", None,                              [403, 403, 200, 200]),
        // A job that somebody else of the company has started.
        closed("GET /jobs/{id}", Ours,                         [403, 404, 200, 404]),
        closed("GET /jobs/{id}", Theirs,                       [403, 404, 404, 200]),
        closed("GET /jobs/{id}", Missing,                      [403, 404, 404, 404]),
        closed("POST /tables/{name}/rows", Ours,               [403, 403, 200, 201]),
        closed("POST /tables/{name}/rows", Theirs,             [403, 403, 201, 200]),
        closed("POST /tables/{name}/rows", Missing,            [403, 403, 201, 201]),
        // The job of the object has ended.
        closed("DELETE /jobs/{id}", Ours,                      [403, 404, 409, 404]),
        closed("DELETE /jobs/{id}", Theirs,                    [403, 404, 404, 409]),
        closed("DELETE /jobs/{id}", Missing,                   [403, 404, 404, 404]),
        closed("GET /connections", None,                       [403, 403, 200, 200]),
        closed("POST /connections", None,                      [403, 403, 201, 201]),
        closed("GET /connections/{id}", Ours,                  [403, 403, 200, 404]),
        closed("GET /connections/{id}", Theirs,                [403, 403, 404, 200]),
        closed("GET /connections/{id}", Missing,               [403, 403, 404, 404]),
        closed("PATCH /connections/{id}", Ours,                [403, 403, 200, 404]),
        closed("PATCH /connections/{id}", Theirs,              [403, 403, 404, 200]),
        closed("PATCH /connections/{id}", Missing,             [403, 403, 404, 404]),
        closed("DELETE /connections/{id}", Ours,               [403, 403, 204, 404]),
        closed("DELETE /connections/{id}", Theirs,             [403, 403, 404, 204]),
        closed("DELETE /connections/{id}", Missing,            [403, 403, 404, 404]),
        closed("POST /connections/{id}/test", Ours,            [403, 403, 200, 404]),
        closed("POST /connections/{id}/test", Theirs,          [403, 403, 404, 200]),
        closed("POST /connections/{id}/test", Missing,         [403, 403, 404, 404]),
        closed("POST /connections/{id}/discover", Ours,        [403, 403, 200, 404]),
        closed("POST /connections/{id}/discover", Theirs,      [403, 403, 404, 200]),
        closed("POST /connections/{id}/discover", Missing,     [403, 403, 404, 404]),
        closed("PUT /connections/{id}/tables", Ours,           [403, 403, 200, 404]),
        closed("PUT /connections/{id}/tables", Theirs,         [403, 403, 404, 200]),
        closed("PUT /connections/{id}/tables", Missing,        [403, 403, 404, 404]),
        // No tables are chosen.
        closed("POST /connections/{id}/run", Ours,             [403, 403, 409, 404]),
        closed("POST /connections/{id}/run", Theirs,           [403, 403, 404, 409]),
        closed("POST /connections/{id}/run", Missing,          [403, 403, 404, 404]),
        closed("GET /connections/{id}/runs", Ours,             [403, 403, 200, 404]),
        closed("GET /connections/{id}/runs", Theirs,           [403, 403, 404, 200]),
        closed("GET /connections/{id}/runs", Missing,          [403, 403, 404, 404]),
        closed("GET /runs/{id}", Ours,                         [403, 403, 200, 404]),
        closed("GET /runs/{id}", Theirs,                       [403, 403, 404, 200]),
        closed("GET /runs/{id}", Missing,                      [403, 403, 404, 404]),
        closed("GET /semantics", None,                         [403, 200, 200, 200]),
        closed("PATCH /semantics", None,                       [403, 403, 200, 200]),
        closed("PUT /semantics", None,                         [403, 403, 200, 200]),
        closed("GET /semantics/versions", None,                [403, 403, 200, 200]),
        closed("GET /quality", None,                           [403, 200, 200, 200]),
        closed("POST /query", None,                            [403, 200, 200, 200]),
        closed("POST /report", None,                           [403, 200, 200, 200]),
        closed("GET /reports", None,                           [403, 200, 200, 200]),
        // Reports are their asker's, who is the superuser here.
        closed("GET /reports/{id}", Ours,                      [403, 404, 200, 404]),
        closed("GET /reports/{id}", Theirs,                    [403, 404, 404, 200]),
        closed("GET /reports/{id}", Missing,                   [403, 404, 404, 404]),
        closed("POST /reports/{id}/run", Ours,                 [403, 404, 200, 404]),
        closed("POST /reports/{id}/run", Theirs,               [403, 404, 404, 200]),
        closed("POST /reports/{id}/run", Missing,              [403, 404, 404, 404]),
        // The report has no such finding.
        closed("POST /reports/{id}/votes", Ours,               [403, 404, 422, 404]),
        closed("POST /reports/{id}/votes", Theirs,             [403, 404, 404, 422]),
        closed("POST /reports/{id}/votes", Missing,            [403, 404, 404, 404]),
        closed("GET /votes", None,                             [403, 403, 200, 200]),
        closed("DELETE /votes/{id}", Ours,                     [403, 403, 204, 404]),
        closed("DELETE /votes/{id}", Theirs,                   [403, 404, 404, 204]),
        closed("DELETE /votes/{id}", Missing,                  [403, 404, 404, 404]),
        closed("POST /sql", None,                              [403, 403, 200, 200]),
        closed("GET /queries", None,                           [403, 200, 200, 200]),
        // Questions are their asker's, who is the superuser here.
        closed("GET /queries/{id}", Ours,                      [403, 404, 200, 404]),
        closed("GET /queries/{id}", Theirs,                    [403, 404, 404, 200]),
        closed("GET /queries/{id}", Missing,                   [403, 404, 404, 404]),
        closed("POST /queries/{id}/run", Ours,                 [403, 404, 200, 404]),
        closed("POST /queries/{id}/run", Theirs,               [403, 404, 404, 200]),
        closed("POST /queries/{id}/run", Missing,              [403, 404, 404, 404]),
        closed("POST /queries/{id}/feedback", Ours,            [403, 404, 200, 404]),
        closed("POST /queries/{id}/feedback", Theirs,          [403, 404, 404, 200]),
        closed("POST /queries/{id}/feedback", Missing,         [403, 404, 404, 404]),
        closed("GET /feedback", None,                          [403, 403, 200, 200]),
        closed("GET /verified", None,                          [403, 403, 200, 200]),
        closed("POST /verified", None,                         [403, 403, 201, 201]),
        closed("DELETE /verified/{id}", Ours,                  [403, 403, 204, 404]),
        closed("DELETE /verified/{id}", Theirs,                [403, 403, 404, 204]),
        closed("DELETE /verified/{id}", Missing,               [403, 403, 404, 404]),
        closed("GET /questions", None,                         [403, 200, 200, 200]),
        closed("POST /questions", None,                        [403, 201, 201, 201]),
        closed("GET /questions/{id}", Ours,                    [403, 200, 200, 404]),
        closed("GET /questions/{id}", Theirs,                  [403, 404, 404, 200]),
        closed("GET /questions/{id}", Missing,                 [403, 404, 404, 404]),
        closed("PATCH /questions/{id}", Ours,                  [403, 403, 200, 404]),
        closed("PATCH /questions/{id}", Theirs,                [403, 404, 404, 200]),
        closed("PATCH /questions/{id}", Missing,               [403, 404, 404, 404]),
        closed("POST /questions/{id}/run", Ours,               [403, 200, 200, 404]),
        closed("POST /questions/{id}/run", Theirs,             [403, 404, 404, 200]),
        closed("POST /questions/{id}/run", Missing,            [403, 404, 404, 404]),
        closed("DELETE /questions/{id}", Ours,                 [403, 403, 204, 404]),
        closed("DELETE /questions/{id}", Theirs,               [403, 404, 404, 204]),
        closed("DELETE /questions/{id}", Missing,              [403, 404, 404, 404]),
        closed("GET /dashboards", None,                        [403, 200, 200, 200]),
        closed("POST /dashboards", None,                       [403, 201, 201, 201]),
        closed("GET /dashboards/{id}", Ours,                   [403, 200, 200, 404]),
        closed("GET /dashboards/{id}", Theirs,                 [403, 404, 404, 200]),
        closed("GET /dashboards/{id}", Missing,                [403, 404, 404, 404]),
        closed("PATCH /dashboards/{id}", Ours,                 [403, 403, 200, 404]),
        closed("PATCH /dashboards/{id}", Theirs,               [403, 404, 404, 200]),
        closed("PATCH /dashboards/{id}", Missing,              [403, 404, 404, 404]),
        closed("POST /dashboards/{id}/run", Ours,              [403, 200, 200, 404]),
        closed("POST /dashboards/{id}/run", Theirs,            [403, 404, 404, 200]),
        closed("POST /dashboards/{id}/run", Missing,           [403, 404, 404, 404]),
        closed("DELETE /dashboards/{id}", Ours,                [403, 403, 204, 404]),
        closed("DELETE /dashboards/{id}", Theirs,              [403, 404, 404, 204]),
        closed("DELETE /dashboards/{id}", Missing,             [403, 404, 404, 404]),
        closed("GET /webhooks", None,                          [403, 403, 200, 200]),
        closed("POST /webhooks", None,                         [403, 403, 201, 201]),
        closed("DELETE /webhooks/{id}", Ours,                  [403, 403, 204, 404]),
        closed("DELETE /webhooks/{id}", Theirs,                [403, 403, 404, 204]),
        closed("DELETE /webhooks/{id}", Missing,               [403, 403, 404, 404]),
        // No question of this id is saved.
        closed("GET /subscriptions", None,                     [403, 403, 200, 200]),
        closed("POST /subscriptions", None,                    [403, 403, 422, 422]),
        closed("GET /subscriptions/{id}", Ours,                [403, 403, 200, 404]),
        closed("GET /subscriptions/{id}", Theirs,              [403, 403, 404, 200]),
        closed("GET /subscriptions/{id}", Missing,             [403, 403, 404, 404]),
        closed("PATCH /subscriptions/{id}", Ours,              [403, 403, 200, 404]),
        closed("PATCH /subscriptions/{id}", Theirs,            [403, 403, 404, 200]),
        closed("PATCH /subscriptions/{id}", Missing,           [403, 403, 404, 404]),
        closed("POST /subscriptions/{id}/run", Ours,           [403, 403, 202, 404]),
        closed("POST /subscriptions/{id}/run", Theirs,         [403, 403, 404, 202]),
        closed("POST /subscriptions/{id}/run", Missing,        [403, 403, 404, 404]),
        closed("DELETE /subscriptions/{id}", Ours,             [403, 403, 204, 404]),
        closed("DELETE /subscriptions/{id}", Theirs,           [403, 403, 404, 204]),
        closed("DELETE /subscriptions/{id}", Missing,          [403, 403, 404, 404]),
        closed("GET /deliveries", None,                        [403, 403, 200, 200]),
        closed("DELETE /queries/{id}", Ours,                   [403, 204, 204, 404]),
        closed("DELETE /queries/{id}", Theirs,                 [403, 404, 404, 204]),
        closed("DELETE /queries/{id}", Missing,                [403, 404, 404, 404]),
        // Last, for it ends what the passwords were.
        closed("POST /auth/change-password", None,             [204, 204, 204, 204]),
    ]
}

/// The people of the table.
struct Cast {
    server: Server,
    superuser: Person,
    user: Person,
    new: Person,
    other: Person,
    /// Whom nothing but the open routes concerns.
    door: Person,
    /// Tokens that are no longer good.
    expired: String,
    disabled: String,
    logged_out: String,
}

impl Cast {
    async fn assemble() -> Self {
        let system = System::new(&[(1, 100, "a", 1)]);
        let server = systems::server(&system).await;
        let superuser = server.sign_up("superuser").await;
        let expired = join(&server, &superuser, "expired", Role::Superuser).await.token;
        server.advance(Duration::minutes(16));
        let superuser = server.log_in(&superuser.email, PASSWORD).await;
        let user = server.add_user(&superuser, "user").await;
        let first =
            json!({"full_name": "New", "email": "new@example.com", "password": FIRST_PASSWORD});
        let added = server.send(&superuser, Method::POST, "/auth/add-user", first).await;
        assert_eq!(added.status, 201, "{}", added.text);
        let new = server.log_in("new@example.com", FIRST_PASSWORD).await;
        let disabled = join(&server, &superuser, "disabled", Role::Superuser).await;
        post(&server, &superuser, &format!("/users/{}/deactivate", disabled.id)).await;
        let gone = join(&server, &superuser, "gone", Role::Superuser).await;
        assert_eq!(post(&server, &gone, "/auth/logout").await.status, 204);
        let (other, door) = (server.sign_up("other").await, server.sign_up("door").await);
        let (disabled, logged_out) = (disabled.token, gone.token);
        Self { server, superuser, user, new, other, door, expired, disabled, logged_out }
    }

    /// The persona's token: a fresh session's where it is to be good.
    async fn token(&self, persona: Persona) -> Option<String> {
        let person = match persona {
            Anonymous => return None,
            Garbage => return Some("garbage".to_owned()),
            Expired => return Some(self.expired.clone()),
            Disabled => return Some(self.disabled.clone()),
            LoggedOut => return Some(self.logged_out.clone()),
            New => &self.new,
            User => &self.user,
            Superuser => &self.superuser,
            Other => &self.other,
        };
        Some(sign_in(&self.server, person).await.1)
    }

    /// What the path names, made for this row alone.
    async fn object(&self, operation: &str, object: Object) -> String {
        let (method, path) = operation.split_once(' ').unwrap();
        let owner = match object {
            Object::None => return String::new(),
            Object::Missing if path.ends_with("/rows") => return "made_by_the_push".to_owned(),
            Object::Missing if path.contains("{name}") => return "no_such_table".to_owned(),
            Object::Missing => return Random.uuid().to_string(),
            Object::Ours => &self.superuser,
            Object::Theirs => &self.other,
        };
        let (server, unique) = (&self.server, Random.uuid());
        if path.starts_with("/users/") {
            let email = format!("{unique}@example.com");
            add(server, &owner.company, &email, Role::User).await.id.to_string()
        } else if method == "DELETE" && path.starts_with("/queries/") {
            // Each who may cancels it anew.
            let (engine, company) = (server.app.engine.clone(), owner.company.parse().unwrap());
            let id = QueryId(unique);
            tokio::spawn(async move {
                loop {
                    let never = std::future::pending::<Result<(), EngineError>>();
                    assert!(engine.named(company, id, never).await.is_err());
                }
            });
            tokio::task::yield_now().await;
            unique.to_string()
        } else if path.starts_with("/votes/") {
            muted(server, owner).await
        } else if path.starts_with("/auth/sessions/") {
            sign_in(server, owner).await.0.to_string()
        } else {
            let (_, token) = sign_in(server, owner).await;
            let owner = &Person { token, ..owner.clone() };
            let made = |answer: Answer, id: &str| answer.body[id].as_str().unwrap().to_owned();
            if path.starts_with("/queries/") {
                return made(server.ask(owner, "what is this").await, "query_id");
            }
            // Verified by a row before.
            let sum = json!({"name": "x", "question": "what is one"});
            if path.starts_with("/questions/") {
                return made(server.send(owner, Method::POST, "/questions", sum).await, "id");
            }
            if path.starts_with("/dashboards/") {
                let body = json!({"name": "x"});
                return made(server.send(owner, Method::POST, "/dashboards", body).await, "id");
            }
            if path.starts_with("/webhooks/") {
                let body = json!({"name": "x", "url": "http://127.0.0.1:9/"});
                return made(server.send(owner, Method::POST, "/webhooks", body).await, "id");
            }
            if path.starts_with("/subscriptions/") {
                let saved = server.send(owner, Method::POST, "/questions", sum).await;
                let body = json!({
                    "name": "x", "question_id": saved.body["id"], "recipients": [owner.email],
                    "schedule": {"every_seconds": 3600},
                });
                return made(server.send(owner, Method::POST, "/subscriptions", body).await, "id");
            }
            if path.starts_with("/reports/") {
                let one = json!({"question": "what is one", "sql": "SELECT 1 AS one"});
                server.send(owner, Method::POST, "/verified", one).await;
                let saved = server.send(owner, Method::POST, "/questions", sum).await;
                let body = json!({"kind": "custom", "questions": [saved.body["id"]]});
                return made(server.send(owner, Method::POST, "/report", body).await, "id");
            }
            if path.starts_with("/verified/") {
                let body = json!({"question": "what is this", "sql": "SELECT 1 AS one"});
                return made(server.send(owner, Method::POST, "/verified", body).await, "id");
            }
            if path.starts_with("/connections/") {
                return systems::connect(server, owner).await;
            }
            if path.starts_with("/runs/") {
                let connection = systems::connect(server, owner).await;
                let name = format!("t{}", unique.simple());
                let tables = json!([{"source_table": "public.orders", "name": name}]);
                systems::choose(server, owner, &connection, tables).await;
                let run = systems::run(server, owner, &connection).await;
                return run["id"].as_str().unwrap().to_owned();
            }
            let name = if object == Object::Ours { "ours" } else { "theirs" };
            let loaded =
                server.upload(owner, &format!("{name}.csv"), "region,amount\nNorth,1\n").await;
            assert_eq!(loaded.status, 201, "{}", loaded.text);
            let of_job = path.starts_with("/jobs/");
            if of_job {
                loaded.body["job_id"].as_str().unwrap().to_owned()
            } else {
                name.to_owned()
            }
        }
    }

    /// A body that the operation takes.
    fn with_body(&self, request: RequestBuilder, operation: &str, who: Persona) -> RequestBuilder {
        let email = format!("{}@example.com", Random.uuid());
        let body = match operation {
            "POST /auth/signup" => json!({
                "full_name": "Some One", "email": email, "password": PASSWORD,
                "company_name": "Company"
            }),
            "POST /auth/login" => {
                return request.form(&[("username", &*self.door.email), ("password", PASSWORD)]);
            }
            "POST /auth/refresh" => json!({ "refresh_token": self.door.refresh }),
            "POST /auth/add-user" => {
                json!({"full_name": "Some One", "email": email, "password": FIRST_PASSWORD})
            }
            "POST /auth/change-password" => {
                let current = if who == New { FIRST_PASSWORD } else { PASSWORD };
                json!({"current_password": current, "new_password": "quite another one 7731"})
            }
            "POST /users/{id}/reset-password" => json!({"new_password": FIRST_PASSWORD}),
            "POST /sql" => json!({"sql": "SELECT 1 AS one"}),
            "POST /queries/{id}/feedback" => json!({"verdict": "right"}),
            "POST /questions" => json!({"name": "x", "question": "what is one"}),
            "POST /dashboards" => json!({"name": "x"}),
            "POST /webhooks" => json!({"name": "x", "url": "http://127.0.0.1:9/"}),
            "POST /subscriptions" => json!({
                "name": "x", "question_id": Random.uuid(), "schedule": {"every_seconds": 60},
            }),
            "POST /verified" => json!({"question": "what is one", "sql": "SELECT 1 AS one"}),
            "POST /connections" => json!({
                "name": "Books", "kind": "mysql",
                "settings": {"host": "db.example.com", "database": "b", "user": "u"},
            }),
            "POST /tables/{name}/rows" => {
                let request = request.header("content-type", "application/x-ndjson");
                return request.body("{\"region\":\"South\",\"amount\":2}\n");
            }
            "PUT /connections/{id}/tables" => json!({"tables": []}),
            "POST /report" => json!({"kind": "data_quality"}),
            "POST /reports/{id}/votes" => json!({"finding": "trend:revenue:-:-", "vote": "mute"}),
            "POST /query" => json!({"question": "total amount by region"}),
            "POST /uploads" => {
                let part = multipart::Part::bytes(b"a,b\n1,2\n".as_slice()).file_name("more.csv");
                return request.multipart(multipart::Form::new().part("file", part));
            }
            "PATCH /semantics" | "PUT /semantics" => {
                return request.header("if-match", "*").json(&json!({}));
            }
            _ if operation.starts_with("PUT ") || operation.starts_with("PATCH ") => json!({}),
            _ => return request,
        };
        request.json(&body)
    }

    async fn answer(&self, operation: &str, object: &str, who: Persona) -> Answer {
        let (method, path) = operation.split_once(' ').unwrap();
        let path = path.replace("{id}", object).replace("{name}", object);
        let request = self.server.request(method.parse().unwrap(), &path);
        let request = self.with_body(request, operation, who);
        sent(match self.token(who).await {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await
    }
}

fn document() -> Value {
    serde_json::from_str(&pacioli_server::document().to_json().unwrap()).unwrap()
}

fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let known = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];
    paths
        .flat_map(|(path, item)| methods(item).into_iter().map(move |method| (method, path)))
        .filter(|(method, _)| known.contains(&method.as_str()))
        .map(|(method, path)| format!("{} {path}", method.to_uppercase()))
        .collect()
}

#[test]
fn statement_40_every_operation_has_its_rows_and_no_row_lacks_its_operation() {
    let mut rows = BTreeMap::<String, Vec<Object>>::new();
    for row in table() {
        rows.entry(row.operation.to_owned()).or_default().push(row.object);
    }
    let covered: BTreeSet<String> = rows.keys().cloned().collect();
    assert_eq!(covered, operations(&document()));
    for (operation, objects) in rows {
        let named = [Object::Ours, Object::Theirs, Object::Missing];
        let expect = if operation.contains('{') { &named[..] } else { &[Object::None] };
        assert_eq!(objects, expect, "{operation}");
    }
}

#[tokio::test]
async fn statements_40_41_and_44_everybody_gets_what_the_table_says() {
    let (cast, document) = (Cast::assemble().await, document());
    let mut wrong = Vec::new();
    let mut not_found = BTreeMap::<&str, BTreeSet<String>>::new();
    for row in table() {
        let (method, path) = row.operation.split_once(' ').unwrap();
        let documented = &document["paths"][path][method.to_lowercase()]["responses"];
        let object = cast.object(row.operation, row.object).await;
        // Refusals first: the object that they were refused is there until somebody may remove it.
        let mut expect = row.expect;
        expect.sort_by_key(|(_, status)| std::cmp::Reverse(*status));
        for (persona, status) in expect {
            let answer = cast.answer(row.operation, &object, persona).await;
            let place = format!("{} {:?} {persona:?}", row.operation, row.object);
            if answer.status != status {
                wrong.push(format!("{place}: {} for {status}: {}", answer.status, answer.text));
            }
            let known = documented.get(answer.status.as_str()).is_some();
            assert!(known, "{place}: {} is not in the OpenAPI document", answer.status);
            if answer.status == 404 {
                not_found.entry(row.operation).or_default().insert(seen(&answer));
            }
            check_challenge(&answer, persona, &place);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (operation, answers) in not_found {
        assert_eq!(answers.len(), 1, "{operation} tells foreign from missing: {answers:?}");
    }
}

/// RFC 6750 §3: 401 names the scheme, and an error only where a token was sent.
fn check_challenge(answer: &Answer, persona: Persona, place: &str) {
    if answer.status != 401 {
        return;
    }
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer"), "{place}: {challenge}");
    assert_eq!(challenge.contains("error="), persona != Anonymous, "{place}: {challenge}");
    let code = if persona == Anonymous { "not_authenticated" } else { "invalid_token" };
    assert_eq!(answer.code(), code, "{place}");
}

/// A vote of a person's; names it.
async fn muted(server: &Server, owner: &Person) -> String {
    let company_id = owner.company.parse().unwrap();
    let vote = FindingVote {
        id: Random.uuid().to_string(),
        company_id,
        kind: "trend".to_owned(),
        figure: "revenue".to_owned(),
        vote: Vote::Mute,
        created_by: owner.id.parse().unwrap(),
        created_at: server.app.clock.now(),
    };
    server.app.store.tenant(company_id).keep(&vote, None).await.unwrap();
    vote.id
}
