//! OData services: Business Central and the SAP Business One Service Layer.

mod business_central;
mod general;
mod server;
mod service_layer;

use std::{sync::Arc, time::Duration};

use pacioli_sources::{
    SourceError,
    apis::{OData, ODataSettings},
    source::Source,
};
use secrecy::SecretString;
use serde_json::json;

pub use server::{COMPANY, Entities, Kind, Server};

use super::{SECRET, faults::Fault, load, pace::Moved, reach, table};

/// The key of each set.
pub fn key(set: &str) -> &'static str {
    match set {
        "Items" => "ItemCode",
        "BusinessPartners" => "CardCode",
        "JournalEntries" => "JdtNum",
        "Invoices" => "DocEntry",
        _ => "id",
    }
}

/// A general source on the Service Layer's server, whose links count rows.
fn general(server: &Server, pace: &Arc<Moved>) -> OData {
    let settings: ODataSettings = serde_json::from_value(json!({
        "url": format!("{}/b1s/v2", server.serving.url()),
        "access": { "kind": "service_layer", "company_db": "SBODEMOUS", "user": "manager" },
        "entity_sets": ["Items"], "page_rows": 4,
    }))
    .unwrap();
    OData::new(settings, &SecretString::from(SECRET), &reach(pace)).unwrap()
}

#[tokio::test]
async fn pages_follow_relative_links() {
    let server = service_layer::start().await;
    let source = general(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let loaded = load(&source, table(&tables, "Items"), None).await.whole();
    assert_eq!(loaded.batches, [4, 4, 3]);
    assert_eq!(loaded.expected, Some(11));
    assert_eq!(loaded.last_mark(), None, "nothing tells changes");
}

#[tokio::test]
async fn links_in_a_circle_and_links_without_end_are_noticed() {
    let server = service_layer::start().await;
    let source = general(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    for link in ["Items?$skip=0", "Items?$skip=1000&x=1"] {
        *server.service.link.lock().unwrap() = Some(link.to_owned());
        let before = server.faults.requests();
        let loaded = load(&source, table(&tables, "Items"), None).await;
        let Some(SourceError::Invalid { code, .. }) = loaded.error else { panic!("{link}") };
        assert_eq!(code, "source_loop", "{link}");
        assert!(server.faults.requests() - before <= 3, "{link}");
    }
}

#[tokio::test]
async fn links_to_another_server_are_not_followed() {
    let server = service_layer::start().await;
    let source = general(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    for link in ["http://169.254.169.254/Items", "//evil.example.com/Items", "file:///etc/passwd"] {
        *server.service.link.lock().unwrap() = Some(link.to_owned());
        let loaded = load(&source, table(&tables, "Items"), None).await;
        let Some(SourceError::Invalid { code, .. }) = loaded.error else { panic!("{link}") };
        assert_eq!(code, "source_link", "{link}");
    }
}

#[tokio::test]
async fn a_service_that_is_none_is_told_so() {
    let server = service_layer::start().await;
    let pace = Arc::new(Moved::default());
    for (fault, expect) in [
        (Fault::Says(200, "<edmx/>".to_owned()), "declares no entity sets"),
        (Fault::Says(200, "{}".to_owned()), "not XML"),
        (Fault::Says(404, "{}".to_owned()), "does not have an OData service"),
        (Fault::Page(200), "web page"),
    ] {
        // The login, then the metadata.
        server.faults.after(1, fault);
        let error = general(&server, &pace).discover().await.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}

#[tokio::test]
async fn memory_is_bounded_by_a_page_and_the_answers_limit() {
    let server = service_layer::start().await;
    let pace = Arc::new(Moved::default());
    let mut reach = reach(&pace);
    reach.limits.answer_bytes = 1500;
    reach.limits.request = Duration::from_secs(5);
    let settings: ODataSettings = serde_json::from_value(json!({
        "url": format!("{}/b1s/v2", server.serving.url()),
        "access": { "kind": "service_layer", "company_db": "SBODEMOUS", "user": "manager" },
        "entity_sets": ["Items"], "page_rows": 1000,
    }))
    .unwrap();
    let source = OData::new(settings, &SecretString::from(SECRET), &reach).unwrap();
    let error = source.discover().await.unwrap_err();
    let SourceError::Invalid { code, .. } = error else { panic!("{error}") };
    assert_eq!(code, "source_answer_size");
}
