//! A report in the making: a job with progress, that outlives the request that started it.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use chrono::Duration;
use pacioli_model::{
    Company, FindingVote, Job, JobFailure, JobId, JobKind, JobStatus, Report, ReportContent,
    ReportDays, ReportId, ReportKind, ReportOrder, ReportSpec, User, Votes,
};
use pacioli_sources::quality;
use pacioli_store::{PageRequest, StoreError, TenantStore};
use tokio::sync::oneshot;

use super::{Analyst, Periods, Progress, Wanted, custom::answer_saved, filters, report};
use crate::{
    access::Seen,
    app::App,
    error::{ApiError, ApiResult, Code},
    jobs::{self, KEPT, LEASE},
    rendering::{self, Form},
};

/// Reports in which novelty is looked for.
const LOOKS_BACK: u32 = 20;

/// Votes on findings that a company keeps.
pub const MOST_VOTES: u32 = 1000;

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

impl Order {
    /// What another server needs to know of it.
    fn remembered(&self) -> ReportOrder {
        let days = self.period.map(|Periods { from, to, grain }| ReportDays { from, to, grain });
        ReportOrder { spec: self.spec.clone(), days, formats: self.endings(), today: self.today }
    }

    fn endings(&self) -> Vec<String> {
        self.formats.iter().map(|form| form.ending().to_owned()).collect()
    }
}

/// Starts the job. The receiver tells its end, if anybody waits for it; the job's record does too.
pub async fn start(
    app: &App,
    order: Order,
) -> ApiResult<(JobId, oneshot::Receiver<ApiResult<Report>>)> {
    let (id, now) = (JobId(app.random.uuid()), app.clock.now());
    let whose = (order.data.company_id(), order.user.id);
    let job = Job::begun(JobKind::Report, id, whose, now, (LEASE, KEPT));
    let (report, resume_at) = (Some(order.remembered()), Some(job.lease_until));
    let job = Job { report, resume_at, ..job };
    order.data.put_job(&job).await?;
    let (sender, receiver) = oneshot::channel();
    app.background.spawn(run(app.clone(), job, order, sender));
    Ok((id, receiver))
}

/// Does the job, from its start.
pub(super) async fn run(
    app: App,
    mut job: Job,
    order: Order,
    done: oneshot::Sender<ApiResult<Report>>,
) {
    let (progress, began) = (Arc::new(Progress::default()), Instant::now());
    let note = |job: &mut Job| {
        job.bytes_read = progress.done.load(Ordering::Relaxed);
        // What was foreseen was a guess.
        job.bytes_total = progress.foreseen.load(Ordering::Relaxed).max(job.bytes_read + 1);
    };
    let doing = app.jobs.begin(job.id, &app.giving_up);
    let made = tokio::select! {
        made = make_once(&app, &order, ReportId(job.id.0), &progress) => made,
        () = doing.stop.cancelled() => Err(ApiError::new(Code::QueryCancelled, "The report was cancelled.")),
        never = jobs::keep_alive(&app, &order.data, &mut job, &doing.stop, note) => match never {},
    };
    note(&mut job);
    if made.is_err() && app.giving_up.is_cancelled() {
        return leave(&app, &order.data, job).await;
    }
    job.report = None;
    match &made {
        Ok(_) => job.status = JobStatus::Succeeded,
        Err(_) if doing.stop.is_cancelled() => job.status = JobStatus::Cancelled,
        Err(error) => {
            job.status = JobStatus::Failed;
            let (code, detail) = (error.code().as_str().to_owned(), error.detail().to_owned());
            job.failure = Some(JobFailure { code, detail });
        }
    }
    jobs::record(&app, &order.data, &mut job).await;
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

/// Leaves a job to the next server, at once: this one is stopping, and the job cannot end before.
async fn leave(app: &App, data: &TenantStore, mut job: Job) {
    let now = app.clock.now();
    let lapsed = now - Duration::milliseconds(1);
    (job.status, job.updated_at, job.lease_until) = (JobStatus::Queued, now, lapsed);
    // That it was begun here is not held against it.
    (job.resume_at, job.tries) = (Some(lapsed), job.tries.saturating_sub(1));
    jobs::put(data, &job).await;
    tracing::info!(event = "report.left", job_id = %job.id, "report {} is left to the next server", job.id);
}

/// Makes the report, unless a server that died had come so far as to remember it.
async fn make_once(
    app: &App,
    order: &Order,
    id: ReportId,
    progress: &Arc<Progress>,
) -> ApiResult<Report> {
    match order.data.kept(&id).await? {
        Some(report) => Ok(report),
        None => make(app, order, id, None, progress).await,
    }
}

/// Makes the report and remembers it, in the place of `before` where there is one; where a load has
/// replaced a table meanwhile, once more. It is remembered whole or not at all, and where another server
/// has made it at the same time, as that one has.
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
        formats: order.endings(),
        content,
    };
    for form in &order.formats {
        rendering::file(app, &report, *form, None).await?;
    }
    let kept = match before {
        Some(before) => order.data.replace_kept(before, &report, None).await,
        None => order.data.keep(&report, None).await,
    };
    match kept {
        Ok(()) => Ok(report),
        Err(error @ (StoreError::Conflict | StoreError::Duplicate(_))) => {
            order.data.kept(&id).await?.ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
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
        votes: votes(order).await?,
        doubts: doubts.into_iter().filter(whole).collect(),
    };
    let (engine, company) = (&app.engine, order.data.company_id());
    let mut analyst = Analyst::new(engine, company, &seen, filter).told_to(Arc::clone(progress));
    let mut content = report(&mut analyst, &wanted).await?;
    if order.spec.kind == ReportKind::Custom {
        let only = analyst.filter.take();
        answer_saved(app, order, only.as_ref(), progress, &mut content).await?;
    }
    Ok(content)
}

/// What people of the company think of what they were told.
async fn votes(order: &Order) -> ApiResult<Votes> {
    let page = PageRequest { after: None, limit: MOST_VOTES };
    Ok(Votes::of(order.data.all_kept::<FindingVote>(&page).await?.items))
}

/// What the person's last report of this kind said, but for the one that is being made.
async fn said(order: &Order, id: ReportId) -> ApiResult<BTreeSet<String>> {
    let page = PageRequest { after: None, limit: LOOKS_BACK };
    let before = order.data.reports_of(order.user.id, &page).await?.items;
    let last = before.into_iter().find(|it| it.id != id && it.content.kind == order.spec.kind);
    Ok(last.map(|it| it.content.findings.into_iter().map(|it| it.id).collect()).unwrap_or_default())
}
