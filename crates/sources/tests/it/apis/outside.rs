//! The way there: throttling, broken connections, redirects, answers without end, and addresses where
//! nothing is sent. Told with Odoo, whose every request is one call; the client is the same for all.

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware, routing::any};
use pacioli_sources::{
    SourceError,
    apis::{Odoo, Patience, Reach},
    outgoing::AddressPolicy,
    source::Source,
};
use secrecy::SecretString;

use super::{
    SECRET,
    faults::{self, Fault, Faults},
    is_clean, load,
    odoo::{Server, orders, settings},
    pace::Moved,
    reach,
    serving::Serving,
};

/// The error of a load whose first page meets the fault each time.
async fn failed(fault: Fault) -> (SourceError, Arc<Moved>, usize) {
    let server = Server::start(19).await;
    let pace = Arc::new(Moved::default());
    let source = server.source(&pace);
    let tables = source.discover().await.unwrap();
    let before = server.faults.requests();
    server.faults.always(fault);
    let loaded = load(&source, super::table(&tables, "sale.order"), None).await;
    (loaded.error.unwrap(), pace, server.faults.requests() - before)
}

#[tokio::test]
async fn what_passes_by_itself_is_waited_for_and_no_row_is_lost_or_doubled() {
    let server = Server::start(19).await;
    let pace = Arc::new(Moved::default());
    let source = server.source(&pace);
    let tables = source.discover().await.unwrap();
    for (number, fault) in [
        Fault::Later(429, Some("7")),
        Fault::Later(503, Some("Wed, 25 Nov 2026 10:01:00 GMT")),
        Fault::Later(502, None),
        Fault::Later(504, None),
        Fault::Dropped,
        Fault::Truncated,
    ]
    .into_iter()
    .enumerate()
    {
        server.faults.after(2 * number + 2, fault);
    }
    let loaded = load(&source, super::table(&tables, "sale.order"), None).await.whole();
    assert_eq!(loaded.rows.len(), orders());
    let mut keys = loaded.keys();
    keys.dedup();
    assert_eq!(keys.len(), orders());
    let waits = pace.waits();
    assert_eq!(waits.len(), 6, "{waits:?}");
    assert!((waits[0] - 7.0).abs() < 0.01, "seconds: {waits:?}");
    assert!((waits[1] - 53.0).abs() < 0.01, "until the date, 7 s later: {waits:?}");
    assert!(waits[2..].iter().all(|wait| (wait - 0.5).abs() < 0.01), "{waits:?}");
}

#[tokio::test]
async fn a_source_that_stays_away_is_given_up_after_bounded_tries() {
    let (error, pace, requests) = failed(Fault::Later(503, None)).await;
    assert!(matches!(&error, SourceError::Unreachable { .. }), "{error}");
    assert_eq!((requests, pace.waits().len()), (6, 5));
    assert!(error.to_string().contains("503"), "{error}");
}

#[tokio::test]
async fn a_source_that_asks_for_an_hour_is_left_at_once_and_its_wish_is_passed_on() {
    let (error, pace, requests) = failed(Fault::Later(429, Some("3600"))).await;
    let SourceError::Unreachable { retry_after, .. } = error else { panic!("{error}") };
    assert_eq!(retry_after, Some(Duration::from_hours(1)));
    assert_eq!((requests, pace.waits().len()), (1, 0));
}

#[tokio::test]
async fn a_proxys_page_is_no_data_and_is_not_asked_for_again() {
    let (error, _, requests) = failed(Fault::Page(200)).await;
    let SourceError::Invalid { code, detail } = error else { panic!("{error}") };
    assert_eq!((code, requests), ("source_not_data", 1));
    assert!(detail.contains("Sign in"), "{detail}");
    let (error, ..) = failed(Fault::Page(407)).await;
    assert!(error.to_string().contains("a web page titled"), "{error}");
}

#[tokio::test]
async fn an_answer_without_end_costs_no_more_than_the_limit_packed_or_not() {
    for fault in [Fault::Endless, Fault::Bomb] {
        let (error, _, requests) = failed(fault.clone()).await;
        let SourceError::Invalid { code, .. } = error else { panic!("{fault:?}: {error}") };
        assert_eq!((code, requests), ("source_answer_size", 1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_requests_deadline() {
    let server = Server::start(19).await;
    let pace = Arc::new(Moved::default());
    let mut reach = reach(&pace);
    reach.limits.request = Duration::from_millis(400);
    reach.patience = Patience { tries: 2, ..reach.patience };
    server.faults.always(Fault::Drip);
    let source = Odoo::new(settings(&server), &SecretString::from(SECRET), &reach).unwrap();
    let started = std::time::Instant::now();
    let error = source.discover().await.unwrap_err();
    assert!(error.to_string().contains("did not answer in time"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn redirects_to_where_nothing_is_sent_are_refused() {
    for to in ["http://169.254.169.254/latest/meta-data", "http://10.1.2.3/", "http://[::1]:1/"] {
        let server = Server::start(18).await;
        let pace = Arc::new(Moved::default());
        // The version is asked for with GET, so this redirect would be followed.
        server.faults.after(0, Fault::Redirect(302, to.to_owned()));
        server.faults.after(1, Fault::Redirect(302, to.to_owned()));
        let error = server.source(&pace).discover().await.unwrap_err();
        is_clean(&error);
        let refused = matches!(
            &error,
            SourceError::Invalid { code: "address_refused" | "source_redirect", .. }
        );
        assert!(refused, "{to}: {error}");
    }
}

#[tokio::test]
async fn credentials_are_not_sent_to_another_server() {
    let (stranger, seen) = stranger().await;
    for status in [301, 302, 303, 307, 308] {
        let (error, _, requests) =
            failed(Fault::Redirect(status, format!("{}/json", stranger.url()))).await;
        let SourceError::Invalid { code, detail } = error else { panic!("{error}") };
        assert_eq!((code, requests), ("source_redirect", 1));
        assert!(detail.contains(&stranger.url()), "{detail}");
    }
    assert_eq!(seen.requests(), 0);
}

#[tokio::test]
async fn a_redirect_of_a_read_to_another_server_goes_without_credentials() {
    let (stranger, seen) = stranger().await;
    let server = super::erpnext::Server::start().await;
    let pace = Arc::new(Moved::default());
    server.faults.after(0, Fault::Redirect(302, format!("{}/there", stranger.url())));
    let error = server.source(&pace).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Denied { .. }), "{error}");
    let seen = seen.seen();
    assert_eq!(seen[0].target, "GET /there");
    assert!(!seen[0].headers.contains_key("authorization"));
    let agent = seen[0].headers["user-agent"].to_str().unwrap();
    assert!(agent.starts_with("pacioli/"), "{agent}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = super::erpnext::Server::start().await;
    let pace = Arc::new(Moved::default());
    server.faults.always(Fault::Redirect(302, "/again".to_owned()));
    let error = server.source(&pace).discover().await.unwrap_err();
    assert!(error.to_string().contains("in circles"), "{error}");
    assert_eq!(server.faults.requests(), 5);
}

#[tokio::test]
async fn an_address_that_the_operator_does_not_allow_is_not_connected_to() {
    let server = Server::start(19).await;
    let port = server.serving.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "169.254.169.254"] {
        let pace = Arc::new(Moved::default());
        let strict = Reach { addresses: AddressPolicy::default(), ..reach(&pace) };
        let mut settings = settings(&server);
        settings.url = format!("http://{host}:{port}");
        let source = Odoo::new(settings, &SecretString::from(SECRET), &strict).unwrap();
        let error = source.discover().await.unwrap_err();
        let SourceError::Invalid { code, .. } = error else { panic!("{host}: {error}") };
        assert_eq!(code, "address_refused", "{host}");
        assert!(pace.waits().is_empty(), "a refusal is not tried again");
    }
    assert_eq!(server.faults.requests(), 0);
}

#[tokio::test]
async fn a_server_that_repeats_the_secret_does_not_get_it_into_an_error() {
    for status in [400, 401, 403, 404, 500] {
        let said = serde_json::json!({ "message": format!("key {SECRET} is wrong") }).to_string();
        let (error, ..) = failed(Fault::Says(status, said)).await;
        is_clean(&error);
        assert!(error.to_string().contains("key … is wrong"), "{error}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let pace = Arc::new(Moved::default());
    let server = Server::start(19).await;
    let mut settings = settings(&server);
    drop(server);
    settings.url = "http://127.0.0.1:9".to_owned();
    let source = Odoo::new(settings, &SecretString::from(SECRET), &reach(&pace)).unwrap();
    let error = source.discover().await.unwrap_err();
    assert!(error.to_string().contains("could not be connected to"), "{error}");
    assert_eq!(pace.waits().len(), 5);
}

/// Another server, which answers 401 and remembers what it is sent.
async fn stranger() -> (Serving, Faults) {
    let seen = Faults::default();
    let refuse = any(|| async { (axum::http::StatusCode::UNAUTHORIZED, "{}") });
    let router = Router::new()
        .fallback(refuse)
        .layer(middleware::from_fn_with_state(seen.clone(), faults::meet));
    (Serving::start(router).await, seen)
}
