//! From a spooled file to Parquet: reading and typing on a blocking thread, writing beside it, a few
//! batches in between.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::array::RecordBatch;
use pacioli_engine::{TableFiles, Written};
use pacioli_model::{Column, ColumnProfile, CompanyId, TableName, TableVersion};
use pacioli_sources::{
    SourceError,
    csv::{self, CsvLimits, CsvPlan},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::spool::InputFile;
use crate::error::{ApiError, ApiResult};

/// How far a load is, for whoever asks meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    /// Rows written.
    pub rows: AtomicU64,
    /// Bytes of the file read, both passes counted as one.
    pub bytes: AtomicU64,
}

/// A table that is on disk and not yet in service.
#[derive(Debug)]
pub struct Converted {
    /// Its columns, with what was seen in them.
    pub columns: Vec<Column>,
    /// Its size.
    pub written: Written,
    /// What was decided or could not be.
    pub notes: Vec<String>,
}

/// Writes the file's table under `version`.
pub async fn convert(
    files: &TableFiles,
    file: &Arc<InputFile>,
    table: (CompanyId, &TableName, TableVersion),
    progress: &Arc<Progress>,
    stop: &CancellationToken,
) -> ApiResult<Converted> {
    let plan = blocking({
        let (file, progress, stop) = (file.clone(), progress.clone(), stop.clone());
        move || {
            csv::inspect(file.path(), &CsvLimits::default(), &mut |bytes| {
                progress.bytes.store(bytes / 2, Ordering::Relaxed);
                if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        }
    })
    .await?;
    let (company, name, version) = table;
    let mut writer = files.writer(company, name, version, plan.schema())?;
    // Two batches: one being written, one waiting. More would only cost memory.
    let (sender, mut batches) = mpsc::channel(2);
    let reading = blocking({
        let (file, plan, progress) = (file.clone(), plan.clone(), progress.clone());
        move || read(&file, &plan, &progress, &sender)
    });
    let writing = async {
        while let Some(batch) = batches.recv().await {
            let batch: RecordBatch = batch;
            writer.write(&batch).await?;
            progress.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            if stop.is_cancelled() {
                return Err(ApiError::from(SourceError::Cancelled));
            }
        }
        Ok(writer)
    };
    let (profiles, writer) = tokio::try_join!(reading, writing)?;
    let written = writer.finish().await?;
    Ok(Converted { columns: columns(&plan, profiles), written, notes: plan.notes })
}

fn read(
    file: &InputFile,
    plan: &CsvPlan,
    progress: &Progress,
    batches: &mpsc::Sender<RecordBatch>,
) -> Result<Vec<ColumnProfile>, SourceError> {
    let mut reader = csv::read(file.path(), plan)?;
    while let Some(batch) = reader.next() {
        // A closed channel means that writing failed; its error is the one to tell.
        batches.blocking_send(batch?).map_err(|_| SourceError::Cancelled)?;
        progress.bytes.store(u64::midpoint(file.bytes, reader.bytes_read()), Ordering::Relaxed);
    }
    Ok(reader.profile())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> ApiResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(ApiError::internal)??)
}

fn columns(plan: &CsvPlan, profiles: Vec<ColumnProfile>) -> Vec<Column> {
    let planned = plan.columns.iter().cloned();
    let column = |(planned, profile): (csv::PlannedColumn, ColumnProfile)| Column {
        name: planned.name,
        label: planned.label,
        data_type: planned.data_type,
        profile,
    };
    planned.zip(profiles).map(column).collect()
}
