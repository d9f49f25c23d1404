use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::json::field_refusal;
use crate::error::{ApiError, ApiResult};

/// The one parameter of a path. Text that cannot name anything names nothing: 404, as for an id
/// that does not exist.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| ApiError::not_found())?;
        let value = params.iter().next().and_then(|(_, value)| value.parse().ok());
        value.map(Self).ok_or_else(ApiError::not_found)
    }
}

/// The query string, checked against its type; an unknown or a repeated parameter is 422.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let text = parts.uri.query().unwrap_or("");
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
        match serde_path_to_error::deserialize(reader) {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(field_refusal(&["query"], error.path(), &error.inner().to_string())),
        }
    }
}
