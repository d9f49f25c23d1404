use pacioli_model::{AuditEvent, Job, JobId, Timestamp};

use crate::{
    Page, PageRequest, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document,
    store::{ATTEMPTS, back_off, logged},
};

impl TenantStore {
    /// Remembers a job as it stands now.
    pub async fn put_job(&self, job: &Job) -> Result<(), StoreError> {
        let document = self.owned(job)?;
        for attempt in 0..ATTEMPTS {
            let known = self.get(Collection::Jobs, &job.id).await?;
            let write = match known {
                Some(_) => {
                    let mut set = document.clone();
                    set.remove("_id");
                    let id = job.id.to_string();
                    let unset = if job.failure.is_none() { vec!["failure"] } else { vec![] };
                    let collection = Collection::Jobs;
                    Write::Update { collection, id, guard: self.own(), set, unset }
                }
                None => Write::insert(Collection::Jobs, document.clone()),
            };
            if self.store.try_batch(vec![write]).await? {
                return Ok(());
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// A page of the company's jobs, the newest first.
    pub async fn jobs(&self, page: &PageRequest) -> Result<Page<Job>, StoreError> {
        let query = Query::new(Collection::Jobs, self.own())
            .sorted("created_at", true)
            .after(page.after.clone());
        let read = |found| document::decode(Collection::Jobs, found);
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
        found.map(|it| document::decode(Collection::Jobs, it)).transpose()
    }
}
