//! What the comparison programs share: where they listen, and what they answer.

use std::{env, io};

use axum::Router;
use serde::Serialize;
use tokio::net::TcpListener;

/// The answer of `GET /auth/protected-route`, member for member as Pacioli gives it.
#[derive(Serialize)]
pub struct WhoAmI {
    /// A greeting.
    pub message: String,
    /// The account.
    pub user_id: String,
    /// Its address.
    pub email: String,
    /// Its role.
    pub role: String,
    /// Its company.
    pub company_id: String,
}

/// Serves on the port that is the first argument.
pub async fn serve(router: Router) -> io::Result<()> {
    let port = env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, router).await
}
