//! Queries on a cluster of one scheduler and two executors, each a process of its own on loopback, over an
//! object store: the same rows as here, within the same limits, whoever of them dies.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pacioli_engine::{
    Bucket, Cluster, Engine, EngineError, EngineOptions, ExecutorOptions, Scheduler,
    SchedulerOptions, TableFiles, run_executor,
};
use pacioli_model::{Access, Catalog, Comparison, Literal, QueryId, TableAccess, TableName};
use uuid::Uuid;

use crate::{
    guard::{GOOD, ROWS, statements, written},
    workers::{options, until},
    world::*,
};

/// Which program of a cluster the test's own program is, and how.
const SETTINGS: [&str; 4] = ["TEST_SCHEDULER", "TEST_LISTEN", "TEST_OBJECTS", "TEST_FOLDER"];
/// Rows whose file is large enough to be read in parts.
const MANY: u32 = 400_000;
/// What has plans that no line of the corpus has, over many rows.
const LARGE: [&str; 9] = [
    "SELECT count(*), sum(v), min(w), max(w), count(DISTINCT g), avg(v) FROM large",
    "SELECT g, count(*), sum(v), avg(v) FROM large GROUP BY g ORDER BY g",
    "SELECT w, v FROM large ORDER BY v DESC LIMIT 20",
    "SELECT a.g, a.s, b.n FROM (SELECT g, sum(v) AS s FROM large GROUP BY g) a FULL JOIN (SELECT g, count(*) AS n FROM large WHERE v > 399900 GROUP BY g) b ON a.g = b.g ORDER BY a.g",
    "SELECT count(*) FROM large a JOIN large b ON a.v = b.v WHERE b.g = 3",
    "SELECT g, s, rank() OVER (ORDER BY s DESC) FROM (SELECT g, sum(v) AS s FROM large GROUP BY g) x ORDER BY g",
    "SELECT count(*) FROM large WHERE v NOT IN (SELECT v FROM large WHERE g > 3)",
    "SELECT g FROM large GROUP BY g HAVING sum(v) > (SELECT avg(v) * 100 FROM large) ORDER BY g",
    "SELECT date_trunc('month', d) AS m, median(v), stddev(v) FROM large GROUP BY 1 ORDER BY 1",
];
/// Minutes of work, in no memory.
const ENDLESS: &str = "SELECT sum(a.v * b.v) FROM large a JOIN large b ON a.g = b.g";
/// As much work, whose rows are all turned down in the step that makes them.
const IN_VAIN: &str =
    "SELECT count(*) FROM large a JOIN large b ON a.g = b.g AND a.v * 2 + b.v * 2 = 1";

fn setting(name: &str) -> String {
    std::env::var(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the entry of the scheduler that the other tests start"]
async fn scheduler_entry() {
    let listen = setting("TEST_LISTEN").parse().unwrap();
    let options = SchedulerOptions { listen, advertise: None, deadline: Duration::from_secs(20) };
    Scheduler::bind(options).await.unwrap().serve().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the entry of the executors that the other tests start"]
async fn executor_entry() {
    let listen: std::net::SocketAddr = setting("TEST_LISTEN").parse().unwrap();
    let options = ExecutorOptions {
        cluster: Cluster::parse(&setting("TEST_SCHEDULER"), 1).unwrap(),
        listen,
        control_port: free_port(),
        advertise: None,
        cores: 2,
        memory_bytes: 256 << 20,
        spill_bytes: 1 << 30,
        folder: PathBuf::from(setting("TEST_FOLDER")),
    };
    let files = TableFiles::bucket(bucket(setting("TEST_OBJECTS").parse().unwrap())).unwrap();
    run_executor(&files, options).await.unwrap();
}

fn bucket(port: u16) -> Bucket {
    Bucket {
        name: "books".to_owned(),
        prefix: "tables".to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        region: "us-east-1".to_owned(),
        access_key_id: "tests".to_owned(),
        secret_access_key: "of tests only".to_owned(),
        allow_http: true,
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A process that is killed with this.
struct Process(Child);

impl Process {
    fn start(command: &mut Command, port: u16) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Self(quiet.spawn().unwrap());
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_mins(2), "nothing listens on {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Ticks of processor time that it has used.
    fn ticks(&self) -> u64 {
        crate::limits::ticks(i32::try_from(self.0.id()).unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The store, the scheduler and the executors, with a company's tables.
struct House {
    world: World,
    catalog: Catalog,
    address: String,
    objects: u16,
    scheduler: Option<Process>,
    executors: Vec<Process>,
    _store: Process,
}

impl House {
    async fn new() -> Self {
        let objects = free_port();
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/pacioli/tools"));
        let tools = std::env::var_os("PACIOLI_TOOLS").map(PathBuf::from).or_else(home).unwrap();
        let mut moto = Command::new(tools.join("bin/moto_server"));
        let store =
            Process::start(moto.args(["-H", "127.0.0.1", "-p", &objects.to_string()]), objects);
        let mut stream = TcpStream::connect(("127.0.0.1", objects)).unwrap();
        let request = "PUT /books HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
        let files = TableFiles::bucket(bucket(objects)).unwrap();
        let world = World { files, ..World::new() };
        let mut catalog = Catalog::default();
        for (load, name) in (1..).zip(["big", "t", "u"]) {
            catalog.tables.push(world.load_as(name, company(1), load, ROWS).await);
        }
        catalog.tables[0].rows = 5_000_000;
        let row = |v: u32| format!("{v},{},text number {v},2024-{:02}-01", v % 7, v % 12 + 1);
        let rows: Vec<String> = (0..MANY).map(row).collect();
        let large = format!("v,g,w,d\n{}\n", rows.join("\n"));
        catalog.tables.push(world.load_as("large", company(1), 4, &large).await);
        let port = free_port();
        let address = format!("df://127.0.0.1:{port}");
        let mut house = Self {
            world,
            catalog,
            address,
            objects,
            scheduler: None,
            executors: Vec::new(),
            _store: store,
        };
        house.scheduler = Some(house.start("cluster::scheduler_entry", port));
        house.add();
        house.add();
        house
    }

    fn start(&self, entry: &str, port: u16) -> Process {
        let folder = self.world.folder.path().join(port.to_string());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", entry, "--ignored", "--nocapture", "--test-threads=1"]);
        let values = [
            self.address.clone(),
            format!("127.0.0.1:{port}"),
            self.objects.to_string(),
            folder.display().to_string(),
        ];
        Process::start(command.envs(SETTINGS.iter().zip(values)), port)
    }

    fn add(&mut self) {
        self.executors.push(self.start("cluster::executor_entry", free_port()));
    }

    fn engine(&self, cluster: Option<Cluster>, scratch: &str) -> Engine {
        let options = EngineOptions {
            cluster,
            scratch: self.world.folder.path().join(scratch),
            deadline: Duration::from_secs(30),
            ..options(&self.world)
        };
        Engine::start(&self.world.files, options).unwrap()
    }

    async fn lines(
        &self,
        engine: &Engine,
        access: &Access,
        sql: &str,
    ) -> Result<Vec<String>, EngineError> {
        Ok(lines(&engine.sql(&whole(1, &self.catalog, access), sql).await?.table))
    }

    async fn agree(&self, here: &Engine, there: &Engine, access: &Access, sql: &str) {
        let mut ours = self.lines(here, access, sql).await.unwrap();
        let mut theirs = self.lines(there, access, sql).await.unwrap();
        if !sql.contains("ORDER BY") {
            ours.sort_unstable();
            theirs.sort_unstable();
        }
        assert_eq!(ours, theirs, "{sql}");
    }

    /// Ticks of processor time that the executors have used.
    fn used(&self) -> u64 {
        self.executors.iter().map(Process::ticks).sum()
    }

    /// Until no executor has anything to do, or it has ended itself.
    async fn idle(&self) {
        let start = Instant::now();
        loop {
            let before = self.used();
            tokio::time::sleep(Duration::from_millis(500)).await;
            if self.used().saturating_sub(before) < 5 {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "an executor burns a core");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_equal_and_limits_hold_on_a_cluster_that_loses_members() {
    let mut house = House::new().await;
    let cluster = Cluster::parse(&house.address, 4);
    let (here, there) = (house.engine(None, "here"), house.engine(cluster, "there"));
    every_statement_agrees(&house, &here, &there).await;
    refusals_agree(&house, &here, &there).await;
    queries_that_nobody_wants_end(&house, &there).await;
    a_step_that_does_not_end_costs_its_executor_at_most(&mut house, &here, &there).await;
    executors_come_and_go(&mut house, &here, &there).await;
}

async fn every_statement_agrees(house: &House, here: &Engine, there: &Engine) {
    let small = [("t", Some(2)), ("u", None)].map(|(table, from)| TableAccess {
        table: TableName::parse(table).unwrap(),
        rows: from.map(|value| compare("v", Comparison::GreaterOrEqual, Literal::Integer(value))),
        hidden_columns: vec![name("hidden")],
    });
    let policies = Access { tables: small.to_vec() };
    for access in [&Access::default(), &policies] {
        for line in statements(GOOD) {
            let (_, sql) = line.split_once(' ').unwrap();
            house.agree(here, there, access, &written(sql)).await;
        }
    }
    for sql in LARGE {
        house.agree(here, there, &Access::default(), sql).await;
    }
}

async fn refusals_agree(house: &House, here: &Engine, there: &Engine) {
    let everything = Access::default();
    for sql in [
        "SELECT sum(v / (g - g)) FROM large",
        "SELECT CAST(w AS INTEGER) FROM t",
        "SELECT * FROM secret",
        "SELECT count(*) FROM large a, large b",
    ] {
        let ours = house.lines(here, &everything, sql).await.unwrap_err();
        let theirs = house.lines(there, &everything, sql).await.unwrap_err();
        assert_eq!(ours.to_string(), theirs.to_string(), "{sql}");
        assert!(matches!(theirs, EngineError::Invalid { .. }), "{theirs:?}");
    }
    let scope = whole(1, &house.catalog, &everything);
    let cut = there.sql(&scope, "SELECT v FROM large").await.unwrap().table;
    assert!(cut.truncated && cut.rows.len() as u64 == ROW_LIMIT, "{}", cut.rows.len());
}

async fn queries_that_nobody_wants_end(house: &House, there: &Engine) {
    cancelled(house, there, ENDLESS).await;
    house.idle().await;
    let ended = house.lines(there, &Access::default(), ENDLESS).await;
    assert!(matches!(ended, Err(EngineError::TimedOut { .. })), "{ended:?}");
    house.idle().await;
}

/// Asks for `sql`, and calls it off when executors are at work.
async fn cancelled(house: &House, there: &Engine, sql: &str) {
    let id = QueryId(Uuid::from_u128(7));
    let everything = Access::default();
    let query = there.named(company(1), id, house.lines(there, &everything, sql));
    let cancel = async {
        let before = house.used();
        until("it runs", || house.used() - before > 20).await;
        assert!(there.cancel(company(1), id));
    };
    let (ended, ()) = tokio::join!(query, cancel);
    assert!(matches!(ended, Err(EngineError::Cancelled)), "{ended:?}");
}

/// A step of a plan that does not look up frees its core all the same: by the end of its executor, if need be.
async fn a_step_that_does_not_end_costs_its_executor_at_most(
    house: &mut House,
    here: &Engine,
    there: &Engine,
) {
    cancelled(house, there, IN_VAIN).await;
    house.idle().await;
    house.executors.retain_mut(|executor| !executor.has_ended());
    while house.executors.len() < 2 {
        house.add();
    }
    house.agree(here, there, &Access::default(), LARGE[1]).await;
}

async fn executors_come_and_go(house: &mut House, here: &Engine, there: &Engine) {
    let everything = Access::default();
    let killed = house.executors.pop();
    let killing = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(killed);
    });
    for sql in LARGE {
        house.agree(here, there, &everything, sql).await;
    }
    killing.await.unwrap();
    house.executors.clear();
    let alone = house.lines(there, &everything, LARGE[0]).await;
    assert!(matches!(alone, Err(EngineError::Cluster { .. })), "{alone:?}");
    house.add();
    house.agree(here, there, &everything, LARGE[1]).await;
    house.scheduler = None;
    let alone = house.lines(there, &everything, LARGE[0]).await;
    assert!(matches!(alone, Err(EngineError::Cluster { .. })), "{alone:?}");
}
