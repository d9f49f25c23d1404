//! A folder with tables in it, and short words for Asks.

use std::{io::Write, ops::ControlFlow};

use pacioli_engine::{Answer, EngineError, Scope, TableFiles, run_in_process};
use pacioli_model::{
    Access, Aggregate, Aggregation, Ask, Catalog, Cell, Column, ColumnName, ColumnRef, CompanyId,
    Comparison, Direction, Figure, GroupKey, Grouping, Literal, Measure, OrderBy, Origin,
    Predicate, Table, TableEntry, TableName, TableVersion, TimeGrain, Timestamp, UserId, Value,
};
use pacioli_sources::csv::{CsvLimits, inspect, read};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const ROW_LIMIT: u64 = 1000;

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) files: TableFiles,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let files = TableFiles::local(&folder.path().join("tables")).unwrap();
        Self { folder, files }
    }

    /// Loads CSV as table `t` of a company; `load` numbers its version.
    pub(crate) async fn load(&self, company: CompanyId, load: u128, csv: &str) -> TableEntry {
        self.load_as("t", company, load, csv).await
    }

    /// Loads CSV as a table of this name.
    pub(crate) async fn load_as(
        &self,
        name: &str,
        company: CompanyId,
        load: u128,
        csv: &str,
    ) -> TableEntry {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(csv.as_bytes()).unwrap();
        let limits = CsvLimits::default();
        let plan = inspect(file.path(), &limits, &mut |_| ControlFlow::Continue(())).unwrap();
        let (name, version) =
            (TableName::parse(name).unwrap(), TableVersion(Uuid::from_u128(load)));
        let mut writer = self.files.writer(company, &name, version, plan.schema()).unwrap();
        let mut reader = read(file.path(), &plan).unwrap();
        for batch in reader.by_ref() {
            writer.write(&batch.unwrap()).await.unwrap();
        }
        let written = writer.finish().await.unwrap();
        assert_eq!(written.rows, plan.rows);
        let columns = plan.columns.into_iter().zip(reader.profile());
        let columns = columns.map(|(column, profile)| Column {
            name: column.name,
            label: column.label,
            data_type: column.data_type,
            profile,
        });
        TableEntry {
            name,
            version,
            origin: Origin::Upload { file_name: "t.csv".to_owned(), part: None },
            columns: columns.collect(),
            rows: written.rows,
            bytes: written.bytes,
            loaded_at: Timestamp::from_millis(0),
            loaded_by: UserId(Uuid::nil()),
            notes: Vec::new(),
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
        }
    }

    pub(crate) async fn run(&self, entry: &TableEntry, ask: &Ask) -> Result<Answer, EngineError> {
        let catalog = only(entry);
        let access = Access::default();
        run_in_process(&self.files, &whole(1, &catalog, &access), ask, ROW_LIMIT).await
    }
}

pub(crate) fn company(number: u128) -> CompanyId {
    CompanyId(Uuid::from_u128(number))
}

pub(crate) fn name(text: &str) -> ColumnName {
    ColumnName::parse(text).unwrap()
}

/// A catalog of one table.
pub(crate) fn only(entry: &TableEntry) -> Catalog {
    Catalog { tables: vec![entry.clone()], ..Catalog::default() }
}

/// All of a company's tables, seen whole.
pub(crate) fn whole<'a>(owner: u128, catalog: &'a Catalog, access: &'a Access) -> Scope<'a> {
    Scope { company: company(owner), catalog, access }
}

fn t() -> TableName {
    TableName::parse("t").unwrap()
}

/// A column of `t`.
pub(crate) fn of(column: &str) -> ColumnRef {
    ColumnRef::new(t(), name(column))
}

/// A column of `t` as a value.
pub(crate) fn column(of_t: &str) -> Value {
    Value::Column(of(of_t))
}

/// An Ask that grows.
pub(crate) fn ask() -> Ask {
    Ask::about(t())
}

pub(crate) trait Grow {
    fn measure(self, output: &str, aggregate: Aggregate, column: Option<&str>) -> Self;
    fn by(self, output: &str, column: &str, grain: Option<TimeGrain>) -> Self;
    fn only(self, filter: Predicate) -> Self;
    fn order(self, output: &str, direction: Direction) -> Self;
    fn top(self, rows: u32) -> Self;
}

impl Grow for Ask {
    fn measure(mut self, output: &str, aggregate: Aggregate, column: Option<&str>) -> Self {
        let value = column.map(|column| Value::Column(of(column)));
        let aggregation = Aggregation { value, ..Aggregation::new(aggregate, t()) };
        self.measures.push(Measure::new(name(output), Figure::Aggregate(aggregation)));
        self
    }

    fn by(mut self, output: &str, column: &str, grain: Option<TimeGrain>) -> Self {
        let key = match grain {
            Some(grain) => GroupKey::Period { column: Some(of(column)), grain },
            None => GroupKey::Value(Value::Column(of(column))),
        };
        self.group_by.push(Grouping::new(name(output), key));
        self
    }

    fn only(mut self, filter: Predicate) -> Self {
        self.filter = Some(filter);
        self
    }

    fn order(mut self, output: &str, direction: Direction) -> Self {
        self.order.push(OrderBy { name: name(output), direction });
        self
    }

    fn top(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }
}

pub(crate) fn compare(column: &str, comparison: Comparison, value: Literal) -> Predicate {
    Predicate::compare(of(column), comparison, value)
}

pub(crate) fn text(value: &str) -> Literal {
    Literal::Text(value.to_owned())
}

pub(crate) fn decimal(value: &str) -> Literal {
    Literal::Decimal(value.parse().unwrap())
}

pub(crate) fn date(value: &str) -> Literal {
    Literal::Date(value.parse().unwrap())
}

pub(crate) fn moment(value: &str) -> Literal {
    Literal::Timestamp(value.parse().unwrap())
}

/// Rows as texts, cells parted by bars; `∅` for null.
pub(crate) fn lines(table: &Table) -> Vec<String> {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "∅".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => format!("{value:?}"),
        Cell::Text(value) => value.clone(),
        Cell::Date(value) => value.to_string(),
        Cell::Timestamp(value) => value.naive_utc().format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
    };
    table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
}
