use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use pacioli_sources::{
    SourceError,
    apis::{OData, SapBusinessOneSettings},
    source::Source,
};
use secrecy::SecretString;
use serde_json::json;

use super::{Entities, Kind, Server};
use crate::apis::{
    SECRET, described, faults::Fault, is_clean, load, load_some, only, pace::Moved, reach,
    references, table,
};

const METADATA: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="SAPB1" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="BoYesNoEnum"><Member Name="tNO" Value="0"/><Member Name="tYES" Value="1"/></EnumType>
  <ComplexType Name="DocumentLine">
    <Property Name="LineNum" Type="Edm.Int32"/>
    <Property Name="ItemCode" Type="Edm.String"/>
    <Property Name="LineTotal" Type="Edm.Double"/>
    <Property Name="DocEntry" Type="Edm.Int32"/>
    <Property Name="SerialNumbers" Type="Collection(SAPB1.DocumentLine)"/>
  </ComplexType>
  <ComplexType Name="TaxExtension"><Property Name="TaxId0" Type="Edm.String"/></ComplexType>
  <EntityType Name="Document"><Key><PropertyRef Name="DocEntry"/></Key>
    <Property Name="DocEntry" Type="Edm.Int32" Nullable="false"/>
    <Property Name="DocDate" Type="Edm.DateTimeOffset"/>
    <Property Name="CardCode" Type="Edm.String"/>
    <Property Name="DocTotal" Type="Edm.Double"/>
    <Property Name="Cancelled" Type="SAPB1.BoYesNoEnum"/>
    <Property Name="UpdateDate" Type="Edm.DateTimeOffset"/>
    <Property Name="TaxExtension" Type="SAPB1.TaxExtension"/>
    <Property Name="DocumentLines" Type="Collection(SAPB1.DocumentLine)"/>
    <Property Name="DocumentReferences" Type="Collection(SAPB1.TaxExtension)"/>
  </EntityType>
  <EntityType Name="BusinessPartner"><Key><PropertyRef Name="CardCode"/></Key>
    <Property Name="CardCode" Type="Edm.String" Nullable="false"/>
    <Property Name="CardName" Type="Edm.String"/>
    <Property Name="UpdateDate" Type="Edm.DateTimeOffset"/>
  </EntityType>
  <EntityType Name="Item"><Key><PropertyRef Name="ItemCode"/></Key>
    <Property Name="ItemCode" Type="Edm.String" Nullable="false"/>
    <Property Name="ItemName" Type="Edm.String"/>
  </EntityType>
  <EntityContainer Name="ServiceLayer">
    <EntitySet Name="Invoices" EntityType="SAPB1.Document"/>
    <EntitySet Name="CreditNotes" EntityType="SAPB1.Document"/>
    <EntitySet Name="BusinessPartners" EntityType="SAPB1.BusinessPartner"/>
    <EntitySet Name="Items" EntityType="SAPB1.Item"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

fn entities() -> Entities {
    let line = |document: i64, number: i64| json!({ "LineNum": number, "ItemCode": "A1", "LineTotal": 0.1, "DocEntry": document, "SerialNumbers": [] });
    let invoice = |number: i64| {
        json!({
            "DocEntry": number, "DocDate": "2026-01-31T00:00:00Z", "CardCode": "C'1", "DocTotal": 99.99,
            "Cancelled": "tNO", "UpdateDate": format!("2026-02-{:02}T00:00:00Z", number % 5 + 1),
            "TaxExtension": { "TaxId0": "x" }, "DocumentReferences": [],
            "DocumentLines": (0..number % 3).map(|line_number| line(number, line_number)).collect::<Vec<_>>(),
        })
    };
    let partner = |number: usize| json!({ "CardCode": format!("C'{number:02}"), "CardName": "Norm", "UpdateDate": "2026-02-01T00:00:00Z" });
    let item =
        |number: usize| json!({ "ItemCode": format!("A{number:02}"), "ItemName": "Printer" });
    BTreeMap::from([
        ("Invoices".to_owned(), (1..=47).map(invoice).collect()),
        ("CreditNotes".to_owned(), Vec::new()),
        ("BusinessPartners".to_owned(), (1..=25).map(partner).collect()),
        ("Items".to_owned(), (1..=11).map(item).collect()),
    ])
}

pub async fn start() -> Server {
    Server::start(Kind::ServiceLayer, METADATA, entities()).await
}

fn settings(server: &Server) -> SapBusinessOneSettings {
    serde_json::from_value(json!({
        "url": format!("{}/b1s/v2", server.serving.url()), "company_db": "SBODEMOUS", "user": "manager", "page_rows": 20,
    }))
    .unwrap()
}

fn source(server: &Server, pace: &Arc<Moved>) -> OData {
    OData::sap_business_one(settings(server), &SecretString::from(SECRET), &reach(pace)).unwrap()
}

#[tokio::test]
async fn document_lines_become_a_table_with_a_reference_to_their_document() {
    let server = start().await;
    let tables = source(&server, &Arc::new(Moved::default())).discover().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "BusinessPartners",
            "CreditNotes",
            "CreditNotes/DocumentLines",
            "Invoices",
            "Invoices/DocumentLines",
            "Items"
        ]
    );
    let lines = table(&tables, "Invoices/DocumentLines");
    assert_eq!(
        described(lines),
        [
            "../DocEntry: integer -> doc_entry",
            "../UpdateDate: timestamp -> update_date",
            "#: integer -> position",
            "LineNum: integer -> line_num",
            "ItemCode: text -> item_code",
            "LineTotal: decimal -> line_total",
        ]
    );
    let key: Vec<&str> = lines.primary_key.iter().map(pacioli_model::ColumnName::as_str).collect();
    assert_eq!(key, ["doc_entry", "line_num"]);
    assert_eq!(
        references(lines),
        ["doc_entry -> Invoices(doc_entry)", "item_code -> Items(item_code)"]
    );
    assert_eq!(
        references(table(&tables, "Invoices")),
        ["card_code -> BusinessPartners(card_code)"]
    );
}

#[tokio::test]
async fn documents_and_their_lines_come_once_with_amounts_of_six_digits() {
    let server = start().await;
    let source = source(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let wanted = ["DocEntry", "DocDate", "DocTotal", "Cancelled", "TaxExtension/TaxId0"];
    let loaded = load(&source, &only(table(&tables, "Invoices"), &wanted), None).await.whole();
    assert_eq!(loaded.batches, [20, 20, 7]);
    assert_eq!(loaded.rows[0], ["1", "2026-01-31T00:00:00", "99.990000", "tNO", "x"]);
    let lines = load(&source, table(&tables, "Invoices/DocumentLines"), None).await.whole();
    assert_eq!(lines.rows.len(), (1..=47).map(|number| number % 3).sum::<usize>());
    assert_eq!(lines.rows[2], ["2", "2026-02-03T00:00:00", "2", "1", "A1", "0.100000"]);
}

#[tokio::test]
async fn documents_that_come_and_go_between_pages_are_neither_lost_nor_doubled() {
    let server = start().await;
    let source = source(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    // Page 0 asks for the newest change. Links that count rows would lose number 21.
    server.before_page(2, |entities| {
        entities.get_mut("Invoices").unwrap().remove(3);
        let partners = entities.get_mut("BusinessPartners").unwrap();
        partners.insert(0, json!({ "CardCode": "A", "CardName": "before all", "UpdateDate": "2026-02-09T00:00:00Z" }));
    });
    let loaded = load(&source, table(&tables, "Invoices"), None).await.whole();
    assert_eq!(loaded.keys(), (1..=47).map(|number| number.to_string()).collect::<Vec<_>>());
    let partners = load(&source, table(&tables, "BusinessPartners"), None).await.whole();
    assert_eq!(partners.rows.len(), 26, "keys with quotes are paged too");
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_is_opened_again_and_the_load_goes_on_at_the_same_page() {
    let server = start().await;
    let pace = Arc::new(Moved::default());
    let source = source(&server, &pace);
    let tables = source.discover().await.unwrap();
    server.service.lasts.store(2, Ordering::SeqCst);
    let loaded = load(&source, table(&tables, "Invoices"), None).await.whole();
    assert_eq!(loaded.keys(), (1..=47).map(|number| number.to_string()).collect::<Vec<_>>());
    let logins = server.service.entered.load(Ordering::SeqCst);
    assert!((2..=3).contains(&logins), "{logins}");
    // One that is turned away at once is not opened for ever.
    server.service.lasts.store(0, Ordering::SeqCst);
    let error = load(&source, table(&tables, "Invoices"), None).await.error.unwrap();
    assert!(matches!(error, SourceError::Denied { .. }), "{error}");
    assert_eq!(server.service.entered.load(Ordering::SeqCst), logins + 1);
}

#[tokio::test]
async fn an_incremental_load_looks_a_day_back_and_a_load_that_was_cut_off_goes_on() {
    let server = start().await;
    let source = source(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    for name in ["Invoices", "Invoices/DocumentLines"] {
        let whole = load(&source, table(&tables, name), None).await.whole();
        let next = load(&source, table(&tables, name), whole.last_mark()).await.whole();
        let changed = (1..=47_usize).filter(|number| number % 5 >= 3);
        let expect: usize = if name == "Invoices" {
            changed.count()
        } else {
            changed.map(|number| number % 3).sum()
        };
        assert_eq!(next.rows.len(), expect, "{name}");
        let first = load_some(&source, table(&tables, name), None, 1).await.whole();
        let rest = load(&source, table(&tables, name), first.last_mark()).await.whole();
        assert_eq!([first.rows, rest.rows].concat(), whole.rows);
    }
    let asked = server.faults.seen();
    assert!(asked.iter().any(|seen| seen.target.contains("UpdateDate%20ge%20%272026-02-04%27")));
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_tried_once() {
    let server = start().await;
    let pace = Arc::new(Moved::default());
    let wrong = SecretString::from("wrong-s3cr3t");
    let source = OData::sap_business_one(settings(&server), &wrong, &reach(&pace)).unwrap();
    let error = source.discover().await.unwrap_err();
    is_clean(&error);
    assert!(
        matches!(error, SourceError::Denied { .. }) && error.to_string().contains("Login failed"),
        "{error}"
    );
    assert_eq!(server.faults.requests(), 1);
}

#[tokio::test]
async fn a_login_whose_connection_breaks_is_not_repeated_and_broken_pages_are() {
    let server = start().await;
    let pace = Arc::new(Moved::default());
    server.faults.after(0, Fault::Dropped);
    let error = source(&server, &pace).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert_eq!(server.faults.requests(), 1);
    let source = source(&server, &pace);
    let tables = source.discover().await.unwrap();
    for (number, fault) in
        [Fault::Dropped, Fault::Later(503, None), Fault::Truncated].into_iter().enumerate()
    {
        server.faults.after(2 * number + 1, fault);
    }
    let loaded = load(&source, table(&tables, "Invoices"), None).await.whole();
    assert_eq!((loaded.rows.len(), pace.waits().len()), (47, 3));
}
