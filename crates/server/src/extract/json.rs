use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::Segment;

use crate::error::{ApiError, Code};

/// A JSON body, checked against its type: syntax is 400, a value that does not fit is 422 with its
/// place, anything but JSON is 415.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "Send the body as JSON, with `Content-Type: application/json`.",
            ));
        }
        let bytes = read_body(request, state).await?;
        parse_json(&bytes).map(Self)
    }
}

/// The essence of the Content-Type, without parameters.
pub fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or("").split(';').next().unwrap_or("").trim()
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = media_type(headers);
    let suffix = essence.rsplit(['/', '+']).next().unwrap_or("");
    essence.len() > 12
        && essence[..12].eq_ignore_ascii_case("application/")
        && suffix.eq_ignore_ascii_case("json")
}

/// The whole body, up to the route's limit.
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::new(Code::TooLarge, "The body is larger than this route takes.")
        } else {
            ApiError::new(Code::BadRequest, "The body could not be read to its end.")
        }
    })
}

/// Reads JSON text as `T`.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Of an array, serde would take a struct's members by their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        let array = serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| syntax(&error));
        return Err(array.map_or_else(
            |error| error,
            |_| ApiError::invalid(&["body"], "type_error", "Must be an object."),
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| refusal(&error, bytes))?;
    reader.end().map_err(|error| syntax(&error))?;
    Ok(value)
}

fn syntax(error: &serde_json::Error) -> ApiError {
    let place = format!("line {}, column {}", error.line(), error.column());
    ApiError::new(Code::MalformedBody, format!("The body is not valid JSON at {place}."))
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>, bytes: &[u8]) -> ApiError {
    // Of a number in the place of a word out of a few, serde_json says that the syntax is wrong.
    if !error.inner().is_data() && serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
        return syntax(error.inner());
    }
    field_refusal(&["body"], error.path(), &error.inner().to_string())
}

/// Turns serde's words into one refused value. They may quote the value itself (`invalid type:
/// integer 5`), which is never sent back: it could be a password.
pub fn field_refusal(source: &[&str], path: &serde_path_to_error::Path, words: &str) -> ApiError {
    let words = words.split(" at line ").next().unwrap_or(words);
    let path: Vec<String> = path.iter().filter_map(name).collect();
    let mut loc = source.to_vec();
    loc.extend(path.iter().map(String::as_str));
    let quoted = |prefix: &str| words.strip_prefix(prefix).and_then(|rest| rest.split('`').nth(1));
    if let Some(name) = quoted("missing field ") {
        loc.push(name);
        return ApiError::invalid(&loc, "missing", "Field required.");
    }
    if let Some(name) = quoted("unknown field ") {
        let known = words.split_once(", expected ").map_or("", |(_, known)| known);
        if loc.last() != Some(&name) {
            loc.push(name);
        }
        return ApiError::invalid(
            &loc,
            "extra_forbidden",
            format!("Unknown field; known: {known}."),
        );
    }
    if let Some(name) = quoted("duplicate field ") {
        loc.push(name);
        return ApiError::invalid(&loc, "duplicate", "This field is given twice.");
    }
    if words.starts_with("invalid type") || words.starts_with("invalid value") {
        let expected = words.rsplit_once("expected ").map_or("another type", |(_, what)| what);
        return ApiError::invalid(&loc, "type_error", format!("Must be {expected}."));
    }
    if words.starts_with("unknown variant") {
        let known = words.split_once(", expected ").map_or("", |(_, known)| known);
        return ApiError::invalid(&loc, "enum", format!("Must be {known}."));
    }
    if words == "expected value" {
        return ApiError::invalid(&loc, "type_error", "Must be a value of another type.");
    }
    ApiError::invalid(&loc, "value_error", format!("Must be valid: {words}."))
}

fn name(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Map { key } => Some(key.clone()),
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}
