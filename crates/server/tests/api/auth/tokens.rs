//! Tokens that somebody has meddled with.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::{
    checks::refused,
    people::knock,
    server::{Person, Server},
};

const SECRET: &str = "mWq3v9Xr7TzK1pLs5NcY8bGd2HfJ6aEu";
const OLDER: &str = "Zk4tQw8eRu2yLp6oAs9dFg3hJv7xCn5b";

fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Header and claims of a token.
fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.');
    (part(parts.next().unwrap()), part(parts.next().unwrap()))
}

fn encode(header: &str, claims: &Value, secret: &str, algorithm: Algorithm) -> String {
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// The header of a token, to the byte.
fn header_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    String::from_utf8(header).unwrap()
}

async fn refuses(server: &Server, person: &Person, token: String, what: &str) {
    let forged = Person { token, ..person.clone() };
    let answer = server.get(&forged, "/auth/protected-route").await;
    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    refused(&answer, 401, "invalid_token");
}

async fn with_secret() -> (Server, Person) {
    let server = Server::start_with(&[("JWT_SECRET", SECRET)]).await;
    let person = server.sign_up("luca").await;
    (server, person)
}

#[tokio::test]
async fn statement_25_no_other_algorithm_and_no_broken_signature_is_taken() {
    let (server, person) = with_secret().await;
    let (header, claims) = parts(&person.token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("HS256"), &json!("at+jwt")));
    let same = encode(&header_of(&person.token), &claims, SECRET, Algorithm::HS256);
    let same = Person { token: same, ..person.clone() };
    assert_eq!(knock(&server, &same).await, 200, "the forger knows how");
    for alg in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "hs256", "Hs256", ""] {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": header["kid"]}).to_string();
        let algorithm = if alg == "HS512" { Algorithm::HS512 } else { Algorithm::HS256 };
        let token = encode(&header, &claims, SECRET, algorithm);
        let message = token.rsplit_once('.').unwrap().0.to_owned();
        refuses(&server, &person, token, alg).await;
        refuses(&server, &person, format!("{message}."), alg).await;
        refuses(&server, &person, message, alg).await;
    }
    let (message, signature) = person.token.rsplit_once('.').unwrap();
    let flipped =
        signature.replacen(&signature[..1], if signature.starts_with('A') { "B" } else { "A" }, 1);
    for (what, token) in [
        ("empty signature", format!("{message}.")),
        ("no signature", message.to_owned()),
        ("flipped bit", format!("{message}.{flipped}")),
        ("short signature", format!("{message}.{}", &signature[..20])),
        ("other key", encode(&header_of(&person.token), &claims, OLDER, Algorithm::HS256)),
        ("empty key", encode(&header_of(&person.token), &claims, "", Algorithm::HS256)),
        ("a fourth part", format!("{}.x", person.token)),
        ("very long", person.token.repeat(30)),
        ("dots", "..".to_owned()),
    ] {
        refuses(&server, &person, token, what).await;
    }
}

#[tokio::test]
async fn statement_26_every_claim_is_asked_for_and_checked() {
    let (server, person) = with_secret().await;
    let (header, claims) = (header_of(&person.token), parts(&person.token).1);
    let now = claims["iat"].as_i64().unwrap();
    for name in ["iss", "aud", "sub", "jti", "sid", "company", "role", "iat", "exp"] {
        let mut without = claims.clone();
        without.as_object_mut().unwrap().remove(name);
        let token = encode(&header, &without, SECRET, Algorithm::HS256);
        refuses(&server, &person, token, name).await;
    }
    let stranger = server.sign_up("stranger").await;
    for (name, value) in [
        ("iss", json!("somebody else")),
        ("aud", json!("somebody else")),
        ("sub", json!(stranger.id)),
        ("sub", json!({"$ne": null})),
        ("company", json!(stranger.company)),
        ("sid", json!("00000000-0000-4000-8000-000000000000")),
        ("iat", json!(now + 60)),
        ("nbf", json!(now + 60)),
        ("exp", json!(now)),
        ("exp", json!("9999999999")),
    ] {
        let mut changed = claims.clone();
        changed[name] = value.clone();
        let token = encode(&header, &changed, SECRET, Algorithm::HS256);
        refuses(&server, &person, token, &format!("{name} {value}")).await;
    }
    let kid = &parts(&person.token).0["kid"];
    for typ in [json!("JWT"), json!("at+JWT"), json!("refresh"), Value::Null] {
        let header = json!({"typ": typ, "alg": "HS256", "kid": kid}).to_string();
        let token = encode(&header, &claims, SECRET, Algorithm::HS256);
        refuses(&server, &person, token, &header).await;
    }
}

#[tokio::test]
async fn a_role_in_a_token_raises_nobody() {
    let (server, owner) = with_secret().await;
    let user = crate::people::join(&server, &owner, "user", pacioli_model::Role::User).await;
    let (header, mut claims) = (header_of(&user.token), parts(&user.token).1);
    claims["role"] = json!("superuser");
    let token = encode(&header, &claims, SECRET, Algorithm::HS256);
    let raised = Person { token, ..user };
    assert_eq!(
        server.get(&raised, "/users").await.status,
        403,
        "the account says what the role is"
    );
}

#[tokio::test]
async fn statement_29_an_invented_key_id_is_looked_up_nowhere() {
    let (server, person) = with_secret().await;
    let claims = parts(&person.token).1;
    for kid in [
        json!("unknown"),
        json!("../../../etc/passwd"),
        json!("/dev/null"),
        json!("' OR 1=1 --"),
        json!({"$ne": null}),
        json!(["a"]),
        Value::Null,
    ] {
        let header = json!({"typ": "at+jwt", "alg": "HS256", "kid": kid}).to_string();
        for secret in [SECRET, ""] {
            let token = encode(&header, &claims, secret, Algorithm::HS256);
            refuses(&server, &person, token, &header).await;
        }
    }
    for extra in ["jku", "x5u", "jwk", "crit"] {
        let mut header = parts(&person.token).0;
        header[extra] = json!("http://127.0.0.1/keys");
        let token = encode(&header.to_string(), &claims, SECRET, Algorithm::HS256);
        refuses(&server, &person, token, extra).await;
    }
}

#[tokio::test]
async fn statement_29_a_rotated_key_is_good_for_the_tokens_that_it_signed() {
    let server = Server::start_with(&[("JWT_SECRET", OLDER)]).await;
    let before = server.sign_up("luca").await;
    let folder = server.stop().await;
    let keys = [("JWT_SECRET", SECRET), ("PACIOLI_AUTH__PREVIOUS_SECRETS", OLDER)];
    let server = Server::start_in(folder, &keys).await;
    assert_eq!(knock(&server, &before).await, 200);
    let after = server.log_in(&before.email, crate::server::PASSWORD).await;
    assert_ne!(parts(&after.token).0["kid"], parts(&before.token).0["kid"]);
    assert_eq!(knock(&server, &after).await, 200);
    let folder = server.stop().await;
    let server = Server::start_in(folder, &[("JWT_SECRET", SECRET)]).await;
    assert_eq!((knock(&server, &before).await, knock(&server, &after).await), (401, 200));
}

#[tokio::test]
async fn a_server_without_a_secret_keeps_its_own() {
    let server = Server::start().await;
    let person = server.sign_up("luca").await;
    let folder = server.stop().await;
    let server = Server::start_in(folder, &[]).await;
    assert_eq!(knock(&server, &person).await, 200, "tokens outlive a restart");
    let another = Server::start().await;
    assert_eq!(knock(&another, &person).await, 401, "and are good for no other server");
}
