//! Where tables lie: `companies/<id>/tables/<name>/<version>/part-0.parquet` on an object store. A
//! file appears under its name only when it is complete, and never changes after.

use std::{
    collections::HashSet,
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use crate::{
    EngineError,
    columns::ColumnCache,
    location::{Bucket, Location},
    narrow,
};
use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::execution::cache::{cache_manager::FileMetadataCache, default_cache::DefaultCache};
use futures_util::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, buffered::BufWriter, path::Path as ObjectPath,
};
use pacioli_model::{CompanyId, TableName, TableVersion, Timestamp};
use parquet::{
    arrow::AsyncArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

/// Small enough that a table of a million rows is read by several threads, and that many groups are passed
/// over by their statistics.
pub(crate) const ROW_GROUP_ROWS: usize = 1 << 18;
/// A row group is closed at this size even if it has fewer rows, so that wide tables fit in memory.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// Who asks for health wants an answer.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// What the ends of the files that were read last may take of a worker's memory.
pub(crate) const FOOTER_BYTES: usize = 32 << 20;
/// Parts of a file, of 10 MiB each, that are on their way to the object store at once.
const PARTS_UNDER_WAY: usize = 4;

/// All companies' table files. Cheap to clone.
#[derive(Clone)]
pub struct TableFiles {
    store: Arc<dyn ObjectStore>,
    location: Location,
    /// What the ends of files say, which a worker's next query need not read again: files never change.
    footers: Arc<FileMetadataCache>,
    columns: Arc<ColumnCache>,
}

impl fmt::Debug for TableFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFiles").field("location", &self.location).finish_non_exhaustive()
    }
}

impl TableFiles {
    /// Files in a local folder, which is made when missing.
    pub fn local(root: &Path) -> Result<Self, EngineError> {
        std::fs::create_dir_all(root).map_err(storage("make the folder of the tables"))?;
        let root = root.canonicalize().map_err(storage("open the folder of the tables"))?;
        Self::open(Location::Local { root })
    }

    /// Objects of a bucket. Connects nowhere yet: [`TableFiles::health`] tells whether it can be used.
    pub fn bucket(bucket: Bucket) -> Result<Self, EngineError> {
        Self::open(Location::Bucket(bucket))
    }

    pub(crate) fn open(location: Location) -> Result<Self, EngineError> {
        let footers = Arc::new(DefaultCache::new(FOOTER_BYTES));
        Ok(Self { store: location.open()?, location, footers, columns: Arc::default() })
    }

    /// Keeps so many bytes of decoded columns from one query to the next.
    pub(crate) fn keeping(self, bytes: usize) -> Self {
        Self { columns: Arc::new(ColumnCache::new(bytes)), ..self }
    }

    pub(crate) fn columns(&self) -> &Arc<ColumnCache> {
        &self.columns
    }

    pub(crate) fn footers(&self) -> Arc<FileMetadataCache> {
        Arc::clone(&self.footers)
    }

    /// Where they lie: `local` or `s3`.
    pub fn kind(&self) -> &'static str {
        match self.location {
            Location::Local { .. } => "local",
            Location::Bucket(_) => "s3",
        }
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// Writes and reads a small object, within five seconds.
    pub async fn health(&self) -> Result<(), EngineError> {
        let path = ObjectPath::from("health");
        let written = async {
            self.store.put(&path, PutPayload::from_static(b"ok")).await?;
            self.store.get(&path).await?.bytes().await
        };
        match tokio::time::timeout(HEALTH_TIMEOUT, written).await {
            Ok(written) => written.map_err(storage("use the object store")).map(drop),
            Err(late) => Err(storage("wait for the object store")(late)),
        }
    }

    /// Starts the file of a new version. Nothing is seen of it before [`TableWriter::finish`].
    pub fn writer(
        &self,
        company: CompanyId,
        table: &TableName,
        version: TableVersion,
        schema: SchemaRef,
    ) -> Result<TableWriter, EngineError> {
        let path = part(company, table, version);
        let writer = self.file_writer(&path, narrow::schema(&schema))?;
        Ok(TableWriter { writer: Some(writer), schema, files: self.clone(), path, rows: 0 })
    }

    fn file_writer(&self, path: &ObjectPath, schema: SchemaRef) -> Result<FileWriter, EngineError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let buffered = BufWriter::new(Arc::clone(&self.store), path.clone())
            .with_max_concurrency(PARTS_UNDER_WAY);
        let writer = AsyncArrowWriter::try_new(buffered, Arc::clone(&schema), Some(properties))
            .map_err(storage("start a table's file"))?;
        Ok(FileWriter { writer, schema })
    }

    /// Removes a version's files. Absent files are no error.
    pub async fn delete(
        &self,
        company: CompanyId,
        table: &TableName,
        version: TableVersion,
    ) -> Result<(), EngineError> {
        match self.store.delete(&part(company, table, version)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(storage("delete a table's file")(error)),
        }
    }

    /// Removes files that belong to no version of `keep` and were last written before `older_than`,
    /// also those that a killed load left half written; answers how many.
    pub async fn sweep(
        &self,
        keep: &HashSet<TableVersion>,
        older_than: Timestamp,
    ) -> Result<u64, EngineError> {
        let listed = self.store.list(Some(&ObjectPath::from("companies")));
        let metas: Vec<_> =
            listed.try_collect().await.map_err(storage("list the tables' files"))?;
        let mut removed = 0;
        for meta in metas {
            let kept = version_of(&meta.location).is_none_or(|version| keep.contains(&version));
            if kept || meta.last_modified >= older_than.utc() {
                continue;
            }
            match self.store.delete(&meta.location).await {
                Ok(()) => removed += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(storage("delete a table's file")(error)),
            }
        }
        let Some(folder) = self.location.folder().map(|root| root.join("companies")) else {
            return Ok(removed);
        };
        let staged = tokio::task::spawn_blocking(move || sweep_staged(&folder, older_than));
        let staged = staged.await.map_err(storage("list half-written files"))?;
        Ok(removed + staged.map_err(storage("delete half-written files"))?)
    }
}

/// The local store writes `part-0.parquet#1` and renames it when it is complete; it lists no such
/// file, so what a killed process left behind is found by walking the folders.
fn sweep_staged(folder: &Path, older_than: Timestamp) -> std::io::Result<u64> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(0) };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += sweep_staged(&entry.path(), older_than)?;
            continue;
        }
        let age_limit = Duration::from_millis(u64::try_from(older_than.millis()).unwrap_or(0));
        let is_old = entry.metadata()?.modified()? < UNIX_EPOCH + age_limit;
        let is_staged = entry.file_name().to_string_lossy().contains(".parquet#");
        if is_old && is_staged {
            std::fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

pub(crate) fn part(company: CompanyId, table: &TableName, version: TableVersion) -> ObjectPath {
    ObjectPath::from(format!("companies/{company}/tables/{table}/{version}/part-0.parquet"))
}

/// Whether a path names a file of a table of this company.
pub(crate) fn is_of(path: &ObjectPath, company: CompanyId) -> bool {
    path.prefix_matches(&ObjectPath::from(format!("companies/{company}/tables")))
}

/// The version that a path under `companies` belongs to.
fn version_of(path: &ObjectPath) -> Option<TableVersion> {
    path.parts().nth(4)?.as_ref().parse().ok()
}

/// What a finished load wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Bytes of Parquet.
    pub bytes: u64,
}

/// A file that is being written, and what its rows are stored as.
struct FileWriter {
    writer: AsyncArrowWriter<BufWriter>,
    schema: SchemaRef,
}

impl FileWriter {
    /// Adds rows; whether they fit.
    async fn write(&mut self, batch: &RecordBatch) -> Result<bool, EngineError> {
        let fitting =
            narrow::batch(&self.schema, batch).map_err(storage("store a table's rows"))?;
        let Some(batch) = fitting else { return Ok(false) };
        self.writer.write(&batch).await.map_err(storage("write a table's file"))?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush().await.map_err(storage("write a table's file"))?;
        }
        Ok(true)
    }

    async fn close(self) -> Result<(), EngineError> {
        self.writer.close().await.map_err(storage("complete a table's file")).map(drop)
    }
}

/// Writes one version of a table. Dropped unfinished, it leaves nothing in service.
pub struct TableWriter {
    /// Taken when the file is completed.
    writer: Option<FileWriter>,
    schema: SchemaRef,
    files: TableFiles,
    path: ObjectPath,
    rows: u64,
}

impl TableWriter {
    /// Adds rows of the writer's schema.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if !writer.write(batch).await? {
            let wide = self.widened().await?;
            self.writer.insert(wide).write(batch).await?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Stores all rows so far anew with room for every digit, for a value has come that needs it: the
    /// new file takes the place of the one that it is read from when it is complete.
    async fn widened(&mut self) -> Result<FileWriter, EngineError> {
        if let Some(narrow) = self.writer.take() {
            narrow.close().await?;
        }
        let mut wide = self.files.file_writer(&self.path, Arc::clone(&self.schema))?;
        let mut rows = self.files.rows(self.path.clone()).await?;
        while let Some(batch) = rows.try_next().await? {
            wide.write(&batch).await?;
        }
        Ok(wide)
    }

    /// Completes the file, which then outlives a power cut.
    pub async fn finish(mut self) -> Result<Written, EngineError> {
        if let Some(writer) = self.writer.take() {
            writer.close().await?;
        }
        let (files, path) = (self.files.clone(), std::mem::take(&mut self.path));
        let meta = files.store.head(&path).await;
        let bytes = meta.map_err(storage("look at a completed file"))?.size;
        let synced = tokio::task::spawn_blocking(move || files.location.sync(&path));
        synced
            .await
            .map_err(storage("wait for a completed file"))?
            .map_err(storage("write a completed file to disk"))?;
        Ok(Written { rows: self.rows, bytes })
    }
}

impl Drop for TableWriter {
    /// Parts that a bucket has of a file that is never completed stay there, and cost, until it is
    /// told. The local store sees to its own.
    fn drop(&mut self) {
        let is_local = self.files.location.folder().is_some();
        let Some(writer) = self.writer.take().filter(|_| !is_local) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = writer.writer.into_inner().abort().await;
            });
        }
    }
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(crate) fn storage<E>(action: &'static str) -> impl Fn(E) -> EngineError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| EngineError::Storage { action, source: Arc::new(source) }
}
