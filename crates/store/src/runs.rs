use pacioli_model::{ConnectionId, Run, RunId};

use crate::{
    Page, PageRequest, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
    store::{ATTEMPTS, back_off},
};

impl TenantStore {
    /// Remembers a run as it stands now.
    pub async fn put_run(&self, run: &Run) -> Result<(), StoreError> {
        let document = self.owned(run)?;
        for attempt in 0..ATTEMPTS {
            let write = if self.get(Collection::Runs, &run.id).await?.is_some() {
                let mut set = document.clone();
                set.remove("_id");
                let absent = |field: &&'static str| !set.contains_key(*field);
                let unset = ["failure", "ended_at"].into_iter().filter(absent).collect();
                let (collection, id) = (Collection::Runs, run.id.to_string());
                Write::Update { collection, id, guard: self.own(), set, unset }
            } else {
                Write::insert(Collection::Runs, document.clone())
            };
            if self.store.try_batch(vec![write]).await? {
                return Ok(());
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// A run of this company.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.get(Collection::Runs, &id).await?.map(read).transpose()
    }

    /// A page of a connection's runs, the newest first.
    pub async fn runs(
        &self,
        connection: ConnectionId,
        page: &PageRequest,
    ) -> Result<Page<Run>, StoreError> {
        let filter = self.own().and(Filter::equals("connection_id", connection.to_string()));
        let query = Query::new(Collection::Runs, filter)
            .sorted("started_at", true)
            .after(page.after.clone());
        self.store.page(query, page.limit, read).await
    }
}

fn read(found: Document) -> Result<Run, StoreError> {
    document::decode(Collection::Runs, found)
}
