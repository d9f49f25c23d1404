use pacioli_model::{Delivery, Found, Subscription, SubscriptionId, Timestamp, Webhook};
use serde_json::Value;

use crate::{
    Page, PageRequest, Store, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document,
};

impl Store {
    /// Subscriptions of all companies whose time has come, the longest overdue first.
    pub async fn due_subscriptions(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.due(Collection::Subscriptions, "next_at", now, limit).await
    }

    /// Deliveries of all companies that are to be tried now, the longest overdue first.
    pub async fn due_deliveries(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.due(Collection::Deliveries, "due_at", now, limit).await
    }

    async fn due<T: serde::de::DeserializeOwned>(
        &self,
        collection: Collection,
        field: &'static str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<T>, StoreError> {
        let after = Timestamp::from_millis(now.millis().saturating_add(1)).to_string();
        let due = Filter::All(vec![Filter::Below(field, after)]);
        let query = Query::new(collection, due).sorted(field, false).limit(limit);
        let found = self.find(query).await?;
        found.into_iter().map(|found| document::decode(collection, found)).collect()
    }

    /// A page of the webhooks of all companies, for the keeper of their secrets.
    pub async fn webhooks(&self, page: &PageRequest) -> Result<Page<Webhook>, StoreError> {
        let query = Query::new(Collection::Webhooks, Filter::everything())
            .sorted("_id", false)
            .after(page.after.clone());
        let read = |found| document::decode(Collection::Webhooks, found);
        self.page(query, page.limit, read).await
    }
}

impl TenantStore {
    /// Takes the turn of a subscription that was found to be due at `due`, and remembers the deliveries
    /// that come of it. Of many that try at once one gets true.
    pub async fn take_turn(
        &self,
        id: SubscriptionId,
        due: Timestamp,
        next: Option<Timestamp>,
        deliveries: &[Delivery],
    ) -> Result<bool, StoreError> {
        let guard = self.own().and(Filter::equals("next_at", due.to_string()));
        let fields = [("next_at", time(next))];
        let turn = Write::update(Collection::Subscriptions, &id, guard, fields);
        self.with_deliveries(turn, deliveries).await
    }

    /// Remembers what an alert's condition was found to be, with the deliveries that come of it; false
    /// where somebody else has found something since `before`.
    pub async fn note_found(
        &self,
        id: SubscriptionId,
        before: Option<Timestamp>,
        found: &Found,
        now: Timestamp,
        deliveries: &[Delivery],
    ) -> Result<bool, StoreError> {
        let last = match before {
            Some(before) => Filter::equals("checked_at", before.to_string()),
            None => Filter::Missing("checked_at"),
        };
        let found = serde_json::to_value(found).map_err(StoreError::unavailable)?;
        let fields = [("found", found), ("checked_at", now.to_string().into())];
        let note = Write::update(Collection::Subscriptions, &id, self.own().and(last), fields);
        self.with_deliveries(note, deliveries).await
    }

    async fn with_deliveries(
        &self,
        first: Write,
        deliveries: &[Delivery],
    ) -> Result<bool, StoreError> {
        let mut writes = vec![first];
        for delivery in deliveries {
            writes.push(Write::insert(Collection::Deliveries, self.owned(delivery)?));
        }
        self.store.try_batch(writes).await
    }

    /// Takes a delivery that was found to be due, until its attempt must be over. Of many that try at
    /// once one gets it, as it is now.
    pub async fn take_delivery(
        &self,
        delivery: &Delivery,
        until: Timestamp,
    ) -> Result<Option<Delivery>, StoreError> {
        let taken =
            Delivery { due_at: Some(until), attempts: delivery.attempts + 1, ..delivery.clone() };
        let is_taken = self.move_delivery(delivery, &taken).await?;
        Ok(is_taken.then_some(taken))
    }

    /// Remembers how an attempt ended; false where somebody else has taken it meanwhile.
    pub async fn move_delivery(
        &self,
        before: &Delivery,
        after: &Delivery,
    ) -> Result<bool, StoreError> {
        let due = before.due_at.map(|due| Filter::equals("due_at", due.to_string()));
        let guard = self.own().and(due.unwrap_or(Filter::Missing("due_at")));
        let mut set = self.owned(after)?;
        set.remove("_id");
        let unset = if after.due_at.is_none() { vec!["due_at"] } else { Vec::new() };
        if after.due_at.is_none() {
            set.remove("due_at");
        }
        let (collection, id) = (Collection::Deliveries, after.id.to_string());
        self.store.try_batch(vec![Write::Update { collection, id, guard, set, unset }]).await
    }
}

fn time(moment: Option<Timestamp>) -> Value {
    moment.map_or(Value::Null, |it| it.to_string().into())
}
