//! The floor: axum that verifies the token Pacioli made and answers the same JSON. It looks nothing
//! up, checks no revocation, limits nothing, logs nothing and counts nothing.
//!
//! `JWT_SECRET` is what Pacioli signs with; `FULL_NAME` and `EMAIL` are not in the token and stand in
//! for what Pacioli reads of the account.

use std::{env, error::Error, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::get,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use pacioli_floor::{WhoAmI, serve};
use serde::Deserialize;

struct Floor {
    key: DecodingKey,
    validation: Validation,
    greeting: String,
    email: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    company: String,
    role: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["pacioli"]);
    validation.set_audience(&["pacioli"]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.leeway = 0;
    let key = DecodingKey::from_secret(env::var("JWT_SECRET")?.as_bytes());
    let greeting = format!("Hello, {}", env::var("FULL_NAME")?);
    let floor = Floor { key, validation, greeting, email: env::var("EMAIL")? };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/auth/protected-route", get(who_am_i))
        .with_state(Arc::new(floor));
    Ok(serve(router).await?)
}

async fn who_am_i(
    State(floor): State<Arc<Floor>>,
    headers: HeaderMap,
) -> Result<Json<WhoAmI>, StatusCode> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or(StatusCode::UNAUTHORIZED)?;
    let token = decode::<Claims>(token, &floor.key, &floor.validation);
    let token = token.map_err(|_| StatusCode::UNAUTHORIZED)?;
    if token.header.typ.as_deref() != Some("at+jwt") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let Claims { sub, company, role } = token.claims;
    Ok(Json(WhoAmI {
        message: floor.greeting.clone(),
        user_id: sub,
        email: floor.email.clone(),
        role,
        company_id: company,
    }))
}
