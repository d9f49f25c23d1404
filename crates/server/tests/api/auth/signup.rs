use pacioli_model::Email;
use pacioli_server::Random;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{census, hashed, sent},
    server::{Answer, PASSWORD, Server},
};

fn given() -> Value {
    json!({
        "full_name": "Luca Pacioli", "email": "luca@example.com", "password": PASSWORD,
        "company_name": "Summa Trading",
    })
}

/// The usual sign-up with some members changed.
fn with(changes: Value) -> Value {
    let mut body = given();
    let Value::Object(changes) = changes else { unreachable!("members to change") };
    body.as_object_mut().unwrap().extend(changes);
    body
}

async fn sign_up(server: &Server, body: Value) -> Answer {
    server.post("/auth/signup", body).await
}

async fn stored_hash(server: &Server, email: &str) -> String {
    let email = Email::parse(email).unwrap();
    server.app.store.user_by_email(&email).await.unwrap().unwrap().password_hash
}

#[tokio::test]
async fn a_sign_up_makes_a_company_its_owner_and_a_first_session() {
    let server = Server::start().await;
    assert_eq!(census(&server).await, (0, 0), "statement 24: nobody is there before");
    let body = with(json!({
        "email": " Luca@Example.COM ", "industry": "Wholesale", "size": "50-100",
        "address": "Via Nuova 1, Sansepolcro",
    }));
    let answer = sign_up(&server, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let (user, company) = (&answer.body["user"], &answer.body["company"]);
    assert_eq!(user["id"], company["id"], "as the original had it");
    assert_eq!(user["company_id"], company["id"]);
    assert_eq!((&user["role"], &user["email"]), (&json!("superuser"), &json!("luca@example.com")));
    assert_eq!(user["must_change_password"], false);
    assert_eq!((&company["industry"], &company["size"]), (&json!("Wholesale"), &json!("50-100")));
    assert_eq!(company["address"], "Via Nuova 1, Sansepolcro");
    assert_eq!(
        (&answer.body["token_type"], &answer.body["expires_in"]),
        (&json!("bearer"), &json!(900))
    );
    assert!(!answer.text.contains("$2b$") && !answer.text.contains(PASSWORD), "{}", answer.text);
    let token = answer.body["access_token"].as_str().unwrap();
    let me = sent(server.request(Method::GET, "/auth/me").bearer_auth(token)).await;
    assert_eq!(me.status, 200);
    assert_eq!(me.body["company"], *company);
    assert_eq!(census(&server).await, (1, 1));
}

#[tokio::test]
async fn what_is_left_out_or_wrong_is_named_and_nothing_is_made() {
    let server = Server::start().await;
    for (changes, place, kind) in [
        (json!({"full_name": null}), "body.full_name", "type_error"),
        (json!({"full_name": "  "}), "body.full_name", "value_error"),
        (json!({"full_name": "x".repeat(201)}), "body.full_name", "value_error"),
        (json!({"full_name": "Luca\r\nlevel=error"}), "body.full_name", "value_error"),
        (json!({"full_name": "\u{1b}[31mLuca"}), "body.full_name", "value_error"),
        (json!({"company_name": "a\0b"}), "body.company_name", "value_error"),
        (json!({"company_name": ["Summa"]}), "body.company_name", "type_error"),
        (json!({"email": "luca"}), "body.email", "value_error"),
        (json!({"email": "luca@example.com\nbcc: x@y.zz"}), "body.email", "value_error"),
        (json!({"email": {"$ne": null}}), "body.email", "type_error"),
        (json!({"email": ["luca@example.com"]}), "body.email", "type_error"),
        (json!({"password": {"$gt": ""}}), "body.password", "type_error"),
        (json!({"password": 123_456_789_012_u64}), "body.password", "type_error"),
        (json!({"industry": 7}), "body.industry", "type_error"),
        (json!({"size": "x".repeat(101)}), "body.size", "value_error"),
        (json!({"company.name": "x"}), "body.company.name", "extra_forbidden"),
        (json!({"$where": "1"}), "body.$where", "extra_forbidden"),
    ] {
        let answer = sign_up(&server, with(changes.clone())).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (place.to_owned(), kind.to_owned()), "{changes}");
    }
    for name in ["full_name", "email", "password", "company_name"] {
        let mut body = given();
        body.as_object_mut().unwrap().remove(name);
        let answer = sign_up(&server, body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (format!("body.{name}"), "missing".to_owned()));
    }
    assert_eq!(census(&server).await, (0, 0));
}

#[tokio::test]
async fn statement_43_nobody_chooses_their_own_role_company_or_hash() {
    let server = Server::start().await;
    for name in [
        "role",
        "company_id",
        "_id",
        "id",
        "created_by",
        "password_hash",
        "is_active",
        "must_change_password",
    ] {
        let answer = sign_up(&server, with(json!({ name: "superuser" }))).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (format!("body.{name}"), "extra_forbidden".to_owned()));
    }
    assert_eq!(census(&server).await, (0, 0));
}

#[tokio::test]
async fn statements_1_3_5_6_and_12_a_weak_password_is_refused_with_reasons_for_programs() {
    let server = Server::start().await;
    for (password, reason) in [
        ("zQ7#kfw", "too_short"),
        ("жщюэфъхбыям", "too_short"),
        ("a rather long\0password 1494", "nul"),
        ("password1234", "common"),
        ("qwertyuiop123", "common"),
        ("summa trading", "context"),
        ("LucaPacioli1", "context"),
        (&"x7#".repeat(400), "too_long"),
    ] {
        let answer = sign_up(&server, with(json!({ "password": password }))).await;
        refused(&answer, 422, "weak_password");
        let errors = answer.body["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["type"] == reason), "{password}: {}", answer.text);
        assert!(errors.iter().all(|error| error["loc"] == json!(["body", "password"])));
        assert!(!answer.text.contains(password), "{}", answer.text);
    }
    assert_eq!(census(&server).await, (0, 0));
    assert_eq!(hashed(&server), 0);
}

#[tokio::test]
async fn statement_12_a_body_of_megabytes_is_not_read() {
    let server = Server::start().await;
    let answer = sign_up(&server, with(json!({"password": "x".repeat(1_100_000)}))).await;
    refused(&answer, 413, "too_large");
}

#[tokio::test]
async fn statements_2_and_4_every_character_of_a_long_password_counts_as_it_is() {
    let server = Server::start().await;
    let emoji = |i: u32| char::from_u32(0x1f300 + (i * i * 31 + i * 17) % 700).unwrap();
    let long: String = (0..64).map(emoji).collect();
    assert_eq!((long.chars().count(), long.len()), (64, 256));
    let phrase = "correct horse battery staple".to_owned();
    for (email, password) in [("emoji@example.com", &long), ("phrase@example.com", &phrase)] {
        let body = with(json!({ "email": email, "password": password }));
        assert_eq!(sign_up(&server, body).await.status, 201);
        let mut cut: String = password.clone();
        cut.pop();
        let others = [
            format!("{cut}!"),
            cut,
            format!("{password} "),
            format!(" {password}"),
            password.to_uppercase(),
        ];
        for other in others.iter().filter(|other| *other != password) {
            refused(&server.try_log_in(email, other).await, 401, "invalid_credentials");
        }
        server.log_in(email, password).await;
    }
}

#[tokio::test]
async fn statement_7_what_is_stored_is_a_marked_bcrypt_hash_of_the_configured_cost() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    let hash = stored_hash(&server, &owner.email).await;
    assert!(hash.starts_with("$2b$10$") && hash.ends_with("$hmac-sha384.v1"), "{hash}");
}

#[tokio::test]
async fn an_address_is_taken_in_every_spelling_of_it() {
    let server = Server::start().await;
    assert_eq!(sign_up(&server, given()).await.status, 201);
    for email in
        ["luca@example.com", "LUCA@EXAMPLE.COM", " Luca@example.com ", "ｌｕｃａ@example.com"]
    {
        let answer = sign_up(&server, with(json!({ "email": email }))).await;
        refused(&answer, 409, "email_taken");
        assert!(!answer.text.contains("Summa"), "{}", answer.text);
    }
    assert_eq!(census(&server).await, (1, 1));
}

#[tokio::test]
async fn statement_48_twenty_spellings_of_one_address_at_once_make_one_company() {
    let server = Server::start().await;
    let spelling = |i: usize| {
        let name: String = "åsa"
            .chars()
            .enumerate()
            .flat_map(|(at, c)| if i >> at & 1 == 1 { c.to_uppercase().collect() } else { vec![c] })
            .collect();
        let name = if i & 8 == 8 {
            name.replace('å', "a\u{30a}").replace('Å', "A\u{30a}")
        } else {
            name
        };
        let domain =
            ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "Bu\u{308}cher.Example"];
        format!("{name}@{}", domain[i % 4])
    };
    let attempts = (0..20).map(|i| sign_up(&server, with(json!({ "email": spelling(i) }))));
    let answers = futures_util::future::join_all(attempts).await;
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        refused(answer, 409, "email_taken");
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(census(&server).await, (1, 1), "no orphan of either kind");
    server.log_in("ÅSA@bücher.example", PASSWORD).await;
}

#[tokio::test]
async fn statement_58_a_repeated_sign_up_logs_in_to_the_company_that_it_made() {
    let server = Server::start().await;
    let key = Random.uuid().to_string();
    let with_key = |body: Value| {
        sent(
            server
                .request(Method::POST, "/auth/signup")
                .header("Idempotency-Key", &key)
                .json(&body),
        )
    };
    let weak = with_key(with(json!({"password": "short"}))).await;
    refused(&weak, 422, "weak_password");
    let first = with_key(given()).await;
    assert_eq!(first.status, 201, "a refused request keeps no key: {}", first.text);
    let again = with_key(given()).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_eq!(again.body["company"]["id"], first.body["company"]["id"]);
    assert_ne!(again.body["access_token"], first.body["access_token"], "a token is shown once");
    refused(&with_key(with(json!({"company_name": "Another"}))).await, 422, "idempotency_mismatch");
    assert_eq!(census(&server).await, (1, 1));
    let bad =
        server.request(Method::POST, "/auth/signup").header("Idempotency-Key", "x".repeat(256));
    refused(&sent(bad.json(&given())).await, 422, "invalid");
}
