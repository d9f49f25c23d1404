//! What is kept is what the file says, whatever is asked of it.

use arrow::{
    array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, TimeUnit},
    util::pretty::pretty_format_batches,
};
use datafusion::{
    execution::object_store::ObjectStoreUrl,
    physical_plan::displayable,
    prelude::{SessionConfig, SessionContext},
};
use pacioli_model::{CompanyId, TableName, TableVersion};
use uuid::Uuid;

use super::*;
use crate::{
    files::part,
    stored::{STORE, Seen, StoredTable, check_files},
};

/// A row group and a little.
const ROWS: i32 = 300_000;
const PLENTY: usize = 64 << 20;

fn schema(text: DataType) -> Schema {
    let fields = [
        ("day", DataType::Date32),
        ("n", DataType::Int64),
        ("d", DataType::Decimal128(38, 2)),
        ("few", text.clone()),
        ("many", text),
        ("f", DataType::Float64),
        ("b", DataType::Boolean),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ];
    Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec())
}

fn rows() -> RecordBatch {
    let some = |at: i32| at % 11 != 5;
    let all = || 0..ROWS;
    let n = all().map(|at| some(at).then(|| i64::from(at % 1000) - 500));
    let d = all().map(|at| some(at + 1).then(|| i128::from(at) * 7 % 100_003));
    // Each row group has values of its own, and together they are more than a byte can tell apart.
    let few = all().map(|at| some(at + 2).then(|| format!("value {}", at / 1100)));
    let flags = all().map(|at| some(at + 3).then_some(at % 3 == 0));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_iter_values(all().map(|at| at / 500))),
        Arc::new(n.collect::<Int64Array>()),
        Arc::new(d.collect::<Decimal128Array>().with_precision_and_scale(38, 2).unwrap()),
        Arc::new(few.collect::<StringArray>()),
        Arc::new(StringArray::from_iter_values(all().map(|at| format!("text number {at}")))),
        Arc::new(Float64Array::from_iter_values(all().map(|at| f64::from(at % 64) / 4.0))),
        Arc::new(flags.collect::<BooleanArray>()),
        Arc::new(TimestampMicrosecondArray::from_iter_values(
            all().map(|at| i64::from(at) * 1_000_000),
        )),
    ];
    RecordBatch::try_new(Arc::new(schema(DataType::Utf8)), columns).unwrap()
}

struct World {
    files: TableFiles,
    path: Path,
    context: SessionContext,
    _folder: tempfile::TempDir,
}

impl World {
    /// One table, as `kept` and as `read`, of which nothing is kept.
    async fn new(most_bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = TableFiles::local(folder.path()).unwrap().keeping(most_bytes);
        let (company, version) = (CompanyId(Uuid::from_u128(1)), TableVersion(Uuid::from_u128(2)));
        let name = TableName::parse("t").unwrap();
        let rows = rows();
        let mut writer = files.writer(company, &name, version, rows.schema()).unwrap();
        writer.write(&rows).await.unwrap();
        writer.finish().await.unwrap();
        let context =
            SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        let url = ObjectStoreUrl::parse(STORE).unwrap();
        context.runtime_env().register_object_store(url.as_ref(), Arc::clone(files.store()));
        let path = part(company, &name, version);
        for (name, kept) in [("kept", Arc::clone(files.columns())), ("read", Arc::default())] {
            let schema = Arc::new(schema(DataType::Utf8View));
            let opened =
                StoredTable::open(&**files.store(), path.clone(), schema, Seen::ordered(0));
            context.register_table(name, Arc::new(opened.await.unwrap().with_kept(kept))).unwrap();
        }
        Self { files, path, context, _folder: folder }
    }

    async fn plan(&self, sql: &str) -> String {
        let frame = self.context.sql(sql).await.expect(sql);
        let plan = frame.create_physical_plan().await.expect(sql);
        displayable(plan.as_ref()).indent(false).to_string()
    }

    async fn answer(&self, sql: &str) -> String {
        let rows = self.context.sql(sql).await.expect(sql).collect().await.expect(sql);
        pretty_format_batches(&rows).expect(sql).to_string()
    }

    /// As a worker that waits.
    async fn warm(&self) -> usize {
        let (mut warmer, mut steps) = (Warmer::default(), 0);
        while warmer.step(&self.files).await {
            steps += 1;
        }
        steps
    }

    fn scan(&self, columns: &[&str]) -> bool {
        let fields = columns.iter().map(|name| Field::new(*name, DataType::Int64, true));
        self.files.columns().scan(&self.path, &Schema::new(fields.collect::<Vec<_>>())).is_some()
    }

    fn bytes(&self) -> usize {
        self.files.columns().lock().bytes()
    }
}

#[tokio::test]
async fn kept_columns_give_the_rows_of_the_file() {
    let world = World::new(PLENTY).await;
    let columns = "day, n, d, few, many, f, b, at";
    let all = format!("SELECT {columns} FROM kept");
    for _ in 0..WANTED {
        world.plan(&all).await;
    }
    assert!(!world.plan(&all).await.contains("kept columns"), "not before it was idle");
    world.warm().await;
    for sql in [
        "SELECT count(*), count(n), sum(n), sum(d), min(few), max(many), sum(f), count(b), max(at) FROM {}",
        "SELECT few, count(*), sum(d), avg(n) FROM {} GROUP BY few ORDER BY few",
        "SELECT day, sum(n) FROM {} GROUP BY day ORDER BY day LIMIT 40",
        "SELECT * FROM {} WHERE n = 3 AND d > 900 AND b ORDER BY many",
        "SELECT * FROM {} WHERE few IN ('value 7', 'value 150') AND n > 480 ORDER BY many",
        "SELECT * FROM {} WHERE many LIKE '%99' AND n IS NULL ORDER BY many",
        "SELECT * FROM {} WHERE d IS NULL AND few IS NULL ORDER BY many",
        "SELECT many FROM {} WHERE day < DATE '1970-01-02' ORDER BY many",
        "SELECT many FROM {} WHERE day < DATE '1960-01-01'",
        "SELECT count(*) FROM {} WHERE b OR n < 0",
        "SELECT many, at FROM {} WHERE f > 15.5 ORDER BY at DESC LIMIT 7",
        "SELECT count(*) FROM (SELECT * FROM {} ORDER BY at LIMIT 1000) WHERE n > 0",
        "SELECT a.day, count(*) FROM {} a JOIN {} b ON a.n = b.n AND a.day = b.day WHERE a.few = 'value 9' GROUP BY a.day ORDER BY a.day",
        "SELECT count(*) FROM {} WHERE n IN (SELECT n FROM {} WHERE day = DATE '1970-01-05' AND d > 500)",
        "SELECT count(*) FROM {} WHERE d > (SELECT avg(d) FROM {})",
        "SELECT n + 1 AS m, upper(few) AS u FROM {} WHERE day = DATE '1971-01-05' ORDER BY m, u",
    ] {
        let [kept, read] = ["kept", "read"].map(|name| sql.replace("{}", name));
        let plan = world.plan(&kept).await;
        assert!(plan.contains("kept columns") && !plan.contains("parquet"), "{sql}\n{plan}");
        let [kept, read] = [world.answer(&kept).await, world.answer(&read).await];
        assert!(kept.replace("kept", "read") == read, "{sql}\n{kept:.2000}\n{read:.2000}");
    }
    let plan = world.plan("SELECT day, sum(n) FROM kept WHERE few = 'value 3' GROUP BY day").await;
    assert!(plan.contains("ordering_mode=Sorted"), "rows come in their order: {plan}");
    assert!(!plan.contains("FilterExec"), "they are filtered where they lie: {plan}");
    let few = world.plan("SELECT n FROM kept LIMIT 3").await;
    assert!(few.contains("parquet"), "a few rows are read from the file: {few}");
}

#[tokio::test]
async fn kept_columns_are_their_own_companys() {
    let world = World::new(PLENTY).await;
    world.scan(&["n"]);
    world.scan(&["n"]);
    world.warm().await;
    let frame = world.context.sql("SELECT sum(n) FROM kept WHERE n > 3").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    assert!(displayable(plan.as_ref()).indent(false).to_string().contains("kept columns"));
    let [ours, theirs] = [1, 2].map(|number| CompanyId(Uuid::from_u128(number)));
    assert_eq!(check_files(&plan, ours).unwrap(), 1);
    assert!(check_files(&plan, theirs).is_err());
}

#[tokio::test]
async fn what_is_asked_for_most_is_kept() {
    let world = World::new(2_800_000).await;
    assert!(!world.scan(&["n"]));
    assert_eq!(world.warm().await, 0, "once is not often");
    assert!(!world.scan(&["n"]));
    world.warm().await;
    assert!(world.scan(&["n"]));
    let n = world.bytes();
    assert!((600_000..700_000).contains(&n), "two bytes a number: {n}");
    for _ in 0..8 {
        assert!(!world.scan(&["n", "many"]), "too large to be kept");
        world.warm().await;
    }
    assert_eq!(world.bytes(), n);
    for _ in 0..30 {
        world.scan(&["f"]);
    }
    world.warm().await;
    assert!(world.scan(&["f"]), "what is asked for more");
    assert!(!world.scan(&["n"]), "in the place of what is asked for less");
    assert!(world.bytes() <= 2_800_000);
    assert_eq!(world.warm().await, 0, "what has no room is not tried again and again");
}

#[tokio::test]
async fn another_version_takes_the_place_of_the_one_before() {
    let world = World::new(PLENTY).await;
    world.scan(&["n"]);
    world.scan(&["n"]);
    world.warm().await;
    assert!(world.scan(&["n"]) && world.bytes() > 0);
    let next = part(
        CompanyId(Uuid::from_u128(1)),
        &TableName::parse("t").unwrap(),
        TableVersion(Uuid::from_u128(3)),
    );
    let n = Schema::new(vec![Field::new("n", DataType::Int64, true)]);
    let cache = world.files.columns();
    for _ in 0..3 {
        assert!(cache.scan(&next, &n).is_none());
    }
    assert_eq!(world.bytes(), 0);
    assert!(world.warm().await > 0, "its file is looked for");
    assert!(cache.scan(&next, &n).is_none() && world.warm().await == 0, "and not again at once");
}

#[tokio::test]
async fn what_nobody_asks_for_any_more_goes() {
    let world = World::new(PLENTY).await;
    for _ in 0..4 {
        world.scan(&["n"]);
    }
    world.warm().await;
    assert!(world.bytes() > 0);
    for _ in 0..4 * HALF_LIFE {
        world.scan(&["unknown"]);
    }
    assert_eq!(world.bytes(), 0);
}
