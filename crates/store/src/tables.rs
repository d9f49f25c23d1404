use pacioli_model::{AuditEvent, Catalog, ColumnName, TableEntry, TableName, TableVersion};
use serde_json::Value;

use crate::{
    Lease, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
    store::{ATTEMPTS, back_off, logged},
};

impl TenantStore {
    /// All tables of the company, how they belong together, and what they mean.
    pub async fn catalog(&self) -> Result<Catalog, StoreError> {
        let query = Query::new(Collection::Tables, self.own()).sorted("name", false);
        let (found, measured, semantics) =
            tokio::try_join!(self.store.find(query), self.measurements(), self.semantics())?;
        let tables = found.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Catalog::assemble(tables, &measured.relationships, semantics.in_effect()))
    }

    /// Notes the columns whose values name a row of this load of a table, where its source declares
    /// none; false where another load is in service by now.
    pub async fn note_primary_key(
        &self,
        name: &TableName,
        version: TableVersion,
        key: &[ColumnName],
    ) -> Result<bool, StoreError> {
        let guard = self.own().and(Filter::equals("version", version.to_string()));
        let key = serde_json::to_value(key).map_err(StoreError::unavailable)?;
        let id = self.table_id(name);
        let write = Write::update(Collection::Tables, &id, guard, [("primary_key", key)]);
        self.store.try_batch(vec![write]).await
    }

    /// One table of the company.
    pub async fn table(&self, name: &TableName) -> Result<Option<TableEntry>, StoreError> {
        self.get(Collection::Tables, &self.table_id(name)).await?.map(read).transpose()
    }

    /// Makes this load the table's current one, in one write, and returns the load that it replaced.
    pub async fn put_table(
        &self,
        entry: &TableEntry,
        event: &AuditEvent,
    ) -> Result<Option<TableEntry>, StoreError> {
        let replaced = self.put_tables(&[(entry.clone(), event.clone())]).await?;
        Ok(replaced.into_iter().next())
    }

    /// Makes these loads the current ones of their tables, all or none, and returns those that they
    /// replaced. Each has its entry of the log; no two have one name.
    pub async fn put_tables(
        &self,
        loads: &[(TableEntry, AuditEvent)],
    ) -> Result<Vec<TableEntry>, StoreError> {
        for attempt in 0..ATTEMPTS {
            let (mut writes, mut replaced) = (Vec::new(), Vec::new());
            for (entry, event) in loads {
                let found = self.get(Collection::Tables, &self.table_id(&entry.name)).await?;
                writes.push(self.put(entry, found.as_ref())?);
                writes.push(logged(self.company_id(), event)?);
                replaced.extend(found);
            }
            match self.store.try_batch(writes).await {
                Ok(true) => return replaced.into_iter().map(read).collect(),
                Ok(false) | Err(StoreError::Duplicate(_)) => back_off(attempt).await,
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::Conflict)
    }

    /// As [`Self::put_table`], but only where the table still is the load `base`, or is not there
    /// where that is empty; and only while the lease, if there is one, is held. False where it was
    /// not put.
    pub async fn replace_table(
        &self,
        entry: &TableEntry,
        base: Option<TableVersion>,
        lease: Option<&Lease>,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        for attempt in 0..ATTEMPTS {
            let found = self.get(Collection::Tables, &self.table_id(&entry.name)).await?;
            let version = found.as_ref().and_then(|it| document::text(it, "version"));
            if version != base.map(|base| base.to_string()).as_deref() {
                return Ok(false);
            }
            let mut writes = vec![self.put(entry, found.as_ref())?];
            writes.push(logged(self.company_id(), event)?);
            if let Some(lease) = lease {
                if !self.holds(lease).await? {
                    return Ok(false);
                }
                writes.push(self.while_held(lease, lease.until));
            }
            match self.store.try_batch(writes).await {
                Ok(true) => return Ok(true),
                Ok(false) | Err(StoreError::Duplicate(_)) => back_off(attempt).await,
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::Conflict)
    }

    /// The write that puts the entry in the place of what was found.
    fn put(&self, entry: &TableEntry, found: Option<&Document>) -> Result<Write, StoreError> {
        let id = self.table_id(&entry.name);
        let loaded_at = Value::from(entry.loaded_at.to_string());
        let mut document = self.owned(entry)?;
        let Some(found) = found else {
            document.insert("_id".to_owned(), id.into());
            document.insert("created_at".to_owned(), loaded_at);
            return Ok(Write::insert(Collection::Tables, document));
        };
        document.insert("replaced_at".to_owned(), loaded_at);
        let guard = self.as_read(found);
        Ok(Write::Update {
            collection: Collection::Tables,
            id,
            guard,
            set: document,
            unset: vec![],
        })
    }

    /// Forgets a table and returns what it was; nothing where there is none here.
    pub async fn delete_table(
        &self,
        name: &TableName,
        event: &AuditEvent,
    ) -> Result<Option<TableEntry>, StoreError> {
        let id = self.table_id(name);
        for attempt in 0..ATTEMPTS {
            let Some(found) = self.get(Collection::Tables, &id).await? else { return Ok(None) };
            let delete = Write::delete(Collection::Tables, &id, self.as_read(&found));
            if self.store.try_batch(vec![delete, logged(self.company_id(), event)?]).await? {
                return read(found).map(Some);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// A company has one table of a name because it can have one document of an id.
    fn table_id(&self, name: &TableName) -> String {
        format!("{}/{name}", self.company_id())
    }

    /// Holds while the table is the load that was read.
    fn as_read(&self, found: &Document) -> Filter {
        let version = document::text(found, "version").unwrap_or_default();
        self.own().and(Filter::equals("version", version))
    }
}

fn read(found: Document) -> Result<TableEntry, StoreError> {
    document::decode(Collection::Tables, found)
}
