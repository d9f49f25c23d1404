//! What one query may take, and what many at once may: the rest is refused or killed, and neither the
//! server nor anybody else's query notices.

use std::time::{Duration, Instant};

use pacioli_engine::{Engine, EngineError, EngineOptions, Scope};
use pacioli_model::{
    Access, Aggregate, Catalog, Comparison, Literal, QueryId, TableAccess, TableEntry, TableName,
};
use uuid::Uuid;

use crate::{
    workers::{is_alive, numbered, options, shell, until, worker_pids},
    world::*,
};

/// Kilobytes of a process's memory, by the name of the line in its status.
fn memory(process: &str, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|text| text.strip_prefix(line));
    line.and_then(|text| text.split_whitespace().next()).map_or(0, |text| text.parse().unwrap())
}

/// Ticks of processor time that a process has used.
pub(crate) fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    fields.get(11..13).map_or(0, |used| used.iter().map(|text| text.parse::<u64>().unwrap()).sum())
}

async fn sql(engine: &Engine, entry: &TableEntry, sql: &str) -> Result<Vec<String>, EngineError> {
    let (catalog, access) = (only(entry), Access::default());
    Ok(lines(&engine.sql(&whole(1, &catalog, &access), sql).await?.table))
}

#[tokio::test]
async fn what_would_never_end_is_refused_or_killed_and_leaves_the_server_as_it_was() {
    let world = World::new();
    // Every row has the same k: joined by it, each meets each.
    let rows: Vec<String> = (0..200_000).map(|row| format!("{row},1,word {row}")).collect();
    let entry = world.load(company(1), 1, &format!("v,k,w\n{}\n", rows.join("\n"))).await;
    let options = EngineOptions {
        deadline: Duration::from_secs(2),
        memory_bytes: 64 << 20,
        ..options(&world)
    };
    let engine = Engine::start(&world.files, options).unwrap();
    assert_eq!(sql(&engine, &entry, "SELECT count(*) FROM t").await.unwrap(), ["200000"]);
    let before = memory("self", "VmRSS:");
    let doubled =
        (1..40).map(|level| format!(", a{level} AS (SELECT w || w AS w FROM a{})", level - 1));
    let doubled: String = doubled.collect();
    for (statement, refused) in [
        ("SELECT repeat('x', 2000000000)".to_owned(), true),
        ("SELECT length(repeat(w, 2000000000)) FROM t".to_owned(), true),
        ("SELECT count(*) FROM t a, t b, t c".to_owned(), true),
        ("SELECT count(*) FROM t WHERE w ~ '(a|aa)+$'".to_owned(), true),
        ("SELECT sum(a.v * b.v) FROM t a JOIN t b ON a.k = b.k".to_owned(), false),
        ("SELECT count(DISTINCT a.v + b.v) FROM t a JOIN t b ON a.k = b.k".to_owned(), false),
        (format!("WITH a0 AS (SELECT w FROM t){doubled} SELECT max(length(w)) FROM a39"), false),
    ] {
        let start = Instant::now();
        let error = sql(&engine, &entry, &statement).await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(8), "{statement}: {:?}", start.elapsed());
        let is_refusal = matches!(error, EngineError::Invalid { .. });
        let is_end = matches!(
            error,
            EngineError::TimedOut { .. }
                | EngineError::TooLarge { .. }
                | EngineError::WorkerDied { .. }
        );
        // Texts of many gigabytes end as whatever gives way first.
        let as_expected = if refused { is_refusal } else { is_end || statement.contains("||") };
        assert!(as_expected, "{statement}: {error:?}");
        idle(&world).await;
        let grown = memory("self", "VmRSS:").saturating_sub(before);
        assert!(grown < 48 << 10, "{statement}: the server has grown by {grown} kB");
    }
    assert_eq!(sql(&engine, &entry, "SELECT count(*) FROM t").await.unwrap(), ["200000"]);
}

/// No worker uses a core any more.
async fn idle(world: &World) {
    let start = Instant::now();
    loop {
        let used = || worker_pids(world).into_iter().map(ticks).sum::<u64>();
        let before = used();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if used() <= before {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "a worker goes on burning a core");
    }
}

#[tokio::test]
async fn twenty_greedy_queries_stay_within_the_memory_of_their_workers() {
    let world = World::new();
    let entry = world.load(company(1), 1, &numbered(20_000)).await;
    let options = EngineOptions {
        queue_wait: Duration::from_mins(5),
        memory_bytes: 4 << 20,
        spill_bytes: 64 << 20,
        queue: 20,
        queue_per_company: 20,
        ..options(&world)
    };
    let engine = Engine::start(&world.files, options).unwrap();
    let before = memory("self", "VmRSS:");
    let greedy =
        "SELECT w, count(DISTINCT v), max(w || w) FROM t GROUP BY w ORDER BY max(w || w) DESC";
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (engine, entry) = (engine.clone(), entry.clone());
            tokio::spawn(async move { sql(&engine, &entry, greedy).await })
        })
        .collect();
    let (mut most_workers, mut most_bytes) = (0, 0);
    while !asked.iter().all(tokio::task::JoinHandle::is_finished) {
        let pids = worker_pids(&world);
        most_workers = most_workers.max(pids.len());
        for pid in pids {
            most_bytes = most_bytes.max(memory(&pid.to_string(), "VmHWM:"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for answered in asked {
        match answered.await.unwrap() {
            Ok(rows) => assert_eq!(rows.len() as u64, ROW_LIMIT),
            Err(error) => assert!(matches!(error, EngineError::TooLarge { .. }), "{error:?}"),
        }
    }
    assert!((1..=2).contains(&most_workers), "{most_workers}");
    assert!(most_bytes < 400 << 10, "a worker took {most_bytes} kB");
    let grown = memory("self", "VmRSS:").saturating_sub(before);
    assert!(grown < 96 << 10, "the server has grown by {grown} kB");
    assert_eq!(engine.stats().running + engine.stats().waiting, 0);
}

#[tokio::test]
async fn a_query_is_cancelled_by_its_name_and_by_no_other_company() {
    let world = World::new();
    let entry = world.load(company(1), 1, "v\n1\n").await;
    let engine = Engine::start(&world.files, shell(&world, "READY; while :; do :; done")).unwrap();
    let id = QueryId(Uuid::from_u128(7));
    let asked = tokio::spawn({
        let (engine, entry) = (engine.clone(), entry.clone());
        async move {
            let query = Box::pin(sql(&engine, &entry, "SELECT v FROM t"));
            engine.named(company(1), id, query).await
        }
    });
    until("it runs", || worker_pids(&world).len() == 1).await;
    let pid = worker_pids(&world)[0];
    let query = Box::pin(sql(&engine, &entry, "SELECT v FROM t"));
    let again = engine.named(company(1), id, query).await;
    assert!(matches!(again, Err(EngineError::Invalid { .. })), "the name is taken");
    assert!(!engine.cancel(company(2), id), "another company's");
    assert!(!engine.cancel(company(1), QueryId(Uuid::from_u128(8))));
    assert!(engine.cancel(company(1), id));
    assert!(matches!(asked.await.unwrap(), Err(EngineError::Cancelled)));
    until("it is killed", || !is_alive(pid)).await;
    assert!(!engine.cancel(company(1), id), "it has ended");
    let stats = engine.stats();
    assert_eq!((stats.cancelled, stats.running, stats.failed), (1, 0, 0));
}

#[tokio::test]
async fn a_company_with_one_question_does_not_wait_for_another_ones_hundred() {
    let world = World::new();
    let crowd = world.load(company(1), 1, &numbered(20_000)).await;
    let single = world.load(company(2), 2, "v,w\n1,a\n").await;
    let options = EngineOptions { workers: 1, queue: 50, queue_per_company: 40, ..options(&world) };
    let engine = Engine::start(&world.files, options).unwrap();
    let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
    let ask = |owner: u128, entry: &TableEntry| {
        let (engine, entry, sender) = (engine.clone(), entry.clone(), sender.clone());
        tokio::spawn(async move {
            let (catalog, access) = (only(&entry), Access::default());
            let ask = ask().by("w", "w", None).measure("d", Aggregate::CountDistinct, Some("v"));
            let answer = engine.run(&whole(owner, &catalog, &access), &ask).await;
            sender.send((owner, answer.is_ok())).unwrap();
        })
    };
    for _ in 0..12 {
        ask(1, &crowd);
    }
    until("they wait", || engine.stats().waiting == 11).await;
    ask(2, &single);
    let mut before = 0;
    while let Some((owner, answered)) = order.recv().await {
        assert!(answered);
        if owner == 2 {
            break;
        }
        before += 1;
    }
    assert!(before <= 3, "{before} of the other company's came first");
}

#[tokio::test]
async fn an_answer_is_kept_until_its_table_changes_and_for_nobody_else() {
    let world = World::new();
    let mine = world.load(company(1), 1, "v,w\n1,a\n2,b\n").await;
    let newer = world.load(company(1), 2, "v,w\n10,a\n").await;
    let theirs = world.load(company(2), 3, "v,w\n500,z\n").await;
    let options = EngineOptions { cache_bytes: 1 << 20, ..options(&world) };
    let engine = Engine::start(&world.files, options).unwrap();
    let policy = TableAccess {
        table: TableName::parse("t").unwrap(),
        rows: Some(compare("v", Comparison::Equal, Literal::Integer(2))),
        hidden_columns: Vec::new(),
    };
    let (all, some) = (Access::default(), Access { tables: vec![policy] });
    let text = "SELECT sum(v) AS s FROM t";
    let ask = ask().measure("s", Aggregate::Sum, Some("v"));
    for round in 0..3 {
        for (owner, entry, access, expect) in [
            (1, &mine, &all, "3"),
            (1, &newer, &all, "10"),
            (2, &theirs, &all, "500"),
            (1, &mine, &some, "2"),
        ] {
            let catalog = only(entry);
            let scope = whole(owner, &catalog, access);
            let by_sql = engine.sql(&scope, text).await.unwrap();
            let by_ask = engine.run(&scope, &ask).await.unwrap();
            assert_eq!(lines(&by_sql.table), [expect], "round {round}");
            assert_eq!(lines(&by_ask.table), [expect], "round {round}");
        }
    }
    let stats = engine.stats();
    assert_eq!((stats.answered, stats.cache_misses, stats.cache_hits), (8, 8, 16));
    assert!((1..1 << 20).contains(&stats.cache_bytes));
    let stamped = "SELECT sum(v), current_date AS day FROM t";
    for _ in 0..2 {
        sql(&engine, &mine, stamped).await.unwrap();
    }
    assert_eq!(engine.stats().answered, 10, "what depends on the day is not kept");
}

#[tokio::test]
async fn of_many_equal_questions_at_once_one_is_run() {
    let world = World::new();
    let entry = world.load(company(1), 1, &numbered(20_000)).await;
    let options = EngineOptions { cache_bytes: 1 << 20, ..options(&world) };
    let engine = Engine::start(&world.files, options).unwrap();
    let asked: Vec<_> = (0..30)
        .map(|_| {
            let (engine, entry) = (engine.clone(), entry.clone());
            tokio::spawn(
                async move { sql(&engine, &entry, "SELECT count(DISTINCT w) FROM t").await },
            )
        })
        .collect();
    for answered in asked {
        assert_eq!(answered.await.unwrap().unwrap(), ["20000"]);
    }
    assert_eq!(engine.stats().started, 1);
}

#[tokio::test]
async fn a_scope_reads_its_own_tables_alone_even_by_the_names_of_others() {
    let world = World::new();
    let mine = world.load(company(1), 1, "v\n1\n").await;
    world.load_as("secret", company(2), 2, "v\n42\n").await;
    let engine = Engine::start(&world.files, options(&world)).unwrap();
    let (mut forged, access) = (only(&mine), Access::default());
    // Even a catalog that names another company's load leads into the own company's folder.
    let mut entry = mine.clone();
    (entry.name, entry.version) =
        (TableName::parse("secret").unwrap(), pacioli_model::TableVersion(Uuid::from_u128(2)));
    forged.tables.push(entry);
    let read = |catalog: Catalog| {
        let (engine, access) = (engine.clone(), access.clone());
        async move {
            let scope = Scope { company: company(1), catalog: &catalog, access: &access };
            engine.sql(&scope, "SELECT v FROM secret").await
        }
    };
    assert!(matches!(read(forged).await, Err(EngineError::Missing)));
    assert!(matches!(read(only(&mine)).await, Err(EngineError::Invalid { .. })));
}
