//! A stored table as exactly its one file. A listing would find no rows where the file has gone; here
//! that is an error, also when it goes between the planning and the reading.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Statistics, stats::Precision},
    datasource::{
        TableType,
        file_format::{FileFormat, parquet::ParquetFormat},
        listing::PartitionedFile,
        physical_plan::FileScanConfigBuilder,
        table_schema::TableSchema,
    },
    error::DataFusionError,
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::ExecutionPlan,
};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};

/// The store's address inside a session; it leads nowhere else.
pub(crate) const STORE: &str = "pacioli://tables/";

/// A Parquet file that is read as a table of this schema.
#[derive(Debug)]
pub(crate) struct StoredTable {
    schema: SchemaRef,
    file: ObjectMeta,
    rows: usize,
}

impl StoredTable {
    /// The file must be there; `rows` of it are expected.
    pub(crate) async fn open(
        store: &dyn ObjectStore,
        path: Path,
        schema: SchemaRef,
        rows: u64,
    ) -> object_store::Result<Self> {
        let found = store.head(&path).await?;
        // By the name that the store knows it by: one with a prefix answers with the whole.
        let file = ObjectMeta { location: path, ..found };
        Ok(Self { schema, file, rows: usize::try_from(rows).unwrap_or(usize::MAX) })
    }
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Row groups are passed over by their statistics; the filter itself stays in the plan.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let format = ParquetFormat::default();
        // It decides the order of joins. Least and greatest values would too, but DataFusion 55 fails on
        // some filters over them (a selectivity above 1, where moments are compared with days); row
        // groups are passed over by their own statistics all the same.
        let statistics = Statistics {
            num_rows: Precision::Inexact(self.rows),
            ..Statistics::new_unknown(&self.schema)
        };
        let file = PartitionedFile::from(self.file.clone());
        let source = format.file_source(TableSchema::from(&self.schema));
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::parse(STORE)?, source)
            .with_file(file)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        format.create_physical_plan(state, scan).await
    }
}
