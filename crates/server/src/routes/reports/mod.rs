//! Reports: asked for, listed, read.

mod files;
mod out;

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use chrono::NaiveDate;
use pacioli_model::{
    Catalog, ColumnName, ColumnRef, ColumnType, JobId, Literal, Predicate, Report, ReportId,
    ReportKind, TableName, Value,
};
use pacioli_report::Language;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use self::{
    files::{Form, Name},
    out::{ReportOut, ReportSummary},
};
use super::{connections::ListPage, jobs::JobOut, no_store::NoStore, paging, shapes::Listing};
use crate::{
    access::Seen,
    analysis::{Compare, Order, Periods, start},
    app::App,
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, Json, Line, Path, Query},
};

/// A report that is made within this time is the answer; for others there is a job.
const QUICK: Duration = Duration::from_secs(8);

/// Filters of a report, and values of one.
const FILTERS: usize = 8;
const VALUES: usize = 100;

/// What a report shall be about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportRequest {
    /// `overview`, `sales`, `customers`, `products`, `purchasing`, `inventory`, `receivables_payables`,
    /// `cash`, `people`, `production`, `data_quality`, or `custom` for the company's saved questions.
    #[schema(value_type = String, example = "overview")]
    kind: ReportKind,
    /// Whole months: `2025-11`, `2025-Q3`, `2025`, `2025-01/2025-06`; the last month that is over where
    /// it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2025-11")]
    period: Option<Line<40>>,
    /// `previous` for as many months just before, `year_before` for the same months a year earlier; the
    /// latter where it is absent and the data reaches so far back.
    #[serde(default)]
    compare: Option<CompareWith>,
    /// Rows that count; all where it is empty.
    #[serde(default)]
    filters: Vec<ReportFilter>,
    /// ISO 4217 code: amounts in this currency alone. Nothing is converted.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "EUR")]
    currency: Option<Line<3>>,
    /// `en` or `de`.
    #[serde(default)]
    language: Option<LanguageName>,
    /// The day that it is written as of; today in the company's time zone where it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date")]
    today: Option<NaiveDate>,
}

/// What a period is compared with.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CompareWith {
    Previous,
    YearBefore,
}

/// A language of reports.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LanguageName {
    En,
    De,
}

/// Rows whose column has one of these values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFilter {
    /// Whose column.
    #[schema(example = "customers")]
    table: String,
    /// Which.
    #[schema(example = "region")]
    column: String,
    /// At least one.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100)]
    values: Vec<Line<200>>,
}

/// Ask for a report
///
/// Finds what changed, where that comes from and what comes next in the figures that the company declares:
/// the few findings that matter, tested and ranked, with the queries behind them. It holds what the person
/// who asks may see. A report that is made within seconds is the answer; for others `202` names a job, and
/// `GET /reports/{id}` has the report under the job's id once it is made.
#[utoipa::path(
    post, path = "/report", tag = "reports", operation_id = "create_report", request_body = ReportRequest,
    responses(
        (status = 200, description = "The report", body = ReportOut),
        (status = 202, description = "It is being made", body = JobOut),
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
    let order = request.order(&app, &caller, &seen.visible)?;
    let (id, done) = start(&app, order).await?;
    match tokio::time::timeout(QUICK, done).await {
        Ok(Ok(made)) => {
            // As it is remembered, so that who reads it again reads the same.
            let report = own_report(&caller, made?.id).await?.ok_or_else(ApiError::not_found)?;
            Ok(NoStore(ReportOut::from(report)).into_response())
        }
        // It goes on, or the server is stopping: the job's record tells.
        _ => running(&app, &caller, id).await,
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
        Form::Json => Ok(NoStore(ReportOut::from(report)).into_response()),
        form => {
            let limit = app.per_user("report", &app.config.limits.query_per_user, caller.user());
            app.admit("report", &[limit], &caller.request).await?;
            let began = Instant::now();
            let file = files::file(report, form, language.map(LanguageName::into)).await?;
            app.metrics.report_file(form.ending(), began.elapsed());
            Ok(file)
        }
    }
}

/// How a file of a report is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InLanguage {
    /// `en` or `de`; the language it was asked for in where it is absent. JSON is in none.
    #[serde(default)]
    language: Option<LanguageName>,
}

impl From<LanguageName> for Language {
    fn from(name: LanguageName) -> Self {
        match name {
            LanguageName::En => Self::English,
            LanguageName::De => Self::German,
        }
    }
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

impl ReportRequest {
    fn order(
        self,
        app: &App,
        caller: &Caller<AskQuestions>,
        catalog: &Catalog,
    ) -> ApiResult<Order> {
        let today = self.today.unwrap_or_else(|| app.today(&caller.account.company));
        let period = self.period.map(|text| {
            let text = text.into_inner();
            Periods::parse(&text).ok_or_else(|| {
                let text = "Name whole months: 2025-11, 2025-Q3, 2025, or 2025-01/2025-06.";
                ApiError::invalid(&["body", "period"], "value_error", text)
            })
        });
        let period = period.transpose()?;
        if period.is_some_and(|period| period.from >= today) {
            let text = "The period lies in the future.";
            return Err(ApiError::invalid(&["body", "period"], "in_the_future", text));
        }
        let currency = self.currency.map(|code| {
            let code = code.into_inner();
            let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
            is_code.then_some(code).ok_or_else(|| {
                let text = "Must be an ISO 4217 code: EUR.";
                ApiError::invalid(&["body", "currency"], "value_error", text)
            })
        });
        Ok(Order {
            company: caller.account.company.clone(),
            user: caller.account.user.clone(),
            data: caller.data.clone(),
            kind: self.kind,
            period,
            compare: match self.compare {
                None => Compare::Usual,
                Some(CompareWith::Previous) => Compare::Previous,
                Some(CompareWith::YearBefore) => Compare::YearBefore,
            },
            currency: currency.transpose()?,
            filter: filter(self.filters, catalog)?,
            language: match self.language {
                None | Some(LanguageName::En) => "en".to_owned(),
                Some(LanguageName::De) => "de".to_owned(),
            },
            today,
        })
    }
}

/// The filters as one, and in words.
fn filter(
    filters: Vec<ReportFilter>,
    catalog: &Catalog,
) -> ApiResult<Option<(Predicate, Vec<String>)>> {
    if filters.len() > FILTERS {
        let text = format!("At most {FILTERS}.");
        return Err(ApiError::invalid(&["body", "filters"], "too_long", text));
    }
    let (mut all, mut words) = (Vec::new(), Vec::new());
    for (place, filter) in filters.into_iter().enumerate() {
        let place = place.to_string();
        let refuse = |member: &str, text: &str| {
            ApiError::invalid(&["body", "filters", &place, member], "value_error", text.to_owned())
        };
        let table = TableName::parse(&filter.table).ok();
        let table = table.and_then(|name| catalog.table(&name));
        let table = table.ok_or_else(|| refuse("table", "There is no such table."))?;
        let column = ColumnName::parse(&filter.column).ok();
        let column = column.and_then(|name| table.column(&name));
        let column = column.ok_or_else(|| refuse("column", "The table has no such column."))?;
        if filter.values.is_empty() || filter.values.len() > VALUES {
            return Err(refuse("values", "1 to 100 values."));
        }
        let read = |text: &Line<200>| literal(text, column.data_type);
        let values: Option<Vec<Literal>> = filter.values.iter().map(read).collect();
        let values =
            values.ok_or_else(|| refuse("values", "A value is not of the column's type."))?;
        let given: Vec<&str> = filter.values.iter().map(|value| &**value).collect();
        words.push(format!("{}: {}", column.label, given.join(", ")));
        let column = ColumnRef::new(table.name.clone(), column.name.clone());
        all.push(Predicate::OneOf { value: Value::Column(column), values });
    }
    Ok((!all.is_empty()).then_some((Predicate::All(all), words)))
}

fn literal(text: &str, data_type: ColumnType) -> Option<Literal> {
    match data_type {
        ColumnType::Text => Some(Literal::Text(text.to_owned())),
        ColumnType::Integer => text.parse().ok().map(Literal::Integer),
        ColumnType::Decimal { .. } => text.parse().ok().map(Literal::Decimal),
        ColumnType::Boolean => text.parse().ok().map(Literal::Boolean),
        ColumnType::Date => text.parse().ok().map(Literal::Date),
        ColumnType::Float | ColumnType::Timestamp => None,
    }
}
