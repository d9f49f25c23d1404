//! Lists in pages. A cursor is the position after the last row, sealed for one list of one company:
//! to anybody else, and for another order, it means nothing.

use pacioli_store::{After, Page};

use super::shapes::Listing;
use crate::{
    auth::{Keys, Purpose},
    error::{ApiError, ApiResult},
};

const SEPARATOR: char = '\u{1f}';

/// Rows on a page unless asked otherwise.
pub fn default_limit() -> u32 {
    50
}

/// 1 to 100.
pub fn check_limit(limit: u32) -> ApiResult<u32> {
    if (1..=100).contains(&limit) {
        return Ok(limit);
    }
    Err(ApiError::invalid(&["query", "limit"], "out_of_range", "Must be 1 to 100."))
}

/// The position that a cursor names.
pub fn open(keys: &Keys, scope: &str, cursor: Option<&str>) -> ApiResult<Option<After>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let position = keys.open(Purpose::Cursor, scope.as_bytes(), cursor);
    let text = position.and_then(|bytes| String::from_utf8(bytes).ok());
    let after = text.as_deref().and_then(|text| text.rsplit_once(SEPARATOR));
    let after = after.map(|(key, id)| After { key: key.to_owned(), id: id.to_owned() });
    after.map(Some).ok_or_else(|| {
        let text = "Must be the `next_cursor` of the page before, with the same `sort`.";
        ApiError::invalid(&["query", "cursor"], "value_error", text)
    })
}

/// A page as it is sent.
pub fn listing<T, U>(
    keys: &Keys,
    scope: &str,
    page: Page<T>,
    shape: impl Fn(T) -> U,
) -> Listing<U> {
    let cursor = |after: After| {
        let position = format!("{}{SEPARATOR}{}", after.key, after.id);
        keys.seal(Purpose::Cursor, scope.as_bytes(), position.as_bytes())
    };
    Listing {
        items: page.items.into_iter().map(shape).collect(),
        next_cursor: page.next.map(cursor),
        total: page.total,
    }
}
