use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use pacioli_model::{
    AuditAction, AuditEvent, AuditId, CompanyId, Outcome, Permission, SessionId, UserId,
};
use pacioli_store::{Account, TenantStore};

use crate::{
    app::App,
    auth::TokenError,
    error::{ApiError, ApiResult, Code},
    http::RequestContext,
};

/// Names a permission in a handler's signature.
pub trait Permit: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! permits {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Permit for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )+};
}

permits! {
    /// One's own account and sessions; the only one open before a required password change.
    OwnAccount,
    /// Questions and the tables that answer them.
    AskQuestions,
    /// SQL of one's own.
    RunSql,
    /// Marking answers as right, and saying what is right where they are not.
    VerifyAnswers,
    /// Having answers sent to people and programs.
    ManageDeliveries,
    /// Loading and deleting tables, connecting systems, declaring what tables mean.
    ManageData,
    /// Adding, changing and removing people.
    ManagePeople,
    /// Changing the company's profile.
    ManageCompany,
    /// Reading the audit log.
    ReadAudit,
}

/// The only door to a company's data: a person with a good token whose role carries `P`.
pub struct Caller<P> {
    /// Who it is, read for this request or pushed fresh.
    pub account: Arc<Account>,
    /// Their company's data, and no other's.
    pub data: TenantStore,
    /// The request they are making.
    pub request: RequestContext,
    permit: PhantomData<P>,
}

impl<P> Caller<P> {
    /// Their company.
    pub fn company(&self) -> CompanyId {
        self.account.company.id
    }

    /// Their account.
    pub fn user(&self) -> UserId {
        self.account.user.id
    }

    /// The session that this request's token belongs to.
    pub fn session(&self) -> SessionId {
        self.account.session.id
    }

    /// An entry for the company's audit log: this person did `action` to `target`. The request's log
    /// line says the same, beside how it ended.
    pub fn event(&self, app: &App, action: AuditAction, target: Option<String>) -> AuditEvent {
        self.request.note("action", serde_json::to_value(action).unwrap_or_default());
        if let Some(target) = &target {
            self.request.note("target", target.as_str());
        }
        AuditEvent {
            id: AuditId(app.random.uuid()),
            company_id: self.company(),
            at: app.clock.now(),
            action,
            outcome: Outcome::Success,
            actor: Some(self.user()),
            target,
            detail: None,
            address: Some(self.request.client.to_string()),
            request_id: Some(self.request.request_id.to_string()),
        }
    }
}

impl<P: Permit> FromRequestParts<App> for Caller<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let request = RequestContext::of(&parts.extensions);
        let token = bearer(&parts.headers)?;
        let account = authenticate(app, token, &request).await?;
        request.identify(account.company.id, account.user.id);
        permit::<P>(&account)?;
        let data = app.store.tenant(account.company.id);
        Ok(Self { account, data, request, permit: PhantomData })
    }
}

/// The bearer token, which is read from nowhere but the one `Authorization` header (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> ApiResult<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let missing = || ApiError::new(Code::NotAuthenticated, "Not authenticated");
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(ApiError::new(Code::BadRequest, "Send one Authorization header, not several."));
    }
    let text = value.to_str().map_err(|_| refused())?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(missing()),
    }
}

fn refused() -> ApiError {
    ApiError::new(Code::InvalidToken, "Could not validate credentials")
}

async fn authenticate(app: &App, token: &str, request: &RequestContext) -> ApiResult<Arc<Account>> {
    let reject = |error: TokenError| {
        app.metrics.token_refused(error.as_str());
        request.note("token_error", error.as_str());
        refused()
    };
    let now = app.clock.now();
    let claims = app.tokens.verify(token, now).map_err(reject)?;
    let account = app.accounts.get(claims.sid, now).await?;
    let account = account.ok_or_else(|| reject(TokenError::Revoked))?;
    let same = account.user.id == claims.sub && account.company.id == claims.company;
    let open = account.user.is_active()
        && account.company.disabled_at.is_none()
        && account.session.expires_at > now;
    if same && open { Ok(account) } else { Err(reject(TokenError::Revoked)) }
}

fn permit<P: Permit>(account: &Account) -> ApiResult<()> {
    if !account.user.role.allows(P::PERMISSION) {
        return Err(ApiError::new(
            Code::InsufficientRole,
            "Your role does not allow this. Ask a superuser of your company.",
        ));
    }
    if account.user.must_change_password && P::PERMISSION != Permission::OwnAccount {
        return Err(ApiError::new(
            Code::PasswordChangeRequired,
            "Somebody else chose your password. Change it first: POST /auth/change-password.",
        ));
    }
    Ok(())
}
