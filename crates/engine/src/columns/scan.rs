//! A scan of kept columns. It filters before it widens what it passes on.

use std::{collections::VecDeque, fmt, ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute::{BatchCoalescer, prep_null_mask_filter},
    datatypes::{Field, Schema, SchemaRef},
};
use datafusion::{
    catalog::memory::DataSourceExec,
    common::{Result, Statistics, config::ConfigOptions, tree_node::TreeNodeRecursion},
    datasource::source::DataSource,
    error::DataFusionError,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, conjunction,
        expressions::Column,
        projection::ProjectionExprs,
        utils::{collect_columns, reassign_expr_columns},
    },
    physical_plan::{
        DisplayFormatType,
        coop::cooperative,
        execution_plan::SchedulingType,
        filter_pushdown::{FilterPushdownPropagation, PushedDown},
        stream::RecordBatchStreamAdapter,
    },
};
use futures_util::stream;
use object_store::path::Path;

use super::{Parts, compact::widen};

/// Columns of one file as the rows that a query sees.
#[derive(Debug, Clone)]
pub(crate) struct KeptScan {
    file: Path,
    /// What is given.
    schema: SchemaRef,
    columns: Vec<Parts>,
    /// The row groups of each partition, which follow each other.
    partitions: Vec<Range<usize>>,
    orders: Vec<LexOrdering>,
    statistics: Arc<Statistics>,
    filter: Option<Filter>,
    fetch: Option<usize>,
}

/// What rows must be to be given, over the columns that it needs.
#[derive(Debug, Clone)]
struct Filter {
    condition: Arc<dyn PhysicalExpr>,
    /// Places of those columns.
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl KeptScan {
    /// `columns` in the order of `schema`; nothing where their parts do not lie side by side.
    pub(crate) fn new(
        file: Path,
        schema: SchemaRef,
        columns: Vec<Parts>,
        orders: Vec<LexOrdering>,
        statistics: Statistics,
    ) -> Option<Self> {
        let (first, rest) = columns.split_first()?;
        let lengths = |parts: &Parts| parts.iter().map(Array::len).collect::<Vec<_>>();
        let expected = lengths(first);
        let groups = 0..first.len();
        rest.iter().all(|parts| lengths(parts) == expected).then(|| Self {
            file,
            schema,
            columns,
            partitions: vec![groups],
            orders,
            statistics: Arc::new(statistics),
            filter: None,
            fetch: None,
        })
    }

    pub(crate) fn into_plan(self) -> Arc<DataSourceExec> {
        DataSourceExec::from_data_source(self)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    fn rows(&self, group: usize) -> usize {
        self.columns.first().and_then(|parts| parts.get(group)).map_or(0, Array::len)
    }
}

impl Filter {
    fn new(conditions: Vec<Arc<dyn PhysicalExpr>>, given: &Schema) -> Result<Self> {
        let condition = conjunction(conditions);
        let mut columns: Vec<usize> =
            collect_columns(&condition).iter().map(Column::index).collect();
        columns.sort_unstable();
        let schema = Arc::new(given.project(&columns)?);
        let condition = reassign_expr_columns(condition, &schema)?;
        Ok(Self { condition, columns, schema })
    }

    /// Which rows of the slice are given.
    fn mask(&self, slice: &[ArrayRef], rows: usize) -> Result<BooleanArray> {
        let needed = self.columns.iter().zip(self.schema.fields());
        let needed = needed.map(|(at, field)| widen(&slice[*at], field.data_type()));
        let needed = needed.collect::<std::result::Result<_, _>>()?;
        let batch = batch(&self.schema, needed, rows)?;
        let mask = self.condition.evaluate(&batch)?.into_array(rows)?;
        let mask = mask.as_boolean_opt().ok_or_else(|| {
            DataFusionError::Internal("a condition is neither true nor false".to_owned())
        })?;
        Ok(if mask.null_count() > 0 { prep_null_mask_filter(mask) } else { mask.clone() })
    }
}

impl DataSource for KeptScan {
    fn open(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let groups = self.partitions.get(partition).cloned().unwrap_or_default();
        let batches = Batches {
            left: self.fetch.unwrap_or(usize::MAX),
            size: context.session_config().batch_size(),
            groups,
            group: None,
            ready: VecDeque::new(),
            scan: self.clone(),
        };
        let batches = stream::iter(batches);
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(schema, batches))))
    }

    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let names: Vec<&str> =
            self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "kept columns={names:?}, partitions={}", self.partitions.len())?;
        match &self.filter {
            Some(filter) => write!(f, ", filter={}", filter.condition),
            None => Ok(()),
        }
    }

    fn repartitioned(
        &self,
        target: usize,
        _: usize,
        _: Option<LexOrdering>,
    ) -> Result<Option<Arc<dyn DataSource>>> {
        let groups = self.columns.first().map_or(0, |parts| parts.len());
        let target = target.min(groups);
        if target <= self.partitions.len() || self.fetch.is_some() {
            return Ok(None);
        }
        let border = |at: usize| groups * at / target;
        let partitions = (0..target).map(|at| border(at)..border(at + 1)).collect();
        Ok(Some(Arc::new(Self { partitions, ..self.clone() })))
    }

    fn output_partitioning(&self) -> Partitioning {
        Partitioning::UnknownPartitioning(self.partitions.len())
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        EquivalenceProperties::new_with_orderings(Arc::clone(&self.schema), self.orders.clone())
    }

    fn scheduling_type(&self) -> SchedulingType {
        SchedulingType::Cooperative
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        Ok(match partition {
            Some(_) => Arc::new(Statistics::new_unknown(&self.schema)),
            None => Arc::clone(&self.statistics),
        })
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn DataSource>> {
        Some(Arc::new(Self { fetch, ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn try_swapping_with_projection(
        &self,
        _: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn DataSource>>> {
        Ok(None)
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn DataSource>>> {
        // Rows are counted after they are filtered, which is not what a condition on the rows of a limit means.
        let taken = if self.fetch.is_none() { PushedDown::Yes } else { PushedDown::No };
        let answer =
            FilterPushdownPropagation::with_parent_pushdown_result(vec![taken; filters.len()]);
        if filters.is_empty() || self.fetch.is_some() {
            return Ok(answer);
        }
        let before = self.filter.iter().map(|filter| Arc::clone(&filter.condition));
        let before = before.map(|condition| reassign_expr_columns(condition, &self.schema));
        let conditions = before.chain(filters.into_iter().map(Ok)).collect::<Result<Vec<_>>>()?;
        let scan = Self {
            filter: Some(Filter::new(conditions, &self.schema)?),
            statistics: Arc::new(self.statistics.as_ref().clone().to_inexact()),
            ..self.clone()
        };
        Ok(answer.with_updated_node(Arc::new(scan)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        match &self.filter {
            Some(filter) => f(&filter.condition),
            None => Ok(TreeNodeRecursion::Continue),
        }
    }
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The batches of one partition.
struct Batches {
    scan: KeptScan,
    groups: Range<usize>,
    group: Option<Group>,
    /// Kept columns' rows that are to be given.
    ready: VecDeque<RecordBatch>,
    /// Rows of a batch.
    size: usize,
    /// Rows that may still be given.
    left: usize,
}

/// A row group that is being read.
struct Group {
    number: usize,
    /// Rows that were looked at.
    seen: usize,
    /// The kept columns' types, which differ from group to group.
    schema: SchemaRef,
    filtered: Option<BatchCoalescer>,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.ready.is_empty() {
            let group = match self.group.take() {
                Some(group) => group,
                None => {
                    let number = self.groups.next()?;
                    self.start(number)
                }
            };
            match self.advance(group) {
                Ok(group) => self.group = group,
                Err(error) => return Some(Err(error)),
            }
        }
        let given = self.ready.pop_front()?;
        let given = given.slice(0, given.num_rows().min(self.left));
        self.left -= given.num_rows();
        Some(self.widened(&given))
    }
}

impl Batches {
    fn start(&self, number: usize) -> Group {
        let fields =
            self.scan.columns.iter().zip(self.scan.schema.fields()).map(|(parts, field)| {
                Field::new(field.name(), parts[number].data_type().clone(), true)
            });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let filtered =
            self.scan.filter.as_ref().map(|_| BatchCoalescer::new(Arc::clone(&schema), self.size));
        Group { number, seen: 0, schema, filtered }
    }

    /// Looks at the next rows of the group, which is done when nothing comes back.
    fn advance(&mut self, mut group: Group) -> Result<Option<Group>> {
        let rows = self.size.min(self.scan.rows(group.number) - group.seen);
        if rows == 0 {
            // Batches of several groups would have to share a dictionary.
            if let Some(mut filtered) = group.filtered {
                filtered.finish_buffered_batch()?;
                self.ready.extend(filtered.next_completed_batch());
            }
            return Ok(None);
        }
        let columns = self.scan.columns.iter();
        let slice: Vec<ArrayRef> =
            columns.map(|parts| parts[group.number].slice(group.seen, rows)).collect();
        group.seen += rows;
        match (&self.scan.filter, &mut group.filtered) {
            (Some(filter), Some(filtered)) => {
                let mask = filter.mask(&slice, rows)?;
                if mask.true_count() > 0 {
                    filtered.push_batch_with_filter(batch(&group.schema, slice, rows)?, &mask)?;
                    self.ready.extend(filtered.next_completed_batch());
                }
            }
            _ => self.ready.push_back(batch(&group.schema, slice, rows)?),
        }
        Ok(Some(group))
    }

    fn widened(&self, given: &RecordBatch) -> Result<RecordBatch> {
        let columns = given.columns().iter().zip(self.scan.schema.fields());
        let columns = columns.map(|(column, field)| widen(column, field.data_type()));
        batch(&self.scan.schema, columns.collect::<std::result::Result<_, _>>()?, given.num_rows())
    }
}
