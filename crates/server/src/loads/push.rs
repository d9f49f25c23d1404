//! Rows that a program sends: added to a table, or put in the place of those with the same key. All of a
//! request's rows are taken or none.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use axum::body::Body;
use futures_util::StreamExt as _;
use pacioli_model::{
    AuditEvent, Column, ColumnName, ColumnProfile, Origin, TableEntry, TableName, TableVersion,
    UserId,
};
use pacioli_sources::{
    SourceError,
    rows::{self, RowColumn, RowFormat, RowsPlan},
};
use pacioli_store::TenantStore;
use sha2::{Digest as _, Sha256};
use tokio::{fs, io::AsyncWriteExt as _, sync::mpsc};

use super::{
    job::{discard, retire},
    merge::{Draft, Drafted},
    rows::NewRows,
};
use crate::{
    app::App,
    catalogue,
    error::{ApiError, ApiResult, Code},
};

/// How often rows are merged anew when another change got in between.
const ATTEMPTS: u32 = 8;

/// The rows of one request, on disk.
pub struct SentRows {
    path: PathBuf,
    format: RowFormat,
    bytes: u64,
    /// SHA-256 of what was sent.
    pub digest: [u8; 32],
}

impl SentRows {
    /// Writes a body to disk as it arrives, up to the upload limit.
    pub async fn receive(app: &App, format: RowFormat, body: Body) -> ApiResult<Self> {
        let limit = app.config.server.upload_limit_bytes as u64;
        let path = app.spool_dir().join(app.random.uuid().to_string());
        let mut sent = Self { path, format, bytes: 0, digest: [0; 32] };
        let mut file = fs::File::create_new(&sent.path).await.map_err(disk)?;
        let (mut digest, mut chunks) = (Sha256::new(), body.into_data_stream());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| {
                ApiError::new(Code::BadRequest, "The body ended early. Send it again.")
                    .caused_by(error)
            })?;
            sent.bytes += chunk.len() as u64;
            if sent.bytes > limit {
                let text = format!("The rows are more than the {limit} bytes this server takes.");
                return Err(ApiError::new(Code::TooLarge, text));
            }
            digest.update(&chunk);
            file.write_all(&chunk).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        sent.digest = digest.finalize().into();
        Ok(sent)
    }
}

impl Drop for SentRows {
    fn drop(&mut self) {
        // Nothing to do about a failure here: the spool folder is emptied at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn disk(error: std::io::Error) -> ApiError {
    let text = "The server cannot write the rows to its disk now.";
    ApiError::new(Code::Unavailable, text)
        .caused_by(error)
        .retry_after(std::time::Duration::from_secs(30))
}

/// Rows to be put into a table.
pub struct Push<'a> {
    /// Whose.
    pub data: &'a TenantStore,
    /// Who sends them.
    pub user: UserId,
    /// Into which table.
    pub table: &'a TableName,
    /// The columns that name a row; those of the table where there are none.
    pub key: Option<Vec<ColumnName>>,
    /// The rows.
    pub sent: &'a SentRows,
    /// The audit entry.
    pub event: AuditEvent,
}

/// Rows that are in service.
pub struct Pushed {
    /// The table.
    pub entry: TableEntry,
    /// How many came.
    pub received: u64,
    /// How many rows there were before with one of their keys.
    pub replaced: u64,
    /// Whether the table was made for them.
    pub is_new: bool,
}

/// Puts the rows into the table, which is made where it is missing.
pub async fn push(app: &App, push: Push<'_>) -> ApiResult<Pushed> {
    for _ in 0..ATTEMPTS {
        let current = push.data.table(push.table).await?;
        let version = TableVersion(app.random.uuid());
        match merge(app, &push, current, version).await {
            Ok(Some(pushed)) => return Ok(pushed),
            // Another push, most likely: its rows are not to be lost.
            Ok(None) => discard(&app.files, push.data.company_id(), push.table, version).await,
            Err(error) => {
                discard(&app.files, push.data.company_id(), push.table, version).await;
                // The version that was read was replaced and removed meanwhile.
                if error.code() != Code::Conflict {
                    return Err(error);
                }
            }
        }
    }
    let text = "Others change the table all the time. Send the rows again, more of them at once.";
    Err(ApiError::new(Code::Conflict, text).retry_after(std::time::Duration::from_secs(1)))
}

async fn merge(
    app: &App,
    push: &Push<'_>,
    current: Option<TableEntry>,
    version: TableVersion,
) -> ApiResult<Option<Pushed>> {
    let company = push.data.company_id();
    if matches!(current.as_ref().map(|it| &it.origin), Some(Origin::Connection { .. })) {
        let text = "The table's rows come from a connected system. Push into another table.";
        return Err(ApiError::new(Code::TableConnected, text));
    }
    let key = push.key.clone().unwrap_or_else(|| own_key(current.as_ref()));
    let plan = inspect(push.sent, current.as_ref(), &key).await?;
    let new = collect(app, push.sent, &plan, &key).await?;
    let columns: Vec<_> = plan.columns.iter().map(|it| (it.name.clone(), it.data_type)).collect();
    let mut draft = Draft::start(app, (company, push.table, version), &columns)?;
    let mut replaced = 0;
    if let Some(current) = &current {
        let before = (company, push.table, current.version);
        replaced = draft.keep(app, before, &new, &app.giving_up).await?;
    }
    draft.add(&new, &app.giving_up).await?;
    let drafted = draft.finish().await?;
    let received = new.len();
    let entry = entry(app, push, current.as_ref(), key, plan, (version, drafted));
    let base = current.as_ref().map(|it| it.version);
    if !push.data.replace_table(&entry, base, None, &push.event).await? {
        return Ok(None);
    }
    if let Some(current) = &current {
        retire(app, company, current);
    }
    app.metrics.loaded(received, push.sent.bytes);
    let behind = app.clone();
    app.background.spawn(async move { catalogue::refresh(&behind, company).await });
    Ok(Some(Pushed { entry, received, replaced, is_new: current.is_none() }))
}

/// The key that an earlier push gave the table. One that was only seen in its rows is none to replace
/// rows by.
fn own_key(current: Option<&TableEntry>) -> Vec<ColumnName> {
    let pushed = current.filter(|it| it.origin == Origin::Push);
    pushed.map(|it| it.primary_key.clone()).unwrap_or_default()
}

async fn inspect(
    sent: &SentRows,
    current: Option<&TableEntry>,
    key: &[ColumnName],
) -> ApiResult<RowsPlan> {
    let known = current.iter().flat_map(|entry| &entry.columns);
    let known: Vec<RowColumn> = known
        .map(|column| RowColumn {
            label: column.label.clone(),
            name: column.name.clone(),
            data_type: column.data_type,
        })
        .collect();
    let (path, format, key) = (sent.path.clone(), sent.format, key.to_vec());
    let work = move || rows::inspect(&path, format, &known, &key);
    let done = tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?;
    done.map_err(of_rows)
}

/// The rows as batches with their keys.
async fn collect(
    app: &App,
    sent: &SentRows,
    plan: &RowsPlan,
    key: &[ColumnName],
) -> ApiResult<NewRows> {
    let mut new = NewRows::none(app, plan.schema(), key).await?;
    // Two batches: one being written, one waiting. More would only cost memory.
    let (sender, mut batches) = mpsc::channel::<RecordBatch>(2);
    let (path, plan) = (sent.path.clone(), plan.clone());
    let reading = tokio::task::spawn_blocking(move || read(&path, &plan, &sender));
    while let Some(batch) = batches.recv().await {
        new.push(batch).await?;
    }
    reading.await.map_err(ApiError::internal)?.map_err(of_rows)?;
    new.complete().await?;
    Ok(new)
}

fn read(
    path: &Path,
    plan: &RowsPlan,
    batches: &mpsc::Sender<RecordBatch>,
) -> Result<(), SourceError> {
    rows::read(path, plan, &mut |batch| {
        // A closed channel means that the other side has an error of its own to tell.
        batches.blocking_send(batch).map_err(|_| SourceError::Cancelled)
    })
}

/// The refusal of rows, which are the body itself.
fn of_rows(error: SourceError) -> ApiError {
    match error {
        SourceError::Invalid { code, detail } => ApiError::invalid(&["body"], code, detail),
        other => other.into(),
    }
}

fn entry(
    app: &App,
    push: &Push<'_>,
    current: Option<&TableEntry>,
    key: Vec<ColumnName>,
    plan: RowsPlan,
    (version, Drafted { written, profiles }): (TableVersion, Drafted),
) -> TableEntry {
    let column = |(column, profile): (RowColumn, ColumnProfile)| Column {
        name: column.name,
        label: column.label,
        data_type: column.data_type,
        profile,
    };
    let mut notes = current.map(|it| it.notes.clone()).unwrap_or_default();
    notes.extend(plan.notes);
    TableEntry {
        name: push.table.clone(),
        version,
        origin: Origin::Push,
        columns: plan.columns.into_iter().zip(profiles).map(column).collect(),
        rows: written.rows,
        bytes: written.bytes,
        loaded_at: app.clock.now(),
        loaded_by: push.user,
        notes,
        // Rows that were there before may share a key that they were not put in by.
        primary_key: if current.is_none_or(|it| it.primary_key == key) { key } else { Vec::new() },
        foreign_keys: current.map(|it| it.foreign_keys.clone()).unwrap_or_default(),
    }
}
