//! A table's rows as they lie in its files, for a load that builds on the one before.

use std::{ops::Range, sync::Arc};

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path as ObjectPath};
use pacioli_model::{CompanyId, TableName, TableVersion};
use parquet::{
    arrow::{
        ParquetRecordBatchStreamBuilder, ProjectionMask, arrow_reader::ArrowReaderOptions,
        async_reader::AsyncFileReader,
    },
    errors::ParquetError,
    file::metadata::{ParquetMetaData, ParquetMetaDataReader},
};

use crate::{
    EngineError, TableFiles,
    files::{ROW_GROUP_ROWS, part, storage},
};

/// The rows of a file, a batch at a time.
type Rows = BoxStream<'static, Result<RecordBatch, EngineError>>;

/// Rows at a time.
const BATCH_ROWS: usize = 8192;

impl TableFiles {
    /// The rows of one version, in the order that they were written in, in bounded memory.
    /// [`EngineError::Missing`] where the version's files are gone.
    pub async fn read(
        &self,
        company: CompanyId,
        table: &TableName,
        version: TableVersion,
    ) -> Result<BoxStream<'static, Result<RecordBatch, EngineError>>, EngineError> {
        self.rows(part(company, table, version)).await
    }

    pub(crate) async fn rows(&self, path: ObjectPath) -> Result<Rows, EngineError> {
        stream(self.file(path).await?.with_batch_size(BATCH_ROWS))
    }

    /// One column of a file, a row group at a time; [`EngineError::Missing`] where it has no such column.
    pub(crate) async fn column(&self, path: ObjectPath, column: &str) -> Result<Rows, EngineError> {
        let file = self.file(path).await?;
        let place = file.schema().index_of(column).map_err(|_| EngineError::Missing)?;
        let column = ProjectionMask::roots(file.parquet_schema(), [place]);
        stream(file.with_projection(column).with_batch_size(ROW_GROUP_ROWS))
    }

    async fn file(
        &self,
        path: ObjectPath,
    ) -> Result<ParquetRecordBatchStreamBuilder<File>, EngineError> {
        let bytes = self.store().head(&path).await.map_err(missing)?.size;
        let file = File { store: Arc::clone(self.store()), path, bytes };
        ParquetRecordBatchStreamBuilder::new(file).await.map_err(failed)
    }
}

fn stream(builder: ParquetRecordBatchStreamBuilder<File>) -> Result<Rows, EngineError> {
    let stream = builder.build().map_err(failed)?;
    Ok(stream.map(|batch| batch.map_err(failed)).boxed())
}

/// A complete file on the object store.
struct File {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    bytes: u64,
}

type Read<'a, T> = BoxFuture<'a, Result<T, ParquetError>>;

impl AsyncFileReader for File {
    fn get_bytes(&mut self, range: Range<u64>) -> Read<'_, Bytes> {
        Box::pin(async move { self.store.get_range(&self.path, range).await.map_err(external) })
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> Read<'_, Vec<Bytes>> {
        Box::pin(async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) })
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> Read<'a, Arc<ParquetMetaData>> {
        Box::pin(async move {
            let bytes = self.bytes;
            let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
            reader.load_and_finish(self, bytes).await.map(Arc::new)
        })
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn missing(error: object_store::Error) -> EngineError {
    match error {
        object_store::Error::NotFound { .. } => EngineError::Missing,
        error => failed(external(error)),
    }
}

fn failed(error: ParquetError) -> EngineError {
    let is_missing = match &error {
        ParquetError::External(source) => source
            .downcast_ref::<object_store::Error>()
            .is_some_and(|source| matches!(source, object_store::Error::NotFound { .. })),
        _ => false,
    };
    if is_missing { EngineError::Missing } else { storage("read a table's file")(error) }
}
