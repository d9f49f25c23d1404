use std::panic::AssertUnwindSafe;

use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use crate::error::{ApiError, Code};

/// Runs a request. If it panics, the answer is one 500 without a word of why, and the server lives:
/// what a handler shares is behind locks of its own. Place and count are the panic hook's.
pub(super) async fn guard(work: impl Future<Output = Response>) -> Response {
    let result = AssertUnwindSafe(work).catch_unwind().await;
    result.unwrap_or_else(|_| {
        let text = "The server made a mistake. It is in its log under this request id.";
        ApiError::new(Code::Internal, text).into_response()
    })
}
