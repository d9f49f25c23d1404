use pacioli_model::{
    AuditEvent, Dashboard, Delivery, Feedback, FindingVote, Report, SavedQuestion, Subscription,
    VerifiedQuestion, Webhook,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Page, PageRequest, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document,
    store::logged,
};

/// What people of a company make and keep: read, listed, replaced and forgotten whole. Its fields
/// `created_at` and, where it is replaced, `updated_at` are when that was.
pub trait Kept: private::Kept {}

impl<T: private::Kept> Kept for T {}

pub(crate) mod private {
    use super::{Collection, DeserializeOwned, Serialize};

    /// Where something is kept.
    pub struct Place(pub(crate) Collection);

    pub trait Kept: Serialize + DeserializeOwned + Send + Sync {
        const PLACE: Place;
        /// The `_id`.
        fn id(&self) -> String;
    }
}

macro_rules! kept {
    ($($name:ty => $collection:ident),+ $(,)?) => {$(
        impl private::Kept for $name {
            const PLACE: private::Place = private::Place(Collection::$collection);

            fn id(&self) -> String {
                self.id.to_string()
            }
        }
    )+};
}

kept! {
    VerifiedQuestion => VerifiedQuestions,
    Feedback => Feedback,
    SavedQuestion => SavedQuestions,
    Dashboard => Dashboards,
    Subscription => Subscriptions,
    Delivery => Deliveries,
    Webhook => Webhooks,
    Report => Reports,
    FindingVote => FindingVotes,
}

impl TenantStore {
    /// Remembers something new.
    pub async fn keep<T: Kept>(
        &self,
        new: &T,
        event: Option<&AuditEvent>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![Write::insert(T::PLACE.0, self.owned(new)?)];
        writes.extend(event.map(|event| logged(self.company_id(), event)).transpose()?);
        self.store.batch(writes).await
    }

    /// What this company keeps under this id.
    pub async fn kept<T: Kept>(&self, id: &impl ToString) -> Result<Option<T>, StoreError> {
        let found = self.get(T::PLACE.0, &id.to_string()).await?;
        found.map(|found| document::decode(T::PLACE.0, found)).transpose()
    }

    /// A page of what this company keeps, the newest first.
    pub async fn all_kept<T: Kept>(&self, page: &PageRequest) -> Result<Page<T>, StoreError> {
        let query =
            Query::new(T::PLACE.0, self.own()).sorted("created_at", true).after(page.after.clone());
        let read = |found| document::decode(T::PLACE.0, found);
        self.store.page(query, page.limit, read).await
    }

    /// How many of them this company keeps.
    pub async fn count_kept<T: Kept>(&self) -> Result<u64, StoreError> {
        self.store.count(T::PLACE.0, self.own()).await
    }

    /// Puts `after` in the place of `before`, which has the same id; [`StoreError::Conflict`] where it has
    /// been changed since, or is gone.
    pub async fn replace_kept<T: Kept>(
        &self,
        before: &T,
        after: &T,
        event: Option<&AuditEvent>,
    ) -> Result<(), StoreError> {
        let before = self.owned(before)?;
        let mut set = self.owned(after)?;
        set.remove("_id");
        let changed = ["updated_at", "created_at"]
            .into_iter()
            .find_map(|field| Some((field, document::text(&before, field)?.to_owned())));
        let (field, at) = changed.ok_or(StoreError::Conflict)?;
        let guard = self.own().and(Filter::equals(field, at));
        let (collection, id, unset) = (T::PLACE.0, after.id(), Vec::new());
        let mut writes = vec![Write::Update { collection, id, guard, set, unset }];
        writes.extend(event.map(|event| logged(self.company_id(), event)).transpose()?);
        self.store.batch(writes).await
    }

    /// Forgets it; false where there is none here.
    pub async fn forget_kept<T: Kept>(
        &self,
        id: &impl ToString,
        event: Option<&AuditEvent>,
    ) -> Result<bool, StoreError> {
        let id = id.to_string();
        let mut writes = vec![Write::delete(T::PLACE.0, &id, self.own())];
        writes.extend(event.map(|event| logged(self.company_id(), event)).transpose()?);
        self.store.try_batch(writes).await
    }
}
