//! What is found and read.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use pacioli_model::ColumnType;
use pacioli_sources::{
    SourceError,
    source::{Pull, Source, Watermark},
};

use super::{names, sequence};
use crate::databases::{
    rows::{column, mark, named, peak_memory, pull, table, texts},
    tds::{StandIn, source_of},
};

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

/// A column of every type.
const KINDS: [(&str, &str); 32] = [
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

#[tokio::test]
async fn every_type_arrives_with_its_extremes() {
    let server = StandIn::start();
    server.books(|books| books.table("dbo", "kinds", &KINDS, &["id"]));
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
        "{} INSERT INTO dbo.keyed SELECT n / 10, 'k' || n, replace(hex(zeroblob(400)), '0', 'x') || n FROM seq;
         INSERT INTO dbo.plain SELECT * FROM dbo.keyed",
        sequence(12_000)
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
        assert_eq!(seen.len(), 12_000, "{name}");
        assert!(bytes > 19_000_000, "{bytes}");
        let grown = peak_memory() - before;
        assert!(grown < 16 << 20, "{name}: {grown} bytes for 19 MB of rows");
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
