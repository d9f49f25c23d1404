//! A stored table as exactly its one file. A listing would find no rows where the file has gone; here
//! that is an error, also when it goes between the planning and the reading.

use std::sync::Arc;

use arrow::{
    compute::SortOptions,
    datatypes::{Schema, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{
        ScalarValue, Statistics,
        stats::Precision,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    datasource::{
        TableType,
        file_format::{FileFormat, parquet::ParquetFormat},
        listing::PartitionedFile,
        memory::MemorySourceConfig,
        physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    error::DataFusionError,
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions},
    physical_plan::ExecutionPlan,
};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use pacioli_model::{Cell, Column, CompanyId, Distinct, TableEntry};

use crate::{
    EngineError,
    columns::{ColumnCache, KeptScan},
    files::is_of,
};

/// The store's address inside a session; it leads nowhere else.
pub(crate) const STORE: &str = "pacioli://tables/";

/// As SQL orders when it is not told otherwise.
const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: false };

/// The plan reads this company's files and nothing else, or does not run; answers how many. The tables it
/// was made over were opened for the company already: this looks at what became of them.
pub(crate) fn check_files(
    plan: &Arc<dyn ExecutionPlan>,
    company: CompanyId,
) -> Result<usize, EngineError> {
    let (mut files, mut stray) = (0, false);
    let walked = plan.apply(|node| {
        let Some(source) = node.downcast_ref::<DataSourceExec>() else {
            return Ok(TreeNodeRecursion::Continue);
        };
        let source = source.data_source();
        if let Some(scan) = source.downcast_ref::<FileScanConfig>() {
            for file in scan.file_groups.iter().flat_map(FileGroup::iter) {
                files += 1;
                stray |= !is_of(&file.object_meta.location, company);
            }
            stray |= scan.object_store_url.as_str() != STORE;
        } else if let Some(scan) = source.downcast_ref::<KeptScan>() {
            files += 1;
            stray |= !is_of(scan.file(), company);
        } else {
            // Rows that the statement itself holds.
            stray |= !source.is::<MemorySourceConfig>();
        }
        Ok::<_, DataFusionError>(TreeNodeRecursion::Continue)
    });
    walked?;
    if stray {
        let detail = "the plan reads what is not the company's".to_owned();
        return Err(EngineError::Failed { detail });
    }
    Ok(files)
}

/// A Parquet file that is read as a table of this schema.
#[derive(Debug)]
pub(crate) struct StoredTable {
    schema: SchemaRef,
    file: ObjectMeta,
    seen: Seen,
    /// Where the file's columns may be kept.
    kept: Arc<ColumnCache>,
}

/// What is known of a table's rows beforehand.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    rows: usize,
    /// Places of the columns in whose order the rows stand, each by itself.
    ascending: Vec<usize>,
    /// About how many different values each column has, where that is known.
    distinct: Vec<Option<usize>>,
    /// The least and the greatest value of whole numbers, days and moments.
    ranges: Vec<Option<(ScalarValue, ScalarValue)>>,
}

impl Seen {
    pub(crate) fn of(table: &TableEntry) -> Self {
        let columns = table.columns.iter().enumerate();
        let ascending = columns.filter(|(_, it)| it.profile.ascending).map(|(at, _)| at);
        let distinct = |column| distinct(table, column).and_then(|count| count.try_into().ok());
        Self {
            rows: table.rows.try_into().unwrap_or(usize::MAX),
            ascending: ascending.collect(),
            distinct: table.columns.iter().map(distinct).collect(),
            ranges: table.columns.iter().map(range).collect(),
        }
    }

    /// Of rows that stand in the order of one column.
    #[cfg(test)]
    pub(crate) fn ordered(column: usize) -> Self {
        Self { ascending: vec![column], ..Self::default() }
    }

    /// It decides the order of joins, and no answer. Without ranges a filter's rows are guessed.
    fn statistics(&self, schema: &Schema, ranges: bool) -> Statistics {
        let mut statistics = Statistics {
            num_rows: Precision::Inexact(self.rows),
            ..Statistics::new_unknown(schema)
        };
        let columns = statistics.column_statistics.iter_mut();
        for ((column, distinct), range) in columns.zip(&self.distinct).zip(&self.ranges) {
            column.distinct_count = distinct.map_or(Precision::Absent, Precision::Inexact);
            if let Some((least, greatest)) = range.as_ref().filter(|_| ranges) {
                column.min_value = Precision::Inexact(least.clone());
                column.max_value = Precision::Inexact(greatest.clone());
            }
        }
        statistics
    }
}

fn range(column: &Column) -> Option<(ScalarValue, ScalarValue)> {
    let profile = &column.profile;
    Some((scalar(profile.min.as_ref()?)?, scalar(profile.max.as_ref()?)?))
}

/// As a scan gives it.
fn scalar(cell: &Cell) -> Option<ScalarValue> {
    match cell {
        Cell::Integer(value) => Some(ScalarValue::Int64(Some(*value))),
        Cell::Date(day) => Some(ScalarValue::Date32(Some(day.to_epoch_days()))),
        Cell::Timestamp(moment) => {
            Some(ScalarValue::TimestampMicrosecond(Some(moment.timestamp_micros()), None))
        }
        _ => None,
    }
}

/// As counted; of whole numbers that were too many to count, at most as many as lie in their range.
fn distinct(table: &TableEntry, column: &Column) -> Option<u64> {
    let profile = &column.profile;
    match (profile.distinct, &profile.min, &profile.max) {
        (Distinct::Exactly(count), _, _) => Some(count),
        _ if table.primary_key.as_slice() == [column.name.clone()] => Some(table.rows),
        (Distinct::MoreThan(_), Some(Cell::Integer(min)), Some(Cell::Integer(max))) => {
            Some(table.rows.min(max.abs_diff(*min).saturating_add(1)))
        }
        _ => None,
    }
}

impl StoredTable {
    /// The file must be there, with rows as they were `seen` to be.
    pub(crate) async fn open(
        store: &dyn ObjectStore,
        path: Path,
        schema: SchemaRef,
        seen: Seen,
    ) -> object_store::Result<Self> {
        let found = store.head(&path).await?;
        // By the name that the store knows it by: one with a prefix answers with the whole.
        let file = ObjectMeta { location: path, ..found };
        Ok(Self { schema, file, seen, kept: Arc::default() })
    }

    /// Read from the columns that are kept, where all that a scan needs are.
    pub(crate) fn with_kept(self, kept: Arc<ColumnCache>) -> Self {
        Self { kept, ..self }
    }

    /// Each order that the rows of these columns are in.
    fn orders(&self, given: &Schema) -> Vec<LexOrdering> {
        let names = self.seen.ascending.iter().map(|at| self.schema.field(*at).name());
        let columns = names.filter_map(|name| Some((name, given.index_of(name).ok()?)));
        let column = |(name, at): (&String, usize)| {
            let expr = Arc::new(expressions::Column::new(name, at));
            LexOrdering::new([PhysicalSortExpr::new(expr, ASCENDING)])
        };
        columns.filter_map(column).collect()
    }

    /// The scan of kept columns. One that is to end early reads little of the file, and is not worth keeping for.
    fn kept(
        &self,
        projection: Option<&Vec<usize>>,
        statistics: &Statistics,
        limit: Option<usize>,
    ) -> Result<Option<KeptScan>, DataFusionError> {
        let columns = projection.cloned().unwrap_or((0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        let scanned = limit.is_none().then(|| self.kept.scan(&self.file.location, &schema));
        let Some(parts) = scanned.flatten() else { return Ok(None) };
        let orders = self.orders(&schema);
        let statistics = statistics.clone().project(Some(&columns));
        Ok(KeptScan::new(self.file.location.clone(), schema, parts, orders, statistics))
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
        let ranges = state.config_options().execution.collect_statistics;
        let statistics = self.seen.statistics(&self.schema, ranges);
        if let Some(scan) = self.kept(projection, &statistics, limit)? {
            return Ok(scan.into_plan());
        }
        let format = ParquetFormat::default();
        let file = PartitionedFile::from(self.file.clone());
        let source = format.file_source(TableSchema::from(&self.schema));
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::parse(STORE)?, source)
            .with_file(file)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(self.orders(&self.schema))
            .build();
        format.create_physical_plan(state, scan).await
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, Int64Array, RecordBatch},
        datatypes::{DataType, Field, Schema},
        util::pretty::pretty_format_batches,
    };
    use datafusion::prelude::{SessionConfig, SessionContext};
    use object_store::{PutPayload, memory::InMemory};
    use pacioli_model::{TableName, TableVersion};
    use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
    use uuid::Uuid;

    use super::*;
    use crate::files::part;

    /// The first company's table `ours` and the second one's `theirs`.
    pub(crate) async fn two_companies() -> (SessionContext, [CompanyId; 2]) {
        let [ours, theirs] = [1, 2].map(|number| CompanyId(Uuid::from_u128(number)));
        let (store, context) = (Arc::new(InMemory::new()), SessionContext::new());
        let url = ObjectStoreUrl::parse(STORE).expect("a URL");
        context.runtime_env().register_object_store(url.as_ref(), store.clone());
        let table = TableName::parse("t").expect("a name");
        for (name, company) in [("ours", ours), ("theirs", theirs)] {
            let path = part(company, &table, TableVersion(Uuid::from_u128(3)));
            store.put(&path, PutPayload::from_static(b"rows")).await.expect("written");
            let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
            let stored =
                StoredTable::open(&*store, path, schema, Seen::default()).await.expect("opened");
            context.register_table(name, Arc::new(stored)).expect("registered");
        }
        (context, [ours, theirs])
    }

    #[tokio::test]
    async fn a_plan_reads_its_own_companys_files_or_does_not_run() {
        let (context, [ours, _]) = two_companies().await;
        for (sql, read) in [
            ("SELECT a FROM ours", Some(1)),
            ("SELECT x.a FROM ours x JOIN ours y ON x.a = y.a", Some(2)),
            ("SELECT * FROM (VALUES (1), (2)) v", Some(0)),
            ("SELECT 1", Some(0)),
            ("SELECT a FROM theirs", None),
            ("SELECT ours.a FROM ours LEFT JOIN theirs ON ours.a = theirs.a", None),
            ("SELECT a FROM ours UNION ALL SELECT a FROM theirs", None),
            ("SELECT a FROM ours WHERE a IN (SELECT a FROM theirs)", None),
            ("SELECT a FROM ours WHERE a > (SELECT max(a) FROM theirs)", None),
        ] {
            let frame = context.sql(sql).await.expect(sql);
            let plan = frame.create_physical_plan().await.expect(sql);
            assert_eq!(check_files(&plan, ours).ok(), read, "{sql}");
        }
    }

    #[tokio::test]
    async fn rows_in_an_order_are_grouped_and_sorted_as_they_come() {
        let row = |at: i64| (at / 7, at % 1000);
        let (days, values): (Vec<_>, Vec<_>) = (0..60_000).map(row).unzip();
        let schema = ["day", "value"].map(|name| Field::new(name, DataType::Int64, true));
        let schema = Arc::new(Schema::new(schema.to_vec()));
        let columns = [days, values].map(|it| Arc::new(Int64Array::from(it)) as ArrayRef);
        let batch = RecordBatch::try_new(schema.clone(), columns.to_vec()).expect("rows");
        let mut file = Vec::new();
        let groups = WriterProperties::builder().set_max_row_group_row_count(Some(9_000)).build();
        let mut writer =
            ArrowWriter::try_new(&mut file, schema.clone(), Some(groups)).expect("a file");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        let (store, path) = (Arc::new(InMemory::new()), Path::from("rows"));
        store.put(&path, file.into()).await.expect("stored");

        let config = SessionConfig::new()
            .with_target_partitions(2)
            .set_usize("datafusion.optimizer.repartition_file_min_size", 0);
        let context = SessionContext::new_with_config(config);
        let url = ObjectStoreUrl::parse(STORE).expect("a URL");
        context.runtime_env().register_object_store(url.as_ref(), store.clone());
        for (name, ascending) in [("ordered", vec![0]), ("plain", vec![])] {
            let range = |to| Some((ScalarValue::Int64(Some(0)), ScalarValue::Int64(Some(to))));
            let seen = Seen {
                rows: 60_000,
                ascending,
                distinct: vec![Some(8572), Some(1000)],
                ranges: vec![range(8_571), range(999)],
            };
            let opened = StoredTable::open(&*store, path.clone(), schema.clone(), seen);
            let table = Arc::new(opened.await.expect("opened"));
            context.register_table(name, table).expect("registered");
        }
        for sql in [
            "SELECT day, sum(value) AS s FROM {} GROUP BY day ORDER BY day",
            "SELECT day, value FROM {} ORDER BY day, value LIMIT 20",
            "SELECT day, count(*) FROM {} WHERE value < 3 GROUP BY day ORDER BY day DESC LIMIT 20",
            "SELECT count(*) FROM {} a JOIN {} b ON a.day = b.day",
        ] {
            let mut answers = Vec::new();
            for name in ["ordered", "plain"] {
                let frame = context.sql(&sql.replace("{}", name)).await.expect(sql);
                let rows = frame.collect().await.expect(sql);
                answers.push(pretty_format_batches(&rows).expect(sql).to_string());
            }
            assert!(answers[0] == answers[1], "{sql}");
        }
        let sql = "EXPLAIN SELECT day, sum(value) FROM ordered GROUP BY day ORDER BY day";
        let plan = context.sql(sql).await.expect("explained").collect().await.expect("explained");
        let plan = pretty_format_batches(&plan).expect("a plan").to_string();
        assert!(plan.contains("ordering_mode=Sorted") && !plan.contains("SortExec"), "{plan}");
    }
}
