//! One table from a connected system: pulled, written under a version of its own, put in service.

use futures_util::StreamExt as _;
use pacioli_model::{
    AuditAction, AuditEvent, AuditId, Column, ColumnName, ColumnProfile, ColumnType,
    ConnectedTable, Connection, JobStatus, Origin, TableEntry, TableVersion, Trigger,
};
use pacioli_sources::{
    SourceError,
    source::{Pull, Pulled, Source, SourceColumn, SourceTable},
};
use pacioli_store::{Lease, StoreError, TenantStore};
use tokio_util::sync::CancellationToken;

use super::{
    job::{discard, retire},
    live::LiveRun,
    merge::{Draft, Drafted, go_on},
    plan::{Plan, foreign_keys, plan},
    rows::NewRows,
};
use crate::{
    app::App,
    error::{ApiError, Code},
};

/// How often a version is put in the place of one that changed meanwhile.
const PUTS: u32 = 8;

/// A run in the middle of its work.
pub struct Work<'a> {
    /// The server.
    pub app: &'a App,
    /// The company's data.
    pub data: &'a TenantStore,
    /// What is loaded from.
    pub connection: &'a Connection,
    /// The right to do so.
    pub lease: &'a Lease,
    /// The system.
    pub source: &'a dyn Source,
    /// What the system has.
    pub found: &'a [SourceTable],
    /// What the run's record says.
    pub live: &'a LiveRun,
    /// Cancelled when the run shall stop.
    pub stop: &'a CancellationToken,
}

/// Why a table was not loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The source.
    Source(SourceError),
    /// Anything here.
    Here(ApiError),
}

impl From<SourceError> for LoadError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<ApiError> for LoadError {
    fn from(error: ApiError) -> Self {
        Self::Here(error)
    }
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Here(error.into())
    }
}

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Source(error) => Self::of_source(error),
            LoadError::Here(error) => error,
        }
    }
}

impl Work<'_> {
    /// Loads one table, the `at`th of the run.
    pub async fn load(&self, table: &ConnectedTable, at: usize) -> Result<(), LoadError> {
        let current = self.data.table(&table.name).await?;
        let is_full = self.live.now().is_full;
        let plan = plan(self.connection, table, self.found, current.as_ref(), is_full)?;
        self.live.change_table(at, |run| {
            (run.rows, run.bytes, run.rows_expected) = (0, 0, plan.source.rows);
            run.is_incremental = plan.since.is_some();
            if run.is_incremental {
                run.rows_expected = None;
            }
        });
        let version = TableVersion(self.app.random.uuid());
        let loaded = match current.filter(|_| plan.since.is_some()) {
            Some(current) => self.load_changes(table, at, plan, &current, version).await,
            None => self.load_all(table, at, plan, version).await,
        };
        if loaded.is_err() {
            discard(&self.app.files, self.connection.company_id, &table.name, version).await;
        }
        loaded
    }

    /// All rows, in the place of those in service.
    async fn load_all(
        &self,
        table: &ConnectedTable,
        at: usize,
        plan: Plan,
        version: TableVersion,
    ) -> Result<(), LoadError> {
        let columns = types(&plan.source);
        let place = (self.connection.company_id, &table.name, version);
        let mut draft = Draft::start(self.app, place, &columns)?;
        let mut watermark = None;
        let mut batches = self.source.pull(Pull { table: plan.source.clone(), since: None });
        while let Some(pulled) = self.next(&mut batches, at).await? {
            draft.write(&pulled.batch).await?;
            watermark = pulled.watermark.or(watermark);
        }
        let drafted = draft.finish().await?;
        let watermark = watermark.map(|it| it.0);
        let entry = self.entry(table, plan, version, drafted, watermark);
        for _ in 0..PUTS {
            let before = self.data.table(&table.name).await?;
            if self.put(&entry, before.as_ref(), at).await? {
                return Ok(());
            }
        }
        Err(changed_meanwhile())
    }

    /// The rows in service, with those that changed in the place of what they were.
    async fn load_changes(
        &self,
        table: &ConnectedTable,
        at: usize,
        plan: Plan,
        current: &TableEntry,
        version: TableVersion,
    ) -> Result<(), LoadError> {
        let company = self.connection.company_id;
        let key = &plan.source.primary_key;
        let mut new = NewRows::none(self.app, plan.source.schema(), key).await?;
        let mut watermark = plan.since.clone();
        let pull = Pull { table: plan.source.clone(), since: plan.since.clone() };
        let mut batches = self.source.pull(pull);
        while let Some(pulled) = self.next(&mut batches, at).await? {
            new.push(pulled.batch).await?;
            watermark = pulled.watermark.or(watermark);
        }
        new.complete().await?;
        let mut draft =
            Draft::start(self.app, (company, &table.name, version), &types(&plan.source))?;
        draft.keep(self.app, (company, &table.name, current.version), &new, self.stop).await?;
        draft.add(&new, self.stop).await?;
        let drafted = draft.finish().await?;
        let watermark = watermark.map(|it| it.0);
        let entry = self.entry(table, plan, version, drafted, watermark);
        if self.put(&entry, Some(current), at).await? { Ok(()) } else { Err(changed_meanwhile()) }
    }

    /// The next rows, counted; nothing at the end.
    async fn next(
        &self,
        batches: &mut (impl futures_util::Stream<Item = Result<Pulled, SourceError>> + Unpin),
        at: usize,
    ) -> Result<Option<Pulled>, SourceError> {
        let pulled = tokio::select! {
            pulled = batches.next() => pulled.transpose()?,
            () = self.stop.cancelled() => return Err(SourceError::Cancelled),
        };
        go_on(self.stop)?;
        if let Some(pulled) = &pulled {
            let rows = pulled.batch.num_rows() as u64;
            self.app.metrics.loaded(rows, pulled.bytes);
            self.live.change_table(at, |run| {
                run.rows += rows;
                run.bytes += pulled.bytes;
                run.rows_expected = pulled.rows_expected.or(run.rows_expected);
            });
        }
        Ok(pulled)
    }

    fn entry(
        &self,
        table: &ConnectedTable,
        plan: Plan,
        version: TableVersion,
        drafted: Drafted,
        watermark: Option<String>,
    ) -> TableEntry {
        let foreign_keys = foreign_keys(self.connection, &plan.source);
        let columns = plan.source.columns.into_iter().zip(drafted.profiles);
        TableEntry {
            name: table.name.clone(),
            version,
            origin: Origin::Connection {
                connection_id: self.connection.id,
                source_table: table.source_table.clone(),
                watermark,
            },
            columns: columns.map(column).collect(),
            rows: drafted.written.rows,
            bytes: drafted.written.bytes,
            loaded_at: self.app.clock.now(),
            loaded_by: self.live.now().started_by,
            notes: plan.notes,
            primary_key: plan.source.primary_key,
            foreign_keys,
        }
    }

    /// Puts the version in service in the place of `before`; false where that changed meanwhile.
    async fn put(
        &self,
        entry: &TableEntry,
        before: Option<&TableEntry>,
        at: usize,
    ) -> Result<bool, LoadError> {
        go_on(self.stop)?;
        let base = before.map(|entry| entry.version);
        let event = self.event(entry);
        if !self.data.replace_table(entry, base, Some(self.lease), &event).await? {
            let lease = self.data.lease_of(self.connection.id).await?;
            if lease.is_none_or(|lease| lease.holder != self.lease.holder) {
                return Err(SourceError::Cancelled.into());
            }
            return Ok(false);
        }
        if let Some(before) = before {
            retire(self.app, self.connection.company_id, before);
        }
        self.live.change_table(at, |run| {
            run.status = JobStatus::Succeeded;
            run.rows_in_service = Some(entry.rows);
            if let Origin::Connection { watermark, .. } = &entry.origin {
                run.watermark.clone_from(watermark);
            }
        });
        Ok(true)
    }

    fn event(&self, entry: &TableEntry) -> AuditEvent {
        let run = self.live.now();
        AuditEvent {
            id: AuditId(self.app.random.uuid()),
            company_id: self.connection.company_id,
            at: self.app.clock.now(),
            action: AuditAction::TableLoaded,
            outcome: pacioli_model::Outcome::Success,
            actor: (run.trigger == Trigger::Manual).then_some(run.started_by),
            target: Some(entry.name.to_string()),
            detail: Some(format!("run {}", run.id)),
            address: None,
            request_id: None,
        }
    }
}

fn column((column, profile): (SourceColumn, ColumnProfile)) -> Column {
    Column { name: column.name, label: column.label, data_type: column.data_type, profile }
}

fn types(source: &SourceTable) -> Vec<(ColumnName, ColumnType)> {
    source.columns.iter().map(|column| (column.name.clone(), column.data_type)).collect()
}

fn changed_meanwhile() -> LoadError {
    let text = "The table was changed while it was loaded. Load it again.";
    LoadError::Here(ApiError::new(Code::Conflict, text))
}
