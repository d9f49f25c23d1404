//! PostgreSQL.

use std::{collections::BTreeSet, time::Duration};

use futures_util::StreamExt;
use pacioli_model::ColumnType;
use pacioli_sources::{
    SourceError,
    databases::{PostgresSource, TlsMode},
    outgoing::AddressPolicy,
    source::{Pull, Source, Watermark},
};

use super::{
    postgres_server::{PostgresServer, source_of},
    rows::{column, mark, named, never, peak_memory, pull, table, texts},
};

#[tokio::test]
async fn discovery_tells_tables_columns_keys_and_comments() {
    let Some(server) = PostgresServer::start().await else { return };
    let admin = server.admin().await;
    let sql = r#"
        CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, write_date timestamp);
        COMMENT ON TABLE customers IS 'Customer';
        COMMENT ON COLUMN customers.name IS 'Full name';
        CREATE TABLE orders (
            "Order No" varchar(20) NOT NULL, line int NOT NULL, customer_id int REFERENCES customers,
            amount numeric, total numeric(12,2), PRIMARY KEY ("Order No", line));
        INSERT INTO customers SELECT n, 'c' || n, now() FROM generate_series(1, 50) n;
        INSERT INTO orders VALUES ('A', 1, 1, 10.125, 5), ('A', 2, 2, 3.50, 5), ('B', 1, 3, 'NaN', 5);
        CREATE TABLE notes (order_no varchar(20), line int, code text NOT NULL UNIQUE, photo bytea,
            FOREIGN KEY (order_no, line) REFERENCES orders);
        CREATE TABLE days (day date NOT NULL, v int) PARTITION BY RANGE (day);
        CREATE TABLE days_2024 PARTITION OF days FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE VIEW big AS SELECT * FROM orders WHERE total > 3;
        CREATE MATERIALIZED VIEW sums AS SELECT customer_id, sum(total) AS s FROM orders GROUP BY 1;
        CREATE SCHEMA hr; CREATE TABLE hr.people (id int PRIMARY KEY);
        CREATE TABLE empty_key (a int UNIQUE, b int);
        ANALYZE"#;
    admin.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    let source = server.source();
    let tables = source.discover().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let expected = ["big", "customers", "days", "empty_key", "notes", "orders", "sums"];
    assert_eq!(names, expected.map(|name| format!("public.{name}")));

    let customers = &tables[1];
    assert_eq!((customers.label.as_str(), customers.rows), ("Customer", Some(50)));
    assert_eq!(customers.columns[1].label, "Full name");
    assert_eq!(customers.primary_key[0].as_str(), "id");
    assert_eq!(customers.changes_by.as_ref().unwrap().as_str(), "write_date");

    let mut some = customers.clone();
    some.columns.retain(|column| column.source_name == "name");
    some.changes_by = None;
    let only = texts(&pull(&source, &some, None).await.unwrap());
    assert_eq!((only.len(), only[49].as_slice()), (50, &["c50".to_owned()][..]));
    some.changes_by.clone_from(&customers.changes_by);
    let error = pull(&source, &some, None).await.unwrap_err();
    assert!(error.to_string().contains("write_date, which tells changes"), "{error}");

    let orders = &tables[5];
    let key: Vec<&str> = orders.primary_key.iter().map(pacioli_model::ColumnName::as_str).collect();
    assert_eq!(key, ["order_no", "line"]);
    assert_eq!(orders.foreign_keys[0].table, "public.customers");
    assert_eq!(orders.foreign_keys[0].references[0].as_str(), "id");
    let types: Vec<ColumnType> = orders.columns.iter().map(|column| column.data_type).collect();
    let decimal = |scale| ColumnType::Decimal { scale };
    let (text, integer) = (ColumnType::Text, ColumnType::Integer);
    assert_eq!(types, [text, integer, integer, decimal(3), decimal(2)]);
    assert_eq!(orders.changes_by, None);

    let notes = &tables[4];
    assert_eq!(notes.primary_key[0].as_str(), "code", "a unique column that is never null");
    assert_eq!(notes.columns.len(), 3);
    assert_eq!(source.notes("public.notes"), ["photo is not read: it holds bytes (bytea)"]);
    let (columns, references) = (&notes.foreign_keys[0].columns, &notes.foreign_keys[0].references);
    assert_eq!((columns[0].as_str(), columns[1].as_str()), ("order_no", "line"));
    assert_eq!((references[0].as_str(), references[1].as_str()), ("order_no", "line"));
    assert!(tables[3].primary_key.is_empty(), "a unique column that may be null is no key");

    let mut settings = server.settings();
    settings.schemas = vec!["hr".to_owned()];
    let of_hr = source_of(settings, "secret").discover().await.unwrap();
    assert!(of_hr.is_empty(), "there are no rights in that schema: {of_hr:?}");
}

#[tokio::test]
async fn every_type_arrives_with_its_extremes() {
    let Some(server) = PostgresServer::start().await else { return };
    let admin = server.admin().await;
    let sql = "
        CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN price AS numeric(10,3);
        CREATE TABLE kinds (id int PRIMARY KEY, i2 smallint, i4 int, i8 bigint, o oid,
            f4 real, f8 double precision, n numeric(38,10), free numeric, big numeric, p price,
            m money, b boolean, t text, vc varchar(5), c char(5), u uuid, j json, jb jsonb, e mood,
            a int[], d date, ts timestamp, tz timestamptz, ti time, iv interval, by bytea, ip inet);
        INSERT INTO kinds VALUES (1, -32768, -2147483648, -9223372036854775808, 4294967295,
            0.1, 1.7976931348623157e308, -9999999999999999999999999999.9999999999,
            0.000000000001, 1e40, 1.25, 12.34, true, E'Zürich \u{20ac} \u{1F600} \\n''\"', 'abc',
            'ab', '00000000-0000-0000-0000-00000000000a', '{\"a\": 1}', '{\"b\":2}', 'sad', '{1,2}',
            '0001-01-01', '1969-12-31 23:59:59.999999', '2024-07-01 12:00:00+02', '23:59:59.5',
            '1 day', '\\x00ff', '10.0.0.1'), (2), (3);
        UPDATE kinds SET d = 'infinity', ts = '-infinity', tz = 'infinity', f8 = 'NaN',
            f4 = '-Infinity', n = 'NaN', i8 = 9223372036854775807, b = false WHERE id = 3";
    admin.batch_execute(&sql.replace("(2), (3)", &nulls())).await.unwrap();
    server.add_reader().await;
    let source = server.source();
    let kinds = table(&source, "public.kinds").await;
    let pulled = pull(&source, &kinds, None).await.unwrap();
    let found = named(&kinds, &pulled);
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let expected = [
        ("id", "1"),
        ("i2", "-32768"),
        ("i4", "-2147483648"),
        ("i8", "-9223372036854775808"),
        ("o", "4294967295"),
        ("f4", "0.1"),
        ("f8", "1.7976931348623157e308"),
        ("n", "-9999999999999999999999999999.9999999999"),
        ("free", "0.000000000001"),
        ("big", "10000000000000000000000000000000000000000"),
        ("p", "1.250"),
        ("m", "12.34"),
        ("b", "true"),
        ("t", "Zürich € 😀 \n'\""),
        ("vc", "abc"),
        ("c", "ab"),
        ("u", "00000000-0000-0000-0000-00000000000a"),
        ("j", "{\"a\": 1}"),
        ("jb", "{\"b\": 2}"),
        ("e", "sad"),
        ("a", "{1,2}"),
        ("d", "0001-01-01"),
        ("ts", "1969-12-31T23:59:59.999999"),
        ("tz", "2024-07-01T10:00:00"),
        ("ti", "23:59:59.5"),
        ("iv", "1 day"),
        ("ip", "10.0.0.1/32"),
    ];
    assert_eq!(found, expected);
    let rows = texts(&pulled);
    assert!(rows[1][1..].iter().all(String::is_empty), "{:?}", rows[1]);
    assert_eq!(rows[2].iter().filter(|value| !value.is_empty()).count(), 3);
    let notes = source.notes("public.kinds");
    for note in [
        "by is not read: it holds bytes (bytea)",
        "big is read as text: its values have more than 38 digits",
        "1 values of d are left empty: they are infinite, or out of range",
        "1 values of n are left empty: they are not a number, or infinite",
        "1 values of f4 are left empty: they are not a number, or infinite",
    ] {
        assert!(notes.iter().any(|found| found == note), "{note} is not in {notes:?}");
    }
    let sql = "UPDATE kinds SET free = 1e-20 WHERE id = 2";
    admin.batch_execute(sql).await.unwrap();
    let error = pull(&source, &kinds, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "source_changed", .. }), "{error:?}");
    let wider = table(&source, "public.kinds").await;
    let rows = texts(&pull(&source, &wider, None).await.unwrap());
    assert_eq!(rows[1][8], "0.00000000000000000001");
}

/// Two rows of nulls for a table of 28 columns.
fn nulls() -> String {
    let nulls = ", NULL".repeat(27);
    format!("(2{nulls}), (3{nulls})")
}

#[tokio::test]
async fn a_hundred_thousand_rows_pass_through_little_memory_with_and_without_a_key() {
    let Some(server) = PostgresServer::start().await else { return };
    let sql = "CREATE TABLE keyed (a int, b text, filler text, PRIMARY KEY (a, b));
        INSERT INTO keyed SELECT n / 10, 'k' || n, repeat('x', 1000) || n
            FROM generate_series(1, 100000) n;
        CREATE TABLE plain AS SELECT * FROM keyed;
        CREATE TABLE long (id int PRIMARY KEY, body text);
        INSERT INTO long SELECT n, repeat(md5(n::text), 100000) FROM generate_series(1, 60) n;
        ANALYZE";
    server.admin().await.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    let source = server.source();
    for name in ["public.keyed", "public.plain"] {
        let of = table(&source, name).await;
        assert_eq!(of.primary_key.is_empty(), name == "public.plain");
        let before = peak_memory();
        let mut stream = source.pull(Pull { table: of, since: None });
        let (mut seen, mut bytes) = (BTreeSet::new(), 0);
        while let Some(pulled) = stream.next().await {
            let pulled = pulled.unwrap();
            assert!(pulled.batch.num_rows() <= 4_096);
            assert_eq!(pulled.rows_expected, Some(100_000));
            assert_eq!(pulled.watermark, None);
            bytes += pulled.bytes;
            for text in column(&pulled.batch, 1) {
                assert!(seen.insert(text.clone()), "{text} came twice");
            }
        }
        assert_eq!(seen.len(), 100_000, "{name}");
        assert!(bytes > 100_000_000);
        let grown = peak_memory() - before;
        assert!(grown < 64 << 20, "{name}: {grown} bytes for 100 MB of rows");
    }
    let long = table(&source, "public.long").await;
    let before = peak_memory();
    let mut stream = source.pull(Pull { table: long, since: None });
    let mut rows = 0;
    while let Some(pulled) = stream.next().await {
        rows += pulled.unwrap().batch.num_rows();
    }
    let grown = peak_memory() - before;
    assert_eq!(rows, 60);
    assert!(grown < 96 << 20, "{grown} bytes for 192 MB in rows of 3.2 MB");
}

#[tokio::test]
async fn an_incremental_load_gives_new_and_changed_rows_and_a_mark() {
    let Some(server) = PostgresServer::start().await else { return };
    let admin = server.admin().await;
    let sql = "CREATE TABLE docs (id int PRIMARY KEY, v text, updated_at timestamptz);
        INSERT INTO docs SELECT n, 'v', '2024-01-01Z'::timestamptz + n * interval '1 hour'
            FROM generate_series(1, 5000) n;
        INSERT INTO docs VALUES (0, 'unstamped', NULL), (-1, 'a slip', '2999-01-01Z');
        CREATE TABLE log (id bigserial PRIMARY KEY, line text);
        INSERT INTO log (line) SELECT 'l' FROM generate_series(1, 5000)";
    admin.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    let source = server.source();
    let docs = table(&source, "public.docs").await;
    let first = pull(&source, &docs, None).await.unwrap();
    assert_eq!(texts(&first).len(), 5_002);
    assert_eq!(first[0].watermark, None, "older changes may follow until the end");
    let marked = mark(&first).unwrap();
    assert_eq!(marked.0, "2024-07-27 08:00:00.000000");

    let again = pull(&source, &docs, Some(&marked)).await.unwrap();
    let ids = |rows: &[Vec<String>]| rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&texts(&again)), ["-1", "0", "5000"], "ties are read again");
    assert_eq!(mark(&again), Some(marked.clone()));

    let sql = "UPDATE docs SET v = 'w', updated_at = '2024-08-01Z' WHERE id = 7;
        INSERT INTO docs VALUES (6000, 'new', '2024-08-01 00:00:01Z')";
    admin.batch_execute(sql).await.unwrap();
    let more = pull(&source, &docs, Some(&marked)).await.unwrap();
    assert_eq!(ids(&texts(&more)), ["-1", "0", "7", "5000", "6000"]);
    assert_eq!(mark(&more).unwrap().0, "2024-08-01 00:00:01.000000");

    let mut log = table(&source, "public.log").await;
    assert_eq!(log.changes_by, None, "numbers are only taken where somebody says so");
    log.changes_by = Some(log.columns[0].name.clone());
    let full = pull(&source, &log, None).await.unwrap();
    let counted = mark(&full).unwrap();
    assert_eq!(counted.0, "5000");
    admin.batch_execute("INSERT INTO log (line) VALUES ('next')").await.unwrap();
    let next = texts(&pull(&source, &log, Some(&counted)).await.unwrap());
    assert_eq!((next.len(), next[1_001][0].as_str()), (1_002, "5001"), "some are read again");

    let foreign = Watermark("not a number".to_owned());
    let error = pull(&source, &log, Some(&foreign)).await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "watermark_invalid", .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_denied_or_out_of_reach_says_what_to_change() {
    let Some(server) = PostgresServer::start().await else { return };
    let admin = server.admin().await;
    let sql = "CREATE TABLE open (id int PRIMARY KEY); CREATE TABLE closed (id int PRIMARY KEY);
        CREATE TABLE partly (id int PRIMARY KEY, name text, salary int)";
    admin.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    admin.batch_execute("GRANT SELECT ON closed TO reader").await.unwrap();
    let source = server.source();
    let closed = table(&source, "public.closed").await;
    let sql =
        "REVOKE ALL ON closed, partly FROM reader; GRANT SELECT (id, name) ON partly TO reader";
    admin.batch_execute(sql).await.unwrap();
    assert_eq!(table(&source, "public.partly").await.columns.len(), 2);
    let tables = source.discover().await.unwrap();
    assert!(tables.iter().all(|table| table.name != "public.closed"));
    let error = pull(&source, &closed, None).await.unwrap_err();
    let SourceError::Denied { detail } = &error else { panic!("{error:?}") };
    assert!(detail.contains("grant it SELECT"), "{detail}");
    admin.batch_execute("DROP TABLE closed").await.unwrap();
    let error = pull(&source, &closed, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "source_changed", .. }), "{error:?}");

    let wrong = source_of(server.settings(), "wrong");
    let error = wrong.discover().await.unwrap_err();
    let SourceError::Denied { detail } = &error else { panic!("{error:?}") };
    assert!(detail.contains("reader") && !detail.contains("wrong"), "{detail}");

    let mut settings = server.settings();
    settings.database = "nowhere".to_owned();
    let error = source_of(settings, "secret").discover().await.unwrap_err();
    let missing = matches!(error, SourceError::Invalid { code: "source_database_missing", .. });
    assert!(missing, "{error:?}");

    let mut settings = server.settings();
    settings.port = Some(1);
    let nobody = source_of(settings, "secret").with_retry(never());
    let error = nobody.discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");

    let strict = AddressPolicy::default();
    let refused = PostgresSource::new(server.settings(), "secret".into(), strict).unwrap();
    let error = refused.discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "address_refused", .. }), "{error:?}");
}

#[tokio::test]
async fn a_view_that_writes_is_refused_and_a_slow_one_ends() {
    let Some(server) = PostgresServer::start().await else { return };
    let admin = server.admin().await;
    let sql = "CREATE TABLE traces (n int);
        CREATE FUNCTION trace() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
            $$BEGIN INSERT INTO traces VALUES (1); RETURN 1; END$$;
        CREATE FUNCTION unlock() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
            $$BEGIN SET transaction_read_only = off; INSERT INTO traces VALUES (1); RETURN 1; END$$;
        CREATE VIEW writes AS SELECT trace() AS n; CREATE VIEW unlocks AS SELECT unlock() AS n;
        CREATE SEQUENCE s; CREATE VIEW counts AS SELECT nextval('s') AS n;
        GRANT ALL ON SEQUENCE s TO PUBLIC;
        CREATE VIEW sleeps AS SELECT 1 AS n, pg_sleep(60)::text AS s;
        CREATE VIEW measured AS SELECT trace()::numeric AS n";
    admin.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    let mut settings = server.settings();
    settings.statement_timeout_seconds = 1;
    let source = source_of(settings, "secret");
    for name in ["public.writes", "public.unlocks", "public.counts"] {
        let view = table(&source, name).await;
        let error = pull(&source, &view, None).await.unwrap_err();
        assert!(matches!(error, SourceError::Invalid { .. }), "{name}: {error:?}");
    }
    let measured = table(&source, "public.measured").await;
    assert_eq!(measured.columns[0].data_type, ColumnType::Text);
    assert!(source.notes("public.measured")[0].contains("digits not counted"));
    let written = admin.query_one("SELECT count(*) FROM traces", &[]).await.unwrap();
    assert_eq!(written.get::<_, i64>(0), 0);
    let called = admin.query_one("SELECT is_called FROM s", &[]).await.unwrap();
    assert!(!called.get::<_, bool>(0));

    let sleeps = table(&source, "public.sleeps").await;
    let error = pull(&source, &sleeps, None).await.unwrap_err();
    let SourceError::Unreachable { detail, .. } = &error else { panic!("{error:?}") };
    assert!(detail.contains("statement timeout"), "{detail}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_loses_and_doubles_nothing() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = 'pacioli'";
    let sql = "CREATE TABLE keyed (id int PRIMARY KEY, filler text);
        INSERT INTO keyed SELECT n, repeat('x', 200) FROM generate_series(1, 50000) n;
        CREATE TABLE plain AS SELECT * FROM keyed; CHECKPOINT";
    server.admin().await.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    let source = server.source();
    let keyed = table(&source, "public.keyed").await;
    let mut stream = source.pull(Pull { table: keyed, since: None });
    let mut ids: Vec<i32> = Vec::new();
    for turn in 0.. {
        if turn == 2 {
            server.kill();
            server.run().await;
        }
        if turn == 4 || turn == 5 {
            server.admin().await.execute(end_all, &[]).await.unwrap();
        }
        let Some(pulled) = stream.next().await else { break };
        ids.extend(texts(&[pulled.unwrap()]).into_iter().map(|row| row[0].parse::<i32>().unwrap()));
    }
    assert!(ids.iter().copied().eq(1..=50_000), "{} rows", ids.len());

    let plain = table(&source, "public.plain").await;
    let mut stream = source.pull(Pull { table: plain, since: None });
    stream.next().await.unwrap().unwrap();
    server.kill();
    let mut last = None;
    while let Some(pulled) = stream.next().await {
        last = Some(pulled);
    }
    let error = last.unwrap().unwrap_err();
    let SourceError::Unreachable { detail, .. } = &error else { panic!("{error:?}") };
    assert!(detail.contains("no key to go on from"), "{detail}");
}

#[tokio::test]
async fn names_are_names_whatever_they_hold() {
    let Some(server) = PostgresServer::start().await else { return };
    let admin = server.admin().await;
    let sql = r#"CREATE TABLE kept (id int);
        CREATE TABLE "x""; DROP TABLE kept; --" ("id'"" --" text PRIMARY KEY, "é.$1" int);
        INSERT INTO "x""; DROP TABLE kept; --" SELECT '''); DROP TABLE kept; -- ' || n, n
            FROM generate_series(10001, 16000) n;
        CREATE TABLE "a.b" (id int PRIMARY KEY); INSERT INTO "a.b" VALUES (7);
        CREATE TABLE "SELECT" ("ORDER" int PRIMARY KEY, "order" int);
        CREATE TYPE size AS ENUM ('small', 'large');
        CREATE TABLE parts (of date, size size, weight numeric, hash bytea, at timestamptz, n real,
            v int, PRIMARY KEY (of, size, weight, hash, at, n)) PARTITION BY RANGE (of);
        CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
        CREATE TABLE parts_new PARTITION OF parts DEFAULT;
        INSERT INTO parts SELECT '2023-12-25'::date + n % 10, (ARRAY['large', 'small']::size[])[1 + n % 2],
            n / 7.0, int4send(n), '2024-01-01 00:00:00.000001'::timestamptz + n * interval '1 us', n / 3.0, n
            FROM generate_series(1, 9000) n"#;
    admin.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    let source = server.source();
    let hostile = table(&source, r#"public."x""; DROP TABLE kept; --""#).await;
    let rows = texts(&pull(&source, &hostile, None).await.unwrap());
    assert_eq!((rows.len(), rows[5_999][0].as_str()), (6_000, "'); DROP TABLE kept; -- 16000"));
    let pointed = table(&source, r#"public."a.b""#).await;
    assert_eq!(texts(&pull(&source, &pointed, None).await.unwrap()), [["7"]]);
    let parts = table(&source, "public.parts").await;
    assert_eq!(parts.primary_key.len(), 6);
    let mut found = texts(&pull(&source, &parts, None).await.unwrap());
    let ordered: Vec<_> = found.iter().map(|row| (row[0].clone(), row[1] != "small")).collect();
    assert!(ordered.is_sorted(), "in the order of the key, and of the enumeration");
    found.sort_by_key(|row| row[6].parse::<i32>().unwrap());
    assert!(found.iter().map(|row| row[6].parse::<i32>().unwrap()).eq(1..=9_000));
    let words = table(&source, "public.SELECT").await;
    assert_eq!(words.columns[1].name.as_str(), "order_2");
    assert!(texts(&pull(&source, &words, None).await.unwrap()).is_empty());
    admin.query_one("SELECT count(*) FROM kept", &[]).await.unwrap();
}

#[tokio::test]
async fn text_that_is_none_is_shown_as_far_as_it_goes_and_counted() {
    let Some(server) = PostgresServer::start().await else { return };
    server.add_reader().await;
    let sql = "CREATE DATABASE legacy ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' \
               TEMPLATE template0";
    server.admin().await.batch_execute(sql).await.unwrap();
    let sql = "CREATE TABLE cafes (id int PRIMARY KEY, name text);
        INSERT INTO cafes VALUES (1, convert_from('\\x636166e9', 'SQL_ASCII')), (2, 'plain');
        GRANT SELECT ON cafes TO reader";
    server.admin_of("legacy").await.batch_execute(sql).await.unwrap();
    let mut settings = server.settings();
    settings.database = "legacy".to_owned();
    let source = source_of(settings, "secret");
    let cafes = table(&source, "public.cafes").await;
    let rows = texts(&pull(&source, &cafes, None).await.unwrap());
    assert_eq!(rows, [["1", "caf\u{fffd}"], ["2", "plain"]]);
    let notes = source.notes("public.cafes");
    assert!(notes[0].starts_with("1 values of name hold bytes that are no text"), "{notes:?}");
}

#[tokio::test]
async fn dropping_the_stream_ends_the_statement_at_the_server() {
    let Some(server) = PostgresServer::start().await else { return };
    let admin = server.admin().await;
    let sql =
        "CREATE VIEW endless AS SELECT n, pg_sleep(30)::text AS s FROM generate_series(1, 9) n";
    admin.batch_execute(sql).await.unwrap();
    server.add_reader().await;
    let source = server.source();
    let endless = table(&source, "public.endless").await;
    let mut stream = source.pull(Pull { table: endless, since: None });
    let active = "SELECT count(*) FROM pg_stat_activity \
                  WHERE application_name = 'pacioli' AND state = 'active'";
    let busy = async || admin.query_one(active, &[]).await.unwrap().get::<_, i64>(0);
    tokio::select! {
        row = stream.next() => panic!("{row:?}"),
        () = async { while busy().await == 0 {} } => {}
    }
    drop(stream);
    let ended = async { while busy().await > 0 {} };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
}

#[tokio::test]
async fn a_server_must_prove_who_it_is_unless_told_otherwise() {
    let Some(server) = PostgresServer::start_with_tls().await else { return };
    server.admin().await.batch_execute("CREATE TABLE t (id int PRIMARY KEY)").await.unwrap();
    server.add_reader().await;
    let with = |tls: TlsMode, certificates: Option<String>| {
        let mut settings = server.settings();
        (settings.tls, settings.certificates) = (tls, certificates);
        source_of(settings, "secret")
    };
    let error = with(TlsMode::Verify, None).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "tls_not_trusted", .. }), "{error:?}");
    let known = with(TlsMode::Verify, Some(server.certificate()));
    assert_eq!(known.discover().await.unwrap().len(), 1);
    for tls in [TlsMode::Require, TlsMode::Prefer, TlsMode::Off] {
        assert_eq!(with(tls, None).discover().await.unwrap().len(), 1, "{tls:?}");
    }
    let Some(plain) = PostgresServer::start().await else { return };
    plain.add_reader().await;
    let with = |tls: TlsMode| {
        let mut settings = plain.settings();
        settings.tls = tls;
        source_of(settings, "secret")
    };
    for tls in [TlsMode::Require, TlsMode::Verify] {
        let error = with(tls).discover().await.unwrap_err();
        assert!(matches!(error, SourceError::Invalid { code: "tls_not_offered", .. }), "{error:?}");
    }
    assert!(with(TlsMode::Prefer).discover().await.unwrap().is_empty());
}
