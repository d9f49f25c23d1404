use axum::{extract::State, http::StatusCode};
use pacioli_model::{AuditAction, Direction, User, UserId};
use pacioli_store::{Scope, SortUsers, UserChange, UserQuery};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    no_store::NoStore,
    paging,
    shapes::{Listing, RoleName, UserOut},
};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    extract::{Caller, Json, Line, ManagePeople, Path, Query, present},
};

/// Longest text that people are searched by.
const SEARCH_CHARS: usize = 200;

/// Which people, in which order.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListUsers {
    /// Rows on a page, 1 to 100.
    #[serde(default = "paging::default_limit")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u32,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `created_at`, `full_name`, `email` or `last_login`, with `-` in front for descending order.
    #[serde(default = "newest_first")]
    #[param(default = "-created_at")]
    sort: String,
    /// Part of the name or of the address.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only this role.
    role: Option<RoleName>,
    /// Only accounts that are, or are not, active.
    is_active: Option<bool>,
    /// Also count all that match.
    #[serde(default)]
    count: bool,
}

fn newest_first() -> String {
    "-created_at".to_owned()
}

/// List people
#[utoipa::path(
    get, path = "/users", tag = "people", operation_id = "list_users", params(ListUsers),
    responses((status = 200, description = "People of the caller's company", body = Listing<UserOut>)),
)]
pub async fn list_users(
    State(app): State<App>,
    caller: Caller<ManagePeople>,
    Query(list): Query<ListUsers>,
) -> ApiResult<NoStore<Listing<UserOut>>> {
    let scope = format!("users/{}/{}", caller.company(), list.sort);
    let (sort, direction) = sort_key(&list.sort)?;
    if list.search.as_ref().is_some_and(|text| text.chars().count() > SEARCH_CHARS) {
        let text = format!("Must be at most {SEARCH_CHARS} characters.");
        return Err(ApiError::invalid(&["query", "search"], "out_of_range", text));
    }
    let query = UserQuery {
        search: list.search.filter(|text| !text.trim().is_empty()),
        role: list.role.map(Into::into),
        active: list.is_active,
        sort,
        direction,
        after: paging::open(&app.keys, &scope, list.cursor.as_deref())?,
        limit: paging::check_limit(list.limit)?,
        count_total: list.count,
        ..UserQuery::default()
    };
    let page = caller.data.users(&query).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, |user: User| (&user).into())))
}

fn sort_key(text: &str) -> ApiResult<(SortUsers, Direction)> {
    let (name, direction) = match text.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (text, Direction::Ascending),
    };
    let sort = match name {
        "created_at" => SortUsers::CreatedAt,
        "full_name" => SortUsers::FullName,
        "email" => SortUsers::Email,
        "last_login" => SortUsers::LastLogin,
        _ => {
            let known =
                "Must be created_at, full_name, email or last_login, with - for descending.";
            return Err(ApiError::invalid(&["query", "sort"], "enum", known));
        }
    };
    Ok((sort, direction))
}

/// Read a person
#[utoipa::path(
    get, path = "/users/{id}", tag = "people", operation_id = "get_user",
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "A person of the caller's company", body = UserOut)),
)]
pub async fn get_user(
    caller: Caller<ManagePeople>,
    Path(id): Path<UserId>,
) -> ApiResult<NoStore<UserOut>> {
    let user = caller.data.user(id).await?.ok_or_else(ApiError::not_found)?;
    Ok(NoStore((&user).into()))
}

/// A merge patch (RFC 7396) of a person: what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// The name shown.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    full_name: Option<Line<200>>,
    /// What they may do. The last active superuser keeps the role.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = RoleName, required = false)]
    role: Option<RoleName>,
}

/// Change a person
#[utoipa::path(
    patch, path = "/users/{id}", tag = "people", operation_id = "update_user",
    params(("id" = Uuid, Path, description = "The person")),
    request_body(content((UserPatch = "application/json"), (UserPatch = "application/merge-patch+json"))),
    responses((status = 200, description = "The person as they are now", body = UserOut)),
)]
pub async fn update_user(
    State(app): State<App>,
    caller: Caller<ManagePeople>,
    Path(id): Path<UserId>,
    Json(patch): Json<UserPatch>,
) -> ApiResult<NoStore<UserOut>> {
    if patch.full_name.is_none() && patch.role.is_none() {
        return get_user(caller, Path(id)).await;
    }
    let action =
        if patch.role.is_some() { AuditAction::RoleChanged } else { AuditAction::UserUpdated };
    let change = UserChange {
        full_name: patch.full_name.map(Line::into_inner),
        role: patch.role.map(Into::into),
        updated_at: Some(app.clock.now()),
        ..UserChange::default()
    };
    change_user(&app, &caller, id, &change, action).await.map(NoStore)
}

/// Shut a person out
///
/// Their tokens are refused from the next request on.
#[utoipa::path(
    post, path = "/users/{id}/deactivate", tag = "people", operation_id = "deactivate_user",
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "Shut out", body = UserOut)),
)]
pub async fn deactivate_user(
    State(app): State<App>,
    caller: Caller<ManagePeople>,
    Path(id): Path<UserId>,
) -> ApiResult<NoStore<UserOut>> {
    let now = app.clock.now();
    let change =
        UserChange { disabled_at: Some(Some(now)), updated_at: Some(now), ..UserChange::default() };
    let user = change_user(&app, &caller, id, &change, AuditAction::UserDeactivated).await?;
    caller.data.end_sessions_of(id, None, None).await?;
    app.accounts.invalidate(Scope::User(caller.company(), id)).await;
    Ok(NoStore(user))
}

/// Let a person in again
#[utoipa::path(
    post, path = "/users/{id}/reactivate", tag = "people", operation_id = "reactivate_user",
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "Let in", body = UserOut)),
)]
pub async fn reactivate_user(
    State(app): State<App>,
    caller: Caller<ManagePeople>,
    Path(id): Path<UserId>,
) -> ApiResult<NoStore<UserOut>> {
    let change = UserChange {
        disabled_at: Some(None),
        updated_at: Some(app.clock.now()),
        ..UserChange::default()
    };
    let user = change_user(&app, &caller, id, &change, AuditAction::UserReactivated).await?;
    Ok(NoStore(user))
}

/// A password that somebody else has chosen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// They have to change it before they do anything else.
    #[schema(format = "password")]
    new_password: String,
}

/// Reset a person's password
///
/// Signs them out everywhere; they have to change the password at the next login.
#[utoipa::path(
    post, path = "/users/{id}/reset-password", tag = "people", operation_id = "reset_user_password",
    params(("id" = Uuid, Path, description = "The person")),
    request_body = ResetPassword,
    responses((status = 200, description = "Reset", body = UserOut)),
)]
pub async fn reset_password(
    State(app): State<App>,
    caller: Caller<ManagePeople>,
    Path(id): Path<UserId>,
    Json(given): Json<ResetPassword>,
) -> ApiResult<NoStore<UserOut>> {
    let user = caller.data.user(id).await?.ok_or_else(ApiError::not_found)?;
    if id == caller.user() {
        let text = "This is your own account: use POST /auth/change-password.";
        return Err(ApiError::new(Code::Conflict, text));
    }
    let company_name = caller.account.company.company_name.as_str();
    let context = [company_name, user.full_name.as_str(), user.email.as_str()];
    app.check_password("new_password", &given.new_password, context)?;
    let change = UserChange {
        password_hash: Some(app.hasher.hash(given.new_password).await?),
        must_change_password: Some(true),
        updated_at: Some(app.clock.now()),
        ..UserChange::default()
    };
    let user = change_user(&app, &caller, id, &change, AuditAction::PasswordReset).await?;
    caller.data.end_sessions_of(id, None, None).await?;
    app.accounts.invalidate(Scope::User(caller.company(), id)).await;
    Ok(NoStore(user))
}

/// Delete a person
///
/// Removes the account and its sessions for good; the audit log keeps its id.
#[utoipa::path(
    delete, path = "/users/{id}", tag = "people", operation_id = "delete_user",
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete_user(
    State(app): State<App>,
    caller: Caller<ManagePeople>,
    Path(id): Path<UserId>,
) -> ApiResult<StatusCode> {
    let event = caller.event(&app, AuditAction::UserDeleted, Some(id.to_string()));
    if !caller.data.delete_user(id, &event).await? {
        return Err(ApiError::not_found());
    }
    app.accounts.invalidate(Scope::User(caller.company(), id)).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn change_user(
    app: &App,
    caller: &Caller<ManagePeople>,
    id: UserId,
    change: &UserChange,
    action: AuditAction,
) -> ApiResult<UserOut> {
    let event = caller.event(app, action, Some(id.to_string()));
    let user = caller.data.update_user(id, change, Some(&event)).await?;
    app.accounts.invalidate(Scope::User(caller.company(), id)).await;
    user.as_ref().map(UserOut::from).ok_or_else(ApiError::not_found)
}
