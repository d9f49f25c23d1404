//! What a statement may be. The corpora are data: a line more in `hostile/` or `good.sql.txt` is a
//! test more.

use std::time::Duration;

use pacioli_engine::{Engine, EngineError, EngineOptions, Scope};
use pacioli_model::{
    Access, CallerAttribute, Catalog, Comparison, Literal, Predicate, TableAccess, TableName,
    TextPlace, Value,
};

use crate::{workers::options, world::*};

const HOSTILE: [(&str, &str); 5] = [
    ("statements", include_str!("hostile/statements.sql.txt")),
    ("characters", include_str!("hostile/characters.sql.txt")),
    ("tables", include_str!("hostile/tables.sql.txt")),
    ("functions", include_str!("hostile/functions.sql.txt")),
    ("shapes", include_str!("hostile/shapes.sql.txt")),
];
pub(crate) const GOOD: &str = include_str!("good.sql.txt");

pub(crate) const ROWS: &str =
    "v,w,d,hidden\n1,eins,2024-01-15,7\n2,zwei,2024-02-29,8\n3,drei,9999-12-31,9\n";

struct House {
    world: World,
    engine: Engine,
    catalog: Catalog,
    access: Access,
}

impl House {
    async fn new() -> Self {
        let world = World::new();
        let mut catalog = Catalog::default();
        for (load, name) in (1..).zip(["big", "t", "u"]) {
            catalog.tables.push(world.load_as(name, company(1), load, ROWS).await);
        }
        catalog.tables[0].rows = 5_000_000;
        world.load_as("secret", company(2), 9, ROWS).await;
        let options = EngineOptions { deadline: Duration::from_secs(20), ..options(&world) };
        let engine = Engine::start(&world.files, options).unwrap();
        let hides = |table: &str| TableAccess {
            table: TableName::parse(table).unwrap(),
            rows: None,
            hidden_columns: vec![name("hidden")],
        };
        let access = Access { tables: vec![hides("t"), hides("u")] };
        Self { world, engine, catalog, access }
    }

    fn scope(&self) -> Scope<'_> {
        whole(1, &self.catalog, &self.access)
    }

    async fn lines(&self, sql: &str) -> Result<Vec<String>, EngineError> {
        Ok(lines(&self.engine.sql(&self.scope(), sql).await?.table))
    }

    /// With this policy over `t` instead.
    fn seeing(mut self, rows: Predicate) -> Self {
        let hidden_columns = vec![name("hidden")];
        let table = TableName::parse("t").unwrap();
        self.access =
            Access { tables: vec![TableAccess { table, rows: Some(rows), hidden_columns }] };
        self
    }
}

/// A line of a corpus with its escapes replaced.
pub(crate) fn written(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        if character == '\\' {
            if let Some(after) = rest.strip_prefix("u{") {
                let (code, after) = after.split_once('}').unwrap();
                let code = u32::from_str_radix(code, 16).unwrap();
                text.push(char::from_u32(code).unwrap());
                rest = after;
            } else {
                let escaped = rest.chars().next().unwrap();
                text.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                rest = &rest[escaped.len_utf8()..];
            }
        } else if let Some(after) = rest.strip_prefix('<').filter(|_| character == '<')
            && let Some((times, after)) = after.split_once('*')
            && let Ok(times) = times.parse::<usize>()
        {
            let (repeated, after) = after.split_once(">>").unwrap();
            text.push_str(&repeated.repeat(times));
            rest = after;
        } else {
            text.push(character);
        }
    }
    text
}

pub(crate) fn statements(corpus: &str) -> impl Iterator<Item = &str> {
    corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
}

fn folder_of(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![world.folder.path().join("tables")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
            found.push(entry.path().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn no_hostile_statement_does_anything() {
    let house = House::new().await;
    let before = folder_of(&house.world);
    let (mut count, mut mistakes) = (0, Vec::new());
    for (name, corpus) in HOSTILE {
        for line in statements(corpus) {
            count += 1;
            let sql = written(line);
            match house.lines(&sql).await {
                Err(EngineError::Invalid { detail }) if detail.len() > 15 => {}
                other => mistakes.push(format!("{name}: {line}\n    {other:?}")),
            }
        }
    }
    assert!(count >= 500, "{count}");
    assert!(mistakes.is_empty(), "{} of {count}:\n{}", mistakes.len(), mistakes.join("\n"));
    assert_eq!(folder_of(&house.world), before, "nothing was written");
    assert!(!std::path::Path::new("/tmp/pacioli-hostile.csv").exists());
    assert_eq!(house.engine.stats().worker_deaths, 0);
    assert_eq!(house.lines("SELECT count(*) FROM t").await.unwrap(), ["3"], "all is well");
}

#[tokio::test]
async fn every_good_statement_runs() {
    let house = House::new().await;
    let mut mistakes = Vec::new();
    for line in statements(GOOD) {
        let (rows, sql) = line.split_once(' ').unwrap();
        match house.engine.sql(&house.scope(), &written(sql)).await {
            Ok(answer) if answer.table.rows.len().to_string() == rows => {
                let shown = |name: &str| !name.contains("hidden");
                assert!(answer.table.columns.iter().all(|one| shown(one.name.as_str())), "{sql}");
            }
            other => mistakes.push(format!("{line}\n    {other:?}")),
        }
    }
    assert!(mistakes.is_empty(), "{}:\n{}", mistakes.len(), mistakes.join("\n"));
}

/// What a column holds is told to the planner, which does not always know what to make of it.
#[tokio::test]
async fn days_and_numbers_are_compared_with_what_is_no_day_and_no_number() {
    let world = World::new();
    let day = |row: u32| format!("{row},20{:02}-{:02}-15", row / 12 + 10, row % 12 + 1);
    let rows: Vec<String> = (0..120).map(day).collect();
    let entry = world.load(company(1), 1, &format!("v,d\n{}\n", rows.join("\n"))).await;
    let engine = Engine::start(&world.files, options(&world)).unwrap();
    let (catalog, access) = (only(&entry), Access::default());
    for (filter, kept) in [
        ("d >= TIMESTAMP '2019-01-01 12:00:00'", 12),
        ("d < TIMESTAMP '2010-01-15 00:00:01'", 1),
        ("d > TIMESTAMP '2030-01-01 00:00:00'", 0),
        ("d BETWEEN '2012-01-01' AND TIMESTAMP '2012-12-31 23:59:59'", 12),
        ("d + INTERVAL '1 month' > DATE '2019-12-31'", 1),
        ("CAST(d AS TIMESTAMP) >= DATE '2019-12-15'", 1),
        ("extract(year FROM d) = 2011", 12),
        ("d = DATE '2031-01-01'", 0),
        ("v > 60.5 AND v < 1e2", 39),
        ("v = 9223372036854775807", 0),
        ("v >= -9223372036854775808", 120),
        ("v + 1 > 119.9 OR d <= DATE '2010-01-15'", 2),
    ] {
        for sql in [
            format!("SELECT count(*) FROM t WHERE {filter}"),
            format!(
                "SELECT count(*) FROM (SELECT v FROM t WHERE {filter}) a JOIN t b ON a.v = b.v"
            ),
        ] {
            let answer = engine.sql(&whole(1, &catalog, &access), &sql).await;
            let counted = answer.map(|answer| lines(&answer.table));
            assert_eq!(counted.unwrap(), [kept.to_string()], "{sql}");
        }
    }
}

#[tokio::test]
async fn refusals_name_what_they_refuse_and_say_what_to_do() {
    let house = House::new().await;
    for (sql, reason) in [
        ("DROP TABLE t", "DROP is not allowed: only SELECT is."),
        ("SELECT 1; SELECT 2", "Send one SELECT statement, and only one."),
        ("SELECT * FROM secret", "There is no table secret. Tables are named alone: FROM orders."),
        ("SELECT repeat('x', 9)", "The function repeat is not allowed."),
        (
            "SELECT ü",
            "The character U+00FC stands outside of quotes. Only plain ASCII may; write texts as 'text'.",
        ),
        ("SELECT v FROM t FOR UPDATE", "FOR UPDATE and its like are not allowed."),
        ("WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x", "WITH RECURSIVE is not allowed."),
        (
            "SELECT count(*) FROM big a, big b",
            "Two large tables are joined without an equality between their columns, which compares every row with every other. Add one to ON: a.id = b.id.",
        ),
    ] {
        let Err(EngineError::Invalid { detail }) = house.lines(sql).await else { panic!("{sql}") };
        assert_eq!(detail, reason, "{sql}");
    }
    let Err(EngineError::Invalid { detail }) = house.lines("SELECT x FROM t").await else {
        panic!()
    };
    assert!(detail.contains("No field named x") && !detail.contains("hidden"), "{detail}");
    let Err(EngineError::Invalid { detail }) = house.lines("SELECT 1 / 0").await else { panic!() };
    assert_eq!(detail, "The statement cannot be run: Divide by zero error");
}

#[tokio::test]
async fn a_policy_leaves_its_rows_and_no_others_to_every_statement() {
    let rows = Predicate::All(vec![
        compare("v", Comparison::LessOrEqual, Literal::Integer(2)),
        Predicate::Not(Box::new(Predicate::Matches {
            value: column("w"),
            place: TextPlace::Start,
            text: "EI".to_owned(),
        })),
        Predicate::OneOf {
            value: column("hidden"),
            values: vec![Literal::Integer(7), Literal::Integer(8)],
        },
    ]);
    let house = House::new().await.seeing(rows);
    for (sql, rows) in [
        ("SELECT v, w FROM t", &["2|zwei"][..]),
        ("SELECT * FROM t", &["2|zwei|2024-02-29"]),
        ("SELECT count(*), sum(v) FROM t", &["1|2"]),
        ("SELECT x.v FROM t AS x", &["2"]),
        ("WITH x AS (SELECT * FROM t) SELECT v FROM x", &["2"]),
        ("SELECT v FROM (SELECT v FROM t UNION ALL SELECT v FROM t) AS x", &["2", "2"]),
        ("SELECT u.v FROM u LEFT JOIN t ON t.v = u.v WHERE t.v IS NULL ORDER BY u.v", &["1", "3"]),
        ("SELECT v FROM u WHERE v IN (SELECT v FROM t)", &["2"]),
        ("SELECT (SELECT max(v) FROM t) AS m", &["2"]),
        ("SELECT v FROM t WHERE v = 1 OR true", &["2"]),
        ("SELECT v FROM t ORDER BY v DESC LIMIT 1", &["2"]),
        ("SELECT count(*) FROM u", &["3"]),
    ] {
        assert_eq!(house.lines(sql).await.unwrap(), rows, "{sql}");
    }
    let ask = ask().measure("n", pacioli_model::Aggregate::Count, None);
    let answer = house.engine.run(&house.scope(), &ask).await.unwrap();
    assert_eq!(lines(&answer.table), ["1"], "as for SQL, so for an Ask");
    let t = TableName::parse("t").unwrap();
    let sample = house.engine.sample(&house.scope(), &t, 10).await.unwrap();
    assert_eq!(lines(&sample), ["2|zwei|2024-02-29"]);
    let hidden = crate::world::ask().measure("s", pacioli_model::Aggregate::Sum, Some("hidden"));
    let error = house.engine.run(&house.scope(), &hidden).await.unwrap_err();
    assert!(matches!(error, EngineError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn a_policy_that_cannot_be_applied_answers_nothing() {
    let caller = Value::Caller(CallerAttribute::Email);
    for rows in [
        Predicate::IsNull { value: column("gone") },
        compare("v", Comparison::Equal, text("one")),
        Predicate::Compare { left: column("w"), comparison: Comparison::Equal, right: caller },
        Predicate::Related { table: TableName::parse("u").unwrap(), via: vec![], filter: None },
        Predicate::Among { values: vec![column("v")], ask: Box::new(ask()) },
    ] {
        let house = House::new().await.seeing(rows.clone());
        let error = house.lines("SELECT count(*) FROM t").await.unwrap_err();
        assert!(
            matches!(&error, EngineError::Invalid { detail } if detail.contains("nothing of it is shown")),
            "{rows:?}: {error:?}"
        );
        assert_eq!(house.lines("SELECT count(*) FROM u").await.unwrap(), ["3"]);
    }
}
