use axum::extract::State;
use pacioli_model::{AuditAction, SessionId};
use pacioli_store::{Scope, UserChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Caller, Json, Line, ManageCompany, OwnAccount, Patch, given, present},
    routes::{
        company::{CompanyPatch, change_company},
        no_store::NoStore,
        shapes::{CompanyOut, RoleName, UserOut},
    },
};

/// Who a token belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct WhoAmI {
    /// A greeting, as the original system gave.
    #[schema(example = "Hello, Luca Pacioli")]
    message: String,
    /// The account.
    user_id: Uuid,
    /// Its address.
    email: String,
    /// Its role.
    role: RoleName,
    /// Its company.
    company_id: Uuid,
}

/// Who am I
///
/// The cheapest question that needs a good token.
#[utoipa::path(
    get, path = "/auth/protected-route", tag = "auth", operation_id = "who_am_i",
    responses((status = 200, description = "The token is good", body = WhoAmI)),
)]
pub async fn who_am_i(caller: Caller<OwnAccount>) -> NoStore<WhoAmI> {
    let user = &caller.account.user;
    NoStore(WhoAmI {
        message: format!("Hello, {}", user.full_name),
        user_id: user.id.0,
        email: user.email.to_string(),
        role: user.role.into(),
        company_id: user.company_id.0,
    })
}

/// A person and their company.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile {
    /// The person.
    user: UserOut,
    /// Their company.
    company: CompanyOut,
    /// The session that asked.
    session_id: Uuid,
}

/// My profile
#[utoipa::path(
    get, path = "/auth/me", tag = "auth", operation_id = "my_profile",
    responses((status = 200, description = "The account and its company", body = Profile)),
)]
pub async fn my_profile(caller: Caller<OwnAccount>) -> NoStore<Profile> {
    let SessionId(session_id) = caller.session();
    let account = &caller.account;
    NoStore(Profile {
        user: (&account.user).into(),
        company: (&account.company).into(),
        session_id,
    })
}

/// A merge patch (RFC 7396) of one's own profile: what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserProfilePatch {
    /// The name shown.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    full_name: Option<Line<200>>,
}

/// Update my profile
#[utoipa::path(
    put, path = "/auth/update-profile/user", tag = "auth", operation_id = "update_profile_user",
    request_body(content((UserProfilePatch = "application/json"), (UserProfilePatch = "application/merge-patch+json"))),
    responses((status = 200, description = "The profile as it is now", body = UserOut)),
)]
pub async fn update_user_profile(
    State(app): State<App>,
    caller: Caller<OwnAccount>,
    Json(patch): Json<UserProfilePatch>,
) -> ApiResult<NoStore<UserOut>> {
    let user = rename(&app, &caller, patch.full_name).await?;
    app.accounts.invalidate(Scope::User(caller.company(), caller.user())).await;
    Ok(NoStore(user))
}

async fn rename<P>(app: &App, caller: &Caller<P>, name: Option<Line<200>>) -> ApiResult<UserOut> {
    let Some(full_name) = name else { return Ok((&caller.account.user).into()) };
    let change = UserChange {
        full_name: Some(full_name.into_inner()),
        updated_at: Some(app.clock.now()),
        ..UserChange::default()
    };
    let event = caller.event(app, AuditAction::ProfileUpdated, Some(caller.user().to_string()));
    let user = caller.data.update_user(caller.user(), &change, Some(&event)).await?;
    user.as_ref().map(UserOut::from).ok_or_else(ApiError::not_found)
}

/// A merge patch of a superuser's own name and of the company's profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperuserProfilePatch {
    /// The name shown.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    full_name: Option<Line<200>>,
    /// The company's name.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    company_name: Option<Line<200>>,
    /// Line of business.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200)]
    industry: Patch<Line<200>>,
    /// Head count or a range.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 100)]
    size: Patch<Line<100>>,
    /// Postal address.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 500)]
    address: Patch<Line<500>>,
}

/// Update my profile and my company's
#[utoipa::path(
    put, path = "/auth/update-profile/superuser", tag = "auth", operation_id = "update_profile_superuser",
    request_body(content((SuperuserProfilePatch = "application/json"), (SuperuserProfilePatch = "application/merge-patch+json"))),
    responses((status = 200, description = "Both as they are now", body = Profile)),
)]
pub async fn update_superuser_profile(
    State(app): State<App>,
    caller: Caller<ManageCompany>,
    Json(patch): Json<SuperuserProfilePatch>,
) -> ApiResult<NoStore<Profile>> {
    let user = rename(&app, &caller, patch.full_name).await?;
    let company = CompanyPatch {
        company_name: patch.company_name,
        industry: patch.industry,
        size: patch.size,
        address: patch.address,
        time_zone: None,
    };
    let company = change_company(&app, &caller, company).await?;
    Ok(NoStore(Profile { user, company, session_id: caller.session().0 }))
}
