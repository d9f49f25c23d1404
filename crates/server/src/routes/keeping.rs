//! What people of a company make and keep, as routes have it: made once, listed, found and forgotten in one
//! way.

use axum::http::StatusCode;
use pacioli_model::AuditAction;
use pacioli_store::Kept;
use serde::Serialize;

use super::{connections::ListPage, no_store::NoStore, paging, shapes::Listing};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Caller, IdempotencyKey, Turn, kept},
};

/// An answer of JSON and its status.
pub type Answer<T> = (StatusCode, NoStore<T>);

/// As [`IdempotencyKey::once`], of work whose answer is JSON.
pub async fn once<T: Serialize>(
    app: &App,
    key: &IdempotencyKey,
    scope: &[&[u8]],
    content: &[&[u8]],
    work: impl Future<Output = ApiResult<Answer<T>>>,
) -> ApiResult<Turn<Answer<T>>> {
    let keep = |(status, NoStore(answer)): &Answer<T>| kept(*status, answer);
    key.once(app, scope, content, work, keep).await
}

/// Refuses one more where the company has the most that it may; `what` names them.
pub async fn check_room<T: Kept, P>(caller: &Caller<P>, most: u64, what: &str) -> ApiResult<()> {
    if caller.data.count_kept::<T>().await? < most {
        return Ok(());
    }
    let text = format!("A company has at most {most} {what}.");
    Err(ApiError::invalid(&["body"], "too_many", text))
}

/// The company's, the newest first; `name` sets the list's cursors apart.
pub async fn list<T: Kept, U: From<T>, P>(
    app: &App,
    caller: &Caller<P>,
    name: &str,
    page: &ListPage,
) -> ApiResult<NoStore<Listing<U>>> {
    let scope = format!("{name}/{}", caller.company());
    let page = caller.data.all_kept::<T>(&page.request(app, &scope)?).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, U::from)))
}

/// The company's of this id; 404 where there is none.
pub async fn found<T: Kept, P>(caller: &Caller<P>, id: impl ToString) -> ApiResult<T> {
    caller.data.kept(&id.to_string()).await?.ok_or_else(ApiError::not_found)
}

/// Forgets it, and says so in the audit log; 404 where there is none.
pub async fn forget<T: Kept, P>(
    app: &App,
    caller: &Caller<P>,
    id: impl ToString,
    action: AuditAction,
) -> ApiResult<StatusCode> {
    let id = id.to_string();
    let event = caller.event(app, action, Some(id.clone()));
    let was_there = caller.data.forget_kept::<T>(&id, Some(&event)).await?;
    was_there.then_some(StatusCode::NO_CONTENT).ok_or_else(ApiError::not_found)
}
