use std::{fs::File, io::BufWriter, path::PathBuf, sync::Arc};

use arrow::{
    array::RecordBatch,
    datatypes::SchemaRef,
    error::ArrowError,
    ipc::{reader::StreamReader, writer::StreamWriter},
};
use pacioli_model::ColumnName;
use tokio::sync::mpsc;

use super::keys::Keys;
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
};

/// New rows of a table, on disk until they are merged into it, with their keys in memory.
pub struct NewRows {
    path: PathBuf,
    schema: SchemaRef,
    writer: Option<StreamWriter<BufWriter<File>>>,
    keys: Option<Keys>,
    rows: u64,
}

impl NewRows {
    /// None yet. Rows with the same `key` are one row, the last; without a key every row counts.
    pub async fn none(app: &App, schema: SchemaRef, key: &[ColumnName]) -> ApiResult<Self> {
        let keys = if key.is_empty() { None } else { Some(Keys::new(&schema, key)) };
        let keys = keys.transpose().map_err(ApiError::internal)?;
        let path = app.spool_dir().join(app.random.uuid().to_string());
        let (at, fields) = (path.clone(), schema.clone());
        let writer = blocking(move || {
            let file = BufWriter::new(File::create_new(at)?);
            StreamWriter::try_new(file, &fields)
        });
        let writer = Some(writer.await?);
        Ok(Self { path, schema, writer, keys, rows: 0 })
    }

    /// Adds rows of its schema.
    pub async fn push(&mut self, batch: RecordBatch) -> ApiResult<()> {
        self.rows += batch.num_rows() as u64;
        if let Some(keys) = &mut self.keys {
            keys.see(&batch).map_err(ApiError::internal)?;
        }
        let Some(mut writer) = self.writer.take() else {
            return Err(ApiError::internal("rows are complete"));
        };
        let written = blocking(move || writer.write(&batch).map(|()| writer));
        self.writer = Some(written.await?);
        Ok(())
    }

    /// There are no more.
    pub async fn complete(&mut self) -> ApiResult<()> {
        match self.writer.take() {
            Some(mut writer) => blocking(move || writer.finish()).await,
            None => Ok(()),
        }
    }

    /// How many came.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Their keys, where they have one.
    pub fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    /// Their schema.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// All of them again, in their order, a few batches at a time.
    pub fn read(&self) -> mpsc::Receiver<ApiResult<RecordBatch>> {
        let (sender, batches) = mpsc::channel(2);
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            let reader = File::open(path)
                .map_err(ArrowError::from)
                .and_then(|file| StreamReader::try_new_buffered(file, None));
            let reader = match reader {
                Ok(reader) => reader,
                Err(error) => {
                    // Whoever reads no more has another error to tell.
                    let _ = sender.blocking_send(Err(disk(error)));
                    return;
                }
            };
            for batch in reader {
                if sender.blocking_send(batch.map_err(disk)).is_err() {
                    return;
                }
            }
        });
        batches
    }
}

impl Drop for NewRows {
    fn drop(&mut self) {
        // Nothing to do about a failure here: the spool folder is emptied at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArrowError> + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?.map_err(disk)
}

fn disk(error: ArrowError) -> ApiError {
    let text = "The server cannot keep the rows on its disk now.";
    ApiError::new(Code::Unavailable, text)
        .caused_by(Arc::new(error))
        .retry_after(std::time::Duration::from_secs(30))
}
