//! From a file to Parquet: reading and typing on a blocking thread, writing beside it, a few batches
//! in between.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::array::RecordBatch;
use pacioli_engine::{TableFiles, Written};
use pacioli_model::{
    Column, ColumnName, ColumnProfile, CompanyId, ForeignKey, TableName, TableVersion,
};
use pacioli_sources::{
    SourceError,
    files::{self, FileLimits, FileOptions, FilePlan, InputPath, PlannedColumn, TablePlan},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::spool::InputFile;
use crate::{
    clock::Random,
    error::{ApiError, ApiResult},
};

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
    /// What it is called.
    pub name: TableName,
    /// Which part of the file it is.
    pub part: Option<String>,
    /// Where its files lie.
    pub version: TableVersion,
    /// Its columns, with what was seen in them.
    pub columns: Vec<Column>,
    /// Its size.
    pub written: Written,
    /// What was decided or could not be.
    pub notes: Vec<String>,
    /// The columns whose values name a row.
    pub primary_key: Vec<ColumnName>,
    /// References to other tables of the file.
    pub foreign_keys: Vec<ForeignKey>,
}

/// The work of making tables of one file.
pub struct Conversion<'a> {
    /// Where the tables are written.
    pub files: &'a TableFiles,
    /// Whose they are.
    pub company: CompanyId,
    /// The file.
    pub file: &'a Arc<InputFile>,
    /// What its sender says about it.
    pub options: &'a FileOptions,
    /// A folder for what must lie on disk meanwhile.
    pub scratch: PathBuf,
    /// Names the versions.
    pub random: Random,
    /// Told how far it is.
    pub progress: &'a Arc<Progress>,
    /// Ends it early.
    pub stop: &'a CancellationToken,
}

impl Conversion<'_> {
    /// Writes every table of the file under a version of its own. Where one fails, those that were
    /// written are removed again.
    pub async fn run(&self) -> ApiResult<Vec<Converted>> {
        let plan = Arc::new(self.plan().await?);
        let total = plan.tables.iter().map(|table| table.rows).sum();
        let mut begun = Vec::new();
        let mut converted = Vec::new();
        for position in 0..plan.tables.len() {
            let version = TableVersion(self.random.uuid());
            begun.push((plan.tables[position].name.clone(), version));
            match self.table(&plan, position, version, total).await {
                Ok(table) => converted.push(table),
                Err(error) => {
                    self.remove(&begun).await;
                    return Err(error);
                }
            }
        }
        Ok(converted)
    }

    async fn plan(&self) -> ApiResult<FilePlan> {
        let (file, options) = (self.file.clone(), self.options.clone());
        let (progress, stop) = (self.progress.clone(), self.stop.clone());
        let scratch = self.scratch.clone();
        blocking(move || {
            let input = InputPath { path: file.path(), name: &file.file_name, scratch: &scratch };
            let half = file.bytes / 2;
            files::inspect(input, &FileLimits::default(), &options, &mut |bytes| {
                progress.bytes.store((bytes / 2).min(half), Ordering::Relaxed);
                if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })
        .await
    }

    async fn table(
        &self,
        plan: &Arc<FilePlan>,
        position: usize,
        version: TableVersion,
        rows_in_all: u64,
    ) -> ApiResult<Converted> {
        let table = &plan.tables[position];
        let mut writer = self.files.writer(self.company, &table.name, version, table.schema())?;
        // Two batches: one being written, one waiting. More would only cost memory.
        let (sender, mut batches) = mpsc::channel(2);
        let reading = blocking({
            let plan = plan.clone();
            move || read(&plan.tables[position], &sender)
        });
        let writing = async {
            while let Some(batch) = batches.recv().await {
                let batch: RecordBatch = batch;
                writer.write(&batch).await?;
                self.count(batch.num_rows() as u64, rows_in_all);
                if self.stop.is_cancelled() {
                    return Err(ApiError::from(SourceError::Cancelled));
                }
            }
            Ok(writer)
        };
        let (profiles, writer) = tokio::try_join!(reading, writing)?;
        let written = writer.finish().await?;
        Ok(Converted {
            name: table.name.clone(),
            part: table.part.clone(),
            version,
            columns: columns(&table.columns, profiles),
            written,
            notes: plan.notes.iter().chain(&table.notes).cloned().collect(),
            primary_key: table.primary_key.clone(),
            foreign_keys: table.foreign_keys.clone(),
        })
    }

    /// Rows are the second half of the work.
    fn count(&self, rows: u64, in_all: u64) {
        let done = self.progress.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let second = u128::from(self.file.bytes - self.file.bytes / 2) * u128::from(done)
            / u128::from(in_all.max(1));
        let second = u64::try_from(second).unwrap_or(0);
        self.progress.bytes.store(self.file.bytes / 2 + second, Ordering::Relaxed);
    }

    async fn remove(&self, begun: &[(TableName, TableVersion)]) {
        for (name, version) in begun {
            super::job::discard(self.files, self.company, name, *version).await;
        }
    }
}

fn read(
    table: &TablePlan,
    batches: &mpsc::Sender<RecordBatch>,
) -> Result<Vec<ColumnProfile>, SourceError> {
    // A closed channel means that writing failed; its error is the one to tell.
    table.read(&mut |batch| match batches.blocking_send(batch) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> ApiResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(ApiError::internal)??)
}

fn columns(planned: &[PlannedColumn], profiles: Vec<ColumnProfile>) -> Vec<Column> {
    let column = |(planned, profile): (&PlannedColumn, ColumnProfile)| Column {
        name: planned.name.clone(),
        label: planned.label.clone(),
        data_type: planned.data_type,
        profile,
    };
    planned.iter().zip(profiles).map(column).collect()
}
