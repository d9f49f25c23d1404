//! SQL Server, for which a stand-in answers.

use std::{collections::BTreeSet, time::Duration};

use futures_util::StreamExt;
use pacioli_model::{ColumnName, ColumnType};
use pacioli_sources::{
    SourceError,
    databases::{SqlServerSource, TlsMode},
    outgoing::AddressPolicy,
    source::{Pull, Source, Watermark},
};

use super::{
    rows::{column, mark, named, never, peak_memory, pull, table, texts},
    tds::{Encryption, StandIn, source_of},
};

fn names(columns: &[ColumnName]) -> Vec<&str> {
    columns.iter().map(ColumnName::as_str).collect()
}

/// `n` from 1 to this.
fn sequence(most: u32) -> String {
    format!(
        "WITH RECURSIVE seq (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < {most}) "
    )
}

#[tokio::test]
async fn discovery_tells_tables_columns_keys_and_labels() {
    let server = StandIn::start();
    server.books(|books| {
        let columns = [
            ("id", "int NOT NULL"),
            ("name", "nvarchar(80) NOT NULL"),
            ("modified", "datetime2(3)"),
        ];
        let customers = books.table("dbo", "customers", &columns, &["id"]);
        books.label(customers, 0, "Customer");
        books.label(customers, 2, "Full name");
        let columns = [
            ("Order No", "varchar(20) NOT NULL"),
            ("line", "smallint NOT NULL"),
            ("customer_id", "int"),
            ("amount", "decimal(12, 2)"),
            ("price", "money"),
            ("paid", "bit"),
            ("photo", "varbinary(max)"),
            ("place", "geography"),
            ("version", "timestamp NOT NULL"),
        ];
        let orders = books.table("dbo", "orders", &columns, &["Order No", "line"]);
        books.reference(orders, &["customer_id"], customers, &["id"]);
        let columns = [
            ("order_no", "varchar(20) NOT NULL"),
            ("line", "smallint NOT NULL"),
            ("code", "char(4) NOT NULL"),
            ("loose", "int"),
        ];
        let notes = books.table("sales.eu", "notes", &columns, &[]);
        books.index(notes, 2, &["loose"], false);
        books.index(notes, 3, &["code"], false);
        books.reference(notes, &["order_no", "line"], orders, &["Order No", "line"]);
        books.table("dbo", "uuids", &[("id", "binary(16) NOT NULL"), ("v", "int")], &["id"]);
        books.table("dbo", "secrets", &[("id", "int NOT NULL")], &["id"]);
        books.deny("[dbo].[secrets]");
        books.table("hr", "people", &[("id", "int NOT NULL"), ("salary", "money")], &["id"]);
        books.deny("[hr].[people].salary");
    });
    server.run("INSERT INTO sys.partitions SELECT object_id, 1, 7 FROM sys.objects WHERE name = 'customers'");
    let source = server.source();
    let tables = source.discover().await.unwrap();
    let found: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let expected = ["\"sales.eu\".notes", "dbo.customers", "dbo.orders", "dbo.uuids", "hr.people"];
    assert_eq!(found, expected);

    let customers = &tables[1];
    assert_eq!((customers.label.as_str(), customers.rows), ("Customer", Some(7)));
    assert_eq!(customers.columns[1].label, "Full name");
    assert_eq!(names(&customers.primary_key), ["id"]);
    assert_eq!(customers.changes_by.as_ref().unwrap().as_str(), "modified");

    let orders = &tables[2];
    assert_eq!((orders.label.as_str(), orders.rows), ("orders", None));
    assert_eq!(names(&orders.primary_key), ["order_no", "line"]);
    let types: Vec<ColumnType> = orders.columns.iter().map(|column| column.data_type).collect();
    let decimal = |scale| ColumnType::Decimal { scale };
    let expected = [
        ColumnType::Text,
        ColumnType::Integer,
        ColumnType::Integer,
        decimal(2),
        decimal(4),
        ColumnType::Boolean,
        ColumnType::Integer,
    ];
    assert_eq!(types, expected);
    assert_eq!(
        source.notes("dbo.orders"),
        [
            "photo is not read: it holds bytes (varbinary(max))",
            "place is not read: it holds bytes (geography)",
        ]
    );
    assert_eq!(orders.changes_by.as_ref().unwrap().as_str(), "version", "the server's own counter");
    assert_eq!(orders.foreign_keys.len(), 1);
    assert_eq!(orders.foreign_keys[0].table, "dbo.customers");
    assert_eq!(names(&orders.foreign_keys[0].columns), ["customer_id"]);

    let notes = &tables[0];
    assert_eq!(names(&notes.primary_key), ["code"], "unique and never null");
    assert_eq!(names(&notes.foreign_keys[0].columns), ["order_no", "line"]);
    assert_eq!(names(&notes.foreign_keys[0].references), ["order_no", "line"]);
    assert_eq!(tables[3].columns[0].data_type, ColumnType::Text, "bytes that name rows");
    assert_eq!(tables[4].columns.len(), 1, "a column that may not be read does not appear");

    let mut settings = server.settings();
    settings.schemas = vec!["hr".to_owned(), "sales.eu".to_owned()];
    assert_eq!(source_of(settings, "secret").discover().await.unwrap().len(), 2);
}

#[tokio::test]
async fn every_type_arrives_with_its_extremes() {
    let server = StandIn::start();
    let columns = [
        ("id", "int NOT NULL"),
        ("flag", "bit"),
        ("i1", "tinyint"),
        ("i2", "smallint"),
        ("i4", "int"),
        ("i8", "bigint"),
        ("n", "decimal(38, 10)"),
        ("q", "numeric(9, 4)"),
        ("m", "money"),
        ("sm", "smallmoney"),
        ("f", "float"),
        ("r", "real"),
        ("c", "char(5)"),
        ("v", "varchar(20) COLLATE Cyrillic_General_CI_AS"),
        ("nc", "nchar(5)"),
        ("nv", "nvarchar(20)"),
        ("big", "nvarchar(max)"),
        ("t", "text"),
        ("nt", "ntext"),
        ("x", "xml"),
        ("d", "date"),
        ("ti", "time(7)"),
        ("dt", "datetime"),
        ("sdt", "smalldatetime"),
        ("dt2", "datetime2(7)"),
        ("dt0", "datetime2(0)"),
        ("dto", "datetimeoffset(3)"),
        ("u", "uniqueidentifier"),
        ("sv", "sql_variant"),
        ("rv", "timestamp NOT NULL"),
        ("raw", "varbinary(8)"),
        ("im", "image"),
    ];
    server.books(|books| books.table("dbo", "kinds", &columns, &["id"]));
    server.run(
        "INSERT INTO dbo.kinds (id, rv) VALUES (2, x'0000000000000002');
         INSERT INTO dbo.kinds (id, nv, dt2, rv) VALUES
            (3, x'61003dd8', '2024-01-01 00:00:00.1234567', x'0000000000000003');
         INSERT INTO dbo.kinds VALUES (1, 1, 255, -32768, -2147483648, -9223372036854775808,
            '-99999999999999999999999999999999999999', 123456789, 9223372036854775807, -2147483648,
            1.7976931348623157e308, 0.1, 'ab   ', 'Цена', 'ä    ', '€ 😀 ''', 'long', 'old', 'older',
            '<a/>', '0001-01-01', '23:59:59.1234567', '1753-01-01 00:00:00.003',
            '2079-06-06 23:59:00', '9999-12-31 23:59:59.1234560', '2024-07-01 12:00:00',
            '2024-07-01 12:00:00.500 +02:00', '00000000-0000-0000-0000-00000000000a', '12',
            x'0000000000000001', x'00ff', x'00')",
    );
    let source = server.source();
    let kinds = table(&source, "dbo.kinds").await;
    let pulled = pull(&source, &kinds, None).await.unwrap();
    let found = named(&kinds, &pulled);
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let expected = [
        ("id", "1"),
        ("flag", "true"),
        ("i1", "255"),
        ("i2", "-32768"),
        ("i4", "-2147483648"),
        ("i8", "-9223372036854775808"),
        ("n", "-9999999999999999999999999999.9999999999"),
        ("q", "12345.6789"),
        ("m", "922337203685477.5807"),
        ("sm", "-214748.3648"),
        ("f", "1.7976931348623157e308"),
        ("r", "0.1"),
        ("c", "ab"),
        ("v", "Цена"),
        ("nc", "ä"),
        ("nv", "€ 😀 '"),
        ("big", "long"),
        ("t", "old"),
        ("nt", "older"),
        ("x", "<a/>"),
        ("d", "0001-01-01"),
        ("ti", "23:59:59.1234567"),
        ("dt", "1753-01-01T00:00:00.003"),
        ("sdt", "2079-06-06T23:59:00"),
        ("dt2", "9999-12-31T23:59:59.123456"),
        ("dt0", "2024-07-01T12:00:00"),
        ("dto", "2024-07-01T10:00:00.500"),
        ("u", "00000000-0000-0000-0000-00000000000a"),
        ("sv", "12"),
        ("rv", "1"),
    ];
    assert_eq!(found, expected);
    let rows = texts(&pulled);
    assert!(rows[1][1..29].iter().all(String::is_empty), "{:?}", rows[1]);
    assert_eq!(
        (rows[2][15].as_str(), rows[2][24].as_str()),
        ("a\u{fffd}", "2024-01-01T00:00:00.123456")
    );
    let notes = source.notes("dbo.kinds");
    for note in [
        "raw is not read: it holds bytes (varbinary(8))",
        "im is not read: it holds bytes (image)",
        "1 values of nv hold bytes that are no text in UTF-8, shown as \u{fffd}",
        "1 values of dt2 are cut to whole microseconds",
    ] {
        assert!(notes.iter().any(|found| found == note), "{note} is not in {notes:?}");
    }
}

#[tokio::test]
async fn a_column_that_became_another_is_said_and_one_that_became_a_text_is_read() {
    let server = StandIn::start();
    let columns = [("id", "int NOT NULL"), ("n", "decimal(9, 2)"), ("d", "datetime2(0)")];
    server.books(|books| books.table("dbo", "t", &columns, &["id"]));
    server.run("INSERT INTO dbo.t VALUES (1, 150, '2024-01-01 10:00:00')");
    let source = server.source();
    let mut was = table(&source, "dbo.t").await;
    was.columns[0].data_type = ColumnType::Text;
    was.columns[1].data_type = ColumnType::Decimal { scale: 1 };
    was.columns[2].data_type = ColumnType::Text;
    let rows = texts(&pull(&source, &was, None).await.unwrap());
    assert_eq!(rows, [["1", "1.5", "2024-01-01 10:00:00"]]);
    was.columns[1].data_type = ColumnType::Decimal { scale: 0 };
    let error = pull(&source, &was, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "source_changed", .. }), "{error:?}");
    was.columns[1].data_type = ColumnType::Date;
    let error = pull(&source, &was, None).await.unwrap_err();
    assert!(error.to_string().contains("n is of the type decimal(9, 2) now"), "{error}");
}

#[tokio::test]
async fn many_rows_pass_through_little_memory_with_and_without_a_key() {
    let server = StandIn::start();
    let columns =
        [("a", "int NOT NULL"), ("b", "varchar(20) NOT NULL"), ("filler", "nvarchar(max)")];
    server.books(|books| {
        books.table("dbo", "keyed", &columns, &["a", "b"]);
        books.table("dbo", "plain", &columns, &[]);
    });
    server.run(&format!(
        "{} INSERT INTO dbo.keyed SELECT n / 10, 'k' || n, replace(hex(zeroblob(200)), '0', 'x') || n FROM seq;
         INSERT INTO dbo.plain SELECT * FROM dbo.keyed",
        sequence(60_000)
    ));
    let source = server.source();
    for name in ["dbo.keyed", "dbo.plain"] {
        let of = table(&source, name).await;
        assert_eq!(of.primary_key.is_empty(), name == "dbo.plain");
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
        assert_eq!(seen.len(), 60_000, "{name}");
        assert!(bytes > 48_000_000, "{bytes}");
        let grown = peak_memory() - before;
        assert!(grown < 32 << 20, "{name}: {grown} bytes for 50 MB of rows");
    }
}

#[tokio::test]
async fn an_incremental_load_gives_new_and_changed_rows_and_a_mark() {
    let server = StandIn::start();
    server.books(|books| {
        for (name, of) in
            [("docs", "datetime"), ("fine", "datetime2(7)"), ("zoned", "datetimeoffset(7)")]
        {
            let columns = [("id", "int NOT NULL"), ("v", "nvarchar(9)"), ("updated_at", of)];
            books.table("dbo", name, &columns, &["id"]);
        }
        let columns = [("id", "bigint NOT NULL"), ("line", "nvarchar(9)")];
        books.table("dbo", "log", &columns, &["id"]);
    });
    let sql = "INSERT INTO dbo.docs SELECT n, 'v', strftime('%Y-%m-%d %H:%M:%f', '2024-01-01', n || ' hours') FROM seq;
        INSERT INTO dbo.docs VALUES (0, 'unstamped', NULL), (-1, 'a slip', '2999-01-01 00:00:00.000');
        INSERT INTO dbo.fine VALUES (1, 'v', '2024-07-27 08:00:00.1234567');
        INSERT INTO dbo.zoned VALUES (1, 'v', '2024-07-27 08:00:00.0000000 +02:00');";
    server.run(&format!("{} {sql}", sequence(5_000)));
    server.run(&format!("{} INSERT INTO dbo.log SELECT n, 'l' FROM seq", sequence(5_000)));
    let source = server.source();
    let docs = table(&source, "dbo.docs").await;
    let first = pull(&source, &docs, None).await.unwrap();
    assert_eq!(texts(&first).len(), 5_002);
    assert_eq!(first[0].watermark, None, "older changes may follow until the end");
    let marked = mark(&first).unwrap();
    assert_eq!(marked.0, "2024-07-27 08:00:00.000000");

    let sql = "UPDATE dbo.docs SET v = 'w', updated_at = '2024-08-01 00:00:00.000' WHERE id = 7;
        INSERT INTO dbo.docs VALUES (6000, 'new', '2024-08-01 00:00:01.003')";
    server.run(sql);
    let more = pull(&source, &docs, Some(&marked)).await.unwrap();
    let ids: Vec<String> = texts(&more).iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, ["-1", "0", "7", "5000", "6000"]);
    assert_eq!(mark(&more).unwrap().0, "2024-08-01 00:00:01.003000");
    let ancient = Watermark("0001-01-02 00:00:00.000000".to_owned());
    let all = pull(&source, &docs, Some(&ancient)).await.unwrap();
    assert_eq!(texts(&all).len(), 5_003, "a mark before the type's first moment is taken");

    for (name, expect) in
        [("dbo.fine", "2024-07-27 08:00:00.123456"), ("dbo.zoned", "2024-07-27 06:00:00.000000")]
    {
        let of = table(&source, name).await;
        let marked = mark(&pull(&source, &of, None).await.unwrap()).unwrap();
        assert_eq!(marked.0, expect);
        assert_eq!(texts(&pull(&source, &of, Some(&marked)).await.unwrap()).len(), 1);
    }

    let mut log = table(&source, "dbo.log").await;
    assert_eq!(log.changes_by, None, "numbers are only taken where somebody says so");
    log.changes_by = Some(log.columns[0].name.clone());
    let counted = mark(&pull(&source, &log, None).await.unwrap()).unwrap();
    assert_eq!(counted.0, "5000");
    server.run("INSERT INTO dbo.log VALUES (5001, 'next')");
    let next = texts(&pull(&source, &log, Some(&counted)).await.unwrap());
    assert_eq!((next.len(), next[1_001][0].as_str()), (1_002, "5001"), "some are read again");
}

#[tokio::test]
async fn the_servers_own_counter_marks_no_further_than_changes_are_complete() {
    let server = StandIn::start();
    let columns = [("id", "int NOT NULL"), ("rv", "timestamp NOT NULL")];
    server.books(|books| {
        books.table("dbo", "t", &columns, &["id"]);
        books.set(|ground| ground.first_open_change = 0x2002);
    });
    server.run(
        "INSERT INTO dbo.t VALUES (1, x'0000000000002000'), (2, x'0000000000002003'),
            (3, x'0000000000002001')",
    );
    let source = server.source();
    let of = table(&source, "dbo.t").await;
    let marked = mark(&pull(&source, &of, None).await.unwrap()).unwrap();
    assert_eq!(marked.0, 0x2001.to_string(), "0x2002 is still open, so 0x2003 proves nothing");
    // The transaction that was open ends: its row has a number before one that was read.
    server.run("INSERT INTO dbo.t VALUES (4, x'0000000000002002'), (5, x'0000000000000001')");
    server.books(|books| books.set(|ground| ground.first_open_change = 0x2004));
    let more = pull(&source, &of, Some(&marked)).await.unwrap();
    let ids: Vec<String> = texts(&more).iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);
    assert_eq!(mark(&more).unwrap().0, 0x2003.to_string());

    server.books(|books| books.set(|ground| ground.updateability = "READ_ONLY"));
    assert_eq!(table(&source, "dbo.t").await.changes_by, None, "a copy does not tell what is open");
}

#[tokio::test]
async fn what_is_denied_or_out_of_reach_says_what_to_change() {
    let server = StandIn::start();
    server.books(|books| {
        books.table("dbo", "open", &[("id", "int NOT NULL")], &["id"]);
        books.table("dbo", "closed", &[("id", "int NOT NULL")], &["id"]);
    });
    let source = server.source();
    let closed = table(&source, "dbo.closed").await;
    let open = table(&source, "dbo.open").await;
    server.books(|books| books.deny("[dbo].[closed]"));
    let tables = source.discover().await.unwrap();
    assert!(tables.iter().all(|table| table.name != "dbo.closed"));
    let error = pull(&source, &closed, None).await.unwrap_err();
    let SourceError::Denied { detail } = &error else { panic!("{error:?}") };
    assert!(detail.contains("grant the user reader SELECT"), "{detail}");
    server.books(|books| books.drop_table("dbo", "open"));
    let error = pull(&source, &open, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "source_changed", .. }), "{error:?}");

    let error = source_of(server.settings(), "wrong").discover().await.unwrap_err();
    let SourceError::Denied { detail } = &error else { panic!("{error:?}") };
    assert!(detail.contains("reader") && !detail.contains("wrong"), "{detail}");
    let before = server.seen(|seen| seen.logins.len());
    let mut settings = server.settings();
    settings.database = "nowhere".to_owned();
    let error = source_of(settings, "secret").discover().await.unwrap_err();
    assert!(
        matches!(error, SourceError::Invalid { code: "source_database_missing", .. }),
        "{error:?}"
    );
    assert_eq!(server.seen(|seen| seen.logins.len()), before + 1, "it is not tried again");

    let mut settings = server.settings();
    settings.port = Some(1);
    let nobody = source_of(settings, "secret").with_retry(never());
    let error = nobody.discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");

    let strict = AddressPolicy::default();
    let refused = SqlServerSource::new(server.settings(), "secret".into(), strict).unwrap();
    let error = refused.discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "address_refused", .. }), "{error:?}");

    let mut settings = server.settings();
    settings.host = r"db.example\SQLEXPRESS".to_owned();
    let error = SqlServerSource::new(settings, "secret".into(), AddressPolicy::default());
    let error = error.err().unwrap().to_string();
    assert!(error.contains("the port of an instance"), "{error}");
}

#[tokio::test]
async fn all_is_read_as_one_who_reads_from_one_snapshot_where_there_are_any() {
    let server = StandIn::start();
    server.books(|books| books.table("dbo", "t", &[("id", "int NOT NULL")], &["id"]));
    let source = server.source();
    table(&source, "dbo.t").await;
    assert!(source.notes("dbo.t").is_empty());
    server.seen(|seen| {
        let (login, _) = &seen.logins[0];
        assert!(login.is_read_only, "ApplicationIntent=ReadOnly");
        assert_eq!((login.application.as_str(), login.database.as_str()), ("pacioli", "erp"));
        let snapshot = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION";
        assert!(seen.statements.iter().any(|statement| statement == snapshot));
        assert!(seen.statements[0].contains("SET LOCK_TIMEOUT 10000"));
        for statement in &seen.statements {
            let statement = statement.trim_start();
            assert!(
                statement.starts_with("SET ") || statement.starts_with("SELECT "),
                "{statement}"
            );
        }
    });
    server.run("UPDATE sys.databases SET snapshot_isolation_state = 0");
    table(&source, "dbo.t").await;
    let notes = source.notes("dbo.t");
    assert!(notes[0].contains("does not allow snapshot isolation"), "{notes:?}");
    server.seen(|seen| {
        let last = seen.statements.iter().rev().find(|it| it.starts_with("SET TRANSACTION"));
        assert_eq!(last.unwrap(), "SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
    });
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_loses_and_doubles_nothing() {
    let server = StandIn::start();
    let columns = [("id", "int NOT NULL"), ("filler", "nvarchar(200)")];
    server.books(|books| {
        books.table("dbo", "keyed", &columns, &["id"]);
        books.table("dbo", "plain", &columns, &[]);
    });
    server.run(&format!(
        "{} INSERT INTO dbo.keyed SELECT n, 'filler ' || n FROM seq;
         INSERT INTO dbo.plain SELECT * FROM dbo.keyed",
        sequence(20_000)
    ));
    let source = server.source();
    let keyed = table(&source, "dbo.keyed").await;
    let mut stream = source.pull(Pull { table: keyed, since: None });
    let mut ids: Vec<u32> = Vec::new();
    for turn in 0.. {
        if turn % 2 == 1 {
            server.faults(|faults| faults.cut_after = Some(1_000 + turn));
        }
        let Some(pulled) = stream.next().await else { break };
        ids.extend(texts(&[pulled.unwrap()]).iter().map(|row| row[0].parse::<u32>().unwrap()));
    }
    assert!(ids.iter().copied().eq(1..=20_000), "{} rows", ids.len());
    assert!(server.seen(|seen| seen.logins.len()) > 3);

    let plain = table(&source, "dbo.plain").await;
    server.faults(|faults| faults.cut_after = Some(2_000));
    let rows = texts(&pull(&source, &plain, None).await.unwrap());
    assert_eq!(rows.len(), 20_000, "none of the rows were given away: it begins again");
    server.faults(|faults| faults.cut_after = Some(6_000));
    let error = pull(&source, &plain, None).await.unwrap_err();
    let SourceError::Unreachable { detail, .. } = &error else { panic!("{error:?}") };
    assert!(detail.contains("no key to go on from"), "{detail}");
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_and_what_does_not_is_said() {
    let server = StandIn::start();
    server.books(|books| books.table("dbo", "t", &[("id", "int NOT NULL")], &["id"]));
    server.run("INSERT INTO dbo.t VALUES (1)");
    let source = server.source();
    let of = table(&source, "dbo.t").await;
    for (number, words) in [
        (1_222, "Lock request time out period exceeded."),
        (1_205, "Transaction was deadlocked and has been chosen as the deadlock victim."),
        (3_960, "Snapshot isolation transaction aborted due to update conflict."),
        (40_613, "Database 'erp' is not currently available."),
    ] {
        server.faults(|faults| faults.fail = Some((" AS t".into(), number, words.into())));
        let rows = texts(&pull(&source, &of, None).await.unwrap());
        assert_eq!(rows, [["1"]], "{number}");
    }
    for (number, code) in [(208, "source_changed"), (8_134, "source_query_failed")] {
        server
            .faults(|faults| faults.fail = Some((" AS t".into(), number, "It went wrong.".into())));
        let error = pull(&source, &of, None).await.unwrap_err();
        let SourceError::Invalid { code: found, detail } = &error else { panic!("{error:?}") };
        assert_eq!(*found, code);
        assert!(detail.contains("It went wrong."), "{detail}");
    }
    server.faults(|faults| faults.refuse = Some((40_613, "It is being moved.".into())));
    let error = source_of(server.settings(), "secret").with_retry(never()).discover().await;
    let error = error.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_sends_us_on_is_followed_to_addresses_that_are_allowed() {
    let (gateway, server) = (StandIn::start(), StandIn::start());
    server.books(|books| books.table("dbo", "t", &[("id", "int NOT NULL")], &["id"]));
    gateway.faults(|faults| faults.route = Some(("127.0.0.1".into(), server.port())));
    assert_eq!(gateway.source().discover().await.unwrap().len(), 1);

    gateway.faults(|faults| faults.route = Some(("169.254.169.254".into(), 1433)));
    let error = gateway.source().discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "address_refused", .. }), "{error:?}");

    gateway.faults(|faults| faults.route = Some(("127.0.0.1".into(), gateway.port())));
    let error = gateway.source().with_retry(never()).discover().await.unwrap_err();
    assert!(error.to_string().contains("from one address to the next"), "{error}");
}

#[tokio::test]
async fn names_and_keys_are_what_they_are_whatever_they_hold() {
    let server = StandIn::start();
    let hostile = "x]\"'; DROP TABLE kept; --";
    server.books(|books| {
        books.table("dbo", "kept", &[("id", "int")], &[]);
        let columns = [("id']] --", "nvarchar(60) NOT NULL"), ("é.@P1?", "int")];
        books.table("dbo", hostile, &columns, &["id']] --"]);
        books.table("dbo", "a.b", &[("id", "int NOT NULL")], &["id"]);
        let columns = [("id", "binary(4) NOT NULL"), ("of", "datetime2(7) NOT NULL")];
        books.table("dbo", "bytes", &columns, &["id", "of"]);
        let columns = [
            ("a", "varchar(9) COLLATE SQL_Latin1_General_CP1_CS_AS NOT NULL"),
            ("b", "decimal(12, 2) NOT NULL"),
        ];
        books.table("dbo", "mixed", &columns, &["a", "b"]);
        let columns = [
            ("u", "uniqueidentifier NOT NULL"),
            ("m", "money NOT NULL"),
            ("d", "datetime NOT NULL"),
        ];
        books.table("dbo", "more", &columns, &["u", "m", "d"]);
        let columns = [("f", "float NOT NULL")];
        books.table("dbo", "floats", &columns, &["f"]);
    });
    let sql = r#"INSERT INTO dbo."a.b" VALUES (7);
        INSERT INTO dbo.floats VALUES (0.5), (0.25);"#;
    server.run(sql);
    let quoted = format!("\"{}\"", hostile.replace('"', "\"\""));
    for (most, sql) in [
        (6_000, format!("dbo.{quoted} SELECT '''); DROP TABLE kept; -- ' || (n + 10000), n FROM seq")),
        (9_000, "dbo.bytes SELECT unhex(printf('%08X', n * 300000 + 200)), '2024-01-01 00:00:00.5000001' FROM seq".into()),
        (9_000, "dbo.mixed SELECT char(65 + n % 2 * 32), n FROM seq".into()),
        (9_000, "dbo.more SELECT printf('00000000-0000-0000-0000-%012d', n / 2), n % 2, '2024-01-01 00:00:00.003' FROM seq".into()),
    ] {
        server.run(&format!("{} INSERT INTO {sql}", sequence(most)));
    }
    let source = server.source();
    let hostile = table(&source, r#"dbo."x]""'; DROP TABLE kept; --""#).await;
    let rows = texts(&pull(&source, &hostile, None).await.unwrap());
    assert_eq!((rows.len(), rows[5_999][0].as_str()), (6_000, "'); DROP TABLE kept; -- 16000"));
    let pointed = table(&source, r#"dbo."a.b""#).await;
    assert_eq!(texts(&pull(&source, &pointed, None).await.unwrap()), [["7"]]);
    for name in ["dbo.bytes", "dbo.mixed", "dbo.more"] {
        let of = table(&source, name).await;
        let rows = texts(&pull(&source, &of, None).await.unwrap());
        let different: BTreeSet<&Vec<String>> = rows.iter().collect();
        assert_eq!((rows.len(), different.len()), (9_000, 9_000), "{name}");
    }
    let floats = table(&source, "dbo.floats").await;
    assert_eq!(floats.primary_key.len(), 1);
    assert_eq!(texts(&pull(&source, &floats, None).await.unwrap()).len(), 2, "read in one go");
    let in_order = server.seen(|seen| {
        seen.statements.iter().any(|it| it.contains("floats") && it.contains("ORDER BY t"))
    });
    assert!(!in_order, "a float is no key to page by");
    table(&source, "dbo.kept").await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_at_the_server() {
    let server = StandIn::start();
    server.books(|books| books.table("dbo", "slow", &[("id", "int NOT NULL")], &["id"]));
    let mut settings = server.settings();
    settings.statement_timeout_seconds = 1;
    let source = source_of(settings, "secret");
    let slow = table(&source, "dbo.slow").await;
    server.faults(|faults| faults.dawdle = Some(" AS t".into()));
    let error = pull(&source, &slow, None).await.unwrap_err();
    let SourceError::Unreachable { detail, .. } = &error else { panic!("{error:?}") };
    assert!(detail.contains("statement_timeout_seconds is 1"), "{detail}");
    server.seen(|seen| assert_eq!((seen.attentions, seen.working), (1, 0)));

    server.faults(|faults| faults.is_deaf = true);
    let deaf = source.with_retry(never());
    let error = pull(&deaf, &slow, None).await.unwrap_err();
    let SourceError::Unreachable { detail, .. } = &error else { panic!("{error:?}") };
    assert!(detail.contains("did not answer within 1 seconds"), "{detail}");
}

#[tokio::test]
async fn dropping_the_stream_ends_the_statement_at_the_server() {
    for encryption in [Encryption::NotSupported, Encryption::Required] {
        let server = StandIn::start_as(encryption);
        server.books(|books| books.table("dbo", "endless", &[("id", "int NOT NULL")], &["id"]));
        let mut settings = server.settings();
        settings.tls = TlsMode::Prefer;
        let source = source_of(settings, "secret");
        let endless = table(&source, "dbo.endless").await;
        server.faults(|faults| faults.dawdle = Some(" AS t".into()));
        let mut stream = source.pull(Pull { table: endless, since: None });
        let working = async |wanted: usize| {
            while server.seen(|seen| seen.working) != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            row = stream.next() => panic!("{row:?}"),
            () = working(1) => {}
        }
        drop(stream);
        tokio::time::timeout(Duration::from_secs(10), working(0)).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), async {
            while server.seen(|seen| seen.attentions) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_server_must_prove_who_it_is_unless_told_otherwise() {
    let server = StandIn::start_as(Encryption::Required);
    server.books(|books| books.table("dbo", "t", &[("id", "int NOT NULL")], &["id"]));
    let with = |tls: TlsMode, certificates: Option<String>| {
        let mut settings = server.settings();
        (settings.tls, settings.certificates) = (tls, certificates);
        source_of(settings, "secret")
    };
    let error = with(TlsMode::Verify, None).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "tls_not_trusted", .. }), "{error:?}");
    let error = with(TlsMode::Off, None).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { code: "tls_required", .. }), "{error:?}");
    assert!(server.seen(|seen| seen.logins.is_empty()), "nobody sent a password");
    let known = with(TlsMode::Verify, Some(server.certificate()));
    assert_eq!(known.discover().await.unwrap().len(), 1);
    for tls in [TlsMode::Require, TlsMode::Prefer] {
        assert_eq!(with(tls, None).discover().await.unwrap().len(), 1, "{tls:?}");
    }
    assert!(server.seen(|seen| seen.logins.iter().all(|(_, is_secure)| *is_secure)));
    let mut settings = server.settings();
    settings.host = "localhost".to_owned();
    settings.tls = TlsMode::Verify;
    settings.certificates = Some(server.certificate());
    let error = source_of(settings, "secret").discover().await.unwrap_err();
    let SourceError::Invalid { code, detail } = &error else { panic!("{error:?}") };
    assert_eq!(*code, "tls_not_trusted", "it is somebody else's certificate: {detail}");
}

#[tokio::test]
async fn a_password_goes_out_in_the_clear_only_where_that_is_asked_for() {
    let plain = StandIn::start();
    let with = |tls: TlsMode| {
        let mut settings = plain.settings();
        settings.tls = tls;
        source_of(settings, "secret")
    };
    for tls in [TlsMode::Require, TlsMode::Verify] {
        let error = with(tls).discover().await.unwrap_err();
        assert!(matches!(error, SourceError::Invalid { code: "tls_not_offered", .. }), "{error:?}");
    }
    assert!(plain.seen(|seen| seen.logins.is_empty()), "nobody sent a password");
    assert!(with(TlsMode::Prefer).discover().await.unwrap().is_empty());

    let willing = StandIn::start_as(Encryption::On);
    let mut settings = willing.settings();
    settings.tls = TlsMode::Prefer;
    assert!(source_of(settings, "secret").discover().await.unwrap().is_empty());
    assert!(willing.seen(|seen| seen.logins.iter().all(|(_, is_secure)| *is_secure)));
    assert!(willing.source().discover().await.unwrap().is_empty(), "tls off");
    assert!(willing.seen(|seen| seen.logins.iter().any(|(_, is_secure)| !is_secure)));
}

#[tokio::test]
async fn whoever_does_not_speak_the_protocol_is_told_apart() {
    let server = StandIn::start();
    let of = |tls: TlsMode| {
        let mut settings = server.settings();
        settings.tls = tls;
        source_of(settings, "secret").with_retry(never())
    };
    for babble in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        &[4, 1, 0, 9, 0, 0, 1, 0, 0xff],
        &[4, 0, 0xff, 0xff, 0, 0, 1, 0],
        &[4, 1, 0, 20, 0, 0, 1, 0, 1, 0xff, 0xff, 0, 1, 0xff, 0, 0, 0, 0, 0, 0],
    ] {
        server.faults(|faults| faults.babble = Some(babble.to_vec()));
        for tls in [TlsMode::Verify, TlsMode::Off] {
            let error = of(tls).discover().await.unwrap_err();
            assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
        }
    }
    server.faults(|faults| {
        faults.babble = None;
        faults.hangs_up = true;
    });
    let error = of(TlsMode::Verify).discover().await.unwrap_err().to_string();
    assert!(error.contains("Force Strict Encryption"), "{error}");
}
