use pacioli_model::{AuditEvent, Job, JobId, Timestamp};

use crate::{
    Page, PageRequest, Store, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
    store::{ATTEMPTS, back_off, logged},
};

impl Store {
    /// Jobs of all companies that another server is to take up, and that nobody has given a sign of life
    /// of that lasts until `now`; those that have waited longest first.
    pub async fn interrupted_jobs(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let lapsed = Filter::Below("resume_at", now.to_string());
        let query = Query::new(Collection::Jobs, lapsed).sorted("resume_at", false).limit(limit);
        self.find(query).await?.into_iter().map(read).collect()
    }
}

impl TenantStore {
    /// Remembers a job as it stands now.
    pub async fn put_job(&self, job: &Job) -> Result<(), StoreError> {
        let document = self.owned(job)?;
        for attempt in 0..ATTEMPTS {
            let known = self.get(Collection::Jobs, &job.id).await?;
            let write = match known {
                Some(_) => replacing(job, document.clone(), self.own()),
                None => Write::insert(Collection::Jobs, document.clone()),
            };
            if self.store.try_batch(vec![write]).await? {
                return Ok(());
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// Puts `taken` in the place of a job that was found to be interrupted; of many that try at once one
    /// gets true.
    pub async fn take_up_job(&self, found: &Job, taken: &Job) -> Result<bool, StoreError> {
        let Some(due) = found.resume_at else { return Ok(false) };
        let guard = self.own().and(Filter::equals("resume_at", due.to_string()));
        self.store.try_batch(vec![replacing(taken, self.owned(taken)?, guard)]).await
    }

    /// A page of the company's jobs, the newest first.
    pub async fn jobs(&self, page: &PageRequest) -> Result<Page<Job>, StoreError> {
        let query = Query::new(Collection::Jobs, self.own())
            .sorted("created_at", true)
            .after(page.after.clone());
        self.store.page(query, page.limit, read).await
    }

    /// Notes that a job shall end, where it has not ended, whichever server does it; false where it has,
    /// or is not there.
    pub async fn cancel_job(
        &self,
        id: JobId,
        now: Timestamp,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        let status = |status: &str| Filter::equals("status", status);
        let open = self.own().and(Filter::Any(vec![status("queued"), status("running")]));
        let fields = [("cancelled_at", now.to_string().into())];
        let cancel = Write::update(Collection::Jobs, &id, open.clone(), fields);
        let writes = vec![cancel, logged(self.company_id(), event)?];
        for attempt in 0..ATTEMPTS {
            if self.store.try_batch(writes.clone()).await? {
                return Ok(true);
            }
            let meets = Filter::id(&id).and(open.clone());
            if self.store.count(Collection::Jobs, meets).await? == 0 {
                return Ok(false);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// Whether [`Self::cancel_job`] was called for it.
    pub async fn is_job_cancelled(&self, id: JobId) -> Result<bool, StoreError> {
        let found = self.get(Collection::Jobs, &id).await?;
        Ok(found.is_some_and(|found| document::text(&found, "cancelled_at").is_some()))
    }

    /// A job of this company.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let found = self.get(Collection::Jobs, &id).await?;
        found.map(read).transpose()
    }
}

/// All of a job but its id, and whatever else is remembered of it.
fn replacing(job: &Job, mut set: Document, guard: Filter) -> Write {
    set.remove("_id");
    let absent = |field: &&'static str| !set.contains_key(*field);
    let unset = ["failure", "report", "resume_at"].into_iter().filter(absent).collect();
    Write::Update { collection: Collection::Jobs, id: job.id.to_string(), guard, set, unset }
}

fn read(found: Document) -> Result<Job, StoreError> {
    document::decode(Collection::Jobs, found)
}
