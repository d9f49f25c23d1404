use pacioli_model::{Report, UserId};

use crate::{
    Page, PageRequest, StoreError, TenantStore,
    backend::{Collection, Filter, Query},
    document,
};

impl TenantStore {
    /// A page of the reports that a person has asked for, the newest first.
    pub async fn reports_of(
        &self,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Page<Report>, StoreError> {
        let filter = self.own().and(Filter::equals("user_id", user.to_string()));
        let query = Query::new(Collection::Reports, filter)
            .sorted("created_at", true)
            .after(page.after.clone());
        let read = |found| document::decode(Collection::Reports, found);
        self.store.page(query, page.limit, read).await
    }
}
