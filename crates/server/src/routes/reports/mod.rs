//! Reports: asked for, listed, read.

mod files;
mod out;
mod request;

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use pacioli_model::{JobId, Report, ReportId};
use serde::Deserialize;
use utoipa::IntoParams;

use self::{
    files::Name,
    out::{FileOut, ReportStarted, ReportSummary},
    request::ReportRequest,
};
pub use self::{
    out::ReportOut,
    request::{LanguageName, ReportShape},
};
use super::{
    connections::ListPage,
    jobs::JobOut,
    no_store::NoStore,
    paging,
    results::Format,
    shapes::Listing,
    sql::{self, SqlOut},
};
use crate::{
    access::Seen,
    analysis::start,
    app::App,
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, Json, Path, Query},
    rendering::{self, Form},
};

/// A report that is made within this time is the answer; for others there is a job.
const QUICK: Duration = Duration::from_secs(8);

/// Ask for a report
///
/// Finds what changed, where that comes from and what comes next in the figures that the company declares:
/// the few findings that matter, tested and ranked, with the queries behind them. It holds what the person
/// who asks may see. A report that is made within seconds is the answer; for others `202` names a job, and
/// `GET /reports/{id}` has the report under the job's id once it is made. `formats` are written with it, and
/// the answer says where they are.
#[utoipa::path(
    post, path = "/report", tag = "reports", operation_id = "create_report", request_body = ReportRequest,
    responses(
        (status = 200, description = "The report", body = ReportOut),
        (status = 202, description = "It is being made", body = ReportStarted),
    ),
)]
pub async fn create_report(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Json(request): Json<ReportRequest>,
) -> ApiResult<Response> {
    let limit = app.per_user("report", &app.config.limits.query_per_user, caller.user());
    app.admit("report", &[limit], &caller.request).await?;
    let seen = Seen::by(&caller.account.user, caller.data.catalog().await?);
    let order = request.order(&app, &caller, &seen.visible).await?;
    let endings = order.formats.iter().map(|form| form.ending());
    let endings: Vec<&str> = endings.collect();
    let (id, done) = start(&app, order).await?;
    match tokio::time::timeout(QUICK, done).await {
        Ok(Ok(made)) => {
            // As it is remembered, so that who reads it again reads the same.
            let report = own_report(&caller, made?.id).await?.ok_or_else(ApiError::not_found)?;
            Ok(NoStore(ReportOut::new(report, None)).into_response())
        }
        // It goes on, or the server is stopping: the job's record tells.
        _ => {
            let job =
                JobOut::read(&app, &caller.data, id).await?.ok_or_else(ApiError::not_found)?;
            let files = FileOut::of(&ReportId(id.0), endings.into_iter());
            Ok((StatusCode::ACCEPTED, NoStore(ReportStarted { job, files })).into_response())
        }
    }
}

/// List reports
///
/// Those that you have asked for.
#[utoipa::path(
    get, path = "/reports", tag = "reports", operation_id = "list_reports", params(ListPage),
    responses((status = 200, description = "Your reports, the newest first", body = Listing<ReportSummary>)),
)]
pub async fn list_reports(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<ReportSummary>>> {
    let scope = format!("reports/{}/{}", caller.company(), caller.user());
    let page = caller.data.reports_of(caller.user(), &list.request(&app, &scope)?).await?;
    Ok(NoStore(paging::listing(&app.keys, &scope, page, |report| ReportSummary::from(&report))))
}

/// Read a report
///
/// Only who asked for it is shown it, for it holds what they may see. While it is being made the answer is
/// `202` and its job. With `.html`, `.pdf`, `.xlsx`, `.csv` or `.zip` after the id, or by `Accept`, it comes
/// as a page that stands alone, on paper, as a workbook, as rows, or as an archive of the rows behind every
/// finding.
#[utoipa::path(
    get, path = "/reports/{id}", tag = "reports", operation_id = "get_report",
    params(
        ("id" = String, Path, description = "The report's id, and `.pdf` and so on for a file"),
        InLanguage,
    ),
    responses(
        (status = 200, description = "The report", body = ReportOut),
        (status = 202, description = "It is being made, or was not to be made: `status` tells", body = JobOut),
    ),
)]
pub async fn get_report(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(name): Path<Name>,
    Query(InLanguage { language }): Query<InLanguage>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let Some(report) = own_report(&caller, name.id).await? else {
        return running(&app, &caller, JobId(name.id.0)).await;
    };
    match name.form(&headers) {
        Form::Json => {
            let language = language.map(LanguageName::into);
            Ok(NoStore(ReportOut::new(report, language)).into_response())
        }
        form => {
            let limit = app.per_user("report", &app.config.limits.query_per_user, caller.user());
            app.admit("report", &[limit], &caller.request).await?;
            let language = language.map(LanguageName::into);
            let bytes = rendering::file(&app, &report, form, language).await?;
            files::answer(&report, form, bytes)
        }
    }
}

/// Run a query of a report again
///
/// Over the tables as they are now, as far as the caller may see them now: as `POST /sql` would, for whoever may read the
/// report. What is run stands in the report; no text is taken. By `Accept` the rows alone, as for `POST /sql`.
#[utoipa::path(
    post, path = "/reports/{id}/run", tag = "reports", operation_id = "run_report_query",
    params(("id" = Uuid, Path, description = "The report"), WhichQuery),
    responses((status = 200, description = "The rows", body = SqlOut)),
)]
pub async fn run_report_query(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    format: Format,
    Path(id): Path<ReportId>,
    Query(WhichQuery { query }): Query<WhichQuery>,
) -> ApiResult<Response> {
    let report = own_report(&caller, id).await?.ok_or_else(ApiError::not_found)?;
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let used = report.content.queries.get(query).ok_or_else(ApiError::not_found)?;
    let query_id = app.random.uuid();
    sql::answer(&app, &caller, format, (query_id, &used.sql), Instant::now()).await
}

/// Which of a report's queries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichQuery {
    /// Its place in the report's `queries`, from 0.
    #[serde(default)]
    query: usize,
}

/// In which language words are written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InLanguage {
    /// `en` or `de`; a report's own language, and English for answers, where it is absent.
    #[serde(default)]
    pub language: Option<LanguageName>,
}

/// A report that the person asked for.
pub async fn own_report(caller: &Caller<AskQuestions>, id: ReportId) -> ApiResult<Option<Report>> {
    let report: Option<Report> = caller.data.kept(&id).await?;
    Ok(report.filter(|report| report.user_id == caller.user()))
}

/// The job of a report that is not there yet; 404 where the person has none.
async fn running(app: &App, caller: &Caller<AskQuestions>, id: JobId) -> ApiResult<Response> {
    let job = caller.data.job(id).await?;
    let own = job.is_some_and(|job| {
        job.kind == pacioli_model::JobKind::Report && job.started_by == caller.user()
    });
    let job = if own { JobOut::read(app, &caller.data, id).await? } else { None };
    let job = job.ok_or_else(ApiError::not_found)?;
    Ok((StatusCode::ACCEPTED, NoStore(job)).into_response())
}
