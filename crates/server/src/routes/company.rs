use axum::extract::State;
use pacioli_model::AuditAction;
use pacioli_store::{CompanyChange, Scope};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{no_store::NoStore, shapes::CompanyOut};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Caller, Json, Line, ManageCompany, OwnAccount, Patch, given, present},
};

/// My company
#[utoipa::path(
    get, path = "/company", tag = "company", operation_id = "get_company",
    responses((status = 200, description = "The company's profile", body = CompanyOut)),
)]
pub async fn get_company(caller: Caller<OwnAccount>) -> NoStore<CompanyOut> {
    NoStore((&caller.account.company).into())
}

/// A merge patch (RFC 7396) of the company's profile: what is absent stays, `null` removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompanyPatch {
    /// The company's name.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    pub company_name: Option<Line<200>>,
    /// Line of business.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub industry: Patch<Line<200>>,
    /// Head count or a range.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub size: Patch<Line<100>>,
    /// Postal address.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub address: Patch<Line<500>>,
    /// IANA time zone that "today" is read in.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, example = "Europe/Berlin", required = false)]
    pub time_zone: Option<String>,
}

/// Update my company
#[utoipa::path(
    patch, path = "/company", tag = "company", operation_id = "update_company",
    request_body(content((CompanyPatch = "application/json"), (CompanyPatch = "application/merge-patch+json"))),
    responses((status = 200, description = "The profile as it is now", body = CompanyOut)),
)]
pub async fn update_company(
    State(app): State<App>,
    caller: Caller<ManageCompany>,
    Json(patch): Json<CompanyPatch>,
) -> ApiResult<NoStore<CompanyOut>> {
    change_company(&app, &caller, patch).await.map(NoStore)
}

/// Applies a patch; an empty one changes nothing, `updated_at` included.
pub async fn change_company(
    app: &App,
    caller: &Caller<ManageCompany>,
    patch: CompanyPatch,
) -> ApiResult<CompanyOut> {
    let zone = patch.time_zone.map(|name| time_zone(&name)).transpose()?;
    let change = CompanyChange {
        company_name: patch.company_name.map(Line::into_inner),
        industry: patch.industry.map(|line| line.map(Line::into_inner)),
        size: patch.size.map(|line| line.map(Line::into_inner)),
        address: patch.address.map(|line| line.map(Line::into_inner)),
        time_zone: zone.map(|zone| zone.name().to_owned()),
        ..CompanyChange::default()
    };
    if change == CompanyChange::default() {
        return Ok((&caller.account.company).into());
    }
    let event = caller.event(app, AuditAction::CompanyUpdated, None);
    let company = caller.data.update_company(&change, app.clock.now(), &event).await?;
    app.accounts.invalidate(Scope::Company(caller.company())).await;
    Ok((&company).into())
}

/// An IANA time zone by its name.
pub fn time_zone(name: &str) -> ApiResult<chrono_tz::Tz> {
    name.parse().map_err(|_| {
        let text = "Must be an IANA time zone, such as Europe/Berlin.";
        ApiError::invalid(&["body", "time_zone"], "value_error", text)
    })
}
