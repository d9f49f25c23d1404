//! The OpenAPI document: what the handlers say of themselves, and what is true of every operation.

use utoipa::{
    OpenApi,
    openapi::{
        Content, HeaderBuilder, OpenApi as Document, PathItem, Ref, ResponseBuilder,
        path::Operation,
        security::{Flow, OAuth2, Password, Scopes, SecurityRequirement, SecurityScheme},
    },
};

use crate::error::{Code, FieldError, ProblemBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pacioli",
        description = "Ask your company's own books in plain English, and get answers you can check.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(),
    ),
    tags(
        (name = "auth", description = "Signing up, logging in, one's own account"),
        (name = "people", description = "The people of a company"),
        (name = "company", description = "The company and its audit log"),
        (name = "data", description = "Files, tables, loads"),
        (name = "semantics", description = "What tables mean: metrics, names, filters, relationships, policies"),
        (name = "connections", description = "Systems that tables are loaded from, and their runs"),
        (name = "questions", description = "Questions and answers"),
        (name = "deliveries", description = "Answers that are sent to people and programs by themselves"),
        (name = "dashboards", description = "Saved questions and dashboards"),
        (name = "health", description = "For the people who run the server"),
    ),
    components(schemas(ProblemBody, FieldError)),
)]
struct Base;

/// The document before any route is added to it.
pub fn base() -> Document {
    Base::openapi()
}

const SCHEME: &str = "OAuth2PasswordBearer";

/// What a company's tokens may be refused for.
const CLOSED: [Code; 2] = [Code::NotAuthenticated, Code::InsufficientRole];

/// Completes `document`, whose operations under `anonymous` are open: the security scheme that makes
/// Swagger UI's Authorize button work, and the problems that any operation may answer.
pub fn complete(document: &mut Document, anonymous: &Document) {
    // Relative, so that it holds behind a proxy that serves the API under a prefix.
    let flow = Flow::Password(Password::new("auth/login", Scopes::new()));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(SCHEME, SecurityScheme::OAuth2(OAuth2::new([flow])));
    for (path, item) in &mut document.paths.paths {
        let is_open = anonymous.paths.paths.contains_key(path);
        for operation in operations(item) {
            add_problems(path, operation, is_open);
            let closed = SecurityRequirement::new(SCHEME, [] as [&str; 0]);
            operation.security = (!is_open).then(|| vec![closed]);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn add_problems(path: &str, operation: &mut Operation, is_open: bool) {
    let mut codes = vec![
        Code::BadRequest,
        Code::RequestTimeout,
        Code::RateLimited,
        Code::Internal,
        Code::Unavailable,
    ];
    if !is_open {
        codes.extend(CLOSED);
    } else if path.starts_with("/auth/") {
        codes.push(Code::InvalidCredentials);
    }
    if path.contains('{') {
        codes.push(Code::NotFound);
    }
    if operation.request_body.is_some() {
        codes.extend([Code::TooLarge, Code::UnsupportedMediaType, Code::Invalid, Code::Conflict]);
    } else if operation.parameters.is_some() {
        codes.extend([Code::Invalid, Code::Conflict]);
    }
    for code in codes {
        let status = code.status().as_u16().to_string();
        operation.responses.responses.entry(status).or_insert_with(|| problem(code).into());
    }
}

fn problem(code: Code) -> utoipa::openapi::Response {
    let mut content = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    content.example = None;
    let mut response = ResponseBuilder::new()
        .description(code.title())
        .content("application/problem+json", content);
    if matches!(code, Code::RateLimited | Code::Unavailable) {
        let seconds = HeaderBuilder::new().description(Some("Seconds to wait")).build();
        response = response.header("Retry-After", seconds);
    }
    response.build()
}
