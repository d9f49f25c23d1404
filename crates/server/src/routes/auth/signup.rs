use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use pacioli_model::{
    AuditAction, AuditEvent, AuditId, Company, CompanyId, Email, Outcome, Role, User, UserId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    auth::{Tokens, start_session, verify_login},
    error::{ApiError, ApiResult},
    extract::{Credentials, Line, Submission, Turn, kept},
    http::RequestContext,
    routes::{
        no_store::NoStore,
        shapes::{CompanyOut, UserOut},
    },
};

/// A company and the person who owns it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// The owner's name.
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Luca Pacioli")]
    full_name: Line<200>,
    /// The owner's e-mail address; it logs in with it.
    #[schema(value_type = String, format = "email", example = "luca@example.com")]
    email: Email,
    /// At least 12 characters by default; any characters, no rules about kinds.
    #[schema(format = "password", example = "summa de arithmetica")]
    password: String,
    /// The company's name.
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Summa Trading")]
    company_name: Line<200>,
    /// Line of business.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "Wholesale")]
    industry: Option<Line<200>>,
    /// Head count or a range, in your own words.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100, example = "50-100")]
    size: Option<Line<100>>,
    /// Postal address.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    address: Option<Line<500>>,
}

/// A new company, its owner, and the owner's first session.
#[derive(Serialize, ToSchema)]
pub struct SignedUp {
    /// The owner is logged in.
    #[serde(flatten)]
    tokens: Tokens,
    /// The owner.
    user: UserOut,
    /// The company.
    company: CompanyOut,
    /// How hard the password is to guess, 0 to 4 (zxcvbn). Shown, not enforced.
    password_strength: u8,
}

/// Sign a company up
///
/// Creates the company and its first superuser at once, or neither, and logs the superuser in.
#[utoipa::path(
    post, path = "/auth/signup", tag = "auth", operation_id = "sign_up",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a sign-up with the same key and body logs in to the company it made")),
    request_body = SignUp,
    responses((status = 201, description = "The company exists and its owner is logged in", body = SignedUp)),
)]
pub async fn sign_up(
    State(app): State<App>,
    request: RequestContext,
    Submission { value: given, key, content }: Submission<SignUp>,
) -> ApiResult<(StatusCode, NoStore<SignedUp>)> {
    let limit = app.per_address("signup", &app.config.limits.signup, &request);
    app.admit("signup", &[limit], &request).await?;
    let context = [&*given.company_name, &*given.full_name, given.email.as_str()];
    let strength = app.check_password("password", &given.password, context)?;
    let credentials =
        Credentials { username: given.email.to_string(), password: given.password.clone() };
    // Tokens are not kept for a repeat: it proves its password like a login and gets its own.
    let work = create(&app, given, &request);
    let nothing = |_: &(Company, User)| kept(StatusCode::CREATED, &());
    match key.once(&app, &[b"signup"], &[&content], work, nothing).await? {
        Turn::First((company, user)) => answer(&app, &user, &company, strength, &request).await,
        Turn::Repeat(_) => {
            let headers = HeaderMap::new();
            let user = verify_login(&app, credentials, &headers, &request).await?.user;
            let company = app.store.tenant(user.company_id).company().await?;
            let company = company.ok_or_else(ApiError::not_found)?;
            answer(&app, &user, &company, strength, &request).await
        }
    }
}

async fn create(app: &App, given: SignUp, request: &RequestContext) -> ApiResult<(Company, User)> {
    let (company, user) = accounts(app, given).await?;
    app.store.sign_up(&company, &user, &signed_up(app, &company, request)).await?;
    tracing::info!(
        event = "company.signed_up", company_id = %company.id, request_id = %request.request_id,
        "a company signed up"
    );
    Ok((company, user))
}

async fn answer(
    app: &App,
    user: &User,
    company: &Company,
    password_strength: u8,
    request: &RequestContext,
) -> ApiResult<(StatusCode, NoStore<SignedUp>)> {
    let tokens = start_session(app, user, request, AuditAction::LoggedIn).await?;
    let body = SignedUp { tokens, user: user.into(), company: company.into(), password_strength };
    Ok((StatusCode::CREATED, NoStore(body)))
}

async fn accounts(app: &App, given: SignUp) -> ApiResult<(Company, User)> {
    let now = app.clock.now();
    let founder = UserId(app.random.uuid());
    let company = Company {
        id: CompanyId::of_founder(founder),
        company_name: given.company_name.into_inner(),
        industry: given.industry.map(Line::into_inner),
        size: given.size.map(Line::into_inner),
        address: given.address.map(Line::into_inner),
        time_zone: "UTC".to_owned(),
        created_at: now,
        updated_at: now,
        disabled_at: None,
    };
    let user = User {
        id: founder,
        company_id: company.id,
        full_name: given.full_name.into_inner(),
        email: given.email,
        password_hash: app.hasher.hash(given.password).await?,
        role: Role::Superuser,
        created_by: None,
        created_at: now,
        updated_at: Some(now),
        last_login: None,
        disabled_at: None,
        must_change_password: false,
    };
    Ok((company, user))
}

fn signed_up(app: &App, company: &Company, request: &RequestContext) -> AuditEvent {
    AuditEvent {
        id: AuditId(app.random.uuid()),
        company_id: company.id,
        at: app.clock.now(),
        action: AuditAction::CompanySignedUp,
        outcome: Outcome::Success,
        actor: Some(UserId(company.id.0)),
        target: None,
        detail: None,
        address: Some(request.client.to_string()),
        request_id: Some(request.request_id.to_string()),
    }
}
