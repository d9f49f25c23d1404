//! Bare axum: the same JSON, made of constants, to whoever asks.

use axum::{Json, Router, routing::get};
use pacioli_floor::{WhoAmI, serve};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/auth/protected-route", get(who_am_i));
    serve(router).await
}

async fn who_am_i() -> Json<WhoAmI> {
    Json(WhoAmI {
        message: "Hello, Luca Pacioli".to_owned(),
        user_id: "3f0c5a52-6f0a-4a7e-9a3e-0c2f5a6b7c8d".to_owned(),
        email: "luca@example.com".to_owned(),
        role: "superuser".to_owned(),
        company_id: "3f0c5a52-6f0a-4a7e-9a3e-0c2f5a6b7c8d".to_owned(),
    })
}
