//! All routes in one place, and the layers around them.

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderName, HeaderValue, Method, header},
    response::IntoResponse,
    routing::get,
};
use bytes::Bytes;
use tower_http::{compression::CompressionLayer, cors::CorsLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

use crate::{
    app::App,
    error::{ApiError, Code},
    http, openapi, routes,
    telemetry::Metrics,
};

/// The OpenAPI document of every route.
pub fn document() -> OpenApi {
    let (_, mut document) = all().split_for_parts();
    openapi::complete(&mut document, &routes::anonymous().into_openapi());
    document
}

fn all() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(routes::anonymous())
        .merge(routes::accounts())
        .merge(routes::books())
        .merge(routes::streaming())
}

/// The public service: every route with every layer, outermost last.
pub fn public(app: &App) -> Router {
    let config = &app.config.server;
    // Answers about accounts are small, and may hold tokens beside text of the client's choosing, which
    // compression would let be guessed (BREACH, 2013).
    let bounded = routes::anonymous()
        .merge(routes::accounts())
        .merge(routes::books().layer(CompressionLayer::new()))
        .layer(DefaultBodyLimit::max(config.body_limit_bytes))
        .layer(http::deadline(config.request_timeout()));
    let streaming = routes::streaming()
        .layer(DefaultBodyLimit::disable())
        .layer(http::deadline(config.upload_timeout()));
    let (router, _) = bounded.merge(streaming).split_for_parts();
    let router = router
        .merge(documentation(app).layer(CompressionLayer::new()))
        .method_not_allowed_fallback(|| async {
            ApiError::new(Code::MethodNotAllowed, "This path does not know this method: see Allow.")
        });
    let router =
        router.fallback(|| async { ApiError::new(Code::NotFound, "There is no such path.") });
    // Without other origins there is nothing to tell browsers, and nothing to spend on each request.
    let router = if config.cors_origins.is_empty() { router } else { router.layer(cors(app)) };
    http::around(router, app).with_state(app.clone())
}

/// The operators' service.
pub fn metrics(app: &App) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(app.clone())
}

async fn scrape(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], app.render_metrics().await)
}

/// `/openapi.json`, and Swagger UI from inside the binary.
fn documentation(app: &App) -> Router<App> {
    let document = Bytes::from(document().to_json().unwrap_or_default());
    let router = Router::new().route(
        "/openapi.json",
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
    );
    if !app.config.server.docs {
        return router;
    }
    // Relative, so that it holds behind a proxy that serves the API under a prefix; and no validator,
    // which would be asked over the internet.
    let config = SwaggerConfig::new(["../openapi.json"]).validator_url("none");
    router.merge(SwaggerUi::new("/docs").config(config))
}

fn cors(app: &App) -> CorsLayer {
    let origins = app.config.server.cors_origins.iter();
    let origins: Vec<HeaderValue> =
        origins.filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            name("idempotency-key"),
            name("x-request-id"),
        ])
        .expose_headers([
            name("x-request-id"),
            header::RETRY_AFTER,
            name("ratelimit"),
            name("ratelimit-policy"),
        ])
        .max_age(std::time::Duration::from_mins(10))
}
