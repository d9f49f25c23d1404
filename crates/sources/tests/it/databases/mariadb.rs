//! MariaDB, and so MySQL.

use std::{collections::BTreeSet, time::Duration};

use futures_util::StreamExt;
use mysql_async::Value;
use pacioli_model::{ColumnName, ColumnType};
use pacioli_sources::{
    SourceError,
    databases::{MysqlSource, TlsMode},
    outgoing::AddressPolicy,
    source::{Pull, Source},
};

use super::{
    mariadb_server::{MariadbServer, source_of},
    rows::{column, mark, named, never, peak_memory, pull, table, texts},
};

fn names(columns: &[ColumnName]) -> Vec<&str> {
    columns.iter().map(ColumnName::as_str).collect()
}

#[tokio::test]
async fn discovery_tells_tables_columns_keys_and_comments() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = "GRANT SELECT ON erp.* TO reader@'%';
        CREATE TABLE customers (id int unsigned AUTO_INCREMENT PRIMARY KEY,
            name varchar(80) NOT NULL COMMENT 'Full name', modified datetime(6)) COMMENT 'Customer';
        CREATE TABLE orders (`Order No` varchar(20), line int, customer_id int unsigned,
            amount decimal(12,2), paid tinyint(1), stars tinyint(1), big bigint unsigned,
            huge bigint unsigned, PRIMARY KEY (`Order No`, line),
            CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES customers (id));
        CREATE TABLE notes (order_no varchar(20), line int, code char(4) NOT NULL, photo blob,
            half varchar(20) NOT NULL, UNIQUE (half(3)), UNIQUE (order_no), UNIQUE KEY z (code),
            FOREIGN KEY (order_no, line) REFERENCES orders (`Order No`, line));
        CREATE TABLE uuids (id binary(16) PRIMARY KEY, v int);
        INSERT INTO customers VALUES (1, 'a', NULL), (2, 'b', NULL);
        INSERT INTO orders VALUES ('A', 1, 1, 5, 1, 5, 9, 18446744073709551615);
        CREATE VIEW big AS SELECT * FROM orders WHERE amount > 3;
        CREATE DATABASE hr;
        CREATE TABLE hr.people (id int PRIMARY KEY)";
    server.run_sql(sql).await;
    let source = server.source();
    let tables = source.discover().await.unwrap();
    let found: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let expected = ["big", "customers", "notes", "orders", "uuids"];
    assert_eq!(found, expected.map(|name| format!("erp.{name}")));

    let customers = &tables[1];
    assert_eq!((customers.label.as_str(), customers.rows), ("Customer", Some(2)));
    assert_eq!(customers.columns[1].label, "Full name");
    assert_eq!(names(&customers.primary_key), ["id"]);
    assert_eq!(customers.changes_by.as_ref().unwrap().as_str(), "modified");

    let orders = &tables[3];
    assert_eq!(names(&orders.primary_key), ["order_no", "line"]);
    let types: Vec<ColumnType> = orders.columns.iter().map(|column| column.data_type).collect();
    let (text, integer, flag) = (ColumnType::Text, ColumnType::Integer, ColumnType::Boolean);
    let decimal = |scale| ColumnType::Decimal { scale };
    let expected = [text, integer, integer, decimal(2), flag, integer, integer, decimal(0)];
    assert_eq!(types, expected);
    assert_eq!(orders.foreign_keys.len(), 1, "an index that is no reference is none");
    assert_eq!(orders.foreign_keys[0].table, "erp.customers");
    assert_eq!(names(&orders.foreign_keys[0].columns), ["customer_id"]);

    let notes = &tables[2];
    assert_eq!(names(&notes.primary_key), ["code"], "whole, unique and never null");
    assert_eq!(source.notes("erp.notes"), ["photo is not read: it holds bytes (blob)"]);
    assert_eq!(names(&notes.foreign_keys[0].columns), ["order_no", "line"]);
    assert_eq!(names(&notes.foreign_keys[0].references), ["order_no", "line"]);
    assert_eq!(tables[4].columns[0].data_type, ColumnType::Text, "bytes that name rows");

    server.run_sql("GRANT SELECT ON hr.* TO reader@'%'").await;
    let mut settings = server.settings();
    settings.schemas = vec!["hr".to_owned(), "erp".to_owned()];
    assert_eq!(source_of(settings, "secret").discover().await.unwrap().len(), 6);
}

#[tokio::test]
async fn every_type_arrives_with_its_extremes() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = "GRANT SELECT ON erp.* TO reader@'%';
        CREATE TABLE kinds (id int PRIMARY KEY, i1 tinyint, i2 smallint, i3 mediumint, i4 int,
            i8 bigint, u8 bigint unsigned, b1 bit(1), bits bit(64), f float, d double,
            n decimal(38,10), w decimal(65,30), flag tinyint(1), c char(5), v varchar(20),
            l varchar(20) CHARACTER SET latin1, t longtext, j json, e enum('glad','sad'),
            s set('a','b'), u uuid, day date, dt datetime(6), ts timestamp(6) NULL, ti time(3),
            y year, raw blob, p point) CHARACTER SET utf8mb4;
        INSERT INTO kinds (id) VALUES (2);
        INSERT INTO kinds (id, day, dt) VALUES (3, '0000-00-00', '2023-02-30 00:00:00');
        INSERT INTO kinds VALUES (1, -128, -32768, -8388608, -2147483648, -9223372036854775808,
            18446744073709551615, 1, 18446744073709551615, 0.1, 1.7976931348623157e308,
            -9999999999999999999999999999.9999999999, 12345678901234567890123456789012345.5, 0,
            'ab', 'Zürich', 'Zürich', '', '{\"a\": 1}', 'sad', 'a,b',
            '00000000-0000-0000-0000-00000000000a', '0001-01-01', '9999-12-31 23:59:59.999999',
            '2024-07-01 12:00:00.5', '-838:59:59', 2024, x'00ff', NULL)";
    server.run_sql(sql).await;
    let text = Value::from("€ 😀 \\ ' \" `");
    server.insert("UPDATE kinds SET t = ? WHERE id = 1", vec![text]).await;
    let source = server.source();
    let kinds = table(&source, "erp.kinds").await;
    let pulled = pull(&source, &kinds, None).await.unwrap();
    let found = named(&kinds, &pulled);
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let expected = [
        ("id", "1"),
        ("i1", "-128"),
        ("i2", "-32768"),
        ("i3", "-8388608"),
        ("i4", "-2147483648"),
        ("i8", "-9223372036854775808"),
        ("u8", "18446744073709551615"),
        ("b1", "true"),
        ("bits", "18446744073709551615"),
        ("f", "0.1"),
        ("d", "1.7976931348623157e308"),
        ("n", "-9999999999999999999999999999.9999999999"),
        ("w", "12345678901234567890123456789012345.500000000000000000000000000000"),
        ("flag", "false"),
        ("c", "ab"),
        ("v", "Zürich"),
        ("l", "Zürich"),
        ("t", "€ 😀 \\ ' \" `"),
        ("j", "{\"a\": 1}"),
        ("e", "sad"),
        ("s", "a,b"),
        ("u", "00000000-0000-0000-0000-00000000000a"),
        ("day", "0001-01-01"),
        ("dt", "9999-12-31T23:59:59.999999"),
        ("ts", "2024-07-01T12:00:00.500"),
        ("ti", "-838:59:59.000"),
        ("y", "2024"),
    ];
    assert_eq!(found, expected);
    let rows = texts(&pulled);
    for row in &rows[1..] {
        assert!(row[1..].iter().all(String::is_empty), "{row:?}");
    }
    let notes = source.notes("erp.kinds");
    for note in [
        "raw is not read: it holds bytes (blob)",
        "p is not read: it holds bytes (point)",
        "1 values of day are left empty: they are no day of the calendar",
        "1 values of dt are left empty: they are no day of the calendar",
    ] {
        assert!(notes.iter().any(|found| found == note), "{note} is not in {notes:?}");
    }
    server.run_sql("UPDATE kinds SET flag = 7 WHERE id = 2").await;
    let error = pull(&source, &kinds, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "source_changed", .. }), "{error:?}");
}

#[tokio::test]
async fn a_hundred_thousand_rows_pass_through_little_memory_with_and_without_a_key() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = "GRANT SELECT ON erp.* TO reader@'%';
        CREATE TABLE keyed (a int, b varchar(20), filler text, PRIMARY KEY (a, b));
        INSERT INTO keyed SELECT seq DIV 10, CONCAT('k', seq), CONCAT(REPEAT('x', 1000), seq)
            FROM seq_1_to_100000;
        CREATE TABLE plain AS SELECT * FROM keyed;
        CREATE TABLE longs (id int PRIMARY KEY, body longtext);
        INSERT INTO longs SELECT seq, REPEAT(MD5(seq), 100000) FROM seq_1_to_60";
    server.run_sql(sql).await;
    let source = server.source();
    for name in ["erp.keyed", "erp.plain"] {
        let of = table(&source, name).await;
        assert_eq!(of.primary_key.is_empty(), name == "erp.plain");
        let before = peak_memory();
        let mut stream = source.pull(Pull { table: of, since: None });
        let (mut seen, mut bytes) = (BTreeSet::new(), 0);
        while let Some(pulled) = stream.next().await {
            let pulled = pulled.unwrap();
            assert!(pulled.batch.num_rows() <= 4_096);
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
    let longs = table(&source, "erp.longs").await;
    let before = peak_memory();
    let mut stream = source.pull(Pull { table: longs, since: None });
    let mut rows = 0;
    while let Some(pulled) = stream.next().await {
        rows += pulled.unwrap().batch.num_rows();
    }
    let grown = peak_memory() - before;
    assert_eq!(rows, 60);
    assert!(grown < 128 << 20, "{grown} bytes for 192 MB in rows of 3.2 MB");
}

#[tokio::test]
async fn an_incremental_load_gives_new_and_changed_rows_and_a_mark() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = "GRANT SELECT ON erp.* TO reader@'%';
        CREATE TABLE docs (id int PRIMARY KEY, v text, updated_at datetime);
        INSERT INTO docs SELECT seq, 'v', '2024-01-01' + INTERVAL seq HOUR FROM seq_1_to_5000;
        INSERT INTO docs VALUES (0, 'unstamped', NULL), (-1, 'a slip', '2999-01-01');
        CREATE TABLE log (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, line text);
        INSERT INTO log (line) SELECT 'l' FROM seq_1_to_5000";
    server.run_sql(sql).await;
    let source = server.source();
    let docs = table(&source, "erp.docs").await;
    let first = pull(&source, &docs, None).await.unwrap();
    assert_eq!(texts(&first).len(), 5_002);
    assert_eq!(first[0].watermark, None, "older changes may follow until the end");
    let marked = mark(&first).unwrap();
    assert_eq!(marked.0, "2024-07-27 08:00:00.000000");

    let sql = "UPDATE docs SET v = 'w', updated_at = '2024-08-01' WHERE id = 7;
        INSERT INTO docs VALUES (6000, 'new', '2024-08-01 00:00:01')";
    server.run_sql(sql).await;
    let more = pull(&source, &docs, Some(&marked)).await.unwrap();
    let ids: Vec<String> = texts(&more).iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, ["-1", "0", "7", "5000", "6000"]);
    assert_eq!(mark(&more).unwrap().0, "2024-08-01 00:00:01.000000");

    let mut log = table(&source, "erp.log").await;
    assert_eq!(log.changes_by, None, "numbers are only taken where somebody says so");
    log.changes_by = Some(log.columns[0].name.clone());
    let counted = mark(&pull(&source, &log, None).await.unwrap()).unwrap();
    assert_eq!(counted.0, "5000");
    server.run_sql("INSERT INTO log VALUES (5001, 'next')").await;
    let next = texts(&pull(&source, &log, Some(&counted)).await.unwrap());
    assert_eq!((next.len(), next[1_001][0].as_str()), (1_002, "5001"), "some are read again");
}

#[tokio::test]
async fn what_is_denied_or_out_of_reach_says_what_to_change() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = "CREATE TABLE open (id int PRIMARY KEY);
        CREATE TABLE closed (id int PRIMARY KEY);
        CREATE TABLE partly (id int PRIMARY KEY, name text, salary int);
        GRANT SELECT ON erp.open TO reader@'%';
        GRANT SELECT ON erp.closed TO reader@'%';
        GRANT SELECT (id, name) ON erp.partly TO reader@'%'";
    server.run_sql(sql).await;
    let source = server.source();
    let closed = table(&source, "erp.closed").await;
    assert_eq!(table(&source, "erp.partly").await.columns.len(), 2);
    server.run_sql("REVOKE SELECT ON erp.closed FROM reader@'%'").await;
    let tables = source.discover().await.unwrap();
    assert!(tables.iter().all(|table| table.name != "erp.closed"));
    let error = pull(&source, &closed, None).await.unwrap_err();
    let SourceError::Denied { detail } = &error else { panic!("{error:?}") };
    assert!(detail.contains("grant the user reader SELECT"), "{detail}");
    let mut gone = table(&source, "erp.open").await;
    server.run_sql("DROP TABLE open").await;
    gone.name = "erp.open".to_owned();
    let error = pull(&source, &gone, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "source_changed", .. }), "{error:?}");

    let wrong = source_of(server.settings(), "wrong");
    let error = wrong.discover().await.unwrap_err();
    let SourceError::Denied { detail } = &error else { panic!("{error:?}") };
    assert!(detail.contains("reader") && !detail.contains("wrong"), "{detail}");

    let mut settings = server.settings();
    settings.database = "nowhere".to_owned();
    let error = source_of(settings, "secret").discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Denied { .. } | SourceError::Invalid { .. }), "{error:?}");

    let mut settings = server.settings();
    settings.port = Some(1);
    let nobody = source_of(settings, "secret").with_retry(never());
    let error = nobody.discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");

    let strict = AddressPolicy::default();
    let refused = MysqlSource::new(server.settings(), "secret".into(), strict).unwrap();
    let error = refused.discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "address_refused", .. }), "{error:?}");
}

#[tokio::test]
async fn a_view_that_writes_is_refused_and_a_slow_one_ends() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = "GRANT SELECT, EXECUTE ON erp.* TO reader@'%';
        CREATE TABLE traces (n int);
        CREATE FUNCTION trace() RETURNS int MODIFIES SQL DATA
            BEGIN INSERT INTO traces VALUES (1); RETURN 1; END;
        CREATE VIEW writes AS SELECT trace() AS n";
    server.run_sql(sql).await;
    let mut settings = server.settings();
    settings.statement_timeout_seconds = 1;
    let source = source_of(settings, "secret");
    // The server itself does not show it to those who only read; somebody names it all the same.
    let mut view = table(&source, "erp.traces").await;
    view.name = "erp.writes".to_owned();
    let error = pull(&source, &view, None).await.unwrap_err();
    let refused = matches!(error, SourceError::Invalid { code: "source_not_read_only", .. });
    assert!(refused, "{error:?}");
    assert_eq!(server.number("SELECT COUNT(*) FROM traces").await, 0);

    let sql = "CREATE FUNCTION late(n int) RETURNS int BEGIN DO SLEEP(5); RETURN n; END;
        CREATE VIEW measured AS SELECT CAST(late(1) AS UNSIGNED) AS n";
    server.run_sql(sql).await;
    let measured = table(&source, "erp.measured").await;
    assert_eq!(measured.columns[0].data_type, ColumnType::Decimal { scale: 0 });
    let notes = source.notes("erp.measured");
    assert!(notes[0].contains("could not be looked at"), "{notes:?}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_loses_and_doubles_nothing() {
    let Some(mut server) = MariadbServer::start().await else { return };
    let sql = "GRANT SELECT ON erp.* TO reader@'%';
        CREATE TABLE keyed (id int PRIMARY KEY, filler text);
        INSERT INTO keyed SELECT seq, REPEAT('x', 1000) FROM seq_1_to_50000;
        CREATE TABLE plain AS SELECT * FROM keyed;
        FLUSH TABLES";
    server.run_sql(sql).await;
    let source = server.source();
    let keyed = table(&source, "erp.keyed").await;
    let mut stream = source.pull(Pull { table: keyed, since: None });
    let mut ids: Vec<i32> = Vec::new();
    for turn in 0.. {
        if turn == 2 {
            server.kill();
            server.run().await;
        }
        let Some(pulled) = stream.next().await else { break };
        ids.extend(texts(&[pulled.unwrap()]).iter().map(|row| row[0].parse::<i32>().unwrap()));
    }
    assert!(ids.iter().copied().eq(1..=50_000), "{} rows", ids.len());

    let plain = table(&source, "erp.plain").await;
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
async fn names_and_keys_are_what_they_are_whatever_they_hold() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = r#"GRANT SELECT ON erp.* TO reader@'%';
        CREATE TABLE kept (id int);
        CREATE TABLE `x``"; DROP TABLE kept; --` (`id'`` --` varchar(60) PRIMARY KEY, `é.?` int);
        INSERT INTO `x``"; DROP TABLE kept; --`
            SELECT CONCAT('''); DROP TABLE kept; -- ', seq), seq FROM seq_10001_to_16000;
        CREATE TABLE `a.b` (id int PRIMARY KEY);
        INSERT INTO `a.b` VALUES (7);
        CREATE TABLE bytes (id binary(4), of datetime(6), PRIMARY KEY (id, of));
        INSERT INTO bytes SELECT UNHEX(LPAD(HEX(seq * 300000 + 200), 8, '0')), '2024-01-01 00:00:00.5'
            FROM seq_1_to_9000;
        CREATE TABLE moods (m enum('z','a'), n int, PRIMARY KEY (m, n));
        INSERT INTO moods SELECT IF(seq MOD 2, 'a', 'z'), seq FROM seq_1_to_9000"#;
    server.run_sql(sql).await;
    let source = server.source();
    let hostile = table(&source, r#"erp."x`""; DROP TABLE kept; --""#).await;
    let rows = texts(&pull(&source, &hostile, None).await.unwrap());
    assert_eq!((rows.len(), rows[5_999][0].as_str()), (6_000, "'); DROP TABLE kept; -- 16000"));
    let pointed = table(&source, r#"erp."a.b""#).await;
    assert_eq!(texts(&pull(&source, &pointed, None).await.unwrap()), [["7"]]);
    for name in ["erp.bytes", "erp.moods"] {
        let of = table(&source, name).await;
        let rows = texts(&pull(&source, &of, None).await.unwrap());
        let different: BTreeSet<&Vec<String>> = rows.iter().collect();
        assert_eq!((rows.len(), different.len()), (9_000, 9_000), "{name}");
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM kept").await, 0);
}

#[tokio::test]
async fn dropping_the_stream_ends_the_statement_at_the_server() {
    let Some(server) = MariadbServer::start().await else { return };
    let sql = "GRANT SELECT ON erp.* TO reader@'%';
        CREATE VIEW endless AS SELECT seq, SLEEP(30) AS s FROM seq_1_to_9";
    server.run_sql(sql).await;
    let source = server.source();
    let endless = table(&source, "erp.endless").await;
    let mut stream = source.pull(Pull { table: endless, since: None });
    let active = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                  WHERE USER = 'reader' AND COMMAND <> 'Sleep'";
    let busy = async || server.number(active).await;
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
    let Some(server) = MariadbServer::start_with_tls().await else { return };
    let sql = "GRANT SELECT ON erp.* TO reader@'%' REQUIRE SSL;
        CREATE TABLE t (id int PRIMARY KEY)";
    server.run_sql(sql).await;
    let with = |tls: TlsMode, certificates: Option<String>| {
        let mut settings = server.settings();
        (settings.tls, settings.certificates) = (tls, certificates);
        source_of(settings, "secret")
    };
    let error = with(TlsMode::Verify, None).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "tls_not_trusted", .. }), "{error:?}");
    let known = with(TlsMode::Verify, Some(server.certificate()));
    assert_eq!(known.discover().await.unwrap().len(), 1);
    for tls in [TlsMode::Require, TlsMode::Prefer] {
        assert_eq!(with(tls, None).discover().await.unwrap().len(), 1, "{tls:?}");
    }
    let error = with(TlsMode::Off, None).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Denied { .. }), "{error:?}");

    let Some(plain) = MariadbServer::start().await else { return };
    plain.run_sql("GRANT SELECT ON erp.* TO reader@'%'").await;
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
