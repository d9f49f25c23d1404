use pacioli_model::{Job, JobId};

use crate::{
    StoreError, TenantStore,
    backend::{Collection, Write},
    document,
    store::{ATTEMPTS, back_off},
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

    /// A job of this company.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let found = self.get(Collection::Jobs, &id).await?;
        found.map(|it| document::decode(Collection::Jobs, it)).transpose()
    }
}
