//! Reports whose server died or was stopped: another one makes them, from the start. Nothing of a report is
//! remembered before all of it is, so there is nothing to undo.

use std::time::Duration as Wait;

use pacioli_model::{Job, JobFailure, JobStatus, Timestamp};
use pacioli_store::TenantStore;
use tokio::sync::oneshot;

use super::{
    Periods,
    job::{Order, run},
};
use crate::{
    access::active,
    app::App,
    error::{ApiResult, chain},
    jobs::{self, LEASE},
    rendering::Form,
};

/// How often is looked for reports that were left.
const LOOK: Wait = Wait::from_secs(2);
/// Reports that are taken up at one look.
const AT_ONCE: u32 = 4;
/// How often a report is begun. One that its server dies of each time is not to be the death of all.
const TRIES: u32 = 3;

/// Looks for reports that were left until the server stops.
pub fn keep_resuming(app: &App) {
    let (app, began) = (app.clone(), app.clock.now());
    app.background.clone().spawn(async move {
        // Into a store in this server's own folder nobody else writes: what was open when it started was
        // left, however short ago there was a sign of life of it.
        let is_alone = app.config.store.mongodb_uri.is_none();
        loop {
            let now = app.clock.now();
            let lapsed = if is_alone { now.max(began + LEASE) } else { now };
            if let Err(error) = resume_reports(&app, lapsed).await {
                tracing::warn!(
                    event = "report.resume_failed",
                    cause = chain(&error),
                    "reports that were left were not looked for"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = app.stopping.cancelled() => return,
            }
        }
    });
}

/// Takes up reports of which nobody has given a sign of life that lasts until `now`; says how many, at most
/// four.
pub async fn resume_reports(app: &App, now: Timestamp) -> ApiResult<usize> {
    let mut taken = 0;
    for job in app.store.interrupted_jobs(now, AT_ONCE).await? {
        let data = app.store.tenant(job.company_id);
        let begun = Job {
            status: JobStatus::Running,
            tries: job.tries + 1,
            updated_at: app.clock.now(),
            lease_until: app.clock.now() + LEASE,
            resume_at: Some(app.clock.now() + LEASE),
            ..job.clone()
        };
        if data.take_up_job(&job, &begun).await? {
            taken += 1;
            go_on(app, data, begun).await?;
        }
    }
    Ok(taken)
}

/// Makes the report of a job that was taken up, or says why it is not made.
async fn go_on(app: &App, data: TenantStore, mut job: Job) -> ApiResult<()> {
    let failed = |code: &str, detail: &str| {
        (JobStatus::Failed, Some(JobFailure { code: code.to_owned(), detail: detail.to_owned() }))
    };
    let end = if data.is_job_cancelled(job.id).await? {
        (JobStatus::Cancelled, None)
    } else if job.tries > TRIES {
        (JobStatus::Failed, Some(job.interrupted()))
    } else {
        match order(&data, &job).await? {
            Some(order) => {
                tracing::info!(
                    event = "report.resumed", job_id = %job.id, company_id = %job.company_id, tries = job.tries,
                    "report {} is made anew", job.id
                );
                let (nobody_waits, _) = oneshot::channel();
                app.background.spawn(run(app.clone(), job, order, nobody_waits));
                return Ok(());
            }
            None => failed("interrupted", "Whoever asked for the report is not active any more."),
        }
    };
    (job.status, job.failure) = end;
    job.report = None;
    jobs::record(app, &data, &mut job).await;
    Ok(())
}

/// The order, with the rights that whoever gave it has now; nothing where they have none any more.
async fn order(data: &TenantStore, job: &Job) -> ApiResult<Option<Order>> {
    let who = active(data, job.started_by).await?;
    let (Some((user, company)), Some(report)) = (who, job.report.clone()) else { return Ok(None) };
    Ok(Some(Order {
        company,
        user,
        data: data.clone(),
        spec: report.spec,
        period: report.days.map(|it| Periods { from: it.from, to: it.to, grain: it.grain }),
        formats: report.formats.iter().filter_map(|ending| Form::of_ending(ending)).collect(),
        today: report.today,
    }))
}
