use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use pacioli_store::CacheState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Is the process alive
#[utoipa::path(
    get, path = "/healthz", tag = "health", operation_id = "healthz", security(()),
    responses((status = 200, description = "It is", body = Alive)),
)]
pub async fn healthz() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(Alive { status: "ok" }))
}

/// Whether the server can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `degraded` (serving, with something missing) or `unready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// Each thing the server depends on.
    dependencies: Vec<Dependency>,
}

/// One thing the server depends on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dependency {
    /// `store`, `cache`, `files` or `engine`.
    name: &'static str,
    /// Which kind is in use: `sqlite`, `mongodb`, `in_process`, `redis`, …
    kind: &'static str,
    /// `up`, `degraded` or `down`.
    state: &'static str,
    /// Without it nothing can be served.
    required: bool,
}

/// Can the server do its work
///
/// Asks every dependency. A cache that is gone only degrades: accounts come from the store then.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz", security(()),
    responses(
        (status = 200, description = "It can; `degraded` says that something is missing", body = Readiness),
        (status = 503, description = "It cannot, or is stopping", body = Readiness),
    ),
)]
pub async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let (store, files) = app.required_are_up().await;
    let is_degraded = matches!(app.cache.state(), CacheState::Degraded { .. });
    let cache = if is_degraded { "degraded" } else { "up" };
    let state = |is_up: bool| if is_up { "up" } else { "down" };
    let dependencies = vec![
        Dependency { name: "store", kind: app.store.kind(), state: state(store), required: true },
        Dependency {
            name: "cache",
            kind: app.cache.kind().as_str(),
            state: cache,
            required: false,
        },
        Dependency { name: "files", kind: app.files.kind(), state: state(files), required: true },
    ];
    let unready = app.stopping.is_cancelled()
        || dependencies.iter().any(|one| one.required && one.state == "down");
    let status = match (unready, cache) {
        (true, _) => "unready",
        (false, "degraded") => "degraded",
        (false, _) => "ready",
    };
    let code = if unready { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(Readiness { status, dependencies }))
}
