//! Where tables lie: `companies/<id>/tables/<name>/<version>/part-0.parquet` on an object store. A
//! file appears under its name only when it is complete, and never changes after.

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use futures_util::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, buffered::BufWriter, local::LocalFileSystem,
    path::Path as ObjectPath,
};
use pacioli_model::{CompanyId, TableName, TableVersion, Timestamp};
use parquet::{
    arrow::AsyncArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde::{Deserialize, Serialize};

use crate::EngineError;

const ROW_GROUP_ROWS: usize = 1 << 20;
/// A row group is closed at this size even if it has fewer rows, so that wide tables fit in memory.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Which object store, in words that a worker process can open it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Location {
    /// A folder of this machine.
    Local {
        /// Absolute.
        root: PathBuf,
    },
}

impl Location {
    /// Waits until a completed file and the folders that lead to it are on disk, which the local
    /// object store leaves to chance.
    fn sync(&self, path: &ObjectPath) -> std::io::Result<()> {
        let Self::Local { root } = self;
        let file = path.parts().fold(root.clone(), |folder, part| folder.join(part.as_ref()));
        let within = file.ancestors().take_while(|place| place.starts_with(root));
        within.into_iter().try_for_each(|place| std::fs::File::open(place)?.sync_all())
    }
}

/// All companies' table files. Cheap to clone.
#[derive(Clone)]
pub struct TableFiles {
    store: Arc<dyn ObjectStore>,
    location: Location,
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

    pub(crate) fn open(location: Location) -> Result<Self, EngineError> {
        let Location::Local { root } = &location;
        let store = LocalFileSystem::new_with_prefix(root)
            .map_err(storage("open the folder of the tables"))?
            .with_automatic_cleanup(true);
        Ok(Self { store: Arc::new(store), location })
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// Writes and reads a small object.
    pub async fn health(&self) -> Result<(), EngineError> {
        let path = ObjectPath::from("health");
        let payload = PutPayload::from_static(b"ok");
        self.store.put(&path, payload).await.map_err(storage("write to the object store"))?;
        let found = self.store.get(&path).await.map_err(storage("read from the object store"))?;
        found.bytes().await.map_err(storage("read from the object store")).map(drop)
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
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let buffered = BufWriter::new(Arc::clone(&self.store), path.clone());
        let writer = AsyncArrowWriter::try_new(buffered, schema, Some(properties))
            .map_err(storage("start a table's file"))?;
        Ok(TableWriter { writer, files: self.clone(), path, rows: 0 })
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
        let Location::Local { root } = self.location.clone();
        let staged =
            tokio::task::spawn_blocking(move || sweep_staged(&root.join("companies"), older_than));
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

/// Writes one version of a table. Dropped unfinished, it leaves nothing in service.
pub struct TableWriter {
    writer: AsyncArrowWriter<BufWriter>,
    files: TableFiles,
    path: ObjectPath,
    rows: u64,
}

impl TableWriter {
    /// Adds rows of the writer's schema.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).await.map_err(storage("write a table's file"))?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush().await.map_err(storage("write a table's file"))?;
        }
        Ok(())
    }

    /// Completes the file, which then outlives a power cut.
    pub async fn finish(self) -> Result<Written, EngineError> {
        self.writer.close().await.map_err(storage("complete a table's file"))?;
        let meta = self.files.store.head(&self.path).await;
        let bytes = meta.map_err(storage("look at a completed file"))?.size;
        let location = self.files.location.clone();
        let synced = tokio::task::spawn_blocking(move || location.sync(&self.path));
        synced
            .await
            .map_err(storage("wait for a completed file"))?
            .map_err(storage("write a completed file to disk"))?;
        Ok(Written { rows: self.rows, bytes })
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
