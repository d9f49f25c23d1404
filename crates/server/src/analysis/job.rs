//! A report in the making: a job with progress, that outlives the request that started it.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::{Duration as Wait, Instant},
};

use chrono::Duration;
use pacioli_language::{Context, Translation, Translator};
use pacioli_model::{
    Company, Job, JobFailure, JobId, JobKind, JobStatus, Missing, Report, ReportContent, ReportId,
    ReportKind, ReportSpec, SavedAnswer, SavedQuestion, User,
};
use pacioli_sources::quality;
use pacioli_store::{PageRequest, TenantStore};
use tokio::sync::oneshot;

use super::{Analyst, Periods, Progress, Wanted, filters, report};
use crate::{
    access::Seen,
    app::App,
    error::{ApiError, ApiResult, Code, chain},
    rendering::{self, Form},
};

/// How long a job is taken to live without a sign of life, how often it gives one, and how long its
/// record is kept.
const LEASE: Duration = Duration::seconds(30);
const BEAT: Wait = Wait::from_secs(2);
const KEPT: Duration = Duration::days(30);

/// Reports in which novelty is looked for.
const LOOKS_BACK: u32 = 20;
/// Saved questions of a custom report.
const QUESTIONS: u32 = 20;

/// Whose report, and what about.
pub struct Order {
    /// Of which company.
    pub company: Company,
    /// Who asked: it holds what they may see.
    pub user: User,
    /// Their company's data.
    pub data: TenantStore,
    /// What about.
    pub spec: ReportSpec,
    /// Which days; the last complete period where none are named.
    pub period: Option<Periods>,
    /// The forms that are written with it.
    pub formats: Vec<Form>,
    /// The day that time has come to.
    pub today: chrono::NaiveDate,
}

/// Starts the job. The receiver tells its end, if anybody waits for it; the job's record does too.
pub async fn start(
    app: &App,
    order: Order,
) -> ApiResult<(JobId, oneshot::Receiver<ApiResult<Report>>)> {
    let now = app.clock.now();
    let job = Job {
        id: JobId(app.random.uuid()),
        company_id: order.data.company_id(),
        started_by: order.user.id,
        kind: JobKind::Report,
        status: JobStatus::Running,
        rows: 0,
        bytes_read: 0,
        bytes_total: 0,
        tables: Vec::new(),
        failure: None,
        created_at: now,
        updated_at: now,
        lease_until: now + LEASE,
        expires_at: now + KEPT,
    };
    order.data.put_job(&job).await?;
    let id = job.id;
    let (sender, receiver) = oneshot::channel();
    app.background.spawn(run(app.clone(), job, order, sender));
    Ok((id, receiver))
}

async fn run(app: App, mut job: Job, order: Order, done: oneshot::Sender<ApiResult<Report>>) {
    let (progress, began) = (Arc::new(Progress::default()), Instant::now());
    let doing = app.jobs.begin(job.id, &app.giving_up);
    let made = tokio::select! {
        made = make(&app, &order, ReportId(job.id.0), None, &progress) => made,
        () = doing.stop.cancelled() => Err(ApiError::new(Code::QueryCancelled, "The report was cancelled.")),
        never = keep_alive(&app, &order.data, &mut job, &progress, &doing.stop) => match never {},
    };
    match &made {
        Ok(_) => job.status = JobStatus::Succeeded,
        Err(_) if doing.stop.is_cancelled() && !app.giving_up.is_cancelled() => {
            job.status = JobStatus::Cancelled;
        }
        Err(error) => {
            job.status = JobStatus::Failed;
            let (code, detail) = (error.code().as_str().to_owned(), error.detail().to_owned());
            job.failure = Some(JobFailure { code, detail });
        }
    }
    record(&app, &order.data, &mut job, &progress).await;
    let outcome = match job.status {
        JobStatus::Succeeded => "succeeded",
        JobStatus::Cancelled => "cancelled",
        _ => "failed",
    };
    app.metrics.report(outcome, began.elapsed());
    tracing::info!(
        event = "report.ended", job_id = %job.id, company_id = %job.company_id, status = ?job.status,
        kind = order.spec.kind.as_str(), queries = job.bytes_read, "report {} ended", job.id
    );
    // Nobody waits for a long report any more.
    let _ = done.send(made);
}

/// Makes the report and remembers it, in the place of `before` where there is one; where a load has
/// replaced a table meanwhile, once more. It is remembered whole or not at all.
pub async fn make(
    app: &App,
    order: &Order,
    id: ReportId,
    before: Option<&Report>,
    progress: &Arc<Progress>,
) -> ApiResult<Report> {
    let content = match content(app, order, id, progress).await {
        Err(error) if error.code() == Code::Conflict => content(app, order, id, progress).await?,
        content => content?,
    };
    let report = Report {
        id,
        company_id: order.data.company_id(),
        company_name: order.company.company_name.clone(),
        user_id: order.user.id,
        created_at: app.clock.now(),
        language: order.spec.language.clone(),
        formats: order.formats.iter().map(|form| form.ending().to_owned()).collect(),
        content,
    };
    for form in &order.formats {
        rendering::file(app, &report, *form, None).await?;
    }
    match before {
        Some(before) => order.data.replace_kept(before, &report, None).await?,
        None => order.data.keep(&report, None).await?,
    }
    Ok(report)
}

async fn content(
    app: &App,
    order: &Order,
    id: ReportId,
    progress: &Arc<Progress>,
) -> ApiResult<ReportContent> {
    let seen = Seen::by(&order.user, order.data.catalog().await?);
    let measured = order.data.measurements().await?;
    let doubts = quality::findings(&seen.visible, &measured, order.today);
    // Of tables whose rows are not all seen, what was seen in all rows is not told.
    let whole =
        |it: &quality::Finding| seen.access.table(&it.table).is_none_or(|it| it.rows.is_none());
    let (filter, words) = filters(&order.spec.filters, &seen.visible, &["body"])?.unzip();
    let wanted = Wanted {
        spec: order.spec.clone(),
        period: order.period,
        today: order.today,
        filters: words.unwrap_or_default(),
        said: said(order, id).await?,
        doubts: doubts.into_iter().filter(whole).collect(),
    };
    let (engine, company) = (&app.engine, order.data.company_id());
    let mut analyst = Analyst::new(engine, company, &seen, filter).told_to(Arc::clone(progress));
    let mut content = report(&mut analyst, &wanted).await?;
    if order.spec.kind == ReportKind::Custom {
        let analyst = Analyst::new(engine, company, &seen, analyst.filter.take());
        answer_saved(order, &seen, analyst, &mut content).await?;
    }
    Ok(content)
}

/// What the person's last report of this kind said, but for the one that is being made.
async fn said(order: &Order, id: ReportId) -> ApiResult<BTreeSet<String>> {
    let page = PageRequest { after: None, limit: LOOKS_BACK };
    let before = order.data.reports_of(order.user.id, &page).await?.items;
    let last = before.into_iter().find(|it| it.id != id && it.content.kind == order.spec.kind);
    Ok(last.map(|it| it.content.findings.into_iter().map(|it| it.id).collect()).unwrap_or_default())
}

/// The company's saved questions and their answers, as the person sees them.
async fn answer_saved(
    order: &Order,
    seen: &Seen,
    mut analyst: Analyst<'_>,
    content: &mut ReportContent,
) -> ApiResult<()> {
    let page = PageRequest { after: None, limit: QUESTIONS };
    let saved: Vec<SavedQuestion> = order.data.all_kept(&page).await?.items;
    content.missing.retain(|it| it.what != "questions");
    if saved.is_empty() {
        content.missing.push(Missing { what: "questions".to_owned(), ..Missing::default() });
    }
    let translator = Translator::new(&seen.visible);
    for question in saved {
        let context = Context { today: order.today, table: None };
        let Translation::Understood(understood) =
            translator.translate(&question.question, &context)
        else {
            content.missing.push(Missing { what: question.question, ..Missing::default() });
            continue;
        };
        let Some((place, table)) = analyst.ask(understood.ask.clone()).await? else {
            content.missing.push(Missing { what: question.question, ..Missing::default() });
            continue;
        };
        let interpretation = &understood.interpretation;
        let context = pacioli_report::Context {
            currency: interpretation.currency.as_deref(),
            period: interpretation.date_range.as_ref().map(|range| range.words.as_str()),
            filters: &interpretation.filters,
        };
        let answer = pacioli_report::narrate(&understood.ask, &seen.visible, &context, &table);
        let query = content.queries.len() + place;
        content.answers.push(SavedAnswer { question: question.question, answer, table, query });
    }
    content.queries.append(&mut analyst.queries);
    Ok(())
}

async fn keep_alive(
    app: &App,
    data: &TenantStore,
    job: &mut Job,
    progress: &Progress,
    stop: &tokio_util::sync::CancellationToken,
) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(BEAT).await;
        record(app, data, job, progress).await;
        // Another server may have been asked to cancel it.
        if data.is_job_cancelled(job.id).await.unwrap_or(false) {
            stop.cancel();
        }
    }
}

async fn record(app: &App, data: &TenantStore, job: &mut Job, progress: &Progress) {
    let now = app.clock.now();
    job.updated_at = now;
    job.lease_until = now + LEASE;
    job.bytes_read = progress.done.load(Ordering::Relaxed);
    // What was foreseen was a guess.
    job.bytes_total = progress.foreseen.load(Ordering::Relaxed).max(job.bytes_read + 1);
    if let Err(error) = data.put_job(job).await {
        tracing::warn!(
            event = "job.record_failed", job_id = %job.id, cause = chain(&error),
            "the record of job {} is behind", job.id
        );
    }
}
