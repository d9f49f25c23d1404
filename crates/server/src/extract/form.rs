use axum::{
    extract::{FromRequest, Request},
    http::HeaderMap,
};
use serde::Deserialize;

use super::json::{media_type, parse_json, read_body};
use crate::error::{ApiError, ApiResult, Code};

/// An address and a password: the form of OAuth2's password grant, so that Swagger UI's Authorize
/// button works, or the same as JSON. Other members of the form (`grant_type`, `scope`,
/// `client_id`, …) are what OAuth2 clients send along; they are not needed and not refused.
#[derive(Debug)]
pub struct Credentials {
    /// An e-mail address, as typed.
    pub username: String,
    /// Never logged, never sent back.
    pub password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonCredentials {
    #[serde(alias = "email")]
    username: String,
    password: String,
}

impl<S: Send + Sync> FromRequest<S> for Credentials {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let format = Format::of(request.headers())?;
        let bytes = read_body(request, state).await?;
        match format {
            Format::Json => parse_json::<JsonCredentials>(&bytes)
                .map(|given| Self { username: given.username, password: given.password }),
            Format::Form => Ok(Self {
                username: only(&bytes, "username")?,
                password: only(&bytes, "password")?,
            }),
        }
    }
}

enum Format {
    Form,
    Json,
}

impl Format {
    fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let media_type = media_type(headers);
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Ok(Self::Form)
        } else if media_type.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else {
            Err(ApiError::new(
                Code::UnsupportedMediaType,
                "Send `username` and `password` as `application/x-www-form-urlencoded` or as JSON.",
            ))
        }
    }
}

/// The one value of a form field.
fn only(form: &[u8], name: &str) -> ApiResult<String> {
    let mut values = form_urlencoded::parse(form).filter(|(key, _)| key == name);
    let Some((_, value)) = values.next() else {
        return Err(ApiError::invalid(&["body", name], "missing", "Field required."));
    };
    if values.next().is_some() {
        return Err(ApiError::invalid(&["body", name], "duplicate", "This field is given twice."));
    }
    if value.contains('\u{fffd}') {
        return Err(ApiError::invalid(&["body", name], "encoding", "Must be UTF-8."));
    }
    Ok(value.into_owned())
}
