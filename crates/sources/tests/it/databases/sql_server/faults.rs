//! What goes wrong, and what is said of it.

use std::time::Duration;

use futures_util::StreamExt;
use pacioli_sources::{
    SourceError,
    databases::{SqlServerSource, TlsMode},
    outgoing::AddressPolicy,
    source::{Pull, Source},
};

use super::sequence;
use crate::databases::{
    rows::{never, pull, table, texts},
    tds::{Encryption, StandIn, source_of},
};

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
