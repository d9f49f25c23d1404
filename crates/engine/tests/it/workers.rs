//! Queries in processes of their own: what a process does to itself, it does to one query.

use std::{
    io::Read,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use pacioli_engine::{Answer, CLUSTERS, Cluster, Engine, EngineError, EngineOptions, worker_main};
use pacioli_model::{Access, Aggregate, Ask, Cell, TableEntry};

use crate::world::*;

const ENTRY: [&str; 5] =
    ["--exact", "workers::worker_entry", "--ignored", "--nocapture", "--test-threads=1"];

/// The tests' program is its own worker: a second program would link the query engine again.
#[test]
#[ignore = "the entry of the workers that the other tests start"]
fn worker_entry() {
    worker_main();
}

pub(crate) fn options(world: &World) -> EngineOptions {
    EngineOptions {
        worker: std::env::current_exe().unwrap(),
        worker_args: ENTRY.map(Into::into).to_vec(),
        scratch: world.folder.path().join("scratch"),
        workers: 2,
        workers_per_company: 2,
        threads: 1,
        memory_bytes: 256 << 20,
        spill_bytes: 1 << 30,
        deadline: Duration::from_mins(1),
        row_limit: ROW_LIMIT,
        queue: 4,
        queue_per_company: 4,
        queue_wait: Duration::from_mins(1),
        idle: Duration::from_mins(1),
        cluster: None,
        cache_bytes: 0,
        column_bytes: 8 << 20,
    }
}

/// A worker written in shell. `READY` in it stands for the line that says so.
pub(crate) fn shell(world: &World, script: &str) -> EngineOptions {
    let script = script.replace("READY", "echo pacioli engine worker 1");
    EngineOptions {
        worker: "/bin/sh".into(),
        worker_args: vec!["-c".into(), script.into()],
        ..options(world)
    }
}

/// A table whose every row is another.
pub(crate) fn numbered(rows: u32) -> String {
    let lines = (0..rows).map(|row| format!("{row},text number {row}"));
    std::iter::once("v,w".to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

fn total() -> Ask {
    ask().measure("s", Aggregate::Sum, Some("v"))
}

async fn run(
    engine: &Engine,
    owner: u128,
    entry: &TableEntry,
    ask: &Ask,
) -> Result<Answer, EngineError> {
    engine.run(&whole(owner, &only(entry), &Access::default()), ask).await
}

async fn sum(engine: &Engine, entry: &TableEntry) -> Result<Cell, EngineError> {
    Ok(run(engine, 1, entry, &total()).await?.table.rows[0][0].clone())
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The process whose scratch folder lies in this world.
pub(crate) fn worker_pids(world: &World) -> Vec<i32> {
    let scratch = world.folder.path().join("scratch").to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&scratch)
    };
    pids.filter(ours).collect()
}

pub(crate) fn is_alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn one_worker_answers_question_after_question() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v,w\n1,a\n2,b\n").await;
    let engine = Engine::start(&world.files, options(&world)).unwrap();
    assert!(worker_pids(&world).is_empty(), "no worker before the first question");
    let answer = run(&engine, 1, &entry, &total()).await.unwrap();
    assert_eq!(answer.table.rows, [[Cell::Integer(3)]]);
    assert_eq!(answer, world.run(&entry, &total()).await.unwrap(), "as in this process");
    let invalid = ask().measure("s", Aggregate::Sum, Some("w"));
    assert!(matches!(run(&engine, 1, &entry, &invalid).await, Err(EngineError::Invalid { .. })));
    let (catalog, access) = (only(&entry), Access::default());
    let sample = engine.sample(&whole(1, &catalog, &access), &entry.name, 1).await.unwrap();
    assert_eq!(lines(&sample), ["1|a"]);
    let stats = engine.stats();
    assert_eq!((stats.started, stats.answered, stats.workers_spawned), (2, 2, 1));
    assert_eq!((stats.running, stats.idle_workers), (0, 1));
    let pids = worker_pids(&world);
    assert_eq!(pids.len(), 1);
    engine.shutdown().await;
    until("the worker ends", || !is_alive(pids[0])).await;
    assert!(matches!(sum(&engine, &entry).await, Err(EngineError::Busy { .. })));
}

#[tokio::test]
async fn companies_with_equal_tables_see_their_own() {
    let world = World::new();
    let mine = world.load(company(1), 1, "v\n1\n").await;
    let theirs = world.load(company(2), 2, "v\n20\n").await;
    let engine = Engine::start(&world.files, options(&world)).unwrap();
    for _ in 0..2 {
        for (number, entry, value) in [(1, &mine, 1), (2, &theirs, 20)] {
            let answer = run(&engine, number, entry, &total()).await.unwrap();
            assert_eq!(answer.table.rows, [[Cell::Integer(value)]]);
        }
    }
    let crossed = run(&engine, 2, &mine, &total()).await;
    assert!(matches!(crossed, Err(EngineError::Missing)), "{crossed:?}");
}

#[tokio::test]
async fn a_worker_has_no_environment_and_a_limit() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let engine = Engine::start(&world.files, options(&world)).unwrap();
    sum(&engine, &entry).await.unwrap();
    let pid = worker_pids(&world)[0];
    let environment =
        String::from_utf8(std::fs::read(format!("/proc/{pid}/environ")).unwrap()).unwrap();
    // Beside certificates and proxies, which an object store may need.
    let on_the_way = |name: &&str| {
        name.starts_with("SSL_CERT_") || name.to_ascii_lowercase().ends_with("_proxy")
    };
    let pairs = environment.split_terminator('\0');
    let names = pairs.filter_map(|pair| pair.split('=').next());
    let names: Vec<_> = names.filter(|name| !on_the_way(name)).collect();
    assert_eq!(
        names,
        ["MALLOC_ARENA_MAX", "PACIOLI_WORKER_ADDRESS_SPACE", "PACIOLI_WORKER_SCRATCH"]
    );
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let address_space = limits.lines().find(|line| line.starts_with("Max address space")).unwrap();
    assert!(address_space.contains(&((520_u64 << 20) + (1 << 30)).to_string()), "{address_space}");
}

#[tokio::test]
async fn a_query_that_will_not_end_is_killed_at_its_deadline() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let mut options = shell(&world, "READY; while :; do :; done");
    options.deadline = Duration::from_millis(300);
    let engine = Engine::start(&world.files, options).unwrap();
    let start = Instant::now();
    let asked = tokio::spawn({
        let (engine, entry) = (engine.clone(), entry.clone());
        async move { sum(&engine, &entry).await }
    });
    until("the worker burns a core", || worker_pids(&world).len() == 1).await;
    let pid = worker_pids(&world)[0];
    assert!(matches!(asked.await.unwrap(), Err(EngineError::TimedOut { .. })));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    until("its core is idle again", || !is_alive(pid)).await;
    until("its folder is gone", || {
        std::fs::read_dir(world.folder.path().join("scratch")).unwrap().next().is_none()
    })
    .await;
    let stats = engine.stats();
    assert_eq!((stats.timed_out, stats.failed, stats.running, stats.idle_workers), (1, 1, 0, 0));
}

#[tokio::test]
async fn a_real_query_is_killed_in_the_middle() {
    let world = World::new();
    let entry = world.load(company(1), 1, &numbered(200_000)).await;
    let engine = Engine::start(&world.files, options(&world)).unwrap();
    sum(&engine, &entry).await.unwrap();
    let pid = worker_pids(&world)[0];
    let heavy = ask().by("w", "w", None).measure("d", Aggregate::CountDistinct, Some("v"));
    let asked = tokio::spawn({
        let (engine, entry) = (engine.clone(), entry.clone());
        async move { run(&engine, 1, &entry, &heavy).await }
    });
    until("it runs", || engine.stats().running == 1).await;
    kill(pid);
    let died = asked.await.unwrap();
    assert!(
        matches!(&died, Err(EngineError::WorkerDied { status }) if status.contains("signal: 9")),
        "{died:?}"
    );
    assert_eq!(sum(&engine, &entry).await.unwrap(), Cell::Integer(199_999 * 100_000));
    let stats = engine.stats();
    assert_eq!(
        (stats.worker_deaths, stats.failed, stats.answered, stats.workers_spawned),
        (1, 1, 2, 2)
    );
}

#[tokio::test]
async fn a_worker_that_died_idle_costs_no_question() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let engine = Engine::start(&world.files, options(&world)).unwrap();
    sum(&engine, &entry).await.unwrap();
    let pid = worker_pids(&world)[0];
    kill(pid);
    // The last thread to end closes the pipes: then the next request cannot be written to it.
    until("it is dead", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        stat.is_empty() || (stat.contains(") Z ") && threads <= 1)
    })
    .await;
    assert_eq!(sum(&engine, &entry).await.unwrap(), Cell::Integer(1));
    assert_eq!(engine.stats().worker_deaths, 0);
}

#[tokio::test]
async fn an_asker_who_goes_away_takes_the_worker_along() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let engine = Engine::start(&world.files, shell(&world, "READY; while :; do :; done")).unwrap();
    let asked = tokio::spawn({
        let (engine, entry) = (engine.clone(), entry.clone());
        async move { sum(&engine, &entry).await }
    });
    until("it runs", || worker_pids(&world).len() == 1).await;
    let pid = worker_pids(&world)[0];
    asked.abort();
    until("it is killed", || !is_alive(pid)).await;
    let stats = engine.stats();
    assert_eq!((stats.cancelled, stats.running, stats.failed), (1, 0, 0));
}

#[tokio::test]
async fn who_finds_no_worker_waits_in_a_short_queue() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let options = EngineOptions {
        workers: 1,
        queue: 1,
        queue_wait: Duration::from_millis(200),
        deadline: Duration::from_secs(3),
        ..shell(&world, "READY; sleep 60")
    };
    let engine = Engine::start(&world.files, options).unwrap();
    let ask = || {
        let (engine, entry) = (engine.clone(), entry.clone());
        tokio::spawn(async move { sum(&engine, &entry).await })
    };
    let first = ask();
    until("the first runs", || engine.stats().running == 1).await;
    let second = ask();
    until("the second waits", || engine.stats().waiting == 1).await;
    let start = Instant::now();
    assert!(matches!(ask().await.unwrap(), Err(EngineError::Busy { .. })), "the queue is full");
    assert!(start.elapsed() < Duration::from_millis(150), "at once");
    assert!(
        matches!(second.await.unwrap(), Err(EngineError::Busy { .. })),
        "it waited long enough"
    );
    assert!(matches!(first.await.unwrap(), Err(EngineError::TimedOut { .. })));
    let stats = engine.stats();
    assert_eq!((stats.refused, stats.started, stats.waiting), (2, 1, 0));
}

#[tokio::test]
async fn programs_that_are_no_worker_are_told_apart() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    for (script, died) in [
        ("exit 3", true),
        ("READY; kill -9 $$", true),
        ("yes", false),
        ("READY; printf '\\1\\0\\0\\0x'; sleep 9", false),
    ] {
        let engine = Engine::start(&world.files, shell(&world, script)).unwrap();
        let error = sum(&engine, &entry).await.unwrap_err();
        assert_eq!(matches!(error, EngineError::WorkerDied { .. }), died, "{script}: {error:?}");
        assert_eq!(matches!(error, EngineError::Failed { .. }), !died, "{script}: {error:?}");
        assert_eq!(engine.stats().idle_workers, 0);
    }
    let missing = EngineOptions { worker: "/nonexistent".into(), ..options(&world) };
    let engine = Engine::start(&world.files, missing).unwrap();
    assert!(matches!(sum(&engine, &entry).await, Err(EngineError::Failed { .. })));
}

#[tokio::test]
async fn a_cluster_that_is_away_fails_queries_and_nothing_else() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n2\n").await;
    // Nothing listens on it.
    let cluster = Cluster::parse("df://127.0.0.1:1", 2);
    let engine = Engine::start(&world.files, EngineOptions { cluster, ..options(&world) }).unwrap();
    let error = sum(&engine, &entry).await.unwrap_err();
    assert_eq!(matches!(error, EngineError::Cluster { .. }), CLUSTERS, "{error:?}");
    assert_eq!(matches!(error, EngineError::Failed { .. }), !CLUSTERS, "{error:?}");
    // What no other machine could help with is done by the worker.
    let (catalog, access) = (only(&entry), Access::default());
    let scope = whole(1, &catalog, &access);
    assert_eq!(lines(&engine.sample(&scope, &entry.name, 5).await.unwrap()), ["1", "2"]);
    assert_eq!(lines(&engine.sql(&scope, "SELECT 1 + 1").await.unwrap().table), ["2"]);
}

#[tokio::test]
async fn idle_workers_go_and_come_back() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let options = EngineOptions { idle: Duration::from_millis(200), ..options(&world) };
    let engine = Engine::start(&world.files, options).unwrap();
    for spawned in 1..=2 {
        sum(&engine, &entry).await.unwrap();
        assert_eq!(engine.stats().workers_spawned, spawned);
        until("it goes", || engine.stats().idle_workers == 0 && worker_pids(&world).is_empty())
            .await;
    }
}

#[tokio::test]
async fn too_little_memory_is_said_and_the_worker_lives() {
    let world = World::new();
    let entry = world.load(company(1), 1, &numbered(30_000)).await;
    let options = EngineOptions { memory_bytes: 200_000, spill_bytes: 1000, ..options(&world) };
    let engine = Engine::start(&world.files, options).unwrap();
    let heavy = ask().by("w", "w", None).measure("d", Aggregate::CountDistinct, Some("v"));
    let error = run(&engine, 1, &entry, &heavy).await.unwrap_err();
    assert!(matches!(error, EngineError::TooLarge { .. }), "{error:?}");
    assert_eq!(sum(&engine, &entry).await.unwrap(), Cell::Integer(29_999 * 15_000));
    assert_eq!(engine.stats().workers_spawned, 1);
}

#[test]
fn a_worker_ends_with_its_server() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(ENTRY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut output = child.stdout.take().unwrap();
    while !said.ends_with(b"pacioli engine worker 1\n") {
        let mut byte = [0];
        assert_eq!(output.read(&mut byte).unwrap(), 1);
        said.push(byte[0]);
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn leftovers_of_a_killed_server_are_removed_at_start() {
    let world = World::new();
    let options = options(&world);
    std::fs::create_dir_all(options.scratch.join("worker-7/spill")).unwrap();
    std::fs::write(options.scratch.join("not ours"), "").unwrap();
    Engine::start(&world.files, options.clone()).unwrap();
    let left: Vec<_> = std::fs::read_dir(options.scratch)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["not ours"]);
}
