use axum::{extract::State, http::StatusCode};
use pacioli_model::{AuditAction, Email, User, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    error::ApiResult,
    extract::{Caller, Line, ManagePeople, Submission, Turn},
    routes::{
        keeping,
        no_store::NoStore,
        shapes::{RoleName, UserOut},
    },
};

/// A new person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name shown.
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Maria Rossi")]
    full_name: Line<200>,
    /// The address they log in with.
    #[schema(value_type = String, format = "email", example = "maria@example.com")]
    email: Email,
    /// A first password; they have to change it before they do anything else.
    #[schema(format = "password", example = "a first password to change")]
    password: String,
    /// What they may do.
    #[serde(default = "employee")]
    #[schema(default = "user")]
    role: RoleName,
}

/// A person who was just added.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedUser {
    /// The person.
    #[serde(flatten)]
    user: UserOut,
    /// How hard the first password is to guess, 0 to 4 (zxcvbn). Shown, not enforced.
    password_strength: u8,
}

fn employee() -> RoleName {
    RoleName::User
}

/// Add a person
///
/// Adds somebody to the caller's company.
#[utoipa::path(
    post, path = "/auth/add-user", tag = "people", operation_id = "add_user",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key gives the same answer")),
    request_body = NewUser,
    responses((status = 201, description = "Added", body = AddedUser)),
)]
pub async fn add_user(
    State(app): State<App>,
    caller: Caller<ManagePeople>,
    Submission { value: new, key, content }: Submission<NewUser>,
) -> ApiResult<Turn<(StatusCode, NoStore<AddedUser>)>> {
    let limit = app.per_company("add-user", &app.config.limits.add_user, caller.company());
    app.admit("add-user", &[limit], &caller.request).await?;
    let company_name = caller.account.company.company_name.as_str();
    let password_strength = app.check_password(
        "password",
        &new.password,
        [company_name, &*new.full_name, new.email.as_str()],
    )?;
    let (company, person) = (caller.company(), caller.user());
    let scope: [&[u8]; 3] = [b"add-user", company.0.as_bytes(), person.0.as_bytes()];
    let work = add(&app, &caller, new, password_strength);
    keeping::once(&app, &key, &scope, &[&content], work).await
}

async fn add(
    app: &App,
    caller: &Caller<ManagePeople>,
    new: NewUser,
    password_strength: u8,
) -> ApiResult<(StatusCode, NoStore<AddedUser>)> {
    let now = app.clock.now();
    let user = User {
        id: UserId(app.random.uuid()),
        company_id: caller.company(),
        full_name: new.full_name.into_inner(),
        email: new.email,
        password_hash: app.hasher.hash(new.password).await?,
        role: new.role.into(),
        created_by: Some(caller.user()),
        created_at: now,
        updated_at: Some(now),
        last_login: None,
        disabled_at: None,
        must_change_password: true,
    };
    let event = caller.event(app, AuditAction::UserAdded, Some(user.id.to_string()));
    caller.data.add_user(&user, &event).await?;
    Ok((StatusCode::CREATED, NoStore(AddedUser { user: (&user).into(), password_strength })))
}
