use pacioli_model::{AuditAction, AuditEvent, Outcome, Timestamp, UserId};
use serde_json::Value;

use crate::{
    After, Page, StoreError, TenantStore,
    backend::{Collection, Filter, Query},
    document,
    store::logged,
};

/// Which entries of the audit log, the newest first. Every filter given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditQuery {
    /// What was done.
    pub action: Option<AuditAction>,
    /// Who did it.
    pub actor: Option<UserId>,
    /// What it was done to.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// The `next` of the page before.
    pub after: Option<After>,
    /// Most entries on the page.
    pub limit: u32,
}

impl Default for AuditQuery {
    /// Everything, fifty a page.
    fn default() -> Self {
        Self {
            action: None,
            actor: None,
            target: None,
            outcome: None,
            from: None,
            to: None,
            after: None,
            limit: 50,
        }
    }
}

impl AuditQuery {
    fn filter(&self, scope: Filter) -> Result<Filter, StoreError> {
        let action = self.action.map(serde_json::to_value).transpose();
        let outcome = self.outcome.map(serde_json::to_value).transpose();
        let named = |field, value: Option<Value>| {
            value.as_ref().and_then(Value::as_str).map(|it| Filter::equals(field, it))
        };
        let given = [
            named("action", action.map_err(StoreError::unavailable)?),
            named("outcome", outcome.map_err(StoreError::unavailable)?),
            self.actor.map(|it| Filter::equals("actor", it.to_string())),
            self.target.as_deref().map(|it| Filter::equals("target", it)),
            self.from.map(|it| Filter::AtLeast("at", it.to_string())),
            self.to.map(|it| Filter::Below("at", it.to_string())),
        ];
        Ok(Filter::All([scope].into_iter().chain(given.into_iter().flatten()).collect()))
    }
}

impl TenantStore {
    /// Adds an entry that goes with no other change.
    pub async fn append_audit(&self, event: &AuditEvent) -> Result<(), StoreError> {
        self.store.batch(vec![logged(self.company_id(), event)?]).await
    }

    /// A page of the company's audit log.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditEvent>, StoreError> {
        let find = Query::new(Collection::Audit, query.filter(self.own())?)
            .sorted("at", true)
            .after(query.after.clone());
        let read = |found| document::decode(Collection::Audit, found);
        self.store.page(find, query.limit, read).await
    }
}
