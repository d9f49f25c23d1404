//! Encryption, addresses, and names that mean harm.

use std::collections::BTreeSet;

use pacioli_sources::{SourceError, databases::TlsMode, source::Source};

use super::sequence;
use crate::databases::{
    rows::{never, pull, table, texts},
    tds::{Encryption, StandIn, source_of},
};

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
