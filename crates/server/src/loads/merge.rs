//! A table's new version from the rows that it had and those that came: written as one new file, with
//! the profile of all its rows.

use arrow::{
    array::{ArrayRef, RecordBatch, new_null_array},
    compute::{CastOptions, cast_with_options, filter_record_batch},
    datatypes::SchemaRef,
    error::ArrowError,
};
use futures_util::StreamExt as _;
use pacioli_engine::{TableWriter, Written};
use pacioli_model::{ColumnName, ColumnProfile, ColumnType, CompanyId, TableName, TableVersion};
use pacioli_sources::{SourceError, profile::TableProfile, source};
use tokio_util::sync::CancellationToken;

use super::rows::NewRows;
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
};

/// A version that is being written and profiled.
pub struct Draft {
    writer: TableWriter,
    profile: TableProfile,
}

/// A version that is on disk and not yet in service.
pub struct Drafted {
    /// Its size.
    pub written: Written,
    /// What was seen in each column.
    pub profiles: Vec<ColumnProfile>,
}

impl Draft {
    /// Starts one with these columns.
    pub fn start(
        app: &App,
        (company, table, version): (CompanyId, &TableName, TableVersion),
        columns: &[(ColumnName, ColumnType)],
    ) -> ApiResult<Self> {
        let schema = source::schema(columns.iter().map(|(name, it)| (name, *it)));
        let writer = app.files.writer(company, table, version, schema)?;
        let profile = TableProfile::new(columns.iter().map(|(_, it)| *it));
        Ok(Self { writer, profile })
    }

    /// Adds rows.
    pub async fn write(&mut self, batch: &RecordBatch) -> ApiResult<()> {
        self.profile.see(batch);
        Ok(self.writer.write(batch).await?)
    }

    /// Completes the file.
    pub async fn finish(self) -> ApiResult<Drafted> {
        let profiles = self.profile.finish();
        Ok(Drafted { written: self.writer.finish().await?, profiles })
    }

    /// Adds the rows of an older version whose keys are not among those that came. Says how many it
    /// left out.
    pub async fn keep(
        &mut self,
        app: &App,
        (company, table, version): (CompanyId, &TableName, TableVersion),
        new: &NewRows,
        stop: &CancellationToken,
    ) -> ApiResult<u64> {
        let mut left_out = 0;
        let mut batches = app.files.read(company, table, version).await?;
        while let Some(batch) = batches.next().await {
            go_on(stop)?;
            let batch = fit(&batch?, new.schema())?;
            let kept = match new.keys() {
                Some(keys) => {
                    let untouched = keys.untouched(&batch).map_err(ApiError::internal)?;
                    filter_record_batch(&batch, &untouched).map_err(ApiError::internal)?
                }
                None => batch.clone(),
            };
            left_out += (batch.num_rows() - kept.num_rows()) as u64;
            self.write(&kept).await?;
        }
        Ok(left_out)
    }

    /// Adds the rows that came, of each key the last.
    pub async fn add(&mut self, new: &NewRows, stop: &CancellationToken) -> ApiResult<()> {
        let mut batches = new.read();
        let mut first = 0;
        while let Some(batch) = batches.recv().await {
            go_on(stop)?;
            let batch = batch?;
            let rows = batch.num_rows() as u64;
            let batch = match new.keys() {
                Some(keys) => {
                    let lasting = keys.lasting(&batch, first).map_err(ApiError::internal)?;
                    filter_record_batch(&batch, &lasting).map_err(ApiError::internal)?
                }
                None => batch,
            };
            first += rows;
            self.write(&batch).await?;
        }
        Ok(())
    }
}

/// Refuses to go on once the load was told to stop.
pub fn go_on(stop: &CancellationToken) -> Result<(), SourceError> {
    if stop.is_cancelled() { Err(SourceError::Cancelled) } else { Ok(()) }
}

/// The same rows with the columns and types of `schema`: what is missing is null, what has another type
/// is converted without loss, or the whole is refused.
pub fn fit(batch: &RecordBatch, schema: &SchemaRef) -> ApiResult<RecordBatch> {
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    let columns: Result<Vec<ArrayRef>, ArrowError> = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => cast_with_options(column, field.data_type(), &strictly),
        })
        .collect();
    let fitted = columns.and_then(|columns| RecordBatch::try_new(schema.clone(), columns));
    fitted.map_err(|error| {
        let text = "A value does not fit the type that its column has now: it is too large.";
        ApiError::new(Code::SourceUnfit, text)
            .with_error(&["body"], "value_too_large", text)
            .caused_by(error)
    })
}
