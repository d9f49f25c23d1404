//! People and sessions put straight into the store, where a test needs many of them and no password;
//! and what is compared of answers.

use pacioli_model::{
    AuditAction, AuditEvent, AuditId, CompanyId, Email, Outcome, RefreshHash, Role, Session,
    SessionId, User, UserId,
};
use pacioli_server::Random;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::server::{Answer, Person, Server};

/// Waits for an answer.
pub async fn sent(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

/// `POST` without a body, with a person's token.
pub async fn post(server: &Server, person: &Person, path: &str) -> Answer {
    sent(server.request(Method::POST, path).bearer_auth(&person.token)).await
}

/// `DELETE`, with a person's token.
pub async fn delete(server: &Server, person: &Person, path: &str) -> Answer {
    sent(server.request(Method::DELETE, path).bearer_auth(&person.token)).await
}

/// `POST /auth/refresh`.
pub async fn refresh(server: &Server, token: &str) -> Answer {
    server.post("/auth/refresh", json!({ "refresh_token": token })).await
}

/// The status that a person's token gets where nothing but its being good is asked.
pub async fn knock(server: &Server, person: &Person) -> u16 {
    server.get(person, "/auth/protected-route").await.status.as_u16()
}

/// Everything that a client sees of an answer, but for the request's name and the time of day.
pub fn seen(answer: &Answer) -> String {
    let own = ["date", "x-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut headers: Vec<String> =
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    headers.sort();
    let text = match answer.body["request_id"].as_str() {
        Some(id) => answer.text.replacen(id, "", 1),
        None => answer.text.clone(),
    };
    format!("{}\n{}\n{text}", answer.status, headers.join("\n"))
}

/// Adds somebody whom no password fits.
pub async fn add(server: &Server, company: &str, email: &str, role: Role) -> User {
    let now = server.clock.now();
    let user = User {
        id: UserId(Random.uuid()),
        company_id: company.parse().unwrap(),
        full_name: "Some Body".to_owned(),
        email: Email::parse(email).unwrap(),
        password_hash: "$2b$10$none".to_owned(),
        role,
        created_by: None,
        created_at: now,
        updated_at: None,
        last_login: None,
        disabled_at: None,
        must_change_password: false,
    };
    let data = server.app.store.tenant(user.company_id);
    let event = event(server, user.company_id, AuditAction::UserAdded, user.id);
    data.add_user(&user, &event).await.unwrap();
    user
}

/// Adds somebody and signs them in.
pub async fn join(server: &Server, owner: &Person, name: &str, role: Role) -> Person {
    let email = format!("{name}@example.com");
    let user = add(server, &owner.company, &email, role).await;
    let (company, id) = (owner.company.clone(), user.id.to_string());
    let person = Person { email, id, company, token: String::new(), refresh: String::new() };
    let (_, token) = sign_in(server, &person).await;
    Person { token, ..person }
}

/// A new session of a person, and its access token.
pub async fn sign_in(server: &Server, person: &Person) -> (SessionId, String) {
    let now = server.clock.now();
    let company: CompanyId = person.company.parse().unwrap();
    let data = server.app.store.tenant(company);
    let user = data.user(person.id.parse().unwrap()).await.unwrap().unwrap();
    let id = SessionId(Random.uuid());
    let session = Session {
        id,
        user_id: user.id,
        company_id: company,
        refresh_hash: RefreshHash(Random.uuid().to_string()),
        previous_hash: None,
        rotated_at: None,
        spent_hashes: Vec::new(),
        created_at: now,
        last_used_at: now,
        expires_at: now + chrono::Duration::days(1),
        absolute_expires_at: now + chrono::Duration::days(1),
        user_agent: None,
        address: None,
    };
    let event = event(server, company, AuditAction::LoggedIn, user.id);
    data.create_session(&session, now, &event).await.unwrap();
    let ids = (company, user.id, id);
    (id, server.app.tokens.issue(Random.uuid(), ids, user.role, now).unwrap())
}

fn event(server: &Server, company: CompanyId, action: AuditAction, target: UserId) -> AuditEvent {
    AuditEvent {
        id: AuditId(Random.uuid()),
        company_id: company,
        at: server.clock.now(),
        action,
        outcome: Outcome::Success,
        actor: None,
        target: Some(target.to_string()),
        detail: None,
        address: None,
        request_id: None,
    }
}

/// How many companies and how many people there are, in all.
pub async fn census(server: &Server) -> (usize, usize) {
    let store = &server.app.store;
    let everybody = pacioli_store::UserQuery { limit: 1000, ..Default::default() };
    let everywhere = pacioli_store::PageRequest { after: None, limit: 1000 };
    let companies = store.companies(&everywhere).await.unwrap().items.len();
    (companies, store.users(&everybody).await.unwrap().items.len())
}

/// Shuts a whole company out, or lets it in again, as the command line does.
pub async fn disable_company(server: &Server, company: &str, disabled: bool) {
    let now = server.clock.now();
    let company: CompanyId = company.parse().unwrap();
    let change = pacioli_store::CompanyChange {
        disabled_at: Some(disabled.then_some(now)),
        ..Default::default()
    };
    let event = event(server, company, AuditAction::CompanyUpdated, UserId(company.0));
    server.app.store.tenant(company).update_company(&change, now, &event).await.unwrap();
    server.app.accounts.invalidate(pacioli_store::Scope::Company(company)).await;
}

/// The actions of the company's audit log with their outcomes, the newest first.
pub async fn audit(server: &Server, owner: &Person) -> Vec<(String, String)> {
    let answer = server.get(owner, "/audit?limit=100").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = answer.body["items"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    items.iter().map(|item| (text(&item["action"]), text(&item["outcome"]))).collect()
}

/// How often `action` ended so.
pub async fn count_of(server: &Server, owner: &Person, action: &str, outcome: &str) -> usize {
    let log = audit(server, owner).await;
    log.iter().filter(|(did, ended)| did == action && ended == outcome).count()
}

/// The page that Prometheus would be given.
pub fn metrics(server: &Server) -> String {
    let app = &server.app;
    app.metrics.render(&app.engine.stats(), &app.cache.stats(), &app.cache.state())
}

/// How many passwords were hashed until now.
pub fn hashed(server: &Server) -> u64 {
    let page = metrics(server);
    let line = page.lines().find_map(|line| line.strip_prefix("pacioli_hash_seconds_count "));
    line.expect("a count of hashes").parse().unwrap()
}
