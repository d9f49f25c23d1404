use pacioli_model::{
    AuditEvent, ConnectedTable, Connection, ConnectionId, RunId, Schedule, SealedSecret, Timestamp,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Page, PageRequest, Store, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
    store::{ATTEMPTS, back_off, logged},
};

/// What is changed of a connection; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConnectionChange {
    /// What people call it.
    pub name: Option<String>,
    /// Where the system is.
    pub settings: Option<Value>,
    /// What the system knows the company by; `Some(None)` forgets it.
    pub secret: Option<Option<SealedSecret>>,
    /// What is loaded.
    pub tables: Option<Vec<ConnectedTable>>,
    /// When it is loaded by itself; `Some(None)` ends that.
    pub schedule: Option<Option<Schedule>>,
    /// Whether that is off for now.
    pub is_paused: Option<bool>,
    /// When that is next.
    pub next_run_at: Option<Option<Timestamp>>,
    /// Loads from before are of another system.
    pub renewed_at: Option<Timestamp>,
}

impl ConnectionChange {
    fn fields(&self) -> Result<Vec<(&'static str, Value)>, StoreError> {
        fn value(value: &impl Serialize) -> Result<Value, StoreError> {
            serde_json::to_value(value).map_err(StoreError::unavailable)
        }
        let given = [
            self.name.as_ref().map(|it| ("name", value(it))),
            self.settings.as_ref().map(|it| ("settings", value(it))),
            self.secret.as_ref().map(|it| ("secret", value(it))),
            self.tables.as_ref().map(|it| ("tables", value(it))),
            self.schedule.as_ref().map(|it| ("schedule", value(it))),
            self.is_paused.map(|it| ("is_paused", value(&it))),
            self.next_run_at.map(|it| ("next_run_at", value(&it))),
            self.renewed_at.map(|it| ("renewed_at", value(&it))),
        ];
        given.into_iter().flatten().map(|(field, value)| Ok((field, value?))).collect()
    }
}

/// The right to do one run of a connection, held by one server at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Of which connection.
    pub connection: ConnectionId,
    /// Which run.
    pub run: RunId,
    /// Names the holder; made up anew each time that the lease is taken.
    pub holder: String,
    /// It is held until then, unless renewed.
    pub until: Timestamp,
}

impl Store {
    /// Connections of all companies whose time has come and that nobody is loading, the longest
    /// overdue first.
    pub async fn due_connections(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Connection>, StoreError> {
        let due = Filter::Below("next_run_at", at_latest(now)).and(Filter::Missing("run_id"));
        let query =
            Query::new(Collection::Connections, due).sorted("next_run_at", false).limit(limit);
        self.find(query).await?.into_iter().map(read).collect()
    }

    /// Connections of all companies whose run was given up or whose server has died.
    pub async fn interrupted_connections(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Connection>, StoreError> {
        let lapsed = Filter::Below("lease_until", now.to_string());
        let query =
            Query::new(Collection::Connections, lapsed).sorted("lease_until", false).limit(limit);
        self.find(query).await?.into_iter().map(read).collect()
    }

    /// A page of the connections of all companies, for the keeper of their secrets.
    pub async fn connections(&self, page: &PageRequest) -> Result<Page<Connection>, StoreError> {
        let query = Query::new(Collection::Connections, Filter::everything())
            .sorted("_id", false)
            .after(page.after.clone());
        self.page(query, page.limit, read).await
    }
}

impl TenantStore {
    /// Remembers a new connection.
    pub async fn add_connection(
        &self,
        connection: &Connection,
        event: &AuditEvent,
    ) -> Result<(), StoreError> {
        let insert = Write::insert(Collection::Connections, self.owned(connection)?);
        self.store.batch(vec![insert, logged(self.company_id(), event)?]).await
    }

    /// A connection of this company.
    pub async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
        self.get(Collection::Connections, &id).await?.map(read).transpose()
    }

    /// A page of the company's connections, the oldest first.
    pub async fn connections(&self, page: &PageRequest) -> Result<Page<Connection>, StoreError> {
        let query = Query::new(Collection::Connections, self.own())
            .sorted("created_at", false)
            .after(page.after.clone());
        self.store.page(query, page.limit, read).await
    }

    /// Changes a connection and says how it is now; nothing where there is none here.
    pub async fn update_connection(
        &self,
        id: ConnectionId,
        change: &ConnectionChange,
        now: Timestamp,
        event: &AuditEvent,
    ) -> Result<Option<Connection>, StoreError> {
        let mut fields = change.fields()?;
        fields.push(("updated_at", now.to_string().into()));
        let update = Write::update(Collection::Connections, &id, self.own(), fields);
        let writes = vec![update, logged(self.company_id(), event)?];
        if !self.change_while(&id, self.own(), writes).await? {
            return Ok(None);
        }
        self.connection(id).await
    }

    /// Forgets a connection; a run that is under way can put nothing in service any more. False where
    /// there is none here. Its tables stay.
    pub async fn delete_connection(
        &self,
        id: ConnectionId,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        let delete = Write::delete(Collection::Connections, &id, self.own());
        let writes = vec![delete, logged(self.company_id(), event)?];
        self.change_while(&id, self.own(), writes).await
    }

    /// Replaces the secret by the same one under another key; false where it was changed meanwhile.
    pub async fn reseal_connection(
        &self,
        id: ConnectionId,
        before: &SealedSecret,
        after: &SealedSecret,
    ) -> Result<bool, StoreError> {
        let guard = self.own().and(Filter::equals("secret.sealed", before.sealed.as_str()));
        let after = serde_json::to_value(after).map_err(StoreError::unavailable)?;
        let fields = [("secret", after)];
        let update = Write::update(Collection::Connections, &id, guard.clone(), fields);
        self.change_while(&id, guard, vec![update]).await
    }

    /// Takes the lease for a new run of a connection that nobody is loading, and sets when it is
    /// loaded by itself next. Of many that try at once one gets true. Where the run is the schedule's,
    /// `due` is the time it was found to be due at, which is taken once.
    pub async fn begin_run(
        &self,
        lease: &Lease,
        due: Option<Timestamp>,
        next: Option<Timestamp>,
        event: Option<&AuditEvent>,
    ) -> Result<bool, StoreError> {
        let mut guard = self.own().and(Filter::Missing("run_id"));
        let mut fields = lease.fields();
        if let Some(due) = due {
            guard = guard.and(Filter::equals("next_run_at", due.to_string()));
            fields.push(("next_run_at", next.map_or(Value::Null, |it| it.to_string().into())));
        }
        let id = &lease.connection;
        let mut writes = vec![Write::update(Collection::Connections, id, guard.clone(), fields)];
        writes.extend(event.map(|event| logged(self.company_id(), event)).transpose()?);
        self.change_while(id, guard, writes).await
    }

    /// Takes over a run whose lease had lapsed at `now`; of many that try at once one gets true.
    pub async fn take_over_run(&self, lease: &Lease, now: Timestamp) -> Result<bool, StoreError> {
        let lapsed = self
            .own()
            .and(Filter::equals("run_id", lease.run.to_string()))
            .and(Filter::Below("lease_until", now.to_string()));
        let id = &lease.connection;
        let update = Write::update(Collection::Connections, id, lapsed.clone(), lease.fields());
        self.change_while(id, lapsed, vec![update]).await
    }

    /// Prolongs the lease; false where it is held no more.
    pub async fn renew_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        let renew = self.while_held(lease, lease.until);
        self.change_while(&lease.connection, self.held(lease), vec![renew]).await
    }

    /// Ends the run, so that another can begin; false where the lease was lost before.
    pub async fn end_run(&self, lease: &Lease) -> Result<bool, StoreError> {
        let fields = ["run_id", "lease", "lease_until"].map(|field| (field, Value::Null));
        let id = &lease.connection;
        let update = Write::update(Collection::Connections, id, self.held(lease), fields);
        self.change_while(id, self.held(lease), vec![update]).await
    }

    /// The lease and the run of a connection, where somebody has it.
    pub async fn lease_of(&self, id: ConnectionId) -> Result<Option<Lease>, StoreError> {
        let connection = self.connection(id).await?;
        Ok(connection.and_then(|it| {
            let (run, holder, until) = (it.run_id?, it.lease?, it.lease_until?);
            Some(Lease { connection: id, run, holder, until })
        }))
    }

    /// Makes the writes for as long as the connection meets `guard`, waiting out other changes of it;
    /// false where it does not meet it.
    async fn change_while(
        &self,
        id: &ConnectionId,
        guard: Filter,
        writes: Vec<Write>,
    ) -> Result<bool, StoreError> {
        for attempt in 0..ATTEMPTS {
            if self.store.try_batch(writes.clone()).await? {
                return Ok(true);
            }
            let meets = Filter::id(id).and(guard.clone());
            if self.store.count(Collection::Connections, meets).await? == 0 {
                return Ok(false);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// Whether the lease is held still.
    pub(crate) async fn holds(&self, lease: &Lease) -> Result<bool, StoreError> {
        let held = Filter::id(&lease.connection).and(self.held(lease));
        Ok(self.store.count(Collection::Connections, held).await? > 0)
    }

    /// The write that fails unless the lease is held; it goes with others.
    pub(crate) fn while_held(&self, lease: &Lease, until: Timestamp) -> Write {
        let fields = [("lease_until", until.max(lease.until).to_string().into())];
        Write::update(Collection::Connections, &lease.connection, self.held(lease), fields)
    }

    fn held(&self, lease: &Lease) -> Filter {
        self.own().and(Filter::equals("lease", lease.holder.as_str()))
    }
}

impl Lease {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("run_id", self.run.to_string().into()),
            ("lease", self.holder.as_str().into()),
            ("lease_until", self.until.to_string().into()),
        ]
    }
}

/// The first moment after `now`.
fn at_latest(now: Timestamp) -> String {
    Timestamp::from_millis(now.millis().saturating_add(1)).to_string()
}

fn read(found: Document) -> Result<Connection, StoreError> {
    document::decode(Collection::Connections, found)
}
