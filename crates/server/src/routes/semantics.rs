use std::collections::BTreeMap;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use pacioli_model::{Permission, Semantics, StoredSemantics, Timestamp};
use pacioli_sources::declarations::Declarations;
use pacioli_store::SemanticsVersion;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{no_store::NoStore, shapes::Listing};
use crate::{
    access::Seen,
    app::App,
    declaring::{Base, declare, patched},
    error::{ApiError, ApiResult, Code},
    extract::{AskQuestions, Caller, Json, ManageData, media_type, parse_json, read_body},
};

const TOML: &str = "application/toml";

/// What the company's tables mean.
#[derive(Debug, Serialize, ToSchema)]
pub struct SemanticsOut {
    /// Counts changes. Send it with the next change, so that nobody else's is overwritten.
    version: u64,
    /// When the company's own declarations last changed.
    #[schema(value_type = Option<String>, format = "date-time")]
    changed_at: Option<Timestamp>,
    /// Who changed them.
    changed_by: Option<Uuid>,
    /// What the company itself declares, as docs/SEMANTICS.md describes it. This is what changes are
    /// made to. Policies are shown to those who may change them.
    #[schema(value_type = Object)]
    declared: Declarations,
    /// What holds: the company's word, and where it says nothing the packs'. In the same form.
    #[schema(value_type = Object)]
    in_effect: Declarations,
    /// Packs that recognised the tables of their systems.
    packs: Vec<PackOut>,
    /// Which pack a metric in effect is from, where it is not the company's own.
    metric_packs: BTreeMap<String, String>,
    /// Metrics that are known and that these tables cannot give.
    unavailable: Vec<UnavailableOut>,
}

/// A pack in use.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackOut {
    /// `odoo`, `erpnext`, `business_central`, `sap_business_one`.
    #[schema(example = "odoo")]
    pack: String,
    /// What it was recognised by.
    reason: String,
}

/// A metric that cannot be had.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnavailableOut {
    /// Its name.
    name: String,
    /// For people.
    label: String,
    /// The pack that knows it; empty for the company's own.
    pack: String,
    /// Tables and columns that are not there.
    #[schema(example = json!(["account_move.invoice_date"]))]
    missing: Vec<String>,
}

/// An earlier state of the company's own declarations.
#[derive(Debug, Serialize, ToSchema)]
pub struct SemanticsVersionOut {
    /// The version it was.
    version: u64,
    /// When it was replaced.
    #[schema(value_type = String, format = "date-time")]
    replaced_at: Timestamp,
    /// Who replaced it.
    replaced_by: Uuid,
    /// What was declared.
    #[schema(value_type = Object)]
    declared: Declarations,
}

impl SemanticsOut {
    fn new(stored: &StoredSemantics, whole: &Semantics, with_policies: bool) -> ApiResult<Self> {
        let packs = whole.packs.iter();
        let unavailable = whole.unavailable.iter().map(|it| UnavailableOut {
            name: it.name.to_string(),
            label: it.label.clone(),
            pack: it.pack.clone(),
            missing: it.missing.clone(),
        });
        let from_pack = whole.metrics.iter().filter_map(|it| Some((it, it.pack.clone()?)));
        Ok(Self {
            version: stored.version,
            changed_at: stored.changed_at,
            changed_by: stored.changed_by.map(|it| it.0),
            declared: written(&stored.declared, with_policies)?,
            in_effect: written(whole, with_policies)?,
            packs: packs
                .map(|it| PackOut { pack: it.pack.clone(), reason: it.reason.clone() })
                .collect(),
            metric_packs: from_pack.map(|(it, pack)| (it.name.to_string(), pack)).collect(),
            unavailable: unavailable.collect(),
        })
    }
}

fn written(semantics: &Semantics, with_policies: bool) -> ApiResult<Declarations> {
    let mut words = Declarations::write(semantics).map_err(ApiError::internal)?;
    if !with_policies {
        words.policies.clear();
    }
    Ok(words)
}

/// What tables mean
///
/// As JSON; or with `Accept: application/toml` the company's own declarations as a file, which `PUT`
/// takes back.
#[utoipa::path(
    get, path = "/semantics", tag = "semantics", operation_id = "get_semantics",
    responses((
        status = 200, description = "Metrics, names, filters, relationships; policies for those who may change them",
        content((SemanticsOut = "application/json"), (String = "application/toml")),
    )),
)]
pub async fn get_semantics(
    caller: Caller<AskQuestions>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let stored = caller.data.semantics().await?;
    let may_change = caller.account.user.role.allows(Permission::ManageData);
    if accepts_toml(&headers) {
        let text = written(&stored.declared, may_change)?.to_toml();
        let text = text.map_err(|problem| ApiError::internal(problem.to_string()))?;
        let kept = [(header::CONTENT_TYPE, TOML), (header::CACHE_CONTROL, "no-store")];
        return Ok((kept, tag(stored.version), text).into_response());
    }
    let whole = Seen::by(&caller.account.user, caller.data.catalog().await?);
    let whole = whole.visible.semantics.clone();
    let body = SemanticsOut::new(&stored, &whole, may_change)?;
    Ok((tag(stored.version), NoStore(body)).into_response())
}

/// Change what tables mean
///
/// A merge patch (RFC 7396) of `declared`, by names: `{"version": 3, "metrics": {"revenue":
/// {"expression": "sum(order_lines.amount) on orders.ordered_on"}, "old": null}}`. The version that was
/// read comes along as `version`, or as `If-Match`.
#[utoipa::path(
    patch, path = "/semantics", tag = "semantics", operation_id = "update_semantics",
    params(("If-Match" = Option<String>, Header, description = "The version that is changed, or `*` for any")),
    request_body(content((serde_json::Value = "application/json"), (serde_json::Value = "application/merge-patch+json"))),
    responses((status = 200, description = "What holds now", body = SemanticsOut)),
)]
pub async fn update_semantics(
    State(app): State<App>,
    caller: Caller<ManageData>,
    headers: HeaderMap,
    Json(mut patch): Json<Value>,
) -> ApiResult<Response> {
    let version = match patch.as_object_mut() {
        Some(members) => members.remove("version"),
        None => return Err(ApiError::invalid(&["body"], "type_error", "Must be an object.")),
    };
    let base = match version {
        Some(version) => version.as_u64().map(Base::Version).ok_or_else(|| {
            ApiError::invalid(&["body", "version"], "type_error", "Must be a number.")
        })?,
        None => base(&headers)?.ok_or_else(|| {
            let text = "Send the version that you read, here or as If-Match.";
            ApiError::invalid(&["body", "version"], "missing", text)
        })?,
    };
    let words = patched(&caller.data.semantics().await?.declared, &patch)?;
    changed(&app, &caller, base, &words).await
}

/// Replace what is declared
///
/// With a file, as `GET` with `Accept: application/toml` gives it, or with the same as JSON.
#[utoipa::path(
    put, path = "/semantics", tag = "semantics", operation_id = "replace_semantics",
    params(("If-Match" = String, Header, description = "The version that is replaced, or `*` for any")),
    request_body(content((String = "application/toml"), (String = "text/toml"), (serde_json::Value = "application/json"))),
    responses((status = 200, description = "What holds now", body = SemanticsOut)),
)]
pub async fn replace_semantics(
    State(app): State<App>,
    caller: Caller<ManageData>,
    request: Request,
) -> ApiResult<Response> {
    let headers = request.headers().clone();
    let base = base(&headers)?.ok_or_else(|| {
        let text = "Send the ETag of `GET /semantics`, or `*` to replace whatever is there.";
        ApiError::invalid(&["header", "If-Match"], "missing", text)
    })?;
    let kind = media_type(&headers).to_ascii_lowercase();
    if !matches!(kind.as_str(), "application/toml" | "text/toml" | "application/json") {
        let text = "Send the declarations as application/toml or application/json.";
        return Err(ApiError::new(Code::UnsupportedMediaType, text));
    }
    let body = read_body(request, &app).await?;
    let words = if kind == "application/json" {
        parse_json(&body)?
    } else {
        let text = std::str::from_utf8(&body).map_err(|_| malformed("The file is not UTF-8."))?;
        Declarations::from_toml(text).map_err(|problem| {
            malformed(format!("The file is not what it must be: {}.", problem.detail))
        })?
    };
    changed(&app, &caller, base, &words).await
}

/// Earlier declarations
#[utoipa::path(
    get, path = "/semantics/versions", tag = "semantics", operation_id = "list_semantics_versions",
    responses((status = 200, description = "The last fifty, the newest first", body = Listing<SemanticsVersionOut>)),
)]
pub async fn list_semantics_versions(
    caller: Caller<ManageData>,
) -> ApiResult<NoStore<Listing<SemanticsVersionOut>>> {
    let versions = caller.data.semantics_versions().await?;
    let out = |it: &SemanticsVersion| {
        Ok(SemanticsVersionOut {
            version: it.version,
            replaced_at: it.replaced_at,
            replaced_by: it.replaced_by.0,
            declared: written(&it.declared, true)?,
        })
    };
    let items = versions.iter().map(out).collect::<ApiResult<_>>()?;
    Ok(NoStore(Listing { items, next_cursor: None, total: None }))
}

async fn changed(
    app: &App,
    caller: &Caller<ManageData>,
    base: Base,
    words: &Declarations,
) -> ApiResult<Response> {
    let stored = declare(app, caller, base, words).await?;
    let whole = caller.data.catalog().await?.semantics;
    let body = SemanticsOut::new(&stored, &whole, true)?;
    Ok((tag(stored.version), NoStore(body)).into_response())
}

/// The version in the words of HTTP.
fn tag(version: u64) -> [(header::HeaderName, HeaderValue); 1] {
    let tag = HeaderValue::from_str(&format!("\"{version}\""));
    [(header::ETAG, tag.unwrap_or(HeaderValue::from_static("\"0\"")))]
}

/// What `If-Match` says is changed; nothing where it is not sent.
fn base(headers: &HeaderMap) -> ApiResult<Option<Base>> {
    let Some(given) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let given = given.to_str().unwrap_or_default().trim();
    if given == "*" {
        return Ok(Some(Base::Any));
    }
    given.trim_matches('"').parse().map(|version| Some(Base::Version(version))).map_err(|_| {
        let text = "Must be the ETag of `GET /semantics`, or `*`.";
        ApiError::invalid(&["header", "If-Match"], "value_error", text)
    })
}

fn accepts_toml(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        ["application/toml", "text/toml"].iter().any(|toml| essence.eq_ignore_ascii_case(toml))
    })
}

fn malformed(text: impl Into<String>) -> ApiError {
    ApiError::new(Code::MalformedBody, text.into())
}
